//! `ringfleet bench trigger`: how long a single call takes from the request for it to its INVITE.
//!
//! The requests are written and the INVITEs received by this process, so both moments are of one clock, the monotonic one
//! ([`Stopwatch`]): just before a request is written, and when the peer has read the INVITE.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use ringfleet_carriers::peer::{CallRecord, Peer, PeerSettings};
use ringfleet_core::{SystemClock, clock::Stopwatch};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{
    sync::mpsc::{self, UnboundedReceiver},
    task::JoinSet,
    time::{Instant, interval, timeout_at},
};

use super::{Bench, Every, crew::Crew, crowd::Crowd, ground::APART, percentile, round};
use crate::{
    demo::client::{ApiError, Client, Made},
    peer::RTP_PORTS,
    process::Failure,
};

/// The number of the first call; it ends in 7: the peer refuses at once, and no audio disturbs the next one.
const FIRST: u64 = 13_000_000_007;
/// An INVITE that has not come so long after the last request will not come.
const LOST: Duration = Duration::from_secs(30);

const TOO_SHORT: &str = "the campaign was over before the calls were made, and the figures would be of an idle system; give more --waiting, or fewer --calls at a higher --rate";

#[derive(Args)]
pub struct TriggerArgs {
    /// How many calls are triggered, each to a number of its own
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    calls: u32,
    /// How many of them per second, 0.1 to 1000
    #[arg(long, default_value_t = 20.0, value_name = "N", value_parser = super::rate)]
    rate: f64,
    /// Run a campaign with so many recipients on the simulated carrier meanwhile
    #[arg(long, default_value_t = 0, value_name = "RECIPIENTS", value_parser = clap::value_parser!(u64).range(0..=5_000_000))]
    waiting: u64,
    /// How long a call of that campaign takes, in milliseconds
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(0..=3_600_000))]
    call_ms: u64,
    #[command(flatten)]
    pub(super) every: Every,
}

/// The last line of `--json`.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Figures {
    calls: usize,
    p50_ms: f64,
    p90_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    waiting: u64,
}

/// Triggers calls at an even rate and waits for their INVITEs.
pub async fn run(bench: &Bench<'_>, args: &TriggerArgs) -> Result<(), Failure> {
    let Bench { engine, ground, .. } = bench;
    let crowd = match args.waiting {
        0 => None,
        recipients => {
            let trunk = ground.simulated_trunk(engine, args.call_ms).await?;
            Some(Crowd::gather(bench, trunk, recipients, args.every.max_live, TOO_SHORT).await?)
        }
    };
    let mut crew = Crew::start(bench, &["api", "scheduler", "worker"]).await?;
    let api = crew.ready().await?.ok_or_else(|| Failure::new("the api does not say where it listens"))?;
    let mut phones = Phones::open(bench, api).await?;
    let took = tokio::select! {
        took = measure(&mut phones, crowd.as_ref(), args) => took?,
        broken = crew.broken() => return Err(broken),
    };
    crew.close().await;
    let figures = Figures::of(took, args.waiting);
    match args.every.json {
        true => println!("{}", serde_json::to_string(&figures)?),
        false => println!(
            "{} calls, from request to INVITE: p50 {} ms, p90 {} ms, p99 {} ms, max {} ms",
            figures.calls, figures.p50_ms, figures.p90_ms, figures.p99_ms, figures.max_ms
        ),
    }
    Ok(())
}

/// How long each call took, in no order.
async fn measure(
    phones: &mut Phones,
    crowd: Option<&Crowd<'_>>,
    args: &TriggerArgs,
) -> Result<Vec<Duration>, Failure> {
    // The first one opens connections on the way, and is not counted.
    phones.call(0..=0, args.rate).await?;
    if let Some(crowd) = crowd {
        crowd.get_going().await?;
    }
    let (watch, before) = (Stopwatch::start(), still_calling(crowd).await?);
    let took = phones.call(1..=args.calls.into(), args.rate).await?;
    let after = still_calling(crowd).await?;
    if crowd.is_some() {
        let rate = (after - before) as f64 / watch.elapsed().as_secs_f64();
        eprintln!("meanwhile the campaign made {} calls, {rate:.0} calls/s", after - before);
    }
    Ok(took)
}

