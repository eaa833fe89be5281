//! Workspaces: made, renamed, deleted.

use ringfleet_core::{Actor, CampaignAction, Role, UserId, WorkspaceId};
use ringfleet_store::{StoreError, Tx, User, Workspace};
use serde_json::json;

use crate::{Deed, Engine, EngineError, InFlight, Receipt, Result};

impl Engine {
    /// Makes a workspace whose admin is this user.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] when the name is taken.
    pub async fn create_workspace(
        &self,
        user: UserId,
        name: &str,
        request_id: Option<String>,
    ) -> Result<Workspace> {
        let mut tx = self.0.store.write().await?;
        let user = tx.user(user).await?.ok_or(EngineError::Unauthorized("log in again"))?;
        let workspace = self.found(&mut tx, &user, name, request_id).await?;
        tx.commit().await?;
        Ok(workspace)
    }

    /// Makes a workspace for this user in this transaction.
    pub(crate) async fn found(
        &self,
        tx: &mut Tx,
        user: &User,
        name: &str,
        request_id: Option<String>,
    ) -> Result<Workspace> {
        let now = self.0.clock.now();
        let made = tx.insert_workspace(name, now).await.map_err(name_taken)?;
        tx.insert_member(made.id, user.id, Role::Admin, now).await?;
        let actor = Actor::user(user.id, &user.email);
        let deed = Deed { workspace: made.id, actor, action: "workspace.create", request_id };
        self.note(tx, deed, made.id.into(), json!({ "name": name })).await?;
        Ok(made)
    }

    /// Gives a workspace another name.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] when the name is taken.
    pub async fn rename_workspace(
        &self,
        id: WorkspaceId,
        name: &str,
        receipt: &Receipt<Workspace>,
    ) -> Result<()> {
        let mut tx = self.0.store.write().await?;
        let held = tx.hold_workspace(id).await?.ok_or(EngineError::NotFound("workspace"))?;
        tx.rename_workspace(id, name).await.map_err(name_taken)?;
        receipt.write(&mut tx, &Workspace { name: name.to_owned(), ..held }, self.clock()).await?;
        Ok(tx.commit().await?)
    }

    /// Deletes a workspace: cancels its campaigns, and ends its keys, memberships and invitations. Its data stays.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] `CALLS_LIVE` while calls are under way. Campaigns may have been cancelled then only if a call
    /// began while this was being done.
    pub async fn delete_workspace(&self, id: WorkspaceId, receipt: &Receipt<()>) -> Result<()> {
        let mut tx = self.0.store.read().await?;
        no_calls(tx.calls_under_way(id).await?)?;
        let campaigns = tx.open_campaigns(id).await?;
        tx.commit().await?;
        for campaign in campaigns {
            self.cancel_if_open(id, campaign).await?;
        }
        let mut tx = self.0.store.write().await?;
        tx.hold_workspace(id).await?.ok_or(EngineError::NotFound("workspace"))?;
        no_calls(tx.calls_under_way(id).await?)?;
        tx.delete_workspace(id, self.0.clock.now()).await?;
        receipt.write(&mut tx, &(), self.clock()).await?;
        Ok(tx.commit().await?)
    }

    /// Cancels what was made or started in a workspace while it was being deleted.
    pub async fn cancel_strays(&self) -> Result<usize> {
        let mut tx = self.0.store.read().await?;
        let strays = tx.stray_campaigns().await?;
        tx.commit().await?;
        for &(workspace, campaign) in &strays {
            self.cancel_if_open(workspace, campaign).await?;
        }
        Ok(strays.len())
    }

    async fn cancel_if_open(&self, id: WorkspaceId, campaign: ringfleet_core::CampaignId) -> Result<()> {
        let receipt = self.own_receipt(id, campaign, "campaign.cancel", Some("WORKSPACE_DELETED"));
        match self.act_on_calls(id, campaign, CampaignAction::Cancel, InFlight::Finish, receipt).await {
            Ok(_) | Err(EngineError::WrongState(_)) => Ok(()), // it may just have come to its end
            Err(error) => Err(error),
        }
    }
}

fn no_calls(n: i64) -> Result<()> {
    match n {
        0 => Ok(()),
        n => Err(EngineError::conflict(
            "CALLS_LIVE",
            format!(
                "{n} calls of this workspace are under way; pause its campaigns with inFlight hangup, or wait for the calls to end"
            ),
        )),
    }
}

fn name_taken(error: StoreError) -> EngineError {
    match error {
        StoreError::Duplicate(_) => {
            EngineError::conflict("ALREADY_EXISTS", "another workspace has this name; choose another one")
        }
        other => other.into(),
    }
}
