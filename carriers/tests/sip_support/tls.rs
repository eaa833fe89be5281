//! Peers within TLS: one that is told what to say, and a small proxy in front of one that speaks UDP.

use std::{net::SocketAddr, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use ringfleet_core::trunk::SipTrunk;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{PATIENCE, script};

/// A certificate authority of our own, as a PBX has one.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for these names with its key, as PEM; `change` has the last word about it.
    pub fn sign(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }
}

/// Listens for TLS on loopback with a certificate.
pub struct TlsPeer {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    pub authority: String,
}

impl TlsPeer {
    /// One that the trunk of [`TlsPeer::trunk`] trusts.
    pub async fn new() -> Self {
        let authority = Authority::new();
        Self::with(authority.sign(&["localhost"], |_| {}), authority.pem).await
    }

    pub async fn with((certificate, key): (rcgen::Certificate, KeyPair), authority: String) -> Self {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, acceptor: TlsAcceptor::from(Arc::new(config)), authority }
    }

    pub fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    pub fn trunk(&self) -> SipTrunk {
        serde_json::from_value(serde_json::json!({
            "host": "localhost", "port": self.port(), "transport": "tls", "caCertificate": self.authority,
            "username": "joe", "password": "secret",
        }))
        .unwrap()
    }

    /// The next connection, and where it comes from. The error is why its TLS failed.
    pub async fn accept(&self) -> std::io::Result<Talk> {
        let (tcp, from) = timeout(PATIENCE, self.listener.accept()).await.expect("nobody connects").unwrap();
        let stream = timeout(PATIENCE, self.acceptor.accept(tcp)).await.expect("no handshake")?;
        Ok(Talk { stream, from, unread: Vec::new() })
    }
}

/// One connection.
pub struct Talk {
    stream: TlsStream<TcpStream>,
    pub from: SocketAddr,
    unread: Vec<u8>,
}

impl Talk {
    /// The next message that begins so, as [`script::Heard`].
    pub async fn expect(&mut self, start: &str) -> script::Heard {
        loop {
            let message = timeout(PATIENCE, self.message()).await.unwrap_or_else(|_| panic!("no {start}"));
            let message = message.unwrap_or_else(|| panic!("closed before a {start}"));
            if message.starts_with(&format!("{start} ")) {
                return (message, self.from);
            }
        }
    }

    /// The next message; `None` when the connection is closed.
    pub async fn message(&mut self) -> Option<String> {
        loop {
            if let Some(message) = take_message(&mut self.unread) {
                return Some(message);
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes).await {
                Ok(count) if count > 0 => self.unread.extend_from_slice(&bytes[..count]),
                _ => return None,
            }
        }
    }

    pub async fn send(&mut self, message: &str) {
        self.stream.write_all(message.as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Answers `request` as the callee "far".
    pub async fn say(&mut self, (request, _): &script::Heard, status: &str, body: &str) {
        let reply = script::reply(
            request,
            status,
            "far",
            "Contact: <sip:far@198.51.100.1:5061;transport=tls>\r\n",
            body,
        );
        self.send(&reply).await;
    }
}

/// Takes one whole message from the front (RFC 3261 §18.3).
fn take_message(unread: &mut Vec<u8>) -> Option<String> {
    while unread.starts_with(b"\r\n") {
        unread.drain(..2);
    }
    let head = unread.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&unread[..head]).into_owned();
    let length: usize =
        text.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok()).unwrap_or(0);
    if unread.len() < head + length {
        return None;
    }
    Some(String::from_utf8(unread.drain(..head + length).collect()).unwrap())
}

/// A proxy that stays in the way of every request (RFC 3261 §16.6, item 4), between TLS and the peer at `to`, which speaks
/// UDP. For one connection, until that ends.
pub async fn in_front_of(to: SocketAddr, mut talk: Talk) {
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let here = udp.local_addr().unwrap();
    let mut datagram = vec![0; 65_535];
    loop {
        tokio::select! {
            message = talk.message() => {
                let Some(message) = message else { return };
                let message = match message.strip_prefix("INVITE ").and_then(|rest| rest.split_once("\r\n")) {
                    Some((line, rest)) => format!("INVITE {line}\r\nRecord-Route: <sip:{here};lr>\r\n{rest}"),
                    None => message,
                };
                udp.send_to(message.as_bytes(), to).await.unwrap();
            }
            received = udp.recv_from(&mut datagram) => {
                let Ok((count, _)) = received else { continue };
                let text = String::from_utf8(datagram[..count].to_vec()).unwrap();
                talk.send(&text).await;
            }
        }
    }
}
