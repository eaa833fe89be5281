//! Webhooks: the customer's endpoints that hear of events.

use std::time::Duration;

use chrono::{DateTime, Utc};
use ringfleet_core::{
    AgentId, WebhookId, catalogue,
    event::EventType,
    id::WebhookKind,
    signing::Secret,
    webhook::{CustomHeaders, DataOptions, Format, SamoraEvent, Style},
};
use ringfleet_engine::{Changed, WEBHOOK_NAME_LIMIT as NAME_LIMIT};
use ringfleet_store::{Delivery, NewWebhook, Webhook};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    change::{Answer, difference},
    check,
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    json::{Json, MaybeJson},
    openapi::bounds,
    page::Paging,
    path::PathId,
    query::Query,
    tag::{Expected, Seen},
    webhook_url,
};

const DESCRIPTION_LIMIT: usize = 1000;
/// How long an old secret goes on signing beside a new one, in seconds: by default, and at most.
const OVERLAP: u32 = 24 * 60 * 60;
const LONGEST_OVERLAP: u32 = 30 * OVERLAP;
/// Requests per second that an endpoint can be held to.
const RATES: std::ops::RangeInclusive<u32> = 1..=10_000;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewWebhook)]
pub(super) struct Body {
    url: String,
    events: Option<Vec<EventType>>,
    style: Option<Style>,
    #[schema(schema_with = bounds::maybe_name::<NAME_LIMIT>)]
    name: Option<String>,
    #[schema(schema_with = bounds::maybe_text::<DESCRIPTION_LIMIT>)]
    description: Option<String>,
    agent_id: Option<AgentId>,
    #[schema(value_type = Option<Object>)]
    custom_headers: Option<CustomHeaders>,
    #[schema(schema_with = rate_bounds)]
    max_per_second: Option<u32>,
}

/// What can be changed: what is absent stays, null takes away.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = WebhookChanges)]
pub(super) struct Changes {
    url: Option<String>,
    events: Option<Vec<EventType>>,
    style: Option<Style>,
    #[serde(default, deserialize_with = "given")]
    #[schema(schema_with = bounds::maybe_name::<NAME_LIMIT>)]
    name: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(schema_with = bounds::maybe_text::<DESCRIPTION_LIMIT>)]
    description: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    agent_id: Option<Option<AgentId>>,
    #[schema(value_type = Option<Object>)]
    custom_headers: Option<CustomHeaders>,
    #[serde(default, deserialize_with = "given")]
    #[schema(schema_with = rate_bounds)]
    max_per_second: Option<Option<u32>>,
    is_active: Option<bool>,
}

fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    d: D,
) -> std::result::Result<Option<Option<T>>, D::Error> {
    Option::deserialize(d).map(Some)
}

#[derive(Deserialize, Default, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SecretRotation)]
pub(super) struct Rotation {
    #[schema(schema_with = overlap_bounds)]
    overlap_seconds: Option<u32>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookTest)]
pub(super) struct TestBody {
    event: EventType,
}

/// A webhook as the API shows it: without its secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Webhook)]
pub(super) struct View {
    id: WebhookId,
    url: String,
    name: Option<String>,
    description: Option<String>,
    events: Vec<EventType>,
    style: Style,
    format: Format,
    /// What it gets where its format is Samora's; `events` means nothing then.
    samora: Option<SamoraView>,
    agent_id: Option<AgentId>,
    /// Their names; a value may be a secret of the endpoint's.
    custom_headers: Vec<String>,
    max_per_second: Option<u32>,
    is_active: bool,
    disabled_reason: Option<String>,
    failing_since: Option<Moment>,
    created_at: Moment,
    updated_at: Moment,
}

/// What an endpoint of Samora's is told.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookOfSamora)]
struct SamoraView {
    events: Vec<SamoraEvent>,
    include_transcript: bool,
    include_recording_url: bool,
}

/// A webhook as the one answer shows it that makes it, or its secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookMade)]
pub(super) struct MadeView {
    #[serde(flatten)]
    webhook: View,
    signing_secret: String,
    /// Until then the secrets before it sign as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_secrets_until: Option<Moment>,
}

/// What is left of a webhook.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDeleted)]
pub(super) struct DeletedView {
    id: WebhookId,
    deleted: bool,
}

/// An event of the catalogue.
#[derive(Serialize, ToSchema)]
#[schema(as = CatalogueEvent)]
pub(super) struct EventView {
    event: EventType,
    description: &'static str,
    entity: &'static str,
    #[schema(value_type = Object)]
    schema: Value,
    #[schema(value_type = Object)]
    sample: Value,
}

