//! `ringfleet bench import`: a list on its way into a campaign, beside what the database can do at most.

use std::{
    io::{self, Write},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use clap::Args;
use ringfleet_core::{Plan, TrunkId, clock::Stopwatch};
use ringfleet_engine::{Receipt, import::ImportOptions};
use ringfleet_store::{CampaignSettings, CopyYard, NewCampaign};
use serde::Serialize;
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::task::AbortOnDropHandle;

use super::{Bench, Every, memory::resident, round};
use crate::process::Failure;

/// The numbers are those of this range, in an order that no index likes.
const RANGE: u64 = 100_000_000;
/// Prime to the range, so that no number comes twice.
const STEP: u64 = 61_803_399;
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// Rows made at a time.
const PIECE: u64 = 1_000;

#[derive(Args)]
pub struct ImportArgs {
    /// How many rows the list has
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=5_000_000))]
    rows: u64,
    /// How often both are done, by turns; what is told are the medians
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=9))]
    rounds: u64,
    #[command(flatten)]
    pub(super) every: Every,
}

/// The last line of `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Figures {
    rows: u64,
    seconds: f64,
    rows_per_second: f64,
    /// None without PostgreSQL.
    copy_rows_per_second: Option<f64>,
    ratio: Option<f64>,
    #[serde(rename = "rssGrowthMiB")]
    rss_growth: f64,
}

/// What one round took, in seconds, and how far memory grew above what it was before it, in MiB.
struct Round {
    import: f64,
    copy: Option<f64>,
    growth: f64,
}

/// Imports a list into a campaign, then copies the same rows into a table like that of the recipients; several times.
pub async fn run(bench: &Bench<'_>, args: &ImportArgs) -> Result<(), Failure> {
    let trunk = bench.ground.simulated_trunk(&bench.engine, 5).await?;
    let yard = bench.engine.store().copy_yard();
    if let Some(yard) = &yard {
        yard.make().await?;
    }
    let mut rounds = Vec::new();
    for n in 0..args.rounds {
        let done = one_round(bench, args.rows, n, trunk, yard.as_ref()).await?;
        let Round { import, copy, growth } = done;
        eprintln!("round {}: import {import:.2} s, COPY {copy:.2?} s, memory grew by {growth:.1} MiB", n + 1);
        rounds.push(done);
    }
    if let Some(yard) = &yard {
        yard.remove().await?;
    }
    tell(args, &rounds);
    Ok(())
}

async fn one_round(
    bench: &Bench<'_>,
    rows: u64,
    n: u64,
    trunk: TrunkId,
    yard: Option<&CopyYard>,
) -> Result<Round, Failure> {
    let Bench { engine, ground, .. } = bench;
    let new = NewCampaign {
        agent_id: ground.agent,
        trunk_id: trunk,
        trunk_group_id: None,
        settings: CampaignSettings::new("import", Plan::voice(1)),
    };
    let campaign = engine.create_campaign(ground.workspace, new, Receipt::none()).await?;
    let list = List { next: n * rows, end: (n + 1) * rows, rest: b"phone,name,city,amount\n".to_vec() };
    let (before, watch) = (resident(std::process::id())?, Stopwatch::start());
    let peak = Peak::watch(before);
    let import =
        engine.import(ground.workspace, campaign.id, list, ImportOptions::default(), Receipt::none()).await?;
    let seconds = watch.elapsed().as_secs_f64();
    let growth = peak.end().await - before;
    if (import.accepted as u64, import.rejected) != (rows, 0) {
        let (accepted, rejected) = (import.accepted, import.rejected);
        return Err(Failure::new(format!(
            "{accepted} rows were accepted and {rejected} rejected, of {rows}"
        )));
    }
    let copy = match yard {
        Some(yard) => {
            let file = tempfile::NamedTempFile::new()?;
            yard.dump(campaign.id, file.path()).await?;
            let watch = Stopwatch::start();
            yard.load(file.path()).await?;
            Some(watch.elapsed().as_secs_f64())
        }
        None => None,
    };
    Ok(Round { import: seconds, copy, growth })
}

fn tell(args: &ImportArgs, rounds: &[Round]) {
    let rows = args.rows as f64;
    let seconds = median(rounds.iter().map(|round| round.import));
    let copy = rounds
        .iter()
        .map(|round| round.copy)
        .collect::<Option<Vec<f64>>>()
        .map(|all| median(all.into_iter()));
    let figures = Figures {
        rows: args.rows,
        seconds: round(seconds),
        rows_per_second: round(rows / seconds),
        copy_rows_per_second: copy.map(|copy| round(rows / copy)),
        ratio: copy.map(|copy| round(copy / seconds)),
        rss_growth: round(rounds.iter().map(|round| round.growth).fold(0.0, f64::max)),
    };
    match args.every.json {
        true => println!("{}", serde_json::json!(figures)),
        false => println!(
            "{} rows in {} s: {} a second; COPY {:?} a second, ratio {:?}; memory grew by at most {} MiB",
            figures.rows,
            figures.seconds,
            figures.rows_per_second,
            figures.copy_rows_per_second,
            figures.ratio,
            figures.rss_growth
        ),
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

/// A list that is made while it is read.
struct List {
    next: u64,
    end: u64,
    rest: Vec<u8>,
}

impl List {
    fn more(&mut self) -> io::Result<()> {
        let end = self.end.min(self.next + PIECE);
        for n in self.next..end {
            let number = n * STEP % RANGE;
            writeln!(self.rest, "+49151{number:08},Ann Example {n},Springfield,{}.50", n % 900)?;
        }
        self.next = end;
        Ok(())
    }
}

impl AsyncRead for List {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            self.more()?;
        }
        let some = self.rest.len().min(out.remaining());
        out.put_slice(&self.rest[..some]);
        self.rest.drain(..some);
        Poll::Ready(Ok(()))
    }
}

/// The most memory of this process, in MiB, since it was begun.
struct Peak(tokio::sync::oneshot::Sender<()>, AbortOnDropHandle<f64>);

impl Peak {
    fn watch(before: f64) -> Self {
        let (end, mut ended) = tokio::sync::oneshot::channel();
        let watch = tokio::spawn(async move {
            let mut peak = before;
            loop {
                peak = resident(std::process::id()).unwrap_or_default().max(peak);
                tokio::select! {
                    _ = &mut ended => return peak,
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        });
        Self(end, AbortOnDropHandle::new(watch))
    }

    async fn end(self) -> f64 {
        drop(self.0);
        self.1.await.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn no_number_of_a_list_comes_twice() {
        let mut text = String::new();
        let mut list = List { next: 10, end: 5_010, rest: b"phone\n".to_vec() };
        list.read_to_string(&mut text).await.unwrap();
        let numbers: std::collections::HashSet<&str> =
            text.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
        assert_eq!((text.lines().count(), numbers.len()), (5_001, 5_000));
    }

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
    }
}
