//! Calls that their workers are to hang up.

use ringfleet_core::{CallId, CampaignId, WorkerId};
use uuid::Uuid;

use crate::{
    Result, Tx,
    tx::{exec, on},
};

impl Tx {
    /// Asks for every live call of a campaign to be hung up; gives how many. Nobody waits for this, nor does this wait for
    /// anybody who writes of a call. Hold the campaign alone, so that none begins meanwhile.
    pub async fn order_hang_ups(&mut self, campaign: CampaignId) -> Result<u64> {
        exec!(
            self,
            "INSERT INTO hang_ups (call_id, placements)
             SELECT id, placements FROM calls WHERE campaign_id = $1 AND open AND state IN ('TRIGGERED', 'ONGOING')
             ON CONFLICT (call_id) DO UPDATE SET placements = excluded.placements",
            campaign.uuid()
        )
    }

    /// The live calls of this worker that it is to hang up. One that has come back and went out again since is not meant.
    pub async fn calls_to_hang_up(&mut self, worker: WorkerId) -> Result<Vec<CallId>> {
        let ids: Vec<Uuid> = on!(
            self,
            query_scalar::<Uuid>,
            "SELECT c.id FROM hang_ups h JOIN calls c ON c.id = h.call_id AND c.placements = h.placements
             WHERE c.worker_id = $1 AND c.state IN ('TRIGGERED', 'ONGOING')",
            (worker.uuid()),
            fetch_all
        )?;
        Ok(ids.into_iter().map(CallId::from).collect())
    }

    /// Forgets what has been done; gives how many.
    pub async fn forget_hang_ups(&mut self) -> Result<u64> {
        exec!(
            self,
            "DELETE FROM hang_ups WHERE NOT EXISTS (SELECT 1 FROM calls c
             WHERE c.id = hang_ups.call_id AND c.placements = hang_ups.placements AND c.state IN ('TRIGGERED', 'ONGOING'))"
        )
    }
}
