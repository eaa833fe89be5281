//! The queue, on both backends: shared work, priority, an orderly end.
#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests are tests

mod common;

use std::{collections::HashSet, time::Duration};

use common::{
    Rig, brisk,
    crew::{Consumer, SHORT, Talk, Witness, drained, ids},
    eventually,
};
use ringfleet_fleet::{Backlog, ConsumerSettings, Fleet, FleetError, FleetSettings, Lane, consume};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn two_consumers_share_the_work_and_each_job_runs_once() {
    Rig::on_both(brisk(), |rig| async move {
        let (first, second) = (Witness::new(), Witness::new());
        let jobs = ids(2_000);
        rig.fleet.push(Lane::Deliver, &jobs).await.unwrap();
        assert_eq!(rig.fleet.depth(Lane::Deliver).await.unwrap(), 2_000);
        let crew = [
            Consumer::spawn(rig.worker().await, &[Lane::Deliver], 8, &first, Talk::AtTheGate),
            Consumer::spawn(rig.worker().await, &[Lane::Deliver], 8, &second, Talk::AtTheGate),
        ];
        // However late the second one is, it gets its share: the first has taken no more than it has hands for.
        first.starts(8).await;
        second.starts(8).await;
        for witness in [&first, &second] {
            witness.gate.add_permits(2_000);
        }
        eventually("all jobs end", || async { first.ended() + second.ended() >= 2_000 }).await;
        drained(&rig.fleet, Lane::Deliver).await;
        for consumer in crew {
            consumer.stop().await;
        }
        let seen: HashSet<_> = first.started().into_iter().chain(second.started()).collect();
        assert_eq!((seen, first.ended() + second.ended()), (jobs.into_iter().collect(), 2_000));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_triggered_call_overtakes_a_waiting_campaign() {
    Rig::on_both(brisk(), |rig| async move {
        let witness = Witness::new();
        rig.fleet.push(Lane::Campaign, &ids(5_000)).await.unwrap();
        let talk = Talk::For(Duration::from_millis(50));
        let lanes = [Lane::Trigger, Lane::Campaign];
        let consumer = Consumer::spawn(rig.worker().await, &lanes, 4, &witness, talk);
        witness.starts(50).await;
        let urgent = ids(1);
        rig.fleet.push(Lane::Trigger, &urgent).await.unwrap();
        let before = witness.started().len();
        eventually("the triggered call starts", || async { witness.started().contains(&urgent[0]) }).await;
        let place = witness.started().iter().position(|id| *id == urgent[0]).unwrap();
        // Eighty start in a second, and behind the campaign it would wait for 4,900.
        assert!(place < before + 400, "it waited for {} campaign calls", place - before);
        consumer.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_tells_how_many_jobs_wait_and_for_how_long() {
    Rig::on_both(brisk(), |rig| async move {
        let witness = Witness::new();
        let deliveries = async || {
            let lanes = rig.fleet.lanes().await.unwrap();
            assert_eq!(lanes.iter().map(|lane| lane.lane).collect::<Vec<_>>(), Lane::ALL);
            assert!(
                lanes.iter().all(|lane| lane.lane == Lane::Deliver || (lane.waiting, lane.in_hand) == (0, 0))
            );
            *lanes.iter().find(|lane| lane.lane == Lane::Deliver).unwrap()
        };
        let empty = Backlog { lane: Lane::Deliver, waiting: 0, in_hand: 0, oldest: None };
        assert_eq!(deliveries().await, empty);
        let began = Instant::now();
        rig.fleet.push(Lane::Deliver, &ids(2)).await.unwrap();
        // Before any consumer has come, over Redis there is not even a group of them.
        let aged = Duration::from_millis(300);
        eventually("they have waited", || async { deliveries().await.oldest > Some(aged) }).await;
        let full = deliveries().await;
        assert_eq!((full.waiting, full.in_hand), (2, 0));
        // Redis counts whole milliseconds by another clock.
        assert!(full.oldest.unwrap() <= began.elapsed() + Duration::from_millis(50), "{full:?}");
        let consumer = Consumer::spawn(rig.worker().await, &[Lane::Deliver], 2, &witness, Talk::AtTheGate);
        witness.starts(2).await;
        assert_eq!(deliveries().await, Backlog { in_hand: 2, ..empty });
        let again = Instant::now();
        rig.fleet.push(Lane::Deliver, &ids(50)).await.unwrap();
        let behind = deliveries().await;
        assert_eq!(behind.waiting + behind.in_hand, 52);
        // What is in hand came much earlier, and does not count.
        let oldest = behind.oldest.expect("it fetches ahead no more than it has hands for");
        assert!(oldest <= again.elapsed() + Duration::from_millis(50), "{behind:?}");
        witness.gate.close();
        consumer.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fetched_campaign_calls_wait_behind_triggered_ones() {
    // More than half as many jobs are fetched ahead, at any time.
    const HANDS: usize = 64;
    let rig = Rig::redis(brisk()).await;
    let witness = Witness::new();
    rig.fleet.push(Lane::Campaign, &ids(500)).await.unwrap();
    let lanes = [Lane::Trigger, Lane::Campaign];
    let consumer = Consumer::spawn(rig.worker().await, &lanes, HANDS, &witness, Talk::AtTheGate);
    witness.starts(HANDS).await;
    let mut redis = rig.redis.as_ref().unwrap().connection().await;
    fetched(&mut redis, Lane::Campaign, HANDS + HANDS / 2).await;
    let urgent = ids(2);
    rig.fleet.push(Lane::Trigger, &urgent).await.unwrap();
    fetched(&mut redis, Lane::Trigger, 2).await;
    // Redis has handed both out, but on a busy machine they may still be on their way here: so hands become free one
    // by one. In the order of fetching, both would wait until all fetched campaign calls have started.
    let mut overtaken_by = 0;
    while !urgent.iter().all(|id| witness.started().contains(id)) {
        assert!(overtaken_by < HANDS / 4, "fetched campaign calls went before triggered ones");
        overtaken_by += 1;
        witness.gate.add_permits(1);
        witness.starts(HANDS + overtaken_by).await;
    }
    witness.gate.close();
    consumer.kill().await;
}

async fn fetched(redis: &mut redis::aio::MultiplexedConnection, lane: Lane, count: usize) {
    eventually(&format!("{count} entries of {lane} are fetched"), || {
        let mut redis = redis.clone();
        async move {
            let stream = format!("ringfleet:{{{lane}}}:jobs");
            let pending: (usize, redis::Value, redis::Value, redis::Value) =
                redis::cmd("XPENDING").arg(stream).arg("workers").query_async(&mut redis).await.unwrap();
            pending.0 >= count
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_consumer_hands_back_at_once_what_it_has_not_started() {
    // A lease longer than any test waits: whatever arrives was handed back.
    let settings = FleetSettings { job_lease: Duration::from_secs(600), ..FleetSettings::default() };
    Rig::on_both(settings, |rig| async move {
        let (leaving, other) = (Witness::new(), Witness::new());
        let jobs = ids(100);
        rig.fleet.push(Lane::Campaign, &jobs).await.unwrap();
        let lanes = [Lane::Trigger, Lane::Campaign];
        let first = Consumer::spawn(rig.worker().await, &lanes, 8, &leaving, Talk::AtTheGate);
        leaving.starts(8).await;
        let second = Consumer::spawn(rig.worker().await, &lanes, 8, &other, SHORT);
        first.stop.cancel();
        other.ends(92).await;
        // Its handlers have run on all the while.
        assert!(!first.task.is_finished());
        leaving.gate.add_permits(8);
        first.stop().await;
        drained(&rig.fleet, Lane::Campaign).await;
        second.stop().await;
        let all: Vec<_> = leaving.started().into_iter().chain(other.started()).collect();
        assert_eq!(all.len(), 100);
        assert_eq!(all.into_iter().collect::<HashSet<_>>(), jobs.into_iter().collect());
        assert_eq!(leaving.ended(), 8);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_panics_costs_its_own_job_only() {
    Rig::on_both(brisk(), |rig| async move {
        let witness = Witness::new();
        let jobs = ids(20);
        let (bad, seen) = (jobs[3], witness.clone());
        rig.fleet.push(Lane::Deliver, &jobs).await.unwrap();
        let (stop, fleet) = (CancellationToken::new(), rig.worker().await);
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let settings = ConsumerSettings {
                name: "test".into(),
                lanes: vec![Lane::Deliver],
                concurrency: 2,
                places: None,
            };
            let handler = move |lane, id| {
                let seen = seen.clone();
                async move {
                    assert!(id != bad, "a panic for the test");
                    seen.handle(lane, id, SHORT).await;
                }
            };
            consume(&fleet, settings, handler, stopped).await
        });
        witness.ends(19).await;
        drained(&rig.fleet, Lane::Deliver).await;
        stop.cancel();
        task.await.unwrap().unwrap();
        assert_eq!(witness.ended(), 19);
    })
    .await;
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused() {
    for (lanes, concurrency) in [(vec![], 1), (vec![Lane::Import], 0), (vec![Lane::Import, Lane::Import], 1)]
    {
        let settings = ConsumerSettings { name: "test".into(), lanes, concurrency, places: None };
        let consumed =
            consume(&Fleet::in_process(), settings, |_, _| async {}, CancellationToken::new()).await;
        assert!(matches!(consumed, Err(FleetError::Consumer)));
    }
    assert!(matches!(
        Fleet::connect("not an address", FleetSettings::default()).await,
        Err(FleetError::Address(_))
    ));
}
