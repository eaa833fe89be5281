//! Ports of 127.0.0.1 for the servers of tests.

use std::{
    hash::{BuildHasher, RandomState},
    net::{Ipv4Addr, TcpListener, UdpSocket},
    ops::Range,
    sync::{
        LazyLock,
        atomic::{AtomicU16, Ordering},
    },
};

/// Below the kernel's ephemeral range (32768 and up): a client that keeps trying to reach a server that was stopped would
/// otherwise be given the server's own port sooner or later, and even be connected to itself. And below all ports for
/// RTP.
const PORTS: Range<u16> = 2_000..10_000;
/// A port comes with the three above it, for sipp's audio.
const BLOCK: u16 = 4;

/// How far into the range this test program has come. Other test programs run beside it, so each begins elsewhere.
static TAKEN: LazyLock<AtomicU16> =
    LazyLock::new(|| AtomicU16::new(RandomState::new().hash_one(std::process::id()) as u16 / BLOCK * BLOCK));

/// An even port that nobody uses, neither by TCP nor by UDP, and that nobody else in this test program is given. Another
/// program may take it before its user does, so whoever starts a server on it tries again with another.
pub fn free_port() -> u16 {
    for _ in 0..PORTS.len() as u16 / BLOCK {
        let port = PORTS.start + TAKEN.fetch_add(BLOCK, Ordering::Relaxed) % PORTS.len() as u16;
        if is_free(port) {
            return port;
        }
    }
    panic!("no port of {PORTS:?} is free for both TCP and UDP");
}

fn is_free(port: u16) -> bool {
    let udp = |port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && (port..port + BLOCK).all(udp)
}
