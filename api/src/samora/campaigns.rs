//! Campaigns of an agent.

use std::collections::HashSet;

use ringfleet_core::{
    AgentId, CampaignAction, CampaignId, CampaignState, E164, Schedule,
    id::{AgentKind, CampaignKind},
};
use ringfleet_engine::{CallStats, InFlight, NAME_LIMIT, Way};
use ringfleet_store::{Agent, Campaign, CampaignSettings, NewCampaign, NewRecipient};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    auth::{Allowed, may},
    check,
    envelope::Moment,
    error::{ApiError, Result},
    json::{Json, NoBody},
    native::given,
    query::Query,
    strict::Object,
};

use super::{
    read::{self, Pages, PathId},
    reply::Reply,
    retry_config::{self, RetryConfig},
};

/// Most numbers in one request.
const MOST: usize = 5_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateBody {
    name: String,
    retry_config: Option<Object<RetryConfig>>,
}

/// What making a campaign answers.
#[derive(Serialize)]
pub(super) struct Made {
    campaign_id: String,
}

/// A campaign as this dialect shows it.
#[derive(Serialize)]
pub(super) struct View {
    id: String,
    name: String,
    status: CampaignState,
    agent_id: String,
    agent_name: String,
    retry_config: Option<RetryConfig>,
    call_stats: StatsView,
    created_at: Moment,
    updated_at: Moment,
}

#[derive(Serialize)]
struct StatsView {
    total: u64,
    finished: u64,
    pending: u64,
    unanswered: u64,
    failed: u64,
    /// Seconds talked in all calls, as a text.
    total_duration: String,
}

impl From<CallStats> for StatsView {
    fn from(stats: CallStats) -> Self {
        let CallStats { total, finished, pending, unanswered, failed, talked_ms } = stats;
        Self { total, finished, pending, unanswered, failed, total_duration: (talked_ms / 1_000).to_string() }
    }
}

impl View {
    fn new(campaign: Campaign, agent: &Agent, stats: CallStats) -> Self {
        let last = campaign.finished_at.or(campaign.started_at);
        Self {
            id: campaign.id.uuid().to_string(),
            name: campaign.name,
            status: campaign.state,
            agent_id: campaign.agent_id.uuid().to_string(),
            agent_name: agent.name.clone(),
            retry_config: RetryConfig::of(&campaign.plan),
            call_stats: stats.into(),
            created_at: campaign.created_at.into(),
            updated_at: last.unwrap_or(campaign.created_at).into(),
        }
    }
}

/// `POST /v1/external/campaigns/:agent_id`: makes a campaign in DRAFT, by the workspace's usual trunk and at daytime.
pub(super) async fn create(
    door: Allowed<may::RunCampaigns>,
    PathId(agent): PathId<AgentKind>,
    Json(body): Json<CreateBody>,
) -> Result<Reply<Made>> {
    let name = check::name(body.name, NAME_LIMIT)?;
    let plan = retry_config::plan(body.retry_config.map(|Object(config)| config))?;
    read::agent(&door, agent).await?;
    let (trunk_id, trunk_group_id) = door.engine().lines_of(door.workspace(), Way::Usual).await?;
    let settings = CampaignSettings { schedule: Schedule::daytime(), ..CampaignSettings::new(name, plan) };
    let new = NewCampaign { agent_id: agent, trunk_id, trunk_group_id, settings };
    let campaign = door.engine().create_campaign(door.workspace(), new).await?;
    Ok(Reply::created("Campaign created", Made { campaign_id: campaign.id.uuid().to_string() }))
}

/// A page of campaigns.
#[derive(Serialize)]
pub(super) struct Listed {
    campaigns: Vec<View>,
    page: u32,
    page_size: u32,
    total: u64,
}

/// `GET /v1/external/campaigns/:agent_id`: a page of an agent's campaigns, the newest first.
pub(super) async fn list(
    door: Allowed<may::Read>,
    PathId(id): PathId<AgentKind>,
    Query(pages): Query<Pages>,
) -> Result<Reply<Listed>> {
    let agent = read::agent(&door, id).await?;
    let mut tx = door.engine().store().read().await?;
    let found = tx.campaigns_of_agent(door.workspace(), id, pages.offset(), pages.page_size).await?;
    let total = tx.count_campaigns_of_agent(door.workspace(), id).await?;
    tx.commit().await?;
    let ids: Vec<CampaignId> = found.iter().map(|campaign| campaign.id).collect();
    let stats = door.engine().call_stats(&ids).await?;
    let view = |campaign: Campaign| {
        let stats = stats.get(&campaign.id).copied().unwrap_or_default();
        View::new(campaign, &agent, stats)
    };
    let Pages { page, page_size } = pages;
    let campaigns = found.into_iter().map(view).collect();
    Ok(Reply::ok("Campaigns", Listed { campaigns, page, page_size, total }))
}

/// `GET /v1/external/campaigns/:agent_id/:campaign_id`: one campaign.
pub(super) async fn show(
    door: Allowed<may::Read>,
    PathId(agent): PathId<AgentKind>,
    PathId(id): PathId<CampaignKind>,
) -> Result<Reply<View>> {
    let campaign = read::campaign(&door, agent, id).await?;
    shown(&door, "Campaign details", campaign).await
}

