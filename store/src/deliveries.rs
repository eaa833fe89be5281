use chrono::{DateTime, Utc};
use ringfleet_core::{
    DeliveryId, EventId, WebhookId,
    delivery::DeliveryState,
    signing::Secret,
    webhook::{CustomHeaders, Style},
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    CLOCK_SKEW, Result, Timestamp, Tx,
    record::record,
    rows::{self, hex, millis, millis_opt},
    secrets::OldSecret,
    tx::{all, exec, on, scalar},
};

/// A fact worth telling, to be kept.
#[derive(Debug, Clone, Serialize)]
pub struct NewEvent {
    /// Its id.
    #[serde(serialize_with = "hex")]
    pub id: Uuid,
    /// The tenant.
    #[serde(serialize_with = "hex")]
    pub workspace_id: Uuid,
    /// Its type.
    #[serde(rename = "type")]
    pub event: ringfleet_core::event::EventType,
    /// The request body, sent byte for byte on every attempt.
    pub body: String,
    /// What continues the trace of its fact, as W3C's `traceparent`; none where nobody traces it.
    pub traceparent: Option<String>,
}

/// One event on its way to one endpoint.
#[derive(Debug, Clone, Serialize)]
pub struct NewDelivery {
    /// Its id.
    #[serde(serialize_with = "hex")]
    pub id: Uuid,
    /// The tenant.
    #[serde(serialize_with = "hex")]
    pub workspace_id: Uuid,
    /// The event.
    #[serde(serialize_with = "hex")]
    pub event_id: Uuid,
    /// The endpoint.
    #[serde(serialize_with = "hex")]
    pub webhook_id: Uuid,
}

/// What a worker needs to send a delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// The delivery.
    pub id: DeliveryId,
    /// Its event; the `webhook-id` of the request.
    pub event_id: EventId,
    /// The endpoint.
    pub webhook_id: WebhookId,
    /// Where it goes.
    pub url: String,
    /// What signs it, the newest first; none when one of them, or a header, cannot be opened.
    pub secrets: Vec<Secret>,
    /// How it is signed.
    pub style: Style,
    /// Headers that go along.
    pub headers: CustomHeaders,
    /// Most requests per second to this endpoint.
    pub max_per_second: Option<u32>,
    /// The first failure since the endpoint's last success.
    pub failing_since: Option<DateTime<Utc>>,
    /// The request body.
    pub body: String,
    /// What continues the trace of its fact.
    pub traceparent: Option<String>,
    /// Which attempt this is, 1 for the first.
    pub attempts: u32,
    /// How many of them were before it was replayed.
    pub replayed_after: u32,
    /// Since when it is being tried: when the event happened, or when it was replayed.
    pub since: DateTime<Utc>,
}

record! {
    /// The same as it is kept.
    pub struct KeptLetter {
        pub id: DeliveryId,
        pub event_id: EventId,
        pub webhook_id: WebhookId,
        pub url: String,
        pub secret: String,
        pub old_secrets: Vec<OldSecret>,
        pub style: Style,
        pub custom_headers: CustomHeaders,
        pub max_per_second: Option<u32>,
        pub failing_since: Option<DateTime<Utc>>,
        pub body: String,
        pub traceparent: Option<String>,
        pub attempts: u32,
        pub replayed_after: u32,
        pub since: DateTime<Utc>,
    }
}

/// A request that was made, to be kept.
#[derive(Debug, Clone, Serialize)]
pub struct NewAttempt {
    /// Of which delivery.
    #[serde(serialize_with = "hex")]
    pub delivery_id: Uuid,
    /// Which one, 1 for the first.
    pub number: u32,
    /// When it began.
    #[serde(serialize_with = "millis")]
    pub at: DateTime<Utc>,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// Why there was no answer.
    pub error: Option<String>,
    /// The beginning of the answer's body.
    pub answer: Option<String>,
}

/// What became of an attempt.
#[derive(Debug, Clone, Serialize)]
pub struct DeliveryUpdate {
    /// Which delivery.
    #[serde(serialize_with = "hex")]
    pub id: Uuid,
    /// Its new state.
    pub state: DeliveryState,
    /// When to try again.
    #[serde(serialize_with = "millis_opt")]
    pub due_at: Option<DateTime<Utc>>,
    /// HTTP status, if there was an answer.
    pub last_status: Option<u16>,
    /// What went wrong.
    pub last_error: Option<String>,
    /// When it ended.
    #[serde(serialize_with = "millis_opt")]
    pub done_at: Option<DateTime<Utc>>,
    /// Whether a request was made; if not, the attempt does not count.
    pub was_made: bool,
}

