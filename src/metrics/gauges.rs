//! What a process tells of itself and of what it stands on, looked up when it is asked or now and then.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use ringfleet_core::{Clock, clock::Stopwatch};
use ringfleet_engine::Engine;
use ringfleet_telemetry::{
    CLOCK_OFFSET, CPU, DB_CONNECTIONS, DB_MOST, DB_UP, MEMORY, MOST_FILES, OPEN_FILES, REDIS_UP,
};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::proc;

/// How often database and Redis are asked whether they are there.
const LOOK: Duration = Duration::from_secs(5);
/// Who needs longer than this to answer is not there.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is read at the moment of a scrape. What the system does not tell is left as it was.
pub fn of_the_process(engine: &Engine) {
    let pid = std::process::id();
    if let Ok(seconds) = proc::cpu_seconds(pid) {
        CPU.one().absolute(seconds as u64);
    }
    if let Ok(bytes) = proc::resident_bytes(pid) {
        MEMORY.one().set(bytes as f64);
    }
    if let Ok(files) = proc::open_files(pid) {
        OPEN_FILES.one().set(files as f64);
    }
    if let Ok(files) = proc::most_files(pid) {
        MOST_FILES.one().set(files as f64);
    }
    let connections = engine.store().connections();
    DB_CONNECTIONS.of(["idle"]).set(connections.idle);
    DB_CONNECTIONS.of(["in_use"]).set(connections.in_use);
    DB_MOST.one().set(connections.most);
}

/// Looks, until `over`, whether database and Redis are there; and keeps what was recorded small while nobody scrapes.
pub async fn look(engine: Engine, recorded: PrometheusHandle, over: CancellationToken) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while over.run_until_cancelled(ticks.tick()).await.is_some() {
        let (database, redis) =
            tokio::join!(timeout(PATIENCE, clock_offset(&engine)), timeout(PATIENCE, engine.fleet().ping()),);
        DB_UP.one().set(u8::from(matches!(database, Ok(Ok(_)))));
        REDIS_UP.one().set(u8::from(matches!(redis, Ok(Ok(())))));
        if let Ok(Ok(offset)) = database {
            CLOCK_OFFSET.one().set(offset);
        }
        recorded.run_upkeep();
    }
}

/// How many seconds the clock of this process is ahead of the database's, taken that the answer took as long as the question.
async fn clock_offset(engine: &Engine) -> ringfleet_store::Result<f64> {
    let mut tx = engine.store().read().await?;
    let watch = Stopwatch::start();
    let theirs = tx.database_time().await?;
    let (ours, took) = (Clock::now(engine.clock()), watch.elapsed());
    tx.commit().await?;
    Ok((ours - theirs).as_seconds_f64() - took.as_secs_f64() / 2.0)
}
