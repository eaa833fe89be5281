//! Keeps one slow or dead webhook endpoint from delaying the others.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use ringfleet_core::WebhookId;
use tokio::time::Instant;

/// So many requests in a row without an answer, and an endpoint rests.
const PATIENCE: u32 = 5;
/// How long it rests.
const REST: Duration = Duration::from_secs(30);
/// What an endpoint owes after its rest is spread over this time, so that it does not come back all at once.
const SPREAD: Duration = Duration::from_secs(60);
/// How soon a delivery comes back that found its endpoint busy.
const BUSY: Duration = Duration::from_secs(2);

/// How this process gets on with each endpoint.
#[derive(Clone)]
pub(crate) struct Endpoints {
    /// Most requests to one endpoint at a time.
    most: usize,
    known: Arc<Mutex<HashMap<WebhookId, Standing>>>,
}

#[derive(Default)]
struct Standing {
    under_way: usize,
    unanswered: u32,
    rests_until: Option<Instant>,
}

/// A request to an endpoint; to be ended with [`Visit::ended`].
pub(crate) struct Visit {
    endpoint: WebhookId,
    endpoints: Endpoints,
}

impl Endpoints {
    /// `slots`: requests of this process at a time. One endpoint gets at most an eighth of them.
    pub(crate) fn new(slots: usize) -> Self {
        Self { most: (slots / 8).max(1), known: Arc::default() }
    }

    /// Whether a request may go to the endpoint now, or how long to wait. `jitter` in 0..1 spreads those that wait.
    pub(crate) fn visit(&self, endpoint: WebhookId, jitter: f64) -> Result<Visit, Duration> {
        let mut known = self.known.lock();
        let standing = known.entry(endpoint).or_default();
        let now = Instant::now();
        if let Some(until) = standing.rests_until.filter(|until| *until > now) {
            return Err(until - now + SPREAD.mul_f64(jitter));
        }
        if standing.under_way >= self.most {
            return Err(BUSY.mul_f64(0.5 + jitter));
        }
        standing.under_way += 1;
        Ok(Visit { endpoint, endpoints: self.clone() })
    }
}

impl Visit {
    /// The request is over; `answered` tells whether there was any answer at all.
    pub(crate) fn ended(self, answered: bool) {
        let mut known = self.endpoints.known.lock();
        let Some(standing) = known.get_mut(&self.endpoint) else { return };
        standing.unanswered = if answered { 0 } else { standing.unanswered + 1 };
        standing.rests_until = (standing.unanswered >= PATIENCE).then(|| Instant::now() + REST);
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut known = self.endpoints.known.lock();
        if let Some(standing) = known.get_mut(&self.endpoint) {
            standing.under_way = standing.under_way.saturating_sub(1);
            if standing.under_way == 0 && standing.unanswered == 0 {
                known.remove(&self.endpoint);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(n: u128) -> WebhookId {
        uuid::Uuid::from_u128(n).into()
    }

    #[tokio::test]
    async fn one_endpoint_never_takes_all_slots() {
        let endpoints = Endpoints::new(16);
        let visits: Vec<_> = (0..2).map(|_| endpoints.visit(endpoint(1), 0.5).ok().unwrap()).collect();
        assert_eq!(endpoints.visit(endpoint(1), 0.5).err(), Some(BUSY));
        assert!(endpoints.visit(endpoint(2), 0.5).is_ok());
        visits.into_iter().for_each(|visit| visit.ended(true));
        assert!(endpoints.visit(endpoint(1), 0.5).is_ok());
        assert!(endpoints.known.lock().is_empty(), "who answers is forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_never_answers_rests_and_is_tried_again() {
        let endpoints = Endpoints::new(16);
        for _ in 0..PATIENCE {
            endpoints.visit(endpoint(1), 0.0).ok().unwrap().ended(false);
        }
        assert_eq!(endpoints.visit(endpoint(1), 0.0).err(), Some(REST));
        tokio::time::advance(REST).await;
        endpoints.visit(endpoint(1), 0.0).ok().unwrap().ended(false);
        assert!(endpoints.visit(endpoint(1), 0.0).is_err(), "one more silence and it rests again");
        tokio::time::advance(REST).await;
        endpoints.visit(endpoint(1), 0.0).ok().unwrap().ended(true);
        assert!(endpoints.visit(endpoint(1), 0.0).is_ok());
    }
}
