//! Changing a trunk: what is sent over it from the next call on.

use ringfleet_core::{TrunkId, WorkspaceId};
use ringfleet_store::{Trunk, TrunkHealth};

use crate::{Engine, EngineError, Receipt, Result, brake, edit::Changed};

const NO_TRUNK: EngineError = EngineError::NotFound("trunk");

impl Engine {
    /// One trunk of the workspace.
    ///
    /// # Errors
    /// When there is none.
    pub async fn trunk(&self, workspace: WorkspaceId, id: TrunkId) -> Result<Trunk> {
        let mut tx = self.0.store.read().await?;
        let trunk = tx.trunk(workspace, id).await?.ok_or(NO_TRUNK)?;
        tx.commit().await?;
        Ok(trunk)
    }

    /// Changes a trunk: the next call that begins on it goes by what it is then, and live ones go on as they began. Where its carrier's
    /// settings change, one that rests is asked at once.
    ///
    /// # Errors
    /// When there is none, or `change` refuses what it finds.
    pub async fn change_trunk(
        &self,
        workspace: WorkspaceId,
        id: TrunkId,
        change: impl FnOnce(&mut Trunk) -> Result<()>,
        receipt: Receipt<(Changed<Trunk>, Option<TrunkHealth>)>,
    ) -> Result<()> {
        let now = self.0.clock.now();
        let mut tx = self.0.store.write().await?;
        let before = tx.trunk_for_update(workspace, id).await?.ok_or(NO_TRUNK)?;
        let mut after = before.clone();
        change(&mut after)?;
        if after != before {
            tx.update_trunk(&after).await?;
        }
        if after.config != before.config {
            brake::renew(&mut tx, id, now).await?;
        }
        let health = tx.trunk_health(&[id.uuid()]).await?.pop();
        receipt.write(&mut tx, &(Changed { before, after }, health), self.clock()).await?;
        Ok(tx.commit().await?)
    }
}
