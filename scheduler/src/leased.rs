//! Uploads are looked through and fill campaigns, people are erased: long work, each piece held by a lease.

use std::time::Duration;

use ringfleet_engine::{Engine, EngineError};
use tokio_util::sync::CancellationToken;

/// How often somebody looks for work when there was none.
const LOOK: Duration = Duration::from_millis(500);
/// How long nobody does after trouble.
const REST: Duration = Duration::from_secs(2);

/// Does what there is until `stop`. What is interrupted goes on elsewhere, or here, when its lease has run out.
pub(crate) async fn work(engine: &Engine, stop: &CancellationToken) {
    tokio::join!(
        again("looking through an upload", stop, || engine.validate_next_upload()),
        again("filling a campaign from an upload", stop, || engine.fill_next()),
        again("erasing a person", stop, || engine.erase_next()),
    );
}

async fn again<F, Fut>(what: &str, stop: &CancellationToken, next: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<bool, EngineError>>,
{
    loop {
        let rest = match stop.run_until_cancelled(next()).await {
            None => return,
            Some(Ok(true)) => continue,
            Some(Ok(false)) => LOOK,
            Some(Err(error)) => {
                tracing::warn!(%error, "{what} was interrupted; it will be tried again");
                REST
            }
        };
        if stop.run_until_cancelled(tokio::time::sleep(rest)).await.is_none() {
            return;
        }
    }
}
