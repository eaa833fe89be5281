//! Where callers with the same limits wait: in order, asking the books for all of them at once.

use std::{
    collections::{HashMap, VecDeque},
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    sync::{Mutex as Queue, OwnedMutexGuard},
    time::{Instant, sleep_until, timeout, timeout_at},
};

use super::{Booking, Counted, Ledger, Limit, Permit, Rank, Shortage, Slot, Wish, pace};

/// How often a full limit is looked at for places other processes gave back: at first, and at last.
const LOOK: Duration = Duration::from_millis(25);
const LOOK_LAST: Duration = Duration::from_millis(200);
/// The least time the books have to answer, whatever the horizon.
const PATIENCE: Duration = Duration::from_millis(250);
/// When to ask again when the answer is not known.
const RETRY: Duration = Duration::from_millis(500);

/// A token and a place for one caller.
pub(super) struct Ticket {
    pub(super) slot: Slot,
    pub(super) permit: Permit,
}

/// Why there is no ticket, and when to ask again.
type NoTicket = (Shortage, Duration);

/// One desk: a set of limits and those who wait for room in all of them.
pub(super) struct Desk {
    limits: Vec<Limit>,
    rank: Rank,
    counted: Arc<Counted>,
    /// Between two tokens, zero without a rate.
    interval: Duration,
    waiting: AtomicUsize,
    /// Held by the one who asks the books; the others queue for it, in order.
    front: Queue<()>,
    /// Tickets booked for those behind.
    stock: Mutex<VecDeque<Ticket>>,
    /// What the last refusal said, for those who give up while they queue.
    refused: Mutex<Option<Shortage>>,
}

/// Names a set of limits, values included: a changed limit is a new desk. Who goes first has a desk of its own.
pub(super) fn name(limits: &[Limit], rank: Rank) -> String {
    let mut name = format!("{rank:?}:");
    for limit in limits {
        // Writing to a string cannot fail.
        let _ = write!(name, "{}={:?}/{:?}/{:?};", limit.key, limit.per_second, limit.live, limit.seats);
    }
    name
}

/// One turn per limited key: of all desks a key is in the way of, one polls the books, the others queue. Without it a
/// full trunk with a hundred campaigns would be asked a hundred times per token.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<String, Arc<Queue<()>>>>);

impl Turns {
    async fn take(&self, key: &str, deadline: Instant) -> Option<OwnedMutexGuard<()>> {
        let turn = {
            let mut turns = self.0.lock();
            if turns.len() > 256 {
                turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            }
            turns.entry(key.to_owned()).or_default().clone()
        };
        timeout_at(deadline, turn.lock_owned()).await.ok()
    }
}

/// Counts a caller in for as long as it waits, and throws away tickets for which nobody waits any more.
struct Waiting<'a>(&'a Desk);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let others = self.0.waiting.fetch_sub(1, Ordering::SeqCst) - 1;
        let spare: Vec<Ticket> = {
            let mut stock = self.0.stock.lock();
            let keep = stock.len().min(others);
            stock.drain(keep..).collect()
        };
        drop(spare);
    }
}

impl Desk {
    pub(super) fn new(limits: Vec<Limit>, rank: Rank) -> Self {
        Self {
            rank,
            counted: Arc::new(Counted::by(&limits)),
            interval: pace::slowest(&limits),
            limits,
            waiting: AtomicUsize::new(0),
            front: Queue::new(()),
            stock: Mutex::default(),
            refused: Mutex::default(),
        }
    }

    /// Waits for a ticket until `deadline`, or less when it is clear that none will come.
    pub(super) async fn ticket(
        &self,
        books: &Arc<Ledger>,
        turns: &Turns,
        lead: Duration,
        deadline: Instant,
    ) -> Result<Ticket, NoTicket> {
        let ahead = self.waiting.fetch_add(1, Ordering::SeqCst) as u32;
        let _waiting = Waiting(self);
        let queue = self.interval.saturating_mul(ahead);
        if !queue.is_zero() && Instant::now() + queue > deadline {
            return Err((Shortage::Rate, queue));
        }
        let Ok(_front) = timeout_at(deadline, self.front.lock()).await else {
            let kind = *self.refused.lock();
            return Err((kind.unwrap_or(Shortage::Rate), RETRY));
        };
        if let Some(ticket) = self.stocked() {
            return Ok(ticket);
        }
        self.booked(books, turns, lead, deadline).await
    }

