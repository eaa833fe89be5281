//! The campaign beside which something is measured.

use std::time::Duration;

use ringfleet_core::{CampaignState, TrunkId};
use ringfleet_engine::Engine;
use ringfleet_store::Campaign;
use tokio::time::{Instant, interval};

use super::{
    Bench,
    ground::{List, Progress, progress, start},
};
use crate::process::Failure;

/// How long the campaign may take to come to speed.
const GETTING_GOING: Duration = Duration::from_secs(60);
/// How often it is looked at until then.
const LOOK: Duration = Duration::from_millis(50);

/// A campaign that calls while something else is measured.
pub struct Crowd<'a> {
    engine: &'a Engine,
    pub campaign: Campaign,
    recipients: u64,
    max_live: u64,
    /// What is said when it is over too soon.
    too_short: &'static str,
}

impl<'a> Crowd<'a> {
    /// A campaign over this trunk with so many recipients, not started.
    ///
    /// # Errors
    /// When the database does not take it.
    pub async fn gather(
        bench: &'a Bench<'_>,
        trunk: TrunkId,
        recipients: u64,
        max_live: u32,
        too_short: &'static str,
    ) -> Result<Self, Failure> {
        let Bench { engine, ground, .. } = bench;
        let campaign = ground.campaign(engine, trunk, List { after: 0, recipients }).await?;
        eprintln!("{recipients} recipients are in");
        Ok(Self { engine, campaign, recipients, max_live: max_live.into(), too_short })
    }

    /// Starts it, and waits until calls have come and gone for a while.
    pub async fn get_going(&self) -> Result<(), Failure> {
        start(self.engine, &self.campaign).await?;
        let enough = (self.max_live * 2).min(self.recipients / 10);
        let give_up = Instant::now() + GETTING_GOING;
        let mut looks = interval(LOOK);
        while self.still_calling().await? < enough {
            if Instant::now() > give_up {
                return Err(Failure::new("the campaign does not get going"));
            }
            looks.tick().await;
        }
        Ok(())
    }

    /// How many of its calls are over; all must not be.
    pub async fn still_calling(&self) -> Result<u64, Failure> {
        let Progress { state, ended } = progress(self.engine, &self.campaign).await?;
        if state == CampaignState::InProgress && ended < self.recipients {
            return Ok(ended);
        }
        Err(Failure::new(self.too_short))
    }
}
