//! The other ends of a bench's calls: callees that talk and agents that echo, in a process of their own, so that the work they make is
//! told apart from the work of who is measured.
//!
//! The process is asked on its standard input, a line each, and answers each with a line of JSON. It ends with its input.

mod agent;
mod process;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use ringfleet_carriers::{
    media::{self, Meter},
    peer::{Peer, PeerSettings},
};
use ringfleet_core::SystemClock;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, BufReader, stdin},
    sync::mpsc,
};

pub use agent::Heard;
pub use process::FarEnd;

use crate::{peer::RTP_PORTS, process::Failure};
use agent::Agents;

/// What the process is told when it starts.
#[derive(Args)]
pub struct FarEndArgs {
    /// How long callees ring, in milliseconds
    #[arg(long)]
    ring_ms: u64,
    /// How long they talk before they hang up, in milliseconds
    #[arg(long)]
    talk_ms: u64,
    /// How much audio agents are ahead of what they hear, in milliseconds
    #[arg(long)]
    cushion_ms: u64,
}

/// Where it is: the first line it writes.
#[derive(Debug, Serialize, Deserialize)]
struct Places {
    sip: SocketAddr,
    agent: SocketAddr,
}

/// What it has heard: its answer to [`Question::Report`].
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Report {
    pub callees: media::Heard,
    pub agents: Heard,
}

/// What it can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Question {
    /// How many calls hear themselves.
    Talking,
    /// Count from now on.
    Open,
    /// Do not count any more.
    Close,
    /// Hang up all calls, and tell what was counted.
    Report,
}

/// Serves until its input ends.
///
/// # Errors
/// When it cannot listen, or is asked what it does not know.
pub async fn run(args: &FarEndArgs) -> Result<(), Failure> {
    let meter = Arc::new(Meter::default());
    let (sink, mut records) = mpsc::unbounded_channel();
    let settings = PeerSettings {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        ring: Duration::from_millis(args.ring_ms),
        talk: Duration::from_millis(args.talk_ms),
        auth: None,
        press: String::new(),
        rtp_ports: RTP_PORTS,
    };
    let peer = Peer::measuring(settings, Arc::new(SystemClock), sink, meter.clone()).await?;
    let agents = Agents::start(meter.clone(), Duration::from_millis(args.cushion_ms)).await?;
    answer(&Places { sip: peer.local_addr(), agent: agents.addr })?;
    let (mut peer, mut lines) = (Some(peer), BufReader::new(stdin()).lines());
    loop {
        let line = tokio::select! {
            line = lines.next_line() => line?,
            Some(_) = records.recv() => continue, // the bench looks at its database
        };
        let Some(line) = line else { return Ok(()) };
        match serde_json::from_str(&line)? {
            Question::Talking => answer(&meter.talking())?,
            Question::Open => {
                meter.open(true);
                answer(&())?;
            }
            Question::Close => {
                meter.open(false);
                answer(&())?;
            }
            Question::Report => {
                if let Some(peer) = peer.take() {
                    peer.stop().await;
                }
                answer(&Report { callees: meter.heard(), agents: agents.heard().await? })?;
            }
        }
    }
}

fn answer(value: &impl Serialize) -> Result<(), Failure> {
    println!("{}", serde_json::to_string(value)?);
    Ok(())
}
