//! What a campaign leaves behind when it stops calling, and how it is cleared away.
//!
//! Nothing may begin any more once the stop has been answered, so calls that wait are withdrawn with it. The recipients of
//! a campaign that is over end afterwards, a few thousand at a time: millions of them in one transaction would hold up
//! everybody else, and never come to an end.

use chrono::{DateTime, Utc};
use ringfleet_core::{CampaignId, CampaignState, Clock, CounterKind, Disposition, clock::Stopwatch};
use ringfleet_store::{Bump, Call, Tx};

use crate::{Engine, Result};

/// Recipients that end in one transaction.
const PORTION: u32 = 5_000;
/// For so long whoever ends a campaign ends its recipients, too; the scheduler does the rest.
const A_WHILE: std::time::Duration = std::time::Duration::from_secs(2);

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
            tx.withdraw_waiting_calls(id).await?;
            let ended = tx.cancel_held_calls(id, "campaign_over", now).await?;
            tx.release_recipients(id).await?;
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
        let mut tx = self.0.store.write().await?;
        let ended = tx.cancel_recipients(id, PORTION, Clock::now(self.clock())).await?;
        match ended {
            0 => {
                tx.set_winding_up(id, false).await?;
                tx.forget_holds(id).await?;
            }
            n => {
                let name = Disposition::Cancelled.as_str();
                tx.bump(vec![Bump::new(id, CounterKind::Disposition, name, n as i64)]).await?;
            }
        }
        tx.commit().await?;
        Ok(ended > 0)
    }
}
