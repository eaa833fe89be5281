//! Leads: people a workspace knows. Whom not to contact is the workspace's suppressions and nothing else.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use ringfleet_core::{Clock, E164, LeadId, WorkspaceId};
use ringfleet_store::{Address, Call, Lead, NewLead, NewSuppression, StoreError, Suppression, Tx};
use uuid::Uuid;

use crate::{Engine, EngineError, Receipt, Result, suppress::once_each};

/// Calls of a lead that are shown.
const SHOWN: u32 = 100;

/// A lead and the suppressions of its number that hold.
pub type KnownLead = (Lead, Vec<Suppression>);

/// What became of a lead of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptLead {
    /// It is new.
    Created(LeadId),
    /// Its number was known; its lead has got what was given.
    Updated(LeadId),
}

impl Engine {
    /// Makes a lead, and puts its number on the lists it is to stand on.
    ///
    /// # Errors
    /// `Conflict` `ALREADY_EXISTS` when the number is known.
    pub async fn create_lead(
        &self,
        workspace: WorkspaceId,
        new: NewLead,
        opt_outs: Vec<NewSuppression>,
        receipt: Receipt<KnownLead>,
    ) -> Result<KnownLead> {
        let now = Clock::now(self.clock());
        let mut tx = self.0.store.write().await?;
        let id = tx.insert_lead(workspace, &new, now).await.map_err(known)?;
        tx.suppress(workspace, &once_each(opt_outs), now).await?;
        let known = known_lead(&mut tx, workspace, id, now).await?;
        receipt.write(&mut tx, &known, self.clock()).await?;
        tx.commit().await?;
        Ok(known)
    }

    /// Makes many leads; where a number is known, its lead gets what is given and keeps the rest. The numbers of `new` must differ from each
    /// other. Says what became of each, in their order.
    pub async fn keep_leads(
        &self,
        workspace: WorkspaceId,
        new: Vec<NewLead>,
        opt_outs: Vec<NewSuppression>,
        receipt: Receipt<Vec<KeptLead>>,
    ) -> Result<Vec<KeptLead>> {
        let now = Clock::now(self.clock());
        let mut ids: Vec<LeadId> = new.iter().map(|_| LeadId::new(now)).collect();
        ids.sort();
        let new: Vec<(LeadId, NewLead)> = ids.into_iter().zip(new).collect();
        let mut tx = self.0.store.write().await?;
        let kept: HashMap<E164, LeadId> = tx.upsert_leads(workspace, &new, now).await?.into_iter().collect();
        tx.suppress(workspace, &once_each(opt_outs), now).await?;
        let what = |(id, lead): &(LeadId, NewLead)| match kept.get(&lead.number) {
            Some(known) if known != id => KeptLead::Updated(*known),
            _ => KeptLead::Created(*id),
        };
        let became = new.iter().map(what).collect();
        receipt.write(&mut tx, &became, self.clock()).await?;
        tx.commit().await?;
        Ok(became)
    }

    /// Changes a lead, and puts its number on more lists. `change` is given it as it is, while nobody else can change it.
    pub async fn edit_lead(
        &self,
        workspace: WorkspaceId,
        id: LeadId,
        change: impl FnOnce(&KnownLead, &mut Lead) -> Result<Vec<NewSuppression>>,
        receipt: Receipt<KnownLead>,
    ) -> Result<KnownLead> {
        let now = Clock::now(self.clock());
        let mut tx = self.0.store.write().await?;
        let mut lead = tx.lead_for_update(workspace, id).await?.ok_or(NOT_FOUND)?;
        let before = known_lead(&mut tx, workspace, id, now).await?;
        let opt_outs = change(&before, &mut lead)?;
        tx.update_lead(&lead, now).await.map_err(known)?;
        tx.suppress(workspace, &once_each(opt_outs), now).await?;
        let known = known_lead(&mut tx, workspace, id, now).await?;
        receipt.write(&mut tx, &known, self.clock()).await?;
        tx.commit().await?;
        Ok(known)
    }

    /// Forgets a lead. Its number stays on the lists it stands on.
    pub async fn delete_lead(&self, workspace: WorkspaceId, id: LeadId, receipt: Receipt<()>) -> Result<()> {
        let mut tx = self.0.store.write().await?;
        if !tx.delete_lead(workspace, id).await? {
            return Err(NOT_FOUND);
        }
        receipt.write(&mut tx, &(), self.clock()).await?;
        Ok(tx.commit().await?)
    }

    /// One lead.
    pub async fn lead(&self, workspace: WorkspaceId, id: LeadId) -> Result<KnownLead> {
        let mut tx = self.0.store.read().await?;
        let known = known_lead(&mut tx, workspace, id, Clock::now(self.clock())).await?;
        tx.commit().await?;
        Ok(known)
    }

    /// The last calls to a lead's number, newest first: those of the newest 200 campaigns, and single ones of the last days.
    pub async fn calls_of_lead(&self, workspace: WorkspaceId, id: LeadId) -> Result<Vec<Call>> {
        let mut tx = self.0.store.read().await?;
        let number = tx.lead(workspace, id).await?.ok_or(NOT_FOUND)?.number;
        let found = tx.campaign_calls_to(workspace, number, SHOWN).await?;
        let address = Address { workspace: workspace.uuid(), number: number.digits() };
        let contacts = tx.contacts(&[address]).await?;
        let lately: Vec<Uuid> =
            contacts.iter().flat_map(|contact| contact.calls.calls()).map(|stamp| stamp.call).collect();
        let singles = tx.calls_by_id(&lately).await?;
        tx.commit().await?;
        let calls: BTreeMap<Uuid, Call> =
            found.into_iter().chain(singles).map(|c| (c.id.uuid(), c)).collect();
        Ok(calls.into_values().rev().take(SHOWN as usize).collect())
    }
}

const NOT_FOUND: EngineError = EngineError::NotFound("lead");

async fn known_lead(
    tx: &mut Tx,
    workspace: WorkspaceId,
    id: LeadId,
    now: DateTime<Utc>,
) -> Result<KnownLead> {
    let lead = tx.lead(workspace, id).await?.ok_or(NOT_FOUND)?;
    let lists = tx.suppressions_of(workspace, &[lead.number], now).await?;
    Ok((lead, lists))
}

fn known(error: StoreError) -> EngineError {
    match error {
        StoreError::Duplicate(_) => EngineError::Conflict {
            code: "ALREADY_EXISTS",
            message: "another lead of the workspace has this number; change that one".into(),
        },
        error => error.into(),
    }
}
