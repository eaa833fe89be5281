//! Calls that are to be handed on.

use ringfleet_carriers::transfer_note;
use ringfleet_core::{id::CallKind, transfer::TransferName};
use ringfleet_store::Call;
use serde::Deserialize;
use utoipa::ToSchema;

use super::sessions::View;
use crate::{
    auth::{Allowed, may},
    change::Answer,
    envelope::Reply,
    error::Result,
    json::Json,
    path::PathId,
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTransfer)]
pub(super) struct Body {
    /// One of the names in `transfers` of the agent.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{1,40}$")]
    to: TransferName,
}

/// `POST /sessions/:id/transfer`: hands a live call on. What becomes of it shows later, in the session.
pub(super) async fn ask(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<CallKind>,
    Json(body): Json<Body>,
) -> Result<Answer<View>> {
    let to = body.to.to_string();
    let mut change = door.change("session.transfer", move |call: &Call| {
        let detail = serde_json::json!({ "to": to });
        Reply::accepted(View::from(call.clone())).about(call.id).with_detail(detail)
    });
    let receipt = change.receipt();
    let note = transfer_note(&body.to);
    change.engine().ask_to_transfer(change.workspace(), id, &body.to, note, receipt).await?;
    change.answer()
}
