//! Senders that use a rate up, and when each of their calls was let go.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use ringfleet_fleet::{Acquired, Fleet, Limit};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::need::SECOND;

/// A call was let go after `from` and before `till`, both since a common start. They are as close together as the machine
/// allows: it may stop a sender anywhere, so one moment would be the wrong one now and then.
#[derive(Debug, Clone, Copy)]
pub struct Grant {
    pub from: Duration,
    pub till: Duration,
}

/// Asks for room, and tells between which moments the answer was given: the last poll began and ended.
pub async fn grant(fleet: &Fleet, limits: &[Limit], horizon: Duration, start: Instant) -> (Acquired, Grant) {
    let mut asking = pin!(fleet.limits().acquire(limits, horizon));
    poll_fn(|context| {
        let from = start.elapsed();
        asking.as_mut().poll(context).map(|acquired| (acquired, Grant { from, till: start.elapsed() }))
    })
    .await
}

/// The most let go for certain within any such window.
pub fn busiest(sent: &[Grant], window: Duration) -> usize {
    let within =
        |from: Duration| sent.iter().filter(|one| one.from >= from && one.till < from + window).count();
    sent.iter().map(|one| within(one.from)).max().unwrap_or_default()
}

/// Senders on several workers that send as often as they are let.
pub struct Senders {
    pub start: Instant,
    sent: Arc<Mutex<Vec<Grant>>>,
    tasks: JoinSet<()>,
}

impl Senders {
    /// `each` on every worker; they take turns with the sets of limits.
    pub fn start(workers: &[Fleet], each: usize, limits: &[Vec<Limit>]) -> Self {
        let mut senders = Self { start: Instant::now(), sent: Arc::default(), tasks: JoinSet::new() };
        for nth in 0..workers.len() * each {
            let (fleet, limits) = (workers[nth % workers.len()].clone(), limits[nth % limits.len()].clone());
            senders.tasks.spawn(send(fleet, limits, senders.start, senders.sent.clone()));
        }
        senders
    }

    pub fn count(&self) -> usize {
        self.sent.lock().unwrap().len()
    }

    /// Ends them, and gives what they were granted.
    pub async fn stop(mut self) -> Vec<Grant> {
        self.tasks.shutdown().await;
        std::mem::take(&mut *self.sent.lock().unwrap())
    }
}

async fn send(fleet: Fleet, limits: Vec<Limit>, start: Instant, sent: Arc<Mutex<Vec<Grant>>>) {
    loop {
        match grant(&fleet, &limits, SECOND * 3, start).await {
            (Acquired::Granted(_permit), one) => sent.lock().unwrap().push(one),
            (Acquired::NoRoom { retry_after, .. }, _) => sleep(retry_after.min(SECOND / 2)).await,
        }
    }
}
