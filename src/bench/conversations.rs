//! `ringfleet bench conversations`: many live calls at once, each with an agent that talks.
//!
//! A callee sends numbered audio every 20 ms, the agent says what it hears, and the callee judges what comes back. Callees and agents are
//! in a process of their own ([`FarEnd`]).

use std::time::Duration;

use clap::Args;
use ringfleet_carriers::media;
use ringfleet_core::clock::Stopwatch;
use serde::Serialize;
use tokio::time::{Instant, interval, sleep};

use super::{
    Bench,
    crew::Crew,
    far_end::{self, FarEnd, Report},
    ground::{List, start},
    memory::resident,
    round,
};
use crate::{proc, process::Failure};

/// How long the phones ring.
const RING: Duration = Duration::from_millis(200);
/// How long callees would stay; they are told when to hang up.
const TALK: Duration = Duration::from_secs(3_600);
/// How long it may take until all talk, beyond what their rate needs.
const GETTING_GOING: Duration = Duration::from_secs(60);
/// How often it is looked whether they do.
const LOOK: Duration = Duration::from_millis(100);
/// How long they talk before it is counted.
const SETTLING: Duration = Duration::from_secs(2);

#[derive(Args)]
pub struct ConversationsArgs {
    /// How many calls are live at once
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    calls: u32,
    /// For how long what is heard is counted, once all are live
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_000))]
    seconds: u64,
    /// How many calls begin per second, 0.1 to 1000
    #[arg(long, default_value_t = 30.0, value_parser = super::rate)]
    rate: f64,
    /// How much audio an agent is ahead of what it hears, in milliseconds, as one is who speaks faster than a call plays
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(0..=2_000))]
    cushion_ms: u64,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

impl ConversationsArgs {
    /// Room in the worker for all of them.
    pub fn max_live(&self) -> u32 {
        self.calls
    }
}

/// The last line of `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Figures {
    calls: u32,
    seconds: f64,
    callees: Callees,
    agents: far_end::Heard,
    /// From a frame that a callee sends to its return, the agent's cushion included.
    p50_ms: Option<u64>,
    p99_ms: Option<u64>,
    max_ms: Option<u64>,
    /// Of a processor, for each call and second; of the processes that are measured.
    cpu_ms_per_call_second: f64,
    /// Of processors, for all calls.
    cores: f64,
    /// The same of callees and agents.
    far_end_cores: f64,
    #[serde(rename = "memoryMiB")]
    memory_mib: f64,
}

/// What was heard of [`media::Heard`], but for the delays.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Callees {
    sent: u64,
    received: u64,
    lost: u64,
    underruns: u64,
    unheard: u64,
    skipped: u64,
    gaps: u64,
    longest_gap_ms: u64,
    late: u64,
}

/// What was used while it was counted.
struct Used {
    seconds: f64,
    cpu: f64,
    far_end_cpu: f64,
    memory: f64,
}

/// Lets so many calls talk for a while.
pub async fn run(bench: &Bench<'_>, args: &ConversationsArgs) -> Result<(), Failure> {
    let Bench { engine, ground, .. } = bench;
    let mut far_end = FarEnd::start(RING, TALK, Duration::from_millis(args.cushion_ms)).await?;
    let agent = ground.talking_agent(engine, far_end.agent.clone()).await?;
    let trunk = ground.sip_trunk(engine, far_end.sip, args.rate).await?;
    let list = List { after: 0, recipients: args.calls.into() };
    let campaign = ground.campaign_of(engine, agent, trunk, list).await?;
    let mut crew = Crew::start(bench, &["scheduler", "worker"]).await?;
    crew.ready().await?;
    let processes = match crew.processes() {
        none if none.is_empty() => vec![("bench", std::process::id())],
        processes => processes,
    };
    let pids: Vec<u32> = processes.into_iter().map(|(_, pid)| pid).collect();
    let measured = async {
        start(engine, &campaign).await?;
        all_talk(&mut far_end, args).await?;
        let used = measure(&mut far_end, &pids, args).await?;
        Ok::<_, Failure>((used, far_end.report().await?))
    };
    let (used, report) = tokio::select! {
        measured = measured => measured?,
        broken = crew.broken() => return Err(broken),
    };
    crew.close().await;
    Figures::of(args, &used, report).print(args.json)
}

