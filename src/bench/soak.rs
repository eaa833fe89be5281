//! `ringfleet bench soak`: whether memory stays where it is while calls go on and on.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use clap::Args;
use ringfleet_core::{CampaignState, clock::Stopwatch};
use ringfleet_engine::Engine;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

use super::{
    Bench, Every,
    crew::Crew,
    ground::{List, progress, start},
    memory::{Series, Trend, mib, resident},
};
use crate::process::Failure;

/// How many campaigns call at a time: while one runs dry the other goes on, and the next is made.
const AT_ONCE: usize = 2;
/// After so many lists the numbers come again.
const LISTS: u64 = 1_000;
/// How often the campaigns are looked at.
const LOOK: Duration = Duration::from_millis(200);
const MINUTE: Duration = Duration::from_secs(60);
/// How often memory is looked at, and how many times at least.
const SAMPLE: Duration = Duration::from_secs(10);
const SAMPLES: u32 = 12;

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

fn minutes(text: &str) -> Result<f64, String> {
    let minutes = text.parse().ok().filter(|minutes| (0.05..=10_080.0).contains(minutes));
    minutes.ok_or_else(|| "give a number of minutes from 0.05 to 10080".into())
}

/// The last line of `--json`.
#[derive(Serialize)]
struct Figures {
    minutes: f64,
    calls: u64,
    processes: BTreeMap<&'static str, Trend>,
    /// What Redis says of itself; none without Redis.
    redis: Option<Trend>,
}

/// Keeps campaigns calling, and looks at the memory of everybody.
pub async fn run(bench: &Bench<'_>, args: &SoakArgs) -> Result<(), Failure> {
    let mut crew = Crew::start(bench, &["scheduler", "worker"]).await?;
    crew.ready().await?;
    let calls = AtomicU64::new(0);
    let mut gauges = Gauges::new(&crew, &bench.engine);
    tokio::select! {
        watched = gauges.watch(args.minutes, &calls) => watched?,
        Err(broken) = feed(bench, args, &calls) => return Err(broken),
        broken = crew.broken() => return Err(broken),
    }
    crew.close().await;
    let figures = gauges.figures(args.minutes, calls.into_inner())?;
    if args.every.json {
        println!("{}", serde_json::to_string(&figures)?);
        return Ok(());
    }
    println!("{} calls in {} minutes; memory after the warm-up:", figures.calls, figures.minutes);
    for (name, trend) in figures.processes.iter().chain(figures.redis.iter().map(|trend| (&"redis", trend))) {
        println!("{name:>10}  {trend}");
    }
    Ok(())
}

/// Makes and starts one campaign after the other, and counts in `calls` those calls that are over.
async fn feed(bench: &Bench<'_>, args: &SoakArgs, calls: &AtomicU64) -> Result<Infallible, Failure> {
    let Bench { engine, ground, .. } = bench;
    let trunk = ground.simulated_trunk(engine, args.call_ms).await?;
    let (mut calling, mut lists, mut finished) = (Vec::new(), 0, 0);
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        while calling.len() < AT_ONCE {
            let recipients = args.recipients;
            let list = List { after: lists % LISTS * recipients, recipients };
            let campaign = ground.campaign(engine, trunk, list).await?;
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

/// Looks at the memory of every process, and of Redis where there is one.
struct Gauges<'a> {
    engine: &'a Engine,
    processes: Vec<(&'static str, u32, Series)>,
    redis: Option<Series>,
}

impl<'a> Gauges<'a> {
    fn new(crew: &Crew, engine: &'a Engine) -> Self {
        let own = ("bench", std::process::id());
        let all = crew.processes().into_iter().chain([own]);
        let processes = all.map(|(name, pid)| (name, pid, Series::default())).collect();
        Self { engine, processes, redis: engine.fleet().is_shared().then(Series::default) }
    }

    /// Takes samples for so long, from when calls come and go, and tells of them once a minute.
    async fn watch(&mut self, minutes: f64, calls: &AtomicU64) -> Result<(), Failure> {
        let mut looks = interval(LOOK);
        while calls.load(Ordering::Relaxed) == 0 {
            looks.tick().await;
        }
        let whole = MINUTE.mul_f64(minutes);
        let mut ticks = interval(SAMPLE.min(whole / SAMPLES));
        let (watch, mut told) = (Stopwatch::start(), 0);
        loop {
            ticks.tick().await;
            let at = watch.elapsed();
            let minute = at.as_secs_f64() / 60.0;
            let seen = self.sample(minute).await?;
            if minute as u64 > told {
                told = minute as u64;
                eprintln!("{told:>4} min  {} calls over, MiB: {seen}", calls.load(Ordering::Relaxed));
            }
            if at >= whole {
                return Ok(());
            }
        }
    }

    /// Gives what it has seen as words.
    async fn sample(&mut self, minute: f64) -> Result<String, Failure> {
        let mut words = Vec::new();
        for (name, pid, series) in &mut self.processes {
            let mib = resident(*pid)?;
            series.add(minute, mib);
            words.push(format!("{name} {mib:.1}"));
        }
        if let (Some(series), Some(bytes)) = (&mut self.redis, self.engine.fleet().redis_memory().await?) {
            series.add(minute, mib(bytes));
            words.push(format!("redis {:.1}", mib(bytes)));
        }
        Ok(words.join(", "))
    }

    fn figures(&self, minutes: f64, calls: u64) -> Result<Figures, Failure> {
        let from = (minutes / 3.0).min(1.0);
        let trend = |series: &Series| {
            series.trend(from).ok_or_else(|| Failure::new("nothing was seen after the warm-up"))
        };
        let processes = self.processes.iter().map(|(name, _, series)| Ok((*name, trend(series)?)));
        Ok(Figures {
            minutes,
            calls,
            processes: processes.collect::<Result<_, Failure>>()?,
            redis: self.redis.as_ref().map(trend).transpose()?,
        })
    }
}
