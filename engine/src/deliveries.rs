//! Webhook deliveries: lease one to send, record what the endpoint said, switch off who is gone.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use ringfleet_core::{
    Clock, DeliveryId, WebhookId,
    clock::rfc3339,
    delivery::{AfterFailure, DeliveryState, FAILING_TOO_LONG},
    event::EventType,
};
use ringfleet_store::{DeliveryUpdate, Letter, NewAttempt, Store, Tx};
use serde_json::json;
use uuid::Uuid;

use crate::{
    Engine, Result,
    batch::Batcher,
    facts,
    publish::{Hints, publish},
};

/// How long a sender has a delivery for itself. Longer than an attempt may take.
const LEASE: chrono::Duration = chrono::Duration::seconds(60);

/// How long an endpoint may ask us to wait, at most.
const LONGEST_ASKED: Duration = Duration::from_secs(3600);

/// The endpoint is gone for good (RFC 9110 §15.5.11).
const GONE: u16 = 410;

/// What an endpoint said to an attempt.
#[derive(Debug, Clone)]
pub struct Answer {
    /// When the request began.
    pub at: DateTime<Utc>,
    /// How long it took.
    pub took: Duration,
    /// HTTP status; none when there was no answer.
    pub status: Option<u16>,
    /// Why there was no answer.
    pub error: Option<String>,
    /// The beginning of the answer's body.
    pub body: Option<String>,
    /// The endpoint asked to wait at least this long (Retry-After).
    pub retry_after: Option<Duration>,
}

impl Answer {
    fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    fn problem(&self) -> Option<String> {
        match self.is_success() {
            true => None,
            false => self.error.clone().or_else(|| self.status.map(|status| format!("HTTP status {status}"))),
        }
    }
}

/// What is written when an attempt is over, or was not made after all.
#[derive(Debug, Clone)]
pub(crate) struct Settled {
    update: DeliveryUpdate,
    attempt: Option<NewAttempt>,
    webhook: WebhookId,
    says: Says,
}

/// What an attempt says of its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// Nothing new.
    Nothing,
    /// It works again.
    Well,
    /// It has begun to fail.
    Failing,
    /// It is to be switched off.
    Off(&'static str),
}

pub(crate) fn fetcher(store: Store, clock: Arc<dyn Clock>) -> Batcher<Uuid, Option<Letter>> {
    Batcher::new(move |ids: Vec<Uuid>| {
        let (store, now) = (store.clone(), clock.now());
        async move {
            let mut tx = store.write_many().await?;
            let letters = tx.begin_deliveries(&ids, now + LEASE, now).await?;
            tx.commit().await?;
            let mut letters: HashMap<Uuid, Letter> = letters.into_iter().map(|l| (l.id.uuid(), l)).collect();
            Ok(ids.iter().map(|id| letters.remove(id)).collect())
        }
    })
}

pub(crate) fn recorder(store: Store, hints: Hints, clock: Arc<dyn Clock>) -> Batcher<Settled, ()> {
    Batcher::new(move |settled: Vec<Settled>| {
        let (store, hints, now) = (store.clone(), hints.clone(), clock.now());
        async move {
            let mut tx = store.write_many().await?;
            // Endpoints, then deliveries: one order of locks for everybody.
            let told = note(&mut tx, &settled, now).await?;
            let updates: Vec<DeliveryUpdate> = settled.iter().map(|one| one.update.clone()).collect();
            tx.update_deliveries(&updates).await?;
            let attempts: Vec<NewAttempt> = settled.iter().filter_map(|one| one.attempt.clone()).collect();
            if !attempts.is_empty() {
                tx.insert_attempts(&attempts).await?;
            }
            tx.commit().await?;
            hints.deliveries(&told);
            Ok(vec![(); settled.len()])
        }
    })
}

