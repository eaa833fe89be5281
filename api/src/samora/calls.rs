//! Single calls, and any call by its id.

use ringfleet_core::{AgentId, CallId, ScheduledCallState, id::CallKind};
use ringfleet_engine::{NewSession, Way};
use ringfleet_store::{Call, ScheduledCall, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    change::Answer,
    check,
    envelope::{Bare, Moment, Reply, Saying},
    error::{ApiError, Result},
    files,
    json::Json,
};

use super::read::{self, PathId};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SamoraTrigger)]
pub(super) struct Body {
    agent_id: AgentId,
    to_number: String,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
}

/// What triggering answers: no envelope.
#[derive(Serialize, ToSchema)]
#[schema(as = SamoraTriggered)]
pub(super) struct Accepted {
    message: &'static str,
    status: &'static str,
    call_id: String,
}

/// `POST /v1/call/trigger`: places a single call now.
pub(super) async fn trigger(
    door: Allowed<may::RunCampaigns>,
    Json(body): Json<Body>,
) -> Result<Answer<Accepted, Bare>> {
    let to = read::number("to_number", &body.to_number)?;
    let metadata = check::object("metadata", body.metadata, check::SMALL_OBJECT)?;
    let mut change = door.change("session.create", |call: &Call| {
        let message = "Call accepted: it is placed now";
        let answer = Accepted { message, status: "accepted", call_id: call.id.uuid().to_string() };
        Reply::accepted(answer).about(call.id).bare()
    });
    let agent = read::agent(change.engine(), change.workspace(), body.agent_id).await?;
    let new = NewSession {
        agent_id: agent.id,
        agent_version: None,
        way: Way::Usual,
        to,
        from: None,
        variables: metadata.clone(),
        metadata,
        ring_seconds: check::ring_seconds(None)?,
        max_call_seconds: check::max_call_seconds(None)?,
    };
    let receipt = change.receipt();
    change.engine().trigger(change.workspace(), new, receipt).await?;
    change.answer()
}

/// A call as this dialect shows it by its id.
#[derive(Serialize, ToSchema)]
#[schema(as = SamoraCall)]
pub(super) struct View {
    agent_id: String,
    created_at: Moment,
    updated_at: Moment,
    started_at: Option<Moment>,
    ended_at: Option<Moment>,
    transcript_url: Option<String>,
    recording_url: Option<String>,
    status: ScheduledCallState,
    #[schema(value_type = Option<Object>)]
    call_variables: Option<Value>,
}

/// Links to what a call that is over has left.
#[derive(Default)]
struct Links {
    transcript: Option<String>,
    recording: Option<String>,
}

impl Links {
    /// To what was read of the call in `tx`: nothing is signed while that is open.
    async fn of(mut tx: Tx, door: &Allowed<may::Read>, over: Option<CallId>) -> Result<Self> {
        let left = match over {
            Some(call) => Some((call, tx.has_transcript(call).await?, tx.recording(call).await?.is_some())),
            None => None,
        };
        tx.commit().await?;
        let mut links = Self::default();
        if let Some((call, true, _)) = left {
            links.transcript = Some(files::transcript_url(door, call).await?);
        }
        if let Some((call, _, true)) = left {
            links.recording = door.engine().recorded(call).await?.url;
        }
        Ok(links)
    }
}

impl View {
    fn of_call(call: Call, links: Links) -> Self {
        let last = call.ended_at.or(call.answered_at).or(call.triggered_at);
        Self {
            agent_id: call.agent_id.uuid().to_string(),
            created_at: call.created_at.into(),
            updated_at: last.unwrap_or(call.created_at).into(),
            started_at: Moment::maybe(call.triggered_at),
            ended_at: Moment::maybe(call.ended_at),
            transcript_url: links.transcript,
            recording_url: links.recording,
            status: ScheduledCallState::of_call(call.state),
            call_variables: some(call.metadata),
        }
    }

    fn of_scheduled(call: ScheduledCall, links: Links) -> Self {
        Self {
            agent_id: call.agent_id.uuid().to_string(),
            created_at: call.created_at.into(),
            updated_at: call.updated_at.into(),
            started_at: Moment::maybe(call.started_at),
            ended_at: Moment::maybe(call.ended_at),
            transcript_url: links.transcript,
            recording_url: links.recording,
            status: call.status,
            call_variables: some(call.variables),
        }
    }
}

fn some(variables: Value) -> Option<Value> {
    Some(variables).filter(|variables| variables.as_object().is_some_and(|object| !object.is_empty()))
}

/// `GET /v1/call/:call_id`: a call that was triggered, or one that a campaign has scheduled.
pub(super) async fn show(
    door: Allowed<may::Read>,
    PathId(id): PathId<CallKind>,
) -> Result<Reply<View, Saying>> {
    let mut tx = door.engine().store().read().await?;
    let single = tx.call(door.workspace(), id).await?;
    let scheduled = match &single {
        Some(_) => None,
        None => tx.scheduled_call(door.workspace(), id.uuid().into()).await?,
    };
    let over = match (&single, &scheduled) {
        (Some(call), _) => call.ended_at.is_some().then_some(call.id),
        (None, Some(call)) => call.call_id.filter(|_| call.ended_at.is_some()),
        (None, None) => return Err(ApiError::not_found("call")),
    };
    let links = Links::of(tx, &door, over).await?;
    let view = match (single, scheduled) {
        (Some(call), _) => View::of_call(call, links),
        (None, Some(call)) => View::of_scheduled(call, links),
        (None, None) => return Err(ApiError::not_found("call")),
    };
    Ok(Reply::ok(view).saying("Call details"))
}
