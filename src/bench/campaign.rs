//! `ringfleet bench campaign`: finished calls per second.

use std::time::Duration;

use clap::Args;
use ringfleet_core::{CampaignState, clock::Stopwatch};
use ringfleet_engine::Engine;
use ringfleet_store::Campaign;
use serde::Serialize;

use super::{
    Bench, Every,
    crew::Crew,
    ground::{List, progress, start},
    round,
};
use crate::process::Failure;

#[derive(Args)]
pub struct CampaignArgs {
    /// How many people are on the list
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=5_000_000))]
    recipients: u64,
    /// How long a call takes, in milliseconds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(0..=3_600_000))]
    call_ms: u64,
    #[command(flatten)]
    pub(super) every: Every,
}

/// The last line of `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Figures {
    finished: u64,
    seconds: f64,
    calls_per_second: f64,
}

/// A campaign whose calls all take as long and are answered, from its start to its end.
pub async fn run(bench: &Bench<'_>, args: &CampaignArgs) -> Result<(), Failure> {
    let Bench { engine, ground, .. } = bench;
    let trunk = ground.simulated_trunk(engine, args.call_ms).await?;
    let list = List { after: 0, recipients: args.recipients };
    let campaign = ground.campaign(engine, trunk, list).await?;
    eprintln!("{} recipients are in; starting a scheduler and a worker", args.recipients);
    let mut crew = Crew::start(bench, &["scheduler", "worker"]).await?;
    let (finished, seconds) = tokio::select! {
        measured = call_everybody(engine, &campaign) => measured?,
        broken = crew.broken() => return Err(broken),
    };
    crew.close().await;
    let rate = finished as f64 / seconds;
    match args.every.json {
        true => {
            let figures = Figures { finished, seconds: round(seconds), calls_per_second: round(rate) };
            println!("{}", serde_json::to_string(&figures)?);
        }
        false => println!("{finished} calls in {seconds:.2} s: {rate:.0} calls/s"),
    }
    Ok(())
}

async fn call_everybody(engine: &Engine, campaign: &Campaign) -> Result<(u64, f64), Failure> {
    let watch = Stopwatch::start();
    start(engine, campaign).await?;
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    let mut said = 0;
    loop {
        ticks.tick().await;
        let now = progress(engine, campaign).await?;
        let seconds = watch.elapsed().as_secs_f64();
        match now.state {
            CampaignState::Finished => return Ok((now.ended, seconds)),
            CampaignState::InProgress => {}
            other => return Err(Failure::new(format!("the campaign ended as {other}"))),
        }
        if seconds as u64 > said {
            said = seconds as u64;
            eprintln!("{said:>4} s  {} calls over", now.ended);
        }
    }
}
