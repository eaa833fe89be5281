//! From due recipients to calls on the queue.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use ringfleet_core::{
    CallId, CampaignId, CampaignState, Channel, Hold, WorkspaceId,
    brake::HELD_FOR,
    terms::{Candidate, Verdict},
};
use ringfleet_fleet::Lane;
use ringfleet_store::{Address, Bump, Campaign, NewCall, Queue, Running, Standing, Tx};
use ringfleet_telemetry::{CLAIMED, DISPATCH_LAG};
use serde_json::json;
use uuid::Uuid;

use crate::{
    Engine, Result,
    caller_ids::{Ration, ration},
    facts::Completed,
    known::Known,
    messages,
    publish::{completed_facts, publish},
    trunk_groups,
    verdict::Verdicts,
};

/// Recipients judged in one transaction beyond those there is room for: when hours end, the whole list is put off by portions.
const PORTION: u32 = 2_000;
/// Portions in one transaction.
const PORTIONS: usize = 4;

/// What a dispatch has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dispatched {
    /// Recipients for whom there is a call now.
    pub claimed: u32,
    /// Those and the ones put off because of the rules, or ended.
    pub judged: usize,
}

impl Engine {
    /// Claims due recipients of a campaign, whose turn it is to be called, until `room` calls of it wait for workers, and pushes their jobs.
    ///
    /// One scheduler at a time does this for a campaign; another one's turn comes with its next round.
    pub async fn dispatch(&self, running: &Running, room: u32) -> Result<Dispatched> {
        let now = self.0.clock.now();
        let mut tx = self.0.store.write().await?;
        let Some(campaign) = take_turn(&mut tx, running).await? else { return Ok(Dispatched::default()) };
        let steps: Vec<usize> = campaign.plan.calls().collect();
        let choice = trunk_groups::choose(&mut tx, &campaign, room).await?;
        let mut claim = Claim::default();
        let free = match ration(&mut tx, &campaign, running.trunk_has_pool, choice.waiting, now).await? {
            Ration::Any => choice.free,
            Ration::Calls(left) => choice.free.min(left),
            Ration::Nothing(until) => {
                claim.no_number_before = Some(until);
                choice.free
            }
        };
        if free == 0 || steps.is_empty() {
            return Ok(Dispatched::default());
        }
        let mut limit = free;
        for _ in 0..PORTIONS {
            let due = due(&mut tx, campaign.id, &steps, limit, now).await?;
            let more = due.len() as u32 == limit;
            claim.take(&mut tx, &campaign, Channel::Voice, due, free, now).await?;
            if !more || claim.calls.len() as u32 >= free {
                break;
            }
            limit = PORTION.max(free);
        }
        let trunks = choice.trunks(claim.calls.len(), CallId::new(now));
        claim.calls.iter_mut().zip(trunks).for_each(|(call, trunk)| call.trunk_id = trunk.uuid());
        self.make(tx, &campaign, claim, now).await
    }

    /// Claims due recipients of a campaign, whose turn it is to be written to, and pushes their jobs: as many as their trunks have room for, shared
    /// `among` so many campaigns. Whose trunk rests is put off.
    pub async fn dispatch_messages(&self, running: &Running, among: usize) -> Result<Dispatched> {
        let now = self.0.clock.now();
        let mut tx = self.0.store.write().await?;
        let Some(campaign) = take_turn(&mut tx, running).await? else { return Ok(Dispatched::default()) };
        let mut claim = Claim::default();
        let mut rooms = messages::Rooms::of(&mut tx, &campaign, among).await?;
        for (step, planned) in campaign.plan.messages() {
            let Some(trunk) = planned.trunk_id else { continue };
            match rooms.of_trunk(trunk) {
                messages::Room::Full => {}
                messages::Room::Rests => {
                    let due = tx.due_recipients(campaign.id, step, PORTION, now).await?;
                    claim.put_off(&mut tx, &campaign, due, now + HELD_FOR, now).await?;
                }
                messages::Room::For(free) => {
                    let already = claim.calls.len();
                    let due = tx.due_recipients(campaign.id, step, PORTION.min(free), now).await?;
                    claim.take(&mut tx, &campaign, planned.channel, due, u32::MAX, now).await?;
                    let mine = &mut claim.calls[already..];
                    mine.iter_mut().for_each(|call| call.trunk_id = trunk.uuid());
                    rooms.take(trunk, mine.len());
                }
            }
        }
        self.make(tx, &campaign, claim, now).await
    }

