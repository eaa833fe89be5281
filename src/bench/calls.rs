//! `ringfleet bench calls`: whether memory stays where it is while answered calls come and go over SIP.

use std::time::Duration;

use clap::Args;

use super::{
    Bench, Every,
    crew::Crew,
    far_end::FarEnd,
    gauges::Gauges,
    soak::{Food, keep_calling, minutes},
};
use crate::process::Failure;

/// How long the phones ring.
const RING: Duration = Duration::from_millis(200);

#[derive(Args)]
pub struct CallsArgs {
    /// How many calls begin per second, 0.1 to 1000
    #[arg(long, default_value_t = 30.0, value_parser = super::rate)]
    rate: f64,
    /// How long; the first minute, or the first third of less than three, is to warm up and not judged
    #[arg(long, default_value_t = 10.0, value_parser = minutes)]
    minutes: f64,
    /// How long the callee talks before it hangs up, in milliseconds; its agent is there after the greeting of 2.5 s
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    talk_ms: u64,
    #[command(flatten)]
    pub(super) every: Every,
}

/// Keeps short calls coming, and looks at the memory of everybody.
pub async fn run(bench: &Bench<'_>, args: &CallsArgs) -> Result<(), Failure> {
    let Bench { engine, ground, .. } = bench;
    let talk = Duration::from_millis(args.talk_ms);
    let far_end = FarEnd::start(RING, talk, Duration::ZERO).await?;
    let mut crew = Crew::start(bench, &["scheduler", "worker"]).await?;
    crew.ready().await?;
    let food = Food {
        agent: ground.talking_agent(engine, far_end.agent.clone()).await?,
        trunk: ground.sip_trunk(engine, far_end.sip, args.rate).await?,
        recipients: ((args.rate * 60.0) as u64).clamp(10, 20_000),
    };
    let gauges = Gauges::new(&crew, engine, &[("farEnd", far_end.pid()?)]);
    keep_calling(bench, food, crew, gauges, args.minutes).await?.print(args.every.json)
}
