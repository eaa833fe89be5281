//! How many calls of each campaign may wait for workers, and who is done.

use ringfleet_core::{CampaignAction, CampaignState, trunk::Limits};
use ringfleet_engine::{Engine, EngineError};
use ringfleet_store::Running;

pub(crate) struct Dispatcher {
    engine: Engine,
}

/// Seconds of work kept ahead of a calls-per-second limit.
const SECONDS_AHEAD: f64 = 2.0;
/// Most calls that wait for workers, of all campaigns together. The backlog lives in the database.
const MOST_WAITING: u32 = 4000;

impl Dispatcher {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// One look at everything that runs.
    pub(crate) async fn run(&self) -> Result<(), EngineError> {
        let running = self.engine.running().await?;
        if running.is_empty() {
            return Ok(());
        }
        let capacity = self.capacity().await?;
        let calling = running.iter().filter(|r| r.state == CampaignState::InProgress).count().max(1) as u32;
        for campaign in &running {
            let done = match campaign.state {
                CampaignState::Scheduled => self.act(campaign, CampaignAction::Start).await,
                _ => self.advance(campaign, share(capacity, calling)).await,
            };
            // One campaign's trouble is not the others'; trouble of the database is everybody's.
            match done {
                Err(error) if !error.is_passing() => {
                    tracing::error!(%error, campaign = %campaign.id, "a campaign cannot be advanced")
                }
                done => done?,
            }
        }
        Ok(())
    }

    async fn advance(&self, campaign: &Running, share: u32) -> Result<(), EngineError> {
        let room = [campaign.limits, campaign.trunk_limits, campaign.floor.limits];
        let room = room.iter().map(|limits| room_under(share, limits)).min().unwrap_or(share);
        if self.engine.dispatch(campaign, room).await? == 0 && self.engine.is_done(campaign).await? {
            return self.act(campaign, CampaignAction::Finish).await;
        }
        Ok(())
    }

    /// A transition that another scheduler, or an operator, may have made first: then there is nothing to do.
    async fn act(&self, campaign: &Running, action: CampaignAction) -> Result<(), EngineError> {
        match self.engine.act(campaign.workspace_id, campaign.id, action, None).await {
            Ok(_) | Err(EngineError::WrongState(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// How many calls may wait: twice what all workers can have live, so that no worker idles between two rounds. None when
    /// no worker is there.
    async fn capacity(&self) -> Result<u32, EngineError> {
        let members = self.engine.fleet().presence().members().await?;
        let workers = members.iter().filter(|m| m.role == "worker" && !m.draining);
        Ok(workers.map(|m| m.capacity).sum::<u32>().saturating_mul(2).min(MOST_WAITING))
    }
}

/// One campaign's part of what may wait; never nothing, so that many campaigns do not starve one another.
fn share(capacity: u32, campaigns: u32) -> u32 {
    (capacity / campaigns).max(u32::from(capacity > 0))
}

/// How many calls under these limits may wait: enough to keep the pace, few enough that they do not wait long.
fn room_under(share: u32, limits: &Limits) -> u32 {
    let by_rate = limits.calls_per_second.map_or(u32::MAX, |rate| (rate * SECONDS_AHEAD).ceil() as u32);
    let by_live = limits.max_live_calls.unwrap_or(u32::MAX);
    share.min(by_rate).min(by_live)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_campaigns_on_a_small_fleet_all_get_a_share() {
        assert_eq!([share(1000, 4), share(2, 3), share(0, 3)], [250, 1, 0]);
    }

    #[test]
    fn room_follows_the_tightest_limit() {
        let limits = |rate, live| Limits { calls_per_second: rate, max_live_calls: live };
        assert_eq!(room_under(1000, &limits(None, None)), 1000);
        assert_eq!(room_under(1000, &limits(Some(0.5), None)), 1);
        assert_eq!(room_under(1000, &limits(Some(30.0), Some(500))), 60);
        assert_eq!(room_under(1000, &limits(Some(300.0), Some(5))), 5);
        assert_eq!(room_under(0, &limits(None, None)), 0);
    }
}
