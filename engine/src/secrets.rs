//! Secrets at rest, sealed anew when the keys of the configuration change.

use ringfleet_store::Store;
use uuid::Uuid;

use crate::{Engine, Result};

impl Engine {
    /// Seals anew, with the key that seals now, every secret that is not; in portions, as often as one likes. Gives how many rows.
    pub async fn reseal_secrets(&self) -> Result<u64> {
        reseal_secrets(&self.0.store).await
    }
}

/// [`Engine::reseal_secrets`] over a store alone.
///
/// # Errors
/// When one does not open with the keys there are; what was done before that stays.
pub async fn reseal_secrets(store: &Store) -> Result<u64> {
    const PORTION: u32 = 500;
    let mut tx = store.write().await?;
    let mut changed = tx.reseal_server_secrets().await?;
    tx.commit().await?;
    for trunks in [true, false] {
        let mut after = Uuid::nil();
        loop {
            let mut tx = store.write().await?;
            let done = match trunks {
                true => tx.reseal_trunks(after, PORTION).await?,
                false => tx.reseal_webhooks(after, PORTION).await?,
            };
            tx.commit().await?;
            changed += done.changed;
            let Some(last) = done.last else { break };
            after = last;
        }
    }
    Ok(changed)
}
