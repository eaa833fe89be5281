//! What providers tell by themselves, and what people do with the links in messages.
//!
//! Whoever tells something has to prove that they know the secret of the trunk, or have the key that its public one belongs to. Of a call it is a
//! hint, which can be lost: whoever follows the call asks the provider as well. Of a message it is the only word there is.

mod livekit;
mod telnyx;
mod twilio;
mod unsubscribe;
mod whatsapp;

use std::time::Duration;

use axum::{
    Router,
    body::{Body, Bytes},
    http::HeaderMap,
    routing::{get, post},
};
use ringfleet_carriers::Told;
use ringfleet_core::{CallId, E164, TrunkId, WorkspaceId, message::Inbound};
use ringfleet_engine::{Engine, News, Noted, Receipt};
use ringfleet_fleet::Hint;
use ringfleet_store::Trunk;

use crate::{
    auth::Gate,
    error::{ApiError, Result},
};

/// How long, and how often, a receipt is tried again whose message is not written down as sent yet.
const TOO_EARLY: (Duration, u32) = (Duration::from_millis(200), 15);

/// The endpoints. None is part of the API that customers use.
pub(crate) fn routes() -> Router<Gate> {
    Router::new()
        .route("/callbacks/telnyx/{ses}", post(telnyx::heard))
        .route("/webhook/livekit", post(livekit::heard))
        .route("/callbacks/twilio/{ses}", post(twilio::heard))
        .route("/callbacks/twilio/trunks/{trk}", post(twilio::written))
        .route("/callbacks/whatsapp/{trk}", get(whatsapp::set_up).post(whatsapp::told))
        .route("/unsubscribe/{ses}", get(unsubscribe::page).post(unsubscribe::carry_out))
}

/// A body of at most `limit` bytes.
async fn read(body: Body, limit: usize) -> Result<Bytes> {
    axum::body::to_bytes(body, limit).await.map_err(|_| ApiError::too_large(limit))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The trunk that is told of, whoever's it is.
async fn trunk(engine: &Engine, id: TrunkId) -> Result<Option<(WorkspaceId, Trunk)>> {
    let mut tx = engine.store().read().await?;
    let found = tx.trunk_of_anybody(id).await?;
    tx.commit().await?;
    Ok(found)
}

/// Tells whoever follows a call what was heard of it.
async fn hint(gate: &Gate, call: CallId, note: String) {
    let hint = Hint { call: call.uuid(), note };
    if let Err(error) = gate.engine().fleet().hints().tell(hint).await {
        tracing::debug!(%error, %call, "a hint is lost; whoever follows the call asks by itself");
    }
}

/// Passes on what became of a message. The provider's word can come before ours that it took the message.
async fn pass_on(engine: &Engine, call: CallId, told: Told) -> Result<()> {
    let reason = told.reason.to_owned();
    let code = told.code.and_then(|code| i32::try_from(code).ok());
    let news = News { call, receipt: told.receipt, reason, code };
    let (pause, times) = TOO_EARLY;
    for _ in 0..times {
        match engine.receipt(&news, Receipt::none()).await? {
            Noted::TooEarly => tokio::time::sleep(pause).await,
            Noted::New | Noted::Known | Noted::Unknown => return Ok(()),
        }
    }
    Err(ApiError::not_yet())
}

/// Passes on what somebody has written.
async fn answer(engine: &Engine, workspace: WorkspaceId, trunk: &Trunk, inbound: &Inbound) -> Result<()> {
    let Ok(number) = inbound.from.parse::<E164>() else {
        tracing::info!(trunk = %trunk.id, "an answer came from something that is no number; it is passed over");
        return Ok(());
    };
    engine.reply(workspace, trunk.id, trunk.config.channel(), number, inbound).await?;
    Ok(())
}
