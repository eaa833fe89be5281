//! What became of deliveries, for people: lists, attempts, replays.

use chrono::{DateTime, TimeDelta, Utc};
use ringfleet_core::{
    DeliveryId, EventId, WebhookId, WorkspaceId, cursor::Cursor, delivery::DeliveryState, event::EventType,
};
use uuid::Uuid;

use crate::{
    LOOKED_AT, Order, Page, Result, Timestamp, Tx,
    record::record,
    rows,
    tx::{all, exec, last_looked_at, on, one, scalar},
};

record! {
    /// One event on its way to one endpoint.
    pub struct Delivery {
        /// Its id.
        pub id: DeliveryId,
        /// The event; the same for all endpoints and replays.
        pub event_id: EventId,
        /// What happened.
        pub event: EventType,
        /// The endpoint.
        pub webhook_id: WebhookId,
        /// Where it stands.
        pub state: DeliveryState,
        /// Requests made so far.
        pub attempts: u32,
        /// When it is, or was, due.
        pub due_at: DateTime<Utc>,
        /// The last answer's HTTP status.
        pub last_status: Option<i32>,
        /// What went wrong last.
        pub last_error: Option<String>,
        /// When it was made.
        pub created_at: DateTime<Utc>,
        /// When it ended.
        pub done_at: Option<DateTime<Utc>>,
    }
}

record! {
    /// A request that was made.
    pub struct Attempt {
        /// Which one, 1 for the first.
        pub number: u32,
        /// When it began.
        pub at: DateTime<Utc>,
        /// HTTP status, if there was an answer.
        pub status: Option<i32>,
        /// How long it took, in milliseconds.
        pub duration_ms: u32,
        /// Why there was no answer.
        pub error: Option<String>,
        /// The beginning of the answer's body.
        pub answer: Option<String>,
    }
}

/// Which deliveries of an endpoint.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeliveryFilter {
    /// In this state.
    pub state: Option<DeliveryState>,
    /// Of this event.
    pub event: Option<EventType>,
}

/// Which deliveries of an endpoint to send once more.
#[derive(Debug, Clone, Copy)]
pub struct Replay {
    /// Those that are over like this.
    pub over: Over,
    /// Of this event.
    pub event: Option<EventType>,
    /// Made at this moment or later, to the millisecond.
    pub from: Option<DateTime<Utc>>,
    /// Made before this moment.
    pub until: Option<DateTime<Utc>>,
}

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// It was given up.
    Dead,
    /// It arrived.
    Delivered,
}

/// A page of an endpoint's deliveries; no more are looked at than may be ([`LOOKED_AT`]).
macro_rules! deliveries {
    ($tx:expr, $webhook:expr, $filter:expr, $page:expr, $order:literal) => {
        all!(
            $tx,
            Delivery,
            concat!(
                "SELECT d.*, e.type AS event FROM (SELECT * FROM deliveries WHERE webhook_id = $1 AND id > $2 AND id < $3 ORDER BY id ", $order,
                " LIMIT $5) AS d JOIN events e ON e.id = d.event_id
                 WHERE ($6 IS NULL OR d.state = $6) AND ($7 IS NULL OR e.type = $7)
                 ORDER BY d.id ", $order, " LIMIT $4"
            ),
            $webhook.uuid(),
            $page.above(),
            $page.below(),
            i64::from($page.limit),
            i64::from(LOOKED_AT),
            $filter.state.map(DeliveryState::as_str),
            $filter.event.map(EventType::as_str)
        )
    };
}

/// Those that ended in `$state`, a portion of them: said literally, for the dead have an index of their own.
macro_rules! replay {
    ($tx:expr, $state:literal, ($($bind:expr),* $(,)?)) => {
        on!(
            $tx,
            query_scalar::<Uuid>,
            concat!(
                "UPDATE deliveries SET state = 'PENDING', due_at = $6, pushed_at = $6, leased_until = NULL, done_at = NULL,
                    replayed_at = $6, replayed_after = attempts
                 WHERE id IN (SELECT d.id FROM deliveries d JOIN events e ON e.id = d.event_id
                    WHERE d.webhook_id = $1 AND d.id > $2 AND d.id < $3 AND d.state = '", $state, "' AND ($4 IS NULL OR e.type = $4)
                    ORDER BY d.id LIMIT $5)
                 RETURNING id"
            ),
            ($($bind),*),
            fetch_all
        )
    };
}

impl Tx {
    /// A page of an endpoint's deliveries. It may hold fewer than it could: see [`Tx::deliveries_looked_at`].
    pub async fn deliveries(
        &mut self,
        webhook: WebhookId,
        filter: DeliveryFilter,
        page: Page,
    ) -> Result<Vec<Delivery>> {
        self.in_order(true).await?;
        let found = match page.order {
            Order::NewestFirst => deliveries!(self, webhook, filter, page, "DESC"),
            Order::OldestFirst => deliveries!(self, webhook, filter, page, "ASC"),
        }?;
        self.in_order(false).await?;
        Ok(found)
    }

    /// Where a page of deliveries ends that holds fewer than it could: as with [`Tx::calls_looked_at`].
    pub async fn deliveries_looked_at(&mut self, webhook: WebhookId, page: Page) -> Result<Option<Cursor>> {
        self.in_order(true).await?;
        let last = last_looked_at!(self, "deliveries", "webhook_id", webhook.uuid(), page)?;
        self.in_order(false).await?;
        Ok(last)
    }