/// Waits until every call hears itself.
async fn all_talk(far_end: &mut FarEnd, args: &ConversationsArgs) -> Result<(), Failure> {
    let time = GETTING_GOING + Duration::from_secs_f64(f64::from(args.calls) / args.rate);
    let (give_up, mut looks) = (Instant::now() + time, interval(LOOK));
    loop {
        looks.tick().await;
        let talking = far_end.talking().await?;
        if talking == u64::from(args.calls) {
            break;
        }
        if Instant::now() > give_up {
            return Err(Failure::new(format!("of {} calls only {talking} hear themselves", args.calls)));
        }
    }
    eprintln!("{} calls are live", args.calls);
    sleep(SETTLING).await;
    Ok(())
}

/// Counts for a while; all calls must live through it.
async fn measure(far_end: &mut FarEnd, pids: &[u32], args: &ConversationsArgs) -> Result<Used, Failure> {
    let ours = || pids.iter().map(|pid| proc::cpu_seconds(*pid)).sum::<Result<f64, _>>();
    let theirs = far_end.pid()?;
    far_end.count(true).await?;
    let (watch, cpu, far_end_cpu) = (Stopwatch::start(), ours()?, proc::cpu_seconds(theirs)?);
    sleep(Duration::from_secs(args.seconds)).await;
    far_end.count(false).await?;
    let used = Used {
        seconds: watch.elapsed().as_secs_f64(),
        cpu: ours()? - cpu,
        far_end_cpu: proc::cpu_seconds(theirs)? - far_end_cpu,
        memory: pids.iter().map(|pid| resident(*pid)).sum::<Result<f64, _>>()?,
    };
    match far_end.talking().await? {
        talking if talking == u64::from(args.calls) => Ok(used),
        talking => Err(Failure::new(format!("of {} calls {talking} lived to the end", args.calls))),
    }
}

impl Figures {
    fn of(args: &ConversationsArgs, used: &Used, report: Report) -> Self {
        let Report { callees, agents } = report;
        let per_call = used.cpu * 1_000.0 / used.seconds / f64::from(args.calls);
        Self {
            calls: args.calls,
            seconds: round(used.seconds),
            p50_ms: callees.delay(0.5),
            p99_ms: callees.delay(0.99),
            max_ms: callees.delay(1.0),
            callees: Callees::of(&callees),
            agents,
            cpu_ms_per_call_second: round(per_call),
            cores: round(used.cpu / used.seconds),
            far_end_cores: round(used.far_end_cpu / used.seconds),
            memory_mib: round(used.memory),
        }
    }

    fn print(&self, json: bool) -> Result<(), Failure> {
        if json {
            println!("{}", serde_json::to_string(self)?);
            return Ok(());
        }
        let Self { calls, seconds, callees, agents, cores, far_end_cores, memory_mib, .. } = self;
        let Callees { sent, received, lost, underruns, unheard, gaps, longest_gap_ms, late, .. } = callees;
        let ms = |delay: Option<u64>| delay.map_or("-".to_owned(), |ms| ms.to_string());
        println!("{calls} calls for {seconds} s");
        println!(
            "callees: {sent} frames sent ({late} of them late), {received} received, {lost} lost, {underruns} underruns, {unheard} without what was said, {gaps} gaps, the longest {longest_gap_ms} ms"
        );
        println!(
            "agents: {} frames received, {} sent, {} missed, {} gaps, the longest {} ms",
            agents.received, agents.sent, agents.missed, agents.gaps, agents.longest_gap_ms
        );
        println!(
            "there and back: p50 {} ms, p99 {} ms, max {} ms",
            ms(self.p50_ms),
            ms(self.p99_ms),
            ms(self.max_ms)
        );
        println!(
            "{cores} processors ({} ms a call and second), {memory_mib} MiB; callees and agents {far_end_cores} processors",
            self.cpu_ms_per_call_second
        );
        Ok(())
    }
}

impl Callees {
    fn of(heard: &media::Heard) -> Self {
        Self {
            sent: heard.sent,
            received: heard.received,
            lost: heard.lost,
            underruns: heard.underruns,
            unheard: heard.unheard,
            skipped: heard.skipped,
            gaps: heard.gaps,
            longest_gap_ms: heard.longest_gap_ms,
            late: heard.late,
        }
    }
}
