//! Consumers that can be stopped and killed, and a witness of what their handlers did.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use ringfleet_fleet::{ConsumerSettings, Fleet, FleetError, Lane, consume};
use tokio::{
    sync::Semaphore,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{DEADLINE, eventually};

/// What handlers did, in order, and a gate some of them wait at.
#[derive(Clone)]
pub struct Witness {
    pub started: Arc<Mutex<Vec<(Lane, Uuid)>>>,
    pub ended: Arc<Mutex<Vec<Uuid>>>,
    pub gate: Arc<Semaphore>,
}

impl Witness {
    pub fn new() -> Self {
        Self { started: Arc::default(), ended: Arc::default(), gate: Arc::new(Semaphore::new(0)) }
    }

    pub fn started(&self) -> Vec<Uuid> {
        self.started.lock().unwrap().iter().map(|(_, id)| *id).collect()
    }

    pub fn ended(&self) -> usize {
        self.ended.lock().unwrap().len()
    }

    pub async fn ends(&self, count: usize) {
        eventually(&format!("{count} jobs end"), || async { self.ended() >= count }).await;
    }

    pub async fn starts(&self, count: usize) {
        eventually(&format!("{count} jobs start"), || async { self.started().len() >= count }).await;
    }

    pub async fn handle(self, lane: Lane, id: Uuid, talk: Talk) {
        self.started.lock().unwrap().push((lane, id));
        match talk {
            Talk::For(time) => sleep(time).await,
            Talk::AtTheGate => self.gate.acquire().await.unwrap().forget(),
        }
        self.ended.lock().unwrap().push(id);
    }
}

#[derive(Clone, Copy)]
pub enum Talk {
    For(Duration),
    AtTheGate,
}

pub const SHORT: Talk = Talk::For(Duration::from_millis(1));

pub struct Consumer {
    pub stop: CancellationToken,
    pub task: JoinHandle<Result<(), FleetError>>,
}

impl Consumer {
    pub fn spawn(fleet: Fleet, lanes: &[Lane], concurrency: usize, witness: &Witness, talk: Talk) -> Self {
        let (stop, witness) = (CancellationToken::new(), witness.clone());
        let settings =
            ConsumerSettings { name: "test".to_owned(), lanes: lanes.to_vec(), concurrency, places: None };
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let handler = move |lane, id| witness.clone().handle(lane, id, talk);
            consume(&fleet, settings, handler, stopped).await
        });
        Self { stop, task }
    }

    pub async fn stop(self) {
        self.stop.cancel();
        timeout(DEADLINE, self.task).await.expect("the consumer ends").unwrap().unwrap();
    }

    pub async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

pub fn ids(count: usize) -> Vec<Uuid> {
    (0..count).map(|_| Uuid::now_v7()).collect()
}

pub async fn drained(fleet: &Fleet, lane: Lane) {
    eventually("the lane is empty", || async { fleet.depth(lane).await.unwrap() == 0 }).await;
}
