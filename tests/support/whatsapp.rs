//! WhatsApp's Cloud API on a free port of 127.0.0.1: keeps its messages, tells what became of them by signed webhooks, lets people write, and
//! misbehaves by the end of the number or the name of the template. Written apart from the carrier, so that each tests the other.
//!
//! The last digit decides: 7 fails later (131026), 8 is read, 9 stays `sent`, all others are delivered. Numbers that end in 0 are for
//! faults: see [`Fault`]. A template whose name begins with `unknown` does not exist.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

pub const NUMBER: &str = "106540352242922";
pub const TOKEN: &str = "EAAJB-not-a-real-token";
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub const VERIFY: &str = "set up by me";

/// What happens to a POST for a number with these last two digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// …00: 130429 once for each number.
    ThrottledOnce,
    /// …10: 131026.
    NotThere,
    /// …20: taken, and answered with 500.
    TakenAnd500,
    /// …30: taken, and never answered.
    TakenAndSilent,
    /// …40: 131000, and not taken.
    Broken,
    /// …50: 131047.
    OutsideWindow,
    /// …60: 368.
    Blocked,
    /// …70: 131050.
    Stopped,
}

impl Fault {
    fn of(number: &str) -> Option<Self> {
        Some(match number.get(number.len().saturating_sub(2)..)? {
            "00" => Self::ThrottledOnce,
            "10" => Self::NotThere,
            "20" => Self::TakenAnd500,
            "30" => Self::TakenAndSilent,
            "40" => Self::Broken,
            "50" => Self::OutsideWindow,
            "60" => Self::Blocked,
            "70" => Self::Stopped,
            _ => return None,
        })
    }
}

/// A message it has taken.
#[derive(Debug, Clone)]
pub struct Taken {
    pub id: String,
    /// The request that sent it.
    pub body: Value,
}

impl Taken {
    pub fn to(&self) -> &str {
        self.body["to"].as_str().unwrap_or_default()
    }
}

#[derive(Default)]
struct Book {
    taken: Vec<Taken>,
    throttled: HashSet<String>,
    posts: usize,
    webhook: Option<String>,
    unknown: bool,
}

#[derive(Clone)]
struct Desk {
    book: Arc<Mutex<Book>>,
    http: reqwest::Client,
}

/// The provider; it stops with this value.
pub struct FakeWhatsapp {
    addr: SocketAddr,
    desk: Desk,
    server: JoinHandle<()>,
}

impl Drop for FakeWhatsapp {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl FakeWhatsapp {
    pub async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default(); // perhaps it is there already
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let book = Book { unknown: true, ..Book::default() };
        let desk = Desk { book: Arc::new(Mutex::new(book)), http };
        let routes = Router::new()
            .route("/v23.0/{number}", get(show_number))
            .route("/v23.0/{number}/messages", post(send))
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
    pub fn taken(&self) -> Vec<Taken> {
        self.desk.book().taken.clone()
    }

    /// How often it was asked to send one.
    pub fn posts(&self) -> usize {
        self.desk.book().posts
    }

    /// From now on the templates exist that did not.
    pub fn approve_all(&self) {
        self.desk.book().unknown = false;
    }

    /// Tells from now on what becomes of messages.
    pub fn tell_at(&self, webhook: &str) {
        self.desk.book().webhook = Some(webhook.to_owned());
    }

    /// Sets the webhook up as the app's dashboard does; gives status and body of the answer.
    pub async fn set_up(&self, webhook: &str, verify_token: &str) -> (u16, String) {
        let query =
            [("hub.mode", "subscribe"), ("hub.challenge", "1158201444"), ("hub.verify_token", verify_token)];
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let answer = self.desk.http.get(format!("{webhook}?{query}")).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.unwrap_or_default())
    }

    /// Tells what has become of a message; gives the status of the answer.
    pub async fn tell(&self, message: &Taken, status: &str, error: Option<u32>) -> Option<u16> {
        self.desk.tell(message, status, error).await
    }

    /// Somebody writes; one that is told twice has the same id. Gives the status of the answer.
    pub async fn write(&self, id: &str, from: &str, text: &str) -> Option<u16> {
        let message = json!({"from": from.trim_start_matches('+'), "id": id, "timestamp": "1700000000", "type": "text",
                             "text": {"body": text}});
        self.desk.post(json!({"contacts": [], "messages": [message]}), SECRET).await
    }

