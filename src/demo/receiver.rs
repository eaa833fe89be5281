//! A webhook receiver for demo and torture: what a customer's server would do, in small.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use chrono::{DateTime, Utc};
use ringfleet_core::{Clock, SystemClock, event::EventType, signing::Secret};
use serde::Deserialize;
use tokio::{net::TcpListener, sync::mpsc::UnboundedSender, task::JoinHandle};

use crate::process::Failure;

/// Listens on a free loopback port until it is dropped.
pub struct Receiver {
    addr: SocketAddr,
    inbox: Arc<Inbox>,
    task: JoinHandle<()>,
}

/// What has come in so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Received {
    /// Distinct events that were answered with 2xx.
    pub delivered: u64,
    /// Those whose signature was good.
    pub verified: u64,
    /// Calls whose beginning was told.
    pub started: u64,
    /// Calls whose end was told.
    pub ended: u64,
    pub campaign_started: bool,
    pub campaign_completed: bool,
}

impl Received {
    /// Whether everything has been told about a finished campaign with this many calls.
    pub fn tells_all_of(&self, calls: u64) -> bool {
        self.campaign_started && self.campaign_completed && self.ended >= calls && self.started >= self.ended
    }
}

/// One request that was answered with 2xx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Of the event.
    pub id: String,
    /// Whether the signature was good.
    pub verified: bool,
    /// The event as it was sent.
    pub body: Bytes,
}

#[derive(Default)]
struct Inbox {
    secret: OnceLock<Secret>,
    seen: Mutex<Seen>,
    /// Told of every request, repeated ones included.
    journal: Option<UnboundedSender<Notice>>,
}

#[derive(Default)]
struct Seen {
    events: HashSet<String>,
    received: Received,
}

/// What the demo reads of an event.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    event: String,
}

impl Receiver {
    /// # Errors
    /// When no loopback port can be opened.
    pub async fn start() -> Result<Self, Failure> {
        Self::with(Inbox::default()).await
    }

    /// The same, and everything that comes in is told to `journal`.
    ///
    /// # Errors
    /// When no loopback port can be opened.
    pub async fn journaled(journal: UnboundedSender<Notice>) -> Result<Self, Failure> {
        Self::with(Inbox { journal: Some(journal), ..Inbox::default() }).await
    }

