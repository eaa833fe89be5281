use chrono::{DateTime, Utc};
use ringfleet_core::{CampaignId, TrunkGroupId, TrunkId, WorkspaceId, trunk_group::Member};
use serde::Serialize;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Page, Result, Timestamp, Tx,
    record::record,
    rows::{self, hex},
    tx::{all, exec, on, one, page},
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
    /// A campaign that is calling by a group of trunks.
    pub struct GroupCampaign {
        /// Its id.
        pub id: CampaignId,
        /// Its workspace.
        pub workspace_id: WorkspaceId,
        /// Its group.
        pub trunk_group_id: TrunkGroupId,
    }
}

record! {
    /// A campaign's call that waits for its trunk.
    pub struct Stranded {
        /// The call.
        pub id: Uuid,
        /// The trunk it waits for.
        pub trunk_id: TrunkId,
    }
}

/// A call that goes to another trunk.
#[derive(Debug, Clone, Serialize)]
pub struct Move {
    /// The call.
    #[serde(serialize_with = "hex")]
    pub id: Uuid,
    /// The trunk it waits for.
    #[serde(serialize_with = "hex")]
    from_trunk: Uuid,
    /// The trunk that is to place it.
    #[serde(serialize_with = "hex")]
    to_trunk: Uuid,
}

impl Move {
    /// This call, to that trunk.
    pub fn new(call: &Stranded, to: TrunkId) -> Self {
        Self { id: call.id, from_trunk: call.trunk_id.uuid(), to_trunk: to.uuid() }
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
        page!(
            self,
            TrunkGroup,
            page,
            "SELECT * FROM trunk_groups WHERE workspace_id = $1 AND id > $2 AND id < $3",
            "id",
            (workspace.uuid())
        )
    }

    /// The campaigns that are calling by groups.
    pub async fn group_campaigns(&mut self) -> Result<Vec<GroupCampaign>> {
        all!(
            self,
            GroupCampaign,
            "SELECT id, workspace_id, trunk_group_id FROM campaigns
             WHERE state = 'IN_PROGRESS' AND trunk_group_id IS NOT NULL ORDER BY id"
        )
    }

    /// Up to `limit` calls of the campaign that wait for one of these trunks and are not under way to a worker.
    pub async fn stranded_calls(
        &mut self,
        campaign: CampaignId,
        trunks: &[Uuid],
        limit: u32,
    ) -> Result<Vec<Stranded>> {
        all!(
            self,
            Stranded,
            "SELECT id, trunk_id FROM calls
             WHERE campaign_id = $1 AND open AND state = 'PENDING' AND hold = 'TRUNK' AND pushed_at IS NULL
               AND trunk_id IN (SELECT id FROM ROWS($2, id uuid) AS r)
             LIMIT $3",
            campaign.uuid(),
            rows::ids(trunks.iter().copied())?,
            i64::from(limit)
        )
    }

    /// Waiting calls go to other trunks, now, and their recipients wait for their turn again. Lock the calls first
    /// ([`Tx::lock_waiting_calls`]); what has gone on since stays where it is. Gives how many.
    pub async fn move_calls(&mut self, moves: &[Move], now: DateTime<Utc>) -> Result<usize> {
        let recipients: Vec<Uuid> = on!(
            self,
            query_scalar::<Uuid>,
            "UPDATE calls SET trunk_id = r.to_trunk, due_at = $2, pushed_at = NULL, hold = NULL
             FROM ROWS($1, id uuid, from_trunk uuid, to_trunk uuid) AS r
             WHERE calls.id = r.id AND calls.trunk_id = r.from_trunk AND calls.state = 'PENDING' AND calls.hold = 'TRUNK'
               AND calls.pushed_at IS NULL
             RETURNING recipient_id",
            (rows::rows(moves)?, Timestamp(now)),
            fetch_all
        )?;
        exec!(
            self,
            "UPDATE recipients SET hold = NULL WHERE state = 'QUEUED' AND id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            rows::ids(recipients.iter().copied())?
        )?;
        Ok(recipients.len())
    }
}
