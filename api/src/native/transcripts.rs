//! What was said in a call, and the call replayed: everything that is known of it, in order.

use ringfleet_core::{CallId, CallState, id::CallKind};
use ringfleet_engine::EngineError;
use ringfleet_store::{Call, MessageTimes};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    change::Answer,
    check,
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    json::Json,
    path::PathId,
    strict::Object,
};

/// Longest transcript, in bytes as JSON.
const LIMIT: usize = 1024 * 1024;
const ROLE_LIMIT: usize = 40;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTranscript)]
pub(super) struct Body {
    #[schema(value_type = Vec<TurnBody>)]
    transcript: Vec<Object<TurnBody>>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Turn)]
pub(super) struct TurnBody {
    role: String,
    text: String,
    #[schema(value_type = Moment)]
    ts: String,
}

/// A transcript as the API shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Transcript)]
pub(super) struct View {
    session_id: CallId,
    #[schema(value_type = Vec<TurnBody>)]
    transcript: Value,
    updated_at: Moment,
}

/// `PUT /sessions/:id/transcript`: keeps what was said, in place of what was told before.
pub(super) async fn put(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<CallKind>,
    Json(body): Json<Body>,
) -> Result<Answer<View>> {
    let turns = body.transcript.into_iter().enumerate().map(|(i, Object(turn))| check_turn(i, turn));
    let turns = Value::Array(turns.collect::<Result<_>>()?);
    if turns.to_string().len() > LIMIT {
        return Err(ApiError::invalid("transcript", format!("must be at most {LIMIT} bytes as JSON")));
    }
    let now = door.now();
    let told = turns.clone();
    let mut change = door.change("session.transcript", move |_: &()| {
        let view = View { session_id: id, transcript: told.clone(), updated_at: now.into() };
        Reply::ok(view).about(id)
    });
    let receipt = change.receipt();
    let mut tx = change.engine().store().write().await?;
    let call = tx.hold_call(change.workspace(), id).await?.ok_or_else(|| ApiError::not_found("session"))?;
    if call.number.is_erased() {
        let message = "whoever was called has been erased; nothing more is kept of the call";
        return Err(EngineError::conflict("ERASED", message).into());
    }
    tx.set_transcript(change.workspace(), id, &turns, now).await?;
    receipt.write(&mut tx, &(), change.engine().clock()).await?;
    tx.commit().await?;
    change.answer()
}

fn check_turn(index: usize, turn: TurnBody) -> Result<Value> {
    let field = |name: &str| format!("transcript[{index}].{name}");
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    if !(1..=ROLE_LIMIT).contains(&turn.role.len()) || !turn.role.chars().all(plain) {
        let problem = format!("must be 1 to {ROLE_LIMIT} letters, digits, _ and -, like agent or user");
        return Err(ApiError::invalid(field("role"), problem));
    }
    let ts = check::moment(&field("ts"), Some(turn.ts))?;
    Ok(json!({"role": turn.role, "text": turn.text, "ts": Moment::maybe(ts)}))
}

/// `GET /sessions/:id/transcript`: what was said.
pub(super) async fn show(door: Allowed<may::Read>, PathId(id): PathId<CallKind>) -> Result<Reply<View>> {
    let mut tx = door.engine().store().read().await?;
    tx.call(door.workspace(), id).await?.ok_or_else(|| ApiError::not_found("session"))?;
    let found = tx.transcript(id).await?.ok_or_else(|| ApiError::not_found("transcript"))?;
    tx.commit().await?;
    let view = View { session_id: id, transcript: found.turns, updated_at: found.updated_at.into() };
    Ok(Reply::ok(view))
}

/// A call replayed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Replay)]
pub(super) struct ReplayView {
    session_id: CallId,
    status: CallState,
    events: Vec<Value>,
}

/// `GET /sessions/:id/replay`: what is known of a call, in the order in which it happened.
pub(super) async fn replay(
    door: Allowed<may::Read>,
    PathId(id): PathId<CallKind>,
) -> Result<Reply<ReplayView>> {
    let mut tx = door.engine().store().read().await?;
    let call = tx.call(door.workspace(), id).await?.ok_or_else(|| ApiError::not_found("session"))?;
    let told = tx.transcript(id).await?;
    let times = tx.message_times(id).await?;
    tx.commit().await?;
    let turns = told.map_or(Value::Null, |told| told.turns);
    Ok(Reply::ok(ReplayView { session_id: id, status: call.state, events: events(&call, turns, times) }))
}

fn events(call: &Call, turns: Value, times: Option<MessageTimes>) -> Vec<Value> {
    let mut events = vec![json!({"type": "created", "at": Moment::from(call.created_at), "to": call.number,
        "attempt": call.attempt, "agentId": call.agent_id, "campaignId": call.campaign_id, "recipientId": call.recipient_id})];
    if let Some(at) = call.triggered_at {
        events.push(json!({"type": "triggered", "at": Moment::from(at), "trunkId": call.trunk_id, "from": call.caller_id,
            "versionId": call.agent_version, "placements": call.placements}));
    }
    if call.state == CallState::Pending && call.hold.is_some() {
        events.push(json!({"type": "held", "at": null, "hold": call.hold, "reason": call.reason}));
    }
    if let Some(at) = call.answered_at {
        events.push(json!({"type": "answered", "at": Moment::from(at)}));
    }
    if let Some(at) = call.transferred_at {
        events.push(json!({"type": "transferred", "at": Moment::from(at), "to": call.transferred_to}));
    }
    let turns = turns.as_array().cloned().unwrap_or_default();
    events.extend(
        turns.iter().map(
            |turn| json!({"type": "turn", "at": turn["ts"], "role": turn["role"], "text": turn["text"]}),
        ),
    );
    if let Some(MessageTimes { sent_at, delivered_at, read_at }) = times {
        events.push(json!({"type": "sent", "at": Moment::from(sent_at)}));
        let later = [("delivered", delivered_at), ("read", read_at)];
        events.extend(
            later.into_iter().filter_map(|(kind, at)| Some(json!({"type": kind, "at": Moment::from(at?)}))),
        );
    } else if let Some(at) = call.ended_at {
        events.push(json!({"type": "ended", "at": Moment::from(at), "status": call.state, "outcome": call.outcome,
            "reason": call.reason, "code": call.code, "endedBy": call.ended_by, "durationMs": call.talked_ms()}));
    }
    // All moments are written alike, so their texts are in the order of time; what has none holds now. What was said in the
    // millisecond of the end was said before it.
    events.sort_by_key(|event| {
        let at = event["at"].as_str().unwrap_or("9999").to_owned();
        (at, event["type"] == "ended")
    });
    events
}
