//! `ringfleet bench outages`: what is felt when something dies.
//!
//! A fleet of its own calls a list at an even pace, and a back end asks for single calls. One thing after the other dies, stays away and
//! comes back; told is how long calls, answers and webhooks waited for it, and afterwards the judge of the torture looks whether
//! anybody was called twice or anything was lost.

use std::{collections::BTreeMap, io::Write, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use futures::future::try_join_all;
use ringfleet_core::{CampaignId, Clock, Outcome, SystemClock};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, interval, sleep};

use super::{
    come_to_rest, crew,
    desk::Listed,
    evidence::{Attempt, Evidence},
    gather,
    house::{House, Notices},
    report::Verdict,
    schedule::Fault,
    since,
    terms::Asked,
};
use crate::{
    demo::{client::Made, receiver::Notice},
    process::Failure,
};

/// How long the pace may settle before the first fault, and after each: the calls of a dead worker are handed over within half a minute.
const WARM_UP: Duration = Duration::from_secs(15);
const AFTERWARDS: Duration = Duration::from_secs(45);
/// How often a single call is asked for.
const TRIGGER: Duration = Duration::from_millis(250);
/// Recipients in one request.
const PORTION: usize = 1_000;
/// Two beginnings that are further apart than so many of the pace, or than a second, have something between them.
const PAUSE: f64 = 10.0;

#[derive(Args)]
pub struct OutagesArgs {
    /// How many calls the campaign begins per second, 1 to 200
    #[arg(long, default_value_t = 20.0, value_parser = rate)]
    rate: f64,
    /// How long what dies stays away, in seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
    away: u64,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (1.0..=200.0).contains(rate));
    rate.ok_or_else(|| "give a number from 1 to 200".into())
}

/// What dies, and what it is called.
struct Blow {
    what: &'static str,
    faults: Vec<Fault>,
}

fn blows(away: Duration) -> Vec<Blow> {
    let stays = away;
    let blow = |what, faults| Blow { what, faults };
    let workers = (0..3).map(|nth| Fault::KillWorker { nth, away }).collect();
    let schedulers = (0..2).map(|nth| Fault::KillScheduler { nth, away }).collect();
    vec![
        blow("one of three workers", vec![Fault::KillWorker { nth: 0, away }]),
        blow("all workers", workers),
        blow("one of two schedulers", vec![Fault::KillScheduler { nth: 0, away }]),
        blow("both schedulers", schedulers),
        blow("one of two apis", vec![Fault::KillApi { nth: 0, away }]),
        blow("Redis", vec![Fault::RestartRedis { away }]),
        blow("what Redis knows (FLUSHALL)", vec![Fault::FlushRedis]),
        blow("PostgreSQL", vec![Fault::RestartPostgres { crash: true, away }]),
        blow("PostgreSQL, standing still", vec![Fault::FreezePostgres { stays }]),
    ]
}

/// When something was away.
struct Window {
    what: &'static str,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

/// A single call that was asked for.
struct Trigger {
    to: String,
    asked: DateTime<Utc>,
    answered: DateTime<Utc>,
}

/// A webhook that arrived.
struct Arrival {
    created: DateTime<Utc>,
    at: DateTime<Utc>,
}

/// What was felt of one of them. Times in milliseconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Felt {
    what: &'static str,
    /// The longest time in which no call of the campaign began.
    no_call_ms: i64,
    /// How long after the blow the last such pause ended; 0 where there was none.
    back_after_ms: i64,
    /// The longest that a single call waited for the answer to its request, and for its beginning.
    slowest_answer_ms: i64,
    slowest_call_ms: i64,
    /// The longest from a fact to its webhook.
    slowest_webhook_ms: i64,
    /// Calls that nobody knows the end of.
    uncertain: usize,
}

/// The last line of `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Figures {
    calls_per_second: f64,
    away_seconds: u64,
    outages: Vec<Felt>,
    verdict: Verdict,
}

/// Runs it.
///
/// # Errors
/// When something that has to be there is not, or a promise was broken.
pub async fn run(args: &OutagesArgs) -> Result<(), Failure> {
    let folder = crew::make_folder()?;
    let (house, notices) = House::open(&folder).await?;
    let measured = tokio::select! {
        measured = measure(args, &house, notices) => measured,
        broken = house.crew.keep_running() => Err(broken.err().unwrap_or_else(|| Failure::new("nobody minds the processes"))),
    };
    house.close().await;
    let (figures, evidence) = measured?;
    print(args, &figures)?;
    if figures.verdict.passes() {
        return Ok(());
    }
    figures.verdict.explain(&evidence, &mut std::io::stderr().lock())?;
    Err(Failure::new("a promise was broken"))
}

