//! Which addresses webhooks may go to: public ones, and those the operator allows.
//!
//! Whoever may set a webhook could otherwise make this server ask services that only it can reach: its own loopback, the network it
//! stands in, a cloud's metadata service (server-side request forgery). Source: the IANA registries of special-purpose addresses
//! (<https://www.iana.org/assignments/iana-ipv4-special-registry>, RFC 6890).

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Ports of services that believe what a stranger's POST makes them read: mail, old shells, Redis, memcached, …
const REFUSED_PORTS: &[u16] = &[
    19, 21, 22, 23, 25, 53, 110, 111, 135, 139, 143, 389, 445, 465, 587, 636, 873, 993, 995, 2049, 6379,
    11211,
];

/// A block of addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    first: IpAddr,
    bits: u8,
}

impl Block {
    /// Whether the address lies in it.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.first, ip) {
            (IpAddr::V4(first), IpAddr::V4(ip)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                u32::from(first) & mask == u32::from(ip) & mask
            }
            (IpAddr::V6(first), IpAddr::V6(ip)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                u128::from(first) & mask == u128::from(ip) & mask
            }
            _ => false,
        }
    }
}

impl FromStr for Block {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is no block of addresses; write it like 10.0.0.0/8, fd00::/8 or 192.0.2.7");
        let (first, bits) = text.split_once('/').map_or((text, None), |(first, bits)| (first, Some(bits)));
        let first: IpAddr = first.parse().map_err(|_| wrong())?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(|_| wrong()))?;
        if bits <= most { Ok(Self { first, bits }) } else { Err(wrong()) }
    }
}

impl Serialize for Block {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("{}/{}", self.first, self.bits))
    }
}

impl<'de> Deserialize<'de> for Block {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Where webhooks may go. By default to public addresses only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guard {
    allowed: Vec<Block>,
}

impl Guard {
    /// Public addresses, and those in these blocks.
    pub fn allowing(allowed: Vec<Block>) -> Self {
        Self { allowed }
    }

    /// Whether a request may go to this address. An IPv4 address inside an IPv6 one is judged as what it is.
    ///
    /// # Errors
    /// What kind of address it is, where it may not.
    pub fn check(&self, ip: IpAddr) -> Result<(), &'static str> {
        let plain = unwrapped(ip);
        if self.allowed.iter().any(|block| block.contains(ip) || block.contains(plain)) {
            return Ok(());
        }
        match plain {
            IpAddr::V4(ip) => special_v4(ip),
            IpAddr::V6(ip) => special_v6(ip),
        }
        .map_or(Ok(()), Err)
    }

    /// Those of the addresses of a host that a request may go to.
    ///
    /// # Errors
    /// What kind of address one of them is, where none may be asked.
    pub fn passing(&self, found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, &'static str> {
        let mut refused = None;
        let passed: Vec<SocketAddr> =
            found.filter(|addr| self.check(addr.ip()).map_err(|kind| refused = Some(kind)).is_ok()).collect();
        match refused {
            Some(kind) if passed.is_empty() => Err(kind),
            _ => Ok(passed),
        }
    }

    /// Whether what goes to this address may go unencrypted: it lies inside, where the operator allows it.
    pub fn allows_plain(&self, ip: IpAddr) -> bool {
        self.check(ip).is_ok() && Self::default().check(ip).is_err()
    }

    /// Whether a request may go to this port.
    pub fn check_port(&self, port: u16) -> Result<(), &'static str> {
        match REFUSED_PORTS.contains(&port) {
            true => Err("is the port of another service (mail, Redis, …) and gets no webhooks"),
            false => Ok(()),
        }
    }
}

/// The IPv4 address that an IPv6 one stands for: mapped (RFC 4291 §2.5.5.2), compatible (§2.5.5.1), NAT64 (RFC 6052 §2.1), 6to4
/// (RFC 3056 §2). Teredo is refused as a whole.
fn unwrapped(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let s = v6.segments();
    let low = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match s {
        [0, 0, 0, 0, 0, 0xffff, a, b] => low(a, b),
        [0, 0, 0, 0, 0xffff, 0, a, b] => low(a, b), // translated, RFC 2765 §2.1
        [0, 0, 0, 0, 0, 0, a, b] if (a, b) != (0, 0) && (a, b) != (0, 1) => low(a, b),
        [0x64, 0xff9b, 0, 0, 0, 0, a, b] => low(a, b),
        [0x2002, a, b, ..] => low(a, b),
        _ => ip,
    }
}

