//! Campaigns of an agent.

use std::{
    collections::HashSet,
    sync::{Arc, OnceLock},
};

use ringfleet_core::{
    AgentId, CampaignAction, CampaignId, CampaignState, E164, RecipientId, Schedule, WorkspaceId,
    id::{AgentKind, CampaignKind},
};
use ringfleet_engine::{CallStats, Changed, Engine, InFlight, NAME_LIMIT, Way};
use ringfleet_store::{Agent, Campaign, CampaignSettings, NewCampaign, NewRecipient};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    change::{Answer, Change},
    check,
    envelope::{Moment, Reply, Saying},
    error::{ApiError, Result},
    json::{Json, NoBody},
    native::given,
    openapi::bounds,
    query::Query,
    strict::Object,
};

use super::{
    read::{self, Pages, PathId},
    retry_config::{self, RetryConfig},
};

/// Most numbers in one request.
const MOST: usize = 5_000;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSamoraCampaign)]
pub(super) struct CreateBody {
    #[schema(schema_with = bounds::name::<NAME_LIMIT>)]
    name: String,
    #[schema(value_type = Option<RetryConfig>)]
    retry_config: Option<Object<RetryConfig>>,
}

/// What making a campaign answers.
#[derive(Serialize, ToSchema)]
#[schema(as = SamoraCampaignMade)]
pub(super) struct Made {
    campaign_id: String,
}

/// A campaign as this dialect shows it.
#[derive(Serialize, ToSchema)]
#[schema(as = SamoraCampaign)]
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

#[derive(Serialize, ToSchema)]
#[schema(as = SamoraCallStats)]
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
) -> Result<Answer<Made, Saying>> {
    let name = check::name(body.name, NAME_LIMIT)?;
    let plan = retry_config::plan(body.retry_config.map(|Object(config)| config))?;
    let mut change = door.change("campaign.create", |campaign: &Campaign| {
        let detail = json!({ "name": campaign.name, "agentId": campaign.agent_id });
        let made = Made { campaign_id: campaign.id.uuid().to_string() };
        Reply::created(made).about(campaign.id).with_detail(detail).saying("Campaign created")
    });
    let (engine, workspace) = (change.engine().clone(), change.workspace());
    read::agent(&engine, workspace, agent).await?;
    let (trunk_id, trunk_group_id) = engine.lines_of(workspace, Way::Usual).await?;
    let settings = CampaignSettings { schedule: Schedule::daytime(), ..CampaignSettings::new(name, plan) };
    let new = NewCampaign { agent_id: agent, trunk_id, trunk_group_id, settings };
    engine.create_campaign(workspace, new, change.receipt()).await?;
    change.answer()
}

/// A page of campaigns.
#[derive(Serialize, ToSchema)]
#[schema(as = SamoraCampaigns)]
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
) -> Result<Reply<Listed, Saying>> {
    let agent = read::agent(door.engine(), door.workspace(), id).await?;
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
    Ok(Reply::ok(Listed { campaigns, page, page_size, total }).saying("Campaigns"))
}

/// `GET /v1/external/campaigns/:agent_id/:campaign_id`: one campaign.
pub(super) async fn show(
    door: Allowed<may::Read>,
    PathId(agent): PathId<AgentKind>,
    PathId(id): PathId<CampaignKind>,
) -> Result<Reply<View, Saying>> {
    let campaign = read::campaign(door.engine(), door.workspace(), (agent, id)).await?;
    let (agent, stats) = beside(door.engine(), &campaign).await?;
    Ok(Reply::ok(View::new(campaign, &agent, stats)).saying("Campaign details"))
}

/// What is shown beside a campaign.
async fn beside(engine: &Engine, campaign: &Campaign) -> Result<(Agent, CallStats)> {
    let agent = read::agent(engine, campaign.workspace_id, campaign.agent_id).await?;
    let stats = engine.call_stats(&[campaign.id]).await?.remove(&campaign.id).unwrap_or_default();
    Ok((agent, stats))
}

/// What a change needs beforehand to be answered with: its figures are those from before it.
struct Noted<T> {
    change: Change<T, Option<View>, Saying>,
    engine: Engine,
    workspace: WorkspaceId,
}

/// A change of this campaign; `after` finds the campaign in what it comes to.
async fn noted<T: 'static>(
    door: Allowed<may::RunCampaigns>,
    of: (AgentId, CampaignId),
    (action, message): (&'static str, &'static str),
    after: fn(&T) -> &Campaign,
) -> Result<Noted<T>> {
    let known: Arc<OnceLock<(Agent, CallStats)>> = Arc::default();
    let shown = known.clone();
    let change = door.change(action, move |done: &T| {
        let campaign = after(done).clone();
        let id = campaign.id;
        // It has been filled in below.
        let view = shown.get().map(|(agent, stats)| View::new(campaign, agent, *stats));
        Reply::ok(view).about(id).saying(message)
    });
    let (engine, workspace) = (change.engine().clone(), change.workspace());
    let campaign = read::campaign(&engine, workspace, of).await?;
    let _ = known.set(beside(&engine, &campaign).await?);
    Ok(Noted { change, engine, workspace })
}

/// What may be changed: `null` takes the retries away.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SamoraCampaignChanges)]
pub(super) struct EditBody {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<RetryConfig>)]
    retry_config: Option<Option<Object<RetryConfig>>>,
}

