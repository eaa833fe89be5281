//! A worker's way to a call: load what it needs, begin it, report progress, send it back, take over an orphan.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use ringfleet_core::{CallId, Clock, Hold, WorkerId, event::EventType};
use ringfleet_fleet::Lane;
use ringfleet_store::{Begin, Dial, Store};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    Engine, Result,
    batch::{Batcher, until_it_passes},
    brake,
    publish::{Hints, call_fact, publish},
};

pub(crate) fn loader(store: Store, lanes: usize) -> Batcher<Uuid, Option<Dial>> {
    Batcher::new(lanes, move |ids: Vec<Uuid>| {
        let store = store.clone();
        async move {
            let mut tx = store.read().await?;
            let mut found: HashMap<Uuid, Dial> =
                tx.dials(&ids).await?.into_iter().map(|d| (d.id.uuid(), d)).collect();
            tx.commit().await?;
            // A job may come twice; the second to ask in one batch is told there is nothing to do.
            Ok(ids.iter().map(|id| found.remove(id)).collect())
        }
    })
}

pub(crate) fn beginner(
    store: Store,
    hints: Hints,
    clock: Arc<dyn Clock>,
    lanes: usize,
) -> Batcher<Begin, bool> {
    Batcher::new(lanes, move |wishes| {
        let (store, hints, clock) = (store.clone(), hints.clone(), clock.clone());
        async move { begin(&store, &hints, clock.now(), wishes).await }
    })
}

/// PENDING → TRIGGERED for those of `wishes` that win. Holding the campaigns makes a pause wait for this transaction, and
/// this transaction wait for a pause: after a pause has been answered nothing begins.
async fn begin(store: &Store, hints: &Hints, now: DateTime<Utc>, wishes: Vec<Begin>) -> Result<Vec<bool>> {
    let campaigns: Vec<Uuid> = wishes.iter().filter_map(|w| w.campaign.map(|c| c.uuid())).collect();
    let mut tx = store.write().await?;
    tx.hold_campaigns(&campaigns).await?;
    let admitted = brake::admit(&mut tx, &wishes, now).await?;
    let begun = tx.begin_calls(&admitted.wishes, now).await?;
    admitted.keep(&mut tx, &begun, now).await?;
    let calls = tx.calls_by_id(&begun).await?;
    let recipients: Vec<Uuid> = calls.iter().filter_map(|c| c.recipient_id.map(|r| r.uuid())).collect();
    tx.activate_recipients(&recipients).await?;
    let first = calls.iter().filter(|call| call.placements == 1); // coming back after a hold is not news
    let facts = first.map(|call| call_fact(EventType::SessionStarted, call)).collect();
    let deliveries = publish(&mut tx, facts, now).await?;
    tx.commit().await?;
    hints.deliveries(&deliveries);
    let mut begun: HashSet<Uuid> = begun.into_iter().collect();
    Ok(wishes.iter().map(|w| begun.remove(&w.id)).collect())
}

/// Progress of a call that has begun.
#[derive(Clone)]
pub(crate) enum Mark {
    Answered { call: CallId, worker: WorkerId, at: DateTime<Utc> },
    Resume { call: CallId, worker: WorkerId, resume: Value },
}

pub(crate) fn marker(store: Store, lanes: usize) -> Batcher<Mark, bool> {
    Batcher::new(lanes, move |marks: Vec<Mark>| {
        let store = store.clone();
        async move {
            let mut tx = store.write().await?;
            let mut ours = Vec::with_capacity(marks.len());
            for mark in marks {
                ours.push(match mark {
                    Mark::Answered { call, worker, at } => tx.answer_call(call, worker, at).await?,
                    Mark::Resume { call, worker, resume } => {
                        tx.set_resume(call, worker, &resume).await?;
                        true
                    }
                });
            }
            tx.commit().await?;
            Ok(ours)
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
        let (id, campaign, trunk) = (dial.id.uuid(), dial.campaign_id, dial.trunk_id);
        let wish = Begin { id, campaign, trunk, worker: worker.uuid(), resume };
        self.0.begins.run(wish).await
    }

    /// Somebody picked up at `at`. False when the call is not this worker's any more.
    pub async fn answered(&self, call: CallId, worker: WorkerId, at: DateTime<Utc>) -> Result<bool> {
        let mark = Mark::Answered { call, worker, at };
        until_it_passes("an answer cannot be noted yet", call, || self.0.marks.run(mark.clone())).await
    }

    /// Keeps what the carrier now needs to find the call again.
    pub async fn keep_resume(&self, call: CallId, worker: WorkerId, resume: Value) -> Result<()> {
        let mark = Mark::Resume { call, worker, resume };
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
