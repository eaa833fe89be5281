//! A campaign's recipients as one call each, however many attempts they take (Samora's API).

use std::collections::HashMap;

use ringfleet_core::{
    CampaignId, CounterKind, Disposition, Outcome, RecipientId, ScheduledCallState, WorkspaceId,
};
use ringfleet_store::{Campaign, KeptCounter, NewRecipient, ScheduledCall, ScheduledCallFilter, fresh_ids};

use crate::{Engine, EngineError, Receipt, Result};

/// Of a list with a filter so many are counted.
pub const COUNTED: u32 = 10_000;
/// Up to this length the attempts of a whole campaign are looked at, to sort or filter by them.
pub const SORTED: u64 = 50_000;

/// The scheduled calls of a campaign in figures, each under exactly one of `finished`, `pending`, `unanswered` and `failed`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallStats {
    /// All.
    pub total: u64,
    /// Those somebody answered.
    pub finished: u64,
    /// Those that are not over.
    pub pending: u64,
    /// Those nobody answered.
    pub unanswered: u64,
    /// Those that were refused, failed, or were not to be made at all.
    pub failed: u64,
    /// How long was talked in all their attempts, in milliseconds.
    pub talked_ms: u64,
}

impl CallStats {
    fn of(counters: &[&KeptCounter]) -> Self {
        let sum = |kind: CounterKind, wanted: &dyn Fn(&str) -> bool| -> u64 {
            let found = counters.iter().filter(|c| c.kind == kind && wanted(&c.name));
            found.map(|c| c.n.max(0) as u64).sum()
        };
        let ended_so = |state: ScheduledCallState| {
            let is = |name: &str| {
                name.parse::<Outcome>().is_ok_and(|outcome| ScheduledCallState::of_outcome(outcome) == state)
            };
            sum(CounterKind::Exhausted, &is)
        };
        let total = sum(CounterKind::Recipients, &|_| true);
        let done = sum(CounterKind::Disposition, &|_| true);
        let reached = sum(CounterKind::Disposition, &|name| name == Disposition::Reached.as_str());
        let finished = reached + ended_so(ScheduledCallState::CallFinished);
        let unanswered = ended_so(ScheduledCallState::Unanswered);
        Self {
            total,
            finished,
            pending: total.saturating_sub(done),
            unanswered,
            failed: done.saturating_sub(finished + unanswered),
            talked_ms: sum(CounterKind::Talk, &|_| true),
        }
    }
}

impl Engine {
    /// The figures of these campaigns, from kept counters: a list of millions costs no more than a short one.
    pub async fn call_stats(&self, campaigns: &[CampaignId]) -> Result<HashMap<CampaignId, CallStats>> {
        const KINDS: [CounterKind; 4] =
            [CounterKind::Recipients, CounterKind::Disposition, CounterKind::Exhausted, CounterKind::Talk];
        let ids: Vec<_> = campaigns.iter().map(|id| id.uuid()).collect();
        let mut tx = self.0.store.read().await?;
        let counters = tx.counters_of(&ids, &KINDS).await?;
        tx.commit().await?;
        let mut of_campaign: HashMap<CampaignId, Vec<&KeptCounter>> = HashMap::new();
        for counter in &counters {
            of_campaign.entry(counter.campaign_id).or_default().push(counter);
        }
        let stats = |id: &CampaignId| CallStats::of(of_campaign.get(id).map_or(&[], Vec::as_slice));
        Ok(campaigns.iter().map(|id| (*id, stats(id))).collect())
    }

    /// A page of a campaign's scheduled calls, `limit` of them after the first `offset`, and how many there are. Without a filter that is
    /// kept; with one, no more than [`COUNTED`] are counted.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] where the attempts of more than [`SORTED`] would have to be looked at.
    pub async fn scheduled_calls(
        &self,
        campaign: &Campaign,
        filter: &ScheduledCallFilter,
        offset: u64,
        limit: u32,
    ) -> Result<(Vec<ScheduledCall>, u64)> {
        let stats = self.call_stats(&[campaign.id]).await?.remove(&campaign.id).unwrap_or_default();
        if !filter.is_quick() && stats.total > SORTED {
            let message = format!(
                "the campaign has more than {SORTED} calls: they can be listed by created_at and filtered by number and status only"
            );
            return Err(EngineError::Conflict { code: "TOO_MANY", message });
        }
        let mut tx = self.0.store.read().await?;
        let calls = tx.scheduled_calls(campaign.id, filter, offset, limit).await?;
        let total = match filter.is_all() {
            true => stats.total,
            false => tx.count_scheduled_calls(campaign.id, filter, COUNTED).await?,
        };
        tx.commit().await?;
        Ok((calls, total))
    }

    /// Adds recipients to a campaign in DRAFT or PAUSED, all of them or none; gives their ids in the order of `new`. The numbers of `new`
    /// must differ from each other.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] names the first whose number the campaign has already; then nothing was added.
    pub async fn add_all_recipients(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        new: &[NewRecipient],
        receipt: Receipt<Vec<RecipientId>>,
    ) -> Result<Vec<RecipientId>> {
        let ids = fresh_ids(new.len(), self.0.clock.now());
        let mut tx = self.0.store.write().await?;
        let taken = self.take_in(&mut tx, &ids, workspace, campaign, new).await?;
        if let Some(known) = new.iter().position(|recipient| !taken.added.contains(&recipient.number)) {
            let problem = match taken.erased.contains(&new[known].number) {
                true => "this person was erased and is not taken in again; nothing was added",
                false => "the campaign has this number already; nothing was added",
            };
            return Err(EngineError::invalid(format!("phone_numbers[{known}].to_number"), problem));
        }
        receipt.write(&mut tx, &ids, self.clock()).await?;
        tx.commit().await?;
        Ok(ids)
    }
}
