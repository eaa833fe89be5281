use std::{sync::Arc, time::Duration};

use ringfleet_engine::{Engine, EngineError};
use ringfleet_fleet::Member;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::identity::Identity;

/// Well below the silence after which a worker counts as dead, and below the life of a presence entry.
const PERIOD: Duration = Duration::from_secs(2);

/// Proves that this worker lives, until `over`: in the database for recovery, in the fleet for dispatch.
pub(crate) async fn beat(
    engine: Engine,
    identity: Arc<Identity>,
    live: Arc<Semaphore>,
    capacity: u32,
    draining: CancellationToken,
    over: CancellationToken,
) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = over.cancelled() => return,
        }
        let busy = capacity.saturating_sub(live.available_permits() as u32);
        let member = Member {
            id: identity.id().to_string(),
            role: "worker".into(),
            live: busy,
            capacity,
            version: env!("CARGO_PKG_VERSION").into(),
            draining: draining.is_cancelled(),
        };
        let announced = engine.fleet().presence().announce(member).await.map_err(|e| e.to_string());
        let proved = prove(&engine, &identity).await.map_err(|e| e.to_string());
        let outcome = announced.and(proved);
        match &outcome {
            Ok(()) if failing => tracing::info!("heartbeats get through again"),
            Err(error) if !failing => tracing::warn!(error, "a heartbeat did not get through; trying again"),
            _ => {}
        }
        failing = outcome.is_err();
    }
}

async fn prove(engine: &Engine, identity: &Identity) -> Result<(), EngineError> {
    let mut tx = engine.store().write().await?;
    let alive = tx.heartbeat(identity.id()).await?;
    tx.commit().await?;
    if alive { Ok(()) } else { identity.rise_again(engine).await }
}
