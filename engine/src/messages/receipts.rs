//! What is told of a message after it was taken: what becomes of its call, and of its recipient.

use chrono::{DateTime, Utc};
use ringfleet_core::{
    CallId, CallState, Channel, CounterKind, Disposition, Hold, Outcome, RecipientState,
    aftermath::{Stand, after_receipt},
    call::OPTED_OUT,
    message::Receipt,
    settle::{Earlier, Next, Past},
};
use ringfleet_store::{Bump, Call, Campaign, NewSuppression, Recipient, RecipientUpdate, Tx};
use ringfleet_telemetry::RECEIPTS;

use super::earlier::earlier;
use crate::{
    Engine, Result,
    facts::{self, Completed},
    publish::{completed_facts, publish},
    settle::exhausted,
    verdict::waits,
};

/// What a receipt has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It says something new.
    New,
    /// It was known, or is older than what is known.
    Known,
    /// The message is on its way to its provider still, as far as anybody has written down: tell it again in a moment.
    TooEarly,
    /// There is no such message.
    Unknown,
}

/// What is told of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The call it is.
    pub call: CallId,
    /// What became of it.
    pub receipt: Receipt,
    /// In one word, like `unreachable`.
    pub reason: String,
    /// The provider's code.
    pub code: Option<i32>,
}

impl Engine {
    /// Something is told of a message, in any order, and as often as it likes.
    pub async fn receipt(&self, news: &News, asked: crate::Receipt<Noted>) -> Result<Noted> {
        let News { call, receipt, reason, code } = news;
        let (now, code) = (self.0.clock.now(), *code);
        let mut tx = self.0.store.write().await?;
        let campaign = match tx.calls_by_id(&[call.uuid()]).await?.pop() {
            Some(found) => found.campaign_id,
            None => return Ok(Noted::Unknown),
        };
        let campaign = match campaign {
            Some(id) => tx.hold_campaigns(&[id.uuid()]).await?.pop(),
            None => None,
        };
        let kin = tx.hold_call_and_kin(*call).await?;
        let Some(mut call) = kin.iter().find(|one| one.id == *call).cloned() else {
            return Ok(Noted::Unknown);
        };
        if !call.state.is_final() {
            return Ok(Noted::TooEarly);
        }
        let turned = call.outcome.and_then(|before| Some((before, receipt.turns(before)?)));
        let Some((before, outcome)) = turned.filter(|_| call.channel != Channel::Voice) else {
            asked.write(&mut tx, &Noted::Known, self.clock()).await?;
            tx.commit().await?;
            return Ok(Noted::Known);
        };
        let was = call.clone();
        (call.outcome, call.state) = (Some(outcome), outcome.state());
        call.reason = Some(reason.clone());
        call.code = code.or(call.code);
        tx.turn_message(call.id, (call.state, outcome), reason, code, now).await?;
        if reason == OPTED_OUT {
            leave_alone(&mut tx, &call, now).await?;
        }
        let mut bumps = Vec::new();
        let mut completed = Vec::new();
        if let Some(campaign) = &campaign {
            bumps.push(Bump::new(campaign.id, CounterKind::Outcome, before.as_str(), -1));
            bumps.push(Bump::new(campaign.id, CounterKind::Outcome, outcome.as_str(), 1));
            let turn = Turn { campaign, kin: &kin, was: &was, is: &call, now };
            completed.extend(turn.carry_out(&mut tx, &mut bumps).await?);
        }
        let mut told: Vec<_> = vec![facts::updated(&call)];
        told.extend(completed_facts(&completed, |_| campaign.as_ref()));
        let deliveries = publish(&mut tx, told, now).await?;
        tx.bump(bumps).await?;
        asked.write(&mut tx, &Noted::New, self.clock()).await?;
        tx.commit().await?;
        RECEIPTS.of([call.channel.as_str(), receipt.as_str()]).increment(1);
        self.hint_deliveries(&deliveries);
        Ok(Noted::New)
    }
}

/// A message of a campaign before and after a receipt.
struct Turn<'a> {
    campaign: &'a Campaign,
    /// All calls of the recipient, held.
    kin: &'a [Call],
    was: &'a Call,
    is: &'a Call,
    now: DateTime<Utc>,
}

