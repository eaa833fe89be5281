//! Signs a delivery, posts it and records what the endpoint said.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, header::RETRY_AFTER};
use ringfleet_carriers::guarded;
use ringfleet_core::{
    Clock, DeliveryId,
    clock::Stopwatch,
    delivery::DeliveryState,
    net::Guard,
    signing::{self, SignatureError},
    webhook::CustomHeaders,
    with_causes,
};
use ringfleet_engine::{Answer, Engine};
use ringfleet_store::Letter;
use ringfleet_telemetry::{WEBHOOK_DURATION, WEBHOOKS, WEBHOOKS_DEAD, trace};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, field::Empty};

use crate::{
    WorkerSettings,
    endpoints::{Endpoints, NotNow},
};

/// How much of an answer is kept, in bytes.
const KEPT: usize = 8 * 1024;
/// How often is looked how many workers share a rate.
const LOOK_AT_OTHERS: Duration = Duration::from_secs(2);

/// Posts webhooks. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Postman {
    engine: Engine,
    client: Client,
    guard: Arc<Guard>,
    endpoints: Endpoints,
}

impl Postman {
    pub(crate) fn new(engine: Engine, settings: &WorkerSettings) -> reqwest::Result<Self> {
        let guard = Arc::new(settings.guard.clone());
        let client = guarded::client(guard.clone(), settings.delivery_timeout, settings.deliveries)?;
        Ok(Self { engine, client, guard, endpoints: Endpoints::new(settings.deliveries) })
    }

    /// Looks, until `stop`, how many workers there are: each sends its part of what an endpoint takes in a second.
    pub(crate) async fn share_rates(self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(LOOK_AT_OTHERS)).await.is_some() {
            // While nobody can tell, it stays as it was.
            if let Ok(members) = self.engine.fleet().presence().members().await {
                let workers = members.iter().filter(|member| member.role == "worker" && !member.draining);
                self.endpoints.share_among(workers.count());
            }
        }
    }

    /// Carries out one job of the deliver lane. What fails here is due again later; nothing is lost.
    pub(crate) async fn take(&self, id: DeliveryId) {
        let letter = match self.engine.begin_delivery(id).await {
            Ok(Some(letter)) => letter,
            Ok(None) => return,
            Err(error) => {
                return tracing::warn!(%error, delivery = %id, "a delivery could not be begun; it will be pushed again");
            }
        };
        let span = match &letter.traceparent {
            Some(parent) => trace::continued(
                Some(parent),
                || tracing::info_span!(target: trace::TARGET, parent: None, "deliver", delivery = %id, event = %letter.event_id, attempt = letter.attempts, result = Empty),
            ),
            None => Span::none(), // nobody keeps its trace
        };
        self.send(letter).instrument(span).await;
    }

    async fn send(&self, letter: Letter) {
        let id = letter.id;
        let visit = match self.endpoints.visit(letter.webhook_id, letter.max_per_second, rand::random()) {
            Ok(visit) => visit,
            Err(not_now) => return self.put_off(&letter, not_now).await,
        };
        visit.turn().await;
        let (answer, result) = self.post(&letter).await;
        visit.ended(answer.status.is_some());
        Span::current().record("result", result);
        WEBHOOKS.of([result]).increment(1);
        WEBHOOK_DURATION.one().record(answer.took);
        let failure =
            answer.error.clone().or_else(|| answer.status.map(|status| format!("HTTP status {status}")));
        match self.engine.settle_delivery(&letter, answer, rand::random()).await {
            Ok(DeliveryState::Delivered) => {}
            Ok(DeliveryState::Pending) => {
                tracing::info!(delivery = %id, event = %letter.event_id, attempt = letter.attempts, failure, "a webhook failed and will be tried again");
            }
            Ok(DeliveryState::Dead) => {
                WEBHOOKS_DEAD.one().increment(1);
                tracing::warn!(delivery = %id, event = %letter.event_id, attempts = letter.attempts, failure, "a webhook is given up");
            }
            Err(error) => {
                tracing::warn!(%error, delivery = %id, "an answer could not be recorded; the webhook will be sent again");
            }
        }
    }

    /// Another endpoint's turn; this attempt does not count.
    async fn put_off(&self, letter: &Letter, not_now: NotNow) {
        let put_off = match not_now {
            NotNow::Busy(wait) => {
                self.engine.put_off_delivery(letter, wait).await.map(|()| DeliveryState::Pending)
            }
            NotNow::Resting(wait) => self.engine.rest_delivery(letter, wait).await,
        };
        match put_off {
            Ok(DeliveryState::Dead) => {
                WEBHOOKS_DEAD.one().increment(1);
                tracing::warn!(delivery = %letter.id, event = %letter.event_id, attempts = letter.attempts - 1, "a webhook is given up: its endpoint does not answer");
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, delivery = %letter.id, "a delivery could not be put off; its lease will run out");
            }
        }
    }

    /// Gives what the endpoint said, and what came of it in one word.
    async fn post(&self, letter: &Letter) -> (Answer, &'static str) {
        let (at, watch) = (Clock::now(self.engine.clock()), Stopwatch::start());
        let no_answer = |error: String| Answer {
            at,
            took: watch.elapsed(),
            status: None,
            error: Some(error),
            body: None,
            retry_after: None,
        };
        let request = match self.request(letter, at) {
            Ok(request) => request,
            Err(problem) => return (no_answer(problem), "not_sent"),
        };
        match request.send().await {
            Ok(mut response) => {
                let retry_after = retry_after(&response, at);
                let (status, result) = (response.status().as_u16(), verdict(response.status()));
                let body = beginning(&mut response).await;
                let (took, status, error) = (watch.elapsed(), Some(status), None);
                (Answer { at, took, status, error, body, retry_after }, result)
            }
            Err(error) => {
                let result = trouble(&error);
                // The URL may carry a token of the customer's.
                (no_answer(with_causes(&error.without_url())), result)
            }
        }
    }

    fn request(&self, letter: &Letter, at: DateTime<Utc>) -> Result<RequestBuilder, String> {
        let url: Url = letter.url.parse().map_err(|_| "the URL cannot be read".to_owned())?;
        guarded::check(&self.guard, &url)?;
        if letter.secrets.is_empty() {
            return Err(format!(
                "{}; or secrets.keys lacks the key it is sealed with",
                SignatureError::BadSecret
            ));
        }
        let mut request = self.client.post(url).header("content-type", "application/json");
        for (name, value) in &letter.headers {
            request = request.header(name, value);
        }
        if let Some(here) = trace::current().filter(|_| !names(&letter.headers, trace::HEADER)) {
            request = request.header(trace::HEADER, here);
        }
        let id = letter.event_id.to_string();
        for (name, value) in signing::headers(letter.style, &letter.secrets, &id, at, letter.body.as_bytes())
        {
            request = request.header(name, value);
        }
        Ok(request.body(letter.body.clone()))
    }
}

