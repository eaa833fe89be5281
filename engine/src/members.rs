//! Members of a workspace. It never loses its last admin.

use ringfleet_core::{Role, UserId, WorkspaceId};
use ringfleet_store::{Member, Tx};

use crate::{Engine, EngineError, Receipt, Result};

impl Engine {
    /// Sets what a member may do.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], or [`EngineError::Conflict`] `LAST_ADMIN`.
    pub async fn set_member_role(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        role: Role,
        receipt: &Receipt<Member>,
    ) -> Result<()> {
        let mut tx = self.0.store.write().await?;
        let member = spare(&mut tx, workspace, user, role == Role::Admin).await?;
        tx.set_member_role(workspace, user, role).await?;
        receipt.write(&mut tx, &Member { role, ..member }, self.clock()).await?;
        Ok(tx.commit().await?)
    }

    /// Makes somebody, or oneself, no member any more. Keys they have made stay.
    ///
    /// # Errors
    /// As for [`Engine::set_member_role`].
    pub async fn remove_member(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        receipt: &Receipt<Member>,
    ) -> Result<()> {
        let mut tx = self.0.store.write().await?;
        let member = spare(&mut tx, workspace, user, false).await?;
        tx.delete_member(workspace, user).await?;
        receipt.write(&mut tx, &member, self.clock()).await?;
        Ok(tx.commit().await?)
    }
}

/// The member, with the workspace held so that two admins cannot go at once; an error when the last admin would be gone.
async fn spare(tx: &mut Tx, workspace: WorkspaceId, user: UserId, stays_admin: bool) -> Result<Member> {
    tx.hold_workspace(workspace).await?.ok_or(EngineError::NotFound("workspace"))?;
    let member = tx.member(workspace, user).await?.ok_or(EngineError::NotFound("member"))?;
    let was_admin = member.role == Role::Admin;
    if was_admin && !stays_admin && tx.other_admins(workspace, user).await? == 0 {
        return Err(EngineError::conflict(
            "LAST_ADMIN",
            "this is the last admin of the workspace; make another member an admin first, or delete the workspace",
        ));
    }
    Ok(member)
}
