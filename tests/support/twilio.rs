//! A provider that speaks Twilio's REST API, on a free port of 127.0.0.1: keeps its calls, tells of them by signed callbacks, and
//! misbehaves by the end of the called number. Written apart from the carrier, so that each tests the other.
//!
//! The last digit decides as with `ringfleet carrier`: 1–5 answered, 6 never answered, 7 busy, 8 a machine, 9 failed. Numbers that end in
//! 0 are for faults: see [`Fault`].

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
use ringfleet_core::{Clock, SystemClock};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle, time::sleep};
use url::form_urlencoded;

pub const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
pub const TOKEN: &str = "fedcba9876543210fedcba9876543210";

/// How it is with callbacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callbacks {
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
    pub callbacks: Callbacks,
}

/// What happens to a POST for a number with these last two digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// …00: 429 once for each number.
    ThrottledOnce,
    /// …10: 400, code 21211.
    BadNumber,
    /// …20: placed, and answered with 500.
    PlacedAnd500,
    /// …30: placed, and never answered.
    PlacedAndSilent,
    /// …40: 500, and not placed.
    Broken,
    /// …50: 400, code 21215.
    WrongCountry,
    /// …60: placed, and the answer breaks off.
    PlacedAndBrokenOff,
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
            _ => return None,
        })
    }
}

/// A call it has taken.
#[derive(Debug, Clone)]
pub struct Taken {
    pub sid: String,
    pub form: Vec<(String, String)>,
    pub status: &'static str,
    pub answered_by: Option<&'static str>,
    created: String,
    started: Option<String>,
    error: Option<u32>,
    changed: Arc<Notify>,
}

impl Taken {
    /// A field of the request that placed it.
    pub fn field(&self, name: &str) -> &str {
        self.form.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub fn is_over(&self) -> bool {
        !matches!(self.status, "queued" | "ringing" | "in-progress")
    }

    fn shown(&self) -> Value {
        json!({
            "sid": self.sid, "account_sid": ACCOUNT, "to": self.field("To"), "from": self.field("From"), "status": self.status,
            "direction": "outbound-api", "date_created": self.created, "start_time": self.started, "answered_by": self.answered_by,
        })
    }
}

#[derive(Default)]
struct Book {
    calls: Vec<Taken>,
    throttled: HashSet<String>,
    /// What was asked, as `METHOD path`.
    asked: Vec<String>,
}

#[derive(Clone)]
struct Desk {
    manners: Manners,
    book: Arc<Mutex<Book>>,
    http: reqwest::Client,
}

/// The provider; it stops with this value.
pub struct FakeTwilio {
    addr: SocketAddr,
    desk: Desk,
    server: JoinHandle<()>,
}

impl Drop for FakeTwilio {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl FakeTwilio {
    pub async fn start(manners: Manners) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default(); // perhaps it is there already
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let desk = Desk { manners, book: Arc::default(), http };
        let account = "/2010-04-01/Accounts/{account}";
        let routes = Router::new()
            .route(account, get(show_account))
            .route(&format!("{account}/Calls.json"), post(place).get(list))
            .route(&format!("{account}/Calls/{{sid}}"), get(show).post(change))
            .route(&format!("{account}/Calls/{{sid}}/Notifications.json"), get(notifications))
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
            *counted.entry(call.field("To").to_owned()).or_default() += 1;
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

    fn with<T>(&self, sid: &str, change: impl FnOnce(&mut Taken) -> T) -> Option<T> {
        let mut book = self.book();
        book.calls.iter_mut().find(|call| call.sid == sid).map(change)
    }

    fn take(&self, form: Vec<(String, String)>) -> Taken {
        let mut book = self.book();
        let call = Taken {
            sid: format!("CA{:032x}", book.calls.len() + 1),
            form,
            status: "queued",
            answered_by: None,
            created: now(),
            started: None,
            error: None,
            changed: Arc::default(),
        };
        book.calls.push(call.clone());
        drop(book);
        tokio::spawn(self.clone().live(call.clone()));
        call
    }

