//! What is written of recipients that may not be called now: put off, or done for good.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use ringfleet_core::{
    CallState, CampaignId, CounterKind, Disposition, Hold, RecipientState, hold, terms::Verdict,
};
use ringfleet_store::{Bump, Call, CallUpdate, Campaign, RecipientUpdate, Standing, Tx};
use ringfleet_telemetry::HOLDS;
use uuid::Uuid;

use crate::{Result, facts::Completed};

/// Collected for one transaction: write it, tell of `ended` and `completed`, and count `bumps` last.
#[derive(Default)]
pub(crate) struct Verdicts {
    recipients: Vec<RecipientUpdate>,
    /// Calls that never went to a carrier vanish; nobody has been told of them.
    vanished: Vec<Uuid>,
    calls: Vec<CallUpdate>,
    pub(crate) ended: Vec<Call>,
    pub(crate) completed: Vec<Completed>,
    pub(crate) bumps: Vec<Bump>,
}

impl Verdicts {
    /// Those of calls that were about to begin.
    pub(crate) async fn of_calls(
        tx: &mut Tx,
        campaigns: &HashMap<CampaignId, Campaign>,
        refused: Vec<(Call, Verdict)>,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let mut verdicts = Self::default();
        if refused.is_empty() {
            return Ok(verdicts);
        }
        let ids: Vec<Uuid> =
            refused.iter().filter_map(|(call, _)| call.recipient_id.map(|r| r.uuid())).collect();
        let standings: HashMap<Uuid, Standing> =
            tx.standings(&ids).await?.into_iter().map(|s| (s.id.uuid(), s)).collect();
        for (call, verdict) in refused {
            let campaign = call.campaign_id.and_then(|id| campaigns.get(&id));
            // Claimed, it is counted under no hold.
            let standing = call.recipient_id.and_then(|id| standings.get(&id.uuid()));
            let standing = standing.map(|standing| Standing { hold: None, ..standing.clone() });
            verdicts.of_call(call, campaign.zip(standing.as_ref()), verdict, now);
        }
        Ok(verdicts)
    }

    fn of_call(
        &mut self,
        call: Call,
        of: Option<(&Campaign, &Standing)>,
        verdict: Verdict,
        now: DateTime<Utc>,
    ) {
        let been_out = call.placements > 0;
        match (verdict, of) {
            // It has a history with its carrier, which it keeps.
            (Verdict::Later { at, hold }, Some((_, standing))) if been_out => {
                self.calls.push(waiting(&call, at, hold));
                let update = RecipientUpdate { state: RecipientState::Queued, ..put_off(standing, at, hold) };
                self.recipients.push(update);
            }
            (Verdict::Never(_, reason), of) if been_out || of.is_none() => {
                self.calls.push(cancelled(&call, reason, now));
                let state = CallState::Cancelled;
                self.ended.push(Call { state, reason: Some(reason.into()), ended_at: Some(now), ..call });
                if let Some((campaign, standing)) = of {
                    self.of_recipient(campaign.id, standing, verdict, now);
                }
            }
            (verdict, Some((campaign, standing))) => {
                self.vanished.push(call.id.uuid());
                self.of_recipient(campaign.id, standing, verdict, now);
            }
            (_, None) => {}
        }
    }

    /// That of a recipient that waits.
    pub(crate) fn of_recipient(
        &mut self,
        campaign: CampaignId,
        standing: &Standing,
        verdict: Verdict,
        now: DateTime<Utc>,
    ) {
        self.leaves(campaign, standing);
        match verdict {
            Verdict::Call => {}
            Verdict::Later { at, hold } => {
                self.recipients.push(put_off(standing, at, hold));
                self.bumps.extend(waits(campaign, Some(hold), at, 1));
            }
            Verdict::Never(disposition, reason) => {
                let update = done(standing, disposition, reason, now);
                self.completed.extend(Completed::of(&update, campaign, standing.number));
                self.recipients.push(update);
                self.bumps.push(Bump::new(campaign, CounterKind::Disposition, disposition.as_str(), 1));
            }
        }
    }

    /// It no longer waits under the hold it had.
    pub(crate) fn leaves(&mut self, campaign: CampaignId, standing: &Standing) {
        self.bumps.extend(waits(campaign, standing.hold, standing.due_at, -1));
    }

    /// Writes calls and recipients.
    pub(crate) async fn write(&self, tx: &mut Tx) -> Result<()> {
        count_holds(self.recipients.iter().filter_map(|recipient| recipient.hold));
        if !self.vanished.is_empty() {
            tx.delete_calls(&self.vanished).await?;
        }
        if !self.calls.is_empty() {
            tx.update_calls(&self.calls).await?;
        }
        if !self.recipients.is_empty() {
            tx.update_recipients(&self.recipients).await?;
        }
        Ok(())
    }
}

/// Counts `n` recipients more that wait under `hold` until `due_at`.
pub(crate) fn waits(campaign: CampaignId, hold: Option<Hold>, due_at: DateTime<Utc>, n: i64) -> Option<Bump> {
    hold::bucket(hold, due_at).map(|name| Bump::new(campaign, CounterKind::Hold, name, n))
}

/// Tells those who watch that somebody is kept waiting, once for each of these.
pub(crate) fn count_holds(holds: impl Iterator<Item = Hold>) {
    let mut counted: BTreeMap<&'static str, u64> = BTreeMap::new();
    holds.for_each(|hold| *counted.entry(hold.as_str()).or_default() += 1);
    counted.into_iter().for_each(|(hold, n)| HOLDS.of([hold]).increment(n));
}

fn unchanged(standing: &Standing) -> RecipientUpdate {
    RecipientUpdate {
        id: standing.id.uuid(),
        state: RecipientState::Pending,
        step: standing.step,
        attempts: standing.attempts,
        total_attempts: standing.total_attempts,
        due_at: standing.due_at,
        hold: None,
        ready_at: None,
        disposition: None,
        last_outcome: None,
        last_reason: None,
        done_at: None,
    }
}

fn put_off(standing: &Standing, at: DateTime<Utc>, hold: Hold) -> RecipientUpdate {
    let asked = standing.ready_at.unwrap_or(standing.due_at);
    let ready_at = matches!(hold, Hold::Window | Hold::CallerId).then_some(asked);
    RecipientUpdate { due_at: at, hold: Some(hold), ready_at, ..unchanged(standing) }
}

fn done(standing: &Standing, disposition: Disposition, reason: &str, now: DateTime<Utc>) -> RecipientUpdate {
    RecipientUpdate {
        state: RecipientState::Done,
        disposition: Some(disposition),
        last_reason: Some(reason.into()),
        done_at: Some(now),
        ..unchanged(standing)
    }
}

fn waiting(call: &Call, at: DateTime<Utc>, hold: Hold) -> CallUpdate {
    CallUpdate { state: CallState::Pending, hold: Some(hold), due_at: Some(at), ..update(call) }
}

fn cancelled(call: &Call, reason: &str, now: DateTime<Utc>) -> CallUpdate {
    CallUpdate { state: CallState::Cancelled, reason: reason.into(), ended_at: Some(now), ..update(call) }
}

fn update(call: &Call) -> CallUpdate {
    CallUpdate {
        id: call.id.uuid(),
        state: call.state,
        hold: None,
        outcome: None,
        reason: call.reason.clone().unwrap_or_default(),
        code: None,
        ended_by: None,
        heard: None,
        due_at: None,
        unsent: false,
        answered_at: None,
        ended_at: None,
    }
}
