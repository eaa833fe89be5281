//! A provider of text messages that speaks Twilio's REST API, on a free port of 127.0.0.1: keeps its messages, tells what became of them by
//! signed callbacks, lets people write back, and misbehaves by the end of the number. Written apart from the carrier, so that each tests the
//! other.
//!
//! The last digit decides: 7 undelivered (30005), 8 undelivered (30007), 9 stays `sent`, all others are delivered. Numbers that end in 0 are
//! for faults: see [`Fault`].

use std::{
    collections::{BTreeMap, HashSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};
use url::form_urlencoded;

use super::twilio::{ACCOUNT, TOKEN, now, post_signed, refusal};

/// What happens to a POST for a number with these last two digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// …00: 429 once for each number.
    ThrottledOnce,
    /// …10: 400, code 21211.
    BadNumber,
    /// …20: taken, and answered with 500.
    TakenAnd500,
    /// …30: taken, and never answered.
    TakenAndSilent,
    /// …40: 500, and not taken.
    Broken,
    /// …50: 400, code 21408.
    WrongRegion,
    /// …60: taken, and the answer breaks off.
    TakenAndBrokenOff,
    /// …70: 400, code 21610: the recipient has replied STOP.
    Stopped,
}

impl Fault {
    fn of(number: &str) -> Option<Self> {
        Some(match number.get(number.len().saturating_sub(2)..)? {
            "00" => Self::ThrottledOnce,
            "10" => Self::BadNumber,
            "20" => Self::TakenAnd500,
            "30" => Self::TakenAndSilent,
            "40" => Self::Broken,
            "50" => Self::WrongRegion,
            "60" => Self::TakenAndBrokenOff,
            "70" => Self::Stopped,
            _ => return None,
        })
    }
}

/// A message it has taken.
#[derive(Debug, Clone)]
pub struct Text {
    pub sid: String,
    pub form: Vec<(String, String)>,
    pub status: &'static str,
    error: Option<u32>,
    created: String,
}

impl Text {
    /// A field of the request that sent it.
    pub fn field(&self, name: &str) -> &str {
        self.form.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    fn shown(&self) -> Value {
        json!({
            "sid": self.sid, "account_sid": ACCOUNT, "to": self.field("To"), "from": self.field("From"), "body": self.field("Body"),
            "status": self.status, "direction": "outbound-api", "date_created": self.created, "date_sent": null,
            "error_code": self.error, "num_segments": "1",
        })
    }
}

#[derive(Default)]
struct Book {
    texts: Vec<Text>,
    throttled: HashSet<String>,
    posts: usize,
}

#[derive(Clone)]
struct Desk {
    tells: bool,
    book: Arc<Mutex<Book>>,
    http: reqwest::Client,
}

/// The provider; it stops with this value.
pub struct FakeMessages {
    addr: SocketAddr,
    desk: Desk,
    server: JoinHandle<()>,
}

impl Drop for FakeMessages {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl FakeMessages {
    /// One that tells by itself what becomes of a message.
    pub async fn start() -> Self {
        Self::with(true).await
    }

    /// One that tells only when it is asked to: see [`FakeMessages::tell`].
    pub async fn silent() -> Self {
        Self::with(false).await
    }

    async fn with(tells: bool) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default(); // perhaps it is there already
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let desk = Desk { tells, book: Arc::default(), http };
        let account = "/2010-04-01/Accounts/{account}";
        let routes = Router::new()
            .route(account, get(async || Json(json!({"sid": ACCOUNT, "status": "active"}))))
            .route(&format!("{account}/Messages.json"), post(send).get(list))
            .route(&format!("{account}/Messages/{{sid}}"), get(show))
            .layer(axum::middleware::from_fn(guard))
            .with_state(desk.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, routes).await.expect("axum's server does not end by itself");
        });
        Self { addr, desk, server }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Every message it has taken, the oldest first.
    pub fn texts(&self) -> Vec<Text> {
        self.desk.book().texts.clone()
    }

    /// How often it was asked to send one.
    pub fn posts(&self) -> usize {
        self.desk.book().posts
    }

    /// Tells that a message has this status now; gives the status of the answer.
    pub async fn tell(&self, sid: &str, status: &'static str, error: Option<u32>) -> Option<u16> {
        self.desk.becomes(sid, status, error).await
    }