async fn shown<P: may::Permission>(
    door: &Allowed<P>,
    message: &'static str,
    campaign: Campaign,
) -> Result<Reply<View>> {
    let agent = read::agent(door, campaign.agent_id).await?;
    let stats = door.engine().call_stats(&[campaign.id]).await?.remove(&campaign.id).unwrap_or_default();
    Ok(Reply::ok(message, View::new(campaign, &agent, stats)))
}

/// What may be changed: `null` takes the retries away.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EditBody {
    #[serde(default, deserialize_with = "given")]
    retry_config: Option<Option<Object<RetryConfig>>>,
}

/// `PUT /v1/external/campaigns/:agent_id/:campaign_id`: changes the retries of a campaign in DRAFT.
pub(super) async fn edit(
    door: Allowed<may::RunCampaigns>,
    PathId(agent): PathId<AgentKind>,
    PathId(id): PathId<CampaignKind>,
    Json(body): Json<EditBody>,
) -> Result<Reply<View>> {
    let config = body.retry_config.ok_or_else(|| ApiError::invalid("retry_config", "is missing"))?;
    let plan = retry_config::plan(config.map(|Object(config)| config))?;
    read::campaign(&door, agent, id).await?;
    let change = |settings: &mut CampaignSettings| settings.plan = plan;
    let draft = &[CampaignState::Draft];
    let campaign = door.engine().edit_campaign_in(door.workspace(), id, draft, change).await?;
    shown(&door, "Campaign updated", campaign).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AddBody {
    phone_numbers: Vec<Object<PhoneNumber>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PhoneNumber {
    to_number: String,
    call_variables: Option<Map<String, Value>>,
}

/// The ids of what was added, in the order of the request.
#[derive(Serialize)]
pub(super) struct Added {
    scheduled_call_ids: Vec<String>,
}

/// `POST …/scheduled-calls`: adds up to 5,000 numbers to a campaign in DRAFT or PAUSED; all of them, or none.
pub(super) async fn add(
    door: Allowed<may::RunCampaigns>,
    PathId(agent): PathId<AgentKind>,
    PathId(id): PathId<CampaignKind>,
    Json(body): Json<AddBody>,
) -> Result<Reply<Added>> {
    if !(1..=MOST).contains(&body.phone_numbers.len()) {
        return Err(ApiError::invalid("phone_numbers", format!("give 1 to {MOST} numbers at once")));
    }
    let mut seen = HashSet::new();
    let checked =
        body.phone_numbers.into_iter().enumerate().map(|(i, Object(item))| recipient(i, item, &mut seen));
    let new = checked.collect::<Result<Vec<NewRecipient>>>()?;
    read::campaign(&door, agent, id).await?;
    let ids = door.engine().add_all_recipients(door.workspace(), id, &new).await?;
    let scheduled_call_ids = ids.into_iter().map(|id| id.uuid().to_string()).collect();
    Ok(Reply::created("Calls scheduled", Added { scheduled_call_ids }))
}

fn recipient(index: usize, item: PhoneNumber, seen: &mut HashSet<E164>) -> Result<NewRecipient> {
    let field = |name: &str| format!("phone_numbers[{index}].{name}");
    let number = read::number(&field("to_number"), &item.to_number)?;
    if !seen.insert(number) {
        let problem = "this number stands further up in the same request; nothing was added";
        return Err(ApiError::invalid(field("to_number"), problem));
    }
    let variables = check::object(&field("call_variables"), item.call_variables, check::SMALL_OBJECT)?;
    Ok(NewRecipient { number, variables, timezone: None })
}

/// `POST …/start`: begins a campaign in DRAFT, or goes on with a PAUSED one.
pub(super) async fn start(
    door: Allowed<may::RunCampaigns>,
    PathId(agent): PathId<AgentKind>,
    PathId(id): PathId<CampaignKind>,
    _: NoBody,
) -> Result<Reply<View>> {
    let needs = &[CampaignState::Draft, CampaignState::Paused];
    act(door, (agent, id), CampaignAction::Start, needs, "Campaign started").await
}

/// `POST …/stop`: halts a campaign that is IN_PROGRESS; it is PAUSED then.
pub(super) async fn stop(
    door: Allowed<may::RunCampaigns>,
    PathId(agent): PathId<AgentKind>,
    PathId(id): PathId<CampaignKind>,
    _: NoBody,
) -> Result<Reply<View>> {
    act(door, (agent, id), CampaignAction::Pause, &[CampaignState::InProgress], "Campaign stopped").await
}

/// `POST …/cancel`: ends a campaign for good.
pub(super) async fn cancel(
    door: Allowed<may::RunCampaigns>,
    PathId(agent): PathId<AgentKind>,
    PathId(id): PathId<CampaignKind>,
    _: NoBody,
) -> Result<Reply<View>> {
    let action = CampaignAction::Cancel;
    act(door, (agent, id), action, action.needs(), "Campaign cancelled").await
}

async fn act(
    door: Allowed<may::RunCampaigns>,
    (agent, id): (AgentId, CampaignId),
    action: CampaignAction,
    needs: &'static [CampaignState],
    message: &'static str,
) -> Result<Reply<View>> {
    read::campaign(&door, agent, id).await?;
    let engine = door.engine();
    let campaign = engine.act_on_calls_in(door.workspace(), id, action, needs, InFlight::Finish).await?;
    shown(&door, message, campaign).await
}