    async fn with(inbox: Inbox) -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .map_err(|e| Failure::during("the webhook receiver cannot listen on 127.0.0.1", e))?;
        let addr = listener.local_addr()?;
        let inbox = Arc::new(inbox);
        let app = Router::new().route("/webhooks", post(receive)).with_state(inbox.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!(%error, "the webhook receiver broke down");
            }
        });
        Ok(Self { addr, inbox, task })
    }

    pub fn url(&self) -> String {
        format!("http://{}/webhooks", self.addr)
    }

    /// The secret of the endpoint, as the API has shown it. Until then every request is answered 503.
    ///
    /// # Errors
    /// When it is no webhook secret.
    pub fn trust(&self, secret: &str) -> Result<(), Failure> {
        let secret = Secret::parse(secret)
            .map_err(|e| Failure::during("the API's signing secret cannot be used", e))?;
        let _ = self.inbox.secret.set(secret); // there is one endpoint, and it is made once
        Ok(())
    }

    pub fn received(&self) -> Received {
        self.inbox.seen().received
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn receive(State(inbox): State<Arc<Inbox>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    inbox.take(&headers, body, SystemClock.now())
}

impl Inbox {
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        // Nothing in here can be left half done, so a panic elsewhere does not matter.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A bad signature is answered like a good one: the demo counts both and fails by their difference. A real receiver
    /// answers it with 401 and forgets it.
    fn take(&self, headers: &HeaderMap, body: Bytes, now: DateTime<Utc>) -> StatusCode {
        let Some(secret) = self.secret.get() else { return StatusCode::SERVICE_UNAVAILABLE };
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (Some(id), Some(timestamp), Some(signature)) =
            (text("webhook-id"), text("webhook-timestamp"), text("webhook-signature"))
        else {
            return StatusCode::BAD_REQUEST;
        };
        let verified = secret.verify(id, timestamp, signature, &body, now);
        if let Err(error) = &verified {
            tracing::warn!(%error, event = id, "a webhook's signature is bad");
        }
        if let Some(journal) = &self.journal {
            // Whoever has stopped reading has read enough.
            let _ =
                journal.send(Notice { id: id.to_owned(), verified: verified.is_ok(), body: body.clone() });
        }
        let mut seen = self.seen();
        if !seen.events.insert(id.to_owned()) {
            return StatusCode::NO_CONTENT; // delivered at least once; this was the second time
        }
        seen.received.delivered += 1;
        if verified.is_ok() {
            seen.received.count(&body);
        }
        StatusCode::NO_CONTENT
    }
}

impl Received {
    fn count(&mut self, body: &[u8]) {
        self.verified += 1;
        let Ok(Event { event }) = serde_json::from_slice(body) else { return };
        let is = |wanted: EventType| event == wanted.as_str();
        self.started += u64::from(is(EventType::SessionStarted));
        self.ended += u64::from(is(EventType::SessionEnded));
        self.campaign_started |= is(EventType::CampaignStarted);
        self.campaign_completed |= is(EventType::CampaignCompleted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn request(secret: &Secret, id: &str, body: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", id.parse().unwrap());
        headers.insert("webhook-timestamp", "1700000000".parse().unwrap());
        let signature = secret.sign(id, at(1_700_000_000), body.as_bytes());
        headers.insert("webhook-signature", signature.parse().unwrap());
        headers
    }

    fn body(event: &str) -> String {
        format!(r#"{{"id":"evt_1","type":"{event}","data":{{}}}}"#)
    }

    #[test]
    fn events_are_verified_and_counted_once() {
        let (inbox, secret) = (Inbox::default(), Secret::new([1; 32]));
        let now = at(1_700_000_003);
        let ended = body("session.ended");
        let first = request(&secret, "evt_1", &ended);
        assert_eq!(inbox.take(&first, ended.clone().into(), now), StatusCode::SERVICE_UNAVAILABLE);
        inbox.secret.set(secret.clone()).unwrap();
        for _ in 0..2 {
            assert_eq!(inbox.take(&first, ended.clone().into(), now), StatusCode::NO_CONTENT);
        }
        for (id, event) in
            [("evt_2", "session.started"), ("evt_3", "campaign.started"), ("evt_4", "campaign.completed")]
        {
            let body = body(event);
            inbox.take(&request(&secret, id, &body), body.into(), now);
        }
        let received = inbox.seen().received;
        assert_eq!((received.delivered, received.verified), (4, 4));
        assert!(received.tells_all_of(1));
        assert!(!received.tells_all_of(2));
    }

    #[test]
    fn a_bad_signature_is_delivered_and_not_verified() {
        let inbox = Inbox::default();
        inbox.secret.set(Secret::new([1; 32])).unwrap();
        let body = body("campaign.started");
        let forged = request(&Secret::new([2; 32]), "evt_1", &body);
        assert_eq!(inbox.take(&forged, body.into(), at(1_700_000_000)), StatusCode::NO_CONTENT);
        let received = inbox.seen().received;
        assert_eq!((received.delivered, received.verified, received.campaign_started), (1, 0, false));
    }

    #[test]
    fn a_request_without_the_headers_is_refused_and_not_counted() {
        let inbox = Inbox::default();
        inbox.secret.set(Secret::new([1; 32])).unwrap();
        assert_eq!(inbox.take(&HeaderMap::new(), Bytes::from_static(b"{}"), at(0)), StatusCode::BAD_REQUEST);
        assert_eq!(inbox.seen().received, Received::default());
    }

    #[test]
    fn the_journal_has_every_request() {
        let (journal, mut notices) = tokio::sync::mpsc::unbounded_channel();
        let inbox = Inbox { journal: Some(journal), ..Inbox::default() };
        let secret = Secret::new([1; 32]);
        inbox.secret.set(secret.clone()).unwrap();
        let body = body("session.ended");
        let good = request(&secret, "evt_1", &body);
        let forged = request(&Secret::new([2; 32]), "evt_2", &body);
        for request in [&good, &good, &forged] {
            inbox.take(request, body.clone().into(), at(1_700_000_000));
        }
        for (id, verified) in [("evt_1", true), ("evt_1", true), ("evt_2", false)] {
            let notice = Notice { id: id.into(), verified, body: body.clone().into() };
            assert_eq!(notices.try_recv().unwrap(), notice);
        }
    }
}