    /// Makes the calls of a claim, commits, and pushes their jobs.
    async fn make(
        &self,
        mut tx: Tx,
        campaign: &Campaign,
        mut claim: Claim,
        now: DateTime<Utc>,
    ) -> Result<Dispatched> {
        if claim.judged == 0 {
            return Ok(Dispatched::default());
        }
        // Sorted, for ids of one millisecond are random among themselves and indexes grow at their end.
        let mut ids: Vec<Uuid> = claim.calls.iter().map(|_| CallId::new(now).uuid()).collect();
        ids.sort();
        claim.calls.iter_mut().zip(&ids).for_each(|(call, id)| call.id = *id);
        tx.insert_calls(&claim.calls, now).await?;
        let facts = completed_facts(&claim.completed, |_| Some(campaign)).collect();
        let deliveries = publish(&mut tx, facts, now).await?;
        tx.bump(claim.bumps).await?;
        tx.commit().await?;
        claim.lags.iter().for_each(|lag| DISPATCH_LAG.one().record(*lag));
        claim.calls.iter().for_each(|call| CLAIMED.of([call.channel.as_str()]).increment(1));
        self.hint_deliveries(&deliveries);
        self.hint(Lane::Campaign, &ids).await;
        Ok(Dispatched { claimed: claim.calls.len() as u32, judged: claim.judged })
    }

    /// Every campaign that is calling, or is scheduled and due.
    pub async fn running(&self) -> Result<Vec<Running>> {
        let mut tx = self.0.store.read().await?;
        let mut running = tx.running_campaigns(self.0.clock.now()).await?;
        trunk_groups::join_limits(&mut tx, &mut running).await?;
        tx.commit().await?;
        Ok(running)
    }

    /// The calls that wait, of each campaign that has any.
    pub async fn queues(&self) -> Result<HashMap<CampaignId, Queue>> {
        let mut tx = self.0.store.read().await?;
        let queues = tx.queues().await?;
        tx.commit().await?;
        Ok(queues.into_iter().map(|queue| (queue.campaign_id, queue)).collect())
    }

    /// Whether the campaign has nobody left to call.
    pub async fn is_done(&self, running: &Running) -> Result<bool> {
        let mut tx = self.0.store.read().await?;
        let open = tx.has_open_recipients(running.id).await?;
        tx.commit().await?;
        Ok(!open)
    }
}

/// The campaign, held, if it is this scheduler's turn to dispatch for it and it is calling still.
async fn take_turn(tx: &mut Tx, running: &Running) -> Result<Option<Campaign>> {
    if !tx.try_dispatching(running.id).await? {
        return Ok(None);
    }
    let held = tx.hold_campaigns(&[running.id.uuid()]).await?.pop();
    Ok(held.filter(|campaign| campaign.state == CampaignState::InProgress))
}

/// Up to `limit` due recipients of these steps, the longest due first.
async fn due(
    tx: &mut Tx,
    campaign: CampaignId,
    steps: &[usize],
    limit: u32,
    now: DateTime<Utc>,
) -> Result<Vec<Standing>> {
    let mut due = Vec::new();
    for &step in steps {
        due.extend(tx.due_recipients(campaign, step, limit, now).await?);
    }
    if steps.len() > 1 {
        due.sort_by_key(|one| (one.due_at, one.id));
        due.truncate(limit as usize);
    }
    Ok(due)
}

/// What one transaction claims.
#[derive(Default)]
struct Claim {
    calls: Vec<NewCall>,
    bumps: Vec<Bump>,
    completed: Vec<Completed>,
    judged: usize,
    /// For how long those who are called had been due.
    lags: Vec<Duration>,
    /// Until then every caller ID of the campaign is at its cap.
    no_number_before: Option<DateTime<Utc>>,
}

