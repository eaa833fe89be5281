//! One SIP endpoint: its sockets, its transactions, and the calls that live on it.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures::FutureExt;
use parking_lot::Mutex;
use ringfleet_core::trunk::SipTransport;
use rsipstack::{
    EndpointBuilder,
    sip::{HeadersExt, Method, Request, Response, SipMessage, StatusCode, StatusCodeKind, Transport},
    transaction::{
        Endpoint, Transaction, TransactionReceiver,
        endpoint::EndpointOption,
        key::{TransactionKey, TransactionRole},
    },
    transport::{
        SipAddr, SipConnection, TcpListenerConnection, TransportLayer,
        udp::{UdpConnection, UdpInner},
    },
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    SipSettings,
    hosts::{Hosts, Resolver},
    in_dialog, inspect,
    leg::{Leg, USER_AGENT},
    streams::Streams,
    tls::Tls,
};

/// The stack's own default (208 KiB) drops datagrams when calls come in bursts; the kernel may grant less than this.
const SOCKET_BUFFER: usize = 4 << 20;
/// A stream that says nothing for this long is closed. Longer than any call: a live call may be silent on SIP.
const STREAM_IDLE: Duration = Duration::from_secs(24 * 3600);
/// The stack's Timer C. Ring timeouts are ours; a longer one must not be cut short.
const TIMER_C: Duration = Duration::from_secs(24 * 3600);
/// Longest wait for a TCP connection to be opened.
const CONNECT: Duration = Duration::from_secs(10);

/// How late Timer F may be before we stop waiting for it.
const TIMER_F_SLACK: Duration = Duration::from_secs(2);

pub(super) type Calls = Arc<Mutex<HashMap<String, UnboundedSender<Transaction>>>>;

/// A SIP endpoint of ours. Its sockets and tasks end when the last call lets go of it.
pub(super) struct Station {
    endpoint: Endpoint,
    local: SocketAddr,
    advertise: Option<IpAddr>,
    timeout: Duration,
    calls: Calls,
    hosts: Arc<Hosts>,
    /// Its connections within TLS; `None` where the trunk has another transport.
    streams: Option<Arc<Streams>>,
    alive: CancellationToken,
    _ends_with_the_last_user: DropGuard,
}

