//! What a call holds as long as it lives: its live places, and the seat of whoever picked up.

use std::{fmt, sync::Arc};

use parking_lot::Mutex;

use super::{Ledger, Limit};

/// The live places of one call, and the seat of whoever picked up. Dropping it gives them back.
#[must_use = "dropping a permit gives its places back"]
pub struct Permit(Option<Places>);

struct Places {
    books: Arc<Ledger>,
    of: Arc<Counted>,
    /// The seat that was taken.
    seat: Mutex<Option<String>>,
}

/// What a call with certain limits is counted under.
pub(super) struct Counted {
    keys: Vec<String>,
    seats: Option<Limit>,
}

impl Counted {
    pub(super) fn by(limits: &[Limit]) -> Self {
        Self {
            keys: limits.iter().filter(|limit| limit.counts()).map(|limit| limit.key.clone()).collect(),
            seats: limits.iter().find(|limit| limit.seats.is_some()).cloned(),
        }
    }
}

/// What there is for somebody who picks up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// No limit of this call has seats.
    NotNeeded,
    /// One is taken, as long as the permit is held.
    Taken,
    /// None is free.
    None,
}

impl Permit {
    /// Of a call that nothing limits.
    pub(super) const fn of_nothing() -> Self {
        Self(None)
    }

    pub(super) fn of(books: &Arc<Ledger>, of: &Arc<Counted>) -> Self {
        let places = || Places { books: books.clone(), of: of.clone(), seat: Mutex::default() };
        Self((!of.keys.is_empty()).then(places))
    }

    /// Somebody picked up: takes a seat if one is free, or was kept free for this call. Costs nothing where no limit has seats. While nobody
    /// can tell, the seat is taken: hanging up on somebody who may well have one would be the worse mistake.
    pub async fn take_seat(&self) -> Seat {
        let Some(places) = &self.0 else { return Seat::NotNeeded };
        let Some((limit, seats)) = places.of.seats.as_ref().and_then(|limit| Some((limit, limit.seats?)))
        else {
            return Seat::NotNeeded;
        };
        if places.seat.lock().is_some() {
            return Seat::Taken;
        }
        let key = limit.busy_key();
        let most = (!seats.one_each).then_some(seats.count);
        if !places.books.take_seat(&key, most).await {
            return Seat::None;
        }
        *places.seat.lock() = Some(key);
        Seat::Taken
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(places) = self.0.take() {
            let seat = places.seat.into_inner();
            // Together, or for a moment more seats would seem to be taken than calls are live.
            let keys: Vec<&str> = places.of.keys.iter().map(String::as_str).chain(seat.as_deref()).collect();
            places.books.give_back(&keys);
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&self.0.as_ref().map(|places| &places.of.keys)).finish()
    }
}
