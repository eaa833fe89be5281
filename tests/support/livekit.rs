//! A LiveKit server with a SIP service, on a free port of 127.0.0.1: keeps rooms and who is in them, tells of them by signed webhooks, and
//! misbehaves by the end of the called number. Written apart from the carrier, so that each tests the other.
//!
//! The last digit decides: 1–5 answered, 6 never answered, 7 busy, 8 declined, 9 no such number. Numbers that end in 0 are for faults: see
//! [`Fault`].

#[path = "livekit_tokens.rs"]
pub mod tokens;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle, time::sleep};

use tokens::{read, signed};

pub const SIP_TRUNK: &str = "ST_fake";

/// How the server behaves.
#[derive(Debug, Clone, Default)]
pub struct Manners {
    pub ring: Duration,
    pub talk: Duration,
    /// Where it tells of rooms, and with which secret; none tells nobody.
    pub webhook: Option<(String, String)>,
}

/// What happens to a call to a number with these last two digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// …00: 429 once for each number.
    ThrottledOnce,
    /// …10: 400, it cannot be asked for.
    Invalid,
    /// …20: placed, and answered with 500.
    PlacedAnd500,
    /// …30: placed, and never answered.
    PlacedAndSilent,
    /// …40: 500, and not placed.
    Broken,
    /// …50: 404, there is no such SIP trunk.
    NoTrunk,
    /// …60: placed, and the answer breaks off.
    PlacedAndBrokenOff,
    /// …70: the agent never comes; the callee is patient.
    NoAgent,
    /// …80: the agent leaves before the callee does.
    AgentLeaves,
    /// …90: the agent hangs up, by closing the room.
    AgentHangsUp,
    /// …95: answered, and refused all the same.
    AnsweredAndRefused,
}

impl Fault {
    fn of(number: &str) -> Option<Self> {
        Some(match number.get(number.len().saturating_sub(2)..)? {
            "00" => Self::ThrottledOnce,
            "10" => Self::Invalid,
            "20" => Self::PlacedAnd500,
            "30" => Self::PlacedAndSilent,
            "40" => Self::Broken,
            "50" => Self::NoTrunk,
            "60" => Self::PlacedAndBrokenOff,
            "70" => Self::NoAgent,
            "80" => Self::AgentLeaves,
            "90" => Self::AgentHangsUp,
            "95" => Self::AnsweredAndRefused,
            _ => return None,
        })
    }
}

/// A call it has taken.
#[derive(Debug, Clone)]
pub struct Taken {
    pub sid: String,
    pub body: Value,
    /// `dialing`, `ringing`, `active`, `hangup`.
    pub status: &'static str,
    /// Why the callee left.
    pub left: Option<&'static str>,
    /// What the agent in its room was told.
    pub metadata: Value,
    /// It was shown to who asked, as answered.
    is_seen: bool,
    ended: Arc<Notify>,
}

impl Taken {
    pub fn to(&self) -> &str {
        self.body["sip_call_to"].as_str().unwrap_or_default()
    }

    pub fn room(&self) -> &str {
        self.body["room_name"].as_str().unwrap_or_default()
    }

    pub fn is_over(&self) -> bool {
        self.left.is_some()
    }

    fn shown(&self) -> Value {
        json!({
            "sid": self.sid, "identity": self.body["participant_identity"], "state": "ACTIVE", "kind": "SIP", "tracks": [],
            "joined_at": "1700000000", "attributes": {"sip.callStatus": self.status, "sip.callID": "SCL_1"},
        })
    }
}

#[derive(Default)]
struct Room {
    agents: Vec<Value>,
    /// An agent is there.
    agent: bool,
}

#[derive(Default)]
struct Book {
    rooms: HashMap<String, Room>,
    /// Rooms that are closed: whoever asks for one is told that there is none.
    closed: HashSet<String>,
    calls: Vec<Taken>,
    throttled: HashSet<String>,
    /// What was asked, as the name of the method.
    asked: Vec<String>,
}

#[derive(Clone)]
struct Desk {
    manners: Manners,
    book: Arc<Mutex<Book>>,
    http: reqwest::Client,
}

/// The server; it stops with this value.
pub struct FakeLivekit {
    addr: SocketAddr,
    desk: Desk,
    server: JoinHandle<()>,
}

impl Drop for FakeLivekit {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl FakeLivekit {
    pub async fn start(manners: Manners) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default(); // perhaps it is there already
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let desk = Desk { manners, book: Arc::default(), http };
        let routes = Router::new().route("/twirp/{method}/{name}", post(ask)).with_state(desk.clone());
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

    /// The rooms that are open.
    pub fn rooms(&self) -> usize {
        self.desk.book().rooms.len()
    }

    /// How often each was called.
    pub fn by_number(&self) -> BTreeMap<String, usize> {
        let mut counted = BTreeMap::new();
        for call in self.calls() {
            *counted.entry(call.to().to_owned()).or_default() += 1;
        }
        counted
    }

