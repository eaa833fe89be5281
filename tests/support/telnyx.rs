//! A provider that speaks Telnyx's Call Control API (version 2), on a free port of 127.0.0.1: keeps its calls, tells of them by signed webhooks and
//! in its list of events, and misbehaves by the end of the called number. Written apart from the carrier, so that each tests the other.
//!
//! The last digit decides as with `ringfleet carrier`: 1–5 answered, 6 never answered, 7 busy, 8 a machine, 9 no such number. Numbers that end in 0
//! are for faults in placing a call, and the last digit but one for faults after that: see `faults`.

#[path = "telnyx_faults.rs"]
mod faults;
#[path = "telnyx_requests.rs"]
mod requests;

use std::{
    collections::{BTreeMap, HashSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::http::header;
use base64::{Engine, prelude::BASE64_STANDARD};
use faults::MidCall;
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
    /// What is told of its stream when the call ends; none where there is no stream.
    stream: Option<&'static str>,
    /// How often what was told of it has been kept back since its end.
    kept_back: usize,
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

    fn fault(&self) -> Option<MidCall> {
        MidCall::of(self.field("to"))
    }

    /// What was told of it is not shown now.
    fn is_kept_quiet(&mut self) -> bool {
        let lags = self.fault().map_or(0, MidCall::lags);
        self.kept_back += usize::from(self.is_over());
        lags > 0 && self.kept_back <= lags
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
        let routes = requests::routes(desk.clone());
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
            stream: None,
            kept_back: 0,
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
            _ if call.fault() == Some(MidCall::Breaks) => {
                return self.end(&call.id, "unspecified", "503", "unknown");
            }
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
        let mut stream = None;
        let ends = self.goes_on(id, |call| {
            call.ended = Some(now());
            stream = call.stream.take();
            call.changed.notify_one();
        });
        if ends {
            if let Some(what) = stream {
                self.tell(id, what, &json!({}));
            }
            let how = json!({"hangup_cause": cause, "sip_hangup_cause": sip, "hangup_source": source, "state": "hangup"});
            self.tell(id, "call.hangup", &how);
        }
    }

    fn tell(&self, id: &str, name: &str, more: &Value) {
        let event = self.with(id, |call| {
            let event = call.event(name, more);
            call.told.push(event.clone());
            let is_lost = name == "call.answered" && call.fault().is_some_and(MidCall::hides_the_answer);
            (!is_lost).then_some(event)
        });
        let tellers = self.tellers.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(event), Some(teller)) = (event.flatten(), tellers.get(id)) {
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

impl Desk {
    /// Does what a command says.
    fn carry_out(&self, id: String, action: &str, answered: bool, body: &Value) {
        let desk = self.clone();
        match (action, answered) {
            ("hangup", true) => {
                let says_little = desk.with(&id, |call| call.fault().is_some_and(MidCall::hides_the_answer));
                let status = if says_little == Some(true) { "unspecified" } else { "200" };
                desk.end(&id, "normal_clearing", status, "caller");
            }
            ("hangup", false) => desk.end(&id, "originator_cancel", "487", "caller"),
            ("speak", _) => {
                let long = if body["voice"] == "Slow" { 600 } else { 60 };
                let is_told = body["voice"] != "Stutter";
                drop(tokio::spawn(async move {
                    if is_told {
                        desk.tell(&id, "call.speak.started", &json!({}));
                    }
                    sleep(Duration::from_millis(long)).await;
                    desk.tell(&id, "call.speak.ended", &json!({"status": "completed"}));
                }));
            }
            ("streaming_start", _) => {
                let url = body["stream_url"].as_str().unwrap_or_default().to_owned();
                drop(tokio::spawn(async move { desk.stream(&id, &url).await }));
            }
            _ => {}
        }
    }

    /// An agent that hangs up, soon or late, or is not there, or for whom the callee does not wait.
    async fn stream(&self, id: &str, url: &str) {
        if url.contains("nobody") {
            return self.tell(id, "streaming.failed", &json!({"failure_reason": "connection_failed"}));
        }
        if url.contains("impatient") {
            self.goes_on(id, |call| call.stream = Some("streaming.failed"));
            return self.end(id, "normal_clearing", "200", "callee");
        }
        self.goes_on(id, |call| call.stream = Some("streaming.stopped"));
        self.tell(id, "streaming.started", &json!({}));
        sleep(Duration::from_millis(if url.contains("talkative") { 900 } else { 80 })).await;
        let is_there = self.with(id, |call| call.stream.take()).flatten();
        if is_there.is_some() {
            self.tell(id, "streaming.stopped", &json!({}));
        }
    }
}
