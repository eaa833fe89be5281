//! Everything the demo runs on: a temporary folder, all roles in this process, and a SIP peer as the carrier.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ringfleet_carriers::{
    media::{SAMPLE_RATE, tone},
    peer::{CallRecord, Peer, PeerSettings},
};
use ringfleet_core::{Clock, Role, SystemClock};
use ringfleet_engine::Engine;
use tempfile::TempDir;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{DemoArgs, cascade::Senders, client::Client, receiver::Receiver, report::Heard, target::Target};
use crate::{
    config::{Config, LOOPBACK, Span},
    keys,
    process::{Failure, Wanted, open_engine},
    roles,
};

/// Ports for the audio of the built-in carrier: below those the dialer takes.
const CARRIER_RTP: std::ops::RangeInclusive<u16> = 10_000..=19_999;
/// How long calls may take to be hung up at the end.
const GOODBYE: Duration = Duration::from_secs(8);
/// Name of the greeting in its folder.
pub const GREETING: &str = "greeting.wav";

/// The demo's configuration: everything in `folder`, nothing of anybody's database. Of what was given only the section
/// `sip` counts, and the logs, which are set up already.
///
/// # Errors
/// When the trunk's host has no address.
pub async fn configuration(given: Config, folder: &Path, args: &DemoArgs) -> Result<Config, Failure> {
    let own = Config::default();
    let mut sip = given.sip;
    match &args.trunk {
        None => (sip.bind, sip.advertise) = (Ipv4Addr::LOCALHOST.into(), None),
        Some(trunk) if sip.bind == own.sip.bind => sip.bind = trunk.bind().await?,
        Some(_) => {}
    }
    let mut config = Config { listen: args.listen, data: folder.to_owned(), sip, log: given.log, ..own };
    config.webhooks.allow = vec![LOOPBACK.parse().map_err(Failure::new)?]; // the receiver of the demo
    config.worker.drain = Span(Duration::ZERO); // whoever interrupts a demo does not want to wait
    config.worker.max_live = config.worker.max_live.max(args.live_calls);
    Ok(config)
}

/// What runs, and how to speak with it.
pub struct House {
    pub client: Client,
    pub receiver: Receiver,
    pub target: Target,
    pub api: SocketAddr,
    pub key: String,
    pub folder: TempDir,
    carrier: Option<(Peer, Arc<Tally>)>,
    /// Who sends messages, in a cascade.
    pub senders: Option<Senders>,
    engine: Engine,
    halt: CancellationToken,
}

/// The roles of this process.
pub struct Running(JoinSet<Result<(), Failure>>);

impl Running {
    /// Waits until the roles have ended, which they do by themselves only when one breaks down.
    pub async fn broken(&mut self) -> Failure {
        match self.0.join_next().await {
            Some(Ok(Err(failure))) => failure,
            Some(Err(error)) => Failure::during("the server broke down", error),
            Some(Ok(Ok(()))) | None => Failure::new("the server has ended by itself"),
        }
    }
}

impl House {
    /// Starts everything in `folder`.
    ///
    /// # Errors
    /// When a port cannot be opened, or the folder has no room.
    pub async fn open(args: &DemoArgs, config: &Config, folder: TempDir) -> Result<(Self, Running), Failure> {
        write_greeting(&config.greetings(), args.greeting())?;
        let listener = roles::bind(config).await?;
        let api = listener.local_addr()?;
        // Where providers find it: the port may have been chosen just now.
        let mut config = config.clone();
        config.api.base_url = config.api.base_url.or_else(|| format!("http://{api}").parse().ok());
        let config = &config;
        let engine = open_engine(config, Wanted::ALL).await?;
        let (_, key) = keys::make(engine.store(), "Demo", Role::Admin, SystemClock.now()).await?;
        let (target, carrier) = match &args.trunk {
            Some(trunk) => (trunk.clone(), None),
            None => {
                let carrier = start_carrier(args).await?;
                (Target::from(carrier.0.local_addr()), Some(carrier))
            }
        };
        let receiver = Receiver::start().await?;
        let senders = match args.cascade {
            true => Some(Senders::start().await?),
            false => None,
        };
        let halt = CancellationToken::new();
        let all = roles::start(config, engine.clone(), Wanted::ALL, Some(listener), halt.clone())?;
        let mut running = JoinSet::new();
        running.spawn(all.ended());
        let client = Client::new(api, key.clone())?;
        Ok((
            Self { client, receiver, target, api, key, folder, carrier, senders, engine, halt },
            Running(running),
        ))
    }

