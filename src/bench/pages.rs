//! `ringfleet bench pages`: how long the dashboard waits for its requests.
//!
//! A list is in and its campaign calls; pages are asked for one request after the other, as somebody does who clicks through them, and a
//! few others watch the campaign by its stream meanwhile.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use clap::Args;
use futures::StreamExt;
use reqwest::{Client, RequestBuilder};
use ringfleet_core::clock::Stopwatch;
use serde::Serialize;
use serde_json::Value;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::{Bench, Every, crew::Crew, crowd::Crowd, percentile, round};
use crate::process::Failure;

/// The first event of a stream that has not come by then will not come.
const LOST: Duration = Duration::from_secs(30);
const TOO_SHORT: &str = "the campaign was over before all pages were asked for, and the figures would be of an idle system; give more --recipients or fewer --rounds";

#[derive(Args)]
pub struct PagesArgs {
    /// How many people are on the list
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(100..=5_000_000))]
    recipients: u64,
    /// How many calls the campaign begins per second meanwhile, 0.1 to 1000
    #[arg(long, default_value_t = 50.0, value_name = "N", value_parser = super::rate)]
    rate: f64,
    /// How often each page is asked for
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rounds: u32,
    /// How many others watch the campaign meanwhile
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    watchers: u32,
    #[command(flatten)]
    pub(super) every: Every,
}

/// How long one kind of request took.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Took {
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

/// The last line of `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Figures {
    recipients: u64,
    calls: u64,
    requests: usize,
    all: Took,
    by_request: BTreeMap<&'static str, Took>,
}

/// Asks for every page so often.
pub async fn run(bench: &Bench<'_>, args: &PagesArgs) -> Result<(), Failure> {
    let trunk = bench.ground.paced_trunk(&bench.engine, args.rate).await?;
    let crowd = Crowd::gather(bench, trunk, args.recipients, args.every.max_live, TOO_SHORT).await?;
    let mut crew = Crew::start(bench, &["api", "scheduler", "worker"]).await?;
    let api = crew.ready().await?.ok_or_else(|| Failure::new("the api does not say where it listens"))?;
    let browser = Browser::new(api, bench, &crowd)?;
    let measured = tokio::select! {
        measured = measure(&browser, &crowd, args) => measured?,
        broken = crew.broken() => return Err(broken),
    };
    crew.close().await;
    print(measured, args)
}

async fn measure(
    browser: &Browser,
    crowd: &Crowd<'_>,
    args: &PagesArgs,
) -> Result<(u64, BTreeMap<&'static str, Vec<Duration>>), Failure> {
    crowd.get_going().await?;
    let watching: Vec<_> =
        (0..args.watchers).map(|_| AbortOnDropHandle::new(tokio::spawn(browser.clone().watch()))).collect();
    let before = crowd.still_calling().await?;
    let mut took = BTreeMap::<_, Vec<_>>::new();
    for nth in 0..args.rounds {
        for (name, time) in browser.click_through().await? {
            took.entry(name).or_default().push(time);
        }
        if nth % 10 == 9 {
            eprintln!("{:>4} of {} rounds", nth + 1, args.rounds);
        }
    }
    let calls = crowd.still_calling().await? - before;
    drop(watching);
    Ok((calls, took))
}

