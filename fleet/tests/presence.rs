//! Presence, on both backends.
#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests are tests

mod common;

use std::time::Duration;

use common::{Rig, brisk, eventually};
use ringfleet_fleet::{FleetSettings, Member};

/// Longer than a test takes on a busy machine.
const LONG: Duration = Duration::from_secs(60);

fn member(id: &str, live: u32) -> Member {
    Member {
        id: id.to_owned(),
        role: "worker".to_owned(),
        live,
        capacity: 100,
        version: "0.1.0".to_owned(),
        draining: false,
        speaks: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_listed_until_they_leave_and_everybody_sees_them() {
    Rig::on_both(FleetSettings { presence_ttl: LONG, ..brisk() }, |rig| async move {
        let other = rig.worker().await;
        rig.fleet.presence().announce(member("b", 1)).await.unwrap();
        rig.fleet.presence().announce(member("a", 1)).await.unwrap();
        rig.fleet.presence().announce(member("a", 2)).await.unwrap();
        assert_eq!(other.presence().members().await.unwrap(), [member("a", 2), member("b", 1)]);
        other.presence().leave("a").await.unwrap();
        assert_eq!(rig.fleet.presence().members().await.unwrap(), [member("b", 1)]);
        rig.fleet.ping().await.unwrap();
        let memory = rig.fleet.redis_memory().await.unwrap();
        assert_eq!(memory.is_some(), rig.fleet.is_shared());
        assert!(memory.is_none_or(|bytes| bytes > 100_000), "an empty Redis takes more: {memory:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_member_fades() {
    let rig = Rig::redis(FleetSettings { presence_ttl: LONG / 10, ..brisk() }).await;
    rig.fleet.presence().announce(member("a", 1)).await.unwrap();
    assert_eq!(rig.fleet.presence().members().await.unwrap().len(), 1);
    eventually("it fades", || async { rig.fleet.presence().members().await.unwrap().is_empty() }).await;
}
