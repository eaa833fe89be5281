//! `ringfleet bench soak`: whether memory stays where it is while calls go on and on.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use clap::Args;
use ringfleet_core::{AgentId, CampaignState, TrunkId};
use tokio::time::{MissedTickBehavior, interval};

use super::{
    Bench, Every,
    crew::Crew,
    gauges::{Figures, Gauges},
    ground::{List, progress, start},
};
use crate::process::Failure;

/// How many campaigns call at a time: while one runs dry the other goes on, and the next is made.
const AT_ONCE: usize = 2;
/// After so many lists the numbers come again.
const LISTS: u64 = 1_000;
/// How often the campaigns are looked at.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Args)]
pub struct SoakArgs {
    /// How long; the first minute, or the first third of less than three, is to warm up and not judged
    #[arg(long, value_parser = minutes)]
    minutes: f64,
    /// How many people are on each of the lists that are called one after the other
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=20_000))]
    recipients: u64,
    /// How long a call takes, in milliseconds
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(0..=3_600_000))]
    call_ms: u64,
    #[command(flatten)]
    pub(super) every: Every,
}

/// Reads so many minutes.
///
/// # Errors
/// What would be right.
pub fn minutes(text: &str) -> Result<f64, String> {
    let minutes = text.parse().ok().filter(|minutes| (0.05..=10_080.0).contains(minutes));
    minutes.ok_or_else(|| "give a number of minutes from 0.05 to 10080".into())
}

/// Keeps campaigns calling, and looks at the memory of everybody.
pub async fn run(bench: &Bench<'_>, args: &SoakArgs) -> Result<(), Failure> {
    let mut crew = Crew::start(bench, &["scheduler", "worker"]).await?;
    crew.ready().await?;
    let gauges = Gauges::new(&crew, &bench.engine, &[]);
    let trunk = bench.ground.simulated_trunk(&bench.engine, args.call_ms).await?;
    let food = Food { agent: bench.ground.agent, trunk, recipients: args.recipients };
    keep_calling(bench, food, crew, gauges, args.minutes).await?.print(args.every.json)
}

/// Keeps campaigns calling for so many minutes, then ends the crew, and tells what the gauges saw.
///
/// # Errors
/// When a campaign cannot be made or does not come to its end, or one of the crew breaks.
pub async fn keep_calling(
    bench: &Bench<'_>,
    food: Food,
    mut crew: Crew,
    mut gauges: Gauges<'_>,
    minutes: f64,
) -> Result<Figures, Failure> {
    let calls = AtomicU64::new(0);
    tokio::select! {
        watched = gauges.watch(minutes, &calls) => watched?,
        Err(broken) = feed(bench, food, &calls) => return Err(broken),
        broken = crew.broken() => return Err(broken),
    }
    crew.close().await;
    gauges.figures(minutes, calls.into_inner())
}

/// What the lists are that [`feed`] makes.
pub struct Food {
    pub agent: AgentId,
    pub trunk: TrunkId,
    /// How many people are on each.
    pub recipients: u64,
}

/// Makes and starts one campaign after the other, and counts in `calls` those calls that are over.
///
/// # Errors
/// When one cannot be made, or does not come to its end.
async fn feed(bench: &Bench<'_>, food: Food, calls: &AtomicU64) -> Result<Infallible, Failure> {
    let Bench { engine, ground, .. } = bench;
    let Food { agent, trunk, recipients } = food;
    let (mut calling, mut lists, mut finished) = (Vec::new(), 0, 0);
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        while calling.len() < AT_ONCE {
            let list = List { after: lists % LISTS * recipients, recipients };
            let campaign = ground.campaign_of(engine, agent, trunk, list).await?;
            start(engine, &campaign).await?;
            calling.push(campaign);
            lists += 1;
        }
        looks.tick().await;
        let mut ended = 0;
        for campaign in std::mem::take(&mut calling) {
            let now = progress(engine, &campaign).await?;
            match now.state {
                CampaignState::Finished => finished += now.ended,
                CampaignState::InProgress => {
                    ended += now.ended;
                    calling.push(campaign);
                }
                other => return Err(Failure::new(format!("a campaign ended as {other}"))),
            }
        }
        calls.store(finished + ended, Ordering::Relaxed);
    }
}
