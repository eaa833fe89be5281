//! What a scheduler tells of the whole fleet, for no process sees it from its own work.

use std::time::Duration;

use ringfleet_core::brake::BrakeState;
use ringfleet_engine::{Engine, EngineError};
use ringfleet_telemetry::{ORPHANS, Reading, TRUNKS, WEBHOOKS_PENDING};
use tokio_util::sync::CancellationToken;

use crate::rounds::round;

/// How often the fleet is looked at.
const FLEET: Duration = Duration::from_secs(5);
/// How often the database is, which costs it more.
const DATABASE: Duration = Duration::from_secs(15);
/// So far webhooks are counted: what is beyond does not change what there is to do.
const COUNTED: u32 = 100_000;

/// Tells until `stop`.
pub(crate) async fn tell(engine: &Engine, stop: &CancellationToken) {
    tokio::join!(
        round("tell of the fleet", FLEET, stop, || of_the_fleet(engine)),
        round("tell of what waits", DATABASE, stop, || of_what_waits(engine)),
    );
}

async fn of_the_fleet(engine: &Engine) -> Result<(), EngineError> {
    engine.workload().await?.readings().iter().for_each(Reading::record);
    Ok(())
}

async fn of_what_waits(engine: &Engine) -> Result<(), EngineError> {
    let mut tx = engine.store().read().await?;
    let (trunks, pending) = (tx.count_trunk_health().await?, tx.count_pending_deliveries(COUNTED).await?);
    let orphans = tx.count_orphans().await?;
    tx.commit().await?;
    for state in BrakeState::ALL {
        // One that has no trunks any more is told as well.
        let in_state = trunks.iter().find(|(of, _)| of == state).map_or(0, |(_, n)| *n);
        TRUNKS.of([state.as_str()]).set(in_state as f64);
    }
    WEBHOOKS_PENDING.one().set(pending as f64);
    ORPHANS.one().set(orphans as f64);
    Ok(())
}
