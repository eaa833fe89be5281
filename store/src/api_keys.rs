use chrono::{DateTime, TimeDelta, Utc};
use ringfleet_core::{ApiKeyId, Role, Scope, Scopes, WorkspaceId};
use sqlx::types::Json;

use crate::{
    Page, Result, Store, Timestamp, Tx,
    record::record,
    store::alone,
    tx::{all, exec, on, one, page},
};

record! {
    /// An API key, without the key itself: only its SHA-256 is kept.
    pub struct Key {
        /// Its id; a rotated key keeps it.
        pub id: ApiKeyId,
        /// The workspace it opens.
        pub workspace_id: WorkspaceId,
        /// What people call it.
        pub name: String,
        /// Its first characters, which may be shown.
        pub prefix: String,
        /// What it may do there.
        pub role: Role,
        /// What it is kept to; none: all that its role may.
        pub scopes: Option<Vec<Scope>>,
        /// Requests a minute; none: as the server's settings say.
        pub rate_limit: Option<i32>,
        /// When it ends by itself.
        pub expires_at: Option<DateTime<Utc>>,
        /// When it was last used, to the minute.
        pub last_used_at: Option<DateTime<Utc>>,
        /// When it was made.
        pub created_at: DateTime<Utc>,
    }
}

impl Key {
    /// What it is kept to.
    pub fn kept_to(&self) -> Scopes {
        self.scopes.as_ref().map_or(Scopes::ALL, |scopes| Scopes::only(scopes.iter().copied()))
    }
}

/// What a key is made of.
#[derive(Debug, Clone)]
pub struct NewApiKey<'a> {
    /// The workspace it opens.
    pub workspace: WorkspaceId,
    /// What people call it.
    pub name: &'a str,
    /// What it may do there.
    pub role: Role,
    /// What it is kept to.
    pub scopes: Scopes,
    /// Requests a minute.
    pub rate_limit: Option<u32>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// What may be shown of it.
    pub prefix: &'a str,
    /// SHA-256 of the whole key.
    pub hash: &'a [u8],
}

/// How exactly a key's last use is kept.
const LAST_USED: TimeDelta = TimeDelta::minutes(1);

impl Key {
    /// Whether its last use has to be written down again.
    pub fn use_is_old(&self, now: DateTime<Utc>) -> bool {
        self.last_used_at.is_none_or(|at| at + LAST_USED <= now)
    }
}

impl Store {
    /// The key with this SHA-256, if it opens anything at this moment. One statement by itself: it is run for every request.
    pub async fn key(&self, hash: &[u8], now: DateTime<Utc>) -> Result<Option<Key>> {
        alone!(
            self,
            Key,
            "SELECT id, workspace_id, name, prefix, role, scopes, rate_limit, expires_at, last_used_at, created_at
             FROM api_keys WHERE hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)",
            hash,
            Timestamp(now)
        )
    }
}

impl Tx {
    /// Keeps a new key.
    pub async fn insert_key(&mut self, new: &NewApiKey<'_>, now: DateTime<Utc>) -> Result<Key> {
        let made = one!(
            self,
            Key,
            "INSERT INTO api_keys (id, workspace_id, name, role, scopes, rate_limit, expires_at, prefix, hash, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING *",
            ApiKeyId::new(now).uuid(),
            new.workspace.uuid(),
            new.name,
            new.role.as_str(),
            new.scopes.named().map(Json),
            new.rate_limit.map(|limit| limit as i32),
            new.expires_at.map(Timestamp),
            new.prefix,
            new.hash,
            Timestamp(now)
        )?;
        made.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }

    /// A page of the workspace's keys that were not revoked, newest first.
    pub async fn keys(&mut self, workspace: WorkspaceId, page: Page) -> Result<Vec<Key>> {
        page!(
            self,
            Key,
            page,
            "SELECT * FROM api_keys WHERE workspace_id = $1 AND revoked_at IS NULL AND id > $2 AND id < $3",
            "id",
            (workspace.uuid())
        )
    }

    /// One key that was not revoked, held until the transaction ends.
    pub async fn hold_key(&mut self, workspace: WorkspaceId, id: ApiKeyId) -> Result<Option<Key>> {
        one!(
            self,
            Key,
            "SELECT * FROM api_keys WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL FOR UPDATE",
            workspace.uuid(),
            id.uuid()
        )
    }

    /// The same in whatever workspace it is.
    pub async fn hold_any_key(&mut self, id: ApiKeyId) -> Result<Option<Key>> {
        one!(self, Key, "SELECT * FROM api_keys WHERE id = $1 AND revoked_at IS NULL FOR UPDATE", id.uuid())
    }

    /// Gives a key another secret; the old one opens nothing from the commit on.
    pub async fn rotate_key(&mut self, id: ApiKeyId, prefix: &str, hash: &[u8]) -> Result<()> {
        exec!(self, "UPDATE api_keys SET prefix = $2, hash = $3 WHERE id = $1", id.uuid(), prefix, hash)?;
        Ok(())
    }

    /// Ends a key for good.
    pub async fn revoke_key(&mut self, id: ApiKeyId, now: DateTime<Utc>) -> Result<()> {
        exec!(self, "UPDATE api_keys SET revoked_at = $2 WHERE id = $1", id.uuid(), Timestamp(now))?;
        Ok(())
    }

    /// Writes down that a key was used, unless that was done within the last minute.
    pub async fn touch_key(&mut self, id: ApiKeyId, now: DateTime<Utc>) -> Result<bool> {
        let changed = exec!(
            self,
            "UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)",
            id.uuid(),
            Timestamp(now),
            Timestamp(now - LAST_USED)
        )?;
        Ok(changed == 1)
    }
}