impl Station {
    /// Opens sockets on `settings.bind` and `port` (0: any free one). Must be called inside a tokio runtime.
    pub(super) fn open(
        settings: &SipSettings,
        port: u16,
        transport: SipTransport,
        hosts: &Arc<Hosts>,
        tls: Option<&Arc<Tls>>,
    ) -> io::Result<Arc<Self>> {
        let socket = udp_socket(SocketAddr::new(settings.bind, port))?;
        let local = socket.local_addr()?;
        let alive = CancellationToken::new();
        let resolver = Resolver { hosts: hosts.clone(), transport: named(transport) };
        let layer = TransportLayer::new_with_domain_resolver(alive.clone(), Box::new(resolver.clone()));
        layer.set_stream_idle_timeout(STREAM_IDLE);
        let mut reserved = None;
        if transport == SipTransport::Tls {
            reserved = Some(socket); // for its number; what comes here in the clear is not read
        } else {
            let address = SipAddr { r#type: Some(Transport::Udp), addr: local.into() };
            let inner = UdpInner { conn: Arc::new(socket), addr: address };
            layer.add_transport(
                at_once(UdpConnection::attach(inner, None, Some(alive.child_token())))?.into(),
            );
        }
        if transport == SipTransport::Tcp {
            // Same port number: peers that lost our connection open one to the address in our Via (RFC 3261 §18.2.2).
            let listener = at_once(TcpListenerConnection::new(local, None))?.map_err(io::Error::other)?;
            layer.add_transport(listener.into());
        }
        let option = EndpointOption {
            t1x64: settings.transaction_timeout,
            timerc: TIMER_C,
            ..EndpointOption::default()
        };
        let endpoint = EndpointBuilder::new()
            .with_cancel_token(alive.clone())
            .with_transport_layer(layer)
            .with_user_agent(USER_AGENT)
            .with_option(option)
            .with_inspector(Box::new(inspect::Inspector))
            .with_target_locator(Box::new(resolver))
            .build();
        let incoming = endpoint.incoming_transactions().map_err(io::Error::other)?;
        let calls = Calls::default();
        let streams = tls.zip(reserved).map(|(tls, reserved)| {
            Streams::new(tls.clone(), reserved, endpoint.inner.clone(), calls.clone(), alive.clone())
        });
        let inner = endpoint.inner.clone();
        tokio::spawn(async move { inner.serve().await });
        tokio::spawn(dispatch(incoming, calls.clone(), alive.clone()));
        Ok(Arc::new(Self {
            endpoint,
            local,
            advertise: settings.advertise,
            timeout: settings.transaction_timeout,
            calls,
            hosts: hosts.clone(),
            streams,
            _ends_with_the_last_user: alive.clone().drop_guard(),
            alive,
        }))
    }

    /// Ends it now, whoever still uses it.
    pub(super) fn close(&self) {
        self.alive.cancel();
    }

    pub(super) fn port(&self) -> u16 {
        self.local.port()
    }

    /// 64·T1.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Our address as `peer` sees it.
    pub(super) fn seen_by(&self, peer: SocketAddr) -> io::Result<SocketAddr> {
        let ip = match self.advertise {
            Some(ip) => ip,
            None if self.local.ip().is_unspecified() => route_to(self.local.ip(), peer)?,
            None => self.local.ip(),
        };
        Ok(SocketAddr::new(ip, self.local.port()))
    }

    /// Takes a call's place, so that requests of the far end (BYE, re-INVITE) reach it by Call-ID.
    pub(super) fn enter(self: &Arc<Self>, call_id: &str) -> (Place, UnboundedReceiver<Transaction>) {
        let (sender, requests) = unbounded_channel();
        self.calls.lock().insert(call_id.to_owned(), sender);
        (Place { calls: self.calls.clone(), call_id: call_id.to_owned() }, requests)
    }

    /// The way to `peer`: the UDP socket, or a connection over TCP or TLS, opened if there is none.
    pub(super) async fn connect(
        &self,
        peer: SocketAddr,
        transport: SipTransport,
    ) -> io::Result<(SipConnection, SipAddr)> {
        let target = SipAddr { r#type: Some(named(transport)), addr: peer.into() };
        let patience = CONNECT.min(self.timeout);
        if let Some(streams) = &self.streams {
            return Ok((timeout(patience, streams.connect(peer)).await??, target));
        }
        let lookup = self.endpoint.inner.transport_layer.lookup(&target, None);
        timeout(patience, lookup).await?.map_err(io::Error::other)
    }

    /// The way of a request within the call of `leg`: its first route or its target (RFC 3261 §12.2.1.1), over TCP and TLS
    /// the connection to the peer. Where that names a host nobody knows it goes where the INVITE went, for the other choice
    /// is to leave somebody on the line.
    pub(super) async fn way_in_dialog(
        &self,
        leg: &Leg,
        request: &Request,
    ) -> io::Result<(SipConnection, SipAddr)> {
        if leg.transport != SipTransport::Udp {
            return self.connect(leg.peer, leg.transport).await;
        }
        let hop = self.hosts.resolve_peers(&request.destination().host_with_port).await;
        self.connect(hop.unwrap_or(leg.peer), leg.transport).await
    }

    /// Tries an address of the trunk after its others for a while: it did not answer.
    pub(super) fn avoid(&self, peer: SocketAddr) {
        self.hosts.avoid(peer);
    }

    /// A client transaction for `request`, not sent yet. `None` for a request without the headers that name it.
    pub(super) fn transaction(
        &self,
        request: Request,
        (way, target): (SipConnection, SipAddr),
    ) -> Option<Transaction> {
        let key = TransactionKey::from_request(&request, TransactionRole::Client).ok()?;
        let mut transaction = Transaction::new_client(key, request, self.endpoint.inner.clone(), Some(way));
        transaction.destination = Some(target);
        Some(transaction)
    }

    /// Sends a request other than INVITE and waits for its final response, which a peer that says nothing never gives.
    pub(super) async fn ask(&self, request: Request, way: (SipConnection, SipAddr)) -> Option<Response> {
        let mut transaction = self.transaction(request, way)?;
        let answer = async {
            transaction.send().await.ok()?;
            while let Some(message) = transaction.receive().await {
                if let SipMessage::Response(response) = message
                    && response.status_code.kind() != StatusCodeKind::Provisional
                {
                    return (!inspect::is_local(&response)).then_some(response);
                }
            }
            None
        };
        // Timer F ends the transaction, unless the endpoint was closed under it.
        timeout(self.timeout + TIMER_F_SLACK, answer).await.ok().flatten()
    }
}

/// A call's place in the table of its station; left on drop.
pub(super) struct Place {
    calls: Calls,
    call_id: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.calls.lock().remove(&self.call_id);
    }
}

/// Hands requests of far ends to their calls, and answers those that belong to none.
async fn dispatch(mut incoming: TransactionReceiver, calls: Calls, alive: CancellationToken) {
    while let Some(Some(transaction)) = alive.run_until_cancelled(incoming.recv()).await {
        let call_id =
            transaction.original.call_id_header().map(|id| id.value().to_owned()).unwrap_or_default();
        let call = calls.lock().get(&call_id).cloned();
        let stray = match call {
            Some(call) => call.send(transaction).err().map(|refused| refused.0),
            None => Some(transaction),
        };
        if let Some(transaction) = stray {
            tokio::spawn(answer_stray(transaction));
        }
    }
}

/// OPTIONS pings are answered (RFC 3261 §11); nobody calls us; everything else speaks of a call we do not have.
async fn answer_stray(mut transaction: Transaction) {
    let (code, headers) = match transaction.original.method {
        Method::Options => (StatusCode::OK, in_dialog::abilities()),
        Method::Invite => (StatusCode::Forbidden, Vec::new()),
        _ => (StatusCode::CallTransactionDoesNotExist, Vec::new()),
    };
    if let Err(error) = transaction.reply_with(code, headers, None).await {
        tracing::debug!(%error, "could not answer a SIP request that belongs to no call");
    }
    if transaction.original.method == Method::Invite {
        while transaction.receive().await.is_some() {} // repeats the refusal until it is acknowledged
    }
}

/// The stack's word for it.
fn named(transport: SipTransport) -> Transport {
    match transport {
        SipTransport::Udp => Transport::Udp,
        SipTransport::Tcp => Transport::Tcp,
        SipTransport::Tls => Transport::Tls,
    }
}

fn udp_socket(address: SocketAddr) -> io::Result<tokio::net::UdpSocket> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    socket.set_send_buffer_size(SOCKET_BUFFER)?;
    socket.bind(&address.into())?;
    tokio::net::UdpSocket::from_std(socket.into())
}

/// The local address packets to `peer` leave from. Connecting a UDP socket asks the routing table and sends nothing.
fn route_to(any: IpAddr, peer: SocketAddr) -> io::Result<IpAddr> {
    let probe = std::net::UdpSocket::bind(SocketAddr::new(any, 0))?;
    probe.connect(peer)?;
    Ok(probe.local_addr()?.ip())
}

/// The stack's constructors are async without waiting for anything.
fn at_once<T>(future: impl Future<Output = T>) -> io::Result<T> {
    future.now_or_never().ok_or_else(|| io::Error::other("the SIP stack did not open its socket at once"))
}