    /// How often a method was asked for.
    pub fn asked(&self, method: &str) -> usize {
        self.desk.book().asked.iter().filter(|asked| *asked == method).count()
    }
}

impl Desk {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, sid: &str, change: impl FnOnce(&mut Taken) -> T) -> T {
        let mut book = self.book();
        change(book.calls.iter_mut().find(|call| call.sid == sid).expect("it does not vanish"))
    }

    fn take(&self, body: Value) -> Taken {
        let mut book = self.book();
        let name = body["room_name"].as_str().expect("a room").to_owned();
        book.closed.remove(&name);
        let agents = book.rooms.entry(name).or_default().agents.clone();
        let metadata = agents.first().and_then(|agent| agent["metadata"].as_str()).unwrap_or("null");
        let call = Taken {
            sid: format!("PA_{}", book.calls.len() + 1),
            metadata: serde_json::from_str(metadata).expect("metadata is JSON"),
            body,
            status: "dialing",
            left: None,
            is_seen: false,
            ended: Arc::default(),
        };
        book.calls.push(call.clone());
        call
    }

    /// The life of a call up to the answer, or its end. Gives the answer to who has asked for it.
    async fn dial(&self, call: &Taken) -> Response {
        self.tell("participant_joined", call).await;
        let timeout =
            call.body["ringing_timeout"].as_str().and_then(|text| text.strip_suffix('s')?.parse().ok());
        let last = call.to().chars().last().unwrap_or_default();
        let ring = match last {
            '6' => Duration::from_secs(timeout.expect("a number of seconds")),
            _ => self.manners.ring,
        };
        self.with(&call.sid, |call| call.status = "ringing");
        self.pass(call, ring).await;
        if self.with(&call.sid, |call| call.is_over()) {
            return error(408, "canceled", "sip request timed out", None);
        }
        let (status, code, sip, left) = match last {
            '6' => (408, "canceled", None, "USER_UNAVAILABLE"),
            '7' => (429, "resource_exhausted", Some(486), "USER_REJECTED"),
            '8' => (403, "permission_denied", Some(603), "USER_REJECTED"),
            '9' => (404, "not_found", Some(404), "USER_UNAVAILABLE"),
            _ => {
                self.with(&call.sid, |call| call.status = "active");
                tokio::spawn(self.clone().talk(call.clone()));
                let body = json!({
                    "participant_id": call.sid, "participant_identity": call.body["participant_identity"],
                    "room_name": call.room(), "sip_call_id": "SCL_1",
                });
                return Json(body).into_response();
            }
        };
        self.leaves(call, left).await;
        error(status, code, "no", sip)
    }

    /// An answered call.
    async fn talk(self, call: Taken) {
        let fault = Fault::of(call.to());
        let is_patient = fault == Some(Fault::NoAgent);
        self.pass(&call, if is_patient { Duration::from_secs(60) } else { self.manners.talk }).await;
        match fault {
            Some(Fault::AgentLeaves) => {
                self.is_seen(&call.sid).await;
                if let Some(room) = self.book().rooms.get_mut(call.room()) {
                    room.agent = false;
                }
            }
            Some(Fault::AgentHangsUp) => self.close(call.room()).await,
            _ => self.leaves(&call, "CLIENT_INITIATED").await,
        }
    }

