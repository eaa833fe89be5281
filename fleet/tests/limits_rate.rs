//! Calls per second, on both sets of books: exact across workers.
#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests are tests

mod common;

use std::time::Duration;

use common::{
    Rig, brisk,
    need::{PATIENT, SECOND, permit, rate, warmed_up, workers},
};
use ringfleet_fleet::{Acquired, Fleet, Limit};
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{Instant, sleep},
};

/// Timing is measured by one test at a time.
static QUIET: Mutex<()> = Mutex::const_new(());

/// Runs senders on several workers for a time and returns when each of them sent.
async fn send(workers: &[Fleet], each: usize, limits: &[Vec<Limit>], time: Duration) -> Vec<Duration> {
    let start = Instant::now();
    let mut senders = JoinSet::new();
    for nth in 0..workers.len() * each {
        let fleet = workers[nth % workers.len()].clone();
        let limits = limits[nth % limits.len()].clone();
        senders.spawn(async move {
            let mut sent = Vec::new();
            while start.elapsed() < time {
                match fleet.limits().acquire(&limits, SECOND * 3).await {
                    Acquired::Granted(_permit) => sent.push(start.elapsed()),
                    Acquired::NoRoom { retry_after, .. } => sleep(retry_after.min(SECOND / 2)).await,
                }
            }
            sent
        });
    }
    let sent = senders.join_all().await.into_iter().flatten();
    let mut sent: Vec<Duration> = sent.filter(|at| *at < time).collect();
    sent.sort();
    sent
}

/// The most sent in any window of one second.
fn busiest_second(sent: &[Duration]) -> usize {
    let mut first = 0;
    (0..sent.len())
        .map(|last| {
            while sent[last] - sent[first] >= SECOND {
                first += 1;
            }
            last - first + 1
        })
        .max()
        .unwrap_or_default()
}

/// How much of a time the machine was there for us: what timers were late beyond the 10 ms a limit forgives was not.
/// Tokens met too late are lost by design, so use is measured against this.
async fn presence_of_mind(time: Duration) -> f64 {
    let (start, tick) = (Instant::now(), Duration::from_millis(5));
    let mut lost = Duration::ZERO;
    while start.elapsed() < time {
        let due = Instant::now() + tick;
        sleep(tick).await;
        lost += due.elapsed().saturating_sub(Duration::from_millis(10));
    }
    1.0 - lost.as_secs_f64() / start.elapsed().as_secs_f64()
}

/// Never above the rate in any round; and in one of six at least, hardly below it.
async fn exact(
    workers: &[Fleet],
    each: usize,
    shapes: impl Fn(usize) -> Shape,
    seconds: u32,
    least_use: f64,
) {
    let (mut used, mut there) = (0.0, 1.0);
    for round in 0..6 {
        let Shape { per_second, limits } = shapes(round);
        let time = SECOND * seconds;
        let (sent, awake) = tokio::join!(send(workers, each, &limits, time), presence_of_mind(time));
        let busiest = busiest_second(&sent);
        assert!(busiest as f64 <= per_second * 1.01, "{busiest} in a second of {per_second}");
        (used, there) = (sent.len() as f64 / (per_second * f64::from(seconds)), awake);
        println!("{per_second}/s: {busiest} at most in a second, {used:.3} used, machine there {there:.3}");
        if used >= least_use * there {
            return;
        }
    }
    panic!("only {used:.3} used with the machine there for {there:.3} of the time");
}

/// Limits for senders to share in turn, and what they allow together.
struct Shape {
    per_second: f64,
    limits: Vec<Vec<Limit>>,
}

/// One limit, fresh for each round.
fn alone(key: &str, per_second: f64) -> impl Fn(usize) -> Shape {
    move |round| Shape { per_second, limits: vec![vec![rate(&format!("{key}-{round}"), per_second)]] }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_second_sees_more_calls_than_the_rate() {
    let _quiet = QUIET.lock().await;
    Rig::on_both(brisk(), |rig| async move {
        warmed_up(&rig.fleet).await;
        let workers = workers(&rig, 6).await;
        exact(&workers, 8, alone("slow", 5.0), 4, 0.9).await;
        exact(&workers, 8, alone("middle", 50.0), 4, 0.95).await;
        exact(&workers, 8, alone("fast", 1_000.0), 3, 0.95).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fraction_of_a_call_per_second_is_a_call_every_few_seconds() {
    let _quiet = QUIET.lock().await;
    Rig::on_both(brisk(), |rig| async move {
        warmed_up(&rig.fleet).await;
        let sent = send(&workers(&rig, 4).await, 1, &[vec![rate("rare", 0.5)]], SECOND * 5).await;
        assert!(sent.len() >= 3, "{sent:?}");
        assert!(sent.windows(2).all(|pair| pair[1] - pair[0] >= SECOND * 2), "{sent:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn campaigns_share_a_trunk_and_neither_limit_is_exceeded() {
    let _quiet = QUIET.lock().await;
    Rig::on_both(brisk(), |rig| async move {
        warmed_up(&rig.fleet).await;
        let five = |round: usize| {
            let trunk = rate(&format!("trunk-{round}"), 100.0);
            let campaign = |n: usize| rate(&format!("campaign-{round}-{n}"), 30.0);
            Shape { per_second: 100.0, limits: (0..5).map(|n| vec![trunk.clone(), campaign(n)]).collect() }
        };
        exact(&workers(&rig, 4).await, 20, five, 4, 0.9).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_rate_holds_within_a_second() {
    let _quiet = QUIET.lock().await;
    Rig::on_both(brisk(), |rig| async move {
        warmed_up(&rig.fleet).await;
        let limits = rig.fleet.limits();
        drop(permit(limits.acquire(&[rate("trunk", 0.1)], PATIENT).await));
        let changed = Instant::now();
        drop(permit(limits.acquire(&[rate("trunk", 20.0)], PATIENT).await));
        assert!(changed.elapsed() < SECOND, "a faster rate took {:?}", changed.elapsed());
        drop(permit(limits.acquire(&[rate("trunk", 2.0)], PATIENT).await));
        let changed = Instant::now();
        drop(permit(limits.acquire(&[rate("trunk", 2.0)], PATIENT).await));
        assert!(changed.elapsed() > SECOND * 2 / 5, "a slower rate was not kept");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flushall_does_not_let_a_second_take_more_than_the_rate() {
    let _quiet = QUIET.lock().await;
    let rig = Rig::redis(brisk()).await;
    warmed_up(&rig.fleet).await;
    let workers = workers(&rig, 4).await;
    let limits = [vec![rate("trunk", 50.0)]];
    let flusher = async {
        sleep(Duration::from_millis(1_300)).await;
        rig.redis.as_ref().unwrap().flush().await;
    };
    let (sent, ()) = tokio::join!(send(&workers, 8, &limits, SECOND * 4), flusher);
    assert!(busiest_second(&sent) <= 50, "{}", busiest_second(&sent));
    assert!(sent.last().unwrap() > &(SECOND * 3), "calls go on after it");
}
