//! The books of a single process: governor for the rates, counters for live calls.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{NotKeyed, StateStore},
};
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use super::{Booking, Limit, Rank, Shortage, Slot, Wish, pace};

/// Cells of governor per call. More than one, so that the lateness a limit forgives can be less than a whole call.
const CELLS: u32 = 32;
/// When to look again at a limit that is full; a place given back is told at once.
const LOOK: Duration = Duration::from_millis(500);
/// When to look again at a limit where somebody else is first in line.
const BEHIND: Duration = Duration::from_millis(25);
const LONGEST_MARK: Duration = Duration::from_secs(5);
const MARK_SLACK: Duration = Duration::from_millis(300);
/// Rates not asked for in this time are forgotten once there are many.
const IDLE: Duration = Duration::from_secs(60);
const MANY: usize = 1_024;

type Pacer = RateLimiter<NotKeyed, Kept, Moment, NoOpMiddleware<Nanos>>;

/// The moment that governor is asked about: tokens are booked for some time ahead. Since the books were opened.
#[derive(Clone, Default)]
struct Moment(Arc<AtomicU64>);

impl Moment {
    fn set(&self, at: Duration) {
        self.0.store(at.as_nanos() as u64, Ordering::SeqCst);
    }
}

impl Clock for Moment {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(self.0.load(Ordering::SeqCst))
    }
}

/// The state of one rate, kept where a refusal by another limit can put it back.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Option<Nanos>>>);

impl StateStore for Kept {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut state = self.0.lock();
        let (outcome, next) = decide(*state)?;
        *state = Some(next);
        Ok(outcome)
    }
}

struct Rate {
    per_second: f64,
    pacer: Pacer,
    moment: Moment,
    state: Kept,
    asked: Instant,
}

impl Rate {
    fn new(per_second: f64) -> Self {
        let cell = (pace::interval(per_second) / CELLS).max(Duration::from_nanos(1));
        let forgiven = (pace::CREDIT.as_nanos() / cell.as_nanos()) as u32;
        let burst = NonZeroU32::new(CELLS.saturating_add(forgiven)).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(cell).unwrap_or(Quota::per_second(NonZeroU32::MIN)).allow_burst(burst);
        let (state, moment) = (Kept::default(), Moment::default());
        let pacer = RateLimiter::new(quota, state.clone(), moment.clone());
        Self { per_second, pacer, moment, state, asked: Instant::now() }
    }

    /// The time of its next token, if it is not idle.
    fn next(&self) -> Option<Duration> {
        self.state.0.lock().map(Duration::from)
    }

    /// Goes on from where it was by its old rate, with an interval of the new one.
    fn change(&mut self, per_second: f64) {
        let last = self.next().map(|next| next.saturating_sub(pace::interval(self.per_second)));
        *self = Self::new(per_second);
        *self.state.0.lock() = last.map(|last| Nanos::from(last + pace::interval(per_second)));
    }

    /// Takes a token for that moment, or says how much later there is one.
    fn take(&self, at: Duration) -> Result<(), Duration> {
        self.moment.set(at);
        let call = NonZeroU32::new(CELLS).unwrap_or(NonZeroU32::MIN);
        match self.pacer.check_n(call) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(not_until)) => Err(not_until.wait_time_from(self.moment.now())),
            // A call is never more than the burst, which is at least a call's cells.
            Err(_) => Err(LOOK),
        }
    }
}

struct Books {
    opened: Instant,
    rates: HashMap<String, Rate>,
    live: HashMap<String, u32>,
    /// Limits that had no room for somebody who is first in line, and until when nobody else gets any there.
    marks: HashMap<String, Instant>,
}

impl Default for Books {
    fn default() -> Self {
        let (rates, live, marks) = Default::default();
        Self { opened: Instant::now(), rates, live, marks }
    }
}

/// The books of a process.
#[derive(Default)]
pub(super) struct LocalLedger {
    books: Mutex<Books>,
    freed: Notify,
}

impl LocalLedger {
    /// Takes one token and one place in every limit, or nothing at all.
    pub(super) fn book(&self, limits: &[Limit], wish: Wish) -> Booking {
        let mut books = self.books.lock();
        let booking = match wish.rank {
            Rank::First => books.take(limits, wish.lead),
            Rank::Other => books.marked(limits).unwrap_or_else(|| books.take(limits, wish.lead)),
        };
        if wish.rank == Rank::First {
            books.mark(limits, &booking);
        }
        booking
    }

    /// Takes a seat if one of `most` is free, or if there is no such number.
    pub(super) fn take_seat(&self, key: &str, most: Option<u32>) -> bool {
        let mut books = self.books.lock();
        let is_free = most.is_none_or(|most| books.count(key) < most);
        if is_free {
            *books.live.entry(key.to_owned()).or_default() += 1;
        }
        is_free
    }

    pub(super) fn give_back(&self, keys: &[&str]) {
        let mut books = self.books.lock();
        for key in keys {
            if let Some(count) = books.live.get_mut(*key) {
                *count -= 1;
                if *count == 0 {
                    books.live.remove(*key);
                }
            }
        }
        drop(books);
        self.freed.notify_waiters();
    }

    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }
}

impl Books {
    fn take(&mut self, limits: &[Limit], lead: Duration) -> Booking {
        if let Some((limit, kind)) = self.full(limits) {
            return Booking::Refused { limit, kind, retry_after: LOOK };
        }
        let slot = match self.take_tokens(limits, lead) {
            Ok(slot) => slot,
            Err((limit, retry_after)) => {
                return Booking::Refused { limit, kind: Shortage::Rate, retry_after };
            }
        };
        for limit in limits.iter().filter(|limit| limit.counts()) {
            *self.live.entry(limit.key.clone()).or_default() += 1;
        }
        Booking::Granted(vec![slot])
    }

