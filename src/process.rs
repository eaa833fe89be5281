//! What a process is made of: its failure, its signals, its store and engine.

use std::{
    fmt::Display,
    fs::{DirBuilder, File},
    os::unix::fs::DirBuilderExt,
    sync::Arc,
    time::Duration,
};

use ringfleet_core::{Clock, ShiftedClock, SystemClock};
use ringfleet_engine::Engine;
use ringfleet_fleet::{Fleet, FleetSettings};
use ringfleet_store::Store;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{config::Config, secrets};

/// Why the program ends with status 1: one sentence for the person who started it.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Puts what was being done in front of why it failed.
    pub fn during(what: &str, why: impl Display) -> Self {
        Self(format!("{what}: {why}"))
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// The roles a process runs.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub api: bool,
    pub scheduler: bool,
    pub worker: bool,
}

impl Wanted {
    pub const ALL: Self = Self { api: true, scheduler: true, worker: true };
    pub const API: Self = Self { api: true, scheduler: false, worker: false };
    pub const SCHEDULER: Self = Self { api: false, scheduler: true, worker: false };
    pub const WORKER: Self = Self { api: false, scheduler: false, worker: true };

    /// The roles' names, for those who watch.
    pub fn names(self) -> String {
        let roles = [(self.api, "api"), (self.scheduler, "scheduler"), (self.worker, "worker")];
        roles.into_iter().filter_map(|(runs, name)| runs.then_some(name)).collect::<Vec<_>>().join(",")
    }

    fn is_all(self) -> bool {
        self.api && self.scheduler && self.worker
    }
}

/// Opens the database the configuration names; makes the embedded one's file as needed. Does not touch the schema.
pub async fn open_store(config: &Config) -> Result<Store, Failure> {
    let lacks_key =
        config.database_url.is_none() && config.sqlite_file().is_file() && !secrets::file(config).exists();
    let store = match &config.database_url {
        Some(url) => Store::postgres(url, config.database.connections)
            .await
            .map_err(|e| Failure::during("PostgreSQL cannot be opened", e)),
        None => {
            make_data_folder(config)?;
            Store::sqlite(&config.sqlite_file()).await.map_err(|e| unusable(config, e))
        }
    }?;
    let store = store.with_keys(secrets::keyring(config)?);
    if lacks_key {
        secrets::refuse_another_key(config, &store).await?;
    }
    Ok(store)
}

fn make_data_folder(config: &Config) -> Result<(), Failure> {
    // It holds credentials and voices: its owner's business only.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&config.data);
    made.map_err(|e| unusable(config, e))
}

fn unusable(config: &Config, why: impl Display) -> Failure {
    Failure::during(&format!("the data folder {} cannot be used", config.data.display()), why)
}

/// Opens database and fleet and joins them. Whoever runs all roles brings the schema up to this version first.
pub async fn open_engine(config: &Config, wanted: Wanted) -> Result<Engine, Failure> {
    let fleet = match (&config.database_url, &config.redis_url) {
        (Some(_), Some(url)) => {
            let settings = FleetSettings { prefix: config.redis.prefix.clone(), ..FleetSettings::default() };
            Fleet::connect(url, settings).await.map_err(|e| Failure::during("Redis cannot be used", e))?
        }
        (None, None) if wanted.is_all() => Fleet::in_process(),
        (None, None) => {
            return Err(Failure::new(
                "a single role needs DATABASE_URL and REDIS_URL; without them run all roles in one process: ringfleet up",
            ));
        }
        (Some(_), None) => {
            return Err(Failure::new("DATABASE_URL is set and REDIS_URL is not; set both, or neither"));
        }
        (None, Some(_)) => {
            return Err(Failure::new("REDIS_URL is set and DATABASE_URL is not; set both, or neither"));
        }
    };
    let store = open_store(config).await?;
    if wanted.is_all() {
        store.migrate().await?;
    }
    store.check_schema().await?;
    secrets::warn_without_keys(&store);
    if wanted.scheduler && store.has_keys() {
        // What was kept before there was a key is sealed now; and a key that is missing is missed here and not in the middle of a call.
        let sealed = ringfleet_engine::reseal_secrets(&store).await?;
        if sealed > 0 {
            tracing::info!(rows = sealed, "secrets were sealed with the first of secrets.keys");
        }
    }
    Ok(Engine::new(store, fleet, clock(config), config.retries()).with_media(config.media()?))
}

/// How often a process that is to have a wrong clock looks how wrong.
const LOOK_AT_SHIFT: Duration = Duration::from_millis(50);

/// The clock of this process: the machine's, unless a test wants it to be wrong.
fn clock(config: &Config) -> Arc<dyn Clock> {
    let Some(file) = config.clock_shift.clone() else { return Arc::new(SystemClock) };
    let clock = ShiftedClock::default();
    let shifted = clock.clone();
    tokio::spawn(async move {
        loop {
            // Caught while it is being written, it counts as it was before.
            let text = tokio::fs::read_to_string(&file).await.unwrap_or_default();
            if let Ok(millis) = text.trim().parse() {
                shifted.shift_to(millis);
            }
            tokio::time::sleep(LOOK_AT_SHIFT).await;
        }
    });
    Arc::new(clock)
}

/// Makes the embedded database this process's own until the value is dropped: its queue and its limits are in its memory, so
/// a second process running roles on the same folder would call past them, and one of another version would change the
/// schema under it. To be taken before the database is opened.
pub fn own_data(config: &Config) -> Result<Option<File>, Failure> {
    if config.database_url.is_some() {
        return Ok(None);
    }
    make_data_folder(config)?;
    let path = config.data.join("ringfleet.lock");
    let file = File::create(&path).map_err(|e| unusable(config, format!("{}: {e}", path.display())))?;
    file.try_lock().map_err(|_| {
        Failure::new(format!(
            "another ringfleet is running on {}; stop it, or choose another --data",
            config.data.display()
        ))
    })?;
    Ok(Some(file))
}

/// Cancelled by SIGTERM or SIGINT. A second signal ends the process at once.
pub fn stop_signal() -> Result<CancellationToken, Failure> {
    let stop = CancellationToken::new();
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = stop.clone();
    tokio::spawn(async move {
        for last in [false, true] {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            if last {
                tracing::warn!(
                    "second signal: ending at once; calls still live will be resolved by another worker"
                );
                std::process::exit(130);
            }
            tracing::info!("stopping; a second signal ends at once");
            token.cancel();
        }
    });
    Ok(stop)
}