fn print(
    (calls, took): (u64, BTreeMap<&'static str, Vec<Duration>>),
    args: &PagesArgs,
) -> Result<(), Failure> {
    let all = Took::of(took.values().flatten().copied().collect());
    let requests = took.values().map(Vec::len).sum();
    let by_request = took.into_iter().map(|(name, took)| (name, Took::of(took))).collect();
    let figures = Figures { recipients: args.recipients, calls, requests, all, by_request };
    if args.every.json {
        println!("{}", serde_json::to_string(&figures)?);
        return Ok(());
    }
    for (name, took) in figures.by_request.iter().chain([(&"all", &figures.all)]) {
        println!(
            "p50 {:>7.2} ms  p99 {:>7.2} ms  max {:>7.2} ms  {name}",
            took.p50_ms, took.p99_ms, took.max_ms
        );
    }
    Ok(())
}

impl Took {
    fn of(mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        let ms = |share| percentile(&took, share).map_or(0.0, |took| round(took.as_secs_f64() * 1000.0));
        Self { p50_ms: ms(0.5), p99_ms: ms(0.99), max_ms: ms(1.0) }
    }
}

/// Somebody who looks at the campaign.
#[derive(Clone)]
struct Browser {
    http: Client,
    base: String,
    key: String,
    campaign: String,
}

/// What a request has brought.
struct Page {
    data: Value,
    next: Option<String>,
    took: Duration,
}

impl Browser {
    fn new(api: SocketAddr, bench: &Bench<'_>, crowd: &Crowd<'_>) -> Result<Self, Failure> {
        let http = Client::builder().no_proxy().build()?;
        let (base, key) = (format!("http://{api}/api/v1"), bench.ground.key.clone());
        Ok(Self { http, base, key, campaign: crowd.campaign.id.to_string() })
    }

    fn request(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.key)
    }

    async fn get(&self, path: &str) -> Result<Page, Failure> {
        let watch = Stopwatch::start();
        let answer = self.request(path).send().await?;
        let (status, body) = (answer.status(), answer.bytes().await?);
        let took = watch.elapsed();
        let mut body: Value = serde_json::from_slice(&body)?;
        if !status.is_success() {
            return Err(Failure::new(format!("{path} is answered {status}: {}", body["message"])));
        }
        let next = body["meta"]["next_cursor"].as_str().map(str::to_owned);
        Ok(Page { data: body["data"].take(), next, took })
    }

    /// Every request the dashboard makes to show a campaign, its people and their calls, and what is around them.
    async fn click_through(&self) -> Result<Vec<(&'static str, Duration)>, Failure> {
        let campaign = format!("/campaigns/{}", self.campaign);
        let list = format!("{campaign}/recipients?limit=100");
        let mut took = Vec::new();
        let fixed = [
            ("who asks", "/me".to_owned()),
            ("campaigns", "/campaigns?limit=50".into()),
            ("campaign", campaign.clone()),
            ("stats", format!("{campaign}/stats")),
            ("timeline", format!("{campaign}/timeline")),
            ("preflight", format!("{campaign}/preflight?maxAge=60")),
            ("recipients that wait", format!("{list}&state=PENDING")),
            ("recipients that were reached", format!("{list}&disposition=REACHED")),
            ("recipients of a disposition that none has", format!("{list}&disposition=EXPIRED")),
            ("recipients by a part of the number", format!("{list}&numberContains=99991")),
            ("calls", "/sessions?limit=50".into()),
            ("calls of the campaign", format!("/sessions?limit=50&campaignId={}", self.campaign)),
            ("calls that failed", "/sessions?limit=50&outcome=FAILED".into()),
            ("live calls", format!("/sessions/live?campaignId={}", self.campaign)),
            ("trunks", "/trunks".into()),
            ("agents", "/agents".into()),
            ("webhooks", "/webhooks".into()),
            ("suppressions", "/suppressions".into()),
            ("audit log", "/audit-log".into()),
            ("fleet", "/fleet".into()),
        ];
        for (name, path) in fixed {
            took.push((name, self.get(&path).await?.took));
        }
        took.extend(self.scroll(&list).await?);
        took.push(("first event of the stream", self.first_event().await?));
        Ok(took)
    }

    /// Three pages of the list, and one of the people in them with their calls.
    async fn scroll(&self, list: &str) -> Result<Vec<(&'static str, Duration)>, Failure> {
        let mut took = Vec::new();
        let mut page = self.get(list).await?;
        took.push(("recipients", page.took));
        for _ in 0..2 {
            let Some(cursor) = page.next.take() else { break };
            page = self.get(&format!("{list}&cursor={cursor}")).await?;
            took.push(("recipients, further on", page.took));
        }
        let people = page.data.as_array().ok_or_else(|| Failure::new("a list is no list"))?;
        let Some(one) = people.get(people.len() / 2) else { return Ok(took) };
        let (id, number) = (one["id"].as_str().unwrap_or_default(), one["to"].as_str().unwrap_or_default());
        let campaign = format!("/campaigns/{}", self.campaign);
        let paths = [
            ("recipient", format!("{campaign}/recipients/{id}")),
            ("calls of a recipient", format!("/sessions?recipientId={id}")),
            ("recipient by number", format!("{campaign}/recipients?number={}", number.replace('+', "%2B"))),
        ];
        for (name, path) in paths {
            took.push((name, self.get(&path).await?.took));
        }
        Ok(took)
    }

    /// From the request for the stream to its first event.
    async fn first_event(&self) -> Result<Duration, Failure> {
        let watch = Stopwatch::start();
        let first = async {
            let mut stream = self.stream().send().await?.bytes_stream();
            stream.next().await.transpose()
        };
        let lost = || Failure::new("the stream of the campaign tells nothing");
        timeout(LOST, first).await.map_err(|_| lost())??.ok_or_else(lost)?;
        Ok(watch.elapsed())
    }

    fn stream(&self) -> RequestBuilder {
        self.request(&format!("/live?campaign={0}&calls={0}&progress={0}", self.campaign))
    }

    /// Listens to the stream until it is told not to.
    async fn watch(self) {
        while let Ok(answer) = self.stream().send().await {
            let mut stream = answer.bytes_stream();
            while let Some(Ok(_)) = stream.next().await {}
        }
    }
}