/// How many calls of the campaign are over.
///
/// # Errors
/// When all are.
async fn still_calling(crowd: Option<&Crowd<'_>>) -> Result<u64, Failure> {
    match crowd {
        Some(crowd) => crowd.still_calling().await,
        None => Ok(0),
    }
}

/// Both ends of the calls: the API that they are asked of, and the peer that they reach.
struct Phones {
    client: Arc<Client>,
    session: Value,
    _peer: Peer,
    records: UnboundedReceiver<CallRecord>,
}

impl Phones {
    async fn open(bench: &Bench<'_>, api: SocketAddr) -> Result<Self, Failure> {
        let settings = PeerSettings {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            ring: Duration::ZERO,
            talk: Duration::ZERO,
            auth: None,
            press: String::new(),
            rtp_ports: RTP_PORTS,
        };
        let (sink, records) = mpsc::unbounded_channel();
        let peer = Peer::start(settings, Arc::new(SystemClock), sink)
            .await
            .map_err(|e| Failure::during("the carrier cannot start", e))?;
        let client = Client::new(api, bench.ground.key.clone())?;
        let (host, port) = (peer.local_addr().ip(), peer.local_addr().port());
        let trunk = json!({"name": "Bench", "kind": "sip", "host": host, "port": port});
        let trunk: Made = client
            .post("/trunks", &trunk)
            .await
            .map_err(|e: ApiError| Failure::during("the trunk cannot be made", e))?;
        let session = json!({"agentId": bench.ground.agent, "trunkId": trunk.id});
        Ok(Self { client: Arc::new(client), session, _peer: peer, records })
    }

    /// Triggers these calls at that rate; gives how long each took to its INVITE, in no order.
    async fn call(
        &mut self,
        nth: std::ops::RangeInclusive<u64>,
        rate: f64,
    ) -> Result<Vec<Duration>, Failure> {
        let (mut requests, mut ticks) = (JoinSet::new(), interval(Duration::from_secs_f64(1.0 / rate)));
        for nth in nth {
            ticks.tick().await;
            let (client, mut session) = (self.client.clone(), self.session.clone());
            let number = format!("+{}", FIRST + nth * APART);
            session["toNumber"] = json!(number);
            requests.spawn(async move {
                let sent = Stopwatch::start();
                client.post::<Made>("/sessions", &session).await.map(|_| (number, sent))
            });
        }
        let sent: Result<HashMap<String, Stopwatch>, ApiError> =
            requests.join_all().await.into_iter().collect();
        self.hear(sent.map_err(|e| Failure::during("a call cannot be triggered", e))?).await
    }

    /// Waits for the INVITEs of these calls.
    async fn hear(&mut self, mut sent: HashMap<String, Stopwatch>) -> Result<Vec<Duration>, Failure> {
        let mut took = Vec::with_capacity(sent.len());
        let give_up = Instant::now() + LOST;
        while !sent.is_empty() {
            let Ok(Some(record)) = timeout_at(give_up, self.records.recv()).await else {
                let (lost, all) = (sent.len(), sent.len() + took.len());
                return Err(Failure::new(format!("of {all} calls {lost} did not reach the phone")));
            };
            if let Some(sent) = sent.remove(&record.to) {
                took.push(sent.until(&record.arrived));
            }
        }
        Ok(took)
    }
}

impl Figures {
    fn of(mut took: Vec<Duration>, waiting: u64) -> Self {
        took.sort_unstable();
        let ms = |share| percentile(&took, share).map_or(0.0, |took| round(took.as_secs_f64() * 1000.0));
        Self {
            calls: took.len(),
            p50_ms: ms(0.5),
            p90_ms: ms(0.9),
            p99_ms: ms(0.99),
            max_ms: ms(1.0),
            waiting,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let took = (1..=200).rev().map(Duration::from_millis).collect();
        let figures = Figures::of(took, 7);
        let expected =
            Figures { calls: 200, p50_ms: 100.0, p90_ms: 180.0, p99_ms: 198.0, max_ms: 200.0, waiting: 7 };
        assert_eq!(figures, expected);
        let one = Figures::of(vec![Duration::from_micros(1_234)], 0);
        assert_eq!((one.p50_ms, one.p99_ms, one.max_ms), (1.23, 1.23, 1.23));
    }
}
