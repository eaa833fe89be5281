//! Senders that use a rate up, and when each of their calls was placed.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use ringfleet_fleet::{Acquired, Fleet, Limit, Permit, Shortage, Slot};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::need::SECOND;

/// How long it takes to begin a call, at most: a little less than a token is handed out ahead of its time.
const BEGIN: Duration = Duration::from_millis(180);

/// A call was placed after `from` and before `till`, both since a common start. They are as close together as the machine
/// allows: it may stop a sender anywhere, so one moment would be the wrong one now and then.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    pub from: Duration,
    pub till: Duration,
}

/// What came of a wish to send.
pub enum Came {
    Sent(Permit, Sent),
    /// It was late for its slot, and nothing was sent.
    Missed,
    NoRoom(Shortage, Duration),
}

/// Asks for room, begins the call, and places it in its slot.
pub async fn send(fleet: &Fleet, limits: &[Limit], horizon: Duration, start: Instant) -> Came {
    begun(fleet.limits().acquire(limits, horizon).await, start).await
}

/// Begins a call that was granted room, which takes as long as it takes, and places it in its slot.
pub async fn begun(acquired: Acquired, start: Instant) -> Came {
    let (permit, slot) = match acquired {
        Acquired::Granted(permit, slot) => (permit, slot),
        Acquired::NoRoom { kind, retry_after } => return Came::NoRoom(kind, retry_after),
    };
    sleep(BEGIN.mul_f64(chance())).await;
    match placed(slot, start).await {
        (true, sent) => Came::Sent(permit, sent),
        (false, _) => Came::Missed,
    }
}

/// Whether a slot was met, and between which moments that was found: the last poll began and ended.
async fn placed(slot: Slot, start: Instant) -> (bool, Sent) {
    let mut waiting = pin!(slot.is_met());
    poll_fn(|context| {
        let from = start.elapsed();
        waiting.as_mut().poll(context).map(|is_met| (is_met, Sent { from, till: start.elapsed() }))
    })
    .await
}

/// Something between 0 and 1.
pub fn chance() -> f64 {
    f64::from(Uuid::now_v7().as_bytes()[15]) / 255.0
}

/// The most placed for certain within any such window.
pub fn busiest(sent: &[Sent], window: Duration) -> usize {
    let within =
        |from: Duration| sent.iter().filter(|one| one.from >= from && one.till < from + window).count();
    sent.iter().map(|one| within(one.from)).max().unwrap_or_default()
}

/// Senders on several workers that send as often as they are let.
pub struct Senders {
    pub start: Instant,
    sent: Arc<Mutex<Vec<Sent>>>,
    tasks: JoinSet<()>,
}

impl Senders {
    /// `each` on every worker; they take turns with the sets of limits.
    pub fn start(workers: &[Fleet], each: usize, limits: &[Vec<Limit>]) -> Self {
        let mut senders = Self { start: Instant::now(), sent: Arc::default(), tasks: JoinSet::new() };
        for nth in 0..workers.len() * each {
            let (fleet, limits) = (workers[nth % workers.len()].clone(), limits[nth % limits.len()].clone());
            senders.tasks.spawn(keep_sending(fleet, limits, senders.start, senders.sent.clone()));
        }
        senders
    }

    pub fn count(&self) -> usize {
        self.sent.lock().unwrap().len()
    }

    /// Ends them, and gives what they have sent.
    pub async fn stop(mut self) -> Vec<Sent> {
        self.tasks.shutdown().await;
        std::mem::take(&mut *self.sent.lock().unwrap())
    }
}

async fn keep_sending(fleet: Fleet, limits: Vec<Limit>, start: Instant, all: Arc<Mutex<Vec<Sent>>>) {
    loop {
        match send(&fleet, &limits, SECOND * 3, start).await {
            Came::Sent(_permit, sent) => all.lock().unwrap().push(sent),
            Came::Missed => {}
            Came::NoRoom(_, retry_after) => sleep(retry_after.min(SECOND / 2)).await,
        }
    }
}
