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
/// How soon a delivery comes back that found its endpoint busy, at the earliest.
const BUSY: Duration = Duration::from_secs(2);
/// And at the latest, however much the endpoint is owed.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// Over this time it is counted how much an endpoint is owed: in less, nothing that was put off comes back.
const COUNTED: Duration = Duration::from_secs(2);
/// How long a request is taken to last before one has ended.
const FIRST_GUESS: Duration = Duration::from_millis(100);

/// How this process gets on with each endpoint.
#[derive(Clone)]
pub(crate) struct Endpoints {
    slots: usize,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    under_way: usize,
    endpoints: HashMap<WebhookId, Standing>,
}

struct Standing {
    under_way: usize,
    unanswered: u32,
    rests_until: Option<Instant>,
    /// How long its requests last, of late.
    lasting: Duration,
    /// Since when deliveries that had to be put off are counted, and how many they are.
    put_off: (Instant, u32),
}

/// Why a request may not go to its endpoint now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotNow {
    /// It has as many as it may: come back after this time.
    Busy(Duration),
    /// It answers nobody: come back after this time.
    Resting(Duration),
}

/// A request to an endpoint; to be ended with [`Visit::ended`].
pub(crate) struct Visit {
    endpoint: WebhookId,
    begun: Instant,
    endpoints: Endpoints,
}

impl Standing {
    fn new(now: Instant) -> Self {
        Self { under_way: 0, unanswered: 0, rests_until: None, lasting: FIRST_GUESS, put_off: (now, 0) }
    }

    /// How long the next delivery has to wait: as long as those before it take, as far as that is known.
    fn busy(&mut self, now: Instant, jitter: f64) -> NotNow {
        if now - self.put_off.0 > COUNTED {
            self.put_off = (now, 0);
        }
        let ahead = self.lasting.mul_f64(f64::from(self.put_off.1) / self.under_way.max(1) as f64);
        self.put_off.1 += 1;
        NotNow::Busy((BUSY.mul_f64(0.5 + jitter) + ahead).min(LONGEST_WAIT))
    }
}

impl Endpoints {
    /// `slots`: requests of this process at a time. An eighth of them is every endpoint's share; more it gets only while half of
    /// all are free, so that there is always room for another.
    pub(crate) fn new(slots: usize) -> Self {
        Self { slots, known: Arc::default() }
    }

    /// Whether a request may go to the endpoint now, or how long to wait. `jitter` in 0..1 spreads those that wait.
    pub(crate) fn visit(&self, endpoint: WebhookId, jitter: f64) -> Result<Visit, NotNow> {
        let mut known = self.known.lock();
        let now = Instant::now();
        let half_free = known.under_way < self.slots / 2;
        let standing = known.endpoints.entry(endpoint).or_insert_with(|| Standing::new(now));
        if let Some(until) = standing.rests_until.filter(|until| *until > now) {
            return Err(NotNow::Resting(until - now + SPREAD.mul_f64(jitter)));
        }
        // One that does not answer gets no more than its share.
        let may_have_more = half_free && standing.unanswered == 0;
        if standing.under_way >= (self.slots / 8).max(1) && !may_have_more {
            return Err(standing.busy(now, jitter));
        }
        standing.under_way += 1;
        known.under_way += 1;
        Ok(Visit { endpoint, begun: now, endpoints: self.clone() })
    }
}

impl Visit {
    /// The request is over; `answered` tells whether there was any answer at all.
    pub(crate) fn ended(self, answered: bool) {
        let mut known = self.endpoints.known.lock();
        let Some(standing) = known.endpoints.get_mut(&self.endpoint) else { return };
        standing.unanswered = if answered { 0 } else { standing.unanswered + 1 };
        standing.rests_until = (standing.unanswered >= PATIENCE).then(|| Instant::now() + REST);
        standing.lasting = (standing.lasting * 7 + self.begun.elapsed()) / 8;
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut known = self.endpoints.known.lock();
        known.under_way -= 1;
        if let Some(standing) = known.endpoints.get_mut(&self.endpoint) {
            standing.under_way -= 1;
            if standing.under_way == 0 && standing.unanswered == 0 {
                known.endpoints.remove(&self.endpoint);
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

    fn wait(refused: Result<Visit, NotNow>) -> Duration {
        match refused.err() {
            Some(NotNow::Busy(wait)) => wait,
            other => panic!("not busy: {other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_endpoint_takes_half_of_the_slots_and_leaves_the_rest_to_others() {
        let endpoints = Endpoints::new(16);
        let visits: Vec<_> = (0..8).map(|_| endpoints.visit(endpoint(1), 0.5).ok().unwrap()).collect();
        assert_eq!(wait(endpoints.visit(endpoint(1), 0.5)), BUSY);
        let others: Vec<_> = (0..2).map(|_| endpoints.visit(endpoint(2), 0.5).ok().unwrap()).collect();
        assert!(endpoints.visit(endpoint(2), 0.5).is_err(), "more than a share only while half are free");
        for visit in visits.into_iter().chain(others) {
            visit.ended(true);
        }
        assert!(endpoints.visit(endpoint(1), 0.5).is_ok());
        assert!(endpoints.known.lock().endpoints.is_empty(), "who answers is forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn the_more_an_endpoint_is_owed_the_later_it_is_asked_again() {
        let endpoints = Endpoints::new(16);
        let _visits: Vec<_> = (0..8).map(|_| endpoints.visit(endpoint(1), 0.5).ok().unwrap()).collect();
        let waits: Vec<_> = (0..100_000).map(|_| wait(endpoints.visit(endpoint(1), 0.5))).collect();
        assert_eq!((waits[0], waits[800]), (BUSY, BUSY + FIRST_GUESS * 100));
        assert_eq!(waits.last(), Some(&LONGEST_WAIT));
        tokio::time::advance(COUNTED * 2).await;
        assert_eq!(wait(endpoints.visit(endpoint(1), 0.5)), BUSY, "those put off then are on their way back");
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_never_answers_rests_and_is_tried_again() {
        let endpoints = Endpoints::new(16);
        for _ in 0..PATIENCE {
            endpoints.visit(endpoint(1), 0.0).ok().unwrap().ended(false);
        }
        assert_eq!(endpoints.visit(endpoint(1), 0.0).err(), Some(NotNow::Resting(REST)));
        tokio::time::advance(REST).await;
        endpoints.visit(endpoint(1), 0.0).ok().unwrap().ended(false);
        assert!(endpoints.visit(endpoint(1), 0.0).is_err(), "one more silence and it rests again");
        tokio::time::advance(REST).await;
        endpoints.visit(endpoint(1), 0.0).ok().unwrap().ended(true);
        assert!(endpoints.visit(endpoint(1), 0.0).is_ok());
    }
}
