//! Probes trunks that rest after trouble, so that they open again when the far end is back.

use std::{sync::Arc, time::Duration};

use ringfleet_carriers::Registry;
use ringfleet_core::{TrunkId, trunk::TrunkConfig};
use ringfleet_engine::Engine;
use tokio_util::sync::CancellationToken;

/// How often it looks for trunks whose rest is over.
const LOOK: Duration = Duration::from_secs(1);

/// Probes until `stop`. Each trunk is probed by one worker at a time.
pub(crate) async fn probe_trunks(engine: Engine, carriers: Arc<Registry>, stop: CancellationToken) {
    let mut failing = false;
    while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
        match engine.take_probes().await {
            Ok(trunks) => {
                for (trunk, config) in trunks {
                    tokio::spawn(probe(engine.clone(), carriers.clone(), trunk, config));
                }
                failing = false;
            }
            Err(error) if !failing => {
                tracing::warn!(%error, "trunks that rest cannot be looked at; it will be tried again");
                failing = true;
            }
            Err(_) => {}
        }
    }
}

async fn probe(engine: Engine, carriers: Arc<Registry>, trunk: TrunkId, config: TrunkConfig) {
    let answer = match carriers.carrier(trunk, &config) {
        Ok(carrier) => carrier.probe().await,
        Err(error) => {
            tracing::error!(%error, %trunk, "a trunk cannot be used");
            Err("trunk_unusable")
        }
    };
    tracing::debug!(%trunk, ?answer, "a trunk was probed");
    if let Err(error) = engine.probed(trunk, answer).await {
        // Its lease runs out, and somebody probes it again.
        tracing::warn!(%error, %trunk, "what a probe came to could not be kept");
    }
}
