use chrono::{DateTime, Utc};
use ringfleet_core::{ApiKeyId, Role, WorkspaceId, WorkspaceRules};
use sqlx::types::Json;

use crate::{
    Result, Timestamp, Tx,
    record::record,
    tx::{exec, on, one},
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
        /// When it was made.
        pub created_at: DateTime<Utc>,
    }
}

record! {
    /// An API key, without the key itself: only its SHA-256 is kept.
    pub struct Key {
        /// Its id.
        pub id: ApiKeyId,
        /// The workspace it opens.
        pub workspace_id: WorkspaceId,
        /// What it may do there.
        pub role: Role,
        /// Its first characters, which may be shown.
        pub prefix: String,
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

    /// One workspace.
    pub async fn workspace(&mut self, id: WorkspaceId) -> Result<Option<Workspace>> {
        one!(self, Workspace, "SELECT * FROM workspaces WHERE id = $1", id.uuid())
    }

    /// Replaces what holds for all campaigns of the workspace.
    pub async fn set_workspace_rules(&mut self, id: WorkspaceId, rules: &WorkspaceRules) -> Result<()> {
        exec!(self, "UPDATE workspaces SET rules = $2 WHERE id = $1", id.uuid(), Json(rules))?;
        Ok(())
    }

    /// Keeps a new key. `hash` is the SHA-256 of the whole key, `prefix` what may be shown of it.
    pub async fn insert_key(
        &mut self,
        workspace: WorkspaceId,
        role: Role,
        prefix: &str,
        hash: &[u8],
        now: DateTime<Utc>,
    ) -> Result<ApiKeyId> {
        let id = ApiKeyId::new(now);
        exec!(
            self,
            "INSERT INTO api_keys (id, workspace_id, role, prefix, hash, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
            id.uuid(),
            workspace.uuid(),
            role.as_str(),
            prefix,
            hash,
            Timestamp(now)
        )?;
        Ok(id)
    }

    /// The live key with this SHA-256.
    pub async fn key(&mut self, hash: &[u8]) -> Result<Option<Key>> {
        one!(
            self,
            Key,
            "SELECT id, workspace_id, role, prefix FROM api_keys WHERE hash = $1 AND revoked_at IS NULL",
            hash
        )
    }
}
