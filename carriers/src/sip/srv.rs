//! Where a trunk is that names only its domain: SRV records of the DNS (RFC 3263 §4.2, RFC 2782), and names in general when the
//! operator has named the servers to ask.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hickory_resolver::{
    TokioResolver,
    config::{LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::RData,
};
use ringfleet_core::trunk::SipTransport;
use tokio::{sync::OnceCell, time::timeout};

/// Longest look-up: calls wait for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest wait for one answer of a name server.
const ANSWER: Duration = Duration::from_secs(2);
/// How long it is believed, at most, that there is no record.
const NEGATIVE: Duration = Duration::from_secs(60);

/// One server of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) priority: u16,
    pub(super) weight: u16,
}

/// Asks the DNS: the servers the operator has named, else those of the system.
pub(super) struct Directory {
    servers: Vec<SocketAddr>,
    resolver: OnceCell<TokioResolver>,
}

impl Directory {
    /// Asks `servers`; none: what the system asks.
    pub(super) fn new(servers: Vec<SocketAddr>) -> Self {
        Self { servers, resolver: OnceCell::new() }
    }

    /// Whether addresses are to be looked up here as well, instead of in the system's way.
    pub(super) fn is_named(&self) -> bool {
        !self.servers.is_empty()
    }

    /// The SRV records of a domain; none when it has none.
    ///
    /// # Errors
    /// When nobody answers, or answers that the service is decidedly not there (a target of `.`).
    pub(super) async fn servers(&self, domain: &str, transport: SipTransport) -> io::Result<Vec<Server>> {
        let service = match transport {
            SipTransport::Udp => "_sip._udp",
            SipTransport::Tcp => "_sip._tcp",
            SipTransport::Tls => "_sips._tcp",
        };
        let name = format!("{service}.{}.", domain.trim_end_matches('.'));
        let found = match timeout(PATIENCE, self.resolver().await?.srv_lookup(name.as_str())).await? {
            Err(error) if error.is_no_records_found() => return Ok(Vec::new()),
            found => found.map_err(failure)?,
        };
        let servers: Vec<Server> = found.answers().iter().filter_map(|record| server(&record.data)).collect();
        match servers.as_slice() {
            [only] if only.host.is_empty() => Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("{name} says that there is no such service"),
            )),
            _ => Ok(servers),
        }
    }

    /// The addresses of a host, of either family.
    pub(super) async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let name = format!("{}.", host.trim_end_matches('.'));
        let found =
            timeout(PATIENCE, self.resolver().await?.lookup_ip(name.as_str())).await?.map_err(failure)?;
        Ok(found.iter().collect())
    }

    async fn resolver(&self) -> io::Result<&TokioResolver> {
        self.resolver.get_or_try_init(async || self.build()).await.map_err(failure)
    }

    fn build(&self) -> Result<TokioResolver, NetError> {
        let mut builder = if self.servers.is_empty() {
            TokioResolver::builder_tokio()?
        } else {
            let servers = self.servers.iter().map(|server| {
                let mut config = NameServerConfig::udp_and_tcp(server.ip());
                config.connections.iter_mut().for_each(|connection| connection.port = server.port());
                config
            });
            let config = ResolverConfig::from_name_servers(servers.collect());
            let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
            builder.options_mut().use_hosts_file = ResolveHosts::Never;
            builder
        };
        let options = builder.options_mut();
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.timeout = ANSWER;
        options.negative_max_ttl = Some(NEGATIVE);
        builder.build()
    }
}

fn server(data: &RData) -> Option<Server> {
    let RData::SRV(srv) = data else { return None };
    let host = srv.target.to_string().trim_end_matches('.').to_owned();
    Some(Server { host, port: srv.port, priority: srv.priority, weight: srv.weight })
}

fn failure(error: NetError) -> io::Error {
    io::Error::other(format!("the DNS says: {error}"))
}

/// The order to try servers in: by priority, and within one drawn by weight (RFC 2782). `draw` gives a number from 0 to the one it
/// is given.
pub(super) fn in_order(mut servers: Vec<Server>, mut draw: impl FnMut(u32) -> u32) -> Vec<Server> {
    // Those without weight first, so that they have a very small chance and not none.
    servers.sort_by_key(|server| (server.priority, server.weight));
    let mut ordered = Vec::with_capacity(servers.len());
    while let Some(first) = servers.first() {
        let alike = servers.iter().take_while(|server| server.priority == first.priority).count();
        let sum: u32 = servers[..alike].iter().map(|server| u32::from(server.weight)).sum();
        let drawn = draw(sum);
        let mut running = 0;
        let at = servers[..alike].iter().position(|server| {
            running += u32::from(server.weight);
            running >= drawn
        });
        ordered.push(servers.remove(at.unwrap_or(0)));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str, priority: u16, weight: u16) -> Server {
        Server { host: host.into(), port: 5060, priority, weight }
    }

    #[test]
    fn priority_decides_and_weight_shares_out() {
        let servers = || {
            vec![
                server("spare", 20, 9),
                server("big", 10, 75),
                server("small", 10, 25),
                server("idle", 10, 0),
            ]
        };
        let mut first = std::collections::HashMap::<String, u32>::new();
        for _ in 0..4_000 {
            let ordered = in_order(servers(), |most| rand::random_range(0..=most));
            assert_eq!(ordered.len(), 4);
            assert_eq!(ordered[3].host, "spare", "the others come before it");
            *first.entry(ordered[0].host.clone()).or_default() += 1;
        }
        let share = |host: &str| first.get(host).copied().unwrap_or_default();
        assert!((2_700..3_300).contains(&share("big")), "{first:?}");
        assert!((700..1_300).contains(&share("small")), "{first:?}");
        assert!(share("idle") < 200, "{first:?}");
        assert_eq!(in_order(Vec::new(), |most| most), []);
    }
}