    /// One delivery of the workspace.
    pub async fn delivery(&mut self, workspace: WorkspaceId, id: DeliveryId) -> Result<Option<Delivery>> {
        one!(
            self,
            Delivery,
            "SELECT d.*, e.type AS event FROM deliveries d JOIN events e ON e.id = d.event_id
             WHERE d.workspace_id = $1 AND d.id = $2",
            workspace.uuid(),
            id.uuid()
        )
    }

    /// The body of the requests that tell of an event, byte for byte.
    pub async fn event_body(&mut self, event: EventId) -> Result<Option<String>> {
        scalar!(self, String, "SELECT body FROM events WHERE id = $1", event.uuid())
    }

    /// The requests that were made for a delivery, the first one first, as far as they are still kept.
    pub async fn attempts(&mut self, delivery: DeliveryId) -> Result<Vec<Attempt>> {
        all!(
            self,
            Attempt,
            "SELECT number, at, status, duration_ms, error, answer FROM delivery_attempts WHERE delivery_id = $1
             ORDER BY number, at",
            delivery.uuid()
        )
    }

    /// Sends deliveries that are over once more, up to `limit` of them, the oldest after `after` first: due at once, the retry schedule from its
    /// beginning, the same event id. Gives those that were.
    pub async fn replay_deliveries(
        &mut self,
        webhook: WebhookId,
        which: Replay,
        after: Uuid,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<Uuid>> {
        let above = which.from.map_or(after, |from| after.max(DeliveryId::first_at(from).uuid()));
        let below = which.until.map_or(Uuid::max(), |until| DeliveryId::first_at(until).uuid());
        let event = which.event.map(EventType::as_str);
        let (limit, now) = (i64::from(limit), Timestamp(now));
        let mut replayed: Vec<Uuid> = match which.over {
            Over::Dead => replay!(self, "DEAD", (webhook.uuid(), above, below, event, limit, now)),
            Over::Delivered => replay!(self, "DELIVERED", (webhook.uuid(), above, below, event, limit, now)),
        }?;
        replayed.sort();
        Ok(replayed)
    }

    /// The same of one. False when it is on its way already.
    pub async fn replay_delivery(&mut self, id: DeliveryId, now: DateTime<Utc>) -> Result<bool> {
        let replayed = exec!(
            self,
            "UPDATE deliveries SET state = 'PENDING', due_at = $2, pushed_at = $2, leased_until = NULL, done_at = NULL,
                    replayed_at = $2, replayed_after = attempts
             WHERE id = $1 AND (state <> 'PENDING' OR coalesce(replayed_at, created_at) < (SELECT given_up_at FROM webhooks WHERE id = webhook_id))",
            id.uuid(),
            Timestamp(now)
        )?;
        Ok(replayed == 1)
    }

    /// Forgets deliveries that ended before `before`, up to `limit` of those after `after`, in the order they were made. Gives the last of
    /// them; none when no more are left. What somebody holds, to replay it, is passed over.
    pub async fn forget_deliveries(
        &mut self,
        before: DateTime<Utc>,
        after: Uuid,
        limit: u32,
    ) -> Result<Option<Uuid>> {
        self.in_order(true).await?;
        let forgotten: Vec<Uuid> = on!(
            self,
            query_scalar::<Uuid>,
            "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE id > $1 AND id < $2 AND state <> 'PENDING'
                AND done_at < $3 ORDER BY id LIMIT $4 FOR UPDATE SKIP LOCKED) RETURNING id",
            (after, DeliveryId::first_at(before).uuid(), Timestamp(before), i64::from(limit)),
            fetch_all
        )?;
        self.in_order(false).await?;
        Ok(forgotten.into_iter().max())
    }

    /// Forgets events that happened before `before` and have no deliveries any more, of the `limit` events after `after`. Gives the last one
    /// looked at; none when no more are left.
    pub async fn forget_events(
        &mut self,
        before: DateTime<Utc>,
        after: Uuid,
        limit: u32,
    ) -> Result<Option<Uuid>> {
        self.in_order(true).await?;
        let old: Vec<Uuid> = on!(
            self,
            query_scalar::<Uuid>,
            "SELECT id FROM events WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3",
            (after, EventId::first_at(before).uuid(), i64::from(limit)),
            fetch_all
        )?;
        self.in_order(false).await?;
        let (Some(first), Some(last)) = (old.first(), old.last()) else { return Ok(None) };
        // Deliveries are made with their event, and their ids begin with the same moment: no index by event is needed to find them.
        let (from, until) = around(*first, *last);
        exec!(
            self,
            "DELETE FROM events WHERE id IN (SELECT id FROM ROWS($1, id uuid) AS r)
                AND id NOT IN (SELECT event_id FROM deliveries WHERE id >= $2 AND id < $3)",
            rows::ids(old.iter().copied())?,
            from,
            until
        )?;
        Ok(Some(*last))
    }

    /// Forgets requests that were made before `before`. Gives how many.
    pub async fn forget_attempts(&mut self, before: DateTime<Utc>) -> Result<u64> {
        exec!(self, "DELETE FROM delivery_attempts WHERE at < $1", Timestamp(before))
    }
}

/// More than lies between the ids of an event and of its deliveries.
const MARGIN: TimeDelta = TimeDelta::seconds(10);

/// The ids between which the deliveries lie of events with ids from `first` to `last`.
pub(crate) fn around(first: Uuid, last: Uuid) -> (Uuid, Uuid) {
    (near(first, -MARGIN), near(last, MARGIN))
}

/// The first id of the moment that lies so far from that of `id`, an UUIDv7 (RFC 9562 §5.7).
fn near(id: Uuid, by: TimeDelta) -> Uuid {
    let millis = (id.as_u128() >> 80) as i64;
    let at = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    DeliveryId::first_at(at + by).uuid()
}
