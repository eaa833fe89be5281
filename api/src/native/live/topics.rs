//! What can be watched, and how it looks.

use ringfleet_core::{CampaignId, CampaignState, UploadId, WorkspaceId};
use ringfleet_engine::{CampaignProgress, Engine};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::{fleet, sessions, stats::StatsView, timeline::PointView, uploads};
use crate::{
    error::{ApiError, Result},
    openapi::Draft,
};

/// Something that can be watched.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Topic {
    /// One campaign, with its figures.
    Campaign(CampaignId),
    /// How far campaigns are.
    Progress(Vec<CampaignId>),
    /// The calls that ring or talk, of one campaign or all.
    Calls(Option<CampaignId>),
    /// Workers and lanes.
    Fleet,
    /// Uploads that are being looked through.
    Uploads(Vec<UploadId>),
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LiveCampaign)]
struct CampaignNow {
    campaign_id: CampaignId,
    name: String,
    status: CampaignState,
    reason: Option<String>,
    stats: StatsView,
    /// The last point of its timeline.
    point: Option<PointView>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LiveProgress)]
struct ProgressNow {
    campaign_id: CampaignId,
    status: CampaignState,
    total: u64,
    done: u64,
    reached: u64,
    ringing: u64,
    talking: u64,
}

impl From<CampaignProgress> for ProgressNow {
    fn from(progress: CampaignProgress) -> Self {
        let CampaignProgress { id, state, total, done, reached, ringing, talking } = progress;
        Self { campaign_id: id, status: state, total, done, reached, ringing, talking }
    }
}

/// Adds what the events hold to the description.
pub(super) fn describe(draft: &mut Draft) {
    draft.of::<CampaignNow>();
    draft.of::<Vec<ProgressNow>>();
    draft.of::<sessions::LiveView>();
    draft.of::<fleet::View>();
    draft.of::<Vec<uploads::View>>();
}

impl Topic {
    /// The name of its events.
    pub(super) fn event(&self) -> &'static str {
        match self {
            Self::Campaign(_) => "campaign",
            Self::Progress(_) => "progress",
            Self::Calls(_) => "calls",
            Self::Fleet => "fleet",
            Self::Uploads(_) => "uploads",
        }
    }

    /// How it is now, as JSON.
    ///
    /// # Errors
    /// When a campaign or an upload is not there, or the database is not.
    pub(super) async fn read(&self, engine: &Engine, workspace: WorkspaceId) -> Result<String> {
        match self {
            Self::Campaign(id) => json(&campaign(engine, workspace, *id).await?),
            Self::Progress(ids) => {
                let found = engine.progress_of(workspace, ids).await?;
                json(&found.into_iter().map(ProgressNow::from).collect::<Vec<_>>())
            }
            Self::Calls(campaign) => json(&sessions::LiveView::read(engine, workspace, *campaign).await?),
            Self::Fleet => json(&fleet::View::from(engine.fleet_now().await?)),
            Self::Uploads(ids) => json(&read_uploads(engine, workspace, ids).await?),
        }
    }
}

fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| {
        tracing::error!(%error, "an event cannot be written");
        ApiError::internal()
    })
}

async fn campaign(engine: &Engine, workspace: WorkspaceId, id: CampaignId) -> Result<CampaignNow> {
    let (campaign, stats) = engine.stats(workspace, id).await?;
    let point = engine.last_point(id).await?.map(PointView::from);
    let stats = StatsView::new(campaign.state, &stats);
    let (name, reason) = (campaign.name, campaign.reason);
    Ok(CampaignNow { campaign_id: id, name, status: campaign.state, reason, stats, point })
}

async fn read_uploads(
    engine: &Engine,
    workspace: WorkspaceId,
    ids: &[UploadId],
) -> Result<Vec<uploads::View>> {
    let mut tx = engine.store().read().await?;
    let mut found = Vec::new();
    for id in ids {
        found.extend(tx.upload(workspace, *id).await?.map(uploads::View::from));
    }
    tx.commit().await?;
    Ok(found)
}