    /// Refuses where somebody else is first in line.
    fn marked(&mut self, limits: &[Limit]) -> Option<Booking> {
        let now = Instant::now();
        self.marks.retain(|_, until| *until > now);
        let limit = limits.iter().position(|limit| self.marks.contains_key(&limit.key))?;
        let kind = if limits[limit].counts() { limits[limit].shortage() } else { Shortage::Rate };
        Some(Booking::Refused { limit, kind, retry_after: BEHIND })
    }

    /// Marks the limit that has no room for who is first in line, until it asks again and a little longer; or takes its
    /// marks away.
    fn mark(&mut self, limits: &[Limit], booking: &Booking) {
        if let Booking::Refused { limit, retry_after, .. } = booking {
            let until = Instant::now() + (*retry_after).min(LONGEST_MARK) + MARK_SLACK;
            self.marks.insert(limits[*limit].key.clone(), until);
        } else {
            self.marks.retain(|key, _| limits.iter().all(|limit| limit.key != *key));
        }
    }

    fn count(&self, key: &str) -> u32 {
        self.live.get(key).copied().unwrap_or_default()
    }

    /// The first limit without a live place.
    fn full(&self, limits: &[Limit]) -> Option<(usize, Shortage)> {
        let is_full = |limit: &Limit| {
            let busy = limit.seats.map_or(0, |_| self.count(&limit.busy_key()));
            limit.most(busy).is_some_and(|most| self.count(&limit.key) >= most)
        };
        let (index, limit) = limits.iter().enumerate().find(|(_, limit)| is_full(limit))?;
        Some((index, limit.shortage()))
    }

    /// A token of every rate for the first moment that suits all of them, at least `lead` from now. The slot is open from where an
    /// interval of each has passed.
    fn take_tokens(&mut self, limits: &[Limit], lead: Duration) -> Result<Slot, (usize, Duration)> {
        if limits.iter().all(|limit| limit.per_second.is_none()) {
            return Ok(Slot::in_no_hurry());
        }
        let now = self.opened.elapsed();
        let open = self.open(limits).max(now);
        let at = open.clamp(now + lead, now + pace::LEAD.max(lead));
        let mut taken: Vec<(Kept, Option<Nanos>)> = Vec::new();
        for (index, limit) in limits.iter().enumerate() {
            let Some(per_second) = limit.per_second else { continue };
            let rate = self.rate(&limit.key, per_second);
            let before = *rate.state.0.lock();
            match rate.take(at) {
                Ok(()) => taken.push((rate.state.clone(), before)),
                Err(retry_after) => {
                    // Whoever asks for several tokens and misses one keeps none. We hold the books, so nobody saw them.
                    for (state, before) in taken {
                        *state.0.lock() = before;
                    }
                    return Err((index, retry_after));
                }
            }
        }
        Ok(Slot { due: self.opened + open, latest: self.opened + at + pace::LATE })
    }

    /// From when on a call keeps all rates.
    fn open(&mut self, limits: &[Limit]) -> Duration {
        let rates = limits.iter().filter_map(|limit| Some((&limit.key, limit.per_second?)));
        let next = rates.filter_map(|(key, per_second)| self.rate(key, per_second).next()).max();
        next.map_or(Duration::ZERO, |next| next.saturating_sub(pace::CREDIT))
    }

    fn rate(&mut self, key: &str, per_second: f64) -> &Rate {
        if self.rates.len() > MANY {
            self.rates.retain(|_, rate| rate.asked.elapsed() < IDLE);
        }
        let rate = self.rates.entry(key.to_owned()).or_insert_with(|| Rate::new(per_second));
        rate.asked = Instant::now();
        if (rate.per_second - per_second).abs() > f64::EPSILON {
            rate.change(per_second);
        }
        rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(key: &str, per_second: f64) -> Limit {
        Limit { key: key.to_owned(), per_second: Some(per_second), live: None, seats: None }
    }

    const WISH: Wish = Wish { rank: Rank::Other, lead: pace::LEAD, count: 1 };

    fn granted(ledger: &LocalLedger, limits: &[Limit]) -> bool {
        matches!(ledger.book(limits, WISH), Booking::Granted(_))
    }

    #[test]
    fn governor_spaces_calls_without_a_burst_and_knows_fractions() {
        let ledger = LocalLedger::default();
        let slow = [limit("slow", 0.5)];
        assert!(granted(&ledger, &slow));
        match ledger.book(&slow, WISH) {
            Booking::Refused { limit: 0, kind: Shortage::Rate, retry_after } => {
                assert!(
                    retry_after > Duration::from_millis(1_900) && retry_after < Duration::from_millis(2_071)
                );
            }
            _ => panic!("a second call within two seconds was let through"),
        }
    }

    #[test]
    fn a_refusal_by_one_limit_takes_nothing_from_another() {
        let ledger = LocalLedger::default();
        let (trunk, campaign) = (limit("trunk", 0.5), limit("campaign", 0.5));
        assert!(granted(&ledger, std::slice::from_ref(&campaign)));
        assert!(!granted(&ledger, &[trunk.clone(), campaign]));
        assert!(granted(&ledger, &[trunk]));
    }

    #[test]
    fn a_changed_rate_holds_from_the_next_call_on() {
        let ledger = LocalLedger::default();
        assert!(granted(&ledger, &[limit("trunk", 0.01)]));
        match ledger.book(&[limit("trunk", 10.0)], WISH) {
            Booking::Refused { retry_after, .. } => assert!(retry_after < Duration::from_millis(103)),
            _ => panic!("a change of rate gave a call away"),
        }
    }
}
