//! After a restore the truth is old: who was called since the backup is not known, so nobody is called until somebody has looked.

use ringfleet_core::{CampaignState, Clock};

use crate::{Engine, Receipt, Result, wind_up::withdraw};

/// What single calls end with that had not begun.
const RESTORED: &str = "restored";

impl Engine {
    /// Pauses every campaign that calls or would by itself, for `reason`, and ends the single calls that have not begun. Nothing may work on the
    /// database meanwhile. Gives how many campaigns.
    pub async fn halt_all(&self, reason: &str) -> Result<usize> {
        let now = Clock::now(self.clock());
        let mut tx = self.store().read().await?;
        let calling = tx.campaigns_calling().await?;
        tx.commit().await?;
        for campaign in &calling {
            let receipt: Receipt<()> =
                self.own_receipt(campaign.workspace_id, campaign.id, "campaign.pause", Some(reason));
            let mut tx = self.store().write().await?;
            tx.halt_campaign(campaign.id, reason).await?;
            withdraw(&mut tx, campaign.id, CampaignState::Paused, now).await?;
            receipt.write(&mut tx, &(), self.clock()).await?;
            tx.commit().await?;
        }
        let mut tx = self.store().write().await?;
        tx.cancel_waiting_singles(RESTORED, now).await?;
        tx.commit().await?;
        Ok(calling.len())
    }
}
