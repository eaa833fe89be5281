//! The life of a campaign: start, pause, cancel, change, and make others from it.

use ringfleet_core::{CampaignAction, CampaignId, Disposition, id::CampaignKind};
use ringfleet_engine::{InFlight, NAME_LIMIT};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    check,
    envelope::Reply,
    error::{ApiError, Result},
    json::{Json, MaybeJson, NoBody},
    page::Paging,
    path::PathId,
    query::Query,
};

use super::{campaigns::View, settings_body::PatchBody};

/// `POST /campaigns/:id/start`: begins or resumes; SCHEDULED when the start time lies ahead, or the campaign recurs.
pub(super) async fn start(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<CampaignKind>,
    _: NoBody,
) -> Result<Reply<View>> {
    act(door, id, CampaignAction::Start, StopBody::default()).await
}

/// How a campaign stops.
#[derive(Deserialize, Default, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Stop)]
pub(super) struct StopBody {
    in_flight: Option<InFlightBody>,
}

/// What becomes of calls that ring or talk.
#[derive(Deserialize, Clone, Copy, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = CampaignInFlight)]
enum InFlightBody {
    Finish,
    Hangup,
}

/// `POST /campaigns/:id/pause`: halts. No call begins after this has answered.
pub(super) async fn pause(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<CampaignKind>,
    MaybeJson(body): MaybeJson<StopBody>,
) -> Result<Reply<View>> {
    act(door, id, CampaignAction::Pause, body).await
}

/// `POST /campaigns/:id/cancel`: ends for good. No call begins after this has answered.
pub(super) async fn cancel(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<CampaignKind>,
    MaybeJson(body): MaybeJson<StopBody>,
) -> Result<Reply<View>> {
    act(door, id, CampaignAction::Cancel, body).await
}

async fn act(
    door: Allowed<may::RunCampaigns>,
    id: CampaignId,
    action: CampaignAction,
    body: StopBody,
) -> Result<Reply<View>> {
    let in_flight = match body.in_flight {
        Some(InFlightBody::Hangup) => InFlight::HangUp,
        Some(InFlightBody::Finish) | None => InFlight::Finish,
    };
    let campaign = door.engine().act_on_calls(door.workspace(), id, action, in_flight).await?;
    Ok(Reply::ok(campaign.into()))
}

/// `PATCH /campaigns/:id`: changes a campaign in DRAFT or PAUSED.
pub(super) async fn edit(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<CampaignKind>,
    Json(body): Json<PatchBody>,
) -> Result<Reply<View>> {
    let patch = body.check()?;
    let change = |settings: &mut _| patch.apply(settings);
    let campaign = door.engine().edit_campaign(door.workspace(), id, change).await?;
    Ok(Reply::ok(campaign.into()))
}

#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Clone)]
pub(super) struct CloneBody {
    name: Option<String>,
    recipients: Option<bool>,
}

/// `POST /campaigns/:id/clone`: a new campaign with the same settings, and the same list unless told otherwise.
pub(super) async fn clone(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<CampaignKind>,
    MaybeJson(body): MaybeJson<CloneBody>,
) -> Result<Reply<View>> {
    let (name, with_recipients) = (new_name(body.name)?, body.recipients.unwrap_or(true));
    let campaign = door.engine().clone_campaign(door.workspace(), id, name, with_recipients).await?;
    Ok(Reply::created(campaign.into()))
}

#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Retry)]
pub(super) struct RetryBody {
    name: Option<String>,
    dispositions: Option<Vec<Disposition>>,
}

/// `POST /campaigns/:id/retry`: a new campaign for those of one that is over who ended so.
pub(super) async fn retry(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<CampaignKind>,
    MaybeJson(body): MaybeJson<RetryBody>,
) -> Result<Reply<View>> {
    let name = new_name(body.name)?;
    let dispositions = body.dispositions.unwrap_or_else(|| vec![Disposition::Exhausted]);
    if dispositions.is_empty() {
        return Err(ApiError::invalid("dispositions", "name at least one, or leave it out for EXHAUSTED"));
    }
    let campaign = door.engine().retry_campaign(door.workspace(), id, name, &dispositions).await?;
    Ok(Reply::created(campaign.into()))
}

fn new_name(given: Option<String>) -> Result<Option<String>> {
    given.map(|name| check::name(name, NAME_LIMIT)).transpose()
}

/// `GET /campaigns/:id/runs`: a page of the runs of a recurring campaign.
pub(super) async fn runs(
    door: Allowed<may::Read>,
    PathId(id): PathId<CampaignKind>,
    Query(paging): Query<Paging>,
) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    tx.campaign(door.workspace(), id).await?.ok_or_else(|| ApiError::not_found("campaign"))?;
    let runs = tx.runs(door.workspace(), id, paging.ask()).await?;
    tx.commit().await?;
    Ok(paging.reply(runs, |run| run.id.into()))
}
