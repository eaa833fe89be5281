//! A SIP peer for trying things out: the library behind `ringfleet carrier`.
//!
//! A user agent server over UDP (RFC 3261), written apart from the stack that places calls, so that each tests the other.
//! What it does with a call depends on the end of the called number; see [`Rule`].

mod audio;
mod call;
mod dialog;
mod digest;
mod message;
mod record;
mod request;
mod resend;
mod rule;
mod server;
mod tables;
#[cfg(test)]
mod tests;

use std::{io, net::SocketAddr, ops::RangeInclusive, sync::Arc, time::Duration};

use ringfleet_core::Clock;
use tokio::{sync::mpsc::UnboundedSender, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use record::CallRecord;
pub use rule::Rule;

use crate::media::Meter;
use server::Server;

/// How long [`Peer::stop`] waits for live calls to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// What a peer is like.
#[derive(Clone)]
pub struct PeerSettings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How long to ring before an answer or a refusal.
    pub ring: Duration,
    /// How long to talk before hanging up.
    pub talk: Duration,
    /// User name and password that a caller must know; `None` lets everybody in.
    pub auth: Option<(String, String)>,
    /// Keys pressed in each call a second after the answer, one after the other; none by default.
    pub press: String,
    /// Ports for audio; one even port for each live call.
    pub rtp_ports: RangeInclusive<u16>,
}

/// A running peer. Stops when dropped; better is [`Peer::stop`].
#[derive(Debug)]
pub struct Peer {
    addr: SocketAddr,
    server: Arc<Server>,
    receiver: JoinHandle<()>,
    stop: CancellationToken,
    _guard: DropGuard,
}

impl Peer {
    /// Binds the socket and begins to answer. Each call that is over goes to `sink`.
    ///
    /// # Errors
    /// What the system says when the address cannot be bound.
    pub async fn start(
        settings: PeerSettings,
        clock: Arc<dyn Clock>,
        sink: UnboundedSender<CallRecord>,
    ) -> io::Result<Self> {
        Self::open(settings, clock, sink, None)
    }

    /// The same with callees that talk in numbered audio, for callers who say what they hear: what becomes of it goes to `meter`.
    ///
    /// # Errors
    /// As for [`Peer::start`].
    pub async fn measuring(
        settings: PeerSettings,
        clock: Arc<dyn Clock>,
        sink: UnboundedSender<CallRecord>,
        meter: Arc<Meter>,
    ) -> io::Result<Self> {
        Self::open(settings, clock, sink, Some(meter))
    }

    fn open(
        settings: PeerSettings,
        clock: Arc<dyn Clock>,
        sink: UnboundedSender<CallRecord>,
        meter: Option<Arc<Meter>>,
    ) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let server = Arc::new(Server::bind(settings, clock, sink, meter, stop.clone())?);
        let receiver = tokio::spawn(server.clone().receive());
        Ok(Self { addr: server.addr(), server, receiver, _guard: stop.clone().drop_guard(), stop })
    }

    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Hangs up live calls, refuses ringing ones, and stops. Their records still reach the sink.
    pub async fn stop(self) {
        self.stop.cancel();
        self.server.wait_for_calls(GOODBYE).await;
        // It watches the same token; an error would mean that it has panicked, which has been reported by then.
        let _ = self.receiver.await;
    }
}
