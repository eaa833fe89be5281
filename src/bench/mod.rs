//! `ringfleet bench`: figures that anybody can repeat.

mod calls;
mod campaign;
mod conversations;
mod crew;
mod crowd;
pub mod far_end;
mod gauges;
mod ground;
mod import;
mod memory;
mod pages;
mod receiver;
mod soak;
mod trigger;
mod webhooks;

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use chrono::TimeDelta;
use clap::{Args, Subcommand};
use ringfleet_core::{CampaignAction, seal::encode_key};
use ringfleet_engine::Engine;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::Common,
    config::{Config, LOOPBACK},
    process::{Failure, Wanted, open_engine, own_data, stop_signal},
    torture::outages::{self, OutagesArgs},
};
use ground::Ground;

#[derive(Subcommand)]
pub enum BenchCommand {
    #[command(flatten)]
    Measure(MeasureCommand),
    /// How long calls, answers and webhooks wait when a process or a server dies, one after the other, on a fleet of its own
    Outages(OutagesArgs),
}

/// What is measured on the database and the queue that the configuration names.
#[derive(Subcommand)]
pub enum MeasureCommand {
    /// Finished calls per second of one campaign on the simulated carrier, without limits
    Campaign(campaign::CampaignArgs),
    /// Time from the HTTP request for a single call to its INVITE, idle or beside a running campaign
    Trigger(trigger::TriggerArgs),
    /// Webhooks delivered per second, and how much a dead and a slow endpoint delay the others
    Webhooks(webhooks::WebhooksArgs),
    /// Memory of every process and of Redis while campaigns call at full speed for minutes
    Soak(soak::SoakArgs),
    /// Rows per second of a list on its way into a campaign, beside plain COPY of the same rows
    Import(import::ImportArgs),
    /// What is heard at both ends of many live calls that agents talk in, and what they cost
    Conversations(conversations::ConversationsArgs),
    /// Time the requests of the dashboard take beside a large list and a campaign that calls
    Pages(pages::PagesArgs),
    /// Memory of every process while short calls come and go over SIP at a steady rate, each with an agent that talks
    Calls(calls::CallsArgs),
}

impl MeasureCommand {
    fn max_live(&self) -> u32 {
        match self {
            Self::Campaign(args) => args.every.max_live,
            Self::Trigger(args) => args.every.max_live,
            Self::Soak(args) => args.every.max_live,
            Self::Webhooks(args) => args.every.max_live,
            Self::Import(args) => args.every.max_live,
            Self::Conversations(args) => args.max_live(),
            Self::Pages(args) => args.every.max_live,
            Self::Calls(args) => args.every.max_live,
        }
    }
}

/// What every bench can be told.
#[derive(Args)]
struct Every {
    /// Most calls live at once in the worker
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    max_live: u32,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// What each bench works with.
struct Bench<'a> {
    config: Config,
    common: &'a Common,
    engine: Engine,
    ground: Ground,
    interrupted: CancellationToken,
}

/// Runs a bench.
pub async fn run(config: Config, common: &Common, command: BenchCommand) -> Result<(), Failure> {
    let interrupted = stop_signal()?;
    match &command {
        BenchCommand::Measure(command) => measure_here(config, common, command, interrupted).await,
        BenchCommand::Outages(args) => {
            let measured = interrupted.run_until_cancelled(outages::run(args)).await;
            measured.unwrap_or_else(|| Err(Failure::new("interrupted")))
        }
    }
}

/// With URLs its roles are processes of their own; without them they run in this one, on a database in a temporary folder unless
/// `--data` names one.
async fn measure_here(
    mut config: Config,
    common: &Common,
    command: &MeasureCommand,
    interrupted: CancellationToken,
) -> Result<(), Failure> {
    let folder = tempfile::Builder::new().prefix("ringfleet-bench-").tempdir()?;
    if config.database_url.is_none() && common.data.is_none() {
        config.data = folder.path().to_owned();
    }
    let name = format!("bench-{:08x}", rand::random::<u32>());
    config.redis.prefix = name.clone();
    config.worker.max_live = command.max_live();
    config.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.sip.bind = Ipv4Addr::LOCALHOST.into();
    config.webhooks.allow = vec![LOOPBACK.parse().map_err(Failure::new)?];
    if config.database_url.is_some() && config.secrets.keys.is_empty() {
        config.secrets.keys = vec![encode_key(rand::random())]; // what it seals is gone when the bench is
    }
    let _own = own_data(&config)?;
    let engine = open_engine(&config, Wanted::ALL).await?;
    refuse_company(&engine).await?;
    let ground = Ground::prepare(&engine, name).await?;
    let bench = Bench { config, common, engine, ground, interrupted: interrupted.clone() };
    let measured = tokio::select! {
        measured = measure(&bench, command) => measured,
        () = interrupted.cancelled() => Err(Failure::new("interrupted")),
    };
    bench.cancel_what_is_left().await;
    measured
}

async fn measure(bench: &Bench<'_>, command: &MeasureCommand) -> Result<(), Failure> {
    match command {
        MeasureCommand::Campaign(args) => campaign::run(bench, args).await,
        MeasureCommand::Trigger(args) => trigger::run(bench, args).await,
        MeasureCommand::Soak(args) => soak::run(bench, args).await,
        MeasureCommand::Webhooks(args) => webhooks::run(bench, args).await,
        MeasureCommand::Import(args) => import::run(bench, args).await,
        MeasureCommand::Conversations(args) => conversations::run(bench, args).await,
        MeasureCommand::Pages(args) => pages::run(bench, args).await,
        MeasureCommand::Calls(args) => calls::run(bench, args).await,
    }
}

/// A bench runs a scheduler and a worker with books of its own: they would call other people's campaigns past their limits.
async fn refuse_company(engine: &Engine) -> Result<(), Failure> {
    let mut tx = engine.store().read().await?;
    let others = tx.running_campaigns(engine.clock().now() + TimeDelta::days(36_500)).await?;
    tx.commit().await?;
    match others.len() {
        0 => Ok(()),
        n => Err(Failure::new(format!(
            "{n} campaigns of this database are calling or scheduled, and a bench would call them, too; measure on a database of its own"
        ))),
    }
}

impl Bench<'_> {
    /// Cancels the bench's campaigns that still call: left behind they would go on in the next scheduler that comes along.
    async fn cancel_what_is_left(&self) {
        let left = async {
            let mut tx = self.engine.store().read().await?;
            let running = tx.running_campaigns(self.engine.clock().now()).await?;
            tx.commit().await?;
            for campaign in running.iter().filter(|c| c.workspace_id == self.ground.workspace) {
                let cancel = CampaignAction::Cancel;
                self.engine.act(campaign.workspace_id, campaign.id, cancel, Some("bench")).await?;
            }
            Ok::<_, Failure>(())
        };
        if let Err(error) = left.await {
            eprintln!("campaigns of this bench may be left calling in its database: {error}");
        }
    }
}

/// The least of the sorted values that so large a share of all does not exceed (nearest rank).
fn percentile(sorted: &[Duration], share: f64) -> Option<Duration> {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

/// To two places.
fn round(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}

/// Reads so many calls per second.
fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.1..=1_000.0).contains(rate));
    rate.ok_or_else(|| "give a number from 0.1 to 1000".into())
}
