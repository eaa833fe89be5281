//! The Telnyx carrier against a provider that keeps its calls, tells of them by signed webhooks, and misbehaves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../tests/support/telnyx.rs"]
#[allow(dead_code, reason = "each test program uses its own part of it")]
mod fake;
mod lost;
mod placed;
#[path = "../rest_support/mod.rs"]
mod rest_support;
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
use rest_support::{SOON, place, settings, short};
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
/// Rings and talks for longer than any test lasts.
const SLOW: Manners = Manners { ring: Duration::from_secs(60), talk: Duration::from_secs(60), ..QUICK };
/// Nothing is asked as long as a test lasts: what is known was told.
const NEVER: Pace = Pace { first: Duration::from_secs(60), longest: Duration::from_secs(60) };

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

/// A call that rings for as short as the provider lets it.
fn order(end: &str) -> Order {
    Order { ring_timeout: Duration::from_secs(5), ..rest_support::order(end) }
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
