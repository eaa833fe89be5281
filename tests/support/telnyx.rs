//! A provider that speaks Telnyx's Call Control API (version 2), on a free port of 127.0.0.1: keeps its calls, tells of them by signed webhooks and
//! in its list of events, and misbehaves by the end of the called number. Written apart from the carrier, so that each tests the other.
//!
//! The last digit decides as with `ringfleet carrier`: 1–5 answered, 6 never answered, 7 busy, 8 a machine, 9 no such number. Numbers that end in 0
//! are for faults: see [`Fault`].

use std::{
    collections::{BTreeMap, HashSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use ring::signature::{Ed25519KeyPair, KeyPair};
use ringfleet_core::{Clock, SystemClock};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc},
    task::JoinHandle,
    time::sleep,
};

pub const KEY: &str = "KEY0123456789ABCDEF_hush";
pub const CONNECTION: &str = "1494404757140276705";

/// How it is with webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Webhooks {
    InOrder,
    /// Each comes twice, the second time much too late.
    Twice,
    /// Each waits for the next one, which overtakes it.
    OutOfOrder,
    Lost,
    /// Signed by somebody else.
    Forged,
}

/// How the provider behaves.
#[derive(Debug, Clone, Copy)]
pub struct Manners {
    /// Before anybody is dialed.
    pub queue: Duration,
    pub ring: Duration,
    pub talk: Duration,
    pub webhooks: Webhooks,
    /// What it has told is listed.
    pub lists: bool,
}

/// What happens to a POST for a number with these last two digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// …00: 429 once for each number.
    ThrottledOnce,
    /// …10: 422, code 10002.
    BadNumber,
    /// …20: placed, and answered with 500.
    PlacedAnd500,
    /// …30: placed, and never answered.
    PlacedAndSilent,
    /// …40: 500, and not placed.
    Broken,
    /// …50: 403, code D12.
    WrongCountry,
    /// …60: placed, and the answer breaks off.
    PlacedAndBrokenOff,
    /// …70: 403, code D1, once for each number.
    FullOnce,
}

impl Fault {
    fn of(number: &str) -> Option<Self> {
        Some(match number.get(number.len().saturating_sub(2)..)? {
            "00" => Self::ThrottledOnce,
            "10" => Self::BadNumber,
            "20" => Self::PlacedAnd500,
            "30" => Self::PlacedAndSilent,
            "40" => Self::Broken,
            "50" => Self::WrongCountry,
            "60" => Self::PlacedAndBrokenOff,
            "70" => Self::FullOnce,
            _ => return None,
        })
    }
}

/// A call it has taken.
#[derive(Debug, Clone)]
pub struct Taken {
    pub id: String,
    pub leg: String,
    /// The request that placed it.
    pub dial: Value,
    /// What it was told to do, with the request.
    pub commands: Vec<(String, Value)>,
    /// What was told of it, as events.
    pub told: Vec<Value>,
    pub answered: bool,
    started: Option<String>,
    ended: Option<String>,
    changed: Arc<Notify>,
}

impl Taken {
    /// A field of the request that placed it.
    pub fn field(&self, name: &str) -> &str {
        self.dial[name].as_str().unwrap_or_default()
    }

    pub fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// Somebody has been dialed and it is not over.
    pub fn is_alive(&self) -> bool {
        self.started.is_some() && !self.is_over()
    }

    /// The request of a command.
    pub fn command(&self, action: &str) -> Option<&Value> {
        self.commands.iter().find(|(known, _)| known == action).map(|(_, body)| body)
    }

    fn shown(&self) -> Value {
        let mut shown = json!({
            "record_type": "call", "call_control_id": self.id, "call_leg_id": self.leg, "call_session_id": self.leg,
            "client_state": self.dial["client_state"], "is_alive": self.is_alive(), "start_time": self.started,
        });
        if let Some(ended) = &self.ended {
            shown["end_time"] = json!(ended);
        }
        shown
    }

