//! Adding recipients to a campaign.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use ringfleet_core::{CampaignAction, CampaignId, CounterKind, E164, WorkspaceId, terms::Due};
use ringfleet_store::{Bump, Campaign, NewRecipient, Tx, fresh_ids};

use crate::{Engine, EngineError, Receipt, Result, verdict::waits};

/// What became of a list of recipients.
#[derive(Debug, Clone, Default)]
pub struct AddReport {
    /// How many are new in the campaign.
    pub accepted: u64,
    /// Indices of those whose number the campaign had already.
    pub duplicates: Vec<usize>,
}

impl Engine {
    /// Adds recipients to a campaign in DRAFT or PAUSED; they are due at once, or when their hours begin. A number the campaign has already is left alone.
    /// The numbers of `new` must differ from each other.
    pub async fn add_recipients(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        new: &[NewRecipient],
        receipt: Receipt<AddReport>,
    ) -> Result<AddReport> {
        let now = self.0.clock.now();
        let mut tx = self.0.store.write().await?;
        let held = hold_to_fill(&mut tx, workspace, campaign).await?;
        let first_step = held.plan.first_step().unwrap_or(0);
        let due: Vec<Due> = new.iter().map(|recipient| due(&held, recipient, now)).collect();
        let ids = fresh_ids(new.len(), now);
        let added = tx.insert_recipients_as(&ids, campaign, first_step, new, &due, now).await?;
        let accepted: HashSet<E164> = added.into_iter().collect();
        if !accepted.is_empty() {
            let held = new.iter().zip(&due).filter(|(recipient, _)| accepted.contains(&recipient.number));
            let mut bumps: Vec<Bump> =
                held.filter_map(|(_, due)| waits(campaign, due.hold, due.at, 1)).collect();
            bumps.push(Bump::new(campaign, CounterKind::Recipients, "total", accepted.len() as i64));
            tx.bump(bumps).await?;
        }
        let duplicates =
            new.iter().enumerate().filter(|(_, r)| !accepted.contains(&r.number)).map(|(i, _)| i).collect();
        let report = AddReport { accepted: accepted.len() as u64, duplicates };
        receipt.write(&mut tx, &report, self.clock()).await?;
        tx.commit().await?;
        Ok(report)
    }
}

/// When a new recipient is due: at once, or when its hours begin.
pub(crate) fn due(campaign: &Campaign, recipient: &NewRecipient, now: DateTime<Utc>) -> Due {
    campaign.terms().fit(recipient.number, recipient.timezone.as_deref(), now).due(now, None)
}

/// The campaign, held in a state in which it takes recipients until this transaction ends.
pub(crate) async fn hold_to_fill(
    tx: &mut Tx,
    workspace: WorkspaceId,
    campaign: CampaignId,
) -> Result<Campaign> {
    let held = tx.hold_campaigns(&[campaign.uuid()]).await?.pop();
    let held = held.filter(|c| c.workspace_id == workspace).ok_or(EngineError::NotFound("campaign"))?;
    held.state.after(CampaignAction::AddRecipients, false)?;
    Ok(held)
}
