//! Pools of caller IDs: in requests, and what is shown of each number today.

use ringfleet_core::{CallerIds, CampaignId, E164, caller_ids::Rotation, id::CampaignKind};
use ringfleet_engine::PoolToday;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    path::PathId,
};

/// A pool as requests write it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewCallerIds)]
pub(super) struct Body {
    #[schema(min_items = 1)]
    numbers: Vec<E164>,
    rotation: Option<Rotation>,
    daily_cap: Option<u32>,
}

impl Body {
    /// Checks every rule; the first that is broken is named by its field.
    pub(super) fn check(self) -> Result<CallerIds> {
        let Self { numbers, rotation, daily_cap } = self;
        let pool = CallerIds { numbers, rotation: rotation.unwrap_or_default(), daily_cap };
        pool.validate().map_err(|(field, problem)| ApiError::invalid(field, problem))?;
        Ok(pool)
    }
}

/// What a campaign shows, and what was shown of it today.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallerIdsToday)]
pub(super) struct View {
    campaign_id: CampaignId,
    /// `campaign` or `trunk`: whose pool it is; null when the campaign has none and shows the caller ID of its trunk.
    pool_of: Option<&'static str>,
    rotation: Option<Rotation>,
    daily_cap: Option<u32>,
    day: Option<String>,
    day_ends_at: Option<Moment>,
    /// How many more calls of the day may show one of them; null without a cap.
    left_today: Option<u64>,
    numbers: Vec<Shown>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallerIdsTodayShown)]
struct Shown {
    number: E164,
    calls_today: u32,
}

/// `GET /campaigns/:id/caller-ids`: the numbers a campaign shows, with the calls of the workspace that showed each today.
pub(super) async fn show(door: Allowed<may::Read>, PathId(id): PathId<CampaignKind>) -> Result<Reply<View>> {
    let today = door.engine().caller_ids(door.workspace(), id).await?;
    Ok(Reply::ok(View::new(id, today)))
}

impl View {
    fn new(campaign_id: CampaignId, today: Option<PoolToday>) -> Self {
        let pool = today.as_ref().map(|today| &today.pool);
        let shown = |today: &PoolToday, number| Shown { number, calls_today: today.calls(number) };
        Self {
            campaign_id,
            pool_of: today.as_ref().map(|today| if today.of_trunk { "trunk" } else { "campaign" }),
            rotation: pool.map(|pool| pool.rotation),
            daily_cap: pool.and_then(|pool| pool.daily_cap),
            day: today.as_ref().map(|today| today.day.date().to_string()),
            day_ends_at: Moment::maybe(today.as_ref().map(|today| today.day.ends_at)),
            left_today: today.as_ref().and_then(PoolToday::left),
            numbers: today
                .iter()
                .flat_map(|today| today.pool.numbers.iter().map(move |number| shown(today, *number)))
                .collect(),
        }
    }
}