    fn event(&self, name: &str, more: &Value) -> Value {
        let mut payload = json!({
            "call_control_id": self.id, "call_leg_id": self.leg, "call_session_id": self.leg, "connection_id": CONNECTION,
            "client_state": self.dial["client_state"], "from": self.dial["from"], "to": self.dial["to"],
        });
        payload.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        json!({"record_type": "event", "event_type": name, "id": format!("{}-{name}", self.leg), "occurred_at": now(), "payload": payload})
    }
}

#[derive(Default)]
struct Book {
    calls: Vec<Taken>,
    refused: HashSet<String>,
    /// What was asked, as `METHOD path`.
    asked: Vec<String>,
}

#[derive(Clone)]
struct Desk {
    manners: Manners,
    book: Arc<Mutex<Book>>,
    http: reqwest::Client,
    tellers: Arc<Mutex<BTreeMap<String, mpsc::UnboundedSender<Value>>>>,
}

/// The provider; it stops with this value.
pub struct FakeTelnyx {
    addr: SocketAddr,
    desk: Desk,
    server: JoinHandle<()>,
}

impl Drop for FakeTelnyx {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The public key of the account.
pub fn public_key() -> String {
    BASE64_STANDARD.encode(keys(true).public_key())
}

/// The account's pair of keys, or somebody else's.
pub fn keys(ours: bool) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[if ours { 7 } else { 8 }; 32]).expect("32 bytes")
}

/// The headers that go with this body at that second: the time and the signature.
pub fn signed(keys: &Ed25519KeyPair, seconds: i64, body: &str) -> [(&'static str, String); 2] {
    let signature = BASE64_STANDARD.encode(keys.sign(format!("{seconds}|{body}").as_bytes()));
    [("telnyx-timestamp", seconds.to_string()), ("telnyx-signature-ed25519", signature)]
}

impl FakeTelnyx {
    pub async fn start(manners: Manners) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default(); // perhaps it is there already
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let desk = Desk { manners, book: Arc::default(), http, tellers: Arc::default() };
        let routes = Router::new()
            .route("/v2/calls", post(place))
            .route("/v2/calls/{id}", get(show))
            .route("/v2/calls/{id}/actions/{action}", post(act))
            .route("/v2/call_events", get(events))
            .route("/v2/connections/{connection}/active_calls", get(active))
            .layer(axum::middleware::from_fn_with_state(desk.clone(), guard))
            .with_state(desk.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, routes).await.expect("axum's server does not end by itself");
        });
        Self { addr, desk, server }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Every call it has taken, the oldest first.
    pub fn calls(&self) -> Vec<Taken> {
        self.desk.book().calls.clone()
    }

    /// How often each number was called.
    pub fn by_number(&self) -> BTreeMap<String, usize> {
        let mut counted = BTreeMap::new();
        for call in self.calls() {
            *counted.entry(call.field("to").to_owned()).or_default() += 1;
        }
        counted
    }

    /// How often something was asked for, as `METHOD path` begins.
    pub fn asked(&self, begin: &str) -> usize {
        self.desk.book().asked.iter().filter(|asked| asked.starts_with(begin)).count()
    }
}

