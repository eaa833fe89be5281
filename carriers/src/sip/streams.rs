//! The TLS connections of an endpoint: one a peer, opened by us, and used in both directions.
//!
//! Nobody can open one to us, for we have no certificate. So it leaves from the port that our Via and Contact name, which is how
//! peers find it (RFC 5923), it is kept from falling asleep while calls live, and opened again when it breaks under them: the far
//! end's BYE needs a way.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Weak},
    time::Duration,
};

use futures::future::BoxFuture;
use rsipstack::{
    sip::Transport,
    transaction::endpoint::EndpointInnerRef,
    transport::{SipAddr, SipConnection, stream::StreamConnection, tls::TlsConnection},
};
use tokio::{
    net::{TcpSocket, TcpStream, UdpSocket},
    sync::Mutex,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{station::Calls, tls::Tls};

/// How often a connection with live calls is shown to be in use: below what address translators and servers take for asleep
/// (RFC 5626 §4.4.1 asks for 95 to 120 s at the most).
const KEEP_ALIVE: Duration = Duration::from_secs(45);
/// What says so (RFC 5626 §3.5.1).
const PING: &[u8] = b"\r\n\r\n";
/// How long the system waits for what we sent to be acknowledged before it calls a connection dead.
const DEAD_AFTER: Duration = Duration::from_secs(30);
/// Waits between attempts to get a broken connection back, the first and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));
/// Longest such attempt.
const CONNECT: Duration = Duration::from_secs(10);

pub(super) struct Streams {
    tls: Arc<Tls>,
    /// Holds the port, so that no other program gets its number.
    reserved: UdpSocket,
    endpoint: EndpointInnerRef,
    calls: Calls,
    alive: CancellationToken,
    /// Held while one is being opened, so that calls that come together share it.
    open: Mutex<HashMap<SocketAddr, TlsConnection>>,
}

impl Streams {
    pub(super) fn new(
        tls: Arc<Tls>,
        reserved: UdpSocket,
        endpoint: EndpointInnerRef,
        calls: Calls,
        alive: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self { tls, reserved, endpoint, calls, alive, open: Mutex::default() })
    }

    /// The connection to `peer`, opened if there is none that lives.
    pub(super) async fn connect(self: &Arc<Self>, peer: SocketAddr) -> io::Result<SipConnection> {
        let mut open = self.open.lock().await;
        open.retain(|_, connection| is_open(connection));
        if let Some(connection) = open.get(&peer) {
            return Ok(SipConnection::Tls(connection.clone()));
        }
        let stream = self.tls.wrap(self.reach(peer).await?, peer).await?;
        let remote = SipAddr { r#type: Some(Transport::Tls), addr: peer.into() };
        let closed = self.alive.child_token();
        let connection = TlsConnection::from_client_stream(stream, remote, Some(closed.clone()));
        let connection = connection.await.map_err(io::Error::other)?;
        self.endpoint.transport_layer.add_connection(SipConnection::Tls(connection.clone()));
        open.insert(peer, connection.clone());
        tokio::spawn(tend(Arc::downgrade(self), peer, connection.clone(), closed));
        Ok(SipConnection::Tls(connection))
    }

    /// From our own port, unless an earlier connection to the same peer has not yet been forgotten by the system.
    async fn reach(&self, peer: SocketAddr) -> io::Result<TcpStream> {
        let local = self.reserved.local_addr()?;
        let tcp = match dial(local, peer).await {
            Err(error)
                if matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable) =>
            {
                tracing::debug!(%local, %peer, "a TLS connection leaves from another port than usual");
                dial(SocketAddr::new(local.ip(), 0), peer).await?
            }
            dialled => dialled?,
        };
        tcp.set_nodelay(true)?;
        socket2::SockRef::from(&tcp).set_tcp_user_timeout(Some(DEAD_AFTER))?;
        Ok(tcp)
    }

    fn has_calls(&self) -> bool {
        !self.calls.lock().is_empty()
    }
}

async fn dial(local: SocketAddr, peer: SocketAddr) -> io::Result<TcpStream> {
    let socket = if peer.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(local)?;
    socket.connect(peer).await
}

/// The stack cancels the token of a connection that has ended.
fn is_open(connection: &TlsConnection) -> bool {
    connection.cancel_token.as_ref().is_some_and(|closed| !closed.is_cancelled())
}

/// Looks after one connection; see above. Boxed, for it may open the next one, which is looked after likewise.
fn tend(
    streams: Weak<Streams>,
    peer: SocketAddr,
    connection: TlsConnection,
    closed: CancellationToken,
) -> BoxFuture<'static, ()> {
    Box::pin(look_after(streams, peer, connection, closed))
}

async fn look_after(
    streams: Weak<Streams>,
    peer: SocketAddr,
    connection: TlsConnection,
    closed: CancellationToken,
) {
    while closed.run_until_cancelled(sleep(KEEP_ALIVE)).await.is_some() {
        let Some(streams) = streams.upgrade() else { return };
        if streams.has_calls() && connection.send_raw(PING).await.is_err() {
            break; // its reader will notice as well
        }
    }
    let mut wait = RETRY.0;
    while let Some(streams) = streams.upgrade().filter(|it| it.has_calls() && !it.alive.is_cancelled()) {
        match timeout(CONNECT, streams.connect(peer)).await {
            Ok(Ok(_)) => return, // which is tended by a task of its own
            Ok(Err(error)) => {
                tracing::warn!(%error, %peer, "a TLS connection with live calls broke and cannot be opened again")
            }
            Err(_) => {
                tracing::warn!(%peer, "a TLS connection with live calls broke and takes too long to be opened again")
            }
        }
        drop(streams);
        sleep(wait).await;
        wait = (wait * 2).min(RETRY.1);
    }
}
