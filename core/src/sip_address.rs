//! The address of a telephone: `sip:desk@pbx.example.com` (RFC 3261 §19.1).

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Longest user part, in characters.
const USER_LIMIT: usize = 256;
/// Longest host name, in characters (RFC 1035 §2.3.4).
const HOST_LIMIT: usize = 253;

/// A user at a host, spoken with over UDP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SipAddress {
    user: String,
    host: String,
    port: Option<u16>,
}

impl SipAddress {
    /// The host, a name or an address; an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port, where it names one. Without it a name is looked up as a domain (RFC 3263 §4.2), and 5060 is the usual one.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The host as an address, where it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host().parse().ok()
    }
}

impl FromStr for SipAddress {
    type Err = &'static str;

    /// Reads `sip:user@host` or `sip:user@host:port`; parameters, headers, passwords and `sips:` are refused.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.split_once(':').unwrap_or_default();
        if scheme.eq_ignore_ascii_case("sips") {
            return Err("must begin with sip:, for it is reached over UDP");
        }
        if !scheme.eq_ignore_ascii_case("sip") {
            return Err("must begin with sip:, like sip:desk@pbx.example.com");
        }
        let (user, place) =
            rest.split_once('@').ok_or("must name a user and a host, like sip:desk@pbx.example.com")?;
        if place.contains([';', '?']) {
            return Err(
                "must end with the host or its port: parameters (;…) and headers (?…) are not understood",
            );
        }
        if user.is_empty() || user.len() > USER_LIMIT || !user.bytes().all(is_of_user) {
            return Err(
                "must name a user of letters, digits, + - _ . ! ~ * ' ( ) and %XX, without a password",
            );
        }
        let (host, port) = split_port(place)?;
        if !is_host(host) {
            return Err("must name a host, which is a name or an address");
        }
        Ok(Self { user: user.to_owned(), host: host.to_owned(), port })
    }
}

/// Unreserved characters and escapes (RFC 3261 §25.1), and the `+` of telephone numbers.
fn is_of_user(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'()+%".contains(&byte)
}

/// A host and its port. What is in brackets has colons of its own.
fn split_port(place: &str) -> Result<(&str, Option<u16>), &'static str> {
    let after_brackets = place.find(']').map_or(0, |at| at + 1);
    let Some(colon) = place[after_brackets..].find(':').map(|at| at + after_brackets) else {
        return Ok((place, None));
    };
    let port = place[colon + 1..].parse().ok().filter(|port| *port != 0);
    Ok((&place[..colon], Some(port.ok_or("must have a port of 1 to 65535, or none")?)))
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[') {
        return inner.strip_suffix(']').is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok());
    }
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    // What ends in a number is an address, or a way to write one that not everybody reads alike.
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    host.len() <= HOST_LIMIT && host.split('.').all(is_label)
}

impl fmt::Display for SipAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sip:{}@{}", self.user, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl Serialize for SipAddress {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SipAddress {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        <std::borrow::Cow<'de, str>>::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_user_at_a_host_is_read_and_written() {
        for (text, host, port) in [
            ("sip:desk@pbx.example.com", "pbx.example.com", None),
            ("sip:+15550001111@192.0.2.1:5070", "192.0.2.1", Some(5070)),
            ("sip:a%20b@[2001:db8::1]:5060", "2001:db8::1", Some(5060)),
            ("sip:1@[::1]", "::1", None),
        ] {
            let address: SipAddress = text.parse().unwrap();
            assert_eq!((address.host(), address.port(), address.to_string()), (host, port, text.to_owned()));
        }
        assert_eq!("SIP:a@h".parse::<SipAddress>().unwrap().to_string(), "sip:a@h");
    }

    #[test]
    fn what_is_not_understood_is_refused_with_what_would_be_right() {
        for (bad, says) in [
            ("", "sip:"),
            ("wss://a.example", "sip:"),
            ("sips:a@h", "UDP"),
            ("sip:pbx.example.com", "a user"),
            ("sip:@h", "a user"),
            ("sip:a:secret@h", "password"),
            ("sip:a\r\nX: 1@h", "a user"),
            ("sip:a@", "a host"),
            ("sip:a@h h", "a host"),
            ("sip:a@-h", "a host"),
            ("sip:a@2130706433", "a host"),
            ("sip:a@1.2.3", "a host"),
            ("sip:a@[::1", "port"),
            ("sip:a@[x]", "a host"),
            ("sip:a@h:0", "port"),
            ("sip:a@h:70000", "port"),
            ("sip:a@h;transport=tls", "parameters"),
            ("sip:a@h?Subject=x", "parameters"),
        ] {
            let problem = bad.parse::<SipAddress>().unwrap_err();
            assert!(problem.contains(says), "{bad}: {problem}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived_and_what_is_read_is_written_alike(text in "(sip:)?[ -~é\r\n]{0,40}(@[ -~]{0,30})?") {
            if let Ok(address) = text.parse::<SipAddress>() {
                prop_assert!(!address.to_string().contains(['\r', '\n', ' ', '<', '>']));
                prop_assert_eq!(address.to_string().parse::<SipAddress>().unwrap(), address);
            }
        }
    }
}
