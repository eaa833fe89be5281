//! Every ending of a call, whoever saw it, comes through here: `core::settle` decides, one transaction writes.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use ringfleet_core::{
    CallId, CallState, CampaignId, CampaignState, Channel, Clock, CounterKind, Disposition, Ending, Hold,
    Outcome, Plan, RecipientState, WorkerId,
    call::{Heard, OPTED_OUT},
    settle::{Earlier, Next, Progress, settle},
};
use ringfleet_store::{
    Address, Bump, Call, CallUpdate, CallerDay, Campaign, NewMessage, NewRecording, RecipientUpdate,
    Standing, Store,
};
use ringfleet_telemetry::CALLS;
use uuid::Uuid;

use crate::{
    Engine, Result,
    batch::{Batcher, until_it_passes},
    brake,
    caller_ids::{counted, give_back},
    campaign_brake,
    facts::{self, Completed},
    known::{address, forget_calls},
    messages::{earlier_of, leave_alone},
    publish::{Hints, completed_facts, publish},
    recordings::Recorded,
    stats::hour,
    verdict::{count_holds, waits},
};

/// A call that has ended, and who says so.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// Which.
    pub call: CallId,
    /// Its campaign, to be held while it settles.
    pub campaign: Option<CampaignId>,
    /// The worker it belongs to; another's word does not count.
    pub worker: WorkerId,
    /// It went to its carrier, as far as anybody knows.
    pub sent: bool,
    /// A phone rang, as far as anybody knows: then its caller ID was shown, whatever comes of the call.
    pub rung: bool,
    /// When it went to its carrier this time; unknown for a dead worker's call.
    pub begun: Option<DateTime<Utc>>,
    /// How it ended.
    pub ending: Ending,
    /// What was heard of the callee.
    pub heard: Option<Heard>,
    /// When somebody picked up, if that may not have been noted yet: see [`Engine::answered`].
    pub answered_at: Option<DateTime<Utc>>,
    /// When that was seen.
    pub at: DateTime<Utc>,
    /// The recording it has left.
    pub recorded: Option<Recorded>,
}

impl Settlement {
    /// Whether the start that stands with its call is of this time, and nothing was sent.
    fn takes_back_the_start(&self, call: &Call) -> bool {
        let times = call.triggered_at.zip(self.begun).filter(|_| !self.sent);
        times.is_some_and(|(start, begun)| start.timestamp_millis() >= begun.timestamp_millis())
    }

    /// What it says about the trunk of its call.
    fn word(&self, call: &Call) -> Option<brake::Word<'_>> {
        Some(brake::Word { trunk: call.trunk_id, call: call.id, begun: self.begun, ending: &self.ending })
    }
}

pub(crate) fn settler(store: Store, hints: Hints, clock: Arc<dyn Clock>) -> Batcher<Settlement, bool> {
    Batcher::new(move |settlements| {
        let (store, hints, clock) = (store.clone(), hints.clone(), clock.clone());
        async move { settle_all(&store, &hints, clock.now(), settlements).await }
    })
}

impl Engine {
    /// Settles a call. False when it is not this worker's any more or is settled already: then nothing was changed.
    ///
    /// Waits out passing trouble of the database: an ending that was seen is never lost while this process lives.
    pub async fn settle(&self, settlement: Settlement) -> Result<bool> {
        let settle = || self.0.settlements.run(settlement.clone());
        until_it_passes("a call cannot be settled yet", settlement.call, settle).await
    }
}

