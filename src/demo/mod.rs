//! `ringfleet demo`: calls a whole list on this machine, and shows that every part did its work.
//!
//! It uses the doors a customer uses: the HTTP API to put the campaign together, SIP and RTP to a carrier that is its
//! own peer, webhooks to a receiver that verifies their signatures. All of it lives in a temporary folder.

mod cascade;
pub mod client;
pub mod receiver;
mod report;
mod setup;
mod steps;
mod target;
mod view;

use std::{
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Args;
use ringfleet_core::clock::Stopwatch;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Config, LogConfig, LogFormat},
    process::{Failure, stop_signal},
};
use cascade::{Senders, Walk};
use report::{Report, Rest, Webhooks};
use setup::{GREETING, House, Running};
use steps::List;
use target::Target;
use view::View;

/// Exit status after Ctrl-C, as shells count it.
const INTERRUPTED: u8 = 130;
/// The greeting is at least this long, so that the machine's beep of the built-in carrier comes while we listen.
const SHORTEST_GREETING: Duration = Duration::from_secs(3);

#[derive(Args)]
pub struct DemoArgs {
    /// The list to call: CSV with a column of phone numbers [with --cascade: a list of its own]
    #[arg(conflicts_with_all = ["data", "database_url", "redis_url"], required_unless_present = "cascade")]
    file: Option<PathBuf>,
    /// Write to those who do not pick up: WhatsApp, then a text, then an e-mail, over providers of its own
    #[arg(long, conflicts_with_all = ["trunk", "data", "database_url", "redis_url"])]
    cascade: bool,
    /// Column with the numbers, where its name does not say so
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
    /// Dial this SIP peer instead of the built-in carrier, ;transport=tcp may follow. Tries again after seconds, so
    /// give it numbers of test phones
    #[arg(long, value_name = "sip:HOST:PORT")]
    trunk: Option<Target>,
    /// Leave everything running at the end, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Print the figures as one JSON object, as the last line
    #[arg(long)]
    json: bool,
    /// How long the built-in carrier rings before it answers or refuses, in milliseconds
    #[arg(long, default_value_t = 150, value_parser = clap::value_parser!(u64).range(..=60_000))]
    ring_ms: u64,
    /// How long the built-in carrier talks before it hangs up, in milliseconds
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(..=300_000))]
    talk_ms: u64,
    /// Most calls begun per second, 0.01 to 10000
    #[arg(long, default_value_t = 12.0, value_name = "N", value_parser = rate)]
    calls_per_second: f64,
    /// Most calls live at once
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=2_000))]
    live_calls: u32,
    /// How long a phone may ring before the call is cancelled [default: 4, or longer than --ring-ms]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=300))]
    ring_timeout: Option<u64>,
    /// Where the API listens; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.01..=10_000.0).contains(rate));
    rate.ok_or_else(|| "give a number from 0.01 to 10000".into())
}

impl DemoArgs {
    fn ring_timeout(&self) -> u64 {
        self.ring_timeout.unwrap_or_else(|| (self.ring_ms / 1000 + 2).max(4))
    }

    /// How long our side speaks: longer than the carrier, so that both sides get to hang up.
    fn greeting(&self) -> Duration {
        (Duration::from_millis(self.talk_ms) + Duration::from_secs(1)).max(SHORTEST_GREETING)
    }
}

/// Logs no more than warnings, unless the environment asks for it: anything more would tear the progress bars.
pub fn quiet(log: &mut LogConfig) {
    if std::env::var_os("RINGFLEET_LOG__FILTER").is_none() {
        // On a machine busy with other things sqlx warns of every wait for SQLite's one writer.
        log.filter = "warn,sqlx=error".into();
    }
    if log.format == LogFormat::Auto {
        log.format = LogFormat::Text;
    }
}

/// Runs the demo. Of `given`, only the section `sip` counts.
///
/// # Errors
/// Whatever kept it from calling everybody on the list, in a sentence.
pub async fn run(args: DemoArgs, given: Config) -> Result<ExitCode, Failure> {
    let folder = tempfile::Builder::new()
        .prefix("ringfleet-demo-")
        .tempdir()
        .map_err(|e| Failure::during("no temporary folder can be made", e))?;
    let list = match &args.file {
        Some(file) => List::open(file).await?,
        None => List::open(&own_list(folder.path())?).await?,
    };
    let config = setup::configuration(given, folder.path(), &args).await?;
    let interrupted = stop_signal()?;
    let (house, mut running) = House::open(&args, &config, folder).await?;
    let ended = act(&args, &house, &mut running, list, &interrupted).await;
    house.close(running).await;
    ended
}

/// The list of the cascade, written into the folder.
fn own_list(folder: &Path) -> Result<PathBuf, Failure> {
    let path = folder.join("people.csv");
    std::fs::write(&path, cascade::people::list()?)
        .map_err(|e| Failure::during("the list cannot be written", e))?;
    Ok(path)
}

