//! Passes on what any process hears of calls that this one follows.

use std::sync::Arc;

use ringfleet_carriers::Registry;
use ringfleet_engine::Engine;
use tokio_util::sync::CancellationToken;

/// Listens until `over`: live calls are hinted at while a worker drains as well.
pub(crate) async fn pass_on(engine: Engine, carriers: Arc<Registry>, over: CancellationToken) {
    let hints = engine.fleet().hints().clone();
    hints.listen(|hint| carriers.hint(hint.call.into(), hint.note), &over).await;
}
