//! RTP packets (RFC 3550 §5.1) and the bookkeeping of their sequence numbers (appendix A.1).

/// Bytes of the fixed header.
pub(super) const HEADER: usize = 12;

/// What we use of a received packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a datagram; `None` for anything that is not a whole RTP packet. CSRC list, header extension and padding are skipped.
    pub fn parse(datagram: &'a [u8]) -> Option<Self> {
        let (header, mut rest) = datagram.split_at_checked(HEADER)?;
        if header[0] >> 6 != 2 {
            return None;
        }
        rest = rest.get(usize::from(header[0] & 0x0f) * 4..)?;
        if header[0] & 0x10 != 0 {
            let words = u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?]);
            rest = rest.get(4 + usize::from(words) * 4..)?;
        }
        if header[0] & 0x20 != 0 {
            let padding = usize::from(*rest.last()?);
            if padding == 0 {
                return None;
            }
            rest = rest.get(..rest.len().checked_sub(padding)?)?;
        }
        Some(Self {
            payload_type: header[1] & 0x7f,
            sequence: u16::from_be_bytes([header[2], header[3]]),
            timestamp: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
            ssrc: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
            payload: rest,
        })
    }
}

/// A header without CSRC, extension or padding.
pub(super) fn header(
    payload_type: u8,
    marker: bool,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[0] = 2 << 6;
    header[1] = payload_type | if marker { 0x80 } else { 0 };
    header[2..4].copy_from_slice(&sequence.to_be_bytes());
    header[4..8].copy_from_slice(&timestamp.to_be_bytes());
    header[8..12].copy_from_slice(&ssrc.to_be_bytes());
    header
}

/// How a packet stands to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// First of a source, or of a source that began anew.
    Fresh,
    /// Newer than all before.
    Newer,
    /// Older than the newest, but not seen yet.
    Late,
    /// Seen already, or so far off that it cannot belong here.
    Useless,
}

/// A jump forward beyond this is a restart, not loss (RFC 3550 A.1, MAX_DROPOUT).
const MAX_DROPOUT: u16 = 3000;
/// Packets this far behind the newest are remembered, to tell late ones from duplicates.
const WINDOW: u16 = 64;

/// Counts packets of one source at a time; a new SSRC or a restart begins a new count.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    ssrc: u32,
    started: bool,
    newest: u16,
    /// Bit n: the packet n before `newest` has come.
    seen: u64,
    /// What `newest + 1` would be if a packet out of range turned out to be a restart.
    restart: Option<u16>,
    expected: u64,
    received: u64,
    lost_before: u64,
}

impl Sequence {
    /// Takes note of a packet.
    pub fn arrived(&mut self, ssrc: u32, sequence: u16) -> Arrival {
        if !self.started || ssrc != self.ssrc {
            return self.begin(ssrc, sequence);
        }
        let ahead = sequence.wrapping_sub(self.newest);
        let behind = self.newest.wrapping_sub(sequence);
        if (1..MAX_DROPOUT).contains(&ahead) {
            self.seen = self.seen.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
            self.newest = sequence;
            self.expected += u64::from(ahead);
            self.received += 1;
            self.restart = None;
            return Arrival::Newer;
        }
        if behind < WINDOW {
            let bit = 1 << behind;
            if self.seen & bit != 0 {
                return Arrival::Useless;
            }
            self.seen |= bit;
            // What was sent before the very first packet was never expected.
            if u64::from(behind) < self.expected {
                self.received += 1;
            }
            return Arrival::Late;
        }
        if self.restart == Some(sequence) {
            return self.begin(ssrc, sequence);
        }
        self.restart = Some(sequence.wrapping_add(1));
        Arrival::Useless
    }

    /// Packets that never came, so far.
    pub fn lost(&self) -> u64 {
        self.lost_before + self.expected.saturating_sub(self.received)
    }

