//! Limits across workers: calls per second and live calls, per key.
//!
//! # How a rate is kept exactly
//!
//! A key with R calls per second hands out tokens whose theoretical times lie (1 s + [`pace::SLACK`]) / R apart. Every
//! token is used at its theoretical time or up to `SLACK` later: a token met too late is thrown away. So R + 1 tokens
//! never fall into one second, however late each of them is, and the price is 3.4 % of the rate. A token is charged to
//! all keys of a call at once, on one clock, or to none.
//!
//! What counts is when the call is placed, and before that it has to begin in the database, which takes as long as it takes.
//! So a token is handed out [`pace::LEAD`] before its time, and its caller sends at its [`Slot`] or not at all. Where the
//! keys are idle nobody has to wait for that time: what was used last lies an interval back already, so the slot is open
//! at once, and the token is charged at its end.
//!
//! # How live calls are kept exactly
//!
//! Each process is a holder with a count per key and a lease it renews. A place is granted while the counts of all
//! holders with a valid lease leave room. See `ledger_redis` for what happens when Redis forgets.
//!
//! # Seats
//!
//! A limit may have seats for those who pick up. Its live calls are counted like any, and those of them that have a seat once
//! more under a key beside it, by the same holders and heartbeats. So the room there is depends on both counts, and is looked
//! up in the step that grants a place: `busy + ratio × free`. Where the ratio is 1 that is the number of seats, and whoever
//! picks up finds one free. At most one limit of a call has seats.
//!
//! - `desk`: who waits for what, fairly, and for how long.
//! - `ledger_redis` and `ledger_local`: the two sets of books.

mod desk;
mod ledger_local;
mod ledger_redis;
mod pace;
mod permit;

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use ringfleet_core::seats::Ratio;
use ringfleet_telemetry::LIMITER_WAIT;
use tokio::time::{Instant, sleep_until};

pub use self::permit::{Permit, Seat};
use self::{
    desk::{Desk, Ticket},
    ledger_local::LocalLedger,
    ledger_redis::RedisLedger,
    permit::Counted,
};
use crate::link::Link;

/// One limit a call must respect.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// What is limited, e.g. `trunk:<uuid>` or `campaign:<uuid>`.
    pub key: String,
    /// Calls per second, fractions allowed; `None` is no limit, and zero or less lets nothing through.
    pub per_second: Option<f64>,
    /// Calls at the same time; `None` is no limit.
    pub live: Option<u32>,
    /// Calls for the seats that are free; `None` is no limit.
    pub seats: Option<Seats>,
}

/// Seats for those who pick up: see [`ringfleet_core::seats`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seats {
    /// How many there are.
    pub count: u32,
    /// How many calls may be placed and not answered for each that is free.
    pub ratio: Ratio,
    /// No call is ever placed for which none is kept free. So whoever picks up has one, also where the books have forgotten it:
    /// those of a process that could not renew its lease.
    pub one_each: bool,
}

impl Limit {
    /// Whether calls at the same time are counted under its key.
    fn counts(&self) -> bool {
        self.live.is_some() || self.seats.is_some()
    }

    /// How many calls may be live while so many of its seats are taken.
    fn most(&self, busy: u32) -> Option<u32> {
        let for_seats = self.seats.map(|seats| seats.ratio.live(seats.count, busy));
        self.live.into_iter().chain(for_seats).min()
    }

    /// What is short where it has no live place.
    fn shortage(&self) -> Shortage {
        if self.seats.is_some() { Shortage::Seats } else { Shortage::Live }
    }

    /// What the calls that have a seat are counted under.
    fn busy_key(&self) -> String {
        format!("busy:{}", self.key)
    }
}

/// Which limit leaves no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shortage {
    /// Calls per second.
    Rate,
    /// Calls at the same time.
    Live,
    /// Seats for those who pick up.
    Seats,
    /// Nobody can tell, because Redis does not answer.
    Unreachable,
}

