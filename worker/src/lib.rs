//! The worker: takes jobs, dials calls and delivers webhooks.
//!
//! A worker proves that it lives by a heartbeat in the database. Declared dead, it hangs up what it has and goes on under
//! a new id. Asked to drain it takes no calls until it is asked to take some again. Told to stop it takes no more jobs, lets live calls end up to the drain time, then hangs up and settles.

mod begins;
mod deliver;
mod dial;
mod drain;
mod endpoints;
mod follow;
mod followed;
mod greetings;
mod hints;
mod identity;
mod message;
mod probe;
mod pulse;
mod recordings;
mod said;
mod script;

use std::{path::PathBuf, sync::Arc, time::Duration};

use ringfleet_carriers::{
    Connector, Registry,
    speech::{Speech, SpeechSettings},
};
use ringfleet_core::{CallId, DeliveryId, net::Guard};
use ringfleet_engine::{Engine, EngineError};
use ringfleet_fleet::{ConsumerSettings, FleetError, Lane, consume};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    begins::Begins, deliver::Postman, dial::Dialer, followed::Followed, greetings::Greetings,
    identity::Identity, recordings::Recordings,
};

/// How a worker behaves.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// Most calls live at once in this process.
    pub max_live: u32,
    /// How long live calls may go on after SIGTERM before they are hung up.
    pub drain: Duration,
    /// Most webhook requests under way at once.
    pub deliveries: usize,
    /// How long an endpoint may take to answer.
    pub delivery_timeout: Duration,
    /// Where webhooks, and calls that are handed over, may go.
    pub guard: Guard,
    /// Where agents' greetings are (8 to 48 kHz WAV).
    pub greetings: Option<PathBuf>,
    /// Where recordings are written, until they are put where they are kept.
    pub recordings: Option<PathBuf>,
    /// How texts that are said become speech; without it, calls that need it are held.
    pub speech: Option<SpeechSettings>,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            max_live: 500,
            drain: Duration::from_secs(30),
            deliveries: 256,
            delivery_timeout: Duration::from_secs(15),
            guard: Guard::default(),
            greetings: None,
            recordings: None,
            speech: None,
        }
    }
}

/// Why a worker could not run.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The database refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The queue refused.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// The HTTP client could not be made.
    #[error("the HTTP client for webhooks and speech cannot be made: {0}")]
    Http(#[from] reqwest::Error),
}

/// How long hung-up calls get to settle at the end of a drain: a CANCEL or BYE that nobody answers takes 32 s (64·T1).
const LAST_WORDS: Duration = Duration::from_secs(40);

/// Works until `stop`, then drains. `ready` is called once it takes jobs.
pub async fn run(
    engine: Engine,
    carriers: Arc<Registry>,
    settings: WorkerSettings,
    stop: CancellationToken,
    ready: impl FnOnce(),
) -> Result<(), WorkerError> {
    let identity = Arc::new(Identity::announce(&engine).await?);
    let live = Arc::new(Semaphore::new(settings.max_live as usize));
    let calls = TaskTracker::new();
    let recordings = Recordings::new(settings.recordings.clone());
    let dialer = Dialer {
        engine: engine.clone(),
        carriers: carriers.clone(),
        identity: identity.clone(),
        live: live.clone(),
        patient: Arc::new(Semaphore::new((settings.max_live / 8).max(1) as usize)),
        looking: Arc::default(),
        calls: calls.clone(),
        followed: Followed::default(),
        begins: Begins::default(),
        greetings: Arc::new(Greetings::new(settings.greetings.clone())),
        recordings: recordings.clone(),
        connector: Arc::new(Connector::new(settings.guard.clone())),
        speech: settings.speech.clone().map(Speech::open).transpose()?,
        drain: Arc::default(),
        stop: stop.clone(),
    };
    let postman = Postman::new(engine.clone(), &settings)?;

    let over = CancellationToken::new();
    let hinting = tokio::spawn(hints::pass_on(engine.clone(), carriers.clone(), over.clone()));
    let pulse = tokio::spawn(pulse::beat(dialer.clone(), settings.max_live, over.clone()));
    let keeping = tokio::spawn(recordings.keep(engine.clone(), over.clone()));
    let sharing = tokio::spawn(postman.clone().share_rates(stop.clone()));
    let probing = tokio::spawn(probe::probe_trunks(engine.clone(), carriers.clone(), stop.clone()));
    if !engine.fleet().is_shared() {
        dialer.settle_the_past().await?;
    }
    let drain = dialer.drain.clone();
    let dialing = drain.unless_on(&stop, |until| {
        let dialer = dialer.clone();
        consume(
            engine.fleet(),
            ConsumerSettings {
                name: "dial".into(),
                lanes: vec![Lane::Trigger, Lane::Campaign],
                concurrency: settings.max_live.clamp(16, 512) as usize,
                places: Some(live.clone()),
            },
            move |lane, id| {
                let dialer = dialer.clone();
                async move { dialer.take(lane, CallId::from(id)).await }
            },
            until,
        )
    });
    let delivering = consume(
        engine.fleet(),
        ConsumerSettings {
            name: "deliver".into(),
            lanes: vec![Lane::Deliver],
            concurrency: settings.deliveries,
            places: None,
        },
        move |_, id| {
            let postman = postman.clone();
            async move { postman.take(DeliveryId::from(id)).await }
        },
        stop.clone(),
    );
    tracing::info!(worker = %identity.id(), max_live = settings.max_live, "worker is ready");
    ready();
    let worked = tokio::try_join!(dialing, delivering);
    calls.close();
    let_end(&calls, &identity, settings.drain).await;
    over.cancel();
    drop(tokio::join!(pulse, probing, sharing, keeping, hinting));
    identity.retire(&engine).await;
    carriers.close().await;
    worked.map(drop).map_err(WorkerError::from)
}

async fn let_end(calls: &TaskTracker, identity: &Identity, patience: Duration) {
    if calls.is_empty() {
        return;
    }
    tracing::info!(live = calls.len(), seconds = patience.as_secs(), "waiting for live calls to end");
    if tokio::time::timeout(patience, calls.wait()).await.is_ok() {
        return;
    }
    tracing::info!(live = calls.len(), "hanging up the remaining calls");
    identity.hang_up_all();
    if tokio::time::timeout(LAST_WORDS, calls.wait()).await.is_err() {
        tracing::error!(live = calls.len(), "calls could not be settled; they are handed over as orphans");
    }
}