    fn stocked(&self) -> Option<Ticket> {
        let mut late = Vec::new();
        let mut stock = self.stock.lock();
        let now = Instant::now();
        while let Some(ticket) = stock.pop_front() {
            if ticket.slot.latest >= now {
                return Some(ticket);
            }
            late.push(ticket);
        }
        None
    }

    async fn booked(
        &self,
        books: &Arc<Ledger>,
        turns: &Turns,
        lead: Duration,
        deadline: Instant,
    ) -> Result<Ticket, NoTicket> {
        let mut turn: Option<(usize, OwnedMutexGuard<()>)> = None;
        let mut look = LOOK;
        loop {
            let (limit, kind, retry_after) = match self.ask(books, lead, deadline).await {
                Booking::Granted(slots) => match self.share_out(books, slots) {
                    Some(ticket) => return Ok(ticket),
                    None => continue,
                },
                Booking::Refused { limit, kind, retry_after } => (Some(limit), kind, retry_after),
                Booking::Unreachable => (None, Shortage::Unreachable, RETRY),
            };
            *self.refused.lock() = Some(kind);
            let now = Instant::now();
            if now >= deadline || (kind == Shortage::Rate && now + retry_after > deadline) {
                return Err((kind, retry_after));
            }
            let queues = |limit: &usize| turn.as_ref().is_none_or(|(held, _)| held != limit);
            // Who is first in line does not queue behind the others.
            if let Some(limit) = limit.filter(|limit| self.rank == Rank::Other && queues(limit)) {
                // One turn at a time: two desks must not wait for each other's.
                drop(turn.take());
                let key = &self.limits[limit].key;
                turn = Some((limit, turns.take(key, deadline).await.ok_or((kind, retry_after))?));
            }
            let pause = if is_given_back(kind) { look.min(retry_after) } else { retry_after };
            look = (look * 2).min(LOOK_LAST);
            // Time spent queueing for the turn counts.
            wait(books, kind, (now + pause).min(deadline)).await;
        }
    }

    async fn ask(&self, books: &Arc<Ledger>, lead: Duration, deadline: Instant) -> Booking {
        let count = self.waiting.load(Ordering::SeqCst).clamp(1, pace::batch(self.interval));
        let patience = deadline.saturating_duration_since(Instant::now()).max(PATIENCE);
        let wish = Wish { rank: self.rank, lead, count };
        timeout(patience, books.book(&self.limits, wish)).await.unwrap_or(Booking::Unreachable)
    }

    /// Keeps the first ticket for the one who asked and stocks the rest for those behind.
    fn share_out(&self, books: &Arc<Ledger>, slots: Vec<Slot>) -> Option<Ticket> {
        let mut tickets: VecDeque<Ticket> =
            slots.into_iter().map(|slot| Ticket { slot, permit: Permit::of(books, &self.counted) }).collect();
        let own = tickets.pop_front();
        let mut stock = self.stock.lock();
        stock.extend(tickets);
        // Those behind may have left while the books were asked.
        let others = self.waiting.load(Ordering::SeqCst).saturating_sub(1);
        let keep = stock.len().min(others);
        let spare: Vec<Ticket> = stock.drain(keep..).collect();
        drop(stock);
        drop(spare);
        own
    }
}

/// Whether it is calls that end which make room.
fn is_given_back(kind: Shortage) -> bool {
    matches!(kind, Shortage::Live | Shortage::Seats)
}

async fn wait(books: &Ledger, kind: Shortage, until: Instant) {
    if is_given_back(kind) {
        let _ = timeout_at(until, books.freed()).await;
    } else {
        sleep_until(until).await;
    }
}
