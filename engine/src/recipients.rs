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
    /// Indices of those who were erased and are kept out.
    pub erased: Vec<usize>,
}

/// What became of recipients that were to be added in a transaction.
pub(crate) struct Taken {
    /// Numbers that are new in the campaign.
    pub(crate) added: HashSet<E164>,
    /// Those of people who were erased and are kept out.
    pub(crate) erased: HashSet<E164>,
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
        let Taken { added, erased } = self.take_in(&mut tx, &ids, workspace, campaign, new).await?;
        let others = new.iter().enumerate().filter(|(_, one)| !added.contains(&one.number));
        let (out, known): (Vec<_>, Vec<_>) = others.partition(|(_, one)| erased.contains(&one.number));
        let indices = |ones: Vec<(usize, _)>| ones.into_iter().map(|(i, _)| i).collect();
        let report =
            AddReport { accepted: added.len() as u64, duplicates: indices(known), erased: indices(out) };
        receipt.write(&mut tx, &report, self.clock()).await?;
        tx.commit().await?;
        Ok(report)
    }

    /// Adds recipients in this transaction, but for those who were erased and are kept out.
    pub(crate) async fn take_in(
        &self,
        tx: &mut Tx,
        ids: &[RecipientId],
        workspace: WorkspaceId,
        campaign: CampaignId,
        new: &[NewRecipient],
    ) -> Result<Taken> {
        let now = self.0.clock.now();
        let held = hold_to_fill(tx, workspace, campaign).await?;
        let first_step = held.plan.first_step().unwrap_or(0);
        let erased = tx.barred(workspace, &new.iter().map(|one| one.number).collect::<Vec<_>>()).await?;
        let new: Vec<NewRecipient> =
            new.iter().filter(|one| !erased.contains(&one.number)).cloned().collect();
        let due: Vec<Due> = new.iter().map(|recipient| due(&held, recipient, now)).collect();
        let added = tx.insert_recipients_as(ids, campaign, first_step, &new, &due, now).await?;
        let added: HashSet<E164> = added.into_iter().collect();
        if !added.is_empty() {
            let held = new.iter().zip(&due).filter(|(recipient, _)| added.contains(&recipient.number));
            let mut bumps: Vec<Bump> =
                held.filter_map(|(_, due)| waits(campaign, due.hold, due.at, 1)).collect();
            bumps.push(Bump::new(campaign, CounterKind::Recipients, "total", added.len() as i64));
            tx.bump(bumps).await?;
        }
        Ok(Taken { added, erased })
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
