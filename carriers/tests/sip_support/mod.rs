//! A real SIP peer for the tests: `sipp`, one scenario per process, and the few lines to call it.
#![allow(dead_code)] // each test file uses its part

pub mod dns;
pub mod script;
pub mod tls;

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use ringfleet_carriers::{Carrier, Order, Progress, SipCarrier, SipSettings};
use ringfleet_core::{CallId, Clock, E164, Ending, SystemClock, trunk::SipTrunk};
use tokio::{sync::mpsc::unbounded_channel, time::Instant};
use tokio_util::sync::CancellationToken;

/// Longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running sipp.
pub struct Sipp {
    child: Child,
    pub port: u16,
    transport: &'static str,
    folder: tempfile::TempDir,
}

impl Sipp {
    /// Plays `tests/sipp/<scenario>.xml` over UDP, once.
    pub async fn start(scenario: &str) -> Self {
        Self::with(scenario, "udp", &[]).await
    }

    /// The same with a transport, and with keys: `[key]` in the scenario becomes its value.
    pub async fn with(scenario: &str, transport: &'static str, keys: &[(&str, &str)]) -> Self {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/sipp/{scenario}.xml"));
        let text = std::fs::read_to_string(file).unwrap();
        let text = keys.iter().fold(text, |text, (key, value)| text.replace(&format!("[{key}]"), value));
        loop {
            let mut sipp = Self::spawn(&text, transport);
            let (port, mut over) = (sipp.port, false);
            until("sipp listens", || {
                over = sipp.child.try_wait().unwrap().is_some();
                over || is_taken(transport, port)
            })
            .await;
            if !over {
                return sipp;
            } // else another program had got one of its ports meanwhile
        }
    }

    fn spawn(scenario: &str, transport: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, media) = (free_port(transport), free_port("udp"));
        let file = folder.path().join("scenario.xml");
        std::fs::write(&file, scenario).unwrap();
        let mut command = Command::new("sipp");
        command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.arg("-sf").arg(file).args([
            "-i",
            "127.0.0.1",
            "-m",
            "1",
            "-nostdin",
            "-trace_msg",
            "-trace_err",
        ]);
        command.args(["-message_file", "messages", "-error_file", "errors", "-recv_timeout", "45000"]);
        command.args(["-p", &port.to_string(), "-mp", &media.to_string()]);
        command.args(["-t", if transport == "tcp" { "t1" } else { "u1" }]);
        let child = command.spawn().expect("cannot run sipp: install the package sip-tester");
        Self { child, port, transport, folder }
    }

    /// Waits until the scenario is over and was played to its end, and tells what it has received.
    pub async fn finish(mut self) -> Received {
        let mut status = None;
        until("sipp has played its scenario", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        let received = self.received();
        let errors = std::fs::read_to_string(self.folder.path().join("errors")).unwrap_or_default();
        assert!(status.unwrap().success(), "sipp: {}\n{errors}\n{}", status.unwrap(), self.log());
        received
    }

    /// What it has received so far.
    pub fn received(&self) -> Received {
        let log = self.log();
        let requests = log.split("-----------------------------------------------").filter_map(|part| {
            let (head, message) = part.split_once("\n\n")?;
            head.contains("received").then(|| message.trim_start().to_owned())
        });
        Received(requests.filter(|message| !message.starts_with("SIP/2.0")).collect())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("messages")).unwrap_or_default()
    }

    /// The trunk this peer is.
    pub fn trunk(&self) -> SipTrunk {
        serde_json::from_value(serde_json::json!({
            "host": "127.0.0.1", "port": self.port, "transport": self.transport, "username": "joe", "password": "secret",
        }))
        .unwrap()
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The requests a peer has received, in order.
pub struct Received(pub Vec<String>);

impl Received {
    /// Different requests of this method: a retransmission has the branch of what it repeats, and whether there is one is
    /// the machine's affair.
    pub fn count(&self, method: &str) -> usize {
        let start = format!("{method} ");
        let branches = self.0.iter().filter(|message| message.starts_with(&start)).filter_map(|message| {
            let at = message.find("branch=")?;
            message[at..].split(['\r', '\n', ';']).next()
        });
        branches.collect::<std::collections::BTreeSet<_>>().len()
    }

    pub fn invites(&self) -> usize {
        self.count("INVITE")
    }
}

/// The next port to look at: each is given out once, and test processes begin at different ones.
static NEXT_PORT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(rand::random()));

