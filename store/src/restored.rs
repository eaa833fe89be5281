//! What a database that was put back from a backup must not do by itself.

use chrono::{DateTime, Utc};
use ringfleet_core::{CampaignId, WorkspaceId};

use crate::{
    Result, Timestamp, Tx,
    record::record,
    tx::{all, exec, on},
};

record! {
    /// A campaign that would call somebody by itself.
    pub struct Calling {
        /// Which.
        pub id: CampaignId,
        /// Whose.
        pub workspace_id: WorkspaceId,
    }
}

impl Tx {
    /// The campaigns that call, or will by themselves.
    pub async fn campaigns_calling(&mut self) -> Result<Vec<Calling>> {
        all!(
            self,
            Calling,
            "SELECT id, workspace_id FROM campaigns
             WHERE state IN ('IN_PROGRESS', 'SCHEDULED') OR (starts_itself AND state IN ('DRAFT', 'PAUSED')) ORDER BY id"
        )
    }

    /// Lets a campaign do nothing until somebody starts it: what is due by then is not made up for.
    pub async fn halt_campaign(&mut self, id: CampaignId, reason: &str) -> Result<()> {
        exec!(
            self,
            "UPDATE campaigns SET state = CASE WHEN state = 'DRAFT' THEN state ELSE 'PAUSED' END, reason = $2,
                    next_run_at = NULL, starts_itself = false WHERE id = $1",
            id.uuid(),
            reason
        )?;
        Ok(())
    }

    /// Ends the single calls that have not begun. Gives how many.
    pub async fn cancel_waiting_singles(&mut self, reason: &str, now: DateTime<Utc>) -> Result<u64> {
        exec!(
            self,
            "UPDATE calls SET state = 'CANCELLED', reason = $1, ended_at = $2, hold = NULL, pushed_at = NULL, resume = NULL
             WHERE campaign_id IS NULL AND open AND state = 'PENDING'",
            reason,
            Timestamp(now)
        )
    }
}