impl From<Webhook> for View {
    fn from(webhook: Webhook) -> Self {
        let DataOptions { include_transcript, include_recording_url } = webhook.data_options;
        let events = webhook.samora_events;
        let samora = SamoraView { events, include_transcript, include_recording_url };
        Self {
            samora: (webhook.format == Format::Samora).then_some(samora),
            id: webhook.id,
            url: webhook.url,
            name: webhook.name,
            description: webhook.description,
            events: webhook.events,
            style: webhook.style,
            format: webhook.format,
            agent_id: webhook.agent_id,
            custom_headers: webhook.custom_headers.into_keys().collect(),
            max_per_second: webhook.max_per_second,
            is_active: webhook.is_active,
            disabled_reason: webhook.disabled_reason,
            failing_since: Moment::maybe(webhook.failing_since),
            created_at: webhook.created_at.into(),
            updated_at: webhook.updated_at.into(),
        }
    }
}

/// `GET /webhooks/events`: every event there is, with its JSON Schema and a sample.
pub(super) async fn events(_: Allowed<may::Read>) -> Result<Reply<Vec<EventView>>> {
    let view = |entry: catalogue::Entry| {
        let catalogue::Entry { event, description, entity, schema, sample } = entry;
        EventView { event, description, entity, schema, sample }
    };
    Ok(Reply::ok(catalogue::all().into_iter().map(view).collect()))
}

/// `POST /webhooks`: makes an endpoint. The only answer that shows its signing secret.
pub(super) async fn create(
    door: Allowed<may::EditWebhooks>,
    Json(body): Json<Body>,
) -> Result<Answer<MadeView>> {
    webhook_url::check(&body.url, &door.settings().guard).await?;
    let secret = Secret::new(rand::random());
    let new = NewWebhook {
        name: named(body.name)?,
        description: described(body.description)?,
        style: body.style.unwrap_or(Style::Standard),
        agent_id: body.agent_id,
        custom_headers: check::headers("customHeaders", body.custom_headers.unwrap_or_default())?,
        max_per_second: rate(body.max_per_second)?,
        ..NewWebhook::new(&body.url, &in_order(body.events.unwrap_or_default()), &secret)
    };
    let mut change = door.change("webhook.create", move |made: &Webhook| {
        let detail = json!({ "url": made.url, "events": made.events });
        Reply::created(shown_once(made.clone(), &secret, None)).about(made.id).with_detail(detail)
    });
    let receipt = change.receipt();
    change.engine().create_webhook(change.workspace(), new, receipt).await?;
    change.answer()
}

/// `GET /webhooks`: a page of the workspace's endpoints, without their secrets.
pub(super) async fn list(door: Allowed<may::Read>, Query(paging): Query<Paging>) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let webhooks = tx.webhooks(door.workspace(), paging.ask()).await?;
    tx.commit().await?;
    Ok(paging.reply(webhooks, |webhook| webhook.id.into()))
}

/// `GET /webhooks/:id`: one endpoint.
pub(super) async fn show(
    door: Allowed<may::Read>,
    PathId(id): PathId<WebhookKind>,
    seen: Seen,
) -> Result<Reply<View>> {
    let mut tx = door.engine().store().read().await?;
    let webhook = tx.webhook(door.workspace(), id).await?;
    tx.commit().await?;
    webhook.map(|webhook| seen.show(webhook.into())).ok_or_else(|| ApiError::not_found("webhook"))
}

/// `PATCH /webhooks/:id`: changes what is given. `isActive: true` switches on again what a rule has switched off.
pub(super) async fn edit(
    door: Allowed<may::EditWebhooks>,
    PathId(id): PathId<WebhookKind>,
    expected: Expected,
    Json(changes): Json<Changes>,
) -> Result<Answer<View>> {
    if let Some(url) = &changes.url {
        webhook_url::check(url, &door.settings().guard).await?;
    }
    let mut change = door.change("webhook.edit", move |webhook: &Changed<Webhook>| {
        let (before, after) = (View::from(webhook.before.clone()), View::from(webhook.after.clone()));
        let detail = difference(&before, &after);
        Reply::ok(after).tagged().about(id).with_detail(detail)
    });
    let receipt = change.receipt();
    let edit = |webhook: &mut Webhook| {
        expected.check(&View::from(webhook.clone()))?;
        apply(webhook, changes)
    };
    change.engine().change_webhook(change.workspace(), id, edit, receipt).await?;
    change.answer()
}

