//! Host names to addresses, and a trunk to the addresses it can be reached at (RFC 3263; NAPTR is not asked, for a trunk names its
//! transport).

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use ringfleet_core::{
    SipAddress,
    net::Guard,
    trunk::{SipTransport, SipTrunk},
};
use rsipstack::{
    sip::{HostWithPort, Transport, Uri},
    transaction::endpoint::TargetLocator,
    transport::{SipAddr, transport_layer::DomainResolver},
};
use tokio::time::{Instant, timeout};

use super::{
    SipSettings,
    srv::{self, Directory, Server},
};

/// How long an address is used before the resolver is asked again. A campaign would else ask once per call.
const KEEP: Duration = Duration::from_secs(30);
/// Longest lookup of a name that a peer has written into a header: a call waits for it.
const PEERS_NAME: Duration = Duration::from_secs(2);
/// Names remembered at most. A trunk has one; the others are of its peers' choice.
const MOST_NAMES: usize = 1000;
/// How long an address that did not answer is tried only after the others of its trunk.
const AVOIDED: Duration = Duration::from_secs(60);

/// Looks host names up and remembers the answers for a moment.
pub(super) struct Hosts {
    ipv6: bool,
    /// What each name stood for, and since when; nothing for a peer's name that has no address.
    known: Mutex<HashMap<String, (Option<IpAddr>, Instant)>>,
    directory: Directory,
    /// The servers of the trunk's domain, and since when; none when it has no SRV records.
    servers: Mutex<Option<(Vec<Server>, Instant)>>,
    /// Addresses of the trunk that did not answer, and when.
    avoided: Mutex<HashMap<SocketAddr, Instant>>,
    /// Judges every address that is not the trunk's own; none lets all pass.
    guard: Option<Arc<Guard>>,
}

impl Hosts {
    /// For sockets bound to `settings.bind`: only addresses of its family can be reached from there.
    pub(super) fn new(settings: &SipSettings) -> Arc<Self> {
        Arc::new(Self::with(settings, None))
    }

    /// For telephones that a customer names: requests go only where `guard` allows, whatever they are told.
    pub(super) fn guarded(settings: &SipSettings, guard: Arc<Guard>) -> Arc<Self> {
        Arc::new(Self::with(settings, Some(guard)))
    }

    fn with(settings: &SipSettings, guard: Option<Arc<Guard>>) -> Self {
        Self {
            ipv6: settings.bind.is_ipv6(),
            known: Mutex::default(),
            directory: Directory::new(settings.nameservers.clone()),
            servers: Mutex::default(),
            avoided: Mutex::default(),
            guard,
        }
    }

