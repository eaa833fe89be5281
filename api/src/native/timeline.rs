//! How a campaign came on, step by step.

use std::num::NonZeroU32;

use chrono::{DateTime, Utc};
use ringfleet_core::{id::CampaignKind, timeline::Point};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    path::PathId,
    query::{FromQuery, Parameters, Query},
};

/// Most points of one answer, and how many there are unless fewer are asked for.
const MOST_POINTS: u32 = 500;
const POINTS: u32 = 240;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CampaignTimeline)]
pub(super) struct View {
    step_seconds: i64,
    points: Vec<PointView>,
}

/// What happened in one step of time: calls and messages together.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CampaignTimelinePoint)]
pub(super) struct PointView {
    /// Its beginning.
    at: Moment,
    begun: u64,
    ended: u64,
    /// Of those that ended, those that somebody had answered.
    answered: u64,
    /// How many began in a second.
    per_second: f64,
    /// Calls that rang, and that talked, on average.
    ringing: f64,
    talking: f64,
}

impl From<Point> for PointView {
    fn from(point: Point) -> Self {
        let Point { second, begun, ended, answered, per_second, ringing, talking } = point;
        let at = DateTime::from_timestamp(second, 0).unwrap_or_default().into();
        Self { at, begun, ended, answered, per_second, ringing, talking }
    }
}

/// `?since=`, `?until=` and `?points=`.
pub(super) struct Asked {
    span: (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    points: NonZeroU32,
}

impl FromQuery for Asked {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        let (since, until) = (parameters.moment("since")?, parameters.moment("until")?);
        if since.zip(until).is_some_and(|(since, until)| since > until) {
            return Err(ApiError::invalid("until", "must not be before since"));
        }
        let points = parameters.whole("points", 1, MOST_POINTS, POINTS)?;
        Ok(Self { span: (since, until), points: NonZeroU32::new(points).unwrap_or(NonZeroU32::MIN) })
    }
}

/// `GET /campaigns/:id/timeline`: calls a second and live calls over time.
pub(super) async fn show(
    door: Allowed<may::Read>,
    PathId(id): PathId<CampaignKind>,
    Query(asked): Query<Asked>,
) -> Result<Reply<View>> {
    let timeline = door.engine().timeline(door.workspace(), id, asked.span, asked.points).await?;
    let points = timeline.points.into_iter().map(PointView::from).collect();
    Ok(Reply::ok(View { step_seconds: timeline.step_seconds, points }))
}
