//! Runs one role, or all of them in one process.

use std::{sync::Arc, time::Duration};

use ringfleet_carriers::Registry;
use ringfleet_engine::Engine;
use tokio::{net::TcpListener, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    metrics,
    process::{Failure, Wanted, open_engine, open_store, own_data, stop_signal},
};

/// So long those who ask for metrics have for their answers when the process ends.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Brings the schema up to this version.
pub async fn migrate(config: &Config) -> Result<(), Failure> {
    let _own = own_data(config)?;
    let store = open_store(config).await?;
    store.migrate().await?;
    println!("the database schema is up to date");
    store.close().await;
    Ok(())
}

/// Runs roles until a signal comes.
pub async fn run(config: Config, wanted: Wanted) -> Result<(), Failure> {
    let stop = stop_signal()?;
    let own = own_data(&config)?;
    let metrics = metrics::install(&config, wanted).await?;
    // A migration may have to wait for long.
    let Some(engine) = stop.run_until_cancelled(open_engine(&config, wanted)).await else { return Ok(()) };
    let engine = engine?;
    if own.is_some() {
        engine.find_orphans(Some(Duration::ZERO)).await?; // whoever worked here before is dead
    }
    let listener = match wanted.api {
        true => Some(bind(&config).await?),
        false => None,
    };
    let addr = listener.as_ref().map(TcpListener::local_addr).transpose()?;
    let over = CancellationToken::new();
    let telling = metrics.map(|metrics| metrics.serve(engine.clone(), over.clone())).transpose()?;
    let roles = start(&config, engine.clone(), wanted, listener, stop)?;
    roles.ready().await;
    match addr {
        Some(addr) => println!("listening on http://{addr}\ndashboard:   http://{addr}/"),
        None => println!("ready"),
    }
    let ended = roles.ended().await;
    over.cancel();
    if let Some(telling) = telling {
        // It has said what went wrong. Whoever has sent half a request for metrics keeps nobody from ending.
        let _ = timeout(LAST_WORDS, telling).await;
    }
    engine.store().close().await;
    ended
}

pub async fn bind(config: &Config) -> Result<TcpListener, Failure> {
    TcpListener::bind(config.listen).await.map_err(|e| {
        Failure::new(format!("cannot listen on {}: {e}; choose another address with --listen", config.listen))
    })
}

/// The running roles of this process.
pub struct Roles {
    tasks: JoinSet<Result<(), Failure>>,
    worker_ready: CancellationToken,
    stop: CancellationToken,
}

/// Starts the wanted roles. They end when `stop` is cancelled, or all of them when one fails.
pub fn start(
    config: &Config,
    engine: Engine,
    wanted: Wanted,
    listener: Option<TcpListener>,
    stop: CancellationToken,
) -> Result<Roles, Failure> {
    let mut tasks = JoinSet::new();
    let worker_ready = CancellationToken::new();
    if wanted.worker {
        let registry = Registry::new(config.sip.clone()).with_rest(config.rest());
        let carriers = Arc::new(match &config.worker.witness {
            Some(file) => registry.with_witness(file.clone()),
            None => registry,
        });
        let (engine, settings, stop) = (engine.clone(), config.worker()?, stop.clone());
        let ready = worker_ready.clone();
        tasks.spawn(async move {
            let _ended = ready.clone().drop_guard(); // nobody waits for a worker that could not start
            Ok(ringfleet_worker::run(engine, carriers, settings, stop, || ready.cancel()).await?)
        });
    } else {
        worker_ready.cancel();
    }
    if wanted.scheduler {
        let (engine, settings, stop) = (engine.clone(), config.scheduler()?, stop.clone());
        tasks.spawn(async move {
            ringfleet_scheduler::run(engine, settings, stop).await;
            Ok(())
        });
    }
    if let Some(listener) = listener {
        let settings = config.api_settings()?;
        let (engine, stop) = (engine.clone(), stop.clone());
        tasks.spawn(async move { Ok(ringfleet_api::serve(listener, engine, settings, stop).await?) });
    }
    Ok(Roles { tasks, worker_ready, stop })
}

impl Roles {
    /// Waits until the worker of this process, if it has one, takes jobs (or has failed).
    pub async fn ready(&self) {
        self.worker_ready.cancelled().await;
    }

    /// Waits until every role has ended; gives the first failure.
    pub async fn ended(mut self) -> Result<(), Failure> {
        let mut first = Ok(());
        while let Some(ended) = self.tasks.join_next().await {
            let ended = ended.unwrap_or_else(|e| Err(Failure::during("a role broke down", e)));
            if ended.is_err() {
                self.stop.cancel();
                first = first.and(ended);
            }
        }
        first
    }
}
