//! Looks at the memory of several processes while calls come and go.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use ringfleet_core::clock::Stopwatch;
use ringfleet_engine::Engine;
use serde::Serialize;
use tokio::time::interval;

use super::{
    crew::Crew,
    memory::{Series, Trend, mib, resident},
};
use crate::process::Failure;

/// How often it is looked whether calls have begun to come and go.
const LOOK: Duration = Duration::from_millis(200);
const MINUTE: Duration = Duration::from_secs(60);
/// How often memory is looked at, and how many times at least.
const SAMPLE: Duration = Duration::from_secs(10);
const SAMPLES: u32 = 12;

/// What came of it: the last line of `--json`.
#[derive(Serialize)]
pub struct Figures {
    pub minutes: f64,
    pub calls: u64,
    pub processes: BTreeMap<&'static str, Trend>,
    /// What Redis says of itself; none without Redis.
    pub redis: Option<Trend>,
}

impl Figures {
    /// Writes them, as one line of JSON or for people.
    ///
    /// # Errors
    /// When they cannot be written as JSON.
    pub fn print(&self, json: bool) -> Result<(), Failure> {
        if json {
            println!("{}", serde_json::to_string(self)?);
            return Ok(());
        }
        println!("{} calls in {} minutes; memory after the warm-up:", self.calls, self.minutes);
        for (name, trend) in self.processes.iter().chain(self.redis.iter().map(|trend| (&"redis", trend))) {
            println!("{name:>10}  {trend}");
        }
        Ok(())
    }
}

/// Looks at the memory of every process, and of Redis where there is one.
pub struct Gauges<'a> {
    engine: &'a Engine,
    processes: Vec<(&'static str, u32, Series)>,
    redis: Option<Series>,
}

impl<'a> Gauges<'a> {
    /// Of the crew's processes, of this one, and of some more.
    pub fn new(crew: &Crew, engine: &'a Engine, more: &[(&'static str, u32)]) -> Self {
        let own = ("bench", std::process::id());
        let all = crew.processes().into_iter().chain([own]).chain(more.iter().copied());
        let processes = all.map(|(name, pid)| (name, pid, Series::default())).collect();
        Self { engine, processes, redis: engine.fleet().is_shared().then(Series::default) }
    }

    /// Takes samples for so long, from when calls come and go, and tells of them once a minute.
    ///
    /// # Errors
    /// When a process is gone.
    pub async fn watch(&mut self, minutes: f64, calls: &AtomicU64) -> Result<(), Failure> {
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

    /// What was seen after the warm-up: the first minute, or the first third of less than three.
    ///
    /// # Errors
    /// When nothing was.
    pub fn figures(&self, minutes: f64, calls: u64) -> Result<Figures, Failure> {
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
