//! A webhook receiver that does as it is told and remembers what it was sent.

use std::{
    collections::{BTreeSet, HashMap},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Request, StatusCode},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// One request as it came in, and what it was answered.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub answered: StatusCode,
}

impl Received {
    /// The value of a header, or nothing where it is missing or not text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// # Panics
    ///
    /// When the body is not JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{}: {error}: {:?}", self.path, self.body))
    }
}

/// The different events among them: a webhook comes at least once.
pub fn ids(received: &[Received]) -> BTreeSet<&str> {
    received.iter().map(|one| one.header("webhook-id")).collect()
}

/// What to answer; everything else is 200.
#[derive(Default)]
struct Script {
    failures_left: u32,
    by_path: HashMap<String, StatusCode>,
}

#[derive(Clone)]
struct Desk {
    script: Arc<Mutex<Script>>,
    received: Arc<watch::Sender<Vec<Received>>>,
}

/// An HTTP server on a free port of 127.0.0.1; it stops with this value.
pub struct Receiver {
    addr: SocketAddr,
    desk: Desk,
    server: JoinHandle<()>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let desk = Desk { script: Arc::default(), received: Arc::new(watch::Sender::new(Vec::new())) };
        let routes = Router::new().fallback(receive).with_state(desk.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, routes).await.expect("axum's server does not end by itself");
        });
        Self { addr, desk, server }
    }

    /// The address of a path (with its leading slash) of this receiver.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Answers the next `n` requests 500, whatever their path.
    pub fn fail_first(&self, n: u32) {
        self.script().failures_left = n;
    }

    /// Answers this path with this status from now on.
    pub fn answer(&self, path: &str, status: StatusCode) {
        self.script().by_path.insert(path.to_owned(), status);
    }

    /// Everything received so far, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.desk.received.borrow().clone()
    }

    /// Waits until what was received satisfies the predicate, and returns all of it.
    ///
    /// # Panics
    ///
    /// After `deadline`, listing what was received instead.
    pub async fn wait_for(
        &self,
        predicate: impl Fn(&[Received]) -> bool,
        deadline: Duration,
    ) -> Vec<Received> {
        let mut received = self.desk.received.subscribe();
        match tokio::time::timeout(deadline, received.wait_for(|received| predicate(received))).await {
            Ok(Ok(received)) => received.clone(),
            Ok(Err(_)) | Err(_) => {
                let seen = self.received();
                panic!("the receiver waited {deadline:?} in vain; it has {} requests: {seen:#?}", seen.len());
            }
        }
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.desk.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn receive(State(desk): State<Desk>, request: Request<Body>) -> StatusCode {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 16 << 20).await else {
        return StatusCode::PAYLOAD_TOO_LARGE;
    };
    let path = head.uri.path().to_owned();
    let answered = {
        let mut script = desk.script.lock().unwrap_or_else(PoisonError::into_inner);
        if script.failures_left > 0 {
            script.failures_left -= 1;
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            script.by_path.get(&path).copied().unwrap_or(StatusCode::OK)
        }
    };
    let one = Received { method: head.method.to_string(), path, headers: head.headers, body, answered };
    desk.received.send_modify(|received| received.push(one));
    answered
}
