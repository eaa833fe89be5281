//! The one place that reads the real clock.

use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};

/// Tells the time. Passed in by whoever starts a role, so that tests can move it.
pub trait Clock: Send + Sync + Debug {
    /// The present moment, UTC, whole milliseconds (what both databases keep exactly).
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // the one place that may
    fn now(&self) -> DateTime<Utc> {
        whole_millis(Utc::now().timestamp_millis())
    }
}

/// The machine's clock, wrong by as much as it is told to be. Lets a test show what a process does whose clock jumps.
#[derive(Debug, Clone, Default)]
pub struct ShiftedClock(Arc<AtomicI64>);

impl ShiftedClock {
    /// From now on it is ahead by so many milliseconds, or behind where they are negative.
    pub fn shift_to(&self, millis: i64) {
        self.0.store(millis, Ordering::SeqCst);
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> DateTime<Utc> {
        let shift = chrono::TimeDelta::try_milliseconds(self.0.load(Ordering::SeqCst)).unwrap_or_default();
        let now = SystemClock.now();
        now.checked_add_signed(shift).unwrap_or(now)
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock standing at `start`.
    pub fn new(start: DateTime<Utc>) -> Self {
        Self(Arc::new(AtomicI64::new(start.timestamp_millis())))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        whole_millis(self.0.load(Ordering::SeqCst))
    }
}

fn whole_millis(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::UNIX_EPOCH)
}

/// How every moment is written for a customer: RFC 3339, UTC, always with milliseconds.
pub fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// Measures elapsed time; never goes backwards. For durations and figures, not for rules.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[allow(clippy::disallowed_methods)] // the one place that may
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// Time from its start to the start of `other`, in the same process; nothing when that was before.
    pub fn until(&self, other: &Self) -> Duration {
        other.0.saturating_duration_since(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_stopwatches_tell_what_lies_between_their_starts() {
        let first = Stopwatch::start();
        std::thread::sleep(Duration::from_millis(2));
        let second = Stopwatch::start();
        let between = first.until(&second);
        assert!(between >= Duration::from_millis(2) && between <= first.elapsed(), "{between:?}");
        assert_eq!((second.until(&first), first.until(&first)), (Duration::ZERO, Duration::ZERO));
    }

    #[test]
    fn a_shifted_clock_jumps_both_ways_and_stands_right_again() {
        let clock = ShiftedClock::default();
        let ahead = || (clock.now() - SystemClock.now()).num_seconds();
        for (millis, seconds) in [(0, 0), (60_500, 60), (-60_500, -60), (0, 0)] {
            clock.shift_to(millis);
            assert!((ahead() - seconds).abs() <= 1, "{millis} ms: {} s", ahead());
        }
        clock.shift_to(i64::MAX); // nonsense shifts nothing
        assert!(ahead().abs() <= 1);
    }
}
