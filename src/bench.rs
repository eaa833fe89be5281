//! `ringfleet bench`: figures that anybody can repeat.

use std::{process::Stdio, time::Duration};

use chrono::TimeDelta;
use clap::{Args, Subcommand};
use ringfleet_core::{
    CampaignAction, CampaignState, CounterKind, E164, Plan, WorkspaceId, clock::Stopwatch, trunk,
};
use ringfleet_engine::Engine;
use ringfleet_store::{Campaign, CampaignSettings, NewAgent, NewCampaign, NewRecipient, NewTrunk};
use serde::Serialize;
use serde_json::json;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::Common,
    config::Config,
    process::{Failure, Wanted, open_engine, own_data, stop_signal},
    roles::{self, Roles},
};

#[derive(Subcommand)]
pub enum BenchCommand {
    /// Finished calls per second of one campaign on the simulated carrier, without limits
    Campaign(CampaignArgs),
}

#[derive(Args)]
pub struct CampaignArgs {
    /// How many people are on the list
    #[arg(long, default_value_t = 20_000)]
    recipients: u64,
    /// How long a call takes, in milliseconds
    #[arg(long, default_value_t = 5)]
    call_ms: u64,
    /// Most calls live at once in the worker
    #[arg(long, default_value_t = 500)]
    max_live: u32,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// The last line of `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Figures {
    finished: u64,
    seconds: f64,
    calls_per_second: f64,
}