    fn begin(&mut self, ssrc: u32, sequence: u16) -> Arrival {
        *self = Self {
            ssrc,
            started: true,
            newest: sequence,
            seen: 1,
            restart: None,
            expected: 1,
            received: 1,
            lost_before: self.lost(),
        };
        Arrival::Fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_header_reads_back() {
        let mut datagram = header(8, true, 65535, 0xdead_beef, 7).to_vec();
        datagram.extend([1, 2, 3]);
        let expected =
            Packet { payload_type: 8, sequence: 65535, timestamp: 0xdead_beef, ssrc: 7, payload: &[1, 2, 3] };
        assert_eq!(Packet::parse(&datagram), Some(expected));
    }

    #[test]
    fn csrc_extension_and_padding_are_skipped() {
        let mut datagram = header(0, false, 1, 2, 3).to_vec();
        datagram[0] |= 0x20 | 0x10 | 2; // padding, extension, two CSRCs
        datagram.extend([0; 8]);
        datagram.extend([0xbe, 0xde, 0, 1, 9, 9, 9, 9]);
        datagram.extend([42, 43]);
        datagram.extend([0, 0, 3]);
        assert_eq!(Packet::parse(&datagram).unwrap().payload, [42, 43]);
        for length in 0..datagram.len() - 3 {
            let cut = &datagram[..length];
            assert_ne!(Packet::parse(cut).map(|p| p.payload.to_vec()), Some(vec![42, 43]), "{length}");
        }
        let last = datagram.len() - 1;
        datagram[last] = 200;
        assert_eq!(Packet::parse(&datagram), None, "padding longer than the packet");
    }

    #[test]
    fn loss_reorder_and_duplicates_across_the_wrap() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.arrived(1, 65533), Arrival::Fresh);
        assert_eq!(sequence.arrived(1, 65535), Arrival::Newer);
        assert_eq!(sequence.lost(), 1);
        assert_eq!(sequence.arrived(1, 2), Arrival::Newer);
        assert_eq!(sequence.lost(), 3);
        assert_eq!(sequence.arrived(1, 65534), Arrival::Late);
        assert_eq!(sequence.arrived(1, 65534), Arrival::Useless);
        assert_eq!(sequence.arrived(1, 2), Arrival::Useless);
        assert_eq!(sequence.lost(), 2);
        assert_eq!(sequence.arrived(1, 65532), Arrival::Late);
        assert_eq!(sequence.lost(), 2, "sent before the first");
    }

    #[test]
    fn a_restart_needs_two_packets_in_a_row_and_keeps_the_losses() {
        let mut sequence = Sequence::default();
        sequence.arrived(1, 10);
        sequence.arrived(1, 13);
        assert_eq!(sequence.arrived(1, 30_000), Arrival::Useless);
        assert_eq!(sequence.arrived(1, 14), Arrival::Newer);
        assert_eq!(sequence.arrived(1, 30_000), Arrival::Useless);
        assert_eq!(sequence.arrived(1, 30_001), Arrival::Fresh);
        assert_eq!(sequence.arrived(2, 5), Arrival::Fresh);
        assert_eq!(sequence.lost(), 2);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some(packet) = Packet::parse(&bytes) {
                prop_assert!(packet.payload.len() + HEADER <= bytes.len());
            }
        }

        /// Whatever order and repetition the network chooses within the window, exactly the missing ones count as lost.
        #[test]
        fn lost_is_what_never_came(start in any::<u16>(), missing in proptest::collection::hash_set(1u16..40, 0..20), seed in any::<u64>()) {
            let mut order: Vec<u16> = (1..40).filter(|n| !missing.contains(n)).collect();
            let mut state = seed | 1;
            for i in (1..order.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                order.swap(i, (state >> 33) as usize % (i + 1));
            }
            let mut sequence = Sequence::default();
            sequence.arrived(1, start);
            for n in order.iter().chain(&order) {
                sequence.arrived(1, start.wrapping_add(*n));
            }
            sequence.arrived(1, start.wrapping_add(40));
            prop_assert_eq!(sequence.lost(), missing.len() as u64);
        }

        #[test]
        fn any_sequence_is_survived(packets in proptest::collection::vec((0u32..3, any::<u16>()), 0..200)) {
            let mut sequence = Sequence::default();
            for (ssrc, number) in packets {
                sequence.arrived(ssrc, number);
            }
            prop_assert!(sequence.lost() < 200 * u64::from(MAX_DROPOUT));
        }
    }
}
