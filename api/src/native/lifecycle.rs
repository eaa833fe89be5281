//! The life of a campaign: start, pause, cancel, change, and make others from it.

use ringfleet_core::{CampaignAction, CampaignId, Disposition, id::CampaignKind};
use ringfleet_engine::{Changed, InFlight, NAME_LIMIT};
use ringfleet_store::Campaign;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    change::{Answer, difference},
    check,
    envelope::Reply,
    error::{ApiError, Result},
    json::{Json, MaybeJson, NoBody},
    openapi::bounds,
    page::Paging,
    path::PathId,
    query::Query,
    tag::Expected,
};

use super::{
    campaigns::{View, made},
    settings_body::PatchBody,
};

/// `POST /campaigns/:id/start`: begins or resumes; SCHEDULED when the start time lies ahead, or the campaign recurs.
pub(super) async fn start(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<CampaignKind>,
    _: NoBody,
) -> Result<Answer<View>> {
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
) -> Result<Answer<View>> {
    act(door, id, CampaignAction::Pause, body).await
}

/// `POST /campaigns/:id/cancel`: ends for good. No call begins after this has answered.
pub(super) async fn cancel(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<CampaignKind>,
    MaybeJson(body): MaybeJson<StopBody>,
) -> Result<Answer<View>> {
    act(door, id, CampaignAction::Cancel, body).await
}

async fn act(
    door: Allowed<may::RunCampaigns>,
    id: CampaignId,
    action: CampaignAction,
    body: StopBody,
) -> Result<Answer<View>> {
    let in_flight = match body.in_flight {
        Some(InFlightBody::Hangup) => InFlight::HangUp,
        Some(InFlightBody::Finish) | None => InFlight::Finish,
    };
    let noted = match action {
        CampaignAction::Pause => "campaign.pause",
        CampaignAction::Cancel => "campaign.cancel",
        _ => "campaign.start",
    };
    let mut change = door.change(noted, move |campaign: &Campaign| {
        let detail = match in_flight {
            InFlight::HangUp => json!({ "status": campaign.state, "inFlight": "hangup" }),
            InFlight::Finish => json!({ "status": campaign.state }),
        };
        Reply::ok(View::from(campaign.clone())).about(id).with_detail(detail)
    });
    let receipt = change.receipt();
    change.engine().act_on_calls(change.workspace(), id, action, in_flight, receipt).await?;
    change.answer()
}

/// `PATCH /campaigns/:id`: changes a campaign in DRAFT or PAUSED.
pub(super) async fn edit(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<CampaignKind>,
    expected: Expected,
    Json(body): Json<PatchBody>,
) -> Result<Answer<View>> {
    let patch = body.check()?;
    let mut change = door.change("campaign.edit", move |campaign: &Changed<Campaign>| {
        let (before, after) = (View::from(campaign.before.clone()), View::from(campaign.after.clone()));
        let detail = difference(&before, &after);
        Reply::ok(after).tagged().about(id).with_detail(detail)
    });
    let receipt = change.receipt();
    let edit = |before: &Campaign, settings: &mut _| {
        expected.check(&View::from(before.clone()))?;
        patch.apply(settings);
        Ok(())
    };
    change.engine().edit_campaign(change.workspace(), id, edit, receipt).await?;
    change.answer()
}

#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CampaignClone)]
pub(super) struct CloneBody {
    #[schema(schema_with = bounds::maybe_name::<NAME_LIMIT>)]
    name: Option<String>,
    recipients: Option<bool>,
}

/// `POST /campaigns/:id/clone`: a new campaign with the same settings, and the same list unless told otherwise.
pub(super) async fn clone(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<CampaignKind>,
    MaybeJson(body): MaybeJson<CloneBody>,
) -> Result<Answer<View>> {
    let (name, with_recipients) = (new_name(body.name)?, body.recipients.unwrap_or(true));
    let mut change = door.change("campaign.clone", move |campaign| made_from(id, campaign));
    let receipt = change.receipt();
    change.engine().clone_campaign(change.workspace(), id, name, with_recipients, receipt).await?;
    change.answer()
}

#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CampaignRetry)]
pub(super) struct RetryBody {
    #[schema(schema_with = bounds::maybe_name::<NAME_LIMIT>)]
    name: Option<String>,
    #[schema(min_items = 1)]
    dispositions: Option<Vec<Disposition>>,
}

/// `POST /campaigns/:id/retry`: a new campaign for those of one that is over who ended so.
pub(super) async fn retry(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<CampaignKind>,
    MaybeJson(body): MaybeJson<RetryBody>,
) -> Result<Answer<View>> {
    let name = new_name(body.name)?;
    let dispositions = body.dispositions.unwrap_or_else(|| vec![Disposition::Exhausted]);
    if dispositions.is_empty() {
        return Err(ApiError::invalid("dispositions", "name at least one, or leave it out for EXHAUSTED"));
    }
    let mut change = door.change("campaign.retry", move |campaign| made_from(id, campaign));
    let receipt = change.receipt();
    change.engine().retry_campaign(change.workspace(), id, name, &dispositions, receipt).await?;
    change.answer()
}

/// The answer to a request that has made a campaign from another one.
fn made_from(source: CampaignId, campaign: &Campaign) -> Reply<View> {
    made(campaign).with_detail(json!({ "name": campaign.name, "from": source }))
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
