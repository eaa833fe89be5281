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
    /// right after its call, while the last call's stragglers may still arrive.
    ///
    /// # Errors
    /// `InvalidInput` for a range without an even port, `AddrInUse` when all are taken, or what the system says.
    pub async fn bind(ip: IpAddr, ports: RangeInclusive<u16>) -> io::Result<Self> {
        let first = u32::from(*ports.start()).next_multiple_of(2).max(2);
        let last = u32::from(*ports.end());
        if first > last {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the range of RTP ports has no even port",
            ));
        }
        let count = (last - first) / 2 + 1;
        let start = rand::random::<u32>() % count;
        for n in 0..count {
            let port = first + (start + n) % count * 2;
            match UdpSocket::bind((ip, port as u16)).await {
                Ok(udp) => return Ok(Self { addr: udp.local_addr()?, udp }),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, "all RTP ports of the range are taken"))
    }

    /// The address it is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn each_socket_gets_its_own_even_port() {
        let first = RtpSocket::bind(LOOPBACK, 20_001..=29_999).await.unwrap();
        let port = first.local_addr().port();
        assert!(port.is_multiple_of(2) && (20_001..=29_999).contains(&port), "{port}");
        let error = RtpSocket::bind(LOOPBACK, port..=port + 1).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        drop(first);
        assert_eq!(RtpSocket::bind(LOOPBACK, port..=port + 1).await.unwrap().local_addr().port(), port);
    }

    #[tokio::test]
    async fn a_range_without_an_even_port_is_refused() {
        for range in [4001..=4001, RangeInclusive::new(5000, 4000), 0..=1] {
            let error = RtpSocket::bind(LOOPBACK, range).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }
}