    /// The life of a call, callbacks included.
    async fn live(self, call: Taken) {
        let sid = call.sid.as_str();
        let (tell, told) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(self.clone().call_back(call.clone(), told));
        let _ = tell.send("initiated"); // whoever is told may be gone
        self.pass(&call, self.manners.queue).await;
        if !self.becomes(sid, "ringing") {
            let _ = tell.send("canceled"); // whoever is told may be gone
            return;
        }
        let _ = tell.send("ringing"); // whoever is told may be gone
        let last = call.field("To").chars().last().unwrap_or_default();
        let timeout = Duration::from_secs(call.field("Timeout").parse().expect("a number of seconds"));
        let ring = if last == '6' { timeout } else { self.manners.ring };
        self.pass(&call, ring).await;
        let next = match last {
            '6' => "no-answer",
            '7' => "busy",
            '9' => "failed",
            _ => "in-progress",
        };
        self.with(sid, |call| call.error = (next == "failed").then_some(13224));
        let goes_on = self.becomes(sid, next) && next == "in-progress";
        if goes_on {
            let _ = tell.send("in-progress"); // whoever is told may be gone
            if last == '8' && call.field("MachineDetection") == "Enable" {
                self.with(sid, |call| call.answered_by = Some("machine_start"));
            }
            self.pass(&call, self.manners.talk).await;
            self.becomes(sid, "completed");
        }
        let _ = tell.send(self.with(sid, |call| call.status).expect("it does not vanish")); // whoever is told may be gone
    }

    /// Waits, unless the call is ended meanwhile.
    async fn pass(&self, call: &Taken, time: Duration) {
        drop(tokio::time::timeout(time, call.changed.notified()).await);
    }

    /// Brings a call that is not over into this state.
    fn becomes(&self, sid: &str, status: &'static str) -> bool {
        self.with(sid, |call| {
            let lives = !call.is_over();
            if lives {
                call.status = status;
                call.started.get_or_insert_with(now);
            }
            lives
        })
        .unwrap_or(false)
    }

    async fn call_back(self, call: Taken, mut told: tokio::sync::mpsc::UnboundedReceiver<&'static str>) {
        let mut held_back = None;
        while let Some(status) = told.recv().await {
            match self.manners.callbacks {
                Callbacks::Lost => {}
                Callbacks::InOrder | Callbacks::Forged => self.post(&call, status).await,
                Callbacks::Twice => {
                    self.post(&call, status).await;
                    let (desk, call) = (self.clone(), call.clone());
                    tokio::spawn(async move {
                        sleep(Duration::from_millis(200)).await;
                        desk.post(&call, status).await;
                    });
                }
                Callbacks::OutOfOrder => {
                    if let Some(earlier) = held_back.replace(status) {
                        self.post(&call, status).await;
                        self.post(&call, earlier).await;
                        held_back = None;
                    }
                }
            }
        }
        if let Some(last) = held_back {
            self.post(&call, last).await;
        }
    }

    async fn post(&self, call: &Taken, status: &str) {
        let url = call.field("StatusCallback");
        if url.is_empty() {
            return;
        }
        let mut fields = [
            ("CallSid", call.sid.as_str()),
            ("CallStatus", status),
            ("AccountSid", ACCOUNT),
            ("To", call.field("To")),
            ("From", call.field("From")),
        ];
        let token = if self.manners.callbacks == Callbacks::Forged { "somebody else's" } else { TOKEN };
        post_signed(&self.http, url, token, &mut fields).await;
    }
}

/// Tells something by a callback, signed with `token`; gives the status of the answer, if there is one.
pub async fn post_signed(
    http: &reqwest::Client,
    url: &str,
    token: &str,
    fields: &mut [(&str, &str)],
) -> Option<u16> {
    fields.sort_unstable();
    let text: String = fields.iter().map(|(name, value)| format!("{name}{value}")).collect();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    let tag = ring::hmac::sign(&key, format!("{url}{text}").as_bytes());
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&*fields).finish();
    let request = http.post(url).body(body).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = request.header("X-Twilio-Signature", BASE64_STANDARD.encode(tag)).send().await;
    answer.ok().map(|answer| answer.status().as_u16())
}

pub fn now() -> String {
    SystemClock.now().to_rfc2822()
}

pub fn refusal(status: u16, code: u32) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let body = json!({"code": code, "message": "no", "status": status.as_u16()});
    (status, [("Retry-After", "1")], Json(body)).into_response()
}