async fn settle_all(
    store: &Store,
    hints: &Hints,
    now: DateTime<Utc>,
    settlements: Vec<Settlement>,
) -> Result<Vec<bool>> {
    let campaigns: Vec<Uuid> = settlements.iter().filter_map(|s| s.campaign.map(|c| c.uuid())).collect();
    let mut tx = store.write_many().await?;
    // Always campaigns, then calls, then recipients, then counters: one order of locks for everybody.
    let campaigns: HashMap<CampaignId, Campaign> =
        tx.hold_campaigns(&campaigns).await?.into_iter().map(|c| (c.id, c)).collect();
    let owned: Vec<_> = settlements.iter().map(|s| (s.call.uuid(), s.worker)).collect();
    let calls = tx.open_calls(&owned).await?;
    let recipients: Vec<Uuid> = calls.iter().filter_map(|c| c.recipient_id.map(|r| r.uuid())).collect();
    let standings: HashMap<Uuid, Standing> =
        tx.standings(&recipients).await?.into_iter().map(|s| (s.id.uuid(), s)).collect();
    let mut calls: HashMap<CallId, Call> = calls.into_iter().map(|c| (c.id, c)).collect();
    let earlier = earlier_of(&mut tx, &calls, &campaigns).await?;
    let words: Vec<brake::Word> = settlements.iter().filter_map(|s| s.word(calls.get(&s.call)?)).collect();
    let resting = brake::hear(&mut tx, &words, now).await?;

    let mut writes = Writes::default();
    let mut done = Vec::with_capacity(settlements.len());
    for settlement in &settlements {
        let call = calls.remove(&settlement.call); // a second settlement of the same call finds nothing
        done.push(call.is_some());
        let Some(call) = call else { continue };
        let campaign = call.campaign_id.and_then(|id| campaigns.get(&id));
        let standing = call.recipient_id.and_then(|id| standings.get(&id.uuid()));
        let seen = Seen {
            trunk_rests: resting.contains(&call.trunk_id),
            earlier: earlier.get(&call.id).copied().unwrap_or_default(),
        };
        writes.add(call, settlement, campaign.zip(standing), seen, now);
    }
    tx.update_calls(&writes.calls).await?;
    tx.update_recipients(&writes.recipients).await?;
    if !writes.unmade.is_empty() {
        forget_calls(&mut tx, &writes.unmade).await?;
    }
    give_back(&mut tx, &writes.unshown).await?;
    if !writes.links.is_empty() {
        tx.insert_recordings(&writes.recorded(), now).await?;
    }
    let messages = writes.messages();
    if !messages.is_empty() {
        tx.insert_messages(&messages).await?;
    }
    for call in writes.ended.iter().filter(|call| was_stopped_there(call)) {
        leave_alone(&mut tx, call, now).await?;
    }
    let link = |call: &Call| writes.links.get(&call.id).cloned().flatten();
    let mut facts: Vec<_> =
        writes.ended.iter().flat_map(|call| facts::ended_recorded(call, link(call))).collect();
    facts.extend(completed_facts(&writes.completed, |id| campaigns.get(&id)));
    let deliveries = publish(&mut tx, facts, now).await?;
    campaign_brake::count(&mut tx, &campaigns, &writes.ended).await?;
    tx.bump(writes.bumps).await?;
    tx.commit().await?;
    for (call, outcome) in writes.ended.iter().filter_map(|call| Some((call, call.outcome?))) {
        CALLS.of([call.channel.as_str(), outcome.as_str()]).increment(1);
    }
    count_holds(writes.calls.iter().filter_map(|call| call.hold));
    hints.deliveries(&deliveries);
    Ok(done)
}

/// Its provider has refused a message because the person has said stop there.
fn was_stopped_there(call: &Call) -> bool {
    call.channel != Channel::Voice && call.reason.as_deref() == Some(OPTED_OUT)
}

/// What the database knows beside the call.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// Its trunk is not serving anybody.
    trunk_rests: bool,
    /// What came of the earlier ones of its recipient.
    earlier: Earlier,
}

/// What one batch of endings writes.
#[derive(Default)]
struct Writes {
    calls: Vec<CallUpdate>,
    recipients: Vec<RecipientUpdate>,
    ended: Vec<Call>,
    completed: Vec<Completed>,
    /// Calls among them that were recorded, and the links to what was.
    links: HashMap<CallId, Option<String>>,
    /// Calls that consumed nothing: no cap counts them.
    unmade: Vec<(Address, Uuid)>,
    /// Those of them for whom no phone rang: no caller ID counts them.
    unshown: Vec<CallerDay>,
    bumps: Vec<Bump>,
}

