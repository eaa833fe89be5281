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
/// An endpoint whose requests last longer is slow: what it holds up costs nobody else, so it gets a small share.
const SLOW: Duration = Duration::from_millis(500);
/// So long a request may wait here for its turn under a rate; one whose turn comes later is put off.
const LONGEST_TURN: Duration = Duration::from_secs(1);

/// How this process gets on with each endpoint.
#[derive(Clone)]
pub(crate) struct Endpoints {
    slots: usize,
    known: Arc<Mutex<Known>>,
}

struct Known {
    under_way: usize,
    /// How many workers share each rate.
    workers: u32,
    endpoints: HashMap<WebhookId, Standing>,
}

struct Standing {
    under_way: usize,
    unanswered: u32,
    rests_until: Option<Instant>,
    /// How long its requests last, of late.
    lasting: Duration,
    /// Since when requests are under way and none has ended.
    silent_since: Instant,
    /// Under a rate, when the next request may go.
    next_turn: Instant,
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

impl Default for Known {
    fn default() -> Self {
        Self { under_way: 0, workers: 1, endpoints: HashMap::new() }
    }
}

impl Standing {
    fn new(now: Instant) -> Self {
        Self {
            under_way: 0,
            unanswered: 0,
            rests_until: None,
            lasting: FIRST_GUESS,
            silent_since: now,
            next_turn: now,
            put_off: (now, 0),
        }
    }

    /// When the next request may go under a rate, where that is soon; else how long its delivery has to wait.
    fn turn(&mut self, now: Instant, period: Duration, jitter: f64) -> Result<Instant, NotNow> {
        let turn = self.next_turn.max(now);
        if turn - now > LONGEST_TURN {
            if now - self.put_off.0 > COUNTED {
                self.put_off = (now, 0);
            }
            // Those put off before it take their turns first.
            let ahead = (turn - now).saturating_add(period.saturating_mul(self.put_off.1));
            self.put_off.1 += 1;
            return Err(NotNow::Busy(ahead.saturating_add(period.mul_f64(jitter)).min(LONGEST_WAIT)));
        }
        self.next_turn = turn + period;
        Ok(turn)
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

    /// So many workers send at the rate of an endpoint together.
    pub(crate) fn share_among(&self, workers: usize) {
        self.known.lock().workers = u32::try_from(workers).unwrap_or(u32::MAX).max(1);
    }

    /// Whether a request may go to the endpoint now, or how long to wait. `most`: requests per second, of all workers together. `jitter` in
    /// 0..1 spreads those that wait.
    pub(crate) fn visit(&self, endpoint: WebhookId, most: Option<u32>, jitter: f64) -> Result<Visit, NotNow> {
        let mut known = self.known.lock();
        let now = Instant::now();
        let half_free = known.under_way < self.slots / 2;
        let workers = known.workers;
        let standing = known.endpoints.entry(endpoint).or_insert_with(|| Standing::new(now));
        if let Some(until) = standing.rests_until.filter(|until| *until > now) {
            return Err(NotNow::Resting(until - now + SPREAD.mul_f64(jitter)));
        }
        // One that does not answer, or is slow, gets no more than its share.
        let is_silent = standing.under_way > 0 && now - standing.silent_since > SLOW;
        let is_slow = is_silent || standing.lasting > SLOW;
        let may_have_more = half_free && standing.unanswered == 0 && !is_slow;
        let share = if is_slow || standing.unanswered > 0 { self.slots / 32 } else { self.slots / 8 };
        if standing.under_way >= share.max(1) && !may_have_more {
            return Err(standing.busy(now, jitter));
        }
        let begun = match most {
            Some(most) => standing.turn(now, Duration::from_secs(workers.into()) / most.max(1), jitter)?,
            None => now,
        };
        if standing.under_way == 0 {
            standing.silent_since = now;
        }
        standing.under_way += 1;
        known.under_way += 1;
        Ok(Visit { endpoint, begun, endpoints: self.clone() })
    }
}

impl Visit {
    /// Waits for its turn under a rate.
    pub(crate) async fn turn(&self) {
        tokio::time::sleep_until(self.begun).await;
    }