impl Tx {
    /// Keeps events and their deliveries, due at once and about to be pushed.
    pub async fn insert_events(
        &mut self,
        events: &[NewEvent],
        deliveries: &[NewDelivery],
        now: DateTime<Utc>,
    ) -> Result<()> {
        exec!(
            self,
            "INSERT INTO events (id, workspace_id, type, body, traceparent, created_at)
             SELECT r.id, r.workspace_id, r.type, r.body, r.traceparent, $2
             FROM ROWS($1, id uuid, workspace_id uuid, type text, body text, traceparent text) AS r WHERE true",
            rows::rows(events)?,
            Timestamp(now)
        )?;
        exec!(
            self,
            "INSERT INTO deliveries (id, workspace_id, event_id, webhook_id, state, attempts, due_at, pushed_at, created_at)
             SELECT r.id, r.workspace_id, r.event_id, r.webhook_id, 'PENDING', 0, $2, $2, $2
             FROM ROWS($1, id uuid, workspace_id uuid, event_id uuid, webhook_id uuid) AS r WHERE true",
            rows::rows(deliveries)?,
            Timestamp(now)
        )?;
        Ok(())
    }

    /// Begins attempts: leases, until `lease_until`, those that are due and not leased by somebody else. One whose endpoint is off or deleted,
    /// or was switched off while it was on its way, is closed instead.
    pub async fn begin_deliveries(
        &mut self,
        ids: &[Uuid],
        lease_until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Letter>> {
        // One order for everybody, so that two workers given the same jobs never wait for each other in a circle.
        let mut ids = ids.to_vec();
        ids.sort();
        let begun: Vec<Uuid> = on!(
            self,
            query_scalar::<Uuid>,
            "UPDATE deliveries SET attempts = attempts + 1, leased_until = $3 FROM ROWS($1, id uuid) AS r
             WHERE deliveries.id = r.id AND state = 'PENDING' AND due_at <= $4
               AND (leased_until IS NULL OR leased_until < $2) RETURNING deliveries.id",
            (rows::ids(ids)?, Timestamp(now), Timestamp(lease_until), Timestamp(now + CLOCK_SKEW)),
            fetch_all
        )?;
        let letters = all!(
            self,
            KeptLetter,
            "WITH d AS MATERIALIZED (
                 SELECT id, event_id, webhook_id, attempts, replayed_after, coalesce(replayed_at, created_at) AS since
                 FROM deliveries WHERE id IN (SELECT id FROM ROWS($1, id uuid) AS r)
             )
             SELECT d.*, w.url, w.secret, w.old_secrets, w.style, w.custom_headers, w.max_per_second, w.failing_since, e.body, e.traceparent
             FROM d JOIN events e ON e.id = d.event_id JOIN webhooks w ON w.id = d.webhook_id
             WHERE w.deleted_at IS NULL AND w.is_active AND (w.given_up_at IS NULL OR d.since >= w.given_up_at)",
            rows::ids(begun.iter().copied())?
        )?;
        if letters.len() < begun.len() {
            self.give_up_undeliverable(&begun, now).await?;
        }
        Ok(letters.into_iter().map(|kept| self.letter(kept, now)).collect())
    }

    fn letter(&self, kept: KeptLetter, now: DateTime<Utc>) -> Letter {
        let KeptLetter {
            id, event_id, webhook_id, url, style, body, attempts, replayed_after, since, ..
        } = kept;
        let mut secrets =
            self.live_secrets(webhook_id, &kept.secret, &kept.old_secrets, now.timestamp_millis());
        let headers = self.open_headers(kept.custom_headers, webhook_id).unwrap_or_else(|_| {
            secrets.clear();
            CustomHeaders::new()
        });
        Letter {
            id,
            event_id,
            webhook_id,
            url,
            secrets,
            style,
            headers,
            max_per_second: kept.max_per_second,
            failing_since: kept.failing_since,
            body,
            traceparent: kept.traceparent,
            attempts,
            replayed_after,
            since,
        }
    }