/// Whether a customer has set this header by themselves.
fn names(headers: &CustomHeaders, name: &str) -> bool {
    headers.keys().any(|set| set.eq_ignore_ascii_case(name))
}

/// An answer in one word.
fn verdict(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200..300 => "delivered",
        300..400 => "redirect",
        400..500 => "client_error",
        _ => "server_error",
    }
}

/// No answer in one word.
fn trouble(error: &reqwest::Error) -> &'static str {
    match () {
        () if error.is_timeout() => "timeout",
        // Addresses that nothing may be sent to as well: they are judged between look-up and connection.
        () if error.is_connect() => "no_connection",
        () => "broken_off",
    }
}

/// How long the endpoint asks to wait (RFC 9110 §10.2.3): seconds, or a moment.
fn retry_after(response: &Response, now: DateTime<Utc>) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    wait_asked(text, now)
}

fn wait_asked(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at: DateTime<Utc> = httpdate::parse_http_date(text).ok()?.into();
    Some((at - now).to_std().unwrap_or_default())
}

/// The beginning of the body as text; what comes after it is not read. Without NUL, which no database keeps.
async fn beginning(response: &mut Response) -> Option<String> {
    let mut read = Vec::new();
    while read.len() < KEPT
        && let Ok(Some(chunk)) = response.chunk().await
    {
        read.extend_from_slice(&chunk);
    }
    read.truncate(KEPT);
    let text = String::from_utf8_lossy(&read).replace('\0', "\u{FFFD}");
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_asks_to_wait_in_seconds_or_until_a_moment() {
        let now = DateTime::from_timestamp(784_111_777, 0).unwrap(); // Sun, 06 Nov 1994 08:49:37 GMT
        let wait = |text| wait_asked(text, now).map(|wait| wait.as_secs());
        assert_eq!(wait("120"), Some(120));
        assert_eq!(wait("Sun, 06 Nov 1994 08:51:37 GMT"), Some(120));
        assert_eq!(wait("Sunday, 06-Nov-94 08:51:37 GMT"), Some(120), "obsolete forms are read as well");
        assert_eq!(wait("Sun, 06 Nov 1994 08:40:00 GMT"), Some(0), "it has passed");
        assert_eq!((wait("soon"), wait("-5"), wait("")), (None, None, None));
    }
}
