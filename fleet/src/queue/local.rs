//! The queue of a single process: the same promises, in memory.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use parking_lot::Mutex;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::shelf::LOOK_FOR_PLACES;
use crate::{Backlog, FleetError, Job, Lane};

/// Jobs per lane: far more than a dispatcher keeps in the queue, and a few megabytes at most.
const CAPACITY: usize = 200_000;
/// How many jobs set aside are kept per lane.
const SET_ASIDE: usize = 1_000;

/// The lanes of a process.
pub(crate) struct LocalQueue {
    max_deliveries: u32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: HashMap<Lane, VecDeque<Waiting>>,
    in_hand: HashMap<u64, InHand>,
    set_aside: HashMap<Lane, VecDeque<Uuid>>,
    /// Consumers with nothing to do.
    asleep: HashMap<u64, Asleep>,
    /// Gives serial numbers to entries in hand and to consumers.
    serial: u64,
}

struct Waiting {
    id: Uuid,
    deliveries: u32,
    pushed: Instant,
}

struct InHand {
    job: Job,
    deliveries: u32,
    pushed: Instant,
    consumer: u64,
}

struct Asleep {
    lanes: Vec<Lane>,
    waker: Waker,
}

impl LocalQueue {
    pub(crate) fn new(max_deliveries: u32) -> Self {
        Self { max_deliveries, state: Mutex::default() }
    }

    pub(crate) fn push(&self, lane: Lane, ids: &[Uuid]) -> Result<(), FleetError> {
        let mut state = self.state.lock();
        let pushed = Instant::now();
        let waiting = state.waiting.entry(lane).or_default();
        let room = CAPACITY.saturating_sub(waiting.len()).min(ids.len());
        waiting.extend(ids.iter().take(room).map(|id| Waiting { id: *id, deliveries: 0, pushed }));
        let sleepers = state.sleepers(lane);
        drop(state);
        sleepers.into_iter().for_each(Waker::wake);
        match ids.len() - room {
            0 => Ok(()),
            left_out => Err(FleetError::Full { lane, left_out }),
        }
    }

    pub(crate) fn depth(&self, lane: Lane) -> u64 {
        let Backlog { waiting, in_hand, .. } = self.backlog(lane);
        waiting + in_hand
    }

    pub(crate) fn backlog(&self, lane: Lane) -> Backlog {
        let state = self.state.lock();
        let waiting = state.waiting.get(&lane);
        Backlog {
            lane,
            waiting: waiting.map_or(0, VecDeque::len) as u64,
            in_hand: state.in_hand.values().filter(|entry| entry.job.lane == lane).count() as u64,
            oldest: waiting.and_then(VecDeque::front).map(|first| first.pushed.elapsed()),
        }
    }

    pub(crate) fn set_aside(&self, lane: Lane) -> Vec<Uuid> {
        self.state.lock().set_aside.get(&lane).map(|ids| ids.iter().copied().collect()).unwrap_or_default()
    }

    /// Ends an entry for good.
    pub(crate) fn finish(&self, serial: u64) {
        self.state.lock().in_hand.remove(&serial);
    }
}

impl State {
    fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// The consumers to wake for a lane.
    fn sleepers(&mut self, lane: Lane) -> Vec<Waker> {
        self.asleep
            .extract_if(|_, asleep| asleep.lanes.contains(&lane))
            .map(|(_, asleep)| asleep.waker)
            .collect()
    }

    /// Puts an entry back in front, or aside when it was handed out too often.
    fn put_back(&mut self, entry: &InHand, max_deliveries: u32) {
        let Job { lane, id } = entry.job;
        if entry.deliveries >= max_deliveries {
            tracing::error!(%lane, %id, "a job was handed out too often and is set aside");
            let aside = self.set_aside.entry(lane).or_default();
            aside.push_front(id);
            aside.truncate(SET_ASIDE);
        } else {
            let waiting = Waiting { id, deliveries: entry.deliveries, pushed: entry.pushed };
            self.waiting.entry(lane).or_default().push_front(waiting);
        }
    }
}

