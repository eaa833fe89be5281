use parking_lot::RwLock;
use ringfleet_core::{Clock, WorkerId};
use ringfleet_engine::{Engine, EngineError};
use tokio_util::sync::CancellationToken;

/// Under which id this process works, and the token that hangs up the calls begun under it.
pub(crate) struct Identity(RwLock<(WorkerId, CancellationToken)>);

impl Identity {
    /// Enters a fresh id into the database.
    pub(crate) async fn announce(engine: &Engine) -> Result<Self, EngineError> {
        Ok(Self(RwLock::new((enter(engine, false).await?, CancellationToken::new()))))
    }

    pub(crate) fn id(&self) -> WorkerId {
        self.0.read().0
    }

    /// The id, and the token under which calls begun with it are hung up.
    pub(crate) fn current(&self) -> (WorkerId, CancellationToken) {
        self.0.read().clone()
    }

    pub(crate) fn hang_up_all(&self) {
        self.0.read().1.cancel();
    }

    /// This worker has been declared dead: its calls are somebody else's now, so they are hung up here, and it goes on as
    /// another, which is asked to take no calls where it was.
    pub(crate) async fn rise_again(&self, engine: &Engine, drains: bool) -> Result<(), EngineError> {
        let id = enter(engine, drains).await?;
        let (old, calls) = std::mem::replace(&mut *self.0.write(), (id, CancellationToken::new()));
        tracing::error!(worker = %old, now = %id, "this worker was declared dead; its calls are hung up and it goes on under a new id");
        calls.cancel();
        Ok(())
    }

    /// Leaves the database; calls still open become orphans at once.
    pub(crate) async fn retire(&self, engine: &Engine) {
        let id = self.id();
        let left: Result<(), EngineError> = async {
            let mut tx = engine.store().write().await?;
            tx.retire_worker(id).await?;
            Ok(tx.commit().await?)
        }
        .await;
        if let Err(error) = left {
            tracing::warn!(%error, worker = %id, "could not sign off; the heartbeat will run out");
        }
        if let Err(error) = engine.fleet().presence().leave(&id.to_string()).await {
            tracing::warn!(%error, worker = %id, "could not leave the list of members; the entry will fade");
        }
    }
}

async fn enter(engine: &Engine, drains: bool) -> Result<WorkerId, EngineError> {
    let id = WorkerId::new(Clock::now(engine.clock()));
    let mut tx = engine.store().write().await?;
    tx.insert_worker(id).await?;
    if drains {
        tx.drain_worker(id, true).await?;
    }
    tx.commit().await?;
    Ok(id)
}
