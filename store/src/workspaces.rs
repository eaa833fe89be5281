use chrono::{DateTime, Utc};
use ringfleet_core::{CampaignId, WorkspaceId, WorkspaceRules};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Page, Result, Timestamp, Tx,
    record::record,
    tx::{all, exec, on, one, page, scalar},
};

record! {
    /// The tenant.
    pub struct Workspace {
        /// Its id.
        pub id: WorkspaceId,
        /// Unique over the installation.
        pub name: String,
        /// What holds for all its campaigns.
        pub rules: WorkspaceRules,
        /// When it was deleted; nobody gets into it any more.
        pub deleted_at: Option<DateTime<Utc>>,
        /// When it was made.
        pub created_at: DateTime<Utc>,
    }
}

record! {
    /// A campaign of a deleted workspace.
    pub struct Stray {
        /// The workspace.
        pub workspace_id: WorkspaceId,
        /// The campaign.
        pub id: CampaignId,
    }
}

impl Tx {
    /// The workspace of this name; made if there is none. Two callers at once get the same one.
    pub async fn workspace_named(&mut self, name: &str, now: DateTime<Utc>) -> Result<Workspace> {
        exec!(
            self,
            "INSERT INTO workspaces (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
            WorkspaceId::new(now).uuid(),
            name,
            Timestamp(now)
        )?;
        let found = one!(self, Workspace, "SELECT * FROM workspaces WHERE name = $1", name)?;
        found.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }

    /// Makes a workspace. A name that another one has is a [`crate::StoreError::Duplicate`].
    pub async fn insert_workspace(&mut self, name: &str, now: DateTime<Utc>) -> Result<Workspace> {
        let id = WorkspaceId::new(now);
        let made = one!(
            self,
            Workspace,
            "INSERT INTO workspaces (id, name, created_at) VALUES ($1, $2, $3) RETURNING *",
            id.uuid(),
            name,
            Timestamp(now)
        )?;
        made.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }

    /// One workspace that is not deleted.
    pub async fn workspace(&mut self, id: WorkspaceId) -> Result<Option<Workspace>> {
        one!(self, Workspace, "SELECT * FROM workspaces WHERE id = $1 AND deleted_at IS NULL", id.uuid())
    }

    /// The workspace of this name.
    pub async fn workspace_by_name(&mut self, name: &str) -> Result<Option<Workspace>> {
        one!(self, Workspace, "SELECT * FROM workspaces WHERE name = $1 AND deleted_at IS NULL", name)
    }

    /// One workspace that is not deleted, held until the transaction ends, so that nothing is added to one that is being deleted.
    pub async fn hold_workspace(&mut self, id: WorkspaceId) -> Result<Option<Workspace>> {
        one!(
            self,
            Workspace,
            "SELECT * FROM workspaces WHERE id = $1 AND deleted_at IS NULL FOR UPDATE",
            id.uuid()
        )
    }

    /// A page of all workspaces of the installation, newest first.
    pub async fn workspaces(&mut self, page: Page) -> Result<Vec<Workspace>> {
        page!(
            self,
            Workspace,
            page,
            // None has the id that is all zeros.
            "SELECT * FROM workspaces WHERE deleted_at IS NULL AND id <> $1 AND id > $2 AND id < $3",
            "id",
            (uuid::Uuid::nil())
        )
    }

    /// Whether the installation has ever had a workspace.
    pub async fn has_workspaces(&mut self) -> Result<bool> {
        Ok(scalar!(self, i32, "SELECT 1 FROM workspaces LIMIT 1")?.is_some())
    }

    /// Gives it another name.
    pub async fn rename_workspace(&mut self, id: WorkspaceId, name: &str) -> Result<()> {
        exec!(self, "UPDATE workspaces SET name = $2 WHERE id = $1 AND deleted_at IS NULL", id.uuid(), name)?;
        Ok(())
    }

    /// Marks it deleted, and everything that opens it: keys, members, invitations. Its name is free again; its data stays.
    pub async fn delete_workspace(&mut self, id: WorkspaceId, now: DateTime<Utc>) -> Result<()> {
        let (uuid, at) = (id.uuid(), Timestamp(now));
        exec!(
            self,
            "UPDATE workspaces SET deleted_at = $2, name = name || $3 WHERE id = $1",
            uuid,
            at,
            &format!(" (deleted, {id})")
        )?;
        exec!(
            self,
            "UPDATE api_keys SET revoked_at = $2 WHERE workspace_id = $1 AND revoked_at IS NULL",
            uuid,
            at
        )?;
        exec!(self, "DELETE FROM members WHERE workspace_id = $1", uuid)?;
        exec!(self, "DELETE FROM invites WHERE workspace_id = $1", uuid)?;
        Ok(())
    }

    /// The workspace's campaigns that are not over.
    pub async fn open_campaigns(&mut self, id: WorkspaceId) -> Result<Vec<CampaignId>> {
        let found = on!(
            self,
            query_scalar::<Uuid>,
            "SELECT id FROM campaigns WHERE workspace_id = $1 AND state NOT IN ('FINISHED', 'CANCELLED', 'FAILED') ORDER BY id",
            (id.uuid()),
            fetch_all
        );
        let found: Vec<Uuid> = found?;
        Ok(found.into_iter().map(CampaignId::from).collect())
    }

    /// Campaigns that are not over although their workspace is deleted: they were made while it happened.
    pub async fn stray_campaigns(&mut self) -> Result<Vec<(WorkspaceId, CampaignId)>> {
        let found = all!(
            self,
            Stray,
            "SELECT c.workspace_id, c.id FROM workspaces w JOIN campaigns c ON c.workspace_id = w.id
             WHERE w.deleted_at IS NOT NULL AND c.state NOT IN ('FINISHED', 'CANCELLED', 'FAILED')"
        )?;
        Ok(found.into_iter().map(|stray| (stray.workspace_id, stray.id)).collect())
    }

    /// How many calls of the workspace ring or talk, or wait and belong to no campaign.
    pub async fn calls_under_way(&mut self, id: WorkspaceId) -> Result<i64> {
        let n = scalar!(
            self,
            i64,
            "SELECT count(*) FROM calls WHERE open AND state IN ('PENDING', 'TRIGGERED', 'ONGOING')
             AND (state <> 'PENDING' OR campaign_id IS NULL) AND workspace_id = $1",
            id.uuid()
        )?;
        Ok(n.unwrap_or(0))
    }

    /// The same, and nobody else changes it until this transaction ends.
    pub async fn workspace_for_update(&mut self, id: WorkspaceId) -> Result<Option<Workspace>> {
        one!(self, Workspace, "SELECT * FROM workspaces WHERE id = $1 FOR NO KEY UPDATE", id.uuid())
    }

    /// Replaces what holds for all campaigns of the workspace.
    pub async fn set_workspace_rules(&mut self, id: WorkspaceId, rules: &WorkspaceRules) -> Result<()> {
        exec!(self, "UPDATE workspaces SET rules = $2 WHERE id = $1", id.uuid(), Json(rules))?;
        Ok(())
    }
}
