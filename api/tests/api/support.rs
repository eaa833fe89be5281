//! A server with two workspaces, and a client for it.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode, header},
};
use ringfleet_api::{ApiSettings, NewKey, new_key, router};
use ringfleet_blobs::{Blobs, Place};
use ringfleet_core::{
    Clock, Keyring, LoginId, ManualClock, Quota, Role, Scopes, UserId, WorkspaceId, delivery::RetrySchedule,
    token::Bearer,
};
use ringfleet_engine::{Engine, Media};
use ringfleet_fleet::Fleet;
use ringfleet_store::{NewApiKey, NewUser, Store};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tower::ServiceExt;

use crate::described::Described;

/// A WAV file of 8 kHz, mono, 16 bit, with two samples.
const SILENCE: &[u8] =
    b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x04\0\0\0\0\0\0\0";
/// Largest answer a test reads.
const ANSWER_LIMIT: usize = 64 * 1024 * 1024;

/// A server without a network, its workspace `ours` with a key of each role, and a workspace `theirs`.
pub struct World {
    pub app: Router,
    pub engine: Engine,
    pub clock: ManualClock,
    pub admin: String,
    pub developer: String,
    pub member: String,
    pub stranger: String,
    described: OnceCell<Described>,
    folder: Arc<TempDir>,
}

/// What a server said.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
}

/// Ids of one of each thing in `ours`.
pub struct Things {
    pub agent: String,
    pub trunk: String,
    pub campaign: String,
    pub recipient: String,
    pub import: String,
    pub session: String,
    pub webhook: String,
    pub suppression: String,
}

/// One key, of one byte repeated.
pub fn keys(byte: u8) -> Arc<Keyring> {
    Arc::new(Keyring::parse(&[ringfleet_core::seal::encode_key([byte; 32])]).unwrap())
}

impl World {
    pub async fn new() -> Self {
        Self::with(|settings| settings).await
    }

    /// With other settings.
    pub async fn with(change: impl FnOnce(ApiSettings) -> ApiSettings) -> Self {
        let mut world = Self::empty(change).await;
        let engine = &world.engine;
        let keys = [
            key(engine, "ours", Role::Admin).await,
            key(engine, "ours", Role::Developer).await,
            key(engine, "ours", Role::Member).await,
            key(engine, "theirs", Role::Admin).await,
        ];
        [world.admin, world.developer, world.member, world.stranger] = keys;
        world
    }

    /// Without workspaces and keys.
    pub async fn empty(change: impl FnOnce(ApiSettings) -> ApiSettings) -> Self {
        let folder = TempDir::new().unwrap();
        let greetings = folder.path().join("greetings");
        std::fs::create_dir(&greetings).unwrap();
        std::fs::write(greetings.join("hello.wav"), SILENCE).unwrap();
        std::fs::write(greetings.join("text.wav"), b"RIFF").unwrap();
        std::fs::create_dir(greetings.join("folder.wav")).unwrap();
        let store = Store::sqlite(&folder.path().join("test.db")).await.unwrap().with_keys(keys(7));
        store.migrate().await.unwrap();
        let clock = ManualClock::new("2026-11-22T10:00:00.123Z".parse().unwrap());
        let engine =
            Engine::new(store, Fleet::in_process(), Arc::new(clock.clone()), RetrySchedule::default());
        let blobs = Blobs::open(&Place::Folder(folder.path().join("recordings"))).unwrap();
        let engine = engine.with_media(Media { blobs, base_url: "http://127.0.0.1:8080/".into() });
        let settings = ApiSettings {
            greetings: Some(greetings),
            quota: Quota::new(1_000_000, 100_000),
            ..ApiSettings::default()
        };
        Self {
            app: router(engine.clone(), change(settings)),
            engine,
            clock,
            admin: String::new(),
            developer: String::new(),
            member: String::new(),
            stranger: String::new(),
            described: OnceCell::new(),
            folder: Arc::new(folder),
        }
    }

    /// Another server over the same database, as after a restart.
    pub async fn restarted(&self) -> Self {
        self.restarted_with(keys(7)).await
    }

    /// The same, with other keys to keep secrets with.
    pub async fn restarted_with(&self, keys: Arc<Keyring>) -> Self {
        let store = Store::sqlite(&self.folder.path().join("test.db")).await.unwrap().with_keys(keys);
        let engine =
            Engine::new(store, Fleet::in_process(), Arc::new(self.clock.clone()), RetrySchedule::default());
        Self {
            app: router(engine.clone(), ApiSettings::default()),
            engine,
            clock: self.clock.clone(),
            admin: self.admin.clone(),
            developer: self.developer.clone(),
            member: self.member.clone(),
            stranger: self.stranger.clone(),
            described: OnceCell::new(),
            folder: self.folder.clone(),
        }
    }