impl Claim {
    /// Judges due recipients, and writes what becomes of them, so that the next look does not find them again. Those that there is no
    /// room for stay as they are.
    async fn take(
        &mut self,
        tx: &mut Tx,
        campaign: &Campaign,
        channel: Channel,
        due: Vec<Standing>,
        free: u32,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let addresses: Vec<Address> = due.iter().map(|r| address(campaign, r)).collect();
        let known = Known::read(tx, &addresses, channel, now).await?;
        let (mut refused, mut chosen) = (Verdicts::default(), Vec::new());
        for recipient in &due {
            match judge(campaign, recipient, &known, self.no_number_before, now) {
                Verdict::Call if self.calls.len() as u32 == free => continue,
                Verdict::Call => {
                    refused.leaves(campaign.id, recipient);
                    self.calls.push(call_for(campaign, recipient, now));
                    self.lags.push((now - recipient.due_at).to_std().unwrap_or_default());
                    chosen.push(recipient.id.uuid());
                }
                verdict => refused.of_recipient(campaign.id, recipient, verdict, now),
            }
            self.judged += 1;
        }
        tx.queue_recipients(&chosen).await?;
        self.refuse(tx, refused).await
    }

    /// Lets recipients wait whose trunk rests.
    async fn put_off(
        &mut self,
        tx: &mut Tx,
        campaign: &Campaign,
        due: Vec<Standing>,
        at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut refused = Verdicts::default();
        self.judged += due.len();
        let later = Verdict::Later { at, hold: Hold::Trunk };
        due.iter().for_each(|one| refused.of_recipient(campaign.id, one, later, now));
        self.refuse(tx, refused).await
    }

    async fn refuse(&mut self, tx: &mut Tx, refused: Verdicts) -> Result<()> {
        refused.write(tx).await?;
        self.bumps.extend(refused.bumps);
        self.completed.extend(refused.completed);
        Ok(())
    }
}

fn address(campaign: &Campaign, recipient: &Standing) -> Address {
    Address { workspace: campaign.workspace_id.uuid(), number: recipient.number.digits() }
}

fn judge(
    campaign: &Campaign,
    recipient: &Standing,
    known: &Known,
    no_number_before: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Verdict {
    let address = address(campaign, recipient);
    let candidate = Candidate {
        number: recipient.number,
        timezone: recipient.timezone.as_deref(),
        added_at: recipient.created_at,
        is_first: recipient.total_attempts == 0,
        is_suppressed: known.is_suppressed(address),
        history: known.history(address),
        campaign: campaign.id.uuid(),
        call: None,
    };
    match (campaign.terms().judge(&candidate, now), no_number_before) {
        (Verdict::Call, Some(until)) => campaign.terms().not_before(&candidate, until, Hold::CallerId),
        (verdict, _) => verdict,
    }
}

/// Its id and, where there are several, its trunk are given when all calls of the claim are known.
fn call_for(campaign: &Campaign, recipient: &Standing, now: DateTime<Utc>) -> NewCall {
    let workspace: WorkspaceId = campaign.workspace_id;
    NewCall {
        id: Uuid::nil(),
        workspace_id: workspace.uuid(),
        campaign_id: Some(campaign.id.uuid()),
        recipient_id: Some(recipient.id.uuid()),
        agent_id: campaign.agent_id.uuid(),
        agent_version: None,
        trunk_id: campaign.trunk_id.uuid(),
        channel: campaign.plan.steps.get(recipient.step as usize).map_or(Channel::Voice, |step| step.channel),
        number: recipient.number.digits(),
        variables: json!({}),
        metadata: json!({}),
        caller_id: None,
        ring_seconds: campaign.ring_seconds,
        max_call_seconds: campaign.max_call_seconds,
        step: recipient.step,
        attempt: recipient.total_attempts + 1,
        due_at: now,
        pushed_at: now,
        traceparent: None,
    }
}