async fn measure(
    args: &OutagesArgs,
    house: &House,
    mut notices: Notices,
) -> Result<(Figures, Evidence), Failure> {
    let blows = blows(Duration::from_secs(args.away));
    let seconds = WARM_UP.as_secs() + blows.len() as u64 * (args.away + AFTERWARDS.as_secs());
    let trunk = house.desk.make::<Made>("/trunks", &trunk()).await?.id;
    let campaign = call_a_list(house, &trunk, args.rate, (args.rate * seconds as f64) as usize).await?;
    let (mut triggers, mut arrivals, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    let windows = tokio::select! {
        windows = strike(house, &blows) => windows?,
        broken = keep_triggering(house, &trunk, &mut triggers) => return Err(broken),
        () = listen(&mut notices, &mut arrivals, &mut kept) => return Err(Failure::new("the receiver has ended")),
    };
    house.desk.act(campaign, "cancel").await?;
    let store = house.store().await?;
    come_to_rest(house, &store).await?;
    let mut evidence = gather(house, &store, notices).await?;
    store.close().await;
    evidence.notices.splice(..0, kept);
    evidence.asked.insert(campaign, Asked::default());
    let seen = Seen {
        rate: args.rate,
        begun: begun(&evidence, campaign),
        first: first(&evidence),
        triggers,
        arrivals,
    };
    let figures = Figures {
        calls_per_second: args.rate,
        away_seconds: args.away,
        outages: windows.iter().map(|window| felt(window, &seen, &evidence)).collect(),
        verdict: Verdict::new(0, windows.len(), &evidence),
    };
    Ok((figures, evidence))
}

/// A trunk without limits, whose calls take two seconds.
fn trunk() -> Value {
    json!({"name": "Outages", "kind": "simulated", "ringMs": 300, "talkMs": 1_700})
}

/// Makes a campaign that calls so many people at this pace, all of whom pick up, and starts it.
async fn call_a_list(house: &House, trunk: &str, rate: f64, people: usize) -> Result<CampaignId, Failure> {
    let desk = &house.desk;
    let body = json!({
        "name": "Outages", "agentId": house.ground.agent(), "trunkId": trunk,
        "channels": [{"channel": "voice", "attempts": 1}],
        "schedule": {"window": "always"}, "limits": {"callsPerSecond": rate},
    });
    let campaign: Listed = desk.make("/campaigns", &body).await?;
    let list: Vec<Value> = (0..people).map(|nth| json!({"to": number(302, nth)})).collect();
    for portion in list.chunks(PORTION) {
        let path = format!("/campaigns/{}/recipients", campaign.id);
        desk.make::<Value>(&path, &json!({"recipients": portion})).await?;
    }
    desk.act(campaign.id, "start").await?;
    Ok(campaign.id)
}

/// The `nth` number of an area, of somebody who picks up.
fn number(area: usize, nth: usize) -> String {
    format!("+1{}{:05}01", area + nth / 100_000, nth % 100_000)
}

/// Lets one thing after the other die.
async fn strike(house: &House, blows: &[Blow]) -> Result<Vec<Window>, Failure> {
    let began = Instant::now();
    sleep(WARM_UP).await;
    let mut windows = Vec::new();
    for Blow { what, faults } in blows {
        eprintln!("{} {what}", since(began));
        let from = SystemClock.now();
        try_join_all(faults.iter().map(|fault| house.suffer(fault))).await?;
        sleep(AFTERWARDS).await;
        windows.push(Window { what, from, until: SystemClock.now() });
    }
    Ok(windows)
}

/// Asks for single calls, as a back end does; does not end by itself.
async fn keep_triggering(house: &House, trunk: &str, triggers: &mut Vec<Trigger>) -> Failure {
    let mut ticks = interval(TRIGGER);
    for nth in 0.. {
        ticks.tick().await;
        let (to, asked) = (number(402, nth), SystemClock.now());
        let call = json!({"agentId": house.ground.agent(), "trunkId": trunk, "to": to});
        match house.desk.make::<Value>("/sessions", &call).await {
            Ok(_) => triggers.push(Trigger { to, asked, answered: SystemClock.now() }),
            Err(failure) => return failure,
        }
    }
    Failure::new("no numbers are left")
}

/// Notes when each webhook arrives.
async fn listen(notices: &mut Notices, arrivals: &mut Vec<Arrival>, kept: &mut Vec<Notice>) {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Told {
        created_at: DateTime<Utc>,
    }
    while let Some(notice) = notices.recv().await {
        if let Ok(told) = serde_json::from_slice::<Told>(&notice.body) {
            arrivals.push(Arrival { created: told.created_at, at: SystemClock.now() });
        }
        kept.push(notice);
    }
}

/// What there is to be told of, of all windows together.
struct Seen {
    rate: f64,
    /// When calls of the campaign began.
    begun: Vec<DateTime<Utc>>,
    /// When each number was first called.
    first: BTreeMap<String, DateTime<Utc>>,
    triggers: Vec<Trigger>,
    arrivals: Vec<Arrival>,
}

fn begun(evidence: &Evidence, campaign: CampaignId) -> Vec<DateTime<Utc>> {
    let is_of_campaign =
        |attempt: &&Attempt| evidence.call_of(attempt).is_some_and(|call| call.campaign_id == Some(campaign));
    evidence.attempts.iter().filter(is_of_campaign).map(|attempt| attempt.placed).collect()
}

fn first(evidence: &Evidence) -> BTreeMap<String, DateTime<Utc>> {
    evidence.attempts.iter().rev().map(|attempt| (attempt.to.to_string(), attempt.placed)).collect()
}

fn felt(window: &Window, seen: &Seen, evidence: &Evidence) -> Felt {
    let Seen { rate, begun, first, triggers, arrivals } = seen;
    let during = |at: DateTime<Utc>| window.from <= at && at < window.until;
    let placed: Vec<DateTime<Utc>> = begun.iter().copied().filter(|at| during(*at)).collect();
    let (no_call, back_after) = pauses(window, &placed, *rate);
    let asked = || triggers.iter().filter(|trigger| during(trigger.asked));
    let most =
        |times: &mut dyn Iterator<Item = TimeDelta>| times.max().unwrap_or_default().num_milliseconds();
    let is_uncertain = |call: &&ringfleet_store::Call| {
        call.outcome == Some(Outcome::Uncertain)
            && call.triggered_at.is_some_and(|at| at < window.until)
            && call.ended_at.is_some_and(during)
    };
    Felt {
        what: window.what,
        no_call_ms: no_call.num_milliseconds(),
        back_after_ms: back_after.num_milliseconds(),
        slowest_answer_ms: most(&mut asked().map(|trigger| trigger.answered - trigger.asked)),
        slowest_call_ms: most(
            &mut asked().filter_map(|trigger| Some(*first.get(&trigger.to)? - trigger.asked)),
        ),
        slowest_webhook_ms: most(
            &mut arrivals.iter().filter(|it| during(it.created)).map(|it| it.at - it.created),
        ),
        uncertain: evidence.calls.values().filter(is_uncertain).count(),
    }
}

/// The longest time between two of these beginnings, the edges of the window included, and how long after its beginning the last one ended
/// that is no part of the pace.
fn pauses(window: &Window, placed: &[DateTime<Utc>], rate: f64) -> (TimeDelta, TimeDelta) {
    let unusual = TimeDelta::milliseconds((1_000.0 * (PAUSE / rate).max(1.0)) as i64);
    let edges: Vec<_> = [window.from].iter().chain(placed).chain([&window.until]).copied().collect();
    let gaps = || edges.windows(2).map(|pair| (pair[1] - pair[0], pair[1]));
    let longest = gaps().map(|(gap, _)| gap).max().unwrap_or_default();
    let last = gaps().filter(|(gap, _)| *gap > unusual).map(|(_, end)| end - window.from).next_back();
    (longest, last.unwrap_or_default())
}

fn print(args: &OutagesArgs, figures: &Figures) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(figures)?)?;
        return Ok(());
    }
    writeln!(
        out,
        "{:<28}{:>10}{:>12}{:>10}{:>10}{:>10}{:>11}",
        "", "no call", "back after", "answer", "call", "webhook", "uncertain"
    )?;
    for Felt {
        what,
        no_call_ms,
        back_after_ms,
        slowest_answer_ms,
        slowest_call_ms,
        slowest_webhook_ms,
        uncertain,
    } in &figures.outages
    {
        let [gap, back, answer, call, webhook] =
            [no_call_ms, back_after_ms, slowest_answer_ms, slowest_call_ms, slowest_webhook_ms]
                .map(|ms| format!("{:.1} s", *ms as f64 / 1_000.0));
        writeln!(out, "{what:<28}{gap:>10}{back:>12}{answer:>10}{call:>10}{webhook:>10}{uncertain:>11}")?;
    }
    figures.verdict.summarise(&mut out)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(millis).expect("a moment")
    }

    #[test]
    fn a_pause_is_what_the_pace_does_not_explain() {
        let window = Window { what: "", from: at(0), until: at(20_000) };
        let even: Vec<_> = (1..200).map(|n| at(n * 100)).collect();
        let none = pauses(&window, &even, 10.0);
        assert_eq!(none, (TimeDelta::milliseconds(100), TimeDelta::zero()));
        let broken: Vec<_> = even.iter().copied().filter(|it| *it < at(3_000) || *it > at(9_000)).collect();
        let (longest, back) = pauses(&window, &broken, 10.0);
        assert_eq!((longest.num_milliseconds(), back.num_milliseconds()), (6_200, 9_100));
        let (longest, back) = pauses(&window, &[], 10.0);
        assert_eq!(
            (longest.num_milliseconds(), back.num_milliseconds()),
            (20_000, 20_000),
            "it never came back"
        );
    }

    #[test]
    fn numbers_are_of_two_areas_and_pick_up() {
        assert_eq!([number(302, 7), number(402, 123_456)], ["+13020000701", "+14032345601"]);
    }
}
