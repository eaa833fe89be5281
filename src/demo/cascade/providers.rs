//! Providers of text messages and WhatsApp, in small: they take messages, tell what becomes of them by signed callbacks, and pass on what
//! people answer.

use std::{
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use ringfleet_carriers::{twilio, whatsapp};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};
use url::form_urlencoded;

use super::people::Way;
use crate::process::Failure;

pub const ACCOUNT: &str = "ACdemo";
pub const TOKEN: &str = "demo-token";
pub const PHONE_NUMBER_ID: &str = "100200300";
pub const APP_SECRET: &str = "demo-app-secret";
pub const SENDER: &str = "+12025550100";
/// How long a message travels, and how long people take to read or answer it.
const STEP: Duration = Duration::from_millis(300);

/// Where answers are told.
struct Desk {
    http: reqwest::Client,
    /// For texts, and for WhatsApp.
    webhooks: OnceLock<(String, String)>,
    count: AtomicU64,
}

/// Both providers on one port, until it is dropped.
pub struct Providers {
    addr: SocketAddr,
    desk: Arc<Desk>,
    task: JoinHandle<()>,
}

impl Providers {
    /// # Errors
    /// When no loopback port can be opened.
    pub async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .map_err(|e| Failure::during("the providers of messages cannot listen on 127.0.0.1", e))?;
        let addr = listener.local_addr()?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        let desk = Arc::new(Desk { http, webhooks: OnceLock::new(), count: AtomicU64::new(0) });
        let app = Router::new()
            .route("/2010-04-01/Accounts/{account}/Messages.json", post(take_text).get(no_texts))
            .route("/2010-04-01/Accounts/{account}", get(account))
            .route("/{version}/{number}/messages", post(take_whatsapp))
            .with_state(desk.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!(%error, "the providers of messages broke down");
            }
        });
        Ok(Self { addr, desk, task })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Where texts that come in are told, and where everything of WhatsApp is.
    pub fn tell_at(&self, texts: String, whatsapp: String) {
        drop(self.desk.webhooks.set((texts, whatsapp)));
    }

    /// Messages they took.
    pub fn taken(&self) -> u64 {
        self.desk.count.load(Ordering::Relaxed)
    }
}

impl Drop for Providers {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn account() -> Json<Value> {
    Json(json!({"sid": ACCOUNT, "status": "active"}))
}

async fn no_texts() -> Json<Value> {
    Json(json!({"messages": []}))
}

async fn take_text(State(desk): State<Arc<Desk>>, body: String) -> Response {
    let form: Vec<(String, String)> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let Some(to) = field("To") else { return StatusCode::BAD_REQUEST.into_response() };
    let sid = format!("SM{:032}", desk.count.fetch_add(1, Ordering::Relaxed) + 1);
    let answer = json!({"sid": sid, "status": "queued", "to": to, "from": SENDER});
    tokio::spawn(desk.clone().carry_text(sid, to, field("StatusCallback").unwrap_or_default()));
    (StatusCode::CREATED, Json(answer)).into_response()
}

async fn take_whatsapp(State(desk): State<Arc<Desk>>, Json(body): Json<Value>) -> Json<Value> {
    let id = format!("wamid.{}", desk.count.fetch_add(1, Ordering::Relaxed) + 1);
    let to = body["to"].as_str().unwrap_or_default().to_owned();
    let mark = body["biz_opaque_callback_data"].clone();
    tokio::spawn(desk.clone().carry_whatsapp(id.clone(), to, mark));
    Json(json!({"messaging_product": "whatsapp", "messages": [{"id": id}]}))
}

impl Desk {
    /// The life of a text.
    async fn carry_text(self: Arc<Self>, sid: String, to: String, callback: String) {
        tokio::time::sleep(STEP).await;
        let way = Way::of(&to);
        let status = if way.gets_texts() { "delivered" } else { "undelivered" };
        let mut fields = vec![("MessageSid", sid.as_str()), ("MessageStatus", status)];
        if !way.gets_texts() {
            fields.push(("ErrorCode", "30003"));
        }
        self.tell_form(&callback, &fields).await;
        let answer = match way {
            Way::Answers => "Call me tomorrow",
            Way::Stops => "STOP",
            _ => return,
        };
        tokio::time::sleep(STEP).await;
        let (Some((texts, _)), id) = (self.webhooks.get(), format!("{sid}-answer")) else { return };
        let fields = [("MessageSid", id.as_str()), ("From", to.as_str()), ("To", SENDER), ("Body", answer)];
        self.tell_form(texts, &fields).await;
    }

    async fn tell_form(&self, url: &str, fields: &[(&str, &str)]) {
        let form: Vec<(String, String)> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish();
        let request = self.http.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.header("X-Twilio-Signature", twilio::sign(TOKEN, url, &form)).body(body);
        told(request.send().await);
    }

    /// The life of a message over WhatsApp.
    async fn carry_whatsapp(self: Arc<Self>, id: String, to: String, mark: Value) {
        let way = Way::of(&to);
        let steps: &[(&str, Option<u32>)] = match way {
            Way::Reads => &[("delivered", None), ("read", None)],
            way if way.has_whatsapp() => &[("delivered", None)],
            _ => &[("failed", Some(131_026))],
        };
        for (status, code) in steps {
            tokio::time::sleep(STEP).await;
            let mut told = json!({"id": id, "status": status, "biz_opaque_callback_data": mark});
            if let Some(code) = code {
                told["errors"] = json!([{"code": code}]);
            }
            self.tell_whatsapp(json!({"statuses": [told]})).await;
        }
    }

    async fn tell_whatsapp(&self, value: Value) {
        let Some((_, url)) = self.webhooks.get() else { return };
        let body = json!({"entry": [{"changes": [{"field": "messages", "value": value}]}]}).to_string();
        let request = self.http.post(url).header(CONTENT_TYPE, "application/json");
        let signature = whatsapp::sign(APP_SECRET, body.as_bytes());
        told(request.header("X-Hub-Signature-256", signature).body(body).send().await);
    }
}

fn told(answer: reqwest::Result<reqwest::Response>) {
    match answer {
        Ok(answer) if answer.status().is_success() => {}
        Ok(answer) => tracing::warn!(status = %answer.status(), "a callback was refused"),
        Err(error) => tracing::debug!(%error, "a callback could not be made"),
    }
}
