//! A recipient is to be called back.

use ringfleet_core::id::{CampaignKind, RecipientKind};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    check,
    envelope::Reply,
    error::{ApiError, Result},
    json::Json,
    path::PathId,
};

use super::recipients::View;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Reschedule)]
pub(super) struct Body {
    at: Option<String>,
}

/// `POST /campaigns/:id/recipients/:rid/reschedule`: it is called next at this moment, or when its hours allow it after that.
pub(super) async fn reschedule(
    door: Allowed<may::RunCampaigns>,
    PathId(campaign): PathId<CampaignKind>,
    PathId(id): PathId<RecipientKind>,
    Json(body): Json<Body>,
) -> Result<Reply<View>> {
    let at = check::moment("at", body.at)?.ok_or_else(|| ApiError::invalid("at", "is missing"))?;
    let recipient = door.engine().reschedule(door.workspace(), campaign, id, at).await?;
    Ok(Reply::ok(recipient.into()))
}
