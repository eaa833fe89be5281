//! The queue when workers die and Redis forgets: nothing is lost, and nobody is cancelled.
#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests are tests

mod common;

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use common::{
    Redis, Rig, brisk,
    crew::{Consumer, SHORT, Talk, Witness, drained, ids},
    eventually,
};
use ringfleet_fleet::{FleetSettings, Lane};
use tokio::time::{Instant, sleep};

#[tokio::test(flavor = "multi_thread")]
async fn the_jobs_of_a_killed_consumer_go_to_another_after_the_lease() {
    Rig::on_both(brisk(), |rig| async move {
        let (doomed, heir) = (Witness::new(), Witness::new());
        let jobs = ids(60);
        rig.fleet.push(Lane::Trigger, &jobs).await.unwrap();
        let not_yet_leased = Instant::now();
        let consumer = Consumer::spawn(rig.worker().await, &[Lane::Trigger], 8, &doomed, Talk::AtTheGate);
        doomed.starts(8).await;
        consumer.kill().await;
        let heirs = Consumer::spawn(rig.worker().await, &[Lane::Trigger], 4, &heir, SHORT);
        eventually("a job in the dead one's hands is taken over", || async {
            let mine: HashSet<_> = heir.started().into_iter().collect();
            doomed.started().iter().any(|id| mine.contains(id))
        })
        .await;
        if rig.redis.is_some() {
            // Redis has a clock of its own.
            assert!(not_yet_leased.elapsed() >= rig.settings.job_lease * 9 / 10, "taken over too early");
        }
        heir.ends(60).await;
        drained(&rig.fleet, Lane::Trigger).await;
        heirs.stop().await;
        assert_eq!(heir.started().into_iter().collect::<HashSet<_>>(), jobs.into_iter().collect());
        assert_eq!(doomed.ended(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_longer_than_the_lease_stays_with_its_handler() {
    // Renewed every second; so late a busy machine may be, and two seconds more.
    let settings = FleetSettings { job_lease: Duration::from_secs(3), ..brisk() };
    let rig = Rig::redis(settings).await;
    let (slow, idle) = (Witness::new(), Witness::new());
    rig.fleet.push(Lane::Import, &ids(2)).await.unwrap();
    let busy = Consumer::spawn(rig.worker().await, &[Lane::Import], 1, &slow, Talk::AtTheGate);
    slow.starts(1).await;
    let other = Consumer::spawn(rig.worker().await, &[Lane::Import], 1, &idle, SHORT);
    // Three leases: the condition under test is that nothing happens for this long.
    sleep(Duration::from_secs(9)).await;
    assert!(idle.started().is_empty() || !idle.started().contains(&slow.started()[0]));
    slow.gate.add_permits(2);
    drained(&rig.fleet, Lane::Import).await;
    busy.stop().await;
    other.stop().await;
    assert_eq!(slow.ended() + idle.ended(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_kills_its_consumers_is_set_aside() {
    let settings =
        FleetSettings { job_lease: Duration::from_secs(1), max_deliveries: 3, ..FleetSettings::default() };
    Rig::on_both(settings, |rig| async move {
        let jobs = ids(1);
        rig.fleet.push(Lane::Import, &jobs).await.unwrap();
        for _ in 0..rig.settings.max_deliveries {
            let witness = Witness::new();
            let victim = Consumer::spawn(rig.worker().await, &[Lane::Import], 1, &witness, Talk::AtTheGate);
            witness.starts(1).await;
            victim.kill().await;
        }
        let witness = Witness::new();
        let last = Consumer::spawn(rig.worker().await, &[Lane::Import], 1, &witness, SHORT);
        eventually("it is set aside", || async { rig.fleet.set_aside(Lane::Import).await.unwrap() == jobs })
            .await;
        drained(&rig.fleet, Lane::Import).await;
        last.stop().await;
        assert!(witness.started().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_is_no_job_is_set_aside() {
    let rig = Rig::redis(brisk()).await;
    let witness = Witness::new();
    let mut redis = rig.redis.as_ref().unwrap().connection().await;
    let junk = redis::cmd("XADD").arg("ringfleet:{deliver}:jobs").arg("*").arg("what").arg("ever").to_owned();
    junk.query_async::<String>(&mut redis).await.unwrap();
    rig.fleet.push(Lane::Deliver, &ids(1)).await.unwrap();
    let consumer = Consumer::spawn(rig.worker().await, &[Lane::Deliver], 1, &witness, SHORT);
    witness.ends(1).await;
    drained(&rig.fleet, Lane::Deliver).await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flushall_costs_the_queued_jobs_and_nothing_else() {
    let rig = Rig::redis(brisk()).await;
    let witness = Witness::new();
    rig.fleet.push(Lane::Trigger, &ids(3)).await.unwrap();
    let consumer = Consumer::spawn(rig.worker().await, &[Lane::Trigger], 3, &witness, Talk::AtTheGate);
    witness.starts(3).await;
    rig.redis.as_ref().unwrap().flush().await;
    witness.gate.add_permits(1_000);
    witness.ends(3).await;
    for round in 1..=3 {
        rig.fleet.push(Lane::Trigger, &ids(10)).await.unwrap();
        witness.ends(3 + round * 10).await;
        drained(&rig.fleet, Lane::Trigger).await;
        rig.redis.as_ref().unwrap().flush().await;
    }
    consumer.stop().await;
    assert_eq!(witness.ended(), 33);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_may_be_killed_and_started_again() {
    let mut rig = Rig::redis(brisk()).await;
    let witness = Witness::new();
    let worker = rig.worker().await;
    rig.fleet.push(Lane::Campaign, &ids(2)).await.unwrap();
    let consumer = Consumer::spawn(worker, &[Lane::Campaign], 2, &witness, Talk::AtTheGate);
    witness.starts(2).await;
    rig.redis.as_mut().unwrap().kill();
    assert!(rig.fleet.push(Lane::Campaign, &ids(1)).await.is_err());
    assert!(rig.fleet.ping().await.is_err());
    witness.gate.add_permits(1_000);
    witness.ends(2).await;
    rig.redis.as_mut().unwrap().restart().await;
    eventually("jobs can be pushed", || async { rig.fleet.push(Lane::Campaign, &ids(5)).await.is_ok() })
        .await;
    witness.ends(7).await;
    drained(&rig.fleet, Lane::Campaign).await;
    consumer.stop().await;
}

/// Whoever has connected once does not give up any more, not even with the first thing it asks for.
#[tokio::test(flavor = "multi_thread")]
async fn redis_may_go_away_before_a_consumer_has_begun() {
    let mut rig = Rig::redis(brisk()).await;
    let witness = Witness::new();
    let worker = rig.worker().await;
    rig.redis.as_mut().unwrap().kill();
    let consumer = Consumer::spawn(worker, &[Lane::Trigger, Lane::Campaign], 2, &witness, SHORT);
    // Time enough to fail; one that has not noticed yet shows nothing.
    sleep(Duration::from_secs(1)).await;
    assert!(!consumer.task.is_finished(), "it has given up: {:?}", consumer.task.await);
    rig.redis.as_mut().unwrap().restart().await;
    eventually("jobs can be pushed", || async { rig.fleet.push(Lane::Campaign, &ids(3)).await.is_ok() })
        .await;
    witness.ends(3).await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers_do_not_pile_up_in_redis() {
    let settings = FleetSettings { forget_consumers_after: Duration::from_secs(8), ..brisk() };
    let redis = Redis::start().await;
    let witness = Witness::new();
    let fleet = redis.fleet(&settings).await;
    for _ in 0..3 {
        fleet.push(Lane::Import, &ids(1)).await.unwrap();
        let doomed = Consumer::spawn(redis.fleet(&settings).await, &[Lane::Import], 1, &witness, SHORT);
        drained(&fleet, Lane::Import).await;
        doomed.kill().await;
    }
    assert!(consumers(&redis).await >= 2, "the dead are listed for a while");
    // A consumer that ends in order takes itself off; one that was killed is forgotten by those who work on.
    let staying = Consumer::spawn(redis.fleet(&settings).await, &[Lane::Import], 1, &witness, SHORT);
    fleet.push(Lane::Import, &ids(1)).await.unwrap();
    witness.ends(4).await;
    eventually("the dead are forgotten", || async { consumers(&redis).await <= 1 }).await;
    staying.stop().await;
    assert_eq!(consumers(&redis).await, 0);
}

async fn consumers(redis: &Redis) -> usize {
    let rows: Vec<HashMap<String, redis::Value>> = redis::cmd("XINFO")
        .arg("CONSUMERS")
        .arg("ringfleet:{import}:jobs")
        .arg("workers")
        .query_async(&mut redis.connection().await)
        .await
        .unwrap();
    rows.len()
}
