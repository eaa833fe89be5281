//! Signs a delivery, posts it and records what the endpoint said.

use std::time::Duration;

use reqwest::{Client, header::RETRY_AFTER, redirect::Policy};
use ringfleet_core::{Clock, DeliveryId, delivery::DeliveryState, signing::Secret};
use ringfleet_engine::{Answer, Engine};
use ringfleet_store::Letter;

use crate::endpoints::{Endpoints, NotNow};

/// Posts webhooks. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Postman {
    engine: Engine,
    client: Client,
    endpoints: Endpoints,
}

impl Postman {
    pub(crate) fn new(engine: Engine, timeout: Duration, slots: usize) -> reqwest::Result<Self> {
        let client = Client::builder()
            .timeout(timeout)
            .no_proxy() // nor where some variable of the environment says
            .redirect(Policy::none()) // a signed body goes where the customer said, nowhere else
            .user_agent(concat!("Ringfleet/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { engine, client, endpoints: Endpoints::new(slots) })
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
        let visit = match self.endpoints.visit(letter.webhook_id, rand::random()) {
            Ok(visit) => visit,
            Err(not_now) => return self.put_off(&letter, not_now).await,
        };
        let answer = self.post(&letter).await;
        visit.ended(answer.status.is_some());
        let failure =
            answer.error.clone().or_else(|| answer.status.map(|status| format!("HTTP status {status}")));
        match self.engine.settle_delivery(&letter, answer, rand::random()).await {
            Ok(DeliveryState::Delivered) => {}
            Ok(DeliveryState::Pending) => {
                tracing::info!(delivery = %id, event = %letter.event_id, attempt = letter.attempts, failure, "a webhook failed and will be tried again");
            }
            Ok(DeliveryState::Dead) => {
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
                tracing::warn!(delivery = %letter.id, event = %letter.event_id, attempts = letter.attempts - 1, "a webhook is given up: its endpoint does not answer");
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, delivery = %letter.id, "a delivery could not be put off; its lease will run out");
            }
        }
    }

    async fn post(&self, letter: &Letter) -> Answer {
        let secret = match Secret::parse(&letter.secret) {
            Ok(secret) => secret,
            Err(error) => return Answer { status: None, error: Some(error.to_string()), retry_after: None },
        };
        let (id, now) = (letter.event_id.to_string(), Clock::now(self.engine.clock()));
        let request = self
            .client
            .post(&letter.url)
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", now.timestamp())
            .header("webhook-signature", secret.sign(&id, now, letter.body.as_bytes()))
            .body(letter.body.clone());
        match request.send().await {
            Ok(response) => {
                let retry_after =
                    response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
                Answer {
                    status: Some(response.status().as_u16()),
                    error: None,
                    retry_after: retry_after.map(Duration::from_secs),
                }
            }
            // The URL may carry a token of the customer's.
            Err(error) => {
                Answer { status: None, error: Some(describe(error.without_url())), retry_after: None }
            }
        }
    }
}

/// The whole chain of causes: "error sending request: connection refused" says more than its first half.
fn describe(error: reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