    /// The request is over; `answered` tells whether there was any answer at all.
    pub(crate) fn ended(self, answered: bool) {
        let mut known = self.endpoints.known.lock();
        let Some(standing) = known.endpoints.get_mut(&self.endpoint) else { return };
        standing.silent_since = Instant::now();
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
            let rests = standing.next_turn > Instant::now();
            if standing.under_way == 0 && standing.unanswered == 0 && standing.lasting <= SLOW && !rests {
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
        let visits: Vec<_> = (0..8).map(|_| endpoints.visit(endpoint(1), None, 0.5).ok().unwrap()).collect();
        assert_eq!(wait(endpoints.visit(endpoint(1), None, 0.5)), BUSY);
        let others: Vec<_> = (0..2).map(|_| endpoints.visit(endpoint(2), None, 0.5).ok().unwrap()).collect();
        assert!(
            endpoints.visit(endpoint(2), None, 0.5).is_err(),
            "more than a share only while half are free"
        );
        for visit in visits.into_iter().chain(others) {
            visit.ended(true);
        }
        assert!(endpoints.visit(endpoint(1), None, 0.5).is_ok());
        assert!(endpoints.known.lock().endpoints.is_empty(), "who answers is forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn the_more_an_endpoint_is_owed_the_later_it_is_asked_again() {
        let endpoints = Endpoints::new(16);
        let _visits: Vec<_> = (0..8).map(|_| endpoints.visit(endpoint(1), None, 0.5).ok().unwrap()).collect();
        let waits: Vec<_> = (0..100_000).map(|_| wait(endpoints.visit(endpoint(1), None, 0.5))).collect();
        assert_eq!((waits[0], waits[800]), (BUSY, BUSY + FIRST_GUESS * 100));
        assert_eq!(waits.last(), Some(&LONGEST_WAIT));
        tokio::time::advance(COUNTED * 2).await;
        assert_eq!(
            wait(endpoints.visit(endpoint(1), None, 0.5)),
            BUSY,
            "those put off then are on their way back"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_kept_by_all_workers_together() {
        let endpoints = Endpoints::new(64);
        endpoints.share_among(2);
        let begun = Instant::now();
        let mut visits = Vec::new();
        let refused = loop {
            match endpoints.visit(endpoint(1), Some(4), 0.0) {
                Ok(visit) => visits.push(visit),
                Err(refused) => break refused,
            }
        };
        let turns: Vec<u128> = visits.iter().map(|visit| (visit.begun - begun).as_millis()).collect();
        assert_eq!(turns, [0, 500, 1000], "two a second here, two in the other worker");
        assert_eq!(refused, NotNow::Busy(Duration::from_millis(1500)));
        assert_eq!(
            endpoints.visit(endpoint(1), Some(4), 0.0).err(),
            Some(NotNow::Busy(Duration::from_secs(2)))
        );
        visits[2].turn().await;
        assert_eq!(begun.elapsed(), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_endpoint_gets_a_small_share() {
        let endpoints = Endpoints::new(64);
        let slow = endpoints.visit(endpoint(1), None, 0.5).ok().unwrap();
        tokio::time::advance(Duration::from_secs(10)).await;
        slow.ended(true);
        let _visits: Vec<_> = (0..2).map(|_| endpoints.visit(endpoint(1), None, 0.5).ok().unwrap()).collect();
        assert!(endpoints.visit(endpoint(1), None, 0.5).is_err());
        assert!(endpoints.visit(endpoint(2), None, 0.5).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_never_answers_rests_and_is_tried_again() {
        let endpoints = Endpoints::new(16);
        for _ in 0..PATIENCE {
            endpoints.visit(endpoint(1), None, 0.0).ok().unwrap().ended(false);
        }
        assert_eq!(endpoints.visit(endpoint(1), None, 0.0).err(), Some(NotNow::Resting(REST)));
        tokio::time::advance(REST).await;
        endpoints.visit(endpoint(1), None, 0.0).ok().unwrap().ended(false);
        assert!(endpoints.visit(endpoint(1), None, 0.0).is_err(), "one more silence and it rests again");
        tokio::time::advance(REST).await;
        endpoints.visit(endpoint(1), None, 0.0).ok().unwrap().ended(true);
        assert!(endpoints.visit(endpoint(1), None, 0.0).is_ok());
    }
}