    /// Somebody writes; `url`: where what comes in is told, `sid`: its id, of which one that is told twice has the same. Gives the status of
    /// the answer.
    pub async fn write(&self, url: &str, sid: &str, from: &str, body: &str) -> Option<u16> {
        let mut fields = [
            ("MessageSid", sid),
            ("AccountSid", ACCOUNT),
            ("From", from),
            ("To", "+12025550199"),
            ("Body", body),
        ];
        post_signed(&self.desk.http, url, TOKEN, &mut fields).await
    }
}

impl Desk {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, form: Vec<(String, String)>) -> Text {
        let mut book = self.book();
        let sid = format!("SM{:032x}", book.texts.len() + 1);
        let text = Text { sid, form, status: "queued", error: None, created: now() };
        book.texts.push(text.clone());
        drop(book);
        if self.tells {
            tokio::spawn(self.clone().live(text.clone()));
        }
        text
    }

    /// The life of a message.
    async fn live(self, text: Text) {
        self.becomes(&text.sid, "sent", None).await;
        match text.field("To").chars().last().unwrap_or_default() {
            '7' => drop(self.becomes(&text.sid, "undelivered", Some(30005)).await),
            '8' => drop(self.becomes(&text.sid, "undelivered", Some(30007)).await),
            '9' => {}
            _ => drop(self.becomes(&text.sid, "delivered", None).await),
        }
    }

    async fn becomes(&self, sid: &str, status: &'static str, error: Option<u32>) -> Option<u16> {
        let text = {
            let mut book = self.book();
            let text = book.texts.iter_mut().find(|text| text.sid == sid).expect("a message that was taken");
            (text.status, text.error) = (status, error);
            text.clone()
        };
        let url = text.field("StatusCallback");
        if url.is_empty() {
            return None;
        }
        let code = error.map(|code| code.to_string());
        let mut fields = vec![
            ("MessageSid", sid),
            ("MessageStatus", status),
            ("AccountSid", ACCOUNT),
            ("To", text.field("To")),
            ("From", text.field("From")),
        ];
        fields.extend(code.iter().map(|code| ("ErrorCode", code.as_str())));
        post_signed(&self.http, url, TOKEN, &mut fields).await
    }
}

async fn guard(request: axum::extract::Request, next: axum::middleware::Next) -> Response {
    let wanted = format!("Basic {}", BASE64_STANDARD.encode(format!("{ACCOUNT}:{TOKEN}")));
    match request.headers().get(header::AUTHORIZATION).is_some_and(|given| given == &wanted) {
        true => next.run(request).await,
        false => refusal(401, 20003),
    }
}

async fn send(State(desk): State<Desk>, body: String) -> Response {
    desk.book().posts += 1;
    let form: Vec<(String, String)> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let to = form.iter().find(|(name, _)| name == "To").map(|(_, to)| to.clone()).expect("whom to write to");
    match Fault::of(&to) {
        Some(Fault::ThrottledOnce) if desk.book().throttled.insert(to.clone()) => refusal(429, 20429),
        Some(Fault::BadNumber) => refusal(400, 21211),
        Some(Fault::WrongRegion) => refusal(400, 21408),
        Some(Fault::Stopped) => refusal(400, 21610),
        Some(Fault::Broken) => refusal(500, 20500),
        Some(Fault::TakenAnd500) => {
            desk.take(form);
            refusal(500, 20500)
        }
        Some(Fault::TakenAndSilent) => {
            desk.take(form);
            std::future::pending().await
        }
        Some(Fault::TakenAndBrokenOff) => {
            desk.take(form);
            (StatusCode::CREATED, "{\"sid\":\"SM").into_response()
        }
        _ => (StatusCode::CREATED, Json(desk.take(form).shown())).into_response(),
    }
}

/// The newest first.
async fn list(State(desk): State<Desk>, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let fits = |text: &&Text| {
        ["To", "From"].iter().all(|name| query.get(*name).is_none_or(|is| is == text.field(name)))
    };
    let texts: Vec<Value> = desk.book().texts.iter().rev().filter(fits).map(Text::shown).collect();
    Json(json!({"messages": texts})).into_response()
}

async fn show(State(desk): State<Desk>, Path((_, sid)): Path<(String, String)>) -> Response {
    let sid = sid.trim_end_matches(".json");
    match desk.book().texts.iter().find(|text| text.sid == sid) {
        Some(text) => Json(text.shown()).into_response(),
        None => refusal(404, 20404),
    }
}