    /// Where a telephone can be reached over UDP, in the order to try (RFC 3263 §4.2). Never empty.
    ///
    /// # Errors
    /// When its host has no address, or none that may be asked.
    pub(super) async fn telephone(&self, at: &SipAddress) -> io::Result<Vec<SocketAddr>> {
        let servers = match at.port() {
            None if at.ip().is_none() => match self.directory.servers(at.host(), SipTransport::Udp).await {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, host = at.host(), "the servers of a telephone's domain could not be looked up");
                    Vec::new()
                }
                Ok(servers) => servers,
            },
            _ => Vec::new(),
        };
        let mut found = Vec::new();
        for server in srv::in_order(servers, |most| rand::random_range(0..=most)) {
            found.extend(self.resolve(&server.host, server.port).await);
        }
        if found.is_empty() {
            found.push(self.resolve(at.host(), at.port().unwrap_or(SipTransport::Udp.usual_port())).await?);
        }
        for address in &found {
            self.judge(*address).map_err(io::Error::other)?;
        }
        Ok(self.best_first(found))
    }

    /// Whether a request may go to this address.
    fn judge(&self, address: SocketAddr) -> Result<(), String> {
        if !self.is_of_family(address.ip()) {
            return Err("an address of another kind than ours; bind the other kind".into());
        }
        let Some(guard) = &self.guard else { return Ok(()) };
        guard
            .check(address.ip())
            .map_err(|kind| format!("the host is {kind}, where no calls are handed over to"))?;
        guard.check_port(address.port()).map_err(|problem| format!("port {} {problem}", address.port()))
    }

    /// Where a trunk can be reached, in the order to try: the host and port it names, else the servers of its domain, else the usual
    /// port. Never empty.
    ///
    /// # Errors
    /// When no name of it has an address.
    pub(super) async fn targets(&self, trunk: &SipTrunk) -> io::Result<Vec<SocketAddr>> {
        let servers = match trunk.port {
            None if literal(&trunk.host).is_none() => self.servers(trunk).await?,
            _ => Vec::new(),
        };
        if servers.is_empty() {
            return Ok(vec![self.resolve(&trunk.host, trunk.port()).await?]);
        }
        let mut found = Vec::new();
        let mut trouble = None;
        for server in srv::in_order(servers, |most| rand::random_range(0..=most)) {
            match self.resolve(&server.host, server.port).await {
                Ok(address) => found.push(address),
                Err(error) => trouble = Some(error),
            }
        }
        match trouble {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(self.best_first(found)),
        }
    }

    async fn servers(&self, trunk: &SipTrunk) -> io::Result<Vec<Server>> {
        let before = self.servers.lock().clone();
        if let Some((servers, _)) = before.clone().filter(|(_, at)| at.elapsed() < KEEP) {
            return Ok(servers);
        }
        let servers = match self.directory.servers(&trunk.host, trunk.transport).await {
            Ok(servers) => servers,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
            Err(error) => {
                tracing::warn!(%error, host = trunk.host, "the servers of a SIP trunk's domain could not be looked up");
                before.map(|(servers, _)| servers).unwrap_or_default()
            }
        };
        *self.servers.lock() = Some((servers.clone(), Instant::now()));
        Ok(servers)
    }

    /// Tries an address of the trunk after its others for a while: it did not answer.
    pub(super) fn avoid(&self, address: SocketAddr) {
        self.avoided.lock().insert(address, Instant::now());
    }

    fn best_first(&self, mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        let mut avoided = self.avoided.lock();
        avoided.retain(|_, at| at.elapsed() < AVOIDED);
        addresses.sort_by_key(|address| avoided.contains_key(address));
        addresses
    }

    /// The address of `host`, which may be an address already.
    pub(super) async fn resolve(&self, host: &str, port: u16) -> io::Result<SocketAddr> {
        if let Some(ip) = literal(host) {
            return Ok(SocketAddr::new(ip, port));
        }
        if let Some(Some(ip)) = self.known(host) {
            return Ok(SocketAddr::new(ip, port));
        }
        let ip = self.look_up(host).await?;
        self.remember(host, Some(ip));
        Ok(SocketAddr::new(ip, port))
    }

    /// The address of a host that a peer has written into Contact or Record-Route. Many name themselves as only their own
    /// network knows them: `None` for what has no address here or cannot be reached from our sockets.
    pub(super) async fn resolve_peers(&self, host: &HostWithPort) -> Option<SocketAddr> {
        self.named_by_peer(host).await.filter(|address| self.judge(*address).is_ok())
    }

    async fn named_by_peer(&self, host: &HostWithPort) -> Option<SocketAddr> {
        let port = host.port.as_ref().map_or(5060, |port| port.0);
        let host = host.host.to_string();
        let host = host.as_str();
        if let Some(ip) = literal(host) {
            return (!ip.is_unspecified()).then_some(SocketAddr::new(ip, port));
        }
        if let Some(known) = self.known(host) {
            return known.map(|ip| SocketAddr::new(ip, port));
        }
        let found = match timeout(PEERS_NAME, self.look_up(host)).await {
            Ok(Ok(ip)) => Some(ip),
            // Told here, so that it is told once and not at every call.
            Ok(Err(error)) => {
                tracing::warn!(host, %error, "a SIP peer names a host without an address; its calls are spoken about with the trunk's own");
                None
            }
            Err(_) => {
                tracing::warn!(
                    host,
                    "a SIP peer names a host that takes too long to look up; its calls are spoken about with the trunk's own"
                );
                None
            }
        };
        self.remember(host, found);
        found.map(|ip| SocketAddr::new(ip, port))
    }

    async fn look_up(&self, host: &str) -> io::Result<IpAddr> {
        let found = if self.directory.is_named() {
            self.directory.addresses(host).await?
        } else {
            tokio::net::lookup_host((host, 0)).await?.map(|found| found.ip()).collect()
        };
        found
            .into_iter()
            .find(|ip| self.is_of_family(*ip))
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no address of the bound family"))
    }

    fn is_of_family(&self, ip: IpAddr) -> bool {
        ip.is_ipv6() == self.ipv6
    }

    /// What a name stood for a moment ago.
    fn known(&self, host: &str) -> Option<Option<IpAddr>> {
        let (found, at) = self.known.lock().get(host).copied()?;
        (at.elapsed() < KEEP).then_some(found)
    }

    fn remember(&self, host: &str, found: Option<IpAddr>) {
        let mut known = self.known.lock();
        if known.len() >= MOST_NAMES {
            known.retain(|_, (_, at)| at.elapsed() < KEEP);
        }
        if known.len() >= MOST_NAMES {
            known.clear(); // so many at once are nobody's habit; asking again costs less than holding them
        }
        known.insert(host.to_owned(), (found, Instant::now()));
    }
}

fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Tells the stack where the hosts are that peers put into Contact and Record-Route.
#[derive(Clone)]
pub(super) struct Resolver {
    pub(super) hosts: Arc<Hosts>,
    pub(super) transport: Transport,
}

#[async_trait]
impl DomainResolver for Resolver {
    async fn resolve(&self, target: &SipAddr) -> rsipstack::Result<SipAddr> {
        let addr = self.hosts.resolve_peers(&target.addr).await.ok_or_else(|| unknown(&target.addr))?;
        Ok(SipAddr { r#type: target.r#type, addr: addr.into() })
    }
}

/// For the one request the stack makes by itself, the ACK of a 2xx. It goes the trunk's way: left alone the stack obeys
/// `Contact: <sip:x;transport=tcp>` on a UDP trunk, and opens that connection before it hands us the 2xx.
#[async_trait]
impl TargetLocator for Resolver {
    async fn locate(&self, uri: &Uri) -> rsipstack::Result<SipAddr> {
        let next = &uri.host_with_port;
        let addr = self.hosts.resolve_peers(next).await.ok_or_else(|| unknown(next))?;
        Ok(SipAddr { r#type: Some(self.transport), addr: addr.into() })
    }
}

/// The stack then sends where the INVITE went.
fn unknown(host: &HostWithPort) -> rsipstack::Error {
    rsipstack::Error::DnsResolutionError(host.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_need_no_lookup_and_names_give_the_bound_family() {
        let hosts = Hosts::new(&SipSettings::default());
        assert_eq!(hosts.resolve("192.0.2.7", 5070).await.unwrap(), ([192, 0, 2, 7], 5070).into());
        assert_eq!(hosts.resolve("[2001:db8::1]", 5060).await.unwrap().to_string(), "[2001:db8::1]:5060");
        assert_eq!(hosts.resolve("localhost", 5060).await.unwrap(), ([127, 0, 0, 1], 5060).into());
        assert_eq!(hosts.resolve("localhost", 5061).await.unwrap(), ([127, 0, 0, 1], 5061).into());
        assert!(hosts.resolve("no-such-host.invalid", 5060).await.is_err());
    }

    #[tokio::test]
    async fn what_a_peer_calls_itself_may_mean_nothing_here() {
        let hosts = Hosts::new(&SipSettings::default());
        let at = async |host: &str| hosts.resolve_peers(&HostWithPort::try_from(host).unwrap()).await;
        assert_eq!(at("192.0.2.7:5070").await, Some(([192, 0, 2, 7], 5070).into()));
        assert_eq!(at("localhost").await, Some(([127, 0, 0, 1], 5060).into()));
        for nowhere in ["[2001:db8::1]", "0.0.0.0", "pbx.invalid", "pbx.invalid"] {
            assert_eq!(at(nowhere).await, None, "{nowhere}");
        }
        // That a peer has named it does not make a trunk's own host unknown without asking.
        hosts.remember("localhost", None);
        assert_eq!(hosts.resolve("localhost", 5060).await.unwrap(), ([127, 0, 0, 1], 5060).into());
    }

    #[tokio::test]
    async fn a_guard_judges_telephones_and_what_they_call_themselves() {
        let at = |text: &str| text.parse::<SipAddress>().unwrap();
        let open = Arc::new(Guard::allowing(vec!["127.0.0.0/8".parse().unwrap()]));
        let hosts = Hosts::guarded(&SipSettings::default(), open);
        let here: SocketAddr = ([127, 0, 0, 1], 5060).into();
        assert_eq!(hosts.telephone(&at("sip:a@127.0.0.1")).await.unwrap(), [here]);
        assert_eq!(hosts.telephone(&at("sip:a@localhost:5060")).await.unwrap(), [here]);
        for (bad, says) in
            [("10.0.0.1", "private"), ("127.0.0.1:53", "port 53"), ("[2001:db8::1]", "another kind")]
        {
            let error = hosts.telephone(&at(&format!("sip:a@{bad}"))).await.unwrap_err().to_string();
            assert!(error.contains(says), "{bad}: {error}");
        }
        let named = async |host: &str| hosts.resolve_peers(&HostWithPort::try_from(host).unwrap()).await;
        assert_eq!(named("127.0.0.1:5060").await, Some(here));
        assert_eq!((named("10.0.0.1:5060").await, named("127.0.0.1:6379").await), (None, None));
    }

    #[tokio::test]
    async fn names_are_not_remembered_without_end() {
        let hosts = Hosts::new(&SipSettings::default());
        for n in 0..3 * MOST_NAMES {
            hosts.remember(&format!("h{n}"), None);
            assert!(hosts.known.lock().len() <= MOST_NAMES);
        }
        assert_eq!(hosts.known(&format!("h{}", 3 * MOST_NAMES - 1)), Some(None));
    }
}