impl Writes {
    fn add(
        &mut self,
        mut call: Call,
        settlement: &Settlement,
        of: Option<(&Campaign, &Standing)>,
        seen: Seen,
        now: DateTime<Utc>,
    ) {
        let ending = &settlement.ending;
        let next = match of {
            Some((campaign, standing)) => {
                let attempts = standing.attempts + u32::from(matches!(ending, Ending::Over { .. }));
                let placements = call.placements;
                let Seen { trunk_rests, earlier } = seen;
                let step = standing.step as usize;
                let progress = Progress { step, attempts, placements, trunk_rests, earlier };
                let next = settle(&campaign.plan, progress, ending, campaign.state, now);
                let update = recipient_update(campaign, standing, &next, progress, ending, now);
                if update.state == RecipientState::Pending {
                    self.bumps.extend(waits(campaign.id, update.hold, update.due_at, 1));
                }
                self.completed.extend(Completed::of(&update, campaign.id, standing.number));
                self.recipients.push(update);
                if let Next::Done(disposition) = next {
                    self.bumps.push(Bump::new(
                        campaign.id,
                        CounterKind::Disposition,
                        disposition.as_str(),
                        1,
                    ));
                }
                if let Ending::Over { outcome, .. } = ending
                    && !matches!(next, Next::Hold { .. })
                {
                    self.count(campaign.id, &call, *outcome, settlement);
                    if next == Next::Done(Disposition::Exhausted) {
                        self.bumps.push(exhausted(campaign.id, *outcome, 1));
                    }
                }
                next
            }
            None => without_recipient(ending, now),
        };
        if !matches!(ending, Ending::Over { .. }) || matches!(next, Next::Hold { .. }) {
            self.unmade.push((address(&call), call.id.uuid()));
            self.unshown.extend(counted(&call).filter(|_| !settlement.rung));
        }
        let update = call_update(&call, settlement, &next);
        if update.state.is_final() {
            call.answered_at = call.answered_at.or(update.answered_at);
            call.state = update.state;
            call.outcome = update.outcome;
            call.reason = Some(update.reason.clone());
            call.code = update.code.map(i32::from);
            call.ended_by = update.ended_by;
            call.heard = update.heard.clone();
            call.ended_at = update.ended_at;
            if let Some(recorded) = &settlement.recorded {
                self.links.insert(call.id, recorded.url.clone());
            }
            self.ended.push(call);
        }
        self.calls.push(update);
    }
}

impl Writes {
    fn recorded(&self) -> Vec<NewRecording> {
        let calls = self.ended.iter().filter(|call| self.links.contains_key(&call.id));
        calls
            .map(|call| NewRecording { call_id: call.id.uuid(), workspace_id: call.workspace_id.uuid() })
            .collect()
    }

    /// Messages among them that were taken, or may have been: receipts and answers will look for them.
    fn messages(&self) -> Vec<NewMessage> {
        let is_out = |outcome| matches!(outcome, Outcome::Sent | Outcome::Uncertain);
        let sent = self
            .ended
            .iter()
            .filter(|call| call.channel != Channel::Voice && call.outcome.is_some_and(is_out));
        let message = |call: &Call| NewMessage {
            call_id: call.id.uuid(),
            workspace_id: call.workspace_id.uuid(),
            number: call.number.digits(),
            channel: call.channel,
            sent_at: call.ended_at.unwrap_or(call.created_at),
        };
        sent.map(message).collect()
    }

    /// An attempt that was made.
    fn count(&mut self, campaign: CampaignId, call: &Call, outcome: Outcome, settlement: &Settlement) {
        let at = settlement.at;
        let answered_at = call.answered_at.or(settlement.answered_at);
        let talked = answered_at.map_or(0, |answer| at.timestamp_millis() - answer.timestamp_millis());
        self.bumps.push(Bump::new(campaign, CounterKind::Outcome, outcome.as_str(), 1));
        self.bumps.push(Bump::new(campaign, CounterKind::Channel, call.channel.as_str(), 1));
        if call.channel != Channel::Voice {
            return; // hours and talking are for calls
        }
        self.bumps.push(Bump::new(campaign, CounterKind::Talk, "ms", talked.max(0)));
        self.bumps.push(Bump::new(campaign, CounterKind::Hour, hour(at), 1));
        if outcome.was_answered() {
            self.bumps.push(Bump::new(campaign, CounterKind::AnsweredHour, hour(at), 1));
        }
    }
}

