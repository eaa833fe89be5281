//! Repair: jobs that were lost, calls whose worker died, deliveries that are due again, imports that broke off.
//!
//! Every function here may be run by several schedulers at once and as often as one likes.

use std::time::Duration;

use chrono::{DateTime, Utc};
use ringfleet_core::{CallId, WorkerId};
use ringfleet_fleet::Lane;
use ringfleet_store::Waiting;
use ringfleet_telemetry::{ORPHANED, PUSHED_AGAIN, WORKERS_DEAD};
use uuid::Uuid;

use crate::{Engine, Result};

/// A job that has not been taken after this long has been lost if its lane is too short.
const LOST_AFTER: chrono::Duration = chrono::Duration::seconds(5);
/// A job that has not been taken after this long is pushed again, lost or not: jobs of others may hide that it is missing.
const LOST_FOR_SURE: chrono::Duration = chrono::Duration::seconds(30);
/// A lane with more jobs than this is given no second ones.
const LONG_LANE: u64 = 10_000;
/// A worker that has been silent for so long is dead.
pub const WORKER_SILENCE: Duration = Duration::from_secs(15);
/// An import that has not moved for so long is dead.
const IMPORT_SILENCE: chrono::Duration = chrono::Duration::seconds(60);
/// Most jobs pushed in one go.
const PUSH_LIMIT: u32 = 2000;

impl Engine {
    /// Pushes the jobs of calls and deliveries that have become due. Gives how many.
    pub async fn push_due(&self) -> Result<usize> {
        let now = self.0.clock.now();
        let mut tx = self.0.store.write().await?;
        let calls = tx.calls_to_push(PUSH_LIMIT, now).await?;
        let deliveries = tx.deliveries_to_push(None, PUSH_LIMIT, now).await?;
        tx.commit().await?;
        self.push_calls(&calls).await;
        self.hint(Lane::Deliver, &deliveries).await;
        Ok(calls.len() + deliveries.len())
    }

    /// Pushes jobs again that the fleet has lost. A job that was not lost comes twice by this, which the compare-and-set
    /// makes harmless. Gives how many.
    ///
    /// Jobs are missing when more calls or deliveries have waited for a while than a lane has jobs: then the lane was lost,
    /// and it is filled again at once. Whoever has waited for long is pushed again in any case, as long as the lane is short.
    pub async fn push_lost(&self) -> Result<usize> {
        let fleet = &self.0.fleet;
        let depths = (
            fleet.depth(Lane::Trigger).await,
            fleet.depth(Lane::Campaign).await,
            fleet.depth(Lane::Deliver).await,
        );
        let (Ok(trigger), Ok(campaign), Ok(deliver)) = depths else {
            return Ok(0); // the fleet is away; there is nowhere to push
        };
        let now = self.0.clock.now();
        let while_ago = now - LOST_AFTER;
        let mut tx = self.0.store.write().await?;
        let missing = tx.count_pushed_calls(while_ago).await? > trigger + campaign;
        let calls = match lost_before(missing, trigger + campaign, now) {
            Some(before) => tx.calls_to_push_again(before, PUSH_LIMIT, now).await?,
            None => Vec::new(),
        };
        let missing = tx.count_pushed_deliveries(while_ago, now).await? > deliver;
        let deliveries = match lost_before(missing, deliver, now) {
            Some(before) => tx.deliveries_to_push(Some(before), PUSH_LIMIT, now).await?,
            None => Vec::new(),
        };
        tx.commit().await?;
        if !calls.is_empty() || !deliveries.is_empty() {
            tracing::info!(
                calls = calls.len(),
                deliveries = deliveries.len(),
                "jobs may have been lost and are pushed again"
            );
        }
        PUSHED_AGAIN.of([Lane::Deliver.as_str()]).increment(deliveries.len() as u64);
        for lane in [Lane::Trigger, Lane::Campaign] {
            PUSHED_AGAIN.of([lane.as_str()]).increment(ids_of(&calls, lane).len() as u64);
        }
        self.push_calls(&calls).await;
        self.hint(Lane::Deliver, &deliveries).await;
        Ok(calls.len() + deliveries.len())
    }

    /// Declares workers dead that have been silent for `silence`, and makes the calls of the dead orphans, which living
    /// workers take over. Gives how many calls.
    ///
    /// Silence proves nothing to a watcher who could not have heard: call this with [`WORKER_SILENCE`] only after watching
    /// the database for that long, else with none.
    pub async fn find_orphans(&self, silence: Option<Duration>) -> Result<usize> {
        let mut tx = self.0.store.write_many().await?;
        let dead = match silence {
            Some(silence) => tx.bury_silent_workers(silence).await?,
            None => 0,
        };
        let orphans = tx.mark_orphans(self.0.clock.now()).await?.len();
        tx.commit().await?;
        if dead > 0 || orphans > 0 {
            tracing::warn!(dead_workers = dead, calls = orphans, "calls of dead workers are handed over");
        }
        WORKERS_DEAD.one().increment(dead);
        ORPHANED.one().increment(orphans as u64);
        Ok(orphans)
    }

    /// Makes orphans of calls that this worker has begun and does not follow: an answer of the database was lost, or an
    /// ending could not be written. `follows` tells which it follows. Gives how many.
    pub async fn disown_strays(&self, worker: WorkerId, follows: impl Fn(CallId) -> bool) -> Result<usize> {
        let mut tx = self.0.store.read_many().await?;
        let begun = tx.begun_by(worker).await?;
        tx.commit().await?;
        let strays: Vec<Uuid> = begun.into_iter().filter(|id| !follows(*id)).map(CallId::uuid).collect();
        if strays.is_empty() {
            return Ok(0);
        }
        let mut tx = self.0.store.write().await?;
        // Once more: one that was settled and begun again between the two looks has its follower.
        let strays: Vec<Uuid> = strays.into_iter().filter(|id| !follows(CallId::from(*id))).collect();
        let disowned = tx.disown_calls(worker, &strays, self.0.clock.now()).await?;
        tx.commit().await?;
        if disowned > 0 {
            tracing::warn!(
                calls = disowned,
                "calls were begun here and are followed by nobody; they are handed over"
            );
        }
        Ok(disowned as usize)
    }

    /// Closes imports whose server died. Gives how many.
    pub async fn close_dead_imports(&self) -> Result<u64> {
        let now = self.0.clock.now();
        let mut tx = self.0.store.write().await?;
        let closed = tx.fail_stalled_imports(now - IMPORT_SILENCE, now).await?;
        tx.commit().await?;
        Ok(closed)
    }

    async fn push_calls(&self, calls: &[Waiting]) {
        for lane in [Lane::Trigger, Lane::Campaign] {
            self.hint(lane, &ids_of(calls, lane)).await;
        }
    }
}

/// Those of the calls whose jobs go to this lane.
fn ids_of(calls: &[Waiting], lane: Lane) -> Vec<Uuid> {
    let is_single = lane == Lane::Trigger;
    calls.iter().filter(|call| call.campaign_id.is_none() == is_single).map(|call| call.id.uuid()).collect()
}

/// Jobs pushed before this moment are to be pushed again.
fn lost_before(missing: bool, depth: u64, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match missing {
        true => Some(now - LOST_AFTER),
        false => (depth < LONG_LANE).then(|| now - LOST_FOR_SURE),
    }
}