async fn guard(
    State(desk): State<Desk>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    desk.book().asked.push(format!("{} {}", request.method(), request.uri()));
    let wanted = format!("Basic {}", BASE64_STANDARD.encode(format!("{ACCOUNT}:{TOKEN}")));
    let headers: &HeaderMap = request.headers();
    match headers.get(header::AUTHORIZATION).is_some_and(|given| given == &wanted) {
        true => next.run(request).await,
        false => refusal(401, 20003),
    }
}

async fn show_account() -> Response {
    Json(json!({"sid": ACCOUNT, "status": "active"})).into_response()
}

async fn place(State(desk): State<Desk>, body: String) -> Response {
    let form: Vec<(String, String)> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let to = form.iter().find(|(name, _)| name == "To").map(|(_, to)| to.clone()).expect("whom to call");
    match Fault::of(&to) {
        Some(Fault::ThrottledOnce) if desk.book().throttled.insert(to.clone()) => refusal(429, 20429),
        Some(Fault::BadNumber) => refusal(400, 21211),
        Some(Fault::WrongCountry) => refusal(400, 21215),
        Some(Fault::Broken) => refusal(500, 20500),
        Some(Fault::PlacedAnd500) => {
            desk.take(form);
            refusal(500, 20500)
        }
        Some(Fault::PlacedAndSilent) => {
            desk.take(form);
            std::future::pending().await
        }
        Some(Fault::PlacedAndBrokenOff) => {
            desk.take(form);
            (StatusCode::CREATED, "{\"sid\":\"CA").into_response()
        }
        _ => (StatusCode::CREATED, Json(desk.take(form).shown())).into_response(),
    }
}

/// The newest first.
async fn list(State(desk): State<Desk>, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let fits = |call: &&Taken| {
        ["To", "From"].iter().all(|name| query.get(*name).is_none_or(|is| is == call.field(name)))
    };
    let calls: Vec<Value> = desk.book().calls.iter().rev().filter(fits).map(Taken::shown).collect();
    Json(json!({"calls": calls})).into_response()
}

async fn show(State(desk): State<Desk>, Path((_, sid)): Path<(String, String)>) -> Response {
    match desk.with(sid.trim_end_matches(".json"), |call| call.shown()) {
        Some(call) => Json(call).into_response(),
        None => refusal(404, 20404),
    }
}

async fn change(State(desk): State<Desk>, Path((_, sid)): Path<(String, String)>, body: String) -> Response {
    let form: BTreeMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let changed = desk.with(sid.trim_end_matches(".json"), |call| {
        let next = match (form["Status"].as_str(), call.status) {
            ("canceled", "queued" | "ringing") => "canceled",
            ("completed", "in-progress") => "completed",
            _ => return Err(()),
        };
        call.status = next;
        call.changed.notify_one();
        Ok(call.shown())
    });
    match changed {
        Some(Ok(call)) => Json(call).into_response(),
        Some(Err(())) => refusal(400, 21220),
        None => refusal(404, 20404),
    }
}

async fn notifications(State(desk): State<Desk>, Path((_, sid)): Path<(String, String)>) -> Response {
    let error = desk.with(&sid, |call| call.error).flatten();
    let noted: Vec<Value> = error.iter().map(|code| json!({"error_code": code.to_string()})).collect();
    Json(json!({"notifications": noted})).into_response()
}
