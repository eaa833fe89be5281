//! Measures the queue: pushing, no-op jobs per second, and how long a job waits to be picked up.
//!
//! ```text
//! cargo run --release -p ringfleet-fleet --example queue_bench -- redis://127.0.0.1:6379/ [JOBS]
//! cargo run --release -p ringfleet-fleet --example queue_bench -- in-process [JOBS]
//! ```
//!
//! It works under a key prefix of its own and leaves empty lanes behind.

use std::{
    collections::HashMap,
    error::Error,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ringfleet_fleet::{ConsumerSettings, Fleet, FleetSettings, Lane, consume};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, interval},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Jobs per push in bulk, as a dispatcher does.
const BULK: usize = 1_000;
const CONCURRENCY: usize = 256;

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let place = arguments.next().unwrap_or_else(|| "in-process".to_owned());
    let jobs: usize = arguments.next().map_or(Ok(100_000), |count| count.parse())?;
    let fleet = if place == "in-process" {
        Fleet::in_process()
    } else {
        let prefix = format!("ringfleet-bench-{}", Uuid::now_v7().simple());
        Fleet::connect(&place, FleetSettings { prefix, ..FleetSettings::default() }).await?
    };
    push_in_bulk(&fleet, jobs).await?;
    consume_all(&fleet, jobs).await?;
    push_one_by_one(&fleet, jobs / 10).await?;
    consume_all(&fleet, jobs / 10).await?;
    pick_up(&fleet, 1_000).await
}

async fn push_in_bulk(fleet: &Fleet, jobs: usize) -> Outcome<()> {
    let ids: Vec<Uuid> = (0..jobs).map(|_| Uuid::now_v7()).collect();
    let start = Instant::now();
    for chunk in ids.chunks(BULK) {
        fleet.push(Lane::Campaign, chunk).await?;
    }
    tell("pushed in bulk", jobs, start.elapsed());
    Ok(())
}

async fn push_one_by_one(fleet: &Fleet, jobs: usize) -> Outcome<()> {
    let start = Instant::now();
    let mut pushers = JoinSet::new();
    for _ in 0..64 {
        let fleet = fleet.clone();
        pushers.spawn(async move {
            for _ in 0..jobs / 64 {
                fleet.push(Lane::Campaign, &[Uuid::now_v7()]).await?;
            }
            Ok::<(), ringfleet_fleet::FleetError>(())
        });
    }
    while let Some(pushed) = pushers.join_next().await {
        pushed??;
    }
    tell("pushed one by one, 64 at a time", jobs / 64 * 64, start.elapsed());
    Ok(())
}

/// Handles all that waits with a handler that does nothing.
async fn consume_all(fleet: &Fleet, jobs: usize) -> Outcome<()> {
    let jobs = jobs.min(fleet.depth(Lane::Campaign).await? as usize);
    let (handled, done, stop) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()), CancellationToken::new());
    let start = Instant::now();
    let (counter, finished) = (handled.clone(), done.clone());
    let handler = move |_, _| {
        let (counter, finished) = (counter.clone(), finished.clone());
        async move {
            if counter.fetch_add(1, Ordering::Relaxed) + 1 == jobs {
                finished.notify_one();
            }
        }
    };
    let consumer = tokio::spawn(run(fleet.clone(), handler, stop.clone()));
    done.notified().await;
    tell("no-op jobs handled", jobs, start.elapsed());
    stop.cancel();
    consumer.await??;
    Ok(())
}

/// How long single jobs wait to be picked up, at 200 per second.
async fn pick_up(fleet: &Fleet, jobs: usize) -> Outcome<()> {
    let pushed: Arc<Mutex<HashMap<Uuid, Instant>>> = Arc::default();
    let waited: Arc<Mutex<Vec<Duration>>> = Arc::default();
    let (stop, seen, waits) = (CancellationToken::new(), pushed.clone(), waited.clone());
    let handler = move |_, id| {
        let since = seen.lock().ok().and_then(|mut seen| seen.remove(&id));
        if let (Some(since), Ok(mut waits)) = (since, waits.lock()) {
            waits.push(since.elapsed());
        }
        std::future::ready(())
    };
    let consumer = tokio::spawn(run(fleet.clone(), handler, stop.clone()));
    let mut ticks = interval(Duration::from_millis(5));
    for _ in 0..jobs {
        ticks.tick().await;
        let id = Uuid::now_v7();
        if let Ok(mut pushed) = pushed.lock() {
            pushed.insert(id, Instant::now());
        }
        fleet.push(Lane::Trigger, &[id]).await?;
    }
    while fleet.depth(Lane::Trigger).await? > 0 {
        ticks.tick().await;
    }
    stop.cancel();
    consumer.await??;
    if let Ok(mut waits) = waited.lock() {
        waits.sort();
        let at = |share: f64| waits.get((waits.len() as f64 * share) as usize).copied().unwrap_or_default();
        println!("pick-up at 200/s: p50 {:?}, p99 {:?}, of {}", at(0.5), at(0.99), waits.len());
    }
    Ok(())
}

async fn run<F, Fut>(fleet: Fleet, handler: F, stop: CancellationToken) -> Outcome<()>
where
    F: Fn(Lane, Uuid) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let lanes = vec![Lane::Trigger, Lane::Campaign];
    let settings =
        ConsumerSettings { name: "bench".to_owned(), lanes, concurrency: CONCURRENCY, places: None };
    Ok(consume(&fleet, settings, handler, stop).await?)
}

fn tell(what: &str, jobs: usize, time: Duration) {
    println!("{what}: {jobs} in {time:.2?}, {:.0}/s", jobs as f64 / time.as_secs_f64());
}