    /// The id of `ours`.
    pub async fn workspace(&self) -> WorkspaceId {
        let mut tx = self.engine.store().write().await.unwrap();
        tx.workspace_named("ours", self.clock.now()).await.unwrap().id
    }

    /// Sends any request.
    ///
    /// # Panics
    ///
    /// When it is answered otherwise than described.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().to_string());
        let answer = self.exchange(request).await;
        let described = self.described.get_or_init(async || {
            let request = Request::get("/openapi.json").body(Body::empty());
            Described::new(self.exchange(request.unwrap()).await.body)
        });
        described.await.check(&method, &path, answer.status, &answer.body);
        answer
    }

    async fn exchange(&self, request: Request<Body>) -> Answer {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text =
            String::from_utf8(to_bytes(response.into_body(), ANSWER_LIMIT).await.unwrap().to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, headers, text, body }
    }

    /// Sends a request of a key, with a JSON body unless it is null.
    pub async fn call(&self, key: &str, method: &str, path: &str, body: Value) -> Answer {
        self.call_with(key, &[], method, path, body).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(&self.admin, "GET", path, Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(&self.admin, "POST", path, body).await
    }

    /// Sends text as it is to an endpoint that reads JSON.
    pub async fn post_text(&self, path: &str, text: impl Into<Body>) -> Answer {
        self.upload(path, "application/json", text).await
    }

    /// Sends any body.
    pub async fn upload(&self, path: &str, media: &str, body: impl Into<Body>) -> Answer {
        let request = request("POST", path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.admin))
            .header(header::CONTENT_TYPE, media)
            .body(body.into());
        self.send(request.unwrap()).await
    }

    pub async fn agent(&self) -> String {
        self.post("/agents", json!({"name": "Asha"})).await.id()
    }

    pub async fn trunk(&self) -> String {
        self.post("/trunks", json!({"name": "Test", "kind": "simulated"})).await.id()
    }

    /// A trunk for e-mails.
    pub async fn mail_trunk(&self) -> String {
        let trunk = json!({"name": "Mail", "kind": "smtp", "host": "1.1.1.1", "from": "a@example.com"});
        self.post("/trunks", trunk).await.id()
    }

    /// A campaign in DRAFT with an agent and the only trunk.
    pub async fn campaign(&self) -> String {
        let agent = self.agent().await;
        if self.get("/trunks").await.data().as_array().unwrap().is_empty() {
            self.trunk().await;
        }
        self.post("/campaigns", json!({"name": "Autumn", "agentId": agent})).await.id()
    }

    /// One of each.
    pub async fn things(&self) -> Things {
        let campaign = self.campaign().await;
        let recipients = format!("/campaigns/{campaign}/recipients");
        self.post(&recipients, json!({"recipients": [{"to": "+919876543210"}]})).await.expect(200);
        let agent = self.get("/agents").await.data()[0]["id"].as_str().unwrap().to_owned();
        let to = json!({"agentId": agent, "toNumber": "+14155550100"});
        Things {
            trunk: self.get("/trunks").await.data()[0]["id"].as_str().unwrap().to_owned(),
            recipient: self.get(&recipients).await.data()[0]["id"].as_str().unwrap().to_owned(),
            import: self
                .upload(&format!("{recipients}/import"), "text/csv", "to\n+919876543211\n")
                .await
                .id(),
            session: self.post("/sessions", to).await.id(),
            webhook: self.post("/webhooks", json!({"url": "https://example.com/hook"})).await.id(),
            suppression: self.post("/suppressions", json!({"number": "+919876543212"})).await.data()[0]["id"]
                .as_str()
                .unwrap()
                .to_owned(),
            agent,
            campaign,
        }
    }

    /// Starts the campaign and makes a call for everybody on its list, as a scheduler does.
    pub async fn queue(&self, campaign: &str) {
        self.post(&format!("/campaigns/{campaign}/start"), Value::Null).await.expect(200);
        let running = self.engine.running().await.unwrap();
        let campaign = running.iter().find(|running| running.id.to_string() == campaign);
        assert!(self.engine.dispatch(campaign.expect("it has started"), 100).await.unwrap().claimed > 0);
    }

    /// A user who has logged in, as a member of `ours` if a role is given; gives their id and access token.
    pub async fn user(&self, email: &str, role: Option<Role>, superuser: bool) -> (UserId, String) {
        let now = self.engine.clock().now();
        let new =
            NewUser { email, name: email, password: None, google_subject: None, verified: true, superuser };
        let mut tx = self.engine.store().write().await.unwrap();
        let user = tx.insert_user(&new, now).await.unwrap().id;
        if let Some(role) = role {
            let ours = tx.workspace_named("ours", now).await.unwrap().id;
            tx.insert_member(ours, user, role, now).await.unwrap();
        }
        let session = LoginId::new(now);
        tx.insert_login(session, user, &[], now, now + chrono::TimeDelta::days(30)).await.unwrap();
        tx.commit().await.unwrap();
        let secret = self.engine.server_secret().await.unwrap();
        (user, secret.access_token(Bearer { user, session }, now))
    }

    /// The id of a workspace.
    pub async fn workspace_of(&self, name: &str) -> String {
        let mut tx = self.engine.store().write().await.unwrap();
        tx.workspace_named(name, self.engine.clock().now()).await.unwrap().id.to_string()
    }

    /// Sends a request with more headers.
    pub async fn call_with(
        &self,
        key: &str,
        headers: &[(&str, &str)],
        method: &str,
        path: &str,
        body: Value,
    ) -> Answer {
        let mut request = request(method, path);
        if !key.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match body {
            Value::Null => request.body(Body::empty()),
            body => request.header(header::CONTENT_TYPE, "application/json").body(body.to_string().into()),
        };
        self.send(request.unwrap()).await
    }

    pub fn tick(&self) {
        self.clock.advance(Duration::from_secs(1));
    }
}

