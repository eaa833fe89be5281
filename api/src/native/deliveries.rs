//! What became of webhooks: deliveries, each request that was made, and sending again.

use chrono::{DateTime, Utc};
use ringfleet_core::{
    DeliveryId, EventId, WebhookId,
    delivery::DeliveryState,
    event::EventType,
    id::{DeliveryKind, WebhookKind},
};
use ringfleet_engine::{DeliveryStory, Replayed};
use ringfleet_store::{Attempt, Delivery, DeliveryFilter, Over, Replay};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    change::Answer,
    check,
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    json::{MaybeJson, NoBody},
    page::Paging,
    path::PathId,
    query::{FromQuery, Parameters, Query},
};

/// One event on its way to one endpoint, as the API shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Delivery)]
pub(super) struct View {
    id: DeliveryId,
    webhook_id: WebhookId,
    event_id: EventId,
    event: EventType,
    status: DeliveryState,
    attempts: u32,
    /// When it is tried next; only while it waits.
    due_at: Option<Moment>,
    last_status: Option<i32>,
    last_error: Option<String>,
    created_at: Moment,
    done_at: Option<Moment>,
}

/// A request that was made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeliveryAttempt)]
pub(super) struct AttemptView {
    number: u32,
    at: Moment,
    status: Option<i32>,
    duration_ms: u32,
    error: Option<String>,
    /// The first 8 KiB of the answer.
    answer: Option<String>,
}

/// A delivery with its requests.
#[derive(Serialize, ToSchema)]
#[schema(as = DeliveryWithLog)]
pub(super) struct WholeView {
    #[serde(flatten)]
    delivery: View,
    /// The body of its requests, byte for byte.
    body: String,
    log: Vec<AttemptView>,
}

/// What a replay came to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Replayed)]
pub(super) struct ReplayedView {
    replayed: u64,
    is_complete: bool,
}

/// Which of them to send again.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookReplay)]
pub(super) struct ReplayBody {
    #[schema(value_type = Option<Moment>)]
    from: Option<String>,
    #[schema(value_type = Option<Moment>)]
    until: Option<String>,
    event: Option<EventType>,
    status: Option<DeliveryState>,
}

impl From<Delivery> for View {
    fn from(delivery: Delivery) -> Self {
        let waits = delivery.state == DeliveryState::Pending;
        Self {
            id: delivery.id,
            webhook_id: delivery.webhook_id,
            event_id: delivery.event_id,
            event: delivery.event,
            status: delivery.state,
            attempts: delivery.attempts,
            due_at: Moment::maybe(Some(delivery.due_at).filter(|_| waits)),
            last_status: delivery.last_status,
            last_error: delivery.last_error,
            created_at: delivery.created_at.into(),
            done_at: Moment::maybe(delivery.done_at),
        }
    }
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        let Attempt { number, at, status, duration_ms, error, answer } = attempt;
        Self { number, at: at.into(), status, duration_ms, error, answer }
    }
}

/// `?status=&event=` and the page.
pub(super) struct ListQuery {
    filter: DeliveryFilter,
    paging: Paging,
}

impl FromQuery for ListQuery {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        let filter = DeliveryFilter { state: parameters.parse("status")?, event: parameters.parse("event")? };
        Ok(Self { filter, paging: Paging::read(parameters)? })
    }
}

/// `GET /webhooks/:id/deliveries`: a page of an endpoint's deliveries, newest first.
pub(super) async fn list(
    door: Allowed<may::Read>,
    PathId(id): PathId<WebhookKind>,
    Query(query): Query<ListQuery>,
) -> Result<Reply<Vec<View>>> {
    let ListQuery { filter, paging } = query;
    let (found, looked_at) = door.engine().deliveries(door.workspace(), id, filter, paging.ask()).await?;
    Ok(paging.reply_so_far(found, |delivery| delivery.id.into(), looked_at))
}

/// `GET /deliveries/:id`: one delivery, with every request that was made for it.
pub(super) async fn show(
    door: Allowed<may::Read>,
    PathId(id): PathId<DeliveryKind>,
) -> Result<Reply<WholeView>> {
    let DeliveryStory { delivery, body, attempts } = door.engine().delivery(door.workspace(), id).await?;
    let log = attempts.into_iter().map(Into::into).collect();
    Ok(Reply::ok(WholeView { delivery: delivery.into(), body, log }))
}

/// `POST /deliveries/:id/replay`: sends one that is over once more, with the same event id.
pub(super) async fn replay(
    door: Allowed<may::EditWebhooks>,
    PathId(id): PathId<DeliveryKind>,
    NoBody: NoBody,
) -> Result<Answer<View>> {
    let mut change = door.change("delivery.replay", move |delivery: &Delivery| {
        Reply::accepted(delivery.clone().into()).about(id)
    });
    let receipt = change.receipt();
    change.engine().replay_delivery(change.workspace(), id, receipt).await?;
    change.answer()
}

/// `POST /webhooks/:id/replay`: sends those once more that fit, by default all dead ones.
pub(super) async fn replay_many(
    door: Allowed<may::EditWebhooks>,
    PathId(id): PathId<WebhookKind>,
    MaybeJson(body): MaybeJson<ReplayBody>,
) -> Result<Answer<ReplayedView>> {
    let moment = |field, text| -> Result<Option<DateTime<Utc>>> { check::moment(field, text) };
    let (from, until) = (moment("from", body.from)?, moment("until", body.until)?);
    if from.zip(until).is_some_and(|(from, until)| from >= until) {
        return Err(ApiError::invalid("until", "must be later than from"));
    }
    let over = match body.status {
        None | Some(DeliveryState::Dead) => Over::Dead,
        Some(DeliveryState::Delivered) if from.is_some() => Over::Delivered,
        Some(DeliveryState::Delivered) => {
            return Err(ApiError::invalid(
                "from",
                "is needed with DELIVERED: say from when on to send again",
            ));
        }
        Some(DeliveryState::Pending) => {
            return Err(ApiError::invalid(
                "status",
                "must be DEAD or DELIVERED: what is PENDING is on its way",
            ));
        }
    };
    let which = Replay { over, event: body.event, from, until };
    let mut change = door.change("webhook.replay", move |done: &Replayed| {
        let view = ReplayedView { replayed: done.deliveries, is_complete: done.is_complete };
        Reply::accepted(view).about(id).with_detail(json!({ "replayed": done.deliveries }))
    });
    let receipt = change.receipt();
    change.engine().replay_deliveries(change.workspace(), id, which, receipt).await?;
    change.answer()
}