    /// What the built-in carrier has noticed; none with somebody else's.
    pub fn heard(&self) -> Option<Heard> {
        self.carrier.as_ref().map(|(_, tally)| tally.heard())
    }

    pub fn recordings(&self) -> PathBuf {
        self.folder.path().join("recordings")
    }

    /// Hangs up what is live, stops everything and removes the folder.
    pub async fn close(self, mut running: Running) {
        self.halt.cancel();
        if tokio::time::timeout(GOODBYE, async { while running.0.join_next().await.is_some() {} })
            .await
            .is_err()
        {
            eprintln!("some calls could not be hung up: the trunk does not answer");
        }
        if let Some((peer, _)) = self.carrier {
            peer.stop().await;
        }
        self.engine.store().close().await;
        let path = self.folder.path().to_owned();
        if let Err(error) = self.folder.close() {
            eprintln!("the folder {} could not be removed: {error}", path.display());
        }
    }
}

/// Two chimes and silence, as long as `length`.
fn write_greeting(folder: &Path, length: Duration) -> Result<(), Failure> {
    let failed = |e: &dyn std::fmt::Display| Failure::new(format!("the greeting cannot be written: {e}"));
    std::fs::create_dir_all(folder).map_err(|e| failed(&e))?;
    let format = hound::WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(folder.join(GREETING), format).map_err(|e| failed(&e))?;
    let samples = length.as_millis() as usize * SAMPLE_RATE as usize / 1000;
    let sound = [tone::chime(), tone::chime()].concat();
    for sample in sound.into_iter().chain(std::iter::repeat(0)).take(samples) {
        file.write_sample(sample).map_err(|e| failed(&e))?;
    }
    file.finalize().map_err(|e| failed(&e))
}

async fn start_carrier(args: &DemoArgs) -> Result<(Peer, Arc<Tally>), Failure> {
    let settings = PeerSettings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        ring: Duration::from_millis(args.ring_ms),
        talk: Duration::from_millis(args.talk_ms),
        auth: None,
        press: String::new(),
        rtp_ports: CARRIER_RTP,
    };
    let (sink, records) = mpsc::unbounded_channel();
    let peer = Peer::start(settings, Arc::new(SystemClock), sink)
        .await
        .map_err(|e| Failure::during("the built-in carrier cannot start", e))?;
    let tally = Arc::new(Tally::default());
    tokio::spawn(tally.clone().count(records));
    Ok((peer, tally))
}

/// Adds up the calls of the built-in carrier.
#[derive(Default)]
struct Tally {
    calls: AtomicU64,
    answered: AtomicU64,
    rtp_in: AtomicU64,
    rtp_out: AtomicU64,
}

impl Tally {
    /// Counts until the carrier is gone.
    async fn count(self: Arc<Self>, mut records: mpsc::UnboundedReceiver<CallRecord>) {
        while let Some(record) = records.recv().await {
            self.calls.fetch_add(1, Ordering::Relaxed);
            self.answered.fetch_add(record.answered.into(), Ordering::Relaxed);
            self.rtp_in.fetch_add(record.rtp_in, Ordering::Relaxed);
            self.rtp_out.fetch_add(record.rtp_out, Ordering::Relaxed);
        }
    }

    fn heard(&self) -> Heard {
        let of = |n: &AtomicU64| n.load(Ordering::Relaxed);
        Heard {
            calls: of(&self.calls),
            answered: of(&self.answered),
            rtp_in: of(&self.rtp_in),
            rtp_out: of(&self.rtp_out),
        }
    }
}
