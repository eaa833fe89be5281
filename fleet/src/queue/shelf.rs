//! What one consumer has fetched: entries that wait for a free hand, and entries in a hand.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, Semaphore},
    time::timeout,
};

use crate::{Job, Lane};

/// How often a full process looks whether a place has become free.
pub(super) const LOOK_FOR_PLACES: Duration = Duration::from_millis(10);

/// An entry of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The stream's id of it, `milliseconds-sequence`.
    pub(crate) id: String,
    pub(crate) job: Job,
}

/// The shelf of one consumer, one board per lane, earlier lanes first.
pub(crate) struct Shelf {
    prefetch: usize,
    /// No more entries wait here, of all lanes, than places are free.
    places: Option<Arc<Semaphore>>,
    boards: Mutex<Boards>,
    /// The worker that waits for an entry.
    taker: AtomicWaker,
    /// Told when an entry was taken.
    taken: Notify,
}

struct Boards {
    closed: bool,
    lanes: Vec<Board>,
}

struct Board {
    lane: Lane,
    waiting: VecDeque<Entry>,
    /// Ids of all that is ours, waiting or in hand: what the lease must be renewed for.
    held: HashSet<String>,
}

impl Shelf {
    /// `prefetch` is how many entries of each lane may wait here.
    pub(crate) fn new(lanes: &[Lane], prefetch: usize, places: Option<Arc<Semaphore>>) -> Self {
        let board = |lane: &Lane| Board { lane: *lane, waiting: VecDeque::new(), held: HashSet::new() };
        Self {
            prefetch,
            places,
            boards: Mutex::new(Boards { closed: false, lanes: lanes.iter().map(board).collect() }),
            taker: AtomicWaker::new(),
            taken: Notify::new(),
        }
    }

    /// Puts entries up and wakes the worker. Returns them when the shelf is closed. What is here already is dropped.
    pub(crate) fn put(&self, lane: Lane, entries: Vec<Entry>) -> Vec<Entry> {
        {
            let mut boards = self.boards.lock();
            if boards.closed {
                return entries;
            }
            let Some(board) = boards.board(lane) else { return entries };
            for entry in entries {
                if board.held.insert(entry.id.clone()) {
                    board.waiting.push_back(entry);
                }
            }
        }
        self.taker.wake();
        Vec::new()
    }

    /// Takes the next entry of the earliest lane that has one.
    pub(crate) fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Entry> {
        // Register first: an entry put up between the look and the registration would wake nobody.
        self.taker.register(cx.waker());
        let mut boards = self.boards.lock();
        match boards.lanes.iter_mut().find_map(|board| board.waiting.pop_front()) {
            Some(entry) => {
                drop(boards);
                self.taken.notify_waiters();
                Poll::Ready(entry)
            }
            None => Poll::Pending,
        }
    }

    /// Waits until a good part of a lane's board is free, so that reads are few and large, and returns how many entries
    /// fit; or 0 once the shelf is closed.
    pub(crate) async fn room(&self, lane: Lane) -> usize {
        loop {
            let taken = self.taken.notified();
            tokio::pin!(taken);
            taken.as_mut().enable();
            {
                let mut boards = self.boards.lock();
                if boards.closed {
                    return 0;
                }
                let on_all: usize = boards.lanes.iter().map(|board| board.waiting.len()).sum();
                let waiting = boards.board(lane).map_or(0, |board| board.waiting.len());
                let places = self.places.as_ref().map_or(usize::MAX, |places| places.available_permits());
                if waiting <= self.prefetch / 2 && on_all < places {
                    return (self.prefetch - waiting).min(places - on_all);
                }
            }
            // A place that becomes free tells nobody here, so it is looked for.
            let _ = timeout(LOOK_FOR_PLACES, taken).await;
        }
    }

    /// Entries of a lane waiting for a hand.
    pub(crate) fn waiting(&self, lane: Lane) -> usize {
        self.boards.lock().board(lane).map_or(0, |board| board.waiting.len())
    }