/// All that happens while the house is open; whatever comes of it, the house is closed afterwards.
async fn act(
    args: &DemoArgs,
    house: &House,
    running: &mut Running,
    list: List,
    interrupted: &CancellationToken,
) -> Result<ExitCode, Failure> {
    let view = View::new(list.bytes);
    let played = tokio::select! {
        biased;
        () = interrupted.cancelled() => None,
        broken = running.broken() => Some(Err(broken)),
        played = play(args, house, list, &view) => Some(played),
    };
    view.close();
    let Some(played) = played else {
        eprintln!("interrupted; hanging up");
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let (campaign, report) = played?;
    let walks = match &house.senders {
        Some(_) => cascade::walks(&house.client, &campaign)
            .await
            .map_err(|e| Failure::new(format!("the ways of the people cannot be read: {e}")))?,
        None => Vec::new(),
    };
    print(args, house, &campaign, &report, &walks)
        .map_err(|e| Failure::during("the result cannot be printed", e))?;
    if args.keep {
        tokio::select! {
            () = interrupted.cancelled() => {}
            broken = running.broken() => return Err(broken),
        }
    }
    report.verdict().map(|()| ExitCode::SUCCESS)
}

/// From an empty workspace to the last webhook; gives the campaign's id and the figures.
async fn play(args: &DemoArgs, house: &House, list: List, view: &View) -> Result<(String, Report), Failure> {
    let watch = Stopwatch::start();
    let House { client, receiver, target, .. } = house;
    let name = list.name().display().to_string();
    view.note(&format!("calling {name} through sip:{}:{}", target.host, target.port));
    let more = match &house.senders {
        Some(senders) => senders.steps(client, &format!("http://{}", house.api)).await?,
        None => Vec::new(),
    };
    let campaign = steps::prepare(client, args, target, GREETING, receiver, more).await?;
    let import = steps::import(client, &campaign, list, args.column.as_deref(), view).await?;
    let errors = house.folder.path().join("errors.csv");
    let unread = |e: &dyn std::fmt::Display| Failure::new(format!("the rejected rows cannot be read: {e}"));
    client.download(&format!("/imports/{}/errors.csv", import.id), &errors).await.map_err(|e| unread(&e))?;
    let rejected = report::read_rejected(&errors, args.json).map_err(|e| unread(&e))?;
    let mut report = Report {
        campaign: "DRAFT".into(),
        rows: import.rows,
        rejected,
        recipients: Default::default(),
        calls: Default::default(),
        webhooks: Webhooks { delivered: 0, verified: 0 },
        seconds: 0.0,
        rest: Rest { rejected: import.rejected, ..Rest::default() },
    };
    if import.accepted > 0 {
        let (stats, reason) = steps::call(client, args, &campaign, receiver, view).await?;
        report.rest.all_told = stats.status == "FINISHED" && steps::hear_all(receiver, &stats, view).await;
        report.campaign = stats.status;
        report.recipients = stats.recipients.by_disposition;
        report.calls = stats.calls.by_outcome;
        let received = receiver.received();
        report.webhooks = Webhooks { delivered: received.delivered, verified: received.verified };
        let (recipients, done) = (stats.recipients.total, stats.recipients.done);
        report.rest = Rest { recipients, done, reason, carrier: house.heard(), ..report.rest };
    }
    report.seconds = (watch.elapsed().as_secs_f64() * 10.0).round() / 10.0;
    Ok((campaign, report))
}

fn print(
    args: &DemoArgs,
    house: &House,
    campaign: &str,
    report: &Report,
    walks: &[Walk],
) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    report.write_tables(&mut out)?;
    if let Some((messages, mails)) = house.senders.as_ref().map(Senders::taken) {
        cascade::write(&mut out, walks)?;
        writeln!(out, "{messages} messages over WhatsApp and as texts, {mails} e-mails")?;
    }
    if args.keep {
        let (url, key) = (house.client.url(&format!("/campaigns/{campaign}/stats")), &house.key);
        writeln!(out, "\nstill running on http://{}; Ctrl-C ends it and removes its folder", house.api)?;
        writeln!(out, "dashboard:  http://{}/campaigns/{campaign} (sign in with the key)", house.api)?;
        writeln!(out, "API key:    {key}")?;
        writeln!(out, "recordings: {}", house.recordings().display())?;
        writeln!(out, "try:        curl -H 'Authorization: Bearer {key}' {url}")?;
    }
    if args.json {
        writeln!(out, "{}", report.json()?)?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        demo: DemoArgs,
        #[arg(long)]
        data: Option<PathBuf>,
        #[arg(long)]
        database_url: Option<String>,
        #[arg(long)]
        redis_url: Option<String>,
    }

    fn parse(line: &str) -> Result<DemoArgs, clap::Error> {
        Line::try_parse_from(std::iter::once("demo").chain(line.split_whitespace())).map(|line| line.demo)
    }

    #[test]
    fn a_phone_rings_longer_than_the_carrier_needs_to_answer() {
        assert_eq!(parse("list.csv").unwrap().ring_timeout(), 4);
        assert_eq!(parse("list.csv --ring-ms 7500").unwrap().ring_timeout(), 9);
        assert_eq!(parse("list.csv --ring-ms 7500 --ring-timeout 1").unwrap().ring_timeout(), 1);
    }

    #[test]
    fn our_side_speaks_longer_than_the_carrier() {
        assert_eq!(parse("list.csv").unwrap().greeting(), SHORTEST_GREETING);
        assert_eq!(parse("list.csv --talk-ms 9000").unwrap().greeting(), Duration::from_secs(10));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "",
            "list.csv --calls-per-second 0",
            "list.csv --calls-per-second NaN",
            "list.csv --live-calls 0",
            "list.csv --trunk 127.0.0.1:5060",
            "list.csv --data folder",
            "list.csv --database-url postgres://x",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[tokio::test]
    async fn everything_stays_in_the_folder_and_on_loopback() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = Config {
            data: "/elsewhere".into(),
            database_url: Some("postgres://elsewhere/db".into()),
            redis_url: Some("redis://elsewhere".into()),
            ..Config::default()
        };
        let config =
            setup::configuration(elsewhere, folder.path(), &parse("list.csv").unwrap()).await.unwrap();
        assert!(
            config.sqlite_file().starts_with(folder.path()) && config.greetings().starts_with(folder.path())
        );
        assert_eq!((config.database_url, config.redis_url), (None, None));
        assert!(config.sip.bind.is_loopback() && config.listen.ip().is_loopback());
    }
}
