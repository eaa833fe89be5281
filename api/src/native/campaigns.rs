//! Campaigns: make, look at, start, pause, cancel.

use ringfleet_core::{
    AgentId, BrakeRule, CampaignAction, CampaignId, CampaignState, Caps, Channel, Plan, Schedule, Step,
    TrunkId, id::CampaignKind, trunk::Limits,
};
use ringfleet_store::{Campaign, NewCampaign};
use serde::{Deserialize, Serialize};

use crate::{
    auth::{Allowed, may},
    check,
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    json::{Json, NoBody},
    page::Paging,
    path::PathId,
    query::Query,
    strict::Object,
};

use super::{
    schedule_body::{ScheduleBody, ScheduleView},
    stats::StatsView,
};

const NAME_LIMIT: usize = 120;
/// Longest lifetime of a recipient, and furthest look back: ten years, in days.
const DAYS: std::ops::RangeInclusive<u32> = 1..=3_650;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Body {
    name: String,
    agent_id: AgentId,
    trunk_id: Option<TrunkId>,
    channel: Option<Channel>,
    channels: Option<Vec<Object<Step>>>,
    limits: Option<Object<Limits>>,
    ring_timeout_seconds: Option<u32>,
    max_call_seconds: Option<u32>,
    schedule: Option<Object<ScheduleBody>>,
    caps: Option<Object<Caps>>,
    dupe_days: Option<u32>,
    expire_days: Option<u32>,
    brake: Option<Object<BrakeRule>>,
    start_at: Option<String>,
    end_at: Option<String>,
}

/// A campaign as the API shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct View {
    id: CampaignId,
    name: String,
    status: CampaignState,
    reason: Option<String>,
    agent_id: AgentId,
    trunk_id: TrunkId,
    channels: Plan,
    limits: Limits,
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
}

impl From<Campaign> for View {
    fn from(campaign: Campaign) -> Self {
        Self {
            id: campaign.id,
            name: campaign.name,
            status: campaign.state,
            reason: campaign.reason,
            agent_id: campaign.agent_id,
            trunk_id: campaign.trunk_id,
            channels: campaign.plan,
            limits: campaign.limits,
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
        }
    }
}

/// `POST /campaigns`: makes a campaign in DRAFT.
pub(super) async fn create(door: Allowed<may::RunCampaigns>, Json(body): Json<Body>) -> Result<Reply<View>> {
    let name = check::name(body.name, NAME_LIMIT)?;
    let plan = plan(body.channel, body.channels)?;
    let Object(limits) = body.limits.unwrap_or_default();
    limits.validate().map_err(|(field, problem)| ApiError::invalid(field, problem))?;
    let ring_seconds = check::ring_seconds(body.ring_timeout_seconds)?;
    let max_call_seconds = check::max_call_seconds(body.max_call_seconds)?;
    let schedule = match body.schedule {
        Some(Object(schedule)) => schedule.check(Schedule::daytime())?,
        None => Schedule::daytime(),
    };
    let Object(caps) = body.caps.unwrap_or_default();
    caps.validate().map_err(|(field, problem)| ApiError::invalid(field, problem))?;
    let Object(brake) = body.brake.unwrap_or_default();
    brake.validate().map_err(|(field, problem)| ApiError::invalid(field, problem))?;
    let days =
        |field: &str, given: Option<u32>| given.map(|n| check::within(field, Some(n), DAYS, n)).transpose();
    let (dupe_days, expire_days) = (days("dupeDays", body.dupe_days)?, days("expireDays", body.expire_days)?);
    let (start_at, end_at) = (check::moment("startAt", body.start_at)?, check::moment("endAt", body.end_at)?);
    if let (Some(start), Some(end)) = (start_at, end_at)
        && end <= start
    {
        return Err(ApiError::invalid("endAt", "must lie after startAt"));
    }
    let trunk_id = match body.trunk_id {
        Some(trunk) => trunk,
        None => door.engine().only_trunk(door.workspace()).await?,
    };
    let new = NewCampaign {
        limits,
        ring_seconds,
        max_call_seconds,
        schedule,
        caps,
        dupe_days,
        expire_days,
        brake,
        start_at,
        end_at,
        ..NewCampaign::new(name, body.agent_id, trunk_id, plan)
    };
    let campaign = door.engine().create_campaign(door.workspace(), new).await?;
    Ok(Reply::created(campaign.into()))
}

/// One voice step unless the request says more.
fn plan(channel: Option<Channel>, channels: Option<Vec<Object<Step>>>) -> Result<Plan> {
    let plan = match (channel, channels) {
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid("channels", "give either channel or channels, not both"));
        }
        (Some(Channel::Voice) | None, None) => Plan::voice(1),
        (Some(_), None) => {
            return Err(ApiError::invalid(
                "channel",
                "must be voice; other channels are not carried out yet",
            ));
        }
        (None, Some(steps)) => Plan { steps: steps.into_iter().map(|Object(step)| step).collect() },
    };
    plan.validate().map_err(|error| ApiError::invalid(error.field, error.problem))?;
    Ok(plan)
}

/// `GET /campaigns/:id`: one campaign.
pub(super) async fn show(door: Allowed<may::Read>, PathId(id): PathId<CampaignKind>) -> Result<Reply<View>> {
    let mut tx = door.engine().store().read().await?;
    let campaign = tx.campaign(door.workspace(), id).await?.ok_or_else(|| ApiError::not_found("campaign"))?;
    tx.commit().await?;
    Ok(Reply::ok(campaign.into()))
}

/// `GET /campaigns`: a page of the workspace's campaigns.
pub(super) async fn list(door: Allowed<may::Read>, Query(paging): Query<Paging>) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let campaigns = tx.campaigns(door.workspace(), paging.ask()).await?;
    tx.commit().await?;
    Ok(paging.reply(campaigns, |campaign| campaign.id.into()))
}

/// `POST /campaigns/:id/start`: begins or resumes; SCHEDULED when the start time lies ahead.
pub(super) async fn start(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<CampaignKind>,
    _: NoBody,
) -> Result<Reply<View>> {
    act(door, id, CampaignAction::Start).await
}

/// `POST /campaigns/:id/pause`: halts. No call begins after this has answered.
pub(super) async fn pause(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<CampaignKind>,
    _: NoBody,
) -> Result<Reply<View>> {
    act(door, id, CampaignAction::Pause).await
}

/// `POST /campaigns/:id/cancel`: ends for good. No call begins after this has answered.
pub(super) async fn cancel(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<CampaignKind>,
    _: NoBody,
) -> Result<Reply<View>> {
    act(door, id, CampaignAction::Cancel).await
}

async fn act(
    door: Allowed<may::RunCampaigns>,
    id: CampaignId,
    action: CampaignAction,
) -> Result<Reply<View>> {
    let campaign = door.engine().act(door.workspace(), id, action, None).await?;
    Ok(Reply::ok(campaign.into()))
}

/// `GET /campaigns/:id/stats`: the figures of a campaign.
pub(super) async fn stats(
    door: Allowed<may::Read>,
    PathId(id): PathId<CampaignKind>,
) -> Result<Reply<StatsView>> {
    let (campaign, stats) = door.engine().stats(door.workspace(), id).await?;
    Ok(Reply::ok(StatsView::new(campaign.state, &stats)))
}
