//! The processes of the installation and what waits for them, as whoever is on call sees them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use ringfleet_core::WorkerId;
use ringfleet_fleet::{Backlog, Member};
use ringfleet_store::Worker;

use crate::{Engine, EngineError, Receipt, Result};

/// A worker that has been heard of lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerNow {
    /// Its id, fresh with each start.
    pub id: WorkerId,
    /// The version of its program.
    pub version: String,
    /// Calls it has on the line.
    pub live: u32,
    /// Calls it can have on the line.
    pub capacity: u32,
    /// It takes no calls: it was asked not to, or is about to end.
    pub draining: bool,
    /// Somebody has asked it to take none.
    pub asked_to_drain: bool,
    /// When it started.
    pub started_at: DateTime<Utc>,
}

/// The fleet at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetNow {
    /// Its workers, those that have been there the longest first.
    pub workers: Vec<WorkerNow>,
    /// What waits, by lane.
    pub lanes: Vec<Backlog>,
    /// Whether several processes share it, over Redis and PostgreSQL.
    pub is_shared: bool,
}

/// What the workers can do. Where nobody knows, they can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hands {
    /// Some of them take calls.
    pub take_calls: bool,
    /// Some of those make speech of a text; so it is where there are none of those.
    pub speak: bool,
}

/// Nobody waits longer to hear what the workers can do.
const SOON: Duration = Duration::from_millis(500);

impl Hands {
    const UNKNOWN: Self = Self { take_calls: true, speak: true };

    fn of(members: &[Member]) -> Self {
        let is_at_work = |member: &&Member| member.role == "worker" && !member.draining;
        let at_work: Vec<&Member> = members.iter().filter(is_at_work).collect();
        let take_calls = !at_work.is_empty();
        Self { take_calls, speak: !take_calls || at_work.iter().any(|worker| worker.speaks != Some(false)) }
    }
}

impl Engine {
    /// Who works, and what waits.
    pub async fn fleet_now(&self) -> Result<FleetNow> {
        let lanes = self.fleet().lanes().await?;
        let mut tx = self.0.store.read().await?;
        let known = tx.living_workers().await?;
        tx.commit().await?;
        let members = self.fleet().presence().members().await?;
        let mut workers = with_figures(known, &members);
        workers.sort_by_key(|worker| worker.id);
        Ok(FleetNow { workers, lanes, is_shared: self.fleet().is_shared() })
    }

    /// What the workers can do at this moment, as far as they can be heard of.
    pub async fn hands(&self) -> Hands {
        let presence = self.fleet().presence();
        match tokio::time::timeout(SOON, presence.members()).await {
            Ok(Ok(members)) => Hands::of(&members),
            unheard => {
                tracing::debug!(?unheard, "nobody can tell what the workers can do");
                Hands::UNKNOWN
            }
        }
    }

    /// Whether a worker lives, as far as the database knows: it says more than whether it can be heard of at this moment.
    pub async fn worker_lives(&self, id: WorkerId) -> Result<bool> {
        let mut tx = self.0.store.read().await?;
        let known = tx.living_workers().await?;
        tx.commit().await?;
        Ok(known.iter().any(|worker| worker.id == id))
    }

    /// Asks a worker to take no calls, or to take calls again. It hears of it with its next heartbeat; calls on the line go on.
    pub async fn drain_worker(&self, id: WorkerId, drains: bool, receipt: Receipt<WorkerNow>) -> Result<()> {
        // Before the transaction: Redis may be slow, and the worker's heartbeat writes the same row.
        let members = self.fleet().presence().members().await?;
        let mut tx = self.0.store.write().await?;
        let known = tx.drain_worker(id, drains).await?.ok_or(EngineError::NotFound("worker"))?;
        let missing = EngineError::NotFound("worker");
        let worker = with_figures(vec![known], &members).pop().ok_or(missing)?;
        receipt.write(&mut tx, &worker, self.clock()).await?;
        tx.commit().await?;
        tracing::info!(worker = %id, drains, "a worker is asked whether to take calls");
        Ok(())
    }
}

/// These workers with what they say of themselves. One that has not announced itself yet, or whose word Redis has lost, is left out.
fn with_figures(known: Vec<Worker>, members: &[Member]) -> Vec<WorkerNow> {
    let with_figures = |worker: Worker| {
        let id = worker.id.to_string();
        let member = members.iter().find(|member| member.id == id)?;
        Some(WorkerNow {
            id: worker.id,
            version: member.version.clone(),
            live: member.live,
            capacity: member.capacity,
            draining: member.draining,
            asked_to_drain: worker.drains,
            started_at: worker.started_at,
        })
    };
    known.into_iter().filter_map(with_figures).collect()
}