/// `n` more recipients have ended EXHAUSTED, whose last attempt had this outcome.
pub(crate) fn exhausted(campaign: CampaignId, last: Outcome, n: i64) -> Bump {
    Bump::new(campaign, CounterKind::Exhausted, last.as_str(), n)
}

/// A single triggered call has no plan: it ends as it ended, or waits for room.
fn without_recipient(ending: &Ending, now: DateTime<Utc>) -> Next {
    if let Ending::Over { .. } = ending {
        return Next::Done(Disposition::Exhausted); // of nobody's list; what counts is that it is over
    }
    let progress =
        Progress { step: 0, attempts: 1, placements: 1, trunk_rests: false, earlier: Earlier::default() };
    settle(&Plan::voice(1), progress, ending, CampaignState::InProgress, now)
}

fn call_update(call: &Call, settlement: &Settlement, next: &Next) -> CallUpdate {
    let (id, ending) = (call.id.uuid(), &settlement.ending);
    if let Next::Hold { at: due_at, hold } = next {
        let reason = match ending {
            Ending::NoRoom { reason, .. } | Ending::GivenUp { reason } | Ending::Over { reason, .. } => {
                reason.to_string()
            }
        };
        let state = CallState::Pending;
        return CallUpdate {
            id,
            state,
            hold: Some(*hold),
            outcome: None,
            reason,
            code: None,
            ended_by: None,
            heard: None,
            due_at: Some(*due_at),
            unsent: settlement.takes_back_the_start(call),
            answered_at: None,
            ended_at: None,
        };
    }
    let (state, outcome, reason, code, ended_by) = match ending {
        Ending::Over { outcome, reason, code, by } => {
            (outcome.state(), Some(*outcome), reason, *code, Some(*by))
        }
        Ending::NoRoom { reason, code, .. } => (CallState::Cancelled, None, reason, *code, None),
        Ending::GivenUp { reason } => (CallState::Cancelled, None, reason, None, None),
    };
    CallUpdate {
        id,
        state,
        hold: None,
        outcome,
        reason: reason.to_string(),
        code,
        ended_by,
        heard: settlement.heard.clone(),
        due_at: None,
        unsent: false,
        answered_at: settlement.answered_at,
        ended_at: Some(settlement.at),
    }
}

fn recipient_update(
    campaign: &Campaign,
    standing: &Standing,
    next: &Next,
    progress: Progress,
    ending: &Ending,
    now: DateTime<Utc>,
) -> RecipientUpdate {
    let (last_outcome, last_reason) = match ending {
        Ending::Over { outcome, reason, .. } => (Some(*outcome), Some(reason.to_string())),
        _ => (None, None),
    };
    let base = RecipientUpdate {
        id: standing.id.uuid(),
        state: RecipientState::Pending,
        step: progress.step as u32,
        attempts: progress.attempts,
        total_attempts: standing.total_attempts + u32::from(last_outcome.is_some()),
        due_at: standing.due_at,
        hold: None,
        ready_at: None,
        disposition: None,
        last_outcome,
        last_reason,
        done_at: None,
    };
    // Inside the recipient's own hours.
    let due = |at: DateTime<Utc>, base: RecipientUpdate| {
        let fit = campaign.terms().fit(standing.number, standing.timezone.as_deref(), at);
        let due = fit.due(at, Some(Hold::Retry));
        RecipientUpdate { due_at: due.at, hold: due.hold, ready_at: due.ready_at, ..base }
    };
    match *next {
        Next::Retry { at } => due(at, base),
        Next::Step { step, at } => due(at, RecipientUpdate { step: step as u32, attempts: 0, ..base }),
        // Its call keeps waiting, so the recipient stays claimed. Nothing was consumed.
        Next::Hold { at, hold } => RecipientUpdate {
            state: RecipientState::Queued,
            attempts: standing.attempts,
            total_attempts: standing.total_attempts,
            due_at: at,
            hold: Some(hold),
            last_outcome: None,
            last_reason: None,
            ..base
        },
        Next::Done(disposition) => RecipientUpdate {
            state: RecipientState::Done,
            disposition: Some(disposition),
            done_at: Some(now),
            ..base
        },
    }
}
