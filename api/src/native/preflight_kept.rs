//! Preflights that were counted lately, for whoever can do with one of those: a list of a million takes seconds to be counted.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use ringfleet_core::{CampaignId, WorkspaceId, clock::Stopwatch};
use ringfleet_engine::{Engine, Preflight};
use ringfleet_store::Campaign;

use crate::error::{ApiError, Result};

/// One that is older than was asked for, by this factor at the most, is answered while it is counted anew.
const STALE: u32 = 5;
/// What nobody has counted for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(1_500);

/// What makes an older count worthless when it changes.
#[derive(Clone, PartialEq)]
struct Stand {
    campaign: Arc<Campaign>,
    /// How many are on its list.
    recipients: u64,
}

/// What a count has found.
#[derive(Clone)]
pub(super) struct Counted {
    stand: Stand,
    pub(super) found: Arc<Preflight>,
    /// When it was counted.
    pub(super) at: DateTime<Utc>,
    since: Stopwatch,
}

/// The counts of one campaign: the last one, and whoever counts holds the lock beside it.
#[derive(Default)]
struct Kept {
    last: Mutex<Option<Counted>>,
    counting: tokio::sync::Mutex<()>,
}

/// Those of all campaigns that somebody has looked ahead in, of one server.
#[derive(Default)]
pub(crate) struct Preflights(Mutex<HashMap<CampaignId, Arc<Kept>>>);

impl Preflights {
    /// A count that is at most `most` old. One of a campaign that has been changed since is none.
    pub(super) async fn at_most(
        &self,
        engine: &Engine,
        workspace: WorkspaceId,
        id: CampaignId,
        most: Duration,
    ) -> Result<Counted> {
        let stand = Stand::of(engine, workspace, id).await?;
        let kept = self.of(id);
        let known = kept.last.lock().clone().filter(|known| known.stand == stand);
        match known {
            Some(known) if known.since.elapsed() <= most => Ok(known),
            Some(known) if known.since.elapsed() <= most * STALE => {
                // Behind the request's back, and by one at a time.
                let engine = engine.clone();
                tokio::spawn(async move {
                    if let Ok(_counting) = kept.counting.try_lock()
                        && let Err(error) = kept.count(&engine, workspace, id).await
                    {
                        tracing::debug!(?error, campaign = %id, "a campaign could not be counted ahead");
                    }
                });
                Ok(known)
            }
            _ => {
                let asked = Stopwatch::start();
                let _counting = kept.counting.lock().await;
                // Whoever has counted while this one waited, has counted for both.
                let fresh = kept.last.lock().clone().filter(|known| known.since.elapsed() < asked.elapsed());
                match fresh {
                    Some(fresh) if fresh.stand == stand => Ok(fresh),
                    _ => kept.count(engine, workspace, id).await,
                }
            }
        }
    }

    fn of(&self, id: CampaignId) -> Arc<Kept> {
        let mut all = self.0.lock();
        // Of one that has no count somebody may be counting.
        let is_of_use = |kept: &Arc<Kept>| match &*kept.last.lock() {
            Some(last) => last.since.elapsed() < FORGOTTEN,
            None => Arc::strong_count(kept) > 1,
        };
        all.retain(|_, kept| is_of_use(kept));
        all.entry(id).or_default().clone()
    }
}

impl Stand {
    async fn of(engine: &Engine, workspace: WorkspaceId, id: CampaignId) -> Result<Self> {
        let mut tx = engine.store().read().await?;
        let campaign = tx.campaign(workspace, id).await?.ok_or_else(|| ApiError::not_found("campaign"))?;
        tx.commit().await?;
        let progress = engine.progress_of(workspace, &[id]).await?.pop();
        Ok(Self { campaign: campaign.into(), recipients: progress.map_or(0, |progress| progress.total) })
    }
}

impl Counted {
    pub(super) fn campaign(&self) -> &Campaign {
        &self.stand.campaign
    }
}

impl Kept {
    async fn count(&self, engine: &Engine, workspace: WorkspaceId, id: CampaignId) -> Result<Counted> {
        let (since, at) = (Stopwatch::start(), engine.clock().now());
        // As it stood before, so that what is added meanwhile makes this count an older one.
        let stand = Stand::of(engine, workspace, id).await?;
        let found = engine.preflight(workspace, id).await?.1.into();
        let counted = Counted { stand, found, at, since };
        *self.last.lock() = Some(counted.clone());
        Ok(counted)
    }
}
