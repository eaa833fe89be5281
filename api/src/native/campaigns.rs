//! Campaigns: make and look at.

use ringfleet_core::{
    AgentId, BrakeRule, CallerIds, CampaignId, CampaignState, Caps, Channel, Plan, Recurrence, Seats, Step,
    TrunkGroupId, TrunkId, UploadId, id::CampaignKind, trunk::Limits,
};
use ringfleet_engine::{NAME_LIMIT, Way};
use ringfleet_store::{Campaign, CampaignFilter, CampaignSettings, NewCampaign};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    change::Answer,
    check,
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    json::Json,
    openapi::bounds,
    page::Paging,
    path::PathId,
    query::{FromQuery, Parameters, Query},
    strict::Object,
    tag::Seen,
};

use super::{
    caller_ids,
    schedule_body::{ScheduleBody, ScheduleView},
    settings_body::{self, RecurrenceBody},
    stats::StatsView,
};

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewCampaign)]
pub(super) struct Body {
    #[schema(schema_with = bounds::name::<NAME_LIMIT>)]
    name: String,
    agent_id: AgentId,
    trunk_id: Option<TrunkId>,
    trunk_group_id: Option<TrunkGroupId>,
    channel: Option<Channel>,
    #[schema(value_type = Option<Vec<Step>>, min_items = 1)]
    channels: Option<Vec<Object<Step>>>,
    #[schema(value_type = Option<Limits>)]
    limits: Option<Object<Limits>>,
    #[schema(value_type = Option<Seats>)]
    seats: Option<Object<Seats>>,
    #[schema(schema_with = check::ring_seconds_bounds)]
    ring_timeout_seconds: Option<u32>,
    #[schema(schema_with = check::max_call_seconds_bounds)]
    max_call_seconds: Option<u32>,
    #[schema(value_type = Option<ScheduleBody>)]
    schedule: Option<Object<ScheduleBody>>,
    #[schema(value_type = Option<Caps>)]
    caps: Option<Object<Caps>>,
    #[schema(schema_with = settings_body::days_bounds)]
    dupe_days: Option<u32>,
    #[schema(schema_with = settings_body::days_bounds)]
    expire_days: Option<u32>,
    #[schema(value_type = Option<BrakeRule>)]
    brake: Option<Object<BrakeRule>>,
    #[schema(value_type = Option<Moment>)]
    start_at: Option<String>,
    #[schema(value_type = Option<Moment>)]
    end_at: Option<String>,
    #[schema(value_type = Option<RecurrenceBody>)]
    recurrence: Option<Object<RecurrenceBody>>,
    #[schema(schema_with = settings_body::weight_bounds)]
    weight: Option<f64>,
    #[schema(value_type = Option<caller_ids::Body>)]
    caller_ids: Option<Object<caller_ids::Body>>,
    #[schema(value_type = Option<SourceBody>)]
    source: Option<Object<SourceBody>>,
}