impl Turn<'_> {
    /// Writes what becomes of the recipient. Gives how it ended, if it does.
    async fn carry_out(&self, tx: &mut Tx, bumps: &mut Vec<Bump>) -> Result<Option<Completed>> {
        let Some(id) = self.is.recipient_id else { return Ok(None) };
        let Some(recipient) = tx.recipient_for_update(self.campaign.id, id).await? else { return Ok(None) };
        let stand = Stand {
            state: recipient.state,
            step: recipient.step as usize,
            attempts: recipient.attempts,
            disposition: recipient.disposition,
        };
        let earlier = earlier(self.kin.iter().filter(|call| call.id != self.is.id));
        let before = self.past(self.was, earlier);
        let told = self.past(self.is, earlier);
        let next = after_receipt(&self.campaign.plan, before, told, stand, self.now);
        let Some(next) = next else { return Ok(None) };
        if recipient.state == RecipientState::Queued {
            let is_new = |call: &&Call| call.state == CallState::Pending && call.placements == 0;
            // One that came after the look at them, or has been out before, goes its way.
            let Some(waiting) = self.kin.iter().find(is_new) else { return Ok(None) };
            tx.delete_calls(&[waiting.id.uuid()]).await?;
        }
        self.move_on(tx, &recipient, &next, bumps).await
    }

    fn past<'c>(&self, call: &'c Call, earlier: Earlier) -> Past<'c> {
        Past {
            step: call.step as usize,
            outcome: call.outcome.unwrap_or(Outcome::Sent),
            reason: call.reason.as_deref().unwrap_or_default(),
            ended_at: call.ended_at.unwrap_or(self.now),
            earlier,
        }
    }

    async fn move_on(
        &self,
        tx: &mut Tx,
        recipient: &Recipient,
        next: &Next,
        bumps: &mut Vec<Bump>,
    ) -> Result<Option<Completed>> {
        let campaign = self.campaign;
        if recipient.state == RecipientState::Pending {
            bumps.extend(waits(campaign.id, recipient.hold, recipient.due_at, -1));
        }
        if let Some(ended) = recipient.disposition {
            bumps.push(Bump::new(campaign.id, CounterKind::Disposition, ended.as_str(), -1));
            let last = recipient.last_outcome.filter(|_| ended == Disposition::Exhausted);
            bumps.extend(last.map(|last| exhausted(campaign.id, last, -1)));
        }
        let outcome = self.is.outcome.unwrap_or(Outcome::Sent);
        let base = RecipientUpdate {
            id: recipient.id.uuid(),
            state: RecipientState::Pending,
            step: recipient.step,
            attempts: recipient.attempts,
            total_attempts: recipient.total_attempts,
            due_at: recipient.due_at,
            hold: None,
            ready_at: None,
            disposition: None,
            last_outcome: Some(outcome),
            last_reason: self.is.reason.clone(),
            done_at: None,
        };
        let update = match *next {
            Next::Done(disposition) => {
                bumps.push(Bump::new(campaign.id, CounterKind::Disposition, disposition.as_str(), 1));
                if disposition == Disposition::Exhausted {
                    bumps.push(exhausted(campaign.id, outcome, 1));
                }
                let done_at = recipient.done_at.or(Some(self.now));
                let state = RecipientState::Done;
                RecipientUpdate { state, disposition: Some(disposition), done_at, ..base }
            }
            Next::Step { step, at } => {
                let fit = campaign.terms().fit(recipient.number, recipient.timezone.as_deref(), at);
                let due = fit.due(at, Some(Hold::Retry));
                bumps.extend(waits(campaign.id, due.hold, due.at, 1));
                let step = u32::try_from(step).unwrap_or(u32::MAX);
                RecipientUpdate {
                    step,
                    attempts: 0,
                    due_at: due.at,
                    hold: due.hold,
                    ready_at: due.ready_at,
                    ..base
                }
            }
            Next::Retry { .. } | Next::Hold { .. } => return Ok(None),
        };
        let completed = Completed::of(&update, campaign.id, recipient.number);
        tx.update_recipients(&[update]).await?;
        Ok(completed.filter(|_| recipient.state != RecipientState::Done)) // that it ended was told
    }
}

/// The provider keeps messages from this number, for its owner has said stop there: so it is on all channels.
pub(crate) async fn leave_alone(tx: &mut Tx, call: &Call, now: DateTime<Utc>) -> Result<()> {
    if call.number.is_erased() {
        return Ok(());
    }
    let stop = NewSuppression::stop(call.number, format!("the provider of {} has had a stop", call.id));
    tx.suppress(call.workspace_id, &[stop], now).await?;
    Ok(())
}
