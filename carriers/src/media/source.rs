//! Where the far end's audio comes from, and so where ours goes.

use std::{net::SocketAddr, time::Duration};

use tokio::time::Instant;

/// How long packets of a source that was left may still be on their way.
const STRAGGLERS: Duration = Duration::from_millis(500);

/// Whose packets count: those from the described address, or, until one of them comes, from whoever sent first.
#[derive(Debug)]
pub(super) struct Source {
    described: SocketAddr,
    followed: Option<SocketAddr>,
    /// The one before the far end moved, and when that was.
    left: Option<(SocketAddr, Instant)>,
}

impl Source {
    /// A far end that says it is there.
    pub fn new(described: SocketAddr) -> Self {
        Self { described, followed: None, left: None }
    }

    /// The far end describes itself anew. The same address again changes nothing: what is followed may be its NAT's.
    pub fn describe(&mut self, described: SocketAddr) {
        if described != self.described {
            let left = self.target().map(|left| (left, Instant::now()));
            *self = Self { left, ..Self::new(described) };
        }
    }

    /// Whether a packet from there is the far end's.
    pub fn accepts(&mut self, from: SocketAddr) -> bool {
        if from == self.described {
            self.followed = Some(from);
        }
        if self.followed.is_none() && self.is_straggler(from) {
            return false;
        }
        *self.followed.get_or_insert(from) == from
    }

    /// Where to send; nowhere while the far end has named no address (`c=0.0.0.0`) and sent nothing.
    pub fn target(&self) -> Option<SocketAddr> {
        self.followed.or_else(|| (!self.described.ip().is_unspecified()).then_some(self.described))
    }

    fn is_straggler(&self, from: SocketAddr) -> bool {
        self.left.is_some_and(|(left, at)| left == from && at.elapsed() < STRAGGLERS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        ([192, 0, 2, 1], port).into()
    }

    #[test]
    fn nothing_is_sent_to_an_address_nobody_named() {
        let mut source = Source::new("0.0.0.0:4000".parse().unwrap());
        assert_eq!(source.target(), None);
        assert!(source.accepts(at(9)));
        assert_eq!(source.target(), Some(at(9)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_far_end_that_moves_is_followed_and_what_it_left_is_not() {
        let mut source = Source::new(at(1));
        assert!(source.accepts(at(2)), "behind a NAT");
        source.describe(at(1));
        assert_eq!(source.target(), Some(at(2)), "a refresh moves nothing");
        source.describe(at(3));
        assert_eq!(source.target(), Some(at(3)));
        assert!(!source.accepts(at(2)), "still on its way");
        assert_eq!(source.target(), Some(at(3)));
        assert!(source.accepts(at(4)) && !source.accepts(at(2)), "the NAT's new port");
        assert_eq!(source.target(), Some(at(4)));
        // It may as well describe another address and go on sending from where it did.
        source.describe(at(5));
        tokio::time::advance(STRAGGLERS).await;
        assert!(source.accepts(at(4)));
        assert_eq!(source.target(), Some(at(4)));
    }
}
