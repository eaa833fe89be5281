//! Workers prove by the database's clock that they live.

use std::time::Duration;

use chrono::TimeDelta;
use ringfleet_core::{Clock, SystemClock, WorkerId};

use crate::support::{Db, SOON, at, eventually};

const LONG: Duration = Duration::from_secs(3600);

pub async fn live_while_they_beat(db: Db) {
    let (quiet, lively) = (WorkerId::new(at(0)), WorkerId::new(at(0)));
    for id in [quiet, lively] {
        db.write(async |tx| tx.insert_worker(id).await).await;
        assert_eq!(db.write(async |tx| tx.heartbeat(id).await).await, Some(false));
    }
    let bury = async |silence| db.write(async |tx| tx.bury_silent_workers(silence).await).await;
    assert_eq!(bury(LONG).await, 0);
    // The lively one beats in the same transaction that buries, so only the quiet one can have been silent. The database
    // reads its clock for each of the two, and so long may a busy machine take in between.
    let silence = Duration::from_secs(3);
    let buried = eventually(SOON, "the silent worker is buried", async || {
        let buried = db
            .write(async |tx| {
                tx.heartbeat(lively).await?;
                tx.bury_silent_workers(silence).await
            })
            .await;
        (buried > 0).then_some(buried)
    })
    .await;
    assert_eq!(buried, 1);
    assert_eq!(db.write(async |tx| tx.heartbeat(quiet).await).await, None, "the dead stay dead");
    assert!(db.write(async |tx| tx.heartbeat(lively).await).await.is_some());
    assert_eq!(bury(LONG).await, 0);
    let stranger = db.write(async |tx| tx.heartbeat(WorkerId::new(at(0))).await).await;
    assert_eq!(stranger, None, "nobody announced this one");
}

pub async fn can_tell_how_wrong_their_clock_is(db: Db) {
    let before = SystemClock.now();
    let theirs = db.read(async |tx| tx.database_time().await).await;
    // The database of a test runs on this machine; it may round another way.
    let slack = TimeDelta::milliseconds(2);
    assert!(before - slack <= theirs && theirs <= SystemClock.now() + slack, "{before} {theirs}");
}

pub async fn retire_by_themselves(db: Db) {
    let id = WorkerId::new(at(0));
    db.write(async |tx| tx.insert_worker(id).await).await;
    db.write(async |tx| tx.retire_worker(id).await).await;
    assert_eq!(db.write(async |tx| tx.heartbeat(id).await).await, None);
    assert_eq!(
        db.write(async |tx| tx.bury_silent_workers(Duration::ZERO).await).await,
        0,
        "it is dead already"
    );
    db.write(async |tx| tx.retire_worker(id).await).await;
}

pub async fn hear_whether_they_drain(db: Db) {
    let (id, gone) = (WorkerId::new(at(0)), WorkerId::new(at(0)));
    db.write(async |tx| tx.insert_worker(id).await).await;
    let drain = async |id, drains| db.write(async |tx| tx.drain_worker(id, drains).await).await;
    let beat = async || db.write(async |tx| tx.heartbeat(id).await).await;
    assert!(drain(id, true).await.is_some_and(|worker| worker.id == id && worker.drains));
    assert_eq!(beat().await, Some(true));
    assert!(drain(id, false).await.is_some_and(|worker| !worker.drains));
    assert_eq!(beat().await, Some(false));
    assert_eq!(drain(gone, true).await, None, "nobody of that name");
    let living = async || db.read(async |tx| tx.living_workers().await).await;
    assert_eq!(living().await.iter().map(|worker| worker.id).collect::<Vec<_>>(), [id]);
    db.write(async |tx| tx.retire_worker(id).await).await;
    assert_eq!(living().await, []);
    assert_eq!(drain(id, true).await, None, "it has ended");
}
