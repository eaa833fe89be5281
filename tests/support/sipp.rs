//! sipp as the far end of a trunk: answers calls by a scenario, and is the witness of how often it was called.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Command, Stdio},
};

use tempfile::TempDir;

use super::{
    SOON, eventually, free_port,
    guard::{self, Signal, Tethered},
};

/// A first INVITE: one that opens a call, not one inside it, and not the same one sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    pub call_id: String,
    pub cseq: u32,
    /// The user part of the request URI: the number that was dialled.
    pub user: String,
    /// Whether it answers a digest challenge.
    pub authorized: bool,
}

/// A running sipp on a free port of 127.0.0.1, UDP unless its arguments say otherwise.
pub struct SippPeer {
    pub addr: SocketAddr,
    // Dropped before the folder that it writes into.
    server: Tethered,
    folder: TempDir,
}

impl SippPeer {
    /// Starts sipp with the scenario (see [`super::scenarios`]) and more arguments of its command line, such as
    /// `["-t", "t1"]` for TCP, and waits until it listens.
    pub async fn start(scenario_xml: &str, args: &[&str]) -> Self {
        let folder = guard::folder();
        let scenario = folder.path().join("scenario.xml");
        fs::write(&scenario, scenario_xml).expect("the folder is writable");
        for _ in 0..5 {
            let port = free_port();
            let mut command = Command::new("sipp");
            command.arg("-sf").arg(&scenario).args(["-i", "127.0.0.1", "-p", &port.to_string(), "-nostdin"]);
            command.args(["-mp", &free_port().to_string(), "-trace_msg", "-message_file"]);
            command.arg(trace(&folder)).args(args).current_dir(folder.path());
            let errors = fs::File::create(folder.path().join("errors")).expect("the folder is writable");
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
            let server = Tethered::spawn(&mut command, Signal::Kill)
                .expect("sipp is not installed: apt-get install sip-tester");
            if ready(&server, port).await {
                return Self { addr: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), server, folder };
            }
        }
        panic!(
            "sipp does not start:\n{}",
            fs::read_to_string(folder.path().join("errors")).unwrap_or_default()
        );
    }

    /// Every first INVITE so far, oldest first. A call that was challenged appears twice, the second time authorized.
    pub fn invites(&self) -> Vec<Invite> {
        let mut seen = BTreeSet::new();
        let first = self.received().into_iter().filter_map(|message| Invite::read(&message));
        first.filter(|invite| seen.insert((invite.call_id.clone(), invite.cseq))).collect()
    }

    /// How many calls there were to each number. A challenged call counts once: it keeps its Call-ID.
    pub fn calls_by_user(&self) -> BTreeMap<String, usize> {
        let mut calls: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for invite in self.invites() {
            calls.entry(invite.user).or_default().insert(invite.call_id);
        }
        calls.into_iter().map(|(user, ids)| (user, ids.len())).collect()
    }

    /// In how many calls a request of this method (`BYE`, `CANCEL`, …) arrived.
    pub fn calls_with(&self, method: &str) -> usize {
        let start = format!("{method} ");
        let messages = self.received().into_iter().filter(|message| message.starts_with(&start));
        messages
            .filter_map(|message| header(&message, "Call-ID").map(str::to_owned))
            .collect::<BTreeSet<_>>()
            .len()
    }

    /// Every message that arrived so far, as text, oldest first.
    pub fn received(&self) -> Vec<String> {
        let trace = fs::read(trace(&self.folder)).unwrap_or_default();
        received_messages(&String::from_utf8_lossy(&trace))
    }

    /// Ends it without a farewell to the calls it has.
    pub fn kill9(&self) {
        self.server.kill9();
    }
}

impl Invite {
    fn read(message: &str) -> Option<Self> {
        let uri = message.strip_prefix("INVITE ")?.split(' ').next()?;
        // An INVITE inside a dialog has the tag of both ends (RFC 3261, 12.2.1.1).
        if header(message, "To")?.contains(";tag=") {
            return None;
        }
        let address = uri.split_once(':').map_or(uri, |(_, address)| address);
        Some(Self {
            call_id: header(message, "Call-ID")?.to_owned(),
            cseq: header(message, "CSeq")?.split(' ').next()?.parse().ok()?,
            user: address.split_once('@').map_or("", |(user, _)| user).to_owned(),
            authorized: header(message, "Authorization")
                .or_else(|| header(message, "Proxy-Authorization"))
                .is_some(),
        })
    }
}

fn trace(folder: &TempDir) -> PathBuf {
    folder.path().join("messages")
}

/// The trace has a rule with the time, a line such as `UDP message received [514] bytes :`, an empty line, the message.
fn received_messages(trace: &str) -> Vec<String> {
    let mut messages = Vec::new();
    for part in trace.split("----------------------------------------------- ").skip(1) {
        let about = part.lines().nth(1).unwrap_or_default();
        if about.contains("message received") {
            messages
                .push(part.lines().skip(2).skip_while(|line| line.is_empty()).collect::<Vec<_>>().join("\n"));
        }
    }
    messages
}

/// A header's value; names are compared as RFC 3261 wants, and its short form of Call-ID and To is known.
fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let short = match name {
        "Call-ID" => "i",
        "To" => "t",
        _ => name,
    };
    let head = message.lines().skip(1).take_while(|line| !line.is_empty());
    head.filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case(name) || key.trim().eq_ignore_ascii_case(short))
        .map(|(_, value)| value.trim())
}

/// Whether sipp got as far as listening; false when it gave up, for instance because the port was taken.
async fn ready(server: &Tethered, port: u16) -> bool {
    let address = format!(" 0100007F:{port:04X} ");
    eventually(SOON, "sipp listens", async || {
        if server.exit_status().is_some() {
            return Some(false);
        }
        let tables =
            ["/proc/net/udp", "/proc/net/tcp"].map(|table| fs::read_to_string(table).unwrap_or_default());
        tables.iter().any(|table| table.contains(&address)).then_some(true)
    })
    .await
}