fn special_v4(ip: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, d] = ip.octets();
    Some(match (a, b, c, d) {
        (0, ..) => "unspecified",
        (127, ..) => "a loopback address",
        (10, ..) | (172, 16..=31, ..) | (192, 168, ..) => "a private address",
        (169, 254, 169, 254) | (100, 100, 100, 200) | (168, 63, 129, 16) => "a cloud's metadata service",
        (169, 254, ..) => "a link-local address",
        (100, 64..=127, ..) => "a carrier's shared address (CGNAT)",
        (224..=239, ..) => "a multicast address",
        (255, 255, 255, 255) => "the broadcast address",
        (240.., ..) => "a reserved address",
        (192, 0, 0, _) | (192, 88, 99, _) | (192, 31, 196, _) | (192, 52, 193, _) | (192, 175, 48, _) => {
            "a reserved address"
        }
        (198, 18..=19, ..) => "a benchmarking address",
        (192, 0, 2, _) | (198, 51, 100, _) | (203, 0, 113, _) => "a documentation address",
        _ => return None,
    })
}

fn special_v6(ip: Ipv6Addr) -> Option<&'static str> {
    if ip.is_unspecified() {
        return Some("unspecified");
    }
    if ip.is_loopback() {
        return Some("a loopback address");
    }
    let s = ip.segments();
    Some(match s[0] {
        0xfc00..=0xfdff => "a private address (ULA)",
        0xfe80..=0xfebf => "a link-local address",
        0xfec0..=0xfeff => "a site-local address",
        0xff00..=0xffff => "a multicast address",
        0x64 if s[1] == 0xff9b => "a translated address (NAT64)",
        0x2001 if s[1] < 0x200 => "a reserved address", // Teredo, benchmarking, ORCHID and others, 2001::/23
        0x2001 if s[1] == 0xdb8 => "a documentation address",
        0x3fff if s[1] < 0x1000 => "a documentation address",
        0x2000..=0x3fff => return None, // the only block that is given out, 2000::/3
        _ => "a reserved address",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(guard: &Guard, ip: &str) -> Result<(), &'static str> {
        guard.check(ip.parse().unwrap())
    }

    #[test]
    fn of_several_addresses_those_inside_are_left_out_and_only_what_is_inside_goes_unencrypted() {
        let guard = Guard::allowing(vec!["127.0.0.0/8".parse().unwrap(), "1.1.1.0/24".parse().unwrap()]);
        let addrs = |ips: &[&str]| -> Vec<SocketAddr> {
            ips.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 443)).collect()
        };
        let mixed = addrs(&["10.0.0.1", "8.8.8.8", "127.0.0.1"]);
        assert_eq!(guard.passing(mixed.into_iter()), Ok(addrs(&["8.8.8.8", "127.0.0.1"])));
        assert_eq!(guard.passing(addrs(&["10.0.0.1"]).into_iter()), Err("a private address"));
        assert_eq!(guard.passing([].into_iter()), Ok(vec![]));
        for (ip, plain) in [
            ("127.0.0.1", true),
            ("::ffff:127.0.0.1", true),
            ("10.0.0.1", false),
            ("8.8.8.8", false),
            ("1.1.1.1", false),
        ] {
            assert_eq!(guard.allows_plain(ip.parse().unwrap()), plain, "{ip}");
        }
    }

    #[test]
    fn only_public_addresses_pass() {
        let guard = Guard::default();
        for good in [
            "1.1.1.1",
            "8.8.8.8",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "64:ff9b::808:808",
            "::ffff:8.8.8.8",
            "2002:808:808::1",
        ] {
            assert_eq!(check(&guard, good), Ok(()), "{good}");
        }
        for bad in [
            "127.0.0.1",
            "127.255.255.254",
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "169.254.1.1",
            "100.64.0.1",
            "100.100.100.200",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:7f00:1::1",
            "2002:a00:1::",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "4000::1",
            "100::1",
        ] {
            assert!(check(&guard, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_the_operator_allows_passes_in_any_spelling() {
        let guard = Guard::allowing(vec![
            "127.0.0.0/8".parse().unwrap(),
            "fd00::/8".parse().unwrap(),
            "10.0.0.7".parse().unwrap(),
        ]);
        for good in ["127.0.0.1", "::ffff:127.0.0.1", "fd12::1", "10.0.0.7"] {
            assert_eq!(check(&guard, good), Ok(()), "{good}");
        }
        for bad in ["::1", "10.0.0.8", "fc00::1", "169.254.169.254"] {
            assert!(check(&guard, bad).is_err(), "{bad}");
        }
        assert_eq!(check(&Guard::allowing(vec!["0.0.0.0/0".parse().unwrap()]), "10.0.0.1"), Ok(()));
    }

    #[test]
    fn a_block_is_read_strictly() {
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/-1", "example.com/8", "10.0.0.0/"] {
            assert!(bad.parse::<Block>().is_err(), "{bad}");
        }
        let block: Block = "10.0.0.0/8".parse().unwrap();
        assert_eq!(serde_json::to_value(block).unwrap(), "10.0.0.0/8");
    }

    #[test]
    fn ports_of_services_that_would_listen_are_refused() {
        let guard = Guard::default();
        assert!(guard.check_port(443).is_ok() && guard.check_port(8080).is_ok());
        assert!(guard.check_port(6379).is_err() && guard.check_port(25).is_err());
    }
}
