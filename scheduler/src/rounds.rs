use std::time::Duration;

use ringfleet_core::{Clock, SystemClock, clock::Stopwatch};
use ringfleet_engine::EngineError;
use ringfleet_telemetry::{LAST_ROUND, ROUND, ROUND_FAILURES};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// A round that takes longer has lost its database: a host that vanished answers nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// Does `work` every `period` until `stop`. Trouble is logged when it begins and when it is over, not every time.
pub(crate) async fn round<T, F, Fut>(name: &'static str, period: Duration, stop: &CancellationToken, work: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<T, EngineError>>,
{
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (took, failures, last) = (ROUND.of([name]), ROUND_FAILURES.of([name]), LAST_ROUND.of([name]));
    let mut failing = false;
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let watch = Stopwatch::start();
        let outcome = match tokio::time::timeout(PATIENCE, work()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(EngineError::TimedOut),
        };
        took.record(watch.elapsed());
        match &outcome {
            // Whoever scrapes compares it with their own clock.
            Ok(_) => last.set(SystemClock.now().timestamp_millis() as f64 / 1e3),
            Err(_) => failures.increment(1),
        }
        match &outcome {
            Ok(_) if failing => tracing::info!(round = name, "works again"),
            Err(error) if !failing => tracing::warn!(%error, round = name, "failed; it will be tried again"),
            _ => {}
        }
        failing = outcome.is_err();
    }
}