/// Writes what the attempts say of their endpoints; gives the deliveries that tell the others of one that was switched off.
async fn note(tx: &mut Tx, settled: &[Settled], now: DateTime<Utc>) -> Result<Vec<DeliveryId>> {
    let of = |says: Says| -> BTreeSet<Uuid> {
        settled.iter().filter(|one| one.says == says).map(|one| one.webhook.uuid()).collect()
    };
    let well = of(Says::Well);
    let failing: Vec<Uuid> = of(Says::Failing).difference(&well).copied().collect();
    tx.note_health(&failing, &well.into_iter().collect::<Vec<_>>(), now).await?;
    let off: BTreeMap<WebhookId, &str> = settled
        .iter()
        .filter_map(|one| match one.says {
            Says::Off(reason) => Some((one.webhook, reason)),
            _ => None,
        })
        .collect();
    let mut told = Vec::new();
    for (id, reason) in off {
        let Some(webhook) = tx.disable_webhook(id, reason, now).await? else { continue };
        tracing::warn!(webhook = %id, reason, "a webhook endpoint is switched off");
        let data = json!({"webhookId": id, "url": webhook.url, "reason": reason, "disabledAt": rfc3339(now)});
        let (event, sequence) = (EventType::WebhookDisabled, i64::from(webhook.disabled));
        told.extend(
            publish(tx, vec![facts::other(webhook.workspace_id, event, None, sequence, data)], now).await?,
        );
    }
    Ok(told)
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
        let settled = self.settled(letter, answer, jitter, now);
        let state = settled.update.state;
        // An answer that is lost means that the webhook is sent again: for as long as the lease lasts, nobody else sends it.
        let write = || self.0.attempts.run(settled.clone());
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
        let mut settled = not_made(letter, now + wait, "waits: the endpoint does not answer");
        if now + wait > letter.since + self.0.retries.give_up_after {
            settled.update = DeliveryUpdate {
                state: DeliveryState::Dead,
                due_at: None,
                last_error: Some("given up: the endpoint does not answer".into()),
                done_at: Some(now),
                ..settled.update
            };
        }
        let state = settled.update.state;
        self.0.attempts.run(settled).await?;
        Ok(state)
    }

    fn settled(&self, letter: &Letter, answer: Answer, jitter: f64, now: DateTime<Utc>) -> Settled {
        let problem = answer.problem();
        let (state, due_at) = match &problem {
            None => (DeliveryState::Delivered, None),
            Some(_) => self.after_failure(letter, answer.retry_after, jitter, now),
        };
        Settled {
            update: DeliveryUpdate {
                id: letter.id.uuid(),
                state,
                due_at,
                last_status: answer.status,
                last_error: problem.clone(),
                done_at: (state != DeliveryState::Pending).then_some(now),
                was_made: true,
            },
            attempt: Some(NewAttempt {
                delivery_id: letter.id.uuid(),
                number: letter.attempts,
                at: answer.at,
                status: answer.status,
                duration_ms: u32::try_from(answer.took.as_millis()).unwrap_or(u32::MAX),
                error: answer.error,
                answer: answer.body,
            }),
            webhook: letter.webhook_id,
            says: says(letter, answer.status, problem.is_none(), now),
        }
    }

    fn after_failure(
        &self,
        letter: &Letter,
        retry_after: Option<Duration>,
        jitter: f64,
        now: DateTime<Utc>,
    ) -> (DeliveryState, Option<DateTime<Utc>>) {
        let made = letter.attempts.saturating_sub(letter.replayed_after);
        match self.0.retries.after_failure(made, letter.since, now, jitter) {
            AfterFailure::Retry(at) => {
                let last = letter.since + self.0.retries.give_up_after;
                let asked = retry_after.map(|wait| (now + wait.min(LONGEST_ASKED)).min(last));
                (DeliveryState::Pending, Some(asked.map_or(at, |asked| asked.max(at))))
            }
            AfterFailure::Dead => (DeliveryState::Dead, None),
        }
    }
}

fn says(letter: &Letter, status: Option<u16>, is_success: bool, now: DateTime<Utc>) -> Says {
    match (is_success, letter.failing_since) {
        (true, None) => Says::Nothing,
        (true, Some(_)) => Says::Well,
        (false, _) if status == Some(GONE) => Says::Off("it answered 410 Gone"),
        (false, None) => Says::Failing,
        (false, Some(since)) if now - since >= FAILING_TOO_LONG => {
            Says::Off("every request has failed for five days")
        }
        (false, Some(_)) => Says::Nothing,
    }
}

/// What is written of an attempt that was leased and not made: it comes back at `due_at`.
fn not_made(letter: &Letter, due_at: DateTime<Utc>, why: &str) -> Settled {
    Settled {
        update: DeliveryUpdate {
            id: letter.id.uuid(),
            state: DeliveryState::Pending,
            due_at: Some(due_at),
            last_status: None,
            last_error: Some(why.into()),
            done_at: None,
            was_made: false,
        },
        attempt: None,
        webhook: letter.webhook_id,
        says: Says::Nothing,
    }
}
