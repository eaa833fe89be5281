//! Webhook deliveries: lease one to send, record what the endpoint said.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use ringfleet_core::{
    Clock, DeliveryId,
    delivery::{AfterFailure, DeliveryState},
};
use ringfleet_store::{DeliveryUpdate, Letter, Store};
use uuid::Uuid;

use crate::{Engine, Result, batch::Batcher};

/// How long a sender has a delivery for itself. Longer than an attempt may take.
const LEASE: chrono::Duration = chrono::Duration::seconds(60);

/// What an endpoint said to an attempt.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status; none when there was no answer.
    pub status: Option<u16>,
    /// Why there was no answer.
    pub error: Option<String>,
    /// The endpoint asked to wait at least this long (Retry-After).
    pub retry_after: Option<Duration>,
}

impl Answer {
    fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

pub(crate) fn fetcher(store: Store, clock: Arc<dyn Clock>) -> Batcher<Uuid, Option<Letter>> {
    Batcher::new(move |ids: Vec<Uuid>| {
        let (store, now) = (store.clone(), clock.now());
        async move {
            let mut tx = store.write().await?;
            let letters = tx.begin_deliveries(&ids, now + LEASE, now).await?;
            tx.commit().await?;
            let mut letters: HashMap<Uuid, Letter> = letters.into_iter().map(|l| (l.id.uuid(), l)).collect();
            Ok(ids.iter().map(|id| letters.remove(id)).collect())
        }
    })
}

pub(crate) fn recorder(store: Store) -> Batcher<DeliveryUpdate, ()> {
    Batcher::new(move |updates: Vec<DeliveryUpdate>| {
        let store = store.clone();
        async move {
            let mut tx = store.write().await?;
            tx.update_deliveries(&updates).await?;
            tx.commit().await?;
            Ok(vec![(); updates.len()])
        }
    })
}

impl Engine {
    /// Leases a delivery to be sent now; none when it is done, not due, or somebody else's.
    pub async fn begin_delivery(&self, id: DeliveryId) -> Result<Option<Letter>> {
        self.0.letters.run(id.uuid()).await
    }

    /// Records what became of an attempt: delivered, to be tried again, or dead.
    pub async fn settle_delivery(
        &self,
        letter: &Letter,
        answer: Answer,
        jitter: f64,
    ) -> Result<DeliveryState> {
        let now = self.0.clock.now();
        let update = self.delivery_update(letter, answer, jitter, now);
        let state = update.state;
        // An answer that is lost means that the webhook is sent again: for as long as the lease lasts, nobody else sends it.
        let write = || self.0.attempts.run(update.clone());
        while let Err(error) = write().await {
            if !error.is_passing() || self.0.clock.now() > now + LEASE / 2 {
                return Err(error);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok(state)
    }

    /// Sends a leased delivery back because its endpoint is busy: not before `wait` has passed. The attempt that was not made
    /// does not count.
    pub async fn put_off_delivery(&self, letter: &Letter, wait: Duration) -> Result<()> {
        let due_at = self.0.clock.now() + wait;
        self.0.attempts.run(not_made(letter, due_at, "waits: the endpoint is busy with others")).await
    }

    /// The same because its endpoint does not answer anybody. One that is too old by now is dead.
    pub async fn rest_delivery(&self, letter: &Letter, wait: Duration) -> Result<DeliveryState> {
        let now = self.0.clock.now();
        let mut update = not_made(letter, now + wait, "waits: the endpoint does not answer");
        if now + wait > letter.created_at + self.0.retries.give_up_after {
            update = DeliveryUpdate {
                state: DeliveryState::Dead,
                due_at: None,
                last_error: Some("given up: the endpoint does not answer".into()),
                done_at: Some(now),
                ..update
            };
        }
        let state = update.state;
        self.0.attempts.run(update).await?;
        Ok(state)
    }

    fn delivery_update(
        &self,
        letter: &Letter,
        answer: Answer,
        jitter: f64,
        now: DateTime<Utc>,
    ) -> DeliveryUpdate {
        let (state, due_at) = match answer.is_success() {
            true => (DeliveryState::Delivered, None),
            false => match self.0.retries.after_failure(letter.attempts, letter.created_at, now, jitter) {
                AfterFailure::Retry(at) => {
                    let last = letter.created_at + self.0.retries.give_up_after;
                    let asked =
                        answer.retry_after.map(|wait| (now + wait.min(Duration::from_secs(3600))).min(last));
                    (DeliveryState::Pending, Some(asked.map_or(at, |asked| asked.max(at))))
                }
                AfterFailure::Dead => (DeliveryState::Dead, None),
            },
        };
        DeliveryUpdate {
            id: letter.id.uuid(),
            state,
            due_at,
            last_status: answer.status,
            last_error: if answer.is_success() {
                None
            } else {
                answer.error.or_else(|| answer.status.map(|s| format!("HTTP status {s}")))
            },
            done_at: (state != DeliveryState::Pending).then_some(now),
            was_made: true,
        }
    }
}

/// What is written of an attempt that was leased and not made: it comes back at `due_at`.
fn not_made(letter: &Letter, due_at: DateTime<Utc>, why: &str) -> DeliveryUpdate {
    DeliveryUpdate {
        id: letter.id.uuid(),
        state: DeliveryState::Pending,
        due_at: Some(due_at),
        last_status: None,
        last_error: Some(why.into()),
        done_at: None,
        was_made: false,
    }
}
