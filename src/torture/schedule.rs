//! What goes wrong, and when: all of it follows from the seed.

use std::{fmt, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use ringfleet_core::trunk::Limits;

/// Something that goes wrong, or that an operator does in mid-flight. Numbers pick one of several, counted in a circle.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    KillWorker { nth: usize, away: Duration },
    KillScheduler { nth: usize, away: Duration },
    KillApi { nth: usize, away: Duration },
    FlushRedis,
    RestartRedis { away: Duration },
    RestartPostgres { crash: bool, away: Duration },
    FreezePostgres { stays: Duration },
    JumpClock { role: &'static str, nth: usize, millis: i64, stays: Duration },
    Pause { nth: usize, stays: Duration },
    Cancel { nth: usize },
    Change { nth: usize, limits: Limits, attempts: u32, stays: Duration },
    HangUp { nth: usize, stays: Duration },
    Suppress { seed: u64, count: usize },
}

/// A fault and when it comes, counted from the beginning.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    pub at: Duration,
    pub fault: Fault,
}

/// Faults are dealt like cards, so that even a short run meets many kinds, and a long one meets all.
const DECK: [fn(&mut StdRng) -> Fault; 21] = [
    kill_worker,
    kill_worker,
    kill_worker,
    kill_scheduler,
    kill_scheduler,
    kill_api,
    flush_redis,
    restart_redis,
    restart_postgres,
    freeze_postgres,
    jump_clock,
    jump_clock,
    pause,
    pause,
    pause,
    cancel,
    change,
    change,
    hang_up,
    suppress,
    suppress,
];

/// The faults of a run of this length, the earliest first.
pub fn schedule(seed: u64, length: Duration) -> Vec<Planned> {
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut planned, mut deck) = (Vec::new(), Vec::new());
    let mut at = millis(&mut rng, 2_000..4_000); // the first calls ring
    while at < length {
        let deal = deck.pop().unwrap_or_else(|| {
            deck = DECK.to_vec();
            deck.shuffle(&mut rng);
            kill_worker // the deck has been dealt once more
        });
        planned.push(Planned { at, fault: deal(&mut rng) });
        at += millis(&mut rng, 1_000..5_500);
    }
    planned
}

fn millis(rng: &mut StdRng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(rng.random_range(range))
}

fn kill_worker(rng: &mut StdRng) -> Fault {
    Fault::KillWorker { nth: rng.random_range(0..100), away: millis(rng, 100..8_000) }
}

fn kill_scheduler(rng: &mut StdRng) -> Fault {
    Fault::KillScheduler { nth: rng.random_range(0..100), away: millis(rng, 100..8_000) }
}

fn kill_api(rng: &mut StdRng) -> Fault {
    Fault::KillApi { nth: rng.random_range(0..100), away: millis(rng, 100..4_000) }
}

fn flush_redis(_: &mut StdRng) -> Fault {
    Fault::FlushRedis
}

fn restart_redis(rng: &mut StdRng) -> Fault {
    Fault::RestartRedis { away: millis(rng, 0..6_000) }
}

fn restart_postgres(rng: &mut StdRng) -> Fault {
    Fault::RestartPostgres { crash: rng.random_bool(0.5), away: millis(rng, 0..4_000) }
}

fn freeze_postgres(_: &mut StdRng) -> Fault {
    Fault::FreezePostgres { stays: Duration::from_secs(5) }
}

/// Some seconds up to a minute, forward or back; and back to the truth, which is a jump as well.
fn jump_clock(rng: &mut StdRng) -> Fault {
    let role = ["worker", "scheduler", "api"][[0, 0, 0, 1, 1, 2][rng.random_range(0..6)]];
    let by = rng.random_range(2_000..60_000);
    let millis_off = if rng.random_bool(0.5) { by } else { -by };
    Fault::JumpClock {
        role,
        nth: rng.random_range(0..100),
        millis: millis_off,
        stays: millis(rng, 1_000..10_000),
    }
}