/// A request to the native API; Samora's paths begin with a version.
pub fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(whole(path))
}

/// A path from the root.
pub fn whole(path: &str) -> String {
    match path.starts_with("/v1/") || path.starts_with("/v2/") {
        true => path.to_owned(),
        false => format!("/api/v1{path}"),
    }
}

/// A key that may all its role may.
pub fn new_api_key(workspace: WorkspaceId, role: Role, key: &NewKey) -> NewApiKey<'_> {
    NewApiKey {
        workspace,
        name: "test",
        role,
        scopes: Scopes::ALL,
        rate_limit: None,
        expires_at: None,
        prefix: &key.prefix,
        hash: &key.hash,
    }
}

async fn key(engine: &Engine, workspace: &str, role: Role) -> String {
    let key = new_key(rand::random());
    let now = engine.clock().now();
    let mut tx = engine.store().write().await.unwrap();
    let workspace = tx.workspace_named(workspace, now).await.unwrap();
    tx.insert_key(&new_api_key(workspace.id, role, &key), now).await.unwrap();
    tx.commit().await.unwrap();
    key.secret
}

impl Answer {
    /// The answer, provided it has this status and the form every answer has.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        let names: Vec<&String> = self.body.as_object().expect("an envelope").keys().collect();
        assert_eq!(names, ["data", "message", "meta", "success"], "{}", self.text);
        assert_eq!(self.body["success"], status < 400);
        if status >= 400 {
            assert!(self.body["data"].is_null() && self.body["message"].is_string(), "{}", self.text);
            assert!(self.body["meta"]["code"].is_string(), "{}", self.text);
        }
        self
    }

    /// Any success in the form every answer has.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        assert!(self.status.is_success(), "{}", self.text);
        let status = self.status.as_u16();
        self.expect(status)
    }

    /// The refusal's code, provided it has this status.
    #[track_caller]
    pub fn refusal(self, status: u16) -> String {
        self.expect(status).body["meta"]["code"].as_str().unwrap().to_owned()
    }

    /// The field a 422 is about, empty if it names none.
    #[track_caller]
    pub fn field(self) -> String {
        let answer = self.expect(422);
        assert_eq!(answer.body["meta"]["code"], "VALIDATION_FAILED");
        answer.body["meta"]["field"].as_str().unwrap_or_default().to_owned()
    }

    #[track_caller]
    pub fn data(&self) -> &Value {
        assert_eq!(self.body["success"], true, "{}", self.text);
        &self.body["data"]
    }

    #[track_caller]
    pub fn id(&self) -> String {
        self.data()["id"].as_str().expect("an id").to_owned()
    }
}

/// An object without one of its fields.
pub fn without(object: &Value, field: &str) -> Value {
    let mut left = object.clone();
    assert!(left.as_object_mut().unwrap().remove(field).is_some(), "{object} has no {field}");
    left
}
