//! Messages: what is told of them, and what people answer.

use ringfleet_core::{
    CallId, Channel,
    id::{CallKind, LeadKind},
    message::Receipt,
};
use ringfleet_engine::{EngineError, News, Noted};
use ringfleet_store::{MessageTimes, Reply as Written};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    change::Answer,
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    json::Json,
    path::PathId,
};

/// What a lead has written that is shown, the latest first.
const SHOWN: u32 = 100;
/// Longest reason, in characters.
const REASON_LIMIT: usize = 64;

/// When what became of a message.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MessageTimes)]
pub(super) struct Times {
    sent_at: Moment,
    delivered_at: Option<Moment>,
    read_at: Option<Moment>,
}

impl From<MessageTimes> for Times {
    fn from(times: MessageTimes) -> Self {
        Self {
            sent_at: times.sent_at.into(),
            delivered_at: Moment::maybe(times.delivered_at),
            read_at: Moment::maybe(times.read_at),
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewReceipt)]
pub(super) struct Body {
    status: Receipt,
    /// In one word; why, where it was not delivered.
    #[schema(pattern = "^[a-z0-9_]{1,64}$")]
    reason: Option<String>,
}

/// What a receipt has come to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NotedReceipt)]
pub(super) struct NotedView {
    session_id: CallId,
    /// False where nothing has changed: it was known, or is older than what is known.
    is_news: bool,
}

/// `POST /sessions/:id/receipts`: what became of a message, from whoever knows: a mailbox that gets bounces, a provider without callbacks.
pub(super) async fn receipt(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<CallKind>,
    Json(body): Json<Body>,
) -> Result<Answer<NotedView>> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if body
        .reason
        .as_deref()
        .is_some_and(|text| !(1..=REASON_LIMIT).contains(&text.len()) || !text.chars().all(fits))
    {
        let problem = "must be 1 to 64 lower-case letters, digits and underscores";
        return Err(ApiError::invalid("reason", problem));
    }
    let mut change = door.change("session.receipt", move |noted: &Noted| {
        Reply::ok(NotedView { session_id: id, is_news: *noted == Noted::New }).about(id)
    });
    let mut tx = change.engine().store().read().await?;
    let call = tx.call(change.workspace(), id).await?.ok_or_else(|| ApiError::not_found("session"))?;
    tx.commit().await?;
    if call.channel == Channel::Voice {
        return Err(conflict("NOT_A_MESSAGE", "the session is a call; receipts are for messages"));
    }
    let reason = body.reason.unwrap_or_else(|| body.status.to_string());
    let news = News { call: id, receipt: body.status, reason, code: None };
    let written = change.receipt();
    match change.engine().receipt(&news, written).await? {
        Noted::New | Noted::Known => change.answer(),
        Noted::TooEarly => {
            let message = "the message is not sent yet; tell it once the session is SENT";
            Err(conflict("NOT_SENT_YET", message))
        }
        Noted::Unknown => Err(ApiError::not_found("session")),
    }
}

fn conflict(code: &'static str, message: &str) -> ApiError {
    EngineError::Conflict { code, message: message.to_owned() }.into()
}

/// Something a lead has written.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LeadReply)]
pub(super) struct WrittenView {
    channel: Channel,
    text: String,
    /// It was a wish to be left alone.
    is_stop: bool,
    /// The message it answers.
    session_id: Option<CallId>,
    received_at: Moment,
}

impl From<Written> for WrittenView {
    fn from(written: Written) -> Self {
        Self {
            channel: written.channel,
            text: written.body,
            is_stop: written.is_stop,
            session_id: written.call_id,
            received_at: written.received_at.into(),
        }
    }
}

/// `GET /leads/:id/replies`: the last 100 things a lead has written, the latest first.
pub(super) async fn replies(
    door: Allowed<may::Read>,
    PathId(id): PathId<LeadKind>,
) -> Result<Reply<Vec<WrittenView>>> {
    let mut tx = door.engine().store().read().await?;
    let lead = tx.lead(door.workspace(), id).await?.ok_or_else(|| ApiError::not_found("lead"))?;
    let written = tx.replies_of(door.workspace(), lead.number, SHOWN).await?;
    tx.commit().await?;
    Ok(Reply::ok(written.into_iter().map(WrittenView::from).collect()))
}
