//! A recipient is to be called back.

use ringfleet_core::id::{CampaignKind, RecipientKind};
use ringfleet_store::Recipient;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    change::Answer,
    check,
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    json::Json,
    path::PathId,
};

use super::recipients::View;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Reschedule)]
pub(super) struct Body {
    #[schema(value_type = Option<Moment>)]
    at: Option<String>,
}

/// `POST /campaigns/:id/recipients/:rid/reschedule`: it is called next at this moment, or when its hours allow it after that.
pub(super) async fn reschedule(
    door: Allowed<may::RunCampaigns>,
    PathId(campaign): PathId<CampaignKind>,
    PathId(id): PathId<RecipientKind>,
    Json(body): Json<Body>,
) -> Result<Answer<View>> {
    let at = check::moment("at", body.at)?.ok_or_else(|| ApiError::invalid("at", "is missing"))?;
    let mut change = door.change("recipient.reschedule", move |recipient: &Recipient| {
        let detail = json!({ "campaignId": campaign, "dueAt": Moment::from(recipient.due_at) });
        Reply::ok(View::from(recipient.clone())).about(id).with_detail(detail)
    });
    let receipt = change.receipt();
    change.engine().reschedule(change.workspace(), campaign, id, at, receipt).await?;
    change.answer()
}
