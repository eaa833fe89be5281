//! Live calls, on both sets of books: exact through deaths, outages and lost memory.
#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests are tests

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI32, AtomicU32, Ordering},
    },
    time::Duration,
};

use common::{
    Redis, Rig, brisk, eventually,
    need::{PATIENT, SECOND, answered, live, no_room, permit, rate, warmed_up, workers},
};
use ringfleet_fleet::{Acquired, Fleet, Limit, Shortage};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_consumes_nothing() {
    Rig::on_both(brisk(), |rig| async move {
        warmed_up(&rig.fleet).await;
        let limits = rig.fleet.limits();
        let campaign = Limit { key: "campaign".into(), per_second: Some(0.02), live: Some(5), seats: None };
        let held = permit(limits.acquire(std::slice::from_ref(&campaign), PATIENT).await);
        let both = [live("trunk", 1), campaign];
        for _ in 0..5 {
            let (kind, retry_after) = no_room(answered(limits, &both, Duration::ZERO).await);
            assert_eq!(kind, Shortage::Rate);
            assert!(retry_after > SECOND && retry_after < SECOND * 52, "{retry_after:?}");
        }
        let trunk = permit(answered(limits, &[live("trunk", 1)], Duration::ZERO).await);
        let (kind, _) = no_room(answered(limits, &[live("trunk", 1)], Duration::from_millis(50)).await);
        assert_eq!(kind, Shortage::Live);
        drop((held, trunk));
        drop(permit(limits.acquire(&[live("trunk", 1)], PATIENT).await));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_limits_nothing_asks_nobody_and_what_forbids_everything_grants_nothing() {
    let mut rig = Rig::redis(brisk()).await;
    rig.redis.as_mut().unwrap().kill();
    let limits = rig.fleet.limits();
    let free = Limit { key: "trunk".into(), per_second: None, live: None, seats: None };
    drop(permit(limits.acquire(&[free], Duration::ZERO).await));
    drop(permit(limits.acquire(&[], Duration::ZERO).await));
    assert_eq!(no_room(limits.acquire(&[rate("trunk", 0.0)], SECOND).await).0, Shortage::Rate);
    assert_eq!(no_room(limits.acquire(&[live("trunk", 0)], SECOND).await).0, Shortage::Live);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_nothing_is_granted_and_with_it_everything_goes_on() {
    let mut rig = Rig::redis(brisk()).await;
    warmed_up(&rig.fleet).await;
    rig.redis.as_mut().unwrap().kill();
    let limits = rig.fleet.limits();
    for limit in [rate("trunk", 10.0), live("trunk", 10)] {
        let limit = [limit];
        let asking = limits.acquire(&limit, Duration::from_millis(300));
        let (kind, _) = no_room(timeout(PATIENT, asking).await.expect("nobody waits for Redis to come back"));
        assert_eq!(kind, Shortage::Unreachable);
    }
    rig.redis.as_mut().unwrap().restart().await;
    drop(permit(limits.acquire(&[rate("trunk", 10.0), live("trunk", 10)], PATIENT).await));
}

/// Callers that hold a live place for a random time each, and the most they ever held together.
struct Callers {
    now: Arc<AtomicI32>,
    most: Arc<AtomicI32>,
    calls: Arc<AtomicU32>,
    tasks: JoinSet<()>,
}

impl Callers {
    fn start(workers: &[Fleet], each: usize, limit: &Limit) -> Self {
        let mut callers =
            Self { now: Arc::default(), most: Arc::default(), calls: Arc::default(), tasks: JoinSet::new() };
        for nth in 0..workers.len() * each {
            let (fleet, limit) = (workers[nth % workers.len()].clone(), limit.clone());
            let (now, most, calls) = (callers.now.clone(), callers.most.clone(), callers.calls.clone());
            callers.tasks.spawn(async move {
                loop {
                    let hold = Duration::from_millis(u64::from(rand_byte()) / 8);
                    let asking = fleet.limits().acquire(std::slice::from_ref(&limit), SECOND * 2);
                    // Some give up while they wait, which must not cost a place.
                    let Ok(Acquired::Granted(permit, _)) = tokio::time::timeout(hold * 20, asking).await
                    else {
                        continue;
                    };
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    calls.fetch_add(1, Ordering::SeqCst);
                    sleep(hold).await;
                    now.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                }
            });
        }
        callers
    }

    async fn calls(&self, count: u32) {
        let wanted = self.calls.load(Ordering::SeqCst) + count;
        eventually("calls go on", || async { self.calls.load(Ordering::SeqCst) >= wanted }).await;
    }
}

fn rand_byte() -> u8 {
    uuid::Uuid::now_v7().as_bytes()[15]
}

#[tokio::test(flavor = "multi_thread")]
async fn live_calls_never_exceed_their_limit_and_no_place_is_lost() {
    Rig::on_both(brisk(), |rig| async move {
        let workers = workers(&rig, 5).await;
        let mut callers = Callers::start(&workers, 12, &live("trunk", 7));
        callers.calls(1_500).await;
        // Whoever is shut down gives its place back and is not counted out.
        assert_eq!(callers.most.load(Ordering::SeqCst), 7);
        callers.tasks.shutdown().await;
        let mut permits = Vec::new();
        for _ in 0..7 {
            permits.push(permit(rig.fleet.limits().acquire(&[live("trunk", 7)], PATIENT).await));
        }
        let (kind, _) = no_room(answered(rig.fleet.limits(), &[live("trunk", 7)], SECOND / 2).await);
        assert_eq!(kind, Shortage::Live);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flushall_does_not_make_the_fleet_forget_its_live_calls() {
    let rig = Rig::redis(brisk()).await;
    let workers = workers(&rig, 4).await;
    let limit = [live("trunk", 4)];
    let long = permit(workers[0].limits().acquire(&limit, PATIENT).await);
    let callers = Callers::start(&workers, 8, &limit[0]);
    callers.calls(100).await;
    for _ in 0..2 {
        rig.redis.as_ref().unwrap().flush().await;
        callers.calls(100).await;
    }
    // Three and the long one.
    assert_eq!(callers.most.load(Ordering::SeqCst), 3);
    drop(long);
    callers.calls(100).await;
    eventually("its place is used", || async { callers.most.load(Ordering::SeqCst) == 4 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_places_of_a_dead_worker_come_back_after_the_lease_and_not_before() {
    let redis = Redis::start().await;
    let settings = brisk();
    let survivor = redis.fleet(&settings).await;
    let limit = [live("trunk", 3)];
    let kept = permit(survivor.limits().acquire(&limit, PATIENT).await);
    let (url, lease) = (redis.url(), settings.live_lease);
    let doomed = std::thread::spawn(move || {
        // A runtime of its own, so that everything of this worker stops dead with it.
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (permits, asked) = runtime.block_on(async {
            let fleet = Fleet::connect(&url, settings).await.unwrap();
            let limit = [live("trunk", 3)];
            let first = permit(fleet.limits().acquire(&limit, PATIENT).await);
            let asked = Instant::now();
            ([first, permit(fleet.limits().acquire(&limit, PATIENT).await)], asked)
        });
        runtime.shutdown_background();
        std::mem::forget(permits);
        asked
    });
    let asked = tokio::task::spawn_blocking(|| doomed.join().unwrap()).await.unwrap();
    let first = permit(survivor.limits().acquire(&limit, PATIENT).await);
    // To be granted a place renews the lease, so it runs at least from when the last one was asked for. Redis has a clock
    // of its own.
    assert!(asked.elapsed() >= lease * 9 / 10, "back after {:?}", asked.elapsed());
    let second = permit(survivor.limits().acquire(&limit, PATIENT).await);
    no_room(survivor.limits().acquire(&limit, SECOND / 2).await);
    drop((kept, first, second));
}
