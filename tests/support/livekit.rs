//! A LiveKit server with a SIP service, on a free port of 127.0.0.1: keeps rooms and who is in them, tells of them by signed webhooks, and
//! misbehaves by the end of the called number, or on demand. Written apart from the carrier, so that each tests the other.
//!
//! The last digit decides: 1–5 answered, 6 never answered, 7 busy, 8 declined, 9 no such number. Numbers that end in 0 are for faults: see
//! `requests`.

#[path = "livekit_requests.rs"]
mod requests;
#[path = "livekit_tokens.rs"]
pub mod tokens;

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json,
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle, time::sleep};

use requests::{Fault, error, routes};
use tokens::signed;

pub const SIP_TRUNK: &str = "ST_fake";

/// How the server behaves.
#[derive(Debug, Clone, Default)]
pub struct Manners {
    pub ring: Duration,
    pub talk: Duration,
    /// Where it tells of rooms, and with which secret; none tells nobody.
    pub webhook: Option<(String, String)>,
}

/// How it answers one question.
#[derive(Debug, Clone, Copy)]
pub enum Upset {
    /// With this status, and without a word.
    Refuses(u16),
    /// Never.
    Silent,
    /// Nobody is in the room.
    Lags,
    /// As it is when it is asked, but after so long.
    Late(Duration),
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
    /// The status that was shown to who asked.
    shown: &'static str,
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

    fn view(&self) -> Value {
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
    /// How the next questions are answered, by the name of the method.
    upset: HashMap<String, VecDeque<Upset>>,
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
        let routes = routes(desk.clone());
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

    /// An agent comes into every room.
    pub fn agents_come(&self) {
        self.desk.book().rooms.values_mut().for_each(|room| room.agent = true);
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

    /// How the next questions by this method are answered; those after them as is right.
    pub fn upset(&self, method: &str, answers: impl IntoIterator<Item = Upset>) {
        self.desk.book().upset.insert(method.to_owned(), answers.into_iter().collect());
    }

    /// Whether all of that is over.
    pub fn is_calm(&self) -> bool {
        self.desk.book().upset.values().all(VecDeque::is_empty)
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
            shown: "",
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
            _ if Fault::of(call.to()) == Some(Fault::RungAndRefused) => Duration::from_secs(60),
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
                self.is_shown(&call.sid, "active").await;
                if let Some(room) = self.book().rooms.get_mut(call.room()) {
                    room.agent = false;
                }
            }
            Some(Fault::AgentHangsUp) => self.close(call.room()).await,
            _ => self.leaves(&call, "CLIENT_INITIATED").await,
        }
    }

    /// Waits until a call was shown with this status.
    async fn is_shown(&self, sid: &str, status: &str) {
        while self.with(sid, |call| call.shown != status) {
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
