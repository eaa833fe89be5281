//! Adding recipients to a campaign.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use ringfleet_core::{CampaignAction, CampaignId, CounterKind, E164, RecipientId, WorkspaceId, terms::Due};
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
        let ids = fresh_ids(new.len(), self.0.clock.now());
        let mut tx = self.0.store.write().await?;
        let accepted = self.take_in(&mut tx, &ids, workspace, campaign, new).await?;
        let accepted: HashSet<E164> = accepted.into_iter().collect();
        let duplicates =
            new.iter().enumerate().filter(|(_, r)| !accepted.contains(&r.number)).map(|(i, _)| i).collect();
        let report = AddReport { accepted: accepted.len() as u64, duplicates };
        receipt.write(&mut tx, &report, self.clock()).await?;
        tx.commit().await?;
        Ok(report)
    }

    /// Adds recipients in this transaction; gives the numbers that are new in the campaign.
    pub(crate) async fn take_in(
        &self,
        tx: &mut Tx,
        ids: &[RecipientId],
        workspace: WorkspaceId,
        campaign: CampaignId,
        new: &[NewRecipient],
    ) -> Result<Vec<E164>> {
        let now = self.0.clock.now();
        let held = hold_to_fill(tx, workspace, campaign).await?;
        let first_step = held.plan.first_step().unwrap_or(0);
        let due: Vec<Due> = new.iter().map(|recipient| due(&held, recipient, now)).collect();
        let added = tx.insert_recipients_as(ids, campaign, first_step, new, &due, now).await?;
        if !added.is_empty() {
            let fresh: HashSet<&E164> = added.iter().collect();
            let held = new.iter().zip(&due).filter(|(recipient, _)| fresh.contains(&recipient.number));
            let mut bumps: Vec<Bump> =
                held.filter_map(|(_, due)| waits(campaign, due.hold, due.at, 1)).collect();
            bumps.push(Bump::new(campaign, CounterKind::Recipients, "total", added.len() as i64));
            tx.bump(bumps).await?;
        }
        Ok(added)
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
