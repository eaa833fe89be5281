//! The brake of campaigns carried out: failures are counted where calls settle, and a scheduler stops the campaign.

use std::collections::{BTreeSet, HashMap};

use ringfleet_core::{CampaignAction, CampaignId, CampaignState, Channel, Outcome, campaign_brake::Then};
use ringfleet_store::{Call, Campaign, CampaignBrake, Tx};
use uuid::Uuid;

use crate::{Engine, EngineError, Result};

/// Counts the failures among calls that have `ended` in this transaction, in this order. Call it before counters are bumped. Messages do not count:
/// that somebody is not on WhatsApp, or has no address, says nothing about a campaign.
///
/// Two settlers of one campaign wait for each other here, so that each failure has its place; calls without one pass by.
pub(crate) async fn count(
    tx: &mut Tx,
    campaigns: &HashMap<CampaignId, Campaign>,
    ended: &[Call],
) -> Result<()> {
    let ended: Vec<&Call> = ended.iter().filter(|call| call.channel == Channel::Voice).collect();
    let of = |call: &Call| call.campaign_id.and_then(|id| campaigns.get(&id));
    let calling = |campaign: &&Campaign| campaign.state == CampaignState::InProgress;
    let failed = |call: &&Call| call.outcome == Some(Outcome::Failed);
    let failing: BTreeSet<Uuid> =
        ended.iter().copied().filter(failed).filter_map(of).filter(calling).map(|c| c.id.uuid()).collect();
    if failing.is_empty() {
        return Ok(());
    }
    let mut brakes = tx.lock_campaign_brakes(&failing.into_iter().collect::<Vec<_>>()).await?;
    for brake in &mut brakes {
        let Some(campaign) = campaigns.get(&brake.campaign_id) else { continue };
        let calls = ended.iter().filter(|call| call.campaign_id == Some(campaign.id));
        for call in calls.filter(|call| call.outcome.is_some()) {
            brake.ended += 1;
            if call.outcome == Some(Outcome::Failed) {
                fail(brake, campaign, call);
            }
        }
    }
    Ok(tx.set_campaign_brakes(&brakes).await?)
}

fn fail(brake: &mut CampaignBrake, campaign: &Campaign, call: &Call) {
    let rule = campaign.brake;
    if let Some(failures) = rule.add(&mut brake.failures, brake.ended)
        && brake.tripped.is_none()
    {
        let reason = call.reason.as_deref().unwrap_or("no reason");
        let calls = rule.calls;
        brake.tripped =
            Some(format!("{failures} of the last {calls} calls FAILED, the last one with {reason}"));
    }
}

impl Engine {
    /// Stops the campaigns of which too many calls failed. Gives how many.
    pub async fn brake_campaigns(&self) -> Result<usize> {
        let mut tx = self.0.store.read().await?;
        let tripped = tx.tripped_campaigns().await?;
        tx.commit().await?;
        let mut stopped = 0;
        for campaign in tripped {
            let action = match campaign.brake.then {
                Then::Paused => CampaignAction::Pause,
                Then::Failed => CampaignAction::Fail,
            };
            match self.act(campaign.workspace_id, campaign.id, action, Some(&campaign.tripped)).await {
                Ok(_) => stopped += 1,
                Err(EngineError::WrongState(_)) => {} // somebody else was first
                Err(error) => return Err(error),
            }
        }
        Ok(stopped)
    }
}
