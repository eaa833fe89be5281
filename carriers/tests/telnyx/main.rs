//! The Telnyx carrier against a provider that keeps its calls, tells of them by signed webhooks, and misbehaves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../tests/support/telnyx.rs"]
#[allow(dead_code, reason = "each test program uses its own part of it")]
mod fake;
mod lost;
mod placed;
mod talk;
mod told;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use fake::{CONNECTION, FakeTelnyx, KEY, Manners, Webhooks};
use ringfleet_carriers::{
    AgentAt, Carrier, Connector, Handover, Hints, Order, Pace, Progress, Registry, RestSettings, Say, Script,
    SipSettings, TelnyxCarrier, telnyx,
};
use ringfleet_core::{
    CallId, Clock, EndedBy, Ending, Outcome, SystemClock, net::Guard, telnyx_trunk::TelnyxTrunk,
    trunk::TrunkConfig,
};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

const QUICK: Manners = Manners {
    queue: Duration::from_millis(20),
    ring: Duration::from_millis(60),
    talk: Duration::from_millis(120),
    webhooks: Webhooks::Lost,
    lists: true,
};
/// Longer than anything takes here, and shorter than what is slow on purpose.
const SOON: Duration = Duration::from_secs(20);
/// Rings and talks for longer than any test lasts.
const SLOW: Manners = Manners { ring: Duration::from_secs(60), talk: Duration::from_secs(60), ..QUICK };
/// Nothing is asked as long as a test lasts: what is known was told.
const NEVER: Pace = Pace { first: Duration::from_secs(60), longest: Duration::from_secs(60) };

fn settings() -> RestSettings {
    let _ = rustls::crypto::ring::default_provider().install_default();
    RestSettings {
        guard: Guard::allowing(vec!["127.0.0.0/8".parse().unwrap()]),
        pace: Pace { first: Duration::from_millis(10), longest: Duration::from_millis(40) },
        patience: Duration::from_millis(500),
        search: Duration::from_millis(400),
        ..RestSettings::default()
    }
}

fn trunk(url: &str, more: Value) -> TelnyxTrunk {
    let mut trunk = json!({
        "apiKey": KEY, "connectionId": CONNECTION, "publicKey": fake::public_key(), "baseUrl": url, "machineDetection": true,
    });
    trunk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(trunk).unwrap()
}

fn carrier(fake: &FakeTelnyx) -> TelnyxCarrier {
    TelnyxCarrier::open(trunk(&fake.url(), json!({})), settings(), Hints::default()).unwrap()
}

fn order(end: &str) -> Order {
    Order {
        call: CallId::new(SystemClock.now()),
        to: format!("+120255501{end}").parse().unwrap(),
        from: Some("+12025550199".into()),
        ring_timeout: Duration::from_secs(5),
        max_duration: Duration::from_secs(60),
        greeting: Arc::default(),
        say: None,
        hang_up_after_greeting: true,
        record: None,
        script: Arc::default(),
    }
}

async fn place(carrier: &dyn Carrier, order: Order) -> (Ending, Vec<Progress>) {
    let (progress, mut seen) = unbounded_channel();
    let attempt = carrier.prepare(order).await.unwrap();
    let placed = attempt.place(progress, CancellationToken::new());
    let ending = tokio::time::timeout(SOON, placed).await.expect("an ending");
    let mut steps = Vec::new();
    while let Some(step) = seen.recv().await {
        steps.push(step);
    }
    (ending, steps)
}

/// Outcome, reason and code; a hold has none of the first.
fn short(ending: &Ending) -> (Option<Outcome>, &str, Option<u16>) {
    match ending {
        Ending::Over { outcome, reason, code, .. } => (Some(*outcome), reason, *code),
        Ending::NoRoom { reason, code, .. } => (None, reason, *code),
        Ending::GivenUp { reason } => (None, reason, None),
    }
}

/// An installation that the provider reaches, as far as webhooks go.
struct Reached {
    carrier: Arc<dyn Carrier>,
    refused: Arc<AtomicUsize>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Reached {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Clone)]
struct Door(Arc<Registry>, Arc<AtomicUsize>);

/// What the API does with a webhook.
async fn heard(
    State(Door(registry, refused)): State<Door>,
    Path(call): Path<CallId>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let header = |name: &str| headers.get(name).unwrap().to_str().unwrap();
    let (at, signature) = (header("telnyx-timestamp"), header("telnyx-signature-ed25519"));
    if !telnyx::is_signed(&fake::public_key(), at, &body, signature, SystemClock.now()) {
        refused.fetch_add(1, Ordering::Relaxed);
        return StatusCode::FORBIDDEN;
    }
    if let Some(note) = telnyx::note(&body) {
        registry.hint(call, note);
    }
    StatusCode::OK
}

async fn reached(fake: &FakeTelnyx, pace: Pace, more: Value) -> Reached {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let callbacks = Some(format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap());
    let settings = RestSettings { callbacks, pace, ..settings() };
    let registry = Arc::new(Registry::new(SipSettings::default()).with_rest(settings));
    let refused = Arc::new(AtomicUsize::new(0));
    let door = Door(registry.clone(), refused.clone());
    let routes = Router::new().route("/callbacks/telnyx/{call}", post(heard)).with_state(door);
    let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let id = "trk_01h455vb4pex5vsknk084sn02q".parse().unwrap();
    let carrier = registry.carrier(id, &TrunkConfig::Telnyx(trunk(&fake.url(), more))).unwrap();
    Reached { carrier, refused, server }
}
