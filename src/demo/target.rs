//! Where the demo's calls go: `sip:HOST:PORT[;transport=udp|tcp|tls]`.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use ringfleet_core::trunk::SipTransport;

use crate::process::Failure;

/// A SIP peer somebody named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Host name or address; an IPv6 address without brackets.
    pub host: String,
    pub port: u16,
    pub transport: SipTransport,
}

impl From<SocketAddr> for Target {
    fn from(addr: SocketAddr) -> Self {
        Self { host: addr.ip().to_string(), port: addr.port(), transport: SipTransport::Udp }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = strip_scheme(text.trim())?;
        let mut parts = rest.split(';');
        let (host, port) = split_port(parts.next().unwrap_or_default())?;
        let mut transport = SipTransport::Udp;
        for parameter in parts {
            transport = match parameter.split_once('=') {
                Some((name, value)) if name.eq_ignore_ascii_case("transport") => {
                    value.to_ascii_lowercase().parse().map_err(|_| {
                        format!("transport={value} is not known; write transport=udp, transport=tcp or transport=tls")
                    })?
                }
                _ => {
                    return Err(format!(
                        "the parameter {parameter:?} is not known; only ;transport=udp, ;transport=tcp or ;transport=tls is"
                    ));
                }
            };
        }
        Ok(Self { host, port: port.unwrap_or(transport.usual_port()), transport })
    }
}

fn strip_scheme(text: &str) -> Result<&str, String> {
    match text.split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("sip") => Ok(rest),
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("sips") => {
            Err("write SIP over TLS as sip:HOST:PORT;transport=tls".into())
        }
        _ => Err("write it as sip:HOST:PORT, like sip:192.0.2.7:5060".into()),
    }
}

fn split_port(text: &str) -> Result<(String, Option<u16>), String> {
    if text.contains('@') {
        return Err("name only the peer, without user@: whom to call is in the list".into());
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (host, rest) =
                bracketed.split_once(']').ok_or("the bracket of the IPv6 address is not closed")?;
            host.parse::<Ipv6Addr>().map_err(|_| format!("{host:?} is no IPv6 address"))?;
            (host, rest.strip_prefix(':').or((!rest.is_empty()).then_some(rest)))
        }
        None if text.parse::<Ipv6Addr>().is_ok() => {
            return Err(format!("put the IPv6 address into brackets: sip:[{text}]:5060"));
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let speakable = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
    if host.is_empty() || !host.chars().all(speakable) {
        return Err(format!("{host:?} is no host name; write it as sip:HOST:PORT"));
    }
    let number = |port: &str| {
        let parsed = port.parse().ok().filter(|port| *port != 0);
        parsed.ok_or_else(|| format!("{port:?} is no port; give a number from 1 to 65535"))
    };
    Ok((host.to_owned(), port.map(number).transpose()?))
}

impl Target {
    /// The address to bind SIP and RTP to so that the peer can be reached: loopback for a peer on this machine, every
    /// address otherwise.
    ///
    /// # Errors
    /// When the host name has no address.
    pub async fn bind(&self) -> Result<IpAddr, Failure> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port))
            .await
            .map_err(|e| Failure::new(format!("--trunk: the host {} has no address: {e}", self.host)))?;
        let addresses: Vec<IpAddr> = found.map(|addr| addr.ip()).collect();
        let chosen = addresses.iter().find(|ip| ip.is_ipv4()).or(addresses.first());
        match chosen {
            Some(IpAddr::V4(ip)) if ip.is_loopback() => Ok(Ipv4Addr::LOCALHOST.into()),
            Some(IpAddr::V4(_)) => Ok(Ipv4Addr::UNSPECIFIED.into()),
            Some(IpAddr::V6(ip)) if ip.is_loopback() => Ok(Ipv6Addr::LOCALHOST.into()),
            Some(IpAddr::V6(_)) => Ok(Ipv6Addr::UNSPECIFIED.into()),
            None => Err(Failure::new(format!("--trunk: the host {} has no address", self.host))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(host: &str, port: u16, transport: SipTransport) -> Target {
        Target { host: host.into(), port, transport }
    }

    #[test]
    fn a_peer_is_read() {
        use SipTransport::{Tcp, Tls, Udp};
        for (text, expected) in [
            ("sip:192.0.2.7:5070", target("192.0.2.7", 5070, Udp)),
            ("SIP:pbx.example", target("pbx.example", 5060, Udp)),
            ("sip:pbx.example:5061;transport=tcp", target("pbx.example", 5061, Tcp)),
            ("sip:pbx.example;transport=tls", target("pbx.example", 5061, Tls)),
            (" sip:pbx.example;Transport=UDP ", target("pbx.example", 5060, Udp)),
            ("sip:[::1]:5070", target("::1", 5070, Udp)),
            ("sip:[2001:db8::7];transport=tcp", target("2001:db8::7", 5060, Tcp)),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, hint) in [
            ("", "sip:HOST:PORT"),
            ("127.0.0.1:5060", "sip:HOST:PORT"),
            ("sip:", "no host name"),
            ("sip::5060", "no host name"),
            ("sip:a b:5060", "no host name"),
            ("sips:pbx.example", "transport=tls"),
            ("sip:me@pbx.example", "without user@"),
            ("sip:pbx.example:0", "1 to 65535"),
            ("sip:pbx.example:70000", "1 to 65535"),
            ("sip:pbx.example:", "1 to 65535"),
            ("sip:::1", "brackets"),
            ("sip:[::1", "not closed"),
            ("sip:[pbx]:5060", "no IPv6 address"),
            ("sip:[::1]x", "no port"),
            ("sip:pbx.example;transport=ws", "transport=tcp"),
            ("sip:pbx.example;lr", "parameter"),
        ] {
            let problem = text.parse::<Target>().unwrap_err();
            assert!(problem.contains(hint), "{text:?}: {problem}");
        }
    }

    #[tokio::test]
    async fn a_peer_on_this_machine_is_spoken_to_from_loopback() {
        for (text, expected) in [
            ("sip:127.0.0.1:5060", IpAddr::from(Ipv4Addr::LOCALHOST)),
            ("sip:192.0.2.7:5060", IpAddr::from(Ipv4Addr::UNSPECIFIED)),
            ("sip:[::1]:5060", IpAddr::from(Ipv6Addr::LOCALHOST)),
            ("sip:[2001:db8::7]:5060", IpAddr::from(Ipv6Addr::UNSPECIFIED)),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.bind().await.unwrap(), expected, "{text}");
        }
    }
}
