//! Where a campaign stands, in figures. Kept, not counted: a list of millions costs no more than a short one.

use std::collections::BTreeMap;

use ringfleet_core::{CampaignId, CounterKind, Hold, RecipientState, WorkspaceId};
use ringfleet_store::{Campaign, Counter, Tx};
use serde_json::{Value, json};

use crate::{Engine, EngineError, Result};

/// The figures of a campaign at one moment.
#[derive(Debug, Clone, Default)]
pub struct CampaignStats {
    /// Recipients in all.
    pub recipients: u64,
    /// Recipients that wait until they are due.
    pub pending: u64,
    /// Recipients whose call waits for a worker or for room.
    pub queued: u64,
    /// Recipients that are being called.
    pub active: u64,
    /// Recipients that are done, by disposition.
    pub dispositions: BTreeMap<String, u64>,
    /// Calls that are over, by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Recipients that are held, by hold.
    pub holds: BTreeMap<Hold, u64>,
    /// Calls that have begun and are not answered.
    pub ringing: u64,
    /// Calls that are answered and not over.
    pub talking: u64,
}

impl Engine {
    /// The figures of a campaign, with the campaign itself.
    pub async fn stats(&self, workspace: WorkspaceId, id: CampaignId) -> Result<(Campaign, CampaignStats)> {
        let mut tx = self.0.store.read().await?;
        let campaign = tx.campaign(workspace, id).await?.ok_or(EngineError::NotFound("campaign"))?;
        let counters = tx.counters(id).await?;
        let claimed = tx.claimed_recipients(id).await?;
        let (ringing, talking) = tx.live_calls(id).await?;
        tx.commit().await?;
        let count = |state| claimed.iter().filter(|row| row.state == state).map(|row| row.n as u64).sum();
        let mut stats = CampaignStats {
            recipients: of(&counters, CounterKind::Recipients).values().sum(),
            queued: count(RecipientState::Queued),
            active: count(RecipientState::Active),
            dispositions: of(&counters, CounterKind::Disposition),
            outcomes: of(&counters, CounterKind::Outcome),
            ringing,
            talking,
            ..CampaignStats::default()
        };
        let elsewhere = stats.queued + stats.active + stats.dispositions.values().sum::<u64>();
        stats.pending = stats.recipients.saturating_sub(elsewhere);
        for row in &claimed {
            if let Some(hold) = row.hold {
                *stats.holds.entry(hold).or_default() += row.n as u64;
            }
        }
        Ok((campaign, stats))
    }
}

/// The kept counters of one kind, by name.
fn of(counters: &[Counter], kind: CounterKind) -> BTreeMap<String, u64> {
    counters.iter().filter(|c| c.kind == kind).map(|c| (c.name.clone(), c.n as u64)).collect()
}

/// What `campaign.completed` tells.
pub(crate) async fn kept_counts(tx: &mut Tx, id: CampaignId) -> Result<Value> {
    let counters = tx.counters(id).await?;
    Ok(json!({
        "recipients": of(&counters, CounterKind::Disposition),
        "calls": of(&counters, CounterKind::Outcome),
    }))
}
