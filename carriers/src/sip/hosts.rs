//! Host names to addresses, by the system's resolver. SRV and NAPTR (RFC 3263) are not asked: a trunk names its port.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use rsipstack::{
    sip::Host,
    transport::{SipAddr, transport_layer::DomainResolver},
};
use tokio::time::Instant;

/// How long an address is used before the resolver is asked again. A campaign would else ask once per call.
const KEEP: Duration = Duration::from_secs(30);

/// Looks host names up and remembers the answers for a moment.
pub(super) struct Hosts {
    ipv6: bool,
    known: Mutex<HashMap<String, (IpAddr, Instant)>>,
}

impl Hosts {
    /// For sockets bound to `bind`: only addresses of its family can be reached from there.
    pub(super) fn new(bind: IpAddr) -> Arc<Self> {
        Arc::new(Self { ipv6: bind.is_ipv6(), known: Mutex::default() })
    }

    /// The address of `host`, which may be an address already.
    pub(super) async fn resolve(&self, host: &str, port: u16) -> io::Result<SocketAddr> {
        if let Ok(ip) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            return Ok(SocketAddr::new(ip, port));
        }
        let known = self.known.lock().get(host).copied();
        if let Some((ip, _)) = known.filter(|(_, at)| at.elapsed() < KEEP) {
            return Ok(SocketAddr::new(ip, port));
        }
        let found =
            tokio::net::lookup_host((host, port)).await?.find(|address| address.is_ipv6() == self.ipv6);
        let address =
            found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no address of the bound family"))?;
        self.known.lock().insert(host.to_owned(), (address.ip(), Instant::now()));
        Ok(address)
    }
}

/// Lets the stack resolve the host names peers put into Contact and Record-Route.
pub(super) struct Resolver(pub(super) Arc<Hosts>);

#[async_trait]
impl DomainResolver for Resolver {
    async fn resolve(&self, target: &SipAddr) -> rsipstack::Result<SipAddr> {
        let Host::Domain(domain) = &target.addr.host else { return Ok(target.clone()) };
        let port = target.addr.port.as_ref().map_or(5060, |port| port.0);
        let address = self.0.resolve(&domain.0, port).await?;
        Ok(SipAddr { r#type: target.r#type, addr: address.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_need_no_lookup_and_names_give_the_bound_family() {
        let hosts = Hosts::new([127, 0, 0, 1].into());
        assert_eq!(hosts.resolve("192.0.2.7", 5070).await.unwrap(), ([192, 0, 2, 7], 5070).into());
        assert_eq!(hosts.resolve("[2001:db8::1]", 5060).await.unwrap().to_string(), "[2001:db8::1]:5060");
        assert_eq!(hosts.resolve("localhost", 5060).await.unwrap(), ([127, 0, 0, 1], 5060).into());
        assert_eq!(hosts.resolve("localhost", 5061).await.unwrap(), ([127, 0, 0, 1], 5061).into());
        assert!(hosts.resolve("no-such-host.invalid", 5060).await.is_err());
    }
}