/// Runs a bench. With URLs its roles are processes of their own; without them they run in this one, on a database in a
/// temporary folder unless `--data` names one.
pub async fn run(mut config: Config, common: &Common, command: BenchCommand) -> Result<(), Failure> {
    let BenchCommand::Campaign(args) = command;
    let folder = tempfile::Builder::new().prefix("ringfleet-bench-").tempdir()?;
    if config.database_url.is_none() && common.data.is_none() {
        config.data = folder.path().to_owned();
    }
    let name = format!("bench-{:08x}", rand::random::<u32>());
    config.redis.prefix = name.clone();
    config.worker.max_live = args.max_live;
    let interrupted = stop_signal()?;
    let _own = own_data(&config)?;
    let engine = open_engine(&config, Wanted::ALL).await?;
    refuse_company(&engine).await?;
    let campaign = prepare(&engine, &name, &args).await?;
    eprintln!("{} recipients are in; starting a scheduler and a worker", args.recipients);
    let running = Running::start(&config, common, &engine, interrupted.clone()).await?;
    let measured = tokio::select! {
        measured = call_everybody(&engine, &campaign) => measured,
        broken = running.broken() => Err(broken),
        () = interrupted.cancelled() => Err(Failure::new("interrupted")),
    };
    if measured.is_err() {
        // Left behind it would go on in the next scheduler that comes along.
        engine.act(campaign.workspace_id, campaign.id, CampaignAction::Cancel, Some("bench")).await.ok();
    }
    let (finished, seconds) = measured?;
    let rate = finished as f64 / seconds;
    match args.json {
        true => {
            let figures = Figures { finished, seconds: round(seconds), calls_per_second: round(rate) };
            println!("{}", serde_json::to_string(&figures)?);
        }
        false => println!("{finished} calls in {seconds:.2} s: {rate:.0} calls/s"),
    }
    Ok(())
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

fn round(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}

/// A campaign whose calls all take `call_ms` and are answered.
async fn prepare(engine: &Engine, name: &str, args: &CampaignArgs) -> Result<Campaign, Failure> {
    let now = engine.clock().now();
    let mut tx = engine.store().write().await?;
    let workspace: WorkspaceId = tx.workspace_named(name, now).await?.id;
    let agent = NewAgent {
        name: name.into(),
        prompt: String::new(),
        voice: json!({}),
        llm: json!({}),
        greeting: None,
        recording: false,
    };
    let agent = tx.insert_agent(workspace, agent, now).await?;
    let ring_ms = args.call_ms / 5;
    let simulated = trunk::SimulatedTrunk { ring_ms, talk_ms: args.call_ms - ring_ms };
    let trunk = NewTrunk {
        name: name.into(),
        config: trunk::TrunkConfig::Simulated(simulated),
        caller_id: None,
        caller_ids: None,
        limits: trunk::Limits::default(),
    };
    let trunk = tx.insert_trunk(workspace, trunk, now).await?;
    tx.commit().await?;
    let campaign = NewCampaign {
        agent_id: agent.id,
        trunk_id: trunk.id,
        trunk_group_id: None,
        settings: CampaignSettings::new(name, Plan::voice(1)),
    };
    let campaign = engine.create_campaign(workspace, campaign).await?;
    let numbers: Vec<u64> = (0..args.recipients).map(|i| 12_000_000_001 + i * 10).collect(); // all end in 1: answered
    for chunk in numbers.chunks(5_000) {
        let new: Result<Vec<_>, Failure> = chunk
            .iter()
            .map(|&n| {
                Ok(NewRecipient {
                    number: E164::try_from(n)?,
                    variables: json!({"name": "Ann"}),
                    timezone: None,
                })
            })
            .collect();
        engine.add_recipients(workspace, campaign.id, &new?).await?;
    }
    Ok(campaign)
}

async fn call_everybody(engine: &Engine, campaign: &Campaign) -> Result<(u64, f64), Failure> {
    let watch = Stopwatch::start();
    engine.act(campaign.workspace_id, campaign.id, CampaignAction::Start, None).await?;
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    let mut said = 0;
    loop {
        ticks.tick().await;
        let mut tx = engine.store().read().await?;
        let state = tx.campaign(campaign.workspace_id, campaign.id).await?.map(|c| c.state);
        let counters = tx.counters(campaign.id).await?;
        tx.commit().await?;
        let ended: i64 = counters.iter().filter(|c| c.kind == CounterKind::Outcome).map(|c| c.n).sum();
        let seconds = watch.elapsed().as_secs_f64();
        if state == Some(CampaignState::Finished) {
            return Ok((ended as u64, seconds));
        }
        if state != Some(CampaignState::InProgress) {
            return Err(Failure::new(format!("the campaign ended as {state:?}")));
        }
        if seconds as u64 > said {
            said = seconds as u64;
            eprintln!("{said:>4} s  {ended} calls over");
        }
    }
}

/// A scheduler and a worker: two processes, or this one. They end with this value.
enum Running {
    Processes(Box<[(&'static str, Child); 2]>),
    Here(Roles),
}

impl Running {
    async fn start(
        config: &Config,
        common: &Common,
        engine: &Engine,
        interrupted: CancellationToken,
    ) -> Result<Self, Failure> {
        if config.redis_url.is_none() {
            let wanted = Wanted { api: false, ..Wanted::ALL };
            return Ok(Self::Here(roles::start(config, engine.clone(), wanted, None, interrupted)?));
        }
        let role = |name| Ok::<_, Failure>((name, role(config, common, name)?));
        Ok(Self::Processes(Box::new([role("scheduler")?, role("worker")?])))
    }

    /// Resolves when a role has ended, which none should.
    async fn broken(self) -> Failure {
        match self {
            Self::Here(roles) => match roles.ended().await {
                Err(error) => error,
                Ok(()) => Failure::new("interrupted"),
            },
            Self::Processes(mut roles) => {
                let [(first, scheduler), (second, worker)] = &mut *roles;
                let (name, status) = tokio::select! {
                    status = scheduler.wait() => (first, status),
                    status = worker.wait() => (second, status),
                };
                let status = status.map_or_else(|e| e.to_string(), |status| status.to_string());
                Failure::new(format!("the {name} has ended: {status}"))
            }
        }
    }
}

/// A role as a process of its own, with the configuration of this one.
fn role(config: &Config, common: &Common, name: &str) -> Result<Child, Failure> {
    let url = |url: &Option<String>| url.clone().unwrap_or_default();
    let mut command = Command::new(std::env::current_exe()?);
    if let Some(file) = &common.config {
        command.arg("--config").arg(file);
    }
    let child = command
        .arg(name)
        .env("RINGFLEET_DATABASE_URL", url(&config.database_url))
        .env("RINGFLEET_REDIS_URL", url(&config.redis_url))
        .env("RINGFLEET_REDIS__PREFIX", &config.redis.prefix)
        .env("RINGFLEET_WORKER__MAX_LIVE", config.worker.max_live.to_string())
        .env("RINGFLEET_LOG__FILTER", "warn")
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    Ok(child)
}