impl Desk {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, id: &str, change: impl FnOnce(&mut Taken) -> T) -> Option<T> {
        let mut book = self.book();
        book.calls.iter_mut().find(|call| call.id == id).map(change)
    }

    fn take(&self, dial: Value) -> Taken {
        let mut book = self.book();
        let n = book.calls.len() + 1;
        let call = Taken {
            id: format!("v3:{n:032}_-"),
            leg: format!("2dc6fc34-f9e0-11ea-b68e-{n:012}"),
            dial,
            commands: Vec::new(),
            told: Vec::new(),
            answered: false,
            started: None,
            ended: None,
            changed: Arc::default(),
        };
        book.calls.push(call.clone());
        drop(book);
        let (tell, told) = mpsc::unbounded_channel();
        self.tellers.lock().unwrap_or_else(PoisonError::into_inner).insert(call.id.clone(), tell);
        tokio::spawn(self.clone().post_all(call.clone(), told));
        tokio::spawn(self.clone().live(call.clone()));
        call
    }

    /// The life of a call.
    async fn live(self, call: Taken) {
        self.pass(&call, self.manners.queue).await;
        if !self.goes_on(&call.id, |call| call.started = Some(now())) {
            return;
        }
        self.tell(&call.id, "call.initiated", &json!({"direction": "outgoing", "state": "bridging"}));
        let last = call.field("to").chars().last().unwrap_or_default();
        let timeout = Duration::from_secs(call.dial["timeout_secs"].as_u64().expect("a number of seconds"));
        self.pass(&call, if last == '6' { timeout } else { self.manners.ring }).await;
        match last {
            '6' => return self.end(&call.id, "timeout", "unspecified", "caller"),
            '7' => return self.end(&call.id, "user_busy", "486", "callee"),
            '9' => return self.end(&call.id, "not_found", "404", "unknown"),
            _ => {}
        }
        if !self.goes_on(&call.id, |call| call.answered = true) {
            return;
        }
        self.tell(&call.id, "call.answered", &json!({"state": "answered"}));
        if call.dial["answering_machine_detection"] == "detect" {
            let result = if last == '8' { "machine" } else { "human" };
            self.tell(&call.id, "call.machine.detection.ended", &json!({"result": result}));
        }
        self.pass(&call, self.manners.talk).await;
        self.end(&call.id, "normal_clearing", "200", "callee");
    }

    /// Waits, unless the call is ended meanwhile.
    async fn pass(&self, call: &Taken, time: Duration) {
        drop(tokio::time::timeout(time, call.changed.notified()).await);
    }

    /// Changes a call that is not over.
    fn goes_on(&self, id: &str, change: impl FnOnce(&mut Taken)) -> bool {
        self.with(id, |call| {
            let lives = !call.is_over();
            if lives {
                change(call);
            }
            lives
        })
        .unwrap_or(false)
    }

    fn end(&self, id: &str, cause: &str, sip: &str, source: &str) {
        let ends = self.goes_on(id, |call| {
            call.ended = Some(now());
            call.changed.notify_one();
        });
        if ends {
            let how = json!({"hangup_cause": cause, "sip_hangup_cause": sip, "hangup_source": source, "state": "hangup"});
            self.tell(id, "call.hangup", &how);
        }
    }

    fn tell(&self, id: &str, name: &str, more: &Value) {
        let event = self.with(id, |call| {
            let event = call.event(name, more);
            call.told.push(event.clone());
            event
        });
        let tellers = self.tellers.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(event), Some(teller)) = (event, tellers.get(id)) {
            let _ = teller.send(event); // whoever is told may be gone
        }
    }

    async fn post_all(self, call: Taken, mut told: mpsc::UnboundedReceiver<Value>) {
        let mut held_back = None;
        while let Some(event) = told.recv().await {
            let is_last = event["event_type"] == "call.hangup";
            match self.manners.webhooks {
                Webhooks::Lost => {}
                Webhooks::InOrder | Webhooks::Forged => self.post(&call, &event).await,
                Webhooks::Twice => {
                    self.post(&call, &event).await;
                    let (desk, call) = (self.clone(), call.clone());
                    tokio::spawn(async move {
                        sleep(Duration::from_millis(200)).await;
                        desk.post(&call, &event).await;
                    });
                }
                Webhooks::OutOfOrder => {
                    if let Some(earlier) = held_back.replace(event.clone()) {
                        self.post(&call, &event).await;
                        self.post(&call, &earlier).await;
                        held_back = None;
                    } else if is_last {
                        self.post(&call, &event).await;
                    }
                }
            }
        }
    }

    async fn post(&self, call: &Taken, event: &Value) {
        let url = call.field("webhook_url");
        if url.is_empty() {
            return;
        }
        let body = json!({"data": event, "meta": {"attempt": 1, "delivered_to": url}}).to_string();
        let keys = keys(self.manners.webhooks != Webhooks::Forged);
        let mut request = self.http.post(url).header(header::CONTENT_TYPE, "application/json");
        for (name, value) in signed(&keys, SystemClock.now().timestamp(), &body) {
            request = request.header(name, value);
        }
        drop(request.body(body).send().await); // whoever is told may be gone
    }
}

