use chrono::{DateTime, Utc};
use ringfleet_core::{
    CallerIds, TrunkId, WorkspaceId,
    trunk::{Limits, TrunkConfig},
};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Page, Result, Timestamp, Tx,
    record::record,
    rows,
    tx::{all, exec, on, one, page, scalar},
};

record! {
    /// A configured carrier of a workspace.
    pub struct Trunk {
        /// Its id.
        pub id: TrunkId,
        /// How people call it.
        pub name: String,
        /// The carrier and its settings, credentials included.
        pub config: TrunkConfig,
        /// The caller ID it shows.
        pub caller_id: Option<String>,
        /// The caller IDs of its campaigns that have none of their own.
        pub caller_ids: Option<CallerIds>,
        /// Its limits.
        pub limits: Limits,
        /// When it was made.
        pub created_at: DateTime<Utc>,
    }
}

/// A trunk to be made.
#[derive(Debug, Clone)]
pub struct NewTrunk {
    /// How people call it.
    pub name: String,
    /// The carrier and its settings.
    pub config: TrunkConfig,
    /// The caller ID it shows.
    pub caller_id: Option<String>,
    /// The caller IDs of its campaigns that have none of their own.
    pub caller_ids: Option<CallerIds>,
    /// Its limits.
    pub limits: Limits,
}

impl Tx {
    /// Makes a trunk.
    pub async fn insert_trunk(
        &mut self,
        workspace: WorkspaceId,
        new: NewTrunk,
        now: DateTime<Utc>,
    ) -> Result<Trunk> {
        let id = TrunkId::new(now);
        let config = self.seal_config(&new.config, id)?;
        exec!(
            self,
            "INSERT INTO trunks (id, workspace_id, name, config, caller_id, limits, created_at, caller_ids)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            id.uuid(),
            workspace.uuid(),
            &new.name,
            Json(&config),
            &new.caller_id,
            Json(&new.limits),
            Timestamp(now),
            new.caller_ids.as_ref().map(Json)
        )?;
        let NewTrunk { name, config, caller_id, caller_ids, limits } = new;
        Ok(Trunk { id, name, config, caller_id, caller_ids, limits, created_at: now })
    }

    /// One trunk of the workspace.
    pub async fn trunk(&mut self, workspace: WorkspaceId, id: TrunkId) -> Result<Option<Trunk>> {
        let sql = "SELECT * FROM trunks WHERE workspace_id = $1 AND id = $2";
        let found = one!(self, Trunk, sql, workspace.uuid(), id.uuid())?;
        found.map(|trunk| self.opened_trunk(trunk)).transpose()
    }

    /// The same, held until this transaction ends. Before the health of trunks.
    pub async fn trunk_for_update(&mut self, workspace: WorkspaceId, id: TrunkId) -> Result<Option<Trunk>> {
        let sql = "SELECT * FROM trunks WHERE workspace_id = $1 AND id = $2 FOR NO KEY UPDATE";
        let found = one!(self, Trunk, sql, workspace.uuid(), id.uuid())?;
        found.map(|trunk| self.opened_trunk(trunk)).transpose()
    }

    /// The same with its credentials as they are.
    fn opened_trunk(&self, mut trunk: Trunk) -> Result<Trunk> {
        self.open_config(&mut trunk.config, trunk.id)?;
        Ok(trunk)
    }

    /// Writes what of a trunk can change. Lock it first.
    pub async fn update_trunk(&mut self, trunk: &Trunk) -> Result<()> {
        let config = self.seal_config(&trunk.config, trunk.id)?;
        exec!(
            self,
            "UPDATE trunks SET name = $2, config = $3, caller_id = $4, caller_ids = $5, limits = $6 WHERE id = $1",
            trunk.id.uuid(),
            &trunk.name,
            Json(&config),
            &trunk.caller_id,
            trunk.caller_ids.as_ref().map(Json),
            Json(&trunk.limits)
        )?;
        Ok(())
    }

    /// A trunk whose id stands in the URL of its provider's requests, and whose workspace it is.
    pub async fn trunk_of_anybody(&mut self, id: TrunkId) -> Result<Option<(WorkspaceId, Trunk)>> {
        let owner = scalar!(self, Uuid, "SELECT workspace_id FROM trunks WHERE id = $1", id.uuid())?;
        let Some(owner) = owner.map(WorkspaceId::from) else { return Ok(None) };
        Ok(self.trunk(owner, id).await?.map(|trunk| (owner, trunk)))
    }

    /// The limits of these trunks.
    pub async fn trunk_limits(&mut self, trunks: &[Uuid]) -> Result<Vec<(TrunkId, Limits)>> {
        record! {
            /// A trunk's limits.
            pub struct Limited {
                pub id: TrunkId,
                pub limits: Limits,
            }
        }
        let found = all!(
            self,
            Limited,
            "SELECT id, limits FROM trunks WHERE id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            rows::ids(trunks.iter().copied())?
        )?;
        Ok(found.into_iter().map(|trunk| (trunk.id, trunk.limits)).collect())
    }

    /// A page of the workspace's trunks, newest first.
    pub async fn trunks(&mut self, workspace: WorkspaceId, page: Page) -> Result<Vec<Trunk>> {
        let mut found = page!(
            self,
            Trunk,
            page,
            "SELECT * FROM trunks WHERE workspace_id = $1 AND id > $2 AND id < $3",
            "id",
            (workspace.uuid())
        )?;
        for trunk in &mut found {
            self.open_config(&mut trunk.config, trunk.id)?;
        }
        Ok(found)
    }
}
