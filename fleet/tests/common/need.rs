//! Shorthand for limits and for what comes of asking.

use std::time::Duration;

use ringfleet_fleet::{Acquired, Fleet, Limit, Limits, Permit, Shortage};
use tokio::time::Instant;

use super::Rig;

pub const SECOND: Duration = Duration::from_secs(1);
pub const PATIENT: Duration = Duration::from_secs(30);

pub fn rate(key: &str, per_second: f64) -> Limit {
    Limit { key: key.to_owned(), per_second: Some(per_second), live: None, seats: None }
}

pub fn live(key: &str, most: u32) -> Limit {
    Limit { key: key.to_owned(), per_second: None, live: Some(most), seats: None }
}

pub fn permit(acquired: Acquired) -> Permit {
    match acquired {
        Acquired::Granted(permit, _) => permit,
        Acquired::NoRoom { kind, retry_after } => panic!("no room: {kind:?}, again in {retry_after:?}"),
    }
}

pub fn no_room(acquired: Acquired) -> (Shortage, Duration) {
    match acquired {
        Acquired::NoRoom { kind, retry_after } => (kind, retry_after),
        Acquired::Granted(..) => panic!("granted where there is no room"),
    }
}

/// What the books answer. Asks again when Redis was too slow to answer within the horizon: that says nothing about room.
pub async fn answered(limits: &Limits, wanted: &[Limit], horizon: Duration) -> Acquired {
    let deadline = Instant::now() + PATIENT;
    loop {
        match limits.acquire(wanted, horizon).await {
            Acquired::NoRoom { kind: Shortage::Unreachable, .. } if Instant::now() < deadline => {}
            answer => return answer,
        }
    }
}

/// The first grants on a new Redis wait until nobody can have been forgotten.
pub async fn warmed_up(fleet: &Fleet) {
    drop(permit(fleet.limits().acquire(&[live("warm-up", 1)], PATIENT).await));
}

/// Handles of several workers.
pub async fn workers(rig: &Rig, count: usize) -> Vec<Fleet> {
    let mut workers = Vec::new();
    for _ in 0..count {
        workers.push(rig.worker().await);
    }
    workers
}
