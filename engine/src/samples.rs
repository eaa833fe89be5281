//! How campaigns come on, for whoever watches them: samples of their figures, taken while something is going on.

use std::num::NonZeroU32;

use chrono::{DateTime, TimeDelta, Utc};
use ringfleet_core::{
    CampaignId, Clock, Outcome, WorkspaceId,
    timeline::{Bucket, Point, SAMPLE_SECONDS, points, step_seconds},
};
use ringfleet_store::Sampled;

use crate::{Engine, EngineError, Result};

/// So long samples are kept as they were taken; then one a minute is.
const KEPT_WHOLE: TimeDelta = TimeDelta::days(2);
/// How far back housekeeping looks for samples to thin: longer than it may be away, or come by a calendar of its own.
const THINNED: TimeDelta = TimeDelta::days(7);
/// So long the rest of them is kept.
const KEPT: TimeDelta = TimeDelta::days(90);

/// What happened in a campaign, step by step.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// The length of a step, in seconds.
    pub step_seconds: i64,
    /// What happened in each, oldest first; no steps before the first sample and after the last.
    pub points: Vec<Point>,
}

impl Engine {
    /// Writes down how the campaigns with something going on stand. Any number of schedulers may do this at once: they do it at the same
    /// seconds.
    pub async fn take_samples(&self) -> Result<()> {
        let second = Clock::now(self.clock()).timestamp();
        let mut tx = self.0.store.read().await?;
        let campaigns = tx.campaigns_to_sample().await?;
        tx.commit().await?;
        if campaigns.is_empty() {
            return Ok(());
        }
        let answered: Vec<&str> =
            Outcome::ALL.iter().filter(|outcome| outcome.was_answered()).map(|o| o.as_str()).collect();
        let mut tx = self.0.store.write().await?;
        tx.take_samples(&campaigns, second - second.rem_euclid(SAMPLE_SECONDS), &answered).await?;
        Ok(tx.commit().await?)
    }

    /// Leaves one sample a minute of those that are old, and none of those that are very old.
    pub async fn forget_samples(&self) -> Result<()> {
        let now = Clock::now(self.clock());
        let whole = now - KEPT_WHOLE;
        let mut tx = self.0.store.write().await?;
        tx.thin_samples((whole - THINNED).timestamp(), whole.timestamp()).await?;
        tx.forget_samples((now - KEPT).timestamp()).await?;
        Ok(tx.commit().await?)
    }

    /// What happened in a campaign between two moments, in `most` steps and at most the part of one more, for steps begin where their length
    /// divides the time. Default: all its time, from its start to its end.
    pub async fn timeline(
        &self,
        workspace: WorkspaceId,
        id: CampaignId,
        (since, until): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
        most: NonZeroU32,
    ) -> Result<Timeline> {
        let now = Clock::now(self.clock());
        let mut tx = self.0.store.read().await?;
        let campaign = tx.campaign(workspace, id).await?.ok_or(EngineError::NotFound("campaign"))?;
        let since = since.or(campaign.started_at).unwrap_or(now).timestamp();
        let until = until.unwrap_or(campaign.finished_at.unwrap_or(now)).timestamp();
        let length = step_seconds(since, until, most);
        // Whole steps, so that the same step says the same whenever it is asked for.
        let from = since - since.rem_euclid(length);
        let before = tx.sample_before(id, from).await?.map(Bucket::from);
        let buckets = tx.samples(id, (from, until), length).await?;
        tx.commit().await?;
        let buckets: Vec<Bucket> = buckets.into_iter().map(Bucket::from).collect();
        Ok(Timeline { step_seconds: length, points: points(length, before, &buckets) })
    }

    /// What happened between the last two samples of a campaign; nothing before there are some.
    pub async fn last_point(&self, id: CampaignId) -> Result<Option<Point>> {
        let mut tx = self.0.store.read().await?;
        let Some(last) = tx.sample_before(id, i64::MAX).await? else { return Ok(None) };
        let before = tx.sample_before(id, last.second).await?;
        tx.commit().await?;
        let of_a_step = |sampled: Sampled| Bucket { step: sampled.second / SAMPLE_SECONDS, ..sampled.into() };
        Ok(points(SAMPLE_SECONDS, before.map(of_a_step), &[of_a_step(last)]).pop())
    }
}