/// A consumer of the local queue. It fetches nothing ahead, so it has nothing to hand back but what is in its hands
/// when it is dropped: that goes back at once, for within one process there is no doubt about who died.
pub(crate) struct LocalFeed {
    queue: Arc<LocalQueue>,
    lanes: Vec<Lane>,
    me: u64,
    /// No job is handed out while none of these is free.
    places: Option<Arc<Semaphore>>,
}

impl LocalFeed {
    pub(crate) fn open(queue: Arc<LocalQueue>, lanes: &[Lane], places: Option<Arc<Semaphore>>) -> Self {
        let me = queue.state.lock().next_serial();
        Self { queue, lanes: lanes.to_vec(), me, places }
    }

    pub(crate) fn queue(&self) -> Arc<LocalQueue> {
        self.queue.clone()
    }

    /// Takes the next job of the earliest lane that has one, with its serial number.
    pub(crate) fn poll_take(&self, cx: &mut Context<'_>) -> Poll<(u64, Job)> {
        if self.places.as_ref().is_some_and(|places| places.available_permits() == 0) {
            // A place that becomes free tells nobody here, so it is looked for.
            let waker = cx.waker().clone();
            tokio::spawn(async move {
                sleep(LOOK_FOR_PLACES).await;
                waker.wake();
            });
            return Poll::Pending;
        }
        let mut state = self.queue.state.lock();
        let next =
            self.lanes.iter().find_map(|lane| Some((*lane, state.waiting.get_mut(lane)?.pop_front()?)));
        let Some((lane, Waiting { id, deliveries, pushed })) = next else {
            let asleep = Asleep { lanes: self.lanes.clone(), waker: cx.waker().clone() };
            state.asleep.insert(self.me, asleep);
            return Poll::Pending;
        };
        let (job, serial) = (Job { lane, id }, state.next_serial());
        let in_hand = InHand { job, deliveries: deliveries + 1, pushed, consumer: self.me };
        state.in_hand.insert(serial, in_hand);
        Poll::Ready((serial, job))
    }
}

impl Drop for LocalFeed {
    fn drop(&mut self) {
        let mut state = self.queue.state.lock();
        state.asleep.remove(&self.me);
        let orphans: Vec<InHand> =
            state.in_hand.extract_if(|_, entry| entry.consumer == self.me).map(|(_, entry)| entry).collect();
        for entry in &orphans {
            state.put_back(entry, self.queue.max_deliveries);
        }
        let sleepers: Vec<Waker> = self.lanes.iter().flat_map(|lane| state.sleepers(*lane)).collect();
        drop(state);
        sleepers.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(feed: &LocalFeed) -> Option<(u64, Job)> {
        match feed.poll_take(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(taken) => Some(taken),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_full_lane_says_how_many_it_left_out() {
        let queue = LocalQueue::new(10);
        let ids = vec![Uuid::from_u128(1); CAPACITY - 1];
        queue.push(Lane::Campaign, &ids).unwrap();
        let error = queue.push(Lane::Campaign, &[Uuid::from_u128(2); 3]).unwrap_err();
        assert!(matches!(error, FleetError::Full { lane: Lane::Campaign, left_out: 2 }));
        assert_eq!(queue.depth(Lane::Campaign), CAPACITY as u64);
        queue.push(Lane::Trigger, &ids[..1]).unwrap();
    }

    #[test]
    fn what_a_dropped_consumer_held_goes_back_to_the_front_until_it_is_poison() {
        let queue = Arc::new(LocalQueue::new(2));
        let (first, second) = (Uuid::from_u128(1), Uuid::from_u128(2));
        queue.push(Lane::Import, &[first, second]).unwrap();
        for _ in 0..2 {
            let feed = LocalFeed::open(queue.clone(), &[Lane::Import], None);
            assert_eq!(take(&feed).unwrap().1.id, first);
        }
        assert_eq!(queue.set_aside(Lane::Import), [first]);
        let feed = LocalFeed::open(queue.clone(), &[Lane::Import], None);
        let (serial, job) = take(&feed).unwrap();
        assert_eq!((job.id, take(&feed)), (second, None));
        queue.finish(serial);
        assert_eq!(queue.depth(Lane::Import), 0);
    }
}
