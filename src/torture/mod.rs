//! `ringfleet torture`: everything goes wrong that can, and afterwards a judge looks whether anybody could tell.
//!
//! It starts a fleet of its own in a temporary folder, with a real PostgreSQL and a real Redis, drives campaigns through
//! the HTTP API while processes and servers are killed, stopped and confused, and then compares what the carrier, the
//! webhook receiver and the operator have seen with what the database says. The seed decides what happens and when; only
//! the timing of the machine is its own.

mod check;
mod crew;
mod desk;
mod evidence;
mod house;
mod load;
pub mod outages;
mod people;
mod report;
mod schedule;
mod servers;
mod terms;
pub mod tether;

use std::{io::Write, process::ExitCode, time::Duration};

use clap::Args;
use futures::stream::{FuturesUnordered, StreamExt};
use ringfleet_store::{Store, Unfinished};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, sleep_until};

use crate::process::{Failure, stop_signal};
use evidence::Evidence;
use house::{House, Notices};
use report::Verdict;
use schedule::Planned;

/// Exit status after Ctrl-C, as shells count it.
const INTERRUPTED: u8 = 130;
/// How long everything may take to come to rest after the last fault. Work that a dead process had in hand with its clock a
/// minute ahead is free again after two minutes.
const REST: Duration = Duration::from_secs(240);
/// How often we look whether it has.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Args)]
pub struct TortureArgs {
    /// Decides what happens and when
    #[arg(long, value_name = "N", conflicts_with_all = ["data", "database_url", "redis_url"])]
    seed: u64,
    /// How long things go wrong; then everything may come to rest
    #[arg(long, value_name = "M", default_value_t = 2.0, value_parser = minutes)]
    minutes: f64,
    /// Print the verdict as one JSON object, as the last line
    #[arg(long)]
    json: bool,
}

fn minutes(text: &str) -> Result<f64, String> {
    let minutes = text.parse().ok().filter(|minutes| (0.1..=1_440.0).contains(minutes));
    minutes.ok_or_else(|| "give a number from 0.1 to 1440".into())
}

/// Runs it.
///
/// # Errors
/// When something that has to be there is not, or does not come back.
pub async fn run(args: TortureArgs) -> Result<ExitCode, Failure> {
    let interrupted = stop_signal()?;
    let folder = crew::make_folder()?;
    let opened = tokio::select! {
        biased;
        () = interrupted.cancelled() => None,
        opened = House::open(&folder) => Some(opened),
    };
    let seen = match opened {
        None => None,
        Some(Err(failure)) => Some(Err(failure)),
        Some(Ok((house, notices))) => {
            let seen = tokio::select! {
                biased;
                () = interrupted.cancelled() => None,
                seen = torture(&args, &house, notices) => Some(seen),
            };
            house.close().await;
            seen
        }
    };
    match seen {
        Some(seen) => judge(&args, folder, seen),
        None => {
            eprintln!("interrupted");
            Ok(ExitCode::from(INTERRUPTED))
        }
    }
}