/// An even port that nobody uses, nor the next even one (RTCP, or the other direction of sipp's media).
pub fn free_port(transport: &str) -> u16 {
    // Below the system's own range, so that no other socket of the tests gets it by chance in between.
    loop {
        let port = 10_000 + NEXT_PORT.fetch_add(1, Ordering::Relaxed) % 2_000 * 4;
        if !is_taken(transport, port) && !is_taken(transport, port + 2) {
            return port;
        }
    }
}

/// Whether a socket of this machine has that port. Read from the system's table: to try and bind it would take it, for that
/// moment and, should another test start a process just then, a little longer.
pub fn is_taken(transport: &str, port: u16) -> bool {
    let port = format!(":{port:04X}");
    ["", "6"].iter().any(|family| {
        let table = std::fs::read_to_string(format!("/proc/net/{transport}{family}")).unwrap_or_default();
        table
            .lines()
            .any(|line| line.split_whitespace().nth(1).is_some_and(|local| local.ends_with(port.as_str())))
    })
}

/// A TCP port where connecting never ends: its one place is taken, and who comes later is neither let in nor refused.
pub struct Deaf {
    _listener: socket2::Socket,
    _guest: std::net::TcpStream,
}

impl Deaf {
    /// On this port, or any with 0. `None` when it is taken.
    pub fn at(port: u16) -> Option<(Self, u16)> {
        let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        listener.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], port)).into()).ok()?;
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let guest = std::net::TcpStream::connect(address).unwrap();
        Some((Self { _listener: listener, _guest: guest }, address.port()))
    }
}

/// Waits for a condition.
pub async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A peer may be silent for longer than a busy machine lets it be, and yet be given up while a test waits.
pub fn settings() -> SipSettings {
    SipSettings { transaction_timeout: Duration::from_secs(6), ..SipSettings::default() }
}

pub fn carrier(trunk: SipTrunk) -> SipCarrier {
    SipCarrier::open(trunk, settings()).unwrap()
}

/// A call with a short greeting, hung up after it.
pub fn order() -> Order {
    Order {
        call: CallId::new(SystemClock.now()),
        to: E164::parse_loose("+919876543210").unwrap(),
        from: Some("+15550001111".into()),
        ring_timeout: Duration::from_secs(30),
        max_duration: Duration::from_secs(30),
        greeting: Arc::new(vec![500; 1600]),
        say: None,
        hang_up_after_greeting: true,
        record: None,
        script: Arc::default(),
    }
}

/// What a call came to.
pub struct Told {
    pub ending: Ending,
    pub progress: Vec<Progress>,
}

impl Told {
    /// `(outcome, reason, code, by)` of an ending that is over.
    pub fn over(&self) -> (&str, &str, Option<u16>, &str) {
        match &self.ending {
            Ending::Over { outcome, reason, code, by } => (outcome.as_str(), reason, *code, by.as_str()),
            other => panic!("{other:?}"),
        }
    }
}

/// Places one call and follows it to its end.
pub async fn place(carrier: &SipCarrier, order: Order) -> Told {
    place_until(carrier, order, CancellationToken::new(), |_| {}).await
}

/// The same, with a word in what happens meanwhile.
pub async fn place_until(
    carrier: &SipCarrier,
    order: Order,
    hangup: CancellationToken,
    mut on: impl FnMut(&Progress) + Send,
) -> Told {
    let attempt = carrier.prepare(order).await.map_err(|ending| format!("{ending:?}")).unwrap();
    let (sender, mut heard) = unbounded_channel();
    let mut progress = Vec::new();
    let placing = attempt.place(sender, hangup);
    tokio::pin!(placing);
    let ending = loop {
        tokio::select! {
            ending = &mut placing => break ending,
            Some(news) = heard.recv() => {
                on(&news);
                progress.push(news);
            }
        }
    };
    while let Ok(news) = heard.try_recv() {
        progress.push(news);
    }
    Told { ending, progress }
}