/// Whose turn it is when a limit is short of room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rank {
    /// Gets the next room there is, before everybody else in the fleet.
    First,
    /// Waits while somebody is first in line.
    Other,
}

/// What came of asking for room.
#[derive(Debug)]
#[must_use]
pub enum Acquired {
    /// Send in the slot or not at all, and keep the permit as long as the call lives.
    Granted(Permit, Slot),
    /// There is no room within the horizon. Nothing was consumed.
    NoRoom {
        /// Which limit is short of room.
        kind: Shortage,
        /// When to ask again, at the earliest.
        retry_after: Duration,
    },
}

impl Acquired {
    /// In one word, for figures: granted, or what is short.
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Granted(..) => "granted",
            Self::NoRoom { kind: Shortage::Rate, .. } => "rate",
            Self::NoRoom { kind: Shortage::Live, .. } => "live",
            Self::NoRoom { kind: Shortage::Seats, .. } => "seats",
            Self::NoRoom { kind: Shortage::Unreachable, .. } => "unreachable",
        }
    }
}

/// The two sets of books.
enum Ledger {
    Redis(RedisLedger),
    Local(LocalLedger),
}

/// So long after room under a rate was granted nothing is sent any more.
pub const SLOTS_LAST: Duration = pace::LASTS;

/// When a call that was granted room is to be sent: between two moments.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    due: Instant,
    latest: Instant,
}

impl Slot {
    /// Of a place without a token.
    fn in_no_hurry() -> Self {
        let due = Instant::now();
        Self { due, latest: due + pace::NO_HURRY }
    }

    /// Waits until it is open. False when it is over by then, or was before: then the limits hold only if nothing is sent.
    /// Send as soon as this returns.
    pub async fn is_met(self) -> bool {
        sleep_until(self.due).await;
        Instant::now() <= self.latest
    }
}

/// What is asked of the books.
#[derive(Debug, Clone, Copy)]
struct Wish {
    rank: Rank,
    /// How long the first slot stays open where the rates are idle.
    lead: Duration,
    /// How many slots at most.
    count: usize,
}

/// The books' answer.
enum Booking {
    /// At least one slot.
    Granted(Vec<Slot>),
    Refused {
        /// Index of the limit in the way.
        limit: usize,
        kind: Shortage,
        /// When it may leave room.
        retry_after: Duration,
    },
    Unreachable,
}

impl Ledger {
    async fn book(&self, limits: &[Limit], wish: Wish) -> Booking {
        match self {
            Self::Redis(ledger) => ledger.book(limits, wish).await,
            Self::Local(ledger) => ledger.book(limits, wish),
        }
    }

    /// Takes a seat under this key if one of `most` is free, if there is no such number, or if nobody can tell.
    async fn take_seat(&self, key: &str, most: Option<u32>) -> bool {
        match self {
            Self::Redis(ledger) => ledger.take_seat(key, most).await,
            Self::Local(ledger) => ledger.take_seat(key, most),
        }
    }

    fn give_back(&self, keys: &[&str]) {
        match self {
            Self::Redis(ledger) => ledger.give_back(keys),
            Self::Local(ledger) => ledger.give_back(keys),
        }
    }

    /// Resolves when this process gave places back.
    async fn freed(&self) {
        match self {
            Self::Redis(ledger) => ledger.freed().await,
            Self::Local(ledger) => ledger.freed().await,
        }
    }
}

/// Calls per second and live calls, shared by all workers of the fleet. Cheap to clone.
#[derive(Clone)]
pub struct Limits(Arc<Office>);

struct Office {
    books: Arc<Ledger>,
    desks: Mutex<HashMap<String, Arc<Desk>>>,
    turns: desk::Turns,
}

impl Limits {
    pub(crate) fn over_redis(link: Arc<Link>, lease: Duration) -> Self {
        Self::with(Ledger::Redis(RedisLedger::open(link, lease)))
    }