fn now() -> String {
    SystemClock.now().to_rfc3339()
}

fn refusal(status: u16, code: &str, detail: &str, pointer: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let error = json!({"code": code, "title": "no", "detail": detail, "source": {"pointer": pointer}});
    (status, [("Retry-After", "1")], Json(json!({"errors": [error]}))).into_response()
}

/// What may be asked for, by the provider's own description of it; a field that it does not know is a slip of the carrier's.
const DIAL: &[&str] = &[
    "connection_id",
    "to",
    "from",
    "command_id",
    "client_state",
    "timeout_secs",
    "time_limit_secs",
    "webhook_url",
    "webhook_url_method",
    "answering_machine_detection",
    "record",
    "record_channels",
];
const SPEAK: &[&str] = &["payload", "payload_type", "voice", "command_id"];
const STREAM: &[&str] = &[
    "stream_url",
    "stream_track",
    "stream_codec",
    "stream_bidirectional_mode",
    "stream_bidirectional_codec",
    "custom_parameters",
    "command_id",
];

/// The first field that is not among those, or lacks in the request.
fn slip(body: &Value, known: &[&str], needed: &[&str]) -> Option<String> {
    let fields = body.as_object().expect("an object");
    let unknown = fields.keys().find(|name| !known.contains(&name.as_str())).cloned();
    unknown.or_else(|| needed.iter().find(|name| !fields.contains_key(**name)).map(|name| (*name).to_owned()))
}

async fn guard(
    State(desk): State<Desk>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    desk.book().asked.push(format!("{} {}", request.method(), request.uri()));
    let headers: &HeaderMap = request.headers();
    match headers.get(header::AUTHORIZATION).is_some_and(|given| given == &format!("Bearer {KEY}")) {
        true => next.run(request).await,
        false => refusal(401, "10009", "Authentication failed", ""),
    }
}

async fn place(State(desk): State<Desk>, Json(dial): Json<Value>) -> Response {
    if let Some(field) = slip(&dial, DIAL, &["connection_id", "to", "from"]) {
        return refusal(422, "10015", "Bad request", &format!("/{field}"));
    }
    let ring = dial["timeout_secs"].as_u64().unwrap_or_default();
    let state = BASE64_STANDARD.decode(dial["client_state"].as_str().unwrap_or("%"));
    if dial["connection_id"] != CONNECTION || !(5..=600).contains(&ring) || state.is_err() {
        return refusal(422, "10015", "Bad request", "/timeout_secs");
    }
    let to = dial["to"].as_str().expect("whom to call").to_owned();
    let is_first = || desk.book().refused.insert(to.clone());
    match Fault::of(&to) {
        Some(Fault::ThrottledOnce) if is_first() => refusal(429, "90103", "Too many dials", ""),
        Some(Fault::FullOnce) if is_first() => refusal(403, "10010", "User channel limit exceeded D1", ""),
        Some(Fault::BadNumber) => refusal(422, "10002", "The phone number is invalid.", "/to"),
        Some(Fault::WrongCountry) => refusal(403, "10010", "Not allowed D12", ""),
        Some(Fault::Broken) => refusal(500, "10007", "Unexpected error", ""),
        Some(Fault::PlacedAnd500) => {
            desk.take(dial);
            refusal(500, "10007", "Unexpected error", "")
        }
        Some(Fault::PlacedAndSilent) => {
            desk.take(dial);
            std::future::pending().await
        }
        Some(Fault::PlacedAndBrokenOff) => {
            desk.take(dial);
            (StatusCode::OK, "{\"data\":{\"call_control_id\":\"v3").into_response()
        }
        _ => Json(json!({"data": desk.take(dial).shown()})).into_response(),
    }
}

async fn show(State(desk): State<Desk>, Path(id): Path<String>) -> Response {
    match desk.with(&id, |call| call.shown()) {
        Some(call) => Json(json!({"data": call})).into_response(),
        None => refusal(404, "10005", "Resource not found", ""),
    }
}

