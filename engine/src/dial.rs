//! A worker's way to a call: load what it needs, begin it, report progress, send it back, take over an orphan.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    iter,
    time::Duration,
};

use chrono::{DateTime, Utc};
use ringfleet_core::{CallId, Hold, WorkerId};
use ringfleet_fleet::Lane;
use ringfleet_store::{Answered, Background, Begin, Dial, Kept, Store};
use ringfleet_telemetry::trace;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Begun, Engine, Result,
    batch::{Batcher, until_it_passes},
    seats,
    tried::{history, tried_before, with_transcripts},
    verdict::count_holds,
};

pub(crate) fn loader(store: Store) -> Batcher<Uuid, Option<Dial>> {
    Batcher::new(move |ids: Vec<Uuid>| {
        let store = store.clone();
        async move {
            let mut tx = store.read_many().await?;
            let found: HashMap<Uuid, Dial> =
                tx.dials(&ids).await?.into_iter().map(|d| (d.id.uuid(), d)).collect();
            tx.commit().await?;
            // Several may ask for one at once: a job that comes twice, a provider's callbacks. Who may begin it is decided elsewhere.
            Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
        }
    })
}

/// How long the batcher of answers rests: of a call as short as this the ending is enough.
const ANSWERS_REST: Duration = Duration::from_millis(50);

pub(crate) fn answerer(store: Store) -> Batcher<Answered, bool> {
    Batcher::resting(ANSWERS_REST, move |mut answers: Vec<Answered>| {
        let store = store.clone();
        async move {
            let ids: Vec<Uuid> = answers.iter().map(|answer| answer.id).collect();
            answers.sort_by_key(|answer| answer.id); // one order for everybody
            let mut tx = store.write_many().await?;
            let ours: HashSet<Uuid> = tx.answer_calls(&answers).await?.into_iter().collect();
            seats::count(&mut tx, &answers, &ours).await?;
            tx.commit().await?;
            Ok(ids.iter().map(|id| ours.contains(id)).collect())
        }
    })
}

/// Keeps what carriers need to find their calls again.
pub(crate) fn keeper(store: Store) -> Batcher<Kept, ()> {
    Batcher::new(move |kept: Vec<Kept>| {
        let store = store.clone();
        async move {
            let answers = vec![(); kept.len()];
            // Each call once, with the latest that was given, and in one order for everybody.
            let kept: BTreeMap<Uuid, Kept> = kept.into_iter().map(|keep| (keep.id, keep)).collect();
            let mut tx = store.write_many().await?;
            tx.keep_resumes(&kept.into_values().collect::<Vec<_>>()).await?;
            tx.commit().await?;
            Ok(answers)
        }
    })
}

impl Engine {
    /// What a worker needs to dial this call; none when it is gone.
    pub async fn load(&self, id: CallId) -> Result<Option<Dial>> {
        self.0.loads.run(id.uuid()).await
    }

    /// The same for a call that is known to be a single one: it waits for no campaign's calls.
    pub async fn load_single(&self, id: CallId) -> Result<Option<Dial>> {
        self.0.single_loads.run(id.uuid()).await
    }

    /// What an agent is told of a call that may be handed over to it, and as JSON what was tried before with the same person and said then;
    /// none when it is gone.
    pub async fn background(&self, dial: &Dial) -> Result<Option<(Background, Option<String>)>> {
        let mut tx = self.0.store.read().await?;
        let background = tx.background(dial.id).await?;
        let tried = tried_before(&mut tx, dial.workspace_id, dial.recipient_id, dial.id).await?;
        let tried = with_transcripts(&mut tx, tried).await?;
        tx.commit().await?;
        Ok(background.map(|background| (background, history(tried))))
    }

    /// Begins a call: the one compare-and-set that only one worker wins. None when it is not to be placed (any more).
    ///
    /// When this gives what it shows, it is durable that it may reach the network, and `resume` is kept for recovery.
    pub async fn begin(&self, dial: &Dial, worker: WorkerId, resume: Value) -> Result<Option<Begun>> {
        let (id, campaign, trunk) = (dial.id.uuid(), dial.campaign_id, dial.trunk_id);
        let (caller_id, trunk_has_pool) = (dial.shows().map(str::to_owned), dial.trunk_has_pool);
        let agent_version = dial.agent_version;
        let (worker, traceparent) = (worker.uuid(), trace::current());
        let wish = Begin {
            id,
            campaign,
            trunk,
            caller_id,
            trunk_has_pool,
            agent_version,
            worker,
            resume,
            traceparent,
        };
        let begins = if campaign.is_some() { &self.0.begins } else { &self.0.single_begins };
        begins.run(wish).await
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
        let answer = Answered { id: call.uuid(), worker: worker.uuid(), at, seat: None };
        let note = || self.0.answers.run_unless(answer.clone(), over.cancelled());
        until_it_passes("an answer cannot be noted yet", call, note).await.map(|noted| noted.unwrap_or(true))
    }

    /// Keeps what the carrier now needs to find the call again.
    pub async fn keep_resume(&self, call: CallId, worker: WorkerId, resume: Value) -> Result<()> {
        let kept = Kept { id: call.uuid(), worker: worker.uuid(), resume };
        until_it_passes("recovery data cannot be kept yet", call, || self.0.resumes.run(kept.clone())).await
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
        tx.commit().await?;
        count_holds(iter::once(hold));
        Ok(())
    }

    /// Takes over up to `limit` calls whose worker died, to be resolved; what others take over is theirs.
    pub async fn adopt_orphans(&self, worker: WorkerId, limit: u32) -> Result<Vec<CallId>> {
        let mut tx = self.0.store.write_many().await?;
        let ours = tx.adopt_orphans(worker, limit).await?;
        tx.commit().await?;
        Ok(ours)
    }

    /// Gives a job back to the queue, for another worker to take.
    pub async fn hand_back(&self, lane: Lane, id: CallId) {
        self.hint(lane, &[id.uuid()]).await;
    }
}
