//! What a campaign leaves behind when it stops calling, and how it is cleared away.
//!
//! Nothing may begin any more once the stop has been answered, so calls that wait are withdrawn with it. The recipients of
//! a campaign that is over end afterwards, a few thousand at a time: millions of them in one transaction would hold up
//! everybody else, and never come to an end.

use chrono::{DateTime, Utc};
use ringfleet_core::{
    CampaignAction, CampaignId, CampaignState, Clock, CounterKind, Disposition, WorkspaceId, clock::Stopwatch,
};
use ringfleet_store::{Bump, Call, Campaign, Tx};
use uuid::Uuid;

use crate::{
    Engine, EngineError, Result,
    campaigns::NOT_DONE,
    facts,
    publish::{completed_facts, ends_of, publish},
    verdict::waits,
};

/// Recipients that are written in one transaction.
pub(crate) const PORTION: u32 = 5_000;
/// For so long whoever ends a campaign ends its recipients, too; the scheduler does the rest.
pub(crate) const A_WHILE: std::time::Duration = std::time::Duration::from_secs(2);

/// Takes back what waits when a campaign stops calling; gives the calls that ended by that.
pub(crate) async fn withdraw(
    tx: &mut Tx,
    id: CampaignId,
    next: CampaignState,
    now: DateTime<Utc>,
) -> Result<Vec<Call>> {
    match next {
        CampaignState::InProgress => tx.forget_pushes(id).await?,
        CampaignState::Paused => {
            tx.withdraw_waiting_calls(id).await?;
            tx.forget_pushes(id).await?; // no job of it waits any more
        }
        CampaignState::Cancelled | CampaignState::Failed => {
            let ended = take_back_all(tx, id, "campaign_over", now).await?;
            tx.set_winding_up(id, true).await?;
            return Ok(ended);
        }
        CampaignState::Draft | CampaignState::Scheduled | CampaignState::Finished => {}
    }
    Ok(Vec::new())
}

impl Engine {
    /// Ends recipients of campaigns that are over, of each for a while. Any number of schedulers may do this at once.
    pub async fn wind_up(&self) -> Result<()> {
        let mut tx = self.0.store.read().await?;
        let over = tx.campaigns_winding_up().await?;
        tx.commit().await?;
        for id in over {
            self.wind_up_for_a_while(id).await;
        }
        Ok(())
    }

    /// Ends the campaigns whose end has come: whoever waits ends EXPIRED, and once the last call is over, the campaign is
    /// FINISHED. Any number of schedulers may do this at once.
    pub async fn expire(&self) -> Result<()> {
        let mut tx = self.0.store.read().await?;
        let due = tx.campaigns_past_their_end(Clock::now(self.clock())).await?;
        tx.commit().await?;
        for (workspace, id) in due {
            match self.expire_one(workspace, id).await {
                Err(error) if !error.is_passing() => {
                    tracing::error!(%error, campaign = %id, "a campaign cannot be ended")
                }
                done => done?,
            }
        }
        Ok(())
    }

    async fn expire_one(&self, workspace: WorkspaceId, id: CampaignId) -> Result<()> {
        let now = Clock::now(self.clock());
        let mut tx = self.0.store.write().await?;
        let held = tx.campaign_for_update(workspace, id).await?;
        if !held.is_some_and(|campaign| has_ended(&campaign, now)) {
            return Ok(()); // somebody was faster, or has put its end off
        }
        let withdrawn = take_back_all(&mut tx, id, "expired", now).await?;
        let facts = withdrawn.iter().flat_map(facts::ended).collect();
        let deliveries = publish(&mut tx, facts, now).await?;
        tx.commit().await?;
        self.0.hints.deliveries(&deliveries);
        self.wind_up_for_a_while(id).await;
        match self.act(workspace, id, CampaignAction::Expire, None).await {
            // Not everybody has ended yet, or somebody was faster.
            Ok(_) | Err(EngineError::Conflict { code: NOT_DONE, .. } | EngineError::WrongState(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What is not done in a while, the scheduler does.
    pub(crate) async fn wind_up_for_a_while(&self, id: CampaignId) {
        let watch = Stopwatch::start();
        while watch.elapsed() < A_WHILE {
            match self.wind_up_portion(id).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    return tracing::warn!(%error, campaign = %id, "recipients of a campaign that is over could not be ended; it will be tried again");
                }
            }
        }
    }

    /// False when nobody is left to be ended. Those being called at this moment end with their call.
    async fn wind_up_portion(&self, id: CampaignId) -> Result<bool> {
        let now = Clock::now(self.clock());
        let mut tx = self.0.store.write().await?;
        let Some(campaign) = tx.hold_campaigns(&[id.uuid()]).await?.pop() else { return Ok(false) };
        let (disposition, reason) = match campaign.state.is_final() {
            true => (Disposition::Cancelled, "campaign_over"),
            false if has_ended(&campaign, now) => (Disposition::Expired, "campaign_ended"),
            false => return Ok(false),
        };
        let waiting = tx.waiting_recipients(id, PORTION).await?;
        let ids: Vec<Uuid> = waiting.iter().map(|one| one.id.uuid()).collect();
        let completed = ends_of(&mut tx, &campaign, &ids, disposition, reason, now).await?;
        let ended = tx.end_recipients(waiting.iter().map(|one| one.id), disposition, reason, now).await?;
        if ended == 0 {
            tx.set_winding_up(id, false).await?;
            tx.commit().await?;
            return Ok(false);
        }
        let mut bumps = vec![Bump::new(id, CounterKind::Disposition, disposition.as_str(), ended as i64)];
        bumps.extend(waiting.iter().filter_map(|one| waits(id, one.hold, one.due_at, -1)));
        let facts = completed_facts(&completed, |_| Some(&campaign)).collect();
        let deliveries = publish(&mut tx, facts, now).await?;
        tx.bump(bumps).await?;
        tx.commit().await?;
        self.0.hints.deliveries(&deliveries);
        Ok(true)
    }
}

/// Takes back every call that has not begun, for good, and the claims with them; gives the calls that ended by that.
async fn take_back_all(tx: &mut Tx, id: CampaignId, reason: &str, now: DateTime<Utc>) -> Result<Vec<Call>> {
    tx.withdraw_waiting_calls(id).await?;
    let ended = tx.cancel_held_calls(id, reason, now).await?;
    let held = ended.iter().filter_map(|call| call.recipient_id.map(|id| id.uuid()));
    tx.release_recipients(held).await?;
    Ok(ended)
}

/// Its end has come, and it has not been ended.
fn has_ended(campaign: &Campaign, now: DateTime<Utc>) -> bool {
    let can = CampaignAction::Expire.needs().contains(&campaign.state);
    can && campaign.end_at.is_some_and(|end| end <= now)
}
