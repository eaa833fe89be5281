//! `ringfleet carrier`: a SIP peer for trying things out.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use clap::Args;
use ringfleet_carriers::peer::{Peer, PeerSettings};
use ringfleet_core::SystemClock;
use tokio::sync::mpsc;

use crate::process::{Failure, stop_signal};

/// Apart from the worker's own range, so that both fit on one machine.
pub const RTP_PORTS: std::ops::RangeInclusive<u16> = 40_000..=59_999;

#[derive(Args)]
pub struct PeerArgs {
    /// Where to listen, UDP
    #[arg(long, default_value = "127.0.0.1:5060", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// How long it rings before it answers or refuses, in milliseconds
    #[arg(long, default_value_t = 500)]
    ring_ms: u64,
    /// How long it talks before it hangs up, in milliseconds
    #[arg(long, default_value_t = 2000)]
    talk_ms: u64,
    /// Press these keys in each call, a second after the answer
    #[arg(long, default_value = "", hide_default_value = true, value_name = "KEYS", value_parser = keys)]
    press: String,
    /// Ask for digest authentication
    #[arg(long, value_name = "USER:PASS")]
    auth: Option<String>,
}

fn keys(text: &str) -> Result<String, String> {
    match text.chars().all(|key| matches!(key, '0'..='9' | '*' | '#' | 'A'..='D')) {
        true => Ok(text.to_owned()),
        false => Err("write keys as 0 to 9, *, # and A to D".into()),
    }
}

impl PeerArgs {
    fn settings(&self) -> Result<PeerSettings, Failure> {
        let auth = match self.auth.as_deref().map(|text| text.split_once(':')) {
            None => None,
            Some(Some((user, password))) if !user.is_empty() => Some((user.to_owned(), password.to_owned())),
            Some(_) => return Err(Failure::new("--auth: write it as USER:PASS")),
        };
        Ok(PeerSettings {
            listen: self.listen,
            ring: Duration::from_millis(self.ring_ms),
            talk: Duration::from_millis(self.talk_ms),
            auth,
            press: self.press.clone(),
            rtp_ports: RTP_PORTS,
        })
    }
}

/// Answers calls until a signal comes; prints a JSON line per call when it is over.
pub async fn run(args: PeerArgs) -> Result<(), Failure> {
    let stop = stop_signal()?;
    let (sink, mut records) = mpsc::unbounded_channel();
    let peer = Peer::start(args.settings()?, Arc::new(SystemClock), sink)
        .await
        .map_err(|e| Failure::during("the carrier cannot start", e))?;
    println!("{}", serde_json::json!({"listening": format!("sip:{}", peer.local_addr())}));
    loop {
        tokio::select! {
            Some(record) = records.recv() => println!("{}", serde_json::to_string(&record)?),
            () = stop.cancelled() => break,
        }
    }
    peer.stop().await;
    while let Ok(record) = records.try_recv() {
        println!("{}", serde_json::to_string(&record)?);
    }
    Ok(())
}
