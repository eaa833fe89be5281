//! Webhooks that get this dialect's bodies. Those with Ringfleet's are not found here.

use ringfleet_core::{
    Action, AgentId,
    id::WebhookKind,
    signing::Secret,
    webhook::{CustomHeaders, DataOptions, Format, SamoraEvent},
};
use ringfleet_engine::{Changed, WEBHOOK_NAME_LIMIT};
use ringfleet_store::{NewWebhook, Webhook};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    change::{Answer, difference},
    check,
    envelope::{Moment, Reply, Saying, Wordless},
    error::{ApiError, Result},
    json::Json,
    openapi::bounds,
    query::{FromQuery, Parameters, Query},
    strict::Object,
    webhook_url,
};

use super::read::{self, PathId};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSamoraWebhook)]
pub(super) struct CreateBody {
    agent_id: AgentId,
    #[schema(schema_with = bounds::name::<WEBHOOK_NAME_LIMIT>)]
    name: String,
    url: String,
    events: Vec<SamoraEvent>,
    #[serde(default)]
    #[schema(value_type = DataOptions)]
    data_options: Object<DataOptions>,
    #[serde(default)]
    #[schema(value_type = Object)]
    custom_headers: CustomHeaders,
}

/// What can be changed: what is absent stays. Null is none of these values.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SamoraWebhookChanges)]
pub(super) struct EditBody {
    #[serde(default, deserialize_with = "present")]
    #[schema(schema_with = bounds::name::<WEBHOOK_NAME_LIMIT>, required = false)]
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false)]
    url: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<SamoraEvent>, required = false)]
    events: Option<Vec<SamoraEvent>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = DataOptions, required = false)]
    data_options: Option<Object<DataOptions>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Object, required = false)]
    custom_headers: Option<CustomHeaders>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    is_active: Option<bool>,
}

fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(d: D) -> std::result::Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

/// A webhook as this dialect shows it.
#[derive(Serialize, ToSchema)]
#[schema(as = SamoraWebhook)]
pub(super) struct View {
    id: String,
    agent_id: Option<String>,
    name: Option<String>,
    url: String,
    events: Vec<SamoraEvent>,
    data_options: DataOptions,
    #[schema(value_type = Object)]
    custom_headers: CustomHeaders,
    is_active: bool,
    created_at: Moment,
    updated_at: Moment,
}

/// What stands for the value of a header where it is not shown.
const HIDDEN: &str = "***";

impl View {
    /// For whoever may change the webhook: they could have its headers sent to themselves anyway.
    fn whole(webhook: Webhook) -> Self {
        Self {
            id: webhook.id.uuid().to_string(),
            agent_id: webhook.agent_id.map(|id| id.uuid().to_string()),
            name: webhook.name,
            url: webhook.url,
            events: webhook.samora_events,
            data_options: webhook.data_options,
            custom_headers: webhook.custom_headers,
            is_active: webhook.is_active,
            created_at: webhook.created_at.into(),
            updated_at: webhook.updated_at.into(),
        }
    }

    /// For everybody: the value of a header may be a secret of the endpoint's.
    fn veiled(webhook: Webhook) -> Self {
        let mut view = Self::whole(webhook);
        view.custom_headers.values_mut().for_each(|value| *value = HIDDEN.to_owned());
        view
    }

    fn of(webhook: Webhook, door: &Allowed<may::Read>) -> Self {
        match door.identity().may(Action::EditWebhooks) {
            true => Self::whole(webhook),
            false => Self::veiled(webhook),
        }
    }
}

/// A webhook as the one answer shows it that makes it.
#[derive(Serialize, ToSchema)]
#[schema(as = SamoraWebhookMade)]
pub(super) struct MadeView {
    #[serde(flatten)]
    webhook: View,
    secret: String,
}

/// `POST /v2/webhooks`: makes a webhook. The only answer that shows its secret.
pub(super) async fn create(
    door: Allowed<may::EditWebhooks>,
    Json(body): Json<CreateBody>,
) -> Result<Answer<MadeView, Saying>> {
    let secret = Secret::new(rand::random());
    let Object(data_options) = body.data_options;
    let new = NewWebhook {
        name: Some(check::name(body.name, WEBHOOK_NAME_LIMIT)?),
        format: Format::Samora,
        samora_events: in_order(body.events)?,
        agent_id: Some(body.agent_id),
        custom_headers: check::headers("custom_headers", body.custom_headers)?,
        data_options,
        ..NewWebhook::new(&body.url, &[], &secret)
    };
    webhook_url::check_encrypted(&body.url, &door.settings().guard).await?;
    let mut change = door.change("webhook.create", move |made: &Webhook| {
        let detail = json!({ "url": made.url, "samoraEvents": made.samora_events });
        let view = MadeView { webhook: View::whole(made.clone()), secret: secret.reveal() };
        Reply::created(view).about(made.id).with_detail(detail).saying("Webhook created")
    });
    read::agent(change.engine(), change.workspace(), body.agent_id).await?;
    let receipt = change.receipt();
    change.engine().create_webhook(change.workspace(), new, receipt).await?;
    change.answer()
}

/// The events, each once, in the order of the catalogue.
fn in_order(mut events: Vec<SamoraEvent>) -> Result<Vec<SamoraEvent>> {
    if events.is_empty() {
        let problem = "name at least one of CALL_STARTED, CALL_FINISHED, CALL_FAILED";
        return Err(ApiError::invalid("events", problem));
    }
    events.sort();
    events.dedup();
    Ok(events)
}

/// Only those of this agent.
pub(super) struct OfAgent(Option<AgentId>);

impl FromQuery for OfAgent {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        parameters.parse("agent_id").map(Self)
    }
}

