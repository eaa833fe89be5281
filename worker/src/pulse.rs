use std::time::Duration;

use ringfleet_engine::EngineError;
use ringfleet_fleet::Member;
use ringfleet_telemetry::{CAPACITY, DRAINING, LIVE};
use tokio_util::sync::CancellationToken;

use crate::dial::Dialer;

/// Well below the silence after which a worker counts as dead, and below the life of a presence entry.
const PERIOD: Duration = Duration::from_secs(2);
/// How often it looks which calls to hang up: so often that two seconds after a campaign was stopped they are.
const HANG_UPS: Duration = Duration::from_millis(500);
/// A beat that takes longer is given up, so that the next one can get through.
const PATIENCE: Duration = Duration::from_secs(5);

/// Proves that this worker lives, until `over`: in the database for recovery, in the fleet for dispatch. Beside it, looks
/// after the calls of those who did not.
pub(crate) async fn beat(dialer: Dialer, capacity: u32, over: CancellationToken) {
    tokio::join!(
        every("a heartbeat", PERIOD, &over, || prove(&dialer)),
        every("an announcement", PERIOD, &over, || announce(&dialer, capacity)),
        every("a look after orphans", PERIOD, &over, || look_after_orphans(&dialer)),
        every("a look for calls to hang up", HANG_UPS, &over, || dialer.hang_up_what_was_stopped()),
    );
}

/// Trouble is logged when it begins and when it is over, not every time.
async fn every<F, Fut>(what: &str, period: Duration, over: &CancellationToken, work: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<(), EngineError>>,
{
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing = false;
    while over.run_until_cancelled(ticks.tick()).await.is_some() {
        let outcome = tokio::time::timeout(PATIENCE, work()).await.unwrap_or(Err(EngineError::TimedOut));
        match &outcome {
            Ok(()) if failing => tracing::info!("{what} gets through again"),
            Err(error) if !failing => tracing::warn!(%error, "{what} did not get through; trying again"),
            _ => {}
        }
        failing = outcome.is_err();
    }
}

async fn prove(dialer: &Dialer) -> Result<(), EngineError> {
    let mut tx = dialer.engine.store().write().await?;
    let alive = tx.heartbeat(dialer.identity.id()).await?;
    tx.commit().await?;
    match alive {
        Some(drains) => {
            dialer.drain.heard(drains);
            Ok(())
        }
        None => dialer.identity.rise_again(&dialer.engine, dialer.drain.is_on()).await,
    }
}

async fn announce(dialer: &Dialer, capacity: u32) -> Result<(), EngineError> {
    let live = capacity.saturating_sub(dialer.live.available_permits() as u32);
    let draining = dialer.stop.is_cancelled() || dialer.drain.is_on();
    LIVE.one().set(live);
    CAPACITY.one().set(capacity);
    DRAINING.one().set(u8::from(draining));
    let member = Member {
        id: dialer.identity.id().to_string(),
        role: "worker".into(),
        live,
        capacity,
        version: env!("CARGO_PKG_VERSION").into(),
        draining,
        speaks: Some(dialer.speech.is_some()),
    };
    Ok(dialer.engine.fleet().presence().announce(member).await?)
}

/// A worker that is about to end leaves them to the others.
async fn look_after_orphans(dialer: &Dialer) -> Result<(), EngineError> {
    if dialer.stop.is_cancelled() {
        return Ok(());
    }
    dialer.look_after_orphans().await
}