    /// The same, signed by somebody else.
    pub async fn forge(&self, from: &str, text: &str) -> Option<u16> {
        let message = json!({"from": from.trim_start_matches('+'), "id": "wamid.forged", "timestamp": "1700000000", "type": "text",
                             "text": {"body": text}});
        self.desk.post(json!({"messages": [message]}), "somebody else's").await
    }
}

impl Desk {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, body: Value) -> Taken {
        let mut book = self.book();
        let taken = Taken { id: format!("wamid.{:024}", book.taken.len() + 1), body };
        book.taken.push(taken.clone());
        if book.webhook.is_some() {
            tokio::spawn(self.clone().live(taken.clone()));
        }
        taken
    }

    /// The life of a message.
    async fn live(self, message: Taken) {
        self.tell(&message, "sent", None).await;
        match message.to().chars().last().unwrap_or_default() {
            '7' => drop(self.tell(&message, "failed", Some(131_026)).await),
            '9' => {}
            last => {
                self.tell(&message, "delivered", None).await;
                if last == '8' {
                    self.tell(&message, "read", None).await;
                }
            }
        }
    }

    async fn tell(&self, message: &Taken, status: &str, error: Option<u32>) -> Option<u16> {
        let mut told = json!({
            "id": message.id, "status": status, "timestamp": "1700000000", "recipient_id": message.to().trim_start_matches('+'),
            "biz_opaque_callback_data": message.body["biz_opaque_callback_data"],
        });
        if let Some(code) = error {
            told["errors"] = json!([{"code": code, "title": "no", "error_data": {"details": "no"}}]);
        }
        self.post(json!({"statuses": [told]}), SECRET).await
    }

    async fn post(&self, mut value: Value, secret: &str) -> Option<u16> {
        let url = self.book().webhook.clone()?;
        value["messaging_product"] = "whatsapp".into();
        value["metadata"] = json!({"display_phone_number": "12025550199", "phone_number_id": NUMBER});
        let entry = json!({"id": "1", "changes": [{"field": "messages", "value": value}]});
        let body = json!({"object": "whatsapp_business_account", "entry": [entry]}).to_string();
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
        let tag = ring::hmac::sign(&key, body.as_bytes());
        let hex = hex::encode(tag);
        let request = self.http.post(url).body(body).header(header::CONTENT_TYPE, "application/json");
        let answer = request.header("X-Hub-Signature-256", format!("sha256={hex}")).send().await;
        answer.ok().map(|answer| answer.status().as_u16())
    }
}

fn refusal(status: u16, code: u32) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let error = json!({"message": format!("(#{code}) no"), "type": "OAuthException", "code": code, "fbtrace_id": "A"});
    (status, Json(json!({ "error": error }))).into_response()
}

/// What is wrong with whoever asks.
fn stranger(number: &str, headers: &HeaderMap) -> Option<Response> {
    let wanted = format!("Bearer {TOKEN}");
    match headers.get(header::AUTHORIZATION).is_some_and(|given| given == &wanted) {
        false => Some(refusal(401, 190)),
        true if number != NUMBER => Some(refusal(400, 100)),
        true => None,
    }
}

async fn show_number(Path(number): Path<String>, headers: HeaderMap) -> Response {
    stranger(&number, &headers).unwrap_or_else(|| Json(json!({ "id": NUMBER })).into_response())
}

async fn send(
    State(desk): State<Desk>,
    Path(number): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    desk.book().posts += 1;
    if let Some(refused) = stranger(&number, &headers) {
        return refused;
    }
    let to = body["to"].as_str().expect("whom to write to").to_owned();
    let template = body["template"]["name"].as_str().unwrap_or_default();
    if template.starts_with("unknown") && desk.book().unknown {
        return refusal(404, 132_001);
    }
    match Fault::of(&to) {
        Some(Fault::ThrottledOnce) if desk.book().throttled.insert(to.clone()) => refusal(400, 130_429),
        Some(Fault::NotThere) => refusal(400, 131_026),
        Some(Fault::OutsideWindow) => refusal(400, 131_047),
        Some(Fault::Blocked) => refusal(403, 368),
        Some(Fault::Stopped) => refusal(400, 131_050),
        Some(Fault::Broken) => refusal(500, 131_000),
        Some(Fault::TakenAnd500) => {
            desk.take(body);
            refusal(500, 131_000)
        }
        Some(Fault::TakenAndSilent) => {
            desk.take(body);
            std::future::pending().await
        }
        _ => {
            let id = desk.take(body).id;
            let contact = json!({"input": to, "wa_id": to.trim_start_matches('+')});
            Json(json!({"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": id}]}))
                .into_response()
        }
    }
}
