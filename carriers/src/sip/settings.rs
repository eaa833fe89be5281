//! Settings of the SIP carrier that belong to the process, not to a trunk.

use std::{
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// Where this process speaks SIP and RTP from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SipSettings {
    /// Address the SIP and RTP sockets are bound to; the ports of SIP are picked by the system.
    pub bind: IpAddr,
    /// Address written into Via, Contact and SDP where peers see another one than `bind` (static NAT, containers).
    /// Absent: `bind` itself or, where that is the unspecified address, whatever routes to the peer.
    pub advertise: Option<IpAddr>,
    /// First and last UDP port for RTP. Every call takes an even one from its INVITE to its end.
    pub rtp_ports: (u16, u16),
    /// How long a peer may stay silent before a SIP transaction is given up: 64·T1 of RFC 3261 §17.1.1.2, in seconds
    /// with a fraction. Standard peers need the default of 32 s.
    #[serde(with = "seconds")]
    pub transaction_timeout: Duration,
    /// The name servers to ask for trunks, as `address` or `address:port`; none: those of the system.
    #[serde(deserialize_with = "name_servers")]
    pub nameservers: Vec<SocketAddr>,
    /// Endpoints of each trunk, 1 to 16: each has a port and a task that receives. One takes 2,000 calls/s and more on one core.
    /// A trunk that is registered with has one, for its calls come from where the registration points to.
    #[serde(deserialize_with = "endpoints")]
    pub endpoints: usize,
}

impl Default for SipSettings {
    fn default() -> Self {
        Self {
            bind: IpAddr::from([127, 0, 0, 1]),
            advertise: None,
            rtp_ports: (20_000, 39_999),
            transaction_timeout: Duration::from_secs(32),
            nameservers: Vec::new(),
            endpoints: 1,
        }
    }
}

impl SipSettings {
    pub(super) fn rtp_range(&self) -> RangeInclusive<u16> {
        self.rtp_ports.0..=self.rtp_ports.1
    }
}

fn name_servers<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<SocketAddr>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let read = |text: String| {
        let plain = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
        plain.or_else(|_| text.parse()).map_err(|_| {
            serde::de::Error::custom(format!("{text:?} is no name server; write an address, like 192.0.2.53"))
        })
    };
    texts.into_iter().map(read).collect()
}

fn endpoints<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let count = usize::deserialize(deserializer)?;
    (1..=16).contains(&count).then_some(count).ok_or_else(|| serde::de::Error::custom("must be 1 to 16"))
}

/// A duration as a number of seconds.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(value.as_secs_f64())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(seconds)
            .ok()
            .filter(|timeout| (Duration::from_millis(100)..=Duration::from_secs(3600)).contains(timeout))
            .ok_or_else(|| D::Error::custom("must be 0.1 to 3600 seconds"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_addresses() {
        let read =
            |servers: &str| serde_json::from_str::<SipSettings>(&format!(r#"{{"nameservers": {servers}}}"#));
        let servers = read(r#"["192.0.2.53", "[2001:db8::1]:5353", "::1"]"#).unwrap().nameservers;
        assert_eq!(
            servers.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["192.0.2.53:53", "[2001:db8::1]:5353", "[::1]:53"]
        );
        assert!(read(r#"["dns.example.com"]"#).unwrap_err().to_string().contains("dns.example.com"));
    }

    #[test]
    fn a_trunk_has_an_endpoint_and_not_too_many() {
        let read = |count: &str| serde_json::from_str::<SipSettings>(&format!(r#"{{"endpoints": {count}}}"#));
        assert_eq!(read("16").unwrap().endpoints, 16);
        assert!(read("0").is_err() && read("17").is_err());
    }

    #[test]
    fn an_empty_table_is_the_default_and_a_wrong_timeout_is_refused() {
        assert_eq!(serde_json::from_str::<SipSettings>("{}").unwrap(), SipSettings::default());
        let half = serde_json::from_str::<SipSettings>(r#"{"transaction_timeout": 0.5}"#).unwrap();
        assert_eq!(half.transaction_timeout, Duration::from_millis(500));
        for wrong in ["0", "-1", "1e300", "\"32s\""] {
            assert!(
                serde_json::from_str::<SipSettings>(&format!(r#"{{"transaction_timeout": {wrong}}}"#))
                    .is_err()
            );
        }
    }
}