    /// Waits until a call was shown as answered.
    async fn is_seen(&self, sid: &str) {
        while !self.with(sid, |call| call.is_seen) {
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits, unless the call is ended meanwhile.
    async fn pass(&self, call: &Taken, time: Duration) {
        drop(tokio::time::timeout(time, call.ended.notified()).await);
    }

    async fn leaves(&self, call: &Taken, why: &'static str) {
        let is_first = self.with(&call.sid, |call| {
            let is_first = call.left.is_none();
            call.left.get_or_insert(why);
            call.status = "hangup";
            call.ended.notify_one();
            is_first
        });
        if is_first {
            self.tell("participant_left", &self.with(&call.sid, |call| call.clone())).await;
        }
    }

    async fn close(&self, room: &str) {
        let inside: Vec<Taken> = {
            let mut book = self.book();
            book.rooms.remove(room);
            book.closed.insert(room.to_owned());
            book.calls.iter().filter(|call| call.room() == room && !call.is_over()).cloned().collect()
        };
        for call in inside {
            self.leaves(&call, "ROOM_DELETED").await;
        }
    }

    async fn tell(&self, event: &str, call: &Taken) {
        let Some((url, secret)) = &self.manners.webhook else { return };
        let mut participant =
            json!({"sid": call.sid, "identity": call.body["participant_identity"], "kind": "SIP"});
        if let Some(why) = call.left {
            participant["disconnectReason"] = json!(why);
        }
        let body = json!({
            "event": event, "id": "EV_1", "createdAt": "1700000000",
            "room": {"sid": "RM_1", "name": call.room()}, "participant": participant,
        });
        let body = body.to_string();
        let request = self.http.post(url).header(header::CONTENT_TYPE, "application/webhook+json");
        let request = request.header(header::AUTHORIZATION, signed(secret, &body)).body(body);
        drop(request.send().await); // whoever is told may be gone
    }
}

fn error(status: u16, code: &str, msg: &str, sip: Option<u16>) -> Response {
    let mut body = json!({"code": code, "msg": msg});
    if let Some(sip) = sip {
        body["meta"] = json!({"sip_status_code": sip.to_string(), "sip_status": "no"});
    }
    (StatusCode::from_u16(status).expect("a status"), Json(body)).into_response()
}

/// Whether the grants are enough.
fn may(claims: &Value, method: &str, body: &Value) -> bool {
    let video = &claims["video"];
    match method {
        "CreateRoom" | "DeleteRoom" => video["roomCreate"] == true,
        "ListRooms" => video["roomList"] == true,
        "ListParticipants" => video["roomAdmin"] == true && video["room"] == body["room"],
        "CreateSIPParticipant" => claims["sip"]["call"] == true,
        _ => false,
    }
}

async fn ask(
    State(desk): State<Desk>,
    Path((_, method)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    desk.book().asked.push(method.clone());
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    let token =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if !token.and_then(read).is_some_and(|claims| may(&claims, &method, &body)) {
        return error(401, "unauthenticated", "permissions denied", None);
    }
    match method.as_str() {
        "CreateRoom" => open(&desk, &body),
        "ListRooms" => Json(json!({"rooms": []})).into_response(),
        "ListParticipants" => list(&desk, &body),
        "DeleteRoom" => {
            let room = body["room"].as_str().expect("a room");
            if !desk.book().rooms.contains_key(room) {
                return error(404, "not_found", "room not found", None);
            }
            desk.close(room).await;
            Json(json!({})).into_response()
        }
        _ => place(desk, body).await,
    }
}

fn open(desk: &Desk, body: &Value) -> Response {
    let name = body["name"].as_str().expect("a name");
    let agents = body["agents"].as_array().cloned().unwrap_or_default();
    let mut book = desk.book();
    book.closed.remove(name);
    // A room that is there stays as it is: nobody is sent for again.
    book.rooms.entry(name.to_owned()).or_insert(Room { agents, agent: true });
    Json(json!({"sid": "RM_1", "name": name, "empty_timeout": body["empty_timeout"]})).into_response()
}

fn list(desk: &Desk, body: &Value) -> Response {
    let name = body["room"].as_str().expect("a room");
    let mut book = desk.book();
    if book.closed.contains(name) {
        return error(404, "not_found", "requested room does not exist", None);
    }
    for call in book.calls.iter_mut().filter(|call| call.room() == name) {
        call.is_seen |= call.status == "active";
    }
    let callees = book.calls.iter().filter(|call| call.room() == name && !call.is_over()).map(Taken::shown);
    let agent = book.rooms.get(name).filter(|room| room.agent);
    let agent = agent.map(|_| json!({"sid": "PA_agent", "identity": "agent-1", "kind": "AGENT"}));
    Json(json!({"participants": callees.chain(agent).collect::<Vec<_>>()})).into_response()
}

async fn place(desk: Desk, body: Value) -> Response {
    let to = body["sip_call_to"].as_str().expect("whom to call").to_owned();
    let fault = Fault::of(&to);
    let broken = || error(500, "internal", "broken", None);
    match fault {
        _ if body["sip_trunk_id"] != SIP_TRUNK => return error(404, "not_found", "no such trunk", None),
        Some(Fault::ThrottledOnce) if desk.book().throttled.insert(to.clone()) => {
            return error(429, "resource_exhausted", "too many", None);
        }
        Some(Fault::Invalid) => return error(400, "invalid_argument", "no", None),
        Some(Fault::NoTrunk) => return error(404, "not_found", "object cannot be found", None),
        Some(Fault::Broken) => return broken(),
        Some(Fault::NoAgent) => {
            if let Some(room) = desk.book().rooms.get_mut(body["room_name"].as_str().expect("a room")) {
                room.agent = false;
            }
        }
        _ => {}
    }
    let call = desk.take(body);
    let (sid, line) = (call.sid.clone(), desk.clone());
    // It goes on also where nobody waits for its answer any more.
    let dialed = tokio::spawn(async move { line.dial(&call).await });
    match fault {
        Some(Fault::AnsweredAndRefused) => {
            desk.is_seen(&sid).await;
            error(412, "failed_precondition", "no", None)
        }
        Some(Fault::PlacedAnd500) => broken(),
        Some(Fault::PlacedAndSilent) => std::future::pending().await,
        Some(Fault::PlacedAndBrokenOff) => (StatusCode::OK, "{\"participant_id\":\"PA").into_response(),
        _ => dialed.await.expect("a call does not break"),
    }
}