fn apply(webhook: &mut Webhook, changes: Changes) -> Result<()> {
    if webhook.format == Format::Samora {
        keeps_its_form(&changes)?;
    }
    if let Some(url) = changes.url {
        webhook.url = url;
    }
    if let Some(events) = changes.events {
        webhook.events = in_order(events);
    }
    if let Some(style) = changes.style {
        webhook.style = style;
    }
    if let Some(name) = changes.name {
        webhook.name = named(name)?;
    }
    if let Some(description) = changes.description {
        webhook.description = described(description)?;
    }
    if let Some(agent) = changes.agent_id {
        webhook.agent_id = agent;
    }
    if let Some(given) = changes.custom_headers {
        webhook.custom_headers = check::headers("customHeaders", given)?;
    }
    if let Some(most) = changes.max_per_second {
        webhook.max_per_second = rate(most)?;
    }
    webhook.is_active = changes.is_active.unwrap_or(webhook.is_active);
    Ok(())
}

/// What an endpoint of Samora's cannot lose without being none any more.
fn keeps_its_form(changes: &Changes) -> Result<()> {
    let needed = "cannot be taken away: this endpoint gets Samora's bodies, which need it; give another one";
    if changes.events.is_some() {
        let problem =
            "belong to Ringfleet's bodies; this endpoint gets Samora's: change them by PUT /v2/webhooks/:id";
        return Err(ApiError::invalid("events", problem));
    }
    if changes.name == Some(None) {
        return Err(ApiError::invalid("name", needed));
    }
    if changes.agent_id == Some(None) {
        return Err(ApiError::invalid("agentId", needed));
    }
    Ok(())
}

/// `POST /webhooks/:id/rotate-secret`: a new secret, shown now only. The old one signs beside it for `overlapSeconds`; 0 means that it has
/// leaked, and ends it at once.
pub(super) async fn rotate(
    door: Allowed<may::EditWebhooks>,
    PathId(id): PathId<WebhookKind>,
    MaybeJson(body): MaybeJson<Rotation>,
) -> Result<Answer<MadeView>> {
    let overlap = check::within("overlapSeconds", body.overlap_seconds, 0..=LONGEST_OVERLAP, OVERLAP)?;
    let secret = Secret::new(rand::random());
    let overlap = Duration::from_secs(overlap.into());
    let shown = secret.clone();
    let mut change =
        door.change("webhook.rotate_secret", move |(webhook, until): &(Webhook, DateTime<Utc>)| {
            Reply::ok(shown_once(webhook.clone(), &shown, Some(*until))).about(id)
        });
    let receipt = change.receipt();
    change.engine().rotate_webhook_secret(change.workspace(), id, &secret, overlap, receipt).await?;
    change.answer()
}

/// `POST /webhooks/:id/test`: sends the sample of an event, whatever the endpoint wants to hear of.
pub(super) async fn test(
    door: Allowed<may::EditWebhooks>,
    PathId(id): PathId<WebhookKind>,
    Json(body): Json<TestBody>,
) -> Result<Answer<super::deliveries::View>> {
    let mut change = door.change("webhook.test", move |delivery: &Delivery| {
        Reply::accepted(delivery.clone().into()).about(id).with_detail(json!({ "event": delivery.event }))
    });
    let receipt = change.receipt();
    change.engine().test_webhook(change.workspace(), id, body.event, receipt).await?;
    change.answer()
}

/// `DELETE /webhooks/:id`: removes an endpoint; what is still on its way to it is given up.
pub(super) async fn remove(
    door: Allowed<may::EditWebhooks>,
    PathId(id): PathId<WebhookKind>,
) -> Result<Answer<DeletedView>> {
    let mut change =
        door.change("webhook.delete", move |_: &()| Reply::ok(DeletedView { id, deleted: true }).about(id));
    let receipt = change.receipt();
    change.engine().delete_webhook(change.workspace(), id, None, receipt).await?;
    change.answer()
}

fn shown_once(webhook: Webhook, secret: &Secret, until: Option<DateTime<Utc>>) -> MadeView {
    MadeView {
        webhook: webhook.into(),
        signing_secret: secret.reveal(),
        old_secrets_until: Moment::maybe(until),
    }
}

fn in_order(mut events: Vec<EventType>) -> Vec<EventType> {
    events.sort();
    events.dedup();
    events
}

fn named(name: Option<String>) -> Result<Option<String>> {
    name.map(|name| check::name(name, NAME_LIMIT)).transpose()
}

fn described(text: Option<String>) -> Result<Option<String>> {
    match text {
        Some(text) if text.chars().count() > DESCRIPTION_LIMIT => {
            let problem = format!("must be at most {DESCRIPTION_LIMIT} characters");
            Err(ApiError::invalid("description", problem))
        }
        text => Ok(text),
    }
}

fn rate_bounds() -> bounds::Bounds {
    bounds::maybe_whole(check::wide(RATES))
}

fn overlap_bounds() -> bounds::Bounds {
    bounds::maybe_whole(0..=LONGEST_OVERLAP.into())
}

fn rate(most: Option<u32>) -> Result<Option<u32>> {
    most.map(|most| check::within("maxPerSecond", Some(most), RATES, most)).transpose()
}
