//! A WebSocket to where an agent is, and nowhere it must not be.

use std::{io, net::SocketAddr, sync::Arc};

use ringfleet_core::net::Guard;
use rustls::{ClientConfig, crypto::ring, pki_types::ServerName};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::OnceCell,
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{self, protocol::WebSocketConfig},
};
use url::{Host, Url};

/// Longest message of an agent, in bytes: a minute of audio as base64, and some.
const LONGEST_MESSAGE: usize = 1 << 20;
/// Bytes that may wait to be sent; a frame of audio is 300.
const MOST_UNSENT: usize = 256 << 10;

/// Either kind of connection.
pub(super) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

pub(super) type Socket = WebSocketStream<Box<dyn Connection>>;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreachable {
    #[error("the URL must begin with wss://; ws:// leads only to hosts inside that the operator allows")]
    Scheme,
    #[error("the host is {0}, where no calls are handed over to")]
    Inside(&'static str),
    #[error("port {0} {1}")]
    Port(u16, &'static str),
    #[error("the URL names no host")]
    NoHost,
    #[error("the host has no address")]
    NoAddress,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    #[error(transparent)]
    WebSocket(#[from] tungstenite::Error),
}

/// Opens connections to agents. One for the process.
#[derive(Debug)]
pub struct Connector {
    guard: Guard,
    tls: OnceCell<Arc<ClientConfig>>,
}

impl Connector {
    /// Goes where `guard` allows.
    pub fn new(guard: Guard) -> Self {
        Self { guard, tls: OnceCell::new() }
    }

    /// Connects to `url`. Each address is judged between the look-up of its name and the connection, so a name that answers otherwise a
    /// moment later wins nothing. Redirections are not followed.
    pub(super) async fn open(&self, url: &Url) -> Result<Socket, Unreachable> {
        let port = url.port_or_known_default().ok_or(Unreachable::Scheme)?;
        self.guard.check_port(port).map_err(|problem| Unreachable::Port(port, problem))?;
        let tcp = self.reach(url, port).await?;
        tcp.set_nodelay(true)?;
        let connection: Box<dyn Connection> = match url.scheme() {
            "wss" => Box::new(self.tls().await?.connect(server_name(url)?, tcp).await?),
            _ => Box::new(tcp),
        };
        let config = WebSocketConfig::default()
            .max_message_size(Some(LONGEST_MESSAGE))
            .max_frame_size(Some(LONGEST_MESSAGE))
            .write_buffer_size(0)
            // Answers to the pings of somebody who does not read them.
            .max_write_buffer_size(MOST_UNSENT);
        let (socket, _) = client_async_with_config(url.as_str(), connection, Some(config)).await?;
        Ok(socket)
    }

    /// The first address of its host that answers, of those that may be asked.
    async fn reach(&self, url: &Url, port: u16) -> Result<TcpStream, Unreachable> {
        let found: Vec<SocketAddr> = match url.host().ok_or(Unreachable::NoHost)? {
            Host::Ipv4(ip) => vec![(ip, port).into()],
            Host::Ipv6(ip) => vec![(ip, port).into()],
            Host::Domain(name) => tokio::net::lookup_host((name, port)).await?.collect(),
        };
        let mut passed = self.guard.passing(found.into_iter()).map_err(Unreachable::Inside)?;
        match url.scheme() {
            "wss" => {}
            "ws" => passed.retain(|addr| self.guard.allows_plain(addr.ip())),
            _ => return Err(Unreachable::Scheme),
        }
        if passed.is_empty() {
            return Err(if url.scheme() == "ws" { Unreachable::Scheme } else { Unreachable::NoAddress });
        }
        Ok(TcpStream::connect(&passed[..]).await?)
    }

    /// The system's certificates, read when they are first needed.
    async fn tls(&self) -> Result<TlsConnector, rustls::Error> {
        let build = async || {
            let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_platform_verifier()?
                .with_no_client_auth();
            Ok::<_, rustls::Error>(Arc::new(config))
        };
        Ok(TlsConnector::from(self.tls.get_or_try_init(build).await?.clone()))
    }
}

fn server_name(url: &Url) -> Result<ServerName<'static>, Unreachable> {
    match url.host() {
        Some(Host::Ipv4(ip)) => Ok(ServerName::IpAddress(std::net::IpAddr::V4(ip).into())),
        Some(Host::Ipv6(ip)) => Ok(ServerName::IpAddress(std::net::IpAddr::V6(ip).into())),
        Some(Host::Domain(name)) => ServerName::try_from(name.to_owned()).map_err(|_| Unreachable::NoHost),
        None => Err(Unreachable::NoHost),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refused(guard: Guard, url: &str) -> String {
        match Connector::new(guard).open(&url.parse().unwrap()).await {
            Ok(_) => panic!("{url} was reached"),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn it_goes_nowhere_it_must_not() {
        for inside in [
            "wss://127.0.0.1/",
            "wss://2130706433/",
            "wss://[::1]/",
            "wss://[::ffff:10.0.0.1]/",
            "wss://169.254.169.254/latest",
            "wss://localhost/",
            "ws://localhost:8080/",
        ] {
            let error = refused(Guard::default(), inside).await;
            assert!(error.contains("where no calls are handed over to"), "{inside}: {error}");
        }
        let loopback = || Guard::allowing(vec!["127.0.0.0/8".parse().unwrap()]);
        assert!(refused(loopback(), "wss://127.0.0.1:6379/").await.contains("port 6379"));
        assert!(
            refused(loopback(), "ws://8.8.8.8/").await.contains("wss://"),
            "nothing public goes unencrypted"
        );
        assert!(refused(loopback(), "http://127.0.0.1/").await.contains("wss://"));
    }

    #[tokio::test]
    async fn an_encrypted_url_is_spoken_to_encrypted() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("wss://localhost:{}/talk", listener.local_addr().unwrap().port());
        let first_bytes = tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut bytes = [0; 3];
            tokio::io::AsyncReadExt::read_exact(&mut tcp, &mut bytes).await.unwrap();
            bytes
        });
        let guard = Guard::allowing(vec!["127.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()]);
        assert!(!refused(guard, &url).await.contains("cannot be set up"));
        // A handshake record of TLS (RFC 8446 §5.1), and no HTTP.
        assert_eq!(first_bytes.await.unwrap()[..2], [22, 3]);
    }
}
