//! The UDP socket of one call's audio.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
};

use tokio::net::UdpSocket;

/// A bound UDP socket on an even port (RFC 3550 §11).
#[derive(Debug)]
pub struct RtpSocket {
    pub(super) udp: UdpSocket,
    addr: SocketAddr,
}

impl RtpSocket {
    /// Binds a free even port of `ports` on `ip`. The search begins anywhere in the range, so that a port is not reused
    /// right after its call, while the last call's stragglers may still arrive; and it is given up after some hundred
    /// ports, so that a range that is used up costs a caller moments.
    ///
    /// # Errors
    /// `InvalidInput` for a range without an even port, `AddrInUse` when all that were tried are taken, or what the system
    /// says.
    pub async fn bind(ip: IpAddr, ports: RangeInclusive<u16>) -> io::Result<Self> {
        let first = u32::from(*ports.start()).next_multiple_of(2).max(2);
        let last = u32::from(*ports.end());
        if first > last {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the range of RTP ports has no even port",
            ));
        }
        for port in candidates(first, last, rand::random()) {
            match UdpSocket::bind((ip, port)).await {
                Ok(udp) => return Ok(Self { addr: udp.local_addr()?, udp }),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, "the RTP ports of the range are taken"))
    }

    /// The address it is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }
}

/// Ports tried at most. Of a range that is nine tenths taken one of these is free but for one time in 10¹¹.
const MOST_TRIES: u32 = 256;
/// A prime above the number of even ports, so that steps of this length meet each of them once, and not in a row: calls that
/// began together hold ports that lie together no more than others.
const STRIDE: u32 = 40_009;

/// The even ports to try between `first` (even) and `last`, beginning at the `start`-th of them.
fn candidates(first: u32, last: u32, start: u32) -> impl Iterator<Item = u16> {
    let count = (last - first) / 2 + 1;
    (0..count.min(MOST_TRIES)).map(move |n| (first + (start % count + n * STRIDE) % count * 2) as u16)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn each_socket_gets_its_own_even_port() {
        // A range of its own, above the system's: nobody else may take the port while it is free.
        let first = RtpSocket::bind(LOOPBACK, 61_001..=65_535).await.unwrap();
        let port = first.local_addr().port();
        assert!(port.is_multiple_of(2) && (61_001..=65_535).contains(&port), "{port}");
        let error = RtpSocket::bind(LOOPBACK, port..=port + 1).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        drop(first);
        assert_eq!(RtpSocket::bind(LOOPBACK, port..=port + 1).await.unwrap().local_addr().port(), port);
    }

    #[test]
    fn a_search_meets_each_port_once_and_ends_soon() {
        for (first, last) in [(2, 2), (4000, 4001), (4000, 4010), (4000, 4511), (20_000, 39_999), (2, 65_535)]
        {
            let tried: Vec<u16> = candidates(first, last, u32::MAX - 1).collect();
            let different: BTreeSet<u16> = tried.iter().copied().collect();
            assert_eq!(different.len(), tried.len(), "{first} to {last}");
            assert!(tried.iter().all(|port| port % 2 == 0 && (first..=last).contains(&u32::from(*port))));
            assert_eq!(tried.len() as u32, ((last - first) / 2 + 1).min(MOST_TRIES), "{first} to {last}");
        }
    }

    #[tokio::test]
    async fn a_range_without_an_even_port_is_refused() {
        for range in [4001..=4001, RangeInclusive::new(5000, 4000), 0..=1] {
            let error = RtpSocket::bind(LOOPBACK, range).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }
}