    pub(crate) fn in_process() -> Self {
        Self::with(Ledger::Local(LocalLedger::default()))
    }

    fn with(books: Ledger) -> Self {
        let (books, desks, turns) = (Arc::new(books), Mutex::default(), desk::Turns::default());
        Self(Arc::new(Office { books, desks, turns }))
    }

    /// Waits until every limit has room for one more call, a token of its rate and a live place, or says that there
    /// will be none within `horizon`. A slot of a rate comes soon, not at once: time to begin the call.
    ///
    /// Callers with the same limits are served in order. Limits that limit nothing cost nothing. If Redis cannot be
    /// reached nothing is granted. Cancelling costs a token at most.
    pub async fn acquire(&self, limits: &[Limit], horizon: Duration) -> Acquired {
        self.acquire_as(Rank::Other, limits, pace::LEAD, horizon).await
    }

    /// The same, before everybody who waits by [`Limits::acquire`], in any process: the next room is the caller's. Where several
    /// wait so, somebody else may slip in between two of them.
    ///
    /// `lead` is how long it may take to begin the call. Where the rates are idle the slot is open at once and for so long,
    /// and what comes next has to wait until then.
    pub async fn acquire_first(&self, limits: &[Limit], lead: Duration, horizon: Duration) -> Acquired {
        self.acquire_as(Rank::First, limits, lead.min(pace::LEAD), horizon).await
    }

    async fn acquire_as(&self, rank: Rank, limits: &[Limit], lead: Duration, horizon: Duration) -> Acquired {
        let limits: Vec<Limit> =
            limits.iter().filter(|limit| limit.per_second.is_some() || limit.counts()).cloned().collect();
        if limits.is_empty() {
            return Acquired::Granted(Permit::of_nothing(), Slot::in_no_hurry());
        }
        let asked = Instant::now();
        let acquired = match closed(&limits) {
            Some(kind) => Acquired::NoRoom { kind, retry_after: pace::CLOSED },
            None => {
                let visit = self.visit(limits, rank);
                self.at(&visit.desk, lead, asked + horizon).await
            }
        };
        LIMITER_WAIT.of([acquired.as_str()]).record(asked.elapsed());
        acquired
    }

    /// Goes to the desk of these limits, which stands as long as somebody is there.
    fn visit(&self, limits: Vec<Limit>, rank: Rank) -> Visit<'_> {
        let name = desk::name(&limits, rank);
        let mut desks = self.0.desks.lock();
        let desk = desks.entry(name.clone()).or_insert_with(|| Arc::new(Desk::new(limits, rank))).clone();
        Visit { office: &self.0, name, desk }
    }

    async fn at(&self, desk: &Desk, lead: Duration, deadline: Instant) -> Acquired {
        loop {
            match desk.ticket(&self.0.books, &self.0.turns, lead, deadline).await {
                // An answer too slow to be used loses the token, and the limit stays whole.
                Ok(Ticket { slot, .. }) if slot.latest < Instant::now() => {}
                Ok(Ticket { slot, permit }) => return Acquired::Granted(permit, slot),
                Err((kind, retry_after)) => return Acquired::NoRoom { kind, retry_after },
            }
        }
    }
}

/// A caller at a desk. The last one to leave, served or not, takes the desk away.
struct Visit<'a> {
    office: &'a Office,
    name: String,
    desk: Arc<Desk>,
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        let mut desks = self.office.desks.lock();
        // Ours and the map's. Others get theirs under the same lock.
        if Arc::strong_count(&self.desk) <= 2 {
            desks.remove(&self.name);
        }
    }
}

/// Whether a limit lets nothing through at all.
fn closed(limits: &[Limit]) -> Option<Shortage> {
    limits.iter().find_map(|limit| {
        let shut = limit.per_second.is_some_and(|rate| rate.is_nan() || rate <= 0.0);
        let full = limit.live == Some(0);
        shut.then_some(Shortage::Rate).or(full.then_some(Shortage::Live))
    })
}
