//! Sessions: calls, placed now or by a campaign.

use ringfleet_core::{
    AgentId, AgentVersion, CallId, CallState, CampaignId, Channel, E164, EndedBy, Hold, Outcome, RecipientId,
    TrunkGroupId, TrunkId, WorkspaceId, call::Speech, id::CallKind,
};
use ringfleet_engine::{Engine, NewSession};
use ringfleet_store::{Call, CallFilter};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::messages;
use crate::{
    auth::{Allowed, may},
    change::Answer,
    check,
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    export::{self, Form, Part},
    file::{CsvFile, JsonLinesFile, Recording},
    json::Json,
    page::Paging,
    path::PathId,
    query::{FromQuery, Parameters, Query},
};

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewSession)]
pub(super) struct Body {
    agent_id: AgentId,
    version_id: Option<AgentVersion>,
    #[serde(alias = "to")]
    to_number: E164,
    #[schema(schema_with = check::caller_id_form)]
    from_number: Option<String>,
    trunk_id: Option<TrunkId>,
    trunk_group_id: Option<TrunkGroupId>,
    channel: Option<Channel>,
    #[schema(value_type = Option<Object>)]
    variables: Option<Map<String, Value>>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    #[schema(schema_with = check::ring_seconds_bounds)]
    ring_timeout_seconds: Option<u32>,
    #[schema(schema_with = check::max_call_seconds_bounds)]
    max_call_seconds: Option<u32>,
}

/// A call as the API shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Session)]
pub(super) struct View {
    id: CallId,
    campaign_id: Option<CampaignId>,
    recipient_id: Option<RecipientId>,
    agent_id: AgentId,
    /// The version of the agent it is made with; of a campaign's call, once it has begun.
    version_id: Option<AgentVersion>,
    trunk_id: TrunkId,
    channel: Channel,
    to_number: E164,
    /// What it shows, or has shown; before it begins, what was asked for.
    from_number: Option<String>,
    attempt: u32,
    status: CallState,
    hold: Option<Hold>,
    outcome: Option<Outcome>,
    reason: Option<String>,
    code: Option<i32>,
    ended_by: Option<EndedBy>,
    /// The keys that the callee has pressed, in order; nothing of a call that nobody answered, or that is not over.
    digits: Option<String>,
    /// How the callee began to talk, where the channel has a voice.
    speech: Option<Speech>,
    /// The number or address that the call was handed on to.
    transferred_to: Option<String>,
    transferred_at: Option<Moment>,
    metadata: Value,
    created_at: Moment,
    started_at: Option<Moment>,
    answered_at: Option<Moment>,
    ended_at: Option<Moment>,
    /// From the answer to the end; 0 when nobody answered, nothing while the call is not over.
    duration_ms: Option<i64>,
}

impl From<Call> for View {
    fn from(call: Call) -> Self {
        Self {
            duration_ms: call.talked_ms(),
            id: call.id,
            campaign_id: call.campaign_id,
            recipient_id: call.recipient_id,
            agent_id: call.agent_id,
            version_id: call.agent_version,
            trunk_id: call.trunk_id,
            channel: call.channel,
            to_number: call.number,
            from_number: call.caller_id,
            attempt: call.attempt,
            status: call.state,
            hold: call.hold,
            outcome: call.outcome,
            reason: call.reason,
            code: call.code,
            ended_by: call.ended_by,
            speech: call.heard.as_ref().and_then(|heard| heard.speech),
            digits: call.heard.map(|heard| heard.digits),
            transferred_to: call.transferred_to,
            transferred_at: Moment::maybe(call.transferred_at),
            metadata: call.metadata,
            created_at: call.created_at.into(),
            started_at: Moment::maybe(call.triggered_at),
            answered_at: Moment::maybe(call.answered_at),
            ended_at: Moment::maybe(call.ended_at),
        }
    }
}

/// `POST /sessions`: places a single call now; it overtakes every campaign.
pub(super) async fn create(door: Allowed<may::RunCampaigns>, Json(body): Json<Body>) -> Result<Answer<View>> {
    if body.channel.is_some_and(|channel| channel != Channel::Voice) {
        return Err(ApiError::invalid("channel", "must be voice; other channels are not carried out yet"));
    }
    let new = NewSession {
        agent_id: body.agent_id,
        agent_version: body.version_id,
        way: check::way(body.trunk_id, body.trunk_group_id)?,
        to: body.to_number,
        from: check::caller_id("fromNumber", body.from_number)?,
        variables: check::object("variables", body.variables, check::SMALL_OBJECT)?,
        metadata: check::object("metadata", body.metadata, check::SMALL_OBJECT)?,
        ring_seconds: check::ring_seconds(body.ring_timeout_seconds)?,
        max_call_seconds: check::max_call_seconds(body.max_call_seconds)?,
    };
    let mut change =
        door.change("session.create", |call: &Call| Reply::accepted(View::from(call.clone())).about(call.id));
    let receipt = change.receipt();
    change.engine().trigger(change.workspace(), new, receipt).await?;
    change.answer()
}

/// A call, and what is known of it alone.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionDetail)]
pub(super) struct DetailView {
    #[serde(flatten)]
    session: View,
    /// Of a message that was taken: when what became of it.
    message: Option<messages::Times>,
}

