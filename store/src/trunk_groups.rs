use chrono::{DateTime, Utc};
use ringfleet_core::{TrunkGroupId, TrunkId, WorkspaceId, trunk_group::Member};
use serde::Serialize;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Page, Result, Timestamp, Tx,
    record::record,
    rows::{self, hex},
    tx::{all, exec, on, one},
};

record! {
    /// Trunks that stand in for each other.
    pub struct TrunkGroup {
        /// Its id.
        pub id: TrunkGroupId,
        /// How people call it.
        pub name: String,
        /// Its trunks.
        pub members: Vec<Member>,
        /// When it was made.
        pub created_at: DateTime<Utc>,
    }
}

record! {
    /// A campaign's call that waits for its trunk, while another of its group may be open.
    pub struct Stranded {
        /// The call.
        pub id: Uuid,
        /// The trunk it waits for.
        pub trunk_id: TrunkId,
        /// The trunks that may place it.
        pub members: Vec<Member>,
    }
}

impl Tx {
    /// Makes a group. Its trunks must be of the same workspace.
    pub async fn insert_trunk_group(
        &mut self,
        workspace: WorkspaceId,
        name: &str,
        members: Vec<Member>,
        now: DateTime<Utc>,
    ) -> Result<TrunkGroup> {
        let id = TrunkGroupId::new(now);
        exec!(
            self,
            "INSERT INTO trunk_groups (id, workspace_id, name, members, created_at) VALUES ($1, $2, $3, $4, $5)",
            id.uuid(),
            workspace.uuid(),
            name,
            Json(&members),
            Timestamp(now)
        )?;
        Ok(TrunkGroup { id, name: name.to_owned(), members, created_at: now })
    }

    /// One group of the workspace.
    pub async fn trunk_group(
        &mut self,
        workspace: WorkspaceId,
        id: TrunkGroupId,
    ) -> Result<Option<TrunkGroup>> {
        one!(
            self,
            TrunkGroup,
            "SELECT * FROM trunk_groups WHERE workspace_id = $1 AND id = $2",
            workspace.uuid(),
            id.uuid()
        )
    }

    /// A page of the workspace's groups, newest first.
    pub async fn trunk_groups(&mut self, workspace: WorkspaceId, page: Page) -> Result<Vec<TrunkGroup>> {
        all!(
            self,
            TrunkGroup,
            "SELECT * FROM trunk_groups WHERE workspace_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
            workspace.uuid(),
            page.below(),
            i64::from(page.limit)
        )
    }

    /// Up to `limit` calls of campaigns with groups that wait for their trunk and are not under way to a worker, while some trunk of
    /// their group other than theirs may be open.
    pub async fn stranded_calls(&mut self, limit: u32) -> Result<Vec<Stranded>> {
        all!(
            self,
            Stranded,
            "SELECT c.id, c.trunk_id, g.members FROM calls c JOIN campaigns p ON p.id = c.campaign_id
                    JOIN trunk_groups g ON g.id = p.trunk_group_id
             WHERE c.state = 'PENDING' AND c.hold = 'TRUNK' AND c.pushed_at IS NULL AND p.state = 'IN_PROGRESS'
             ORDER BY c.id LIMIT $1",
            i64::from(limit)
        )
    }

    /// Waiting calls go to other trunks, now. Lock them first ([`Tx::lock_waiting_calls`]); what has gone on since stays where it is.
    pub async fn move_calls(&mut self, to: &[(Uuid, TrunkId)], now: DateTime<Utc>) -> Result<()> {
        #[derive(Serialize)]
        struct Row {
            #[serde(serialize_with = "hex")]
            id: Uuid,
            #[serde(serialize_with = "hex")]
            trunk: Uuid,
        }
        let rows = rows::rows(to.iter().map(|&(id, trunk)| Row { id, trunk: trunk.uuid() }))?;
        exec!(
            self,
            "UPDATE calls SET trunk_id = r.trunk, due_at = $2, pushed_at = NULL, hold = NULL
             FROM ROWS($1, id uuid, trunk uuid) AS r WHERE calls.id = r.id AND calls.state = 'PENDING' AND calls.hold = 'TRUNK'",
            rows,
            Timestamp(now)
        )?;
        Ok(())
    }
}
