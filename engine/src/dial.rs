//! A worker's way to a call: load what it needs, begin it, report progress, send it back, take over an orphan.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use ringfleet_core::{CallId, Hold, WorkerId};
use ringfleet_fleet::Lane;
use ringfleet_store::{Answered, Begin, Dial, Kept, Store};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Engine, Result,
    batch::{Batcher, until_it_passes},
};

pub(crate) fn loader(store: Store, lanes: usize) -> Batcher<Uuid, Option<Dial>> {
    Batcher::new(lanes, move |ids: Vec<Uuid>| {
        let store = store.clone();
        async move {
            let mut tx = store.read_many().await?;
            let mut found: HashMap<Uuid, Dial> =
                tx.dials(&ids).await?.into_iter().map(|d| (d.id.uuid(), d)).collect();
            tx.commit().await?;
            // A job may come twice; the second to ask in one batch is told there is nothing to do.
            Ok(ids.iter().map(|id| found.remove(id)).collect())
        }
    })
}

/// Progress of a call that has begun.
#[derive(Clone)]
pub(crate) enum Mark {
    Answered(Answered),
    Resume(Kept),
}

pub(crate) fn marker(store: Store, lanes: usize) -> Batcher<Mark, bool> {
    Batcher::new(lanes, move |marks: Vec<Mark>| {
        let store = store.clone();
        async move {
            // Each call once, and in one order for everybody, so that nobody waits for another in a circle.
            let (mut answers, mut kept) = (BTreeMap::new(), BTreeMap::new());
            let mut ids = Vec::with_capacity(marks.len());
            for mark in marks {
                match mark {
                    Mark::Answered(answer) => {
                        ids.push(Some(answer.id));
                        answers.insert(answer.id, answer);
                    }
                    Mark::Resume(keep) => {
                        ids.push(None);
                        kept.insert(keep.id, keep); // the latest is what counts
                    }
                }
            }
            let mut tx = store.write_many().await?;
            let mut ours = HashSet::new();
            if !answers.is_empty() {
                let answers: Vec<Answered> = answers.into_values().collect();
                ours.extend(tx.answer_calls(&answers).await?);
            }
            if !kept.is_empty() {
                tx.keep_resumes(&kept.into_values().collect::<Vec<_>>()).await?;
            }
            tx.commit().await?;
            Ok(ids.into_iter().map(|id| id.is_none_or(|id| ours.contains(&id))).collect())
        }
    })
}

impl Engine {
    /// What a worker needs to dial this call; none when it is gone.
    pub async fn load(&self, id: CallId) -> Result<Option<Dial>> {
        self.0.loads.run(id.uuid()).await
    }

    /// Begins a call: the one compare-and-set that only one worker wins. False when it is not to be placed (any more).
    ///
    /// When this answers true, it is durable that it may reach the network, and `resume` is kept for recovery.
    pub async fn begin(&self, dial: &Dial, worker: WorkerId, resume: Value) -> Result<bool> {
        let wish = Begin { id: dial.id.uuid(), campaign: dial.campaign_id, worker: worker.uuid(), resume };
        self.0.begins.run(wish).await
    }

    /// Somebody picked up at `at`. False when the call is not this worker's any more.
    ///
    /// A call that is `over` before that could be written needs one write, not two: its ending brings the answer along
    /// ([`Settlement::answered_at`](crate::Settlement::answered_at)).
    pub async fn answered(
        &self,
        call: CallId,
        worker: WorkerId,
        at: DateTime<Utc>,
        over: &CancellationToken,
    ) -> Result<bool> {
        let mark = Mark::Answered(Answered { id: call.uuid(), worker: worker.uuid(), at });
        let note = || self.0.marks.run_unless(mark.clone(), over.cancelled());
        until_it_passes("an answer cannot be noted yet", call, note).await.map(|noted| noted.unwrap_or(true))
    }

    /// Keeps what the carrier now needs to find the call again.
    pub async fn keep_resume(&self, call: CallId, worker: WorkerId, resume: Value) -> Result<()> {
        let mark = Mark::Resume(Kept { id: call.uuid(), worker: worker.uuid(), resume });
        until_it_passes("recovery data cannot be kept yet", call, || self.0.marks.run(mark.clone()))
            .await
            .map(drop)
    }

    /// There is no room for this call now: it comes back at `at`. Nothing is consumed. `reason`: what is in the way, where the hold
    /// does not say it.
    pub async fn postpone(
        &self,
        id: CallId,
        at: DateTime<Utc>,
        hold: Hold,
        reason: Option<&str>,
    ) -> Result<()> {
        let mut tx = self.0.store.write().await?;
        if let Some(recipient) = tx.postpone_call(id, at, hold, reason).await? {
            tx.hold_recipients(&[recipient], hold).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Takes over up to `limit` calls whose worker died, to be resolved; what others take over is theirs.
    pub async fn adopt_orphans(&self, worker: WorkerId, limit: u32) -> Result<Vec<CallId>> {
        let mut tx = self.0.store.write().await?;
        let ours = tx.adopt_orphans(worker, limit).await?;
        tx.commit().await?;
        Ok(ours)
    }

    /// Gives a job back to the queue, for another worker to take.
    pub async fn hand_back(&self, lane: Lane, id: CallId) {
        self.hint(lane, &[id.uuid()]).await;
    }
}