/// `GET /sessions/:id`: one call.
pub(super) async fn show(
    door: Allowed<may::Read>,
    PathId(id): PathId<CallKind>,
) -> Result<Reply<DetailView>> {
    let mut tx = door.engine().store().read().await?;
    let call = tx.call(door.workspace(), id).await?.ok_or_else(|| ApiError::not_found("session"))?;
    let times = match call.channel {
        Channel::Voice => None,
        _ => tx.message_times(id).await?,
    };
    tx.commit().await?;
    Ok(Reply::ok(DetailView { session: call.into(), message: times.map(messages::Times::from) }))
}

/// `GET /sessions/:id/recording`: what was heard in it.
pub(super) async fn recording(door: Allowed<may::Read>, PathId(call): PathId<CallKind>) -> Result<Recording> {
    Ok(Recording { call, blob: door.engine().recording(door.workspace(), call).await? })
}

/// `?campaignId=`, `?recipientId=`, `?agentId=`, `?number=`, `?status=` and `?outcome=` of a list of calls.
pub(super) struct ListQuery {
    paging: Paging,
    filter: CallFilter,
}

impl FromQuery for CallFilter {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        Ok(CallFilter {
            campaign: parameters.parse("campaignId")?,
            recipient: parameters.parse("recipientId")?,
            state: parameters.parse("status")?,
            outcome: parameters.parse("outcome")?,
            agent: parameters.parse("agentId")?,
            number: parameters.parse("number")?,
        })
    }
}

impl FromQuery for ListQuery {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self { filter: CallFilter::read(parameters)?, paging: Paging::read(parameters)? })
    }
}

/// The calls and messages that have begun and are not over.
#[derive(Serialize, ToSchema)]
#[schema(as = LiveCalls)]
pub(super) struct LiveView {
    total: u64,
    /// The newest of them.
    items: Vec<View>,
}

/// Most live calls that are listed.
const MOST_LIVE: u32 = 200;

impl LiveView {
    /// Those of one campaign, or of all the workspace.
    pub(super) async fn read(
        engine: &Engine,
        workspace: WorkspaceId,
        of: Option<CampaignId>,
    ) -> Result<Self> {
        let mut tx = engine.store().read().await?;
        let (total, calls) = tx.calls_on_the_line(workspace, of, MOST_LIVE).await?;
        tx.commit().await?;
        Ok(Self { total, items: calls.into_iter().map(View::from).collect() })
    }
}

/// `?campaignId=` of the live calls.
pub(super) struct LiveQuery(Option<CampaignId>);

impl FromQuery for LiveQuery {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self(parameters.parse("campaignId")?))
    }
}

/// `GET /sessions/live`: the newest calls that ring or talk, and how many do.
pub(super) async fn live(
    door: Allowed<may::Read>,
    Query(LiveQuery(campaign)): Query<LiveQuery>,
) -> Result<Reply<LiveView>> {
    Ok(Reply::ok(LiveView::read(door.engine(), door.workspace(), campaign).await?))
}

/// The same filters for a file of all of them.
pub(super) struct ExportQuery {
    part: Part,
    filter: CallFilter,
}

impl FromQuery for ExportQuery {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self { filter: CallFilter::read(parameters)?, part: Part::read(parameters)? })
    }
}

/// The columns of a file of calls.
const COLUMNS: &[&str] = &[
    "id",
    "campaignId",
    "recipientId",
    "agentId",
    "versionId",
    "trunkId",
    "channel",
    "toNumber",
    "fromNumber",
    "attempt",
    "status",
    "hold",
    "outcome",
    "reason",
    "code",
    "endedBy",
    "createdAt",
    "startedAt",
    "answeredAt",
    "endedAt",
    "durationMs",
    "digits",
    "speech",
    "transferredTo",
    "transferredAt",
    "metadata",
];

/// `GET /sessions/export.csv`: the calls of a list as a file.
pub(super) async fn export_csv(
    door: Allowed<may::Read>,
    Query(query): Query<ExportQuery>,
) -> Result<CsvFile> {
    let body = export(&door, Form::Csv(COLUMNS), query);
    Ok(CsvFile { name: "sessions.csv".into(), body })
}

/// `GET /sessions/export.jsonl`: the same, an object in each line.
pub(super) async fn export_jsonl(
    door: Allowed<may::Read>,
    Query(query): Query<ExportQuery>,
) -> Result<JsonLinesFile> {
    let body = export(&door, Form::JsonLines, query);
    Ok(JsonLinesFile { name: "sessions.jsonl".into(), body })
}

fn export(door: &Allowed<may::Read>, form: Form, query: ExportQuery) -> axum::body::Body {
    let (store, workspace, ExportQuery { part, filter }) =
        (door.engine().store().clone(), door.workspace(), query);
    export::file(form, part, move |page| {
        let store = store.clone();
        async move {
            let mut tx = store.read().await?;
            let calls = tx.calls(workspace, filter, page).await?;
            let next = match calls.len() < page.limit as usize {
                true => tx.calls_looked_at(workspace, filter, page).await?,
                false => calls.last().map(|last| last.id.into()),
            };
            tx.commit().await?;
            Ok((calls.into_iter().map(View::from).collect(), next))
        }
    })
}

/// `GET /sessions`: a page of the workspace's calls.
pub(super) async fn list(
    door: Allowed<may::Read>,
    Query(query): Query<ListQuery>,
) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let ListQuery { paging, filter } = query;
    let calls = tx.calls(door.workspace(), filter, paging.ask()).await?;
    let looked_at = match paging.is_short(&calls) {
        true => tx.calls_looked_at(door.workspace(), filter, paging.ask()).await?,
        false => None,
    };
    tx.commit().await?;
    Ok(paging.reply_so_far(calls, |call| call.id.into(), looked_at))
}