/// Where the list comes from.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CampaignSource)]
struct SourceBody {
    #[serde(rename = "type")]
    _kind: SourceKind,
    upload_id: UploadId,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum SourceKind {
    Csv,
}

/// A campaign as the API shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Campaign)]
pub(super) struct View {
    id: CampaignId,
    name: String,
    status: CampaignState,
    reason: Option<String>,
    agent_id: AgentId,
    /// None when a group places its calls.
    trunk_id: Option<TrunkId>,
    trunk_group_id: Option<TrunkGroupId>,
    channels: Plan,
    limits: Limits,
    seats: Option<Seats>,
    ring_timeout_seconds: u32,
    max_call_seconds: u32,
    schedule: ScheduleView,
    caps: Caps,
    dupe_days: Option<u32>,
    expire_days: Option<u32>,
    brake: BrakeRule,
    start_at: Option<Moment>,
    end_at: Option<Moment>,
    started_at: Option<Moment>,
    finished_at: Option<Moment>,
    created_at: Moment,
    recurrence: Option<Recurrence>,
    next_run_at: Option<Moment>,
    parent_id: Option<CampaignId>,
    copying: bool,
    weight: f64,
    caller_ids: Option<CallerIds>,
}

impl From<Campaign> for View {
    fn from(campaign: Campaign) -> Self {
        Self {
            id: campaign.id,
            name: campaign.name,
            status: campaign.state,
            reason: campaign.reason,
            agent_id: campaign.agent_id,
            trunk_id: campaign.trunk_group_id.is_none().then_some(campaign.trunk_id),
            trunk_group_id: campaign.trunk_group_id,
            channels: campaign.plan,
            limits: campaign.limits,
            seats: campaign.seats,
            ring_timeout_seconds: campaign.ring_seconds,
            max_call_seconds: campaign.max_call_seconds,
            schedule: campaign.schedule.into(),
            caps: campaign.caps,
            dupe_days: campaign.dupe_days,
            expire_days: campaign.expire_days,
            brake: campaign.brake,
            start_at: Moment::maybe(campaign.start_at),
            end_at: Moment::maybe(campaign.end_at),
            started_at: Moment::maybe(campaign.started_at),
            finished_at: Moment::maybe(campaign.finished_at),
            created_at: campaign.created_at.into(),
            recurrence: campaign.recurrence,
            next_run_at: Moment::maybe(campaign.next_run_at),
            parent_id: campaign.parent_id,
            copying: campaign.copies_from.is_some(),
            weight: campaign.weight,
            caller_ids: campaign.caller_ids,
        }
    }
}

/// `POST /campaigns`: makes a campaign in DRAFT.
pub(super) async fn create(door: Allowed<may::RunCampaigns>, Json(body): Json<Body>) -> Result<Answer<View>> {
    let name = check::name(body.name, NAME_LIMIT)?;
    let plan = settings_body::plan(body.channel, body.channels)?;
    let limits = settings_body::limits(body.limits.unwrap_or_default())?;
    let seats = settings_body::seats(body.seats)?;
    let ring_seconds = check::ring_seconds(body.ring_timeout_seconds)?;
    let max_call_seconds = check::max_call_seconds(body.max_call_seconds)?;
    let schedule = settings_body::schedule(body.schedule)?;
    let caps = settings_body::caps(body.caps.unwrap_or_default())?;
    let dupe_days = settings_body::days("dupeDays", body.dupe_days)?;
    let expire_days = settings_body::days("expireDays", body.expire_days)?;
    let recurrence = body.recurrence.map(|Object(recurrence)| recurrence.check()).transpose()?;
    let brake = settings_body::brake(body.brake.unwrap_or_default())?;
    let weight = settings_body::weight(body.weight)?;
    let caller_ids = body.caller_ids.map(|Object(pool)| pool.check()).transpose()?;
    let (start_at, end_at) = (check::moment("startAt", body.start_at)?, check::moment("endAt", body.end_at)?);
    let way = match (check::way(body.trunk_id, body.trunk_group_id)?, plan.calls().next()) {
        // Where nobody is called, the trunk of the first message stands for the campaign's.
        (Way::Usual, None) => {
            plan.messages().find_map(|(_, step)| step.trunk_id).map_or(Way::Usual, Way::Trunk)
        }
        (way, _) => way,
    };
    let mut change = door.change("campaign.create", made);
    let (trunk_id, trunk_group_id) = change.engine().lines_of(change.workspace(), way).await?;
    let settings = CampaignSettings {
        name,
        plan,
        limits,
        seats,
        ring_seconds,
        max_call_seconds,
        schedule,
        caps,
        dupe_days,
        expire_days,
        brake,
        start_at,
        end_at,
        recurrence,
        weight,
        caller_ids,
    };
    let new = NewCampaign { agent_id: body.agent_id, trunk_id, trunk_group_id, settings };
    let upload = body.source.map(|Object(source)| source.upload_id);
    let receipt = change.receipt();
    change.engine().create_campaign_from(change.workspace(), new, upload, receipt).await?;
    change.answer()
}

/// The answer to a request that has made a campaign.
pub(super) fn made(campaign: &Campaign) -> Reply<View> {
    let view = View::from(campaign.clone());
    let detail = json!({ "name": view.name, "agentId": view.agent_id });
    Reply::created(view).about(campaign.id).with_detail(detail)
}

/// `GET /campaigns/:id`: one campaign.
pub(super) async fn show(
    door: Allowed<may::Read>,
    PathId(id): PathId<CampaignKind>,
    seen: Seen,
) -> Result<Reply<View>> {
    let mut tx = door.engine().store().read().await?;
    let campaign = tx.campaign(door.workspace(), id).await?.ok_or_else(|| ApiError::not_found("campaign"))?;
    tx.commit().await?;
    Ok(seen.show(campaign.into()))
}

/// `?status=`, `?name=`, `?agentId=` and `?parentId=` of a list of campaigns.
pub(super) struct ListQuery {
    paging: Paging,
    filter: CampaignFilter,
}

impl FromQuery for ListQuery {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        let filter = CampaignFilter {
            state: parameters.parse("status")?,
            name: parameters.take("name")?,
            agent: parameters.parse("agentId")?,
            parent: parameters.parse("parentId")?,
        };
        Ok(Self { paging: Paging::read(parameters)?, filter })
    }
}

/// `GET /campaigns`: a page of the workspace's campaigns.
pub(super) async fn list(
    door: Allowed<may::Read>,
    Query(query): Query<ListQuery>,
) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let campaigns = tx.campaigns(door.workspace(), &query.filter, query.paging.ask()).await?;
    tx.commit().await?;
    Ok(query.paging.reply(campaigns, |campaign| campaign.id.into()))
}

/// `GET /campaigns/:id/stats`: the figures of a campaign.
pub(super) async fn stats(
    door: Allowed<may::Read>,
    PathId(id): PathId<CampaignKind>,
) -> Result<Reply<StatsView>> {
    let (campaign, stats) = door.engine().stats(door.workspace(), id).await?;
    Ok(Reply::ok(StatsView::new(campaign.state, &stats)))
}