fn pause(rng: &mut StdRng) -> Fault {
    Fault::Pause { nth: rng.random_range(0..100), stays: millis(rng, 500..5_000) }
}

fn cancel(rng: &mut StdRng) -> Fault {
    Fault::Cancel { nth: rng.random_range(0..100) }
}

fn change(rng: &mut StdRng) -> Fault {
    let limits = Limits {
        calls_per_second: Some(f64::from(rng.random_range(2..12))),
        max_live_calls: rng.random_bool(0.7).then(|| rng.random_range(1..8)),
    };
    let (nth, attempts) = (rng.random_range(0..100), rng.random_range(1..5));
    Fault::Change { nth, limits, attempts, stays: millis(rng, 200..2_000) }
}

fn hang_up(rng: &mut StdRng) -> Fault {
    Fault::HangUp { nth: rng.random_range(0..100), stays: millis(rng, 500..5_000) }
}

fn suppress(rng: &mut StdRng) -> Fault {
    Fault::Suppress { seed: rng.random(), count: rng.random_range(5..30) }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillWorker { away, .. } => write!(f, "kill -9 of a worker, back after {away:?}"),
            Self::KillScheduler { away, .. } => write!(f, "kill -9 of a scheduler, back after {away:?}"),
            Self::KillApi { away, .. } => write!(f, "kill -9 of an api, back after {away:?}"),
            Self::FlushRedis => write!(f, "FLUSHALL"),
            Self::RestartRedis { away } => write!(f, "kill -9 of Redis, back after {away:?}"),
            Self::RestartPostgres { crash, away } => {
                let how = if *crash { "PostgreSQL crashes" } else { "PostgreSQL is stopped" };
                write!(f, "{how}, back after {away:?}")
            }
            Self::FreezePostgres { stays } => write!(f, "PostgreSQL stands still for {stays:?}"),
            Self::JumpClock { role, millis, stays, .. } => {
                write!(f, "the clock of one {role} is off by {millis} ms for {stays:?}")
            }
            Self::Pause { stays, .. } => write!(f, "pause of a campaign for {stays:?}"),
            Self::Cancel { .. } => write!(f, "cancel of a campaign"),
            Self::Change { limits: Limits { calls_per_second, max_live_calls }, attempts, .. } => {
                let rate = calls_per_second.unwrap_or_default();
                let live = max_live_calls.map_or_else(|| "any number of".into(), |n| n.to_string());
                write!(f, "change of a campaign to {rate} calls/s, {live} live calls, {attempts} attempts")
            }
            Self::HangUp { .. } => write!(f, "hang-up and cancel of a campaign"),
            Self::Suppress { count, .. } => write!(f, "suppression of {count} numbers"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, mem::discriminant};

    use super::*;

    #[test]
    fn the_seed_decides_everything() {
        let minutes = Duration::from_secs(120);
        assert_eq!(schedule(7, minutes), schedule(7, minutes));
        assert_ne!(schedule(7, minutes), schedule(8, minutes));
    }

    #[test]
    fn two_minutes_meet_every_kind_of_fault_in_order() {
        for seed in 0..50 {
            let planned = schedule(seed, Duration::from_secs(120));
            let kinds: HashSet<_> = planned.iter().map(|planned| discriminant(&planned.fault)).collect();
            assert_eq!(kinds.len(), 13, "seed {seed}: {planned:?}");
            assert!(planned.is_sorted_by_key(|planned| planned.at));
            assert!(planned.last().unwrap().at < Duration::from_secs(120));
        }
    }

    #[test]
    fn a_longer_run_begins_like_a_shorter_one() {
        let (short, long) = (schedule(3, Duration::from_secs(30)), schedule(3, Duration::from_secs(90)));
        assert_eq!(long[..short.len()], short);
        assert!(short.len() >= 5, "{short:?}");
    }
}