    /// The ids of a lane that are ours.
    pub(crate) fn held(&self, lane: Lane) -> Vec<String> {
        self.boards.lock().board(lane).map(|board| board.held.iter().cloned().collect()).unwrap_or_default()
    }

    /// These are no longer ours.
    pub(crate) fn release<'a>(&self, lane: Lane, ids: impl IntoIterator<Item = &'a str>) {
        if let Some(board) = self.boards.lock().board(lane) {
            for id in ids {
                board.held.remove(id);
            }
        }
    }

    /// Closes the shelf for new entries and clears a lane's board of what was not started.
    pub(crate) fn close(&self, lane: Lane) -> Vec<Entry> {
        let cleared = {
            let mut boards = self.boards.lock();
            boards.closed = true;
            let Some(board) = boards.board(lane) else { return Vec::new() };
            let cleared: Vec<Entry> = board.waiting.drain(..).collect();
            for entry in &cleared {
                board.held.remove(&entry.id);
            }
            cleared
        };
        self.taken.notify_waiters();
        cleared
    }
}

impl Boards {
    fn board(&mut self, lane: Lane) -> Option<&mut Board> {
        self.lanes.iter_mut().find(|board| board.lane == lane)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use uuid::Uuid;

    use super::*;

    fn entries(lane: Lane, ids: std::ops::Range<u128>) -> Vec<Entry> {
        ids.map(|n| Entry { id: format!("{n}-0"), job: Job { lane, id: Uuid::from_u128(n) } }).collect()
    }

    fn take(shelf: &Shelf) -> Option<Entry> {
        match shelf.poll_take(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(entry) => Some(entry),
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn the_earlier_lane_goes_first_and_nothing_is_held_twice() {
        let shelf = Shelf::new(&[Lane::Trigger, Lane::Campaign], 4, None);
        shelf.put(Lane::Campaign, entries(Lane::Campaign, 0..3));
        shelf.put(Lane::Campaign, entries(Lane::Campaign, 1..3));
        shelf.put(Lane::Trigger, entries(Lane::Trigger, 10..11));
        assert_eq!(take(&shelf).unwrap().job.lane, Lane::Trigger);
        assert_eq!((shelf.waiting(Lane::Campaign), shelf.held(Lane::Trigger).len()), (3, 1));
        assert_eq!(take(&shelf).unwrap().id, "0-0");
        assert_eq!(shelf.room(Lane::Campaign).await, 2);
    }

    #[tokio::test]
    async fn a_full_process_fetches_nothing_until_a_place_is_free() {
        let places = Arc::new(Semaphore::new(2));
        let shelf = Shelf::new(&[Lane::Trigger, Lane::Campaign], 4, Some(places.clone()));
        assert_eq!(shelf.room(Lane::Campaign).await, 2);
        shelf.put(Lane::Trigger, entries(Lane::Trigger, 0..1));
        assert_eq!(shelf.room(Lane::Campaign).await, 1);
        let busy = places.try_acquire_many(2).unwrap();
        assert!(timeout(LOOK_FOR_PLACES * 3, shelf.room(Lane::Campaign)).await.is_err());
        drop(busy);
        assert_eq!(shelf.room(Lane::Campaign).await, 1);
    }

    #[tokio::test]
    async fn a_closed_shelf_returns_what_was_not_started() {
        let shelf = Shelf::new(&[Lane::Deliver], 4, None);
        shelf.put(Lane::Deliver, entries(Lane::Deliver, 0..4));
        let started = take(&shelf).unwrap();
        assert_eq!(shelf.close(Lane::Deliver).len(), 3);
        assert_eq!(shelf.held(Lane::Deliver), std::slice::from_ref(&started.id));
        assert_eq!(shelf.put(Lane::Deliver, entries(Lane::Deliver, 9..10)).len(), 1);
        assert_eq!((take(&shelf), shelf.room(Lane::Deliver).await), (None, 0));
        shelf.release(Lane::Deliver, [started.id.as_str()]);
        assert!(shelf.held(Lane::Deliver).is_empty());
    }
}
