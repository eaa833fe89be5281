//! Hints, on both backends.
#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests are tests

mod common;

use common::{Rig, brisk, eventually};
use parking_lot::Mutex;
use ringfleet_fleet::{Fleet, Hint};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What one process has heard, until it is told to stop.
fn listen(fleet: Fleet, stop: &CancellationToken) -> Arc<Mutex<Vec<Hint>>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (ear, stop) = (heard.clone(), stop.clone());
    tokio::spawn(async move { fleet.hints().listen(|hint| ear.lock().push(hint), &stop).await });
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_who_listens_hears_of_it() {
    Rig::on_both(brisk(), |rig| async move {
        let stop = CancellationToken::new();
        let _stopped = stop.clone().drop_guard();
        let ears = [listen(rig.fleet.clone(), &stop), listen(rig.worker().await, &stop)];
        let hint = Hint { call: Uuid::from_u128(7), note: "CA1".into() };
        // Nobody knows when the others have begun to listen: a hint is nothing to rely on.
        eventually("both hear", async || {
            rig.fleet.hints().tell(hint.clone()).await.unwrap();
            ears.iter().all(|ear| ear.lock().contains(&hint))
        })
        .await;
        stop.cancel();
    })
    .await;
}