    /// Closes those of these deliveries whose endpoint is off or deleted, or was switched off while they were on their way.
    async fn give_up_undeliverable(&mut self, ids: &[Uuid], now: DateTime<Utc>) -> Result<()> {
        exec!(
            self,
            "UPDATE deliveries SET state = 'DEAD', last_error = 'the endpoint was switched off or deleted', done_at = $2,
                    leased_until = NULL
             WHERE id IN (SELECT id FROM ROWS($1, id uuid) AS r)
               AND EXISTS (SELECT 1 FROM webhooks w WHERE w.id = deliveries.webhook_id AND (w.deleted_at IS NOT NULL OR NOT w.is_active
                   OR coalesce(deliveries.replayed_at, deliveries.created_at) < w.given_up_at))",
            rows::ids(ids.iter().copied())?,
            Timestamp(now)
        )?;
        Ok(())
    }

    /// Writes what became of attempts. A delivery that was closed meanwhile stays closed. One that waits without an attempt keeps what its last
    /// one came to.
    pub async fn update_deliveries(&mut self, updates: &[DeliveryUpdate]) -> Result<()> {
        // One order for everybody who changes many, so that nobody waits for another in a circle.
        let mut updates: Vec<&DeliveryUpdate> = updates.iter().collect();
        updates.sort_by_key(|update| update.id);
        exec!(
            self,
            "UPDATE deliveries SET state = r.state, due_at = coalesce(r.due_at, deliveries.due_at),
                    last_status = CASE WHEN r.was_made THEN r.last_status ELSE deliveries.last_status END,
                    last_error = CASE WHEN r.was_made OR r.state <> 'PENDING' OR deliveries.attempts <= 1 THEN r.last_error
                                      ELSE deliveries.last_error END,
                    done_at = r.done_at, pushed_at = NULL, leased_until = NULL,
                    attempts = attempts - CASE WHEN r.was_made THEN 0 ELSE 1 END
             FROM ROWS($1, id uuid, state text, due_at time, last_status int, last_error text, done_at time,
                       was_made boolean) AS r
             WHERE deliveries.id = r.id AND deliveries.state = 'PENDING'",
            rows::rows(updates)?
        )?;
        Ok(())
    }

    /// Keeps what was said to requests.
    pub async fn insert_attempts(&mut self, attempts: &[NewAttempt]) -> Result<()> {
        exec!(
            self,
            "INSERT INTO delivery_attempts (delivery_id, number, at, status, duration_ms, error, answer)
             SELECT r.delivery_id, r.number, r.at, r.status, r.duration_ms, r.error, r.answer
             FROM ROWS($1, delivery_id uuid, number int, at time, status int, duration_ms int, error text, answer text) AS r WHERE true",
            rows::rows(attempts)?
        )?;
        Ok(())
    }

    /// Deliveries that are due and have no job, or whose job was pushed before `lost_before`; marks them pushed now.
    pub async fn deliveries_to_push(
        &mut self,
        lost_before: Option<DateTime<Utc>>,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<Uuid>> {
        self.in_order(true).await?;
        let due = on!(
            self,
            query_scalar::<Uuid>,
            "WITH due AS MATERIALIZED (
                 SELECT id FROM deliveries WHERE state = 'PENDING' AND due_at <= $1 AND (pushed_at IS NULL OR pushed_at < $2)
                    AND (leased_until IS NULL OR leased_until < $1)
                 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
             UPDATE deliveries SET pushed_at = $1 FROM due WHERE deliveries.id = due.id RETURNING deliveries.id",
            (Timestamp(now), lost_before.map(Timestamp), i64::from(limit)),
            fetch_all
        )?;
        self.in_order(false).await?;
        Ok(due)
    }

    /// How many deliveries are to be sent, now or later; no further than `most`.
    pub async fn count_pending_deliveries(&mut self, most: u32) -> Result<u64> {
        let n = scalar!(
            self,
            i64,
            "SELECT count(*) FROM (SELECT 1 AS one FROM deliveries WHERE state = 'PENDING' LIMIT $1) AS pending",
            i64::from(most)
        )?;
        Ok(n.unwrap_or(0) as u64)
    }

    /// How many deliveries wait with a job that was pushed before `before`, and nobody is sending them at `now`.
    pub async fn count_pushed_deliveries(
        &mut self,
        before: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<u64> {
        let n = scalar!(
            self,
            i64,
            "SELECT count(*) FROM deliveries WHERE state = 'PENDING' AND pushed_at < $1
                AND (leased_until IS NULL OR leased_until < $2)",
            Timestamp(before),
            Timestamp(now)
        )?;
        Ok(n.unwrap_or(0) as u64)
    }
}
