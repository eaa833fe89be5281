//! Lists that are being made ready: copied from another campaign, or fitted into a changed plan. A few thousand recipients at a
//! time, for a list of millions in one transaction would hold up everybody else; what is noted with each portion lets anybody go on
//! after a crash.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use ringfleet_core::{
    CampaignAction, CampaignId, Clock, CounterKind, Disposition, Hold, Plan, RecipientId, RecipientState,
    Step, WorkspaceId,
    clock::Stopwatch,
    replan::Place,
    terms::{Due, Fit},
};
use ringfleet_store::{Bump, Campaign, CopiedRecipient, Listed, Placed, Tx, Unready, fresh_ids};
use uuid::Uuid;

use crate::{
    Engine, EngineError, Result,
    publish::{completed_facts, ends_of, publish},
    settle::exhausted,
    verdict::waits,
    wind_up::{A_WHILE, PORTION},
};

impl Engine {
    /// Goes on with every list that is not ready, with each for a while, and starts the campaigns that wait for theirs. Any
    /// number of schedulers may do this at once.
    pub async fn make_ready(&self) -> Result<()> {
        let mut tx = self.0.store.read().await?;
        let unready = tx.unready_campaigns().await?;
        tx.commit().await?;
        for one in unready {
            match self.make_one_ready(&one).await {
                // One campaign's trouble is not the others'; trouble of the database is everybody's.
                Err(error) if !error.is_passing() => {
                    tracing::error!(%error, campaign = %one.id, "a list cannot be made ready")
                }
                done => done?,
            }
        }
        Ok(())
    }

    async fn make_one_ready(&self, one: &Unready) -> Result<()> {
        if !self.make_ready_for_a_while(one.workspace_id, one.id).await? || !one.starts_itself {
            return Ok(());
        }
        match self.act(one.workspace_id, one.id, CampaignAction::Start, None).await {
            Ok(_) | Err(EngineError::WrongState(_)) => Ok(()), // somebody was faster
            Err(EngineError::Conflict { code, message }) => {
                tracing::warn!(campaign = %one.id, "a run cannot be started and is cancelled: {message}");
                self.act(one.workspace_id, one.id, CampaignAction::Cancel, Some(code)).await.map(drop)
            }
            Err(error) => Err(error),
        }
    }

