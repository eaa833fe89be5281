//! The workers of a fleet at the command line, beside its processes.

use std::time::Duration;

use ringfleet_core::WorkerId;
use ringfleet_engine::{Engine, Receipt, WorkerNow};

use crate::{
    config::Config,
    process::{Failure, Wanted, open_engine},
};

/// How often whoever waits for a drain looks.
const LOOK: Duration = Duration::from_secs(1);

/// Lists the workers that live, one a line.
pub async fn list(config: &Config) -> Result<(), Failure> {
    let engine = opened(config).await?;
    for worker in engine.fleet_now().await?.workers {
        println!("{}", line(&worker));
    }
    engine.store().close().await;
    Ok(())
}

/// Lets a worker take no more calls; with `wait`, ends when its last one is over.
pub async fn drain(config: &Config, id: WorkerId, wait: bool) -> Result<(), Failure> {
    let engine = opened(config).await?;
    ask(&engine, id, true).await?;
    if wait {
        until_empty(&engine, id).await?;
    }
    println!("{}", if wait { "the worker has no calls" } else { "the worker takes no more calls" });
    engine.store().close().await;
    Ok(())
}

/// Waits for the last call of a worker; one that is gone has none. One that nothing is heard of, as when Redis has lost its memory, may well have
/// some.
async fn until_empty(engine: &Engine, id: WorkerId) -> Result<(), Failure> {
    let mut told = String::new();
    while engine.worker_lives(id).await? {
        let says = match find(engine, id).await? {
            Some(worker) if worker.draining && worker.live == 0 => return Ok(()),
            Some(worker) => format!("{} calls are on the line", worker.live),
            None => "nothing is heard of the worker at this moment".to_owned(),
        };
        if told != says {
            eprintln!("{says}");
            told = says;
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Lets a worker take calls again.
pub async fn resume(config: &Config, id: WorkerId) -> Result<(), Failure> {
    let engine = opened(config).await?;
    ask(&engine, id, false).await?;
    println!("the worker takes calls again");
    engine.store().close().await;
    Ok(())
}

/// Alone there is one worker, in the memory of another process.
async fn opened(config: &Config) -> Result<Engine, Failure> {
    match (&config.database_url, &config.redis_url) {
        (Some(_), Some(_)) => open_engine(config, Wanted::API).await,
        _ => Err(Failure::new(
            "this asks the workers of a fleet, by DATABASE_URL and REDIS_URL; of one process see POST /api/v1/fleet/workers/ID/drain, or stop it",
        )),
    }
}

async fn ask(engine: &Engine, id: WorkerId, drains: bool) -> Result<(), Failure> {
    let asked = engine.drain_worker(id, drains, Receipt::none()).await;
    asked.map_err(|error| Failure::during("see `ringfleet worker list`", error))
}

async fn find(engine: &Engine, id: WorkerId) -> Result<Option<WorkerNow>, Failure> {
    Ok(engine.fleet_now().await?.workers.into_iter().find(|worker| worker.id == id))
}

fn line(worker: &WorkerNow) -> String {
    let WorkerNow { id, version, live, capacity, draining, .. } = worker;
    let does = if *draining { "drains" } else { "takes calls" };
    format!("{id}\t{version}\t{live}/{capacity} calls\t{does}")
}