/// `PUT /v1/external/campaigns/:agent_id/:campaign_id`: changes the retries of a campaign in DRAFT.
pub(super) async fn edit(
    door: Allowed<may::RunCampaigns>,
    PathId(agent): PathId<AgentKind>,
    PathId(id): PathId<CampaignKind>,
    Json(body): Json<EditBody>,
) -> Result<Answer<Option<View>, Saying>> {
    let config = body.retry_config.ok_or_else(|| ApiError::invalid("retry_config", "is missing"))?;
    let plan = retry_config::plan(config.map(|Object(config)| config))?;
    let edit = |_: &Campaign, settings: &mut CampaignSettings| {
        settings.plan = plan;
        Ok(())
    };
    let words = ("campaign.edit", "Campaign updated");
    let mut noted = noted(door, (agent, id), words, |changed: &Changed<Campaign>| &changed.after).await?;
    let (receipt, draft) = (noted.change.receipt(), &[CampaignState::Draft]);
    noted.engine.edit_campaign_in(noted.workspace, id, draft, edit, receipt).await?;
    noted.change.answer()
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSamoraCalls)]
pub(super) struct AddBody {
    #[schema(value_type = Vec<PhoneNumber>)]
    phone_numbers: Vec<Object<PhoneNumber>>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SamoraPhoneNumber)]
struct PhoneNumber {
    to_number: String,
    #[schema(value_type = Option<Object>)]
    call_variables: Option<Map<String, Value>>,
}

/// The ids of what was added, in the order of the request.
#[derive(Serialize, ToSchema)]
#[schema(as = SamoraCallsScheduled)]
pub(super) struct Added {
    scheduled_call_ids: Vec<String>,
}

/// `POST …/scheduled-calls`: adds up to 5,000 numbers to a campaign in DRAFT or PAUSED; all of them, or none.
pub(super) async fn add(
    door: Allowed<may::RunCampaigns>,
    PathId(agent): PathId<AgentKind>,
    PathId(id): PathId<CampaignKind>,
    Json(body): Json<AddBody>,
) -> Result<Answer<Added, Saying>> {
    if !(1..=MOST).contains(&body.phone_numbers.len()) {
        return Err(ApiError::invalid("phone_numbers", format!("give 1 to {MOST} numbers at once")));
    }
    let mut seen = HashSet::new();
    let numbers = body.phone_numbers.into_iter().enumerate();
    let checked = numbers.map(|(i, Object(item))| recipient(i, item, &mut seen));
    let new = checked.collect::<Result<Vec<NewRecipient>>>()?;
    let mut change = door.change("recipients.add", move |ids: &Vec<RecipientId>| {
        let scheduled_call_ids = ids.iter().map(|id| id.uuid().to_string()).collect();
        let detail = json!({ "accepted": ids.len() });
        let reply = Reply::created(Added { scheduled_call_ids }).about(id).with_detail(detail);
        reply.saying("Calls scheduled")
    });
    let (engine, workspace) = (change.engine().clone(), change.workspace());
    read::campaign(&engine, workspace, (agent, id)).await?;
    engine.add_all_recipients(workspace, id, &new, change.receipt()).await?;
    change.answer()
}

fn recipient(index: usize, item: PhoneNumber, seen: &mut HashSet<E164>) -> Result<NewRecipient> {
    let field = |name: &str| format!("phone_numbers[{index}].{name}");
    let number = read::number(&field("to_number"), &item.to_number)?;
    if !seen.insert(number) {
        let problem = "this number stands further up in the same request; nothing was added";
        return Err(ApiError::invalid(field("to_number"), problem));
    }
    let variables = check::object(&field("call_variables"), item.call_variables, check::SMALL_OBJECT)?;
    Ok(NewRecipient { number, variables: variables.into(), timezone: None })
}

/// `POST …/start`: begins a campaign in DRAFT, or goes on with a PAUSED one.
pub(super) async fn start(
    door: Allowed<may::RunCampaigns>,
    PathId(agent): PathId<AgentKind>,
    PathId(id): PathId<CampaignKind>,
    _: NoBody,
) -> Result<Answer<Option<View>, Saying>> {
    let needs = &[CampaignState::Draft, CampaignState::Paused];
    act(door, (agent, id), CampaignAction::Start, needs, ("campaign.start", "Campaign started")).await
}

/// `POST …/stop`: halts a campaign that is IN_PROGRESS; it is PAUSED then.
pub(super) async fn stop(
    door: Allowed<may::RunCampaigns>,
    PathId(agent): PathId<AgentKind>,
    PathId(id): PathId<CampaignKind>,
    _: NoBody,
) -> Result<Answer<Option<View>, Saying>> {
    act(
        door,
        (agent, id),
        CampaignAction::Pause,
        &[CampaignState::InProgress],
        ("campaign.pause", "Campaign stopped"),
    )
    .await
}

/// `POST …/cancel`: ends a campaign for good.
pub(super) async fn cancel(
    door: Allowed<may::RunCampaigns>,
    PathId(agent): PathId<AgentKind>,
    PathId(id): PathId<CampaignKind>,
    _: NoBody,
) -> Result<Answer<Option<View>, Saying>> {
    let action = CampaignAction::Cancel;
    act(door, (agent, id), action, action.needs(), ("campaign.cancel", "Campaign cancelled")).await
}

async fn act(
    door: Allowed<may::RunCampaigns>,
    of: (AgentId, CampaignId),
    action: CampaignAction,
    needs: &'static [CampaignState],
    words: (&'static str, &'static str),
) -> Result<Answer<Option<View>, Saying>> {
    let mut noted = noted(door, of, words, |campaign: &Campaign| campaign).await?;
    let receipt = noted.change.receipt();
    let (engine, workspace) = (&noted.engine, noted.workspace);
    engine.act_on_calls_in(workspace, of.1, action, needs, InFlight::Finish, receipt).await?;
    noted.change.answer()
}