    /// True when the list is ready. What is not done in a while, the scheduler does.
    pub(crate) async fn make_ready_for_a_while(
        &self,
        workspace: WorkspaceId,
        id: CampaignId,
    ) -> Result<bool> {
        let watch = Stopwatch::start();
        while watch.elapsed() < A_WHILE {
            if !self.copy_one_portion(workspace, id).await? && !self.place_portion(workspace, id).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// False when the list is whole.
    async fn copy_one_portion(&self, workspace: WorkspaceId, id: CampaignId) -> Result<bool> {
        let mut tx = self.0.store.write().await?;
        let copied = copy_portion(&mut tx, workspace, id, Clock::now(self.clock())).await?;
        tx.commit().await?;
        Ok(copied.is_some())
    }

    /// False when everybody has found their place in the changed plan, and their time in the changed hours.
    async fn place_portion(&self, workspace: WorkspaceId, id: CampaignId) -> Result<bool> {
        let now = Clock::now(self.clock());
        let mut tx = self.0.store.write().await?;
        let Some(campaign) = tx.campaign_for_update(workspace, id).await? else { return Ok(false) };
        let Some(after) = campaign.replanned_to else { return Ok(false) };
        let found = tx.next_to_place(id, after, PORTION).await?;
        tx.replanned_to(id, found.last().map(|one| one.id.uuid())).await?;
        let (mut moved, mut over, mut retimed) = (Vec::new(), Vec::new(), Vec::new());
        for one in found.iter().filter(|one| one.state != RecipientState::Done) {
            match goes_on(&campaign.plan, one) {
                Some(place) => {
                    moved.extend((place != place_of(one)).then_some((one.id, place)));
                    retimed.extend(due_anew(&campaign, one, now).map(|due| (one, due)));
                }
                None => over.push(one),
            }
        }
        tx.place_recipients(&moved).await?;
        let dues: Vec<(RecipientId, Due)> = retimed.iter().map(|(one, due)| (one.id, *due)).collect();
        let waiting: HashSet<Uuid> = tx.retime_recipients(&dues).await?.into_iter().collect();
        retimed.retain(|(one, _)| waiting.contains(&one.id.uuid()));
        let (why, ids): (_, Vec<Uuid>) = ("plan_shortened", over.iter().map(|one| one.id.uuid()).collect());
        let completed = ends_of(&mut tx, &campaign, &ids, Disposition::Exhausted, why, now).await?;
        tx.end_recipients(over.iter().map(|one| one.id), Disposition::Exhausted, why, now).await?;
        let ended = Disposition::Exhausted.as_str();
        let mut bumps = vec![Bump::new(id, CounterKind::Disposition, ended, over.len() as i64)];
        bumps.extend(over.iter().filter_map(|one| Some(exhausted(id, one.last_outcome?, 1))));
        bumps.extend(over.iter().filter_map(|one| waits(id, one.hold, one.due_at, -1)));
        bumps.extend(retimed.iter().filter_map(|(one, _)| waits(id, one.hold, one.due_at, -1)));
        bumps.extend(retimed.iter().filter_map(|(_, due)| waits(id, due.hold, due.at, 1)));
        let facts = completed_facts(&completed, |_| Some(&campaign)).collect();
        let deliveries = publish(&mut tx, facts, now).await?;
        tx.bump(bumps).await?;
        tx.commit().await?;
        self.0.hints.deliveries(&deliveries);
        Ok(!found.is_empty())
    }
}

/// Goes on with the copy of a list; gives how many of it were looked at, or that it is whole.
pub(crate) async fn copy_portion(
    tx: &mut Tx,
    workspace: WorkspaceId,
    id: CampaignId,
    now: DateTime<Utc>,
) -> Result<Option<usize>> {
    let Some(campaign) = tx.campaign_for_update(workspace, id).await? else { return Ok(None) };
    let Some(copying) = tx.copying(id).await? else { return Ok(None) };
    let listed = tx.next_to_copy(&copying, PORTION).await?;
    let Some(last) = listed.last().map(|one| one.id) else {
        tx.end_copy(id).await?;
        return Ok(None);
    };
    let wanted: Vec<&Listed> = listed.iter().filter(|one| copying.wants(one)).collect();
    let ids = fresh_ids(wanted.len(), now);
    let copies: Vec<CopiedRecipient> =
        wanted.iter().zip(ids).map(|(one, id)| copy_of(&campaign, one, id, now)).collect();
    let first_step = campaign.plan.first_step().unwrap_or(0);
    let made = tx.copy_recipients(id, first_step, &copies, now).await?;
    tx.copied_to(id, last).await?;
    let mut bumps = vec![Bump::new(id, CounterKind::Recipients, "total", made.len() as i64)];
    let made: HashSet<Uuid> = made.into_iter().collect();
    let held = copies.iter().filter(|copy| made.contains(&copy.id)).map(|copy| (copy.hold, copy.due_at));
    bumps.extend(held.filter_map(|(hold, due_at)| waits(id, hold, due_at, 1)));
    tx.bump(bumps).await?;
    Ok(Some(listed.len()))
}

fn copy_of(campaign: &Campaign, one: &Listed, id: RecipientId, now: DateTime<Utc>) -> CopiedRecipient {
    let fit = campaign.terms().fit(one.number, one.timezone.as_deref(), now);
    let Due { at, hold, ready_at } = fit.due(now, None);
    CopiedRecipient { id: id.uuid(), after: one.id.uuid(), due_at: at, hold, ready_at }
}

/// When a waiting recipient is due under the hours that hold now; none when nothing changes for it. What the plan or somebody asked for
/// stays: hours can only make it later than that.
fn due_anew(campaign: &Campaign, one: &Placed, now: DateTime<Utc>) -> Option<Due> {
    if one.state != RecipientState::Pending {
        return None;
    }
    let asked = one.ready_at.unwrap_or(one.due_at);
    // Moved by the hours or by caller IDs, it waited for what the plan says, or somebody, before; long due, for its turn.
    let before = match one.hold {
        Some(Hold::Window | Hold::CallerId) => (asked > now).then_some(Hold::Retry),
        hold => hold,
    };
    let fit = campaign.terms().fit(one.number, one.timezone.as_deref(), asked.max(now));
    let due = match fit {
        Fit::Open(_) => Fit::Open(asked),
        fit => fit,
    }
    .due(asked, before);
    ((due.at, due.hold) != (one.due_at, one.hold)).then_some(due)
}

fn place_of(one: &Placed) -> Place {
    Place { step: one.step as usize, attempts: one.attempts }
}

/// Where a recipient goes on; none when it is over. One that has a call already keeps it: the call is made, and then it is over.
fn goes_on(plan: &Plan, one: &Placed) -> Option<Place> {
    let last_call = || {
        let step = plan.steps.iter().rposition(Step::is_carried_out)?;
        Some(Place { step, attempts: plan.steps[step].attempts })
    };
    let place = plan.go_on(place_of(one), one.total_attempts, one.last_outcome);
    if one.state == RecipientState::Pending { place } else { place.or_else(last_call) }
}