/// Prints the verdict. Whatever is not in order leaves its folder behind.
fn judge(args: &TortureArgs, folder: TempDir, seen: Result<Seen, Failure>) -> Result<ExitCode, Failure> {
    let keep = |folder: TempDir| {
        eprintln!("seed {}; the logs of all processes are kept in {}", args.seed, folder.keep().display());
    };
    let Seen { evidence, faults } = match seen {
        Ok(seen) => seen,
        Err(failure) => {
            keep(folder);
            return Err(failure);
        }
    };
    let verdict = Verdict::new(args.seed, faults, &evidence);
    eprintln!("{}", check::pace::on_the_wire(&evidence));
    eprintln!("{}", check::rules::put_to_the_test(&evidence));
    if !verdict.passes() {
        verdict.explain(&evidence, &mut std::io::stderr().lock())?;
        keep(folder);
    }
    let mut out = std::io::stdout().lock();
    match args.json {
        true => writeln!(out, "{}", serde_json::to_string(&verdict)?)?,
        false => verdict.summarise(&mut out)?,
    }
    Ok(if verdict.passes() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What there is to be judged.
struct Seen {
    evidence: Evidence,
    faults: usize,
}

async fn torture(args: &TortureArgs, house: &House, notices: Notices) -> Result<Seen, Failure> {
    let suffered = async {
        let faults = strike(args, house).await?;
        let store = house.store().await?;
        come_to_rest(house, &store).await?;
        let evidence = gather(house, &store, notices).await?;
        store.close().await;
        Ok(Seen { evidence, faults })
    };
    tokio::select! {
        seen = suffered => seen,
        broken = house.crew.keep_running() => Err(broken.err().unwrap_or_else(|| Failure::new("nobody minds the processes"))),
    }
}

/// Lets things go wrong while there is a lot to do; gives how often.
async fn strike(args: &TortureArgs, house: &House) -> Result<usize, Failure> {
    let length = Duration::from_secs_f64(args.minutes * 60.0);
    let planned = schedule::schedule(args.seed, length);
    let began = Instant::now();
    let load = async {
        let calling = house.ground.keep_calling(&house.desk, args.seed);
        let triggering = house.ground.keep_triggering(&house.desk, args.seed);
        match tokio::time::timeout(length, async { tokio::try_join!(calling, triggering) }).await {
            Ok(ended) => ended.map(drop),
            Err(_) => Ok(()),
        }
    };
    let (faults, ()) = tokio::try_join!(suffer(house, &planned, began), load)?;
    eprintln!("{} the last fault is over", since(began));
    Ok(faults)
}

async fn suffer(house: &House, planned: &[Planned], began: Instant) -> Result<usize, Failure> {
    let (mut faults, mut under_way) = (0, FuturesUnordered::new());
    for Planned { at, fault } in planned {
        let due = sleep_until(began + *at);
        tokio::pin!(due);
        loop {
            tokio::select! {
                () = &mut due => break,
                Some(happened) = under_way.next() => faults += usize::from(happened?),
            }
        }
        eprintln!("{} {fault}", since(began));
        under_way.push(house.suffer(fault));
    }
    while let Some(happened) = under_way.next().await {
        faults += usize::from(happened?);
    }
    Ok(faults)
}

/// Waits until nothing is left to do. When that does not come, the judge will say what there was.
async fn come_to_rest(house: &House, store: &Store) -> Result<(), Failure> {
    let began = Instant::now();
    loop {
        load::let_all_end(&house.desk).await?;
        let mut tx = store.read().await?;
        let left = tx.unfinished().await?;
        tx.commit().await?;
        if left == Unfinished::default() {
            eprintln!("{} after it everything has come to rest", since(began));
            return Ok(());
        }
        if began.elapsed() > REST {
            eprintln!("{} it does not come to rest: {left:?}", since(began));
            return Ok(());
        }
        sleep(LOOK).await;
    }
}

async fn gather(house: &House, store: &Store, mut notices: Notices) -> Result<Evidence, Failure> {
    let mut evidence = evidence::read_database(store).await?;
    evidence.deaths = house.crew.deaths();
    let witness = house.crew.setting().witness();
    (evidence.attempts, evidence.refusals) = evidence::read_witness(&witness, &evidence.deaths)?;
    evidence.silences = house.desk.journal(|done| done.silences.clone());
    evidence.changes = house.desk.journal(|done| done.changes.clone());
    evidence.hang_ups = house.desk.journal(|done| done.hang_ups.clone());
    evidence.bans = house.desk.journal(|done| done.bans.clone());
    evidence.asked = house.ground.asked();
    evidence.floor = load::FLOOR;
    evidence.shifts = house.crew.shifts();
    while let Ok(notice) = notices.try_recv() {
        evidence.notices.push(notice);
    }
    Ok(evidence)
}

fn since(began: Instant) -> String {
    format!("[{:6.1} s]", began.elapsed().as_secs_f64())
}
