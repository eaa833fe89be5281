//! Adding recipients to a campaign.

use std::collections::HashSet;

use ringfleet_core::{CampaignAction, CampaignId, E164, WorkspaceId};
use ringfleet_store::{Bump, CounterKind, NewRecipient};

use crate::{Engine, EngineError, Result};

/// What became of a list of recipients.
#[derive(Debug, Clone, Default)]
pub struct AddReport {
    /// How many are new in the campaign.
    pub accepted: u64,
    /// Indices of those whose number the campaign had already.
    pub duplicates: Vec<usize>,
}

impl Engine {
    /// Adds recipients to a campaign in DRAFT or PAUSED; they are due at once. A number the campaign has already is left alone.
    /// The numbers of `new` must differ from each other.
    pub async fn add_recipients(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        new: &[NewRecipient],
    ) -> Result<AddReport> {
        let now = self.0.clock.now();
        let mut tx = self.0.store.write().await?;
        let held = tx.hold_campaigns(&[campaign.uuid()]).await?.pop();
        let held = held.filter(|c| c.workspace_id == workspace).ok_or(EngineError::NotFound("campaign"))?;
        held.state.after(CampaignAction::AddRecipients, false)?;
        let first_step = held.plan.first_step().unwrap_or(0);
        let added: HashSet<E164> =
            tx.insert_recipients(campaign, first_step, new, now).await?.into_iter().collect();
        let accepted = added.len() as i64;
        if accepted > 0 {
            tx.bump(vec![Bump::new(campaign, CounterKind::Recipients, "total", accepted)]).await?;
        }
        tx.commit().await?;
        let duplicates =
            new.iter().enumerate().filter(|(_, r)| !added.contains(&r.number)).map(|(i, _)| i).collect();
        Ok(AddReport { accepted: accepted as u64, duplicates })
    }
}