async fn act(
    State(desk): State<Desk>,
    Path((id, action)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Response {
    let (known, needed): (&[&str], &[&str]) = match action.as_str() {
        "hangup" => (&[], &[]),
        "speak" => (SPEAK, &["payload", "voice"]),
        "streaming_start" => (STREAM, &["stream_url"]),
        _ => return refusal(404, "10005", "Resource not found", ""),
    };
    if let Some(field) = slip(&body, known, needed) {
        return refusal(422, "10015", "Bad request", &format!("/{field}"));
    }
    if body["voice"] == "Nobody" {
        return refusal(422, "10015", "Bad request", "/voice");
    }
    let told = desk.with(&id, |call| {
        let is_again = call.commands.iter().any(|(_, known)| known["command_id"] == body["command_id"]);
        call.commands.push((action.clone(), body.clone()));
        (call.is_over(), call.answered, is_again && action != "hangup")
    });
    match told {
        None => return refusal(404, "10005", "Resource not found", ""),
        Some((true, ..)) => return refusal(422, "90018", "Call has already ended", ""),
        Some((_, _, true)) => {}
        Some((_, answered, _)) => desk.carry_out(id, &action, answered, &body),
    }
    Json(json!({"data": {"result": "ok"}})).into_response()
}

impl Desk {
    fn carry_out(&self, id: String, action: &str, answered: bool, body: &Value) {
        let desk = self.clone();
        match (action, answered) {
            ("hangup", true) => desk.end(&id, "normal_clearing", "200", "caller"),
            ("hangup", false) => desk.end(&id, "originator_cancel", "487", "caller"),
            ("speak", _) => drop(tokio::spawn(async move {
                sleep(Duration::from_millis(60)).await;
                desk.tell(&id, "call.speak.ended", &json!({"status": "completed"}));
            })),
            // An agent that hangs up, or is not there.
            ("streaming_start", _) => {
                let is_there = !body["stream_url"].as_str().unwrap_or_default().contains("nobody");
                drop(tokio::spawn(async move {
                    if !is_there {
                        return desk.tell(
                            &id,
                            "streaming.failed",
                            &json!({"failure_reason": "connection_failed"}),
                        );
                    }
                    desk.tell(&id, "streaming.started", &json!({}));
                    sleep(Duration::from_millis(80)).await;
                    desk.tell(&id, "streaming.stopped", &json!({}));
                }));
            }
            _ => {}
        }
    }
}

async fn events(State(desk): State<Desk>, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let fits = |call: &&Taken| {
        let by_leg = query.get("filter[leg_id]").is_none_or(|leg| *leg == call.leg);
        by_leg && query.get("filter[to]").is_none_or(|to| to == call.field("to"))
    };
    let listed = |event: &Value| {
        json!({
            "record_type": "call_event", "type": "webhook", "name": event["event_type"], "event_timestamp": event["occurred_at"],
            "call_leg_id": event["payload"]["call_leg_id"], "call_session_id": event["payload"]["call_session_id"],
            "metadata": {"payload": event["payload"]},
        })
    };
    let book = desk.book();
    let calls = book.calls.iter().filter(fits).filter(|_| desk.manners.lists);
    let events: Vec<Value> = calls.flat_map(|call| &call.told).map(listed).collect();
    Json(json!({"data": events, "meta": {"total_pages": 1, "page_number": 1}})).into_response()
}

/// One a page, so that whoever looks has to turn over.
async fn active(
    State(desk): State<Desk>,
    Path(connection): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    if connection != CONNECTION {
        return refusal(404, "10005", "Resource not found", "");
    }
    let book = desk.book();
    let alive: Vec<&Taken> = book.calls.iter().filter(|call| call.is_alive()).collect();
    let at: usize = query.get("page[after]").map_or(0, |after| after.parse().expect("a cursor of ours"));
    let data: Vec<Value> = alive.iter().skip(at).take(1).map(|call| call.shown()).collect();
    let next = (at + 1 < alive.len())
        .then(|| format!("/v2/connections/{connection}/active_calls?page[after]={}", at + 1));
    let meta = json!({"cursors": {"after": (at + 1).to_string()}, "next": next, "total_items": alive.len()});
    Json(json!({"data": data, "meta": meta})).into_response()
}