/// All of them.
#[derive(Serialize, ToSchema)]
#[schema(as = SamoraWebhooks)]
pub(super) struct Listed {
    webhooks: Vec<View>,
    total_count: usize,
}

/// `GET /v2/webhooks`: all webhooks with this dialect's bodies, the newest first.
pub(super) async fn list(
    door: Allowed<may::Read>,
    Query(OfAgent(agent)): Query<OfAgent>,
) -> Result<Reply<Listed, Wordless>> {
    if let Some(agent) = agent {
        read::agent(door.engine(), door.workspace(), agent).await?;
    }
    let mut tx = door.engine().store().read().await?;
    let found = tx.webhooks_of_format(door.workspace(), Format::Samora, agent).await?;
    tx.commit().await?;
    let webhooks: Vec<View> = found.into_iter().map(|webhook| View::of(webhook, &door)).collect();
    let total_count = webhooks.len();
    Ok(Reply::ok(Listed { webhooks, total_count }).wordless())
}

/// `GET /v2/webhooks/:webhook_id`: one webhook.
pub(super) async fn show(
    door: Allowed<may::Read>,
    PathId(id): PathId<WebhookKind>,
) -> Result<Reply<View, Saying>> {
    let mut tx = door.engine().store().read().await?;
    let found = tx.webhook(door.workspace(), id).await?;
    tx.commit().await?;
    let webhook = found.filter(is_ours).ok_or_else(|| ApiError::not_found("webhook"))?;
    Ok(Reply::ok(View::of(webhook, &door)).saying("Webhook details"))
}

fn is_ours(webhook: &Webhook) -> bool {
    webhook.format == Format::Samora
}

/// `PUT /v2/webhooks/:webhook_id`: changes what is given. `is_active: true` switches on again what a rule has switched off.
pub(super) async fn edit(
    door: Allowed<may::EditWebhooks>,
    PathId(id): PathId<WebhookKind>,
    Json(changes): Json<EditBody>,
) -> Result<Answer<View, Saying>> {
    if let Some(url) = &changes.url {
        webhook_url::check_encrypted(url, &door.settings().guard).await?;
    }
    let mut change = door.change("webhook.edit", move |webhook: &Changed<Webhook>| {
        let (before, after) = (webhook.before.clone(), webhook.after.clone());
        let detail = difference(&View::veiled(before), &View::veiled(after.clone()));
        Reply::ok(View::whole(after)).about(id).with_detail(detail).saying("Webhook updated")
    });
    let receipt = change.receipt();
    let edit = |webhook: &mut Webhook| apply(webhook, changes);
    change.engine().change_webhook(change.workspace(), id, edit, receipt).await?;
    change.answer()
}

fn apply(webhook: &mut Webhook, changes: EditBody) -> Result<()> {
    if !is_ours(webhook) {
        return Err(ApiError::not_found("webhook"));
    }
    if let Some(name) = changes.name {
        webhook.name = Some(check::name(name, WEBHOOK_NAME_LIMIT)?);
    }
    if let Some(url) = changes.url {
        webhook.url = url;
    }
    if let Some(events) = changes.events {
        webhook.samora_events = in_order(events)?;
    }
    if let Some(Object(options)) = changes.data_options {
        webhook.data_options = options;
    }
    if let Some(headers) = changes.custom_headers {
        webhook.custom_headers = check::headers("custom_headers", headers)?;
    }
    webhook.is_active = changes.is_active.unwrap_or(webhook.is_active);
    Ok(())
}

/// What is left of a webhook.
#[derive(Serialize, ToSchema)]
#[schema(as = SamoraWebhookDeleted)]
pub(super) struct Removed {
    id: String,
}

/// `DELETE /v2/webhooks/:webhook_id`: removes a webhook; what is still on its way to it is given up.
pub(super) async fn remove(
    door: Allowed<may::EditWebhooks>,
    PathId(id): PathId<WebhookKind>,
) -> Result<Answer<Removed, Saying>> {
    let mut change = door.change("webhook.delete", move |_: &()| {
        Reply::ok(Removed { id: id.uuid().to_string() }).about(id).saying("Webhook deleted")
    });
    let receipt = change.receipt();
    change.engine().delete_webhook(change.workspace(), id, Some(Format::Samora), receipt).await?;
    change.answer()
}

/// An event of the catalogue.
#[derive(Serialize, ToSchema)]
#[schema(as = SamoraCatalogueEvent)]
pub(super) struct EventView {
    event_type: SamoraEvent,
    display_name: &'static str,
    description: &'static str,
    available_data_options: &'static [&'static str],
}

/// The whole catalogue.
#[derive(Serialize, ToSchema)]
#[schema(as = SamoraCatalogue)]
pub(super) struct Events {
    events: Vec<EventView>,
}

impl From<SamoraEvent> for EventView {
    fn from(event: SamoraEvent) -> Self {
        let (display_name, description, available_data_options): (_, _, &[&str]) = match event {
            SamoraEvent::CallStarted => ("Call started", "A call begins.", &[]),
            SamoraEvent::CallFinished => (
                "Call finished",
                "A call that somebody answered is over.",
                &["include_transcript", "include_recording_url"],
            ),
            SamoraEvent::CallFailed => {
                ("Call failed", "A call failed, was rejected or was not answered.", &[])
            }
        };
        Self { event_type: event, display_name, description, available_data_options }
    }
}

/// `GET /v2/webhooks/events`: what webhooks can be told.
pub(super) async fn events(_: Allowed<may::Read>) -> Result<Reply<Events, Wordless>> {
    let events = SamoraEvent::ALL.iter().copied().map(EventView::from).collect();
    Ok(Reply::ok(Events { events }).wordless())
}
