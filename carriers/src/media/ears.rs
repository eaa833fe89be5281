//! The callee's audio for an agent: µ-law, 20 ms at a time, on our clock and without holes.
//!
//! Packets come late, in bursts, or not at all while a phone suppresses silence. An agent gets a frame each 20 ms all the same, so that
//! its own clock, and what listens for pauses, need not know of networks.

use std::collections::VecDeque;

use super::{Codec, FRAME};

/// What is heard ahead of time before the first frame is given: 40 ms, which hides the usual jitter.
const RESERVE: usize = 2 * FRAME;
/// More than this is not kept, for it would stay as delay: 200 ms.
const MOST: usize = 10 * FRAME;
/// So many frames are looked at to see whether more waits than is needed: two seconds.
const LOOK: u32 = 100;
/// A packet this far ahead, in samples, begins a new time line: 1 s.
const AHEAD: i32 = 8_000;
/// Silence in µ-law.
const SILENCE: u8 = 0xff;

/// A jitter buffer.
#[derive(Debug)]
pub(super) struct Ears {
    ulaw: VecDeque<u8>,
    /// The RTP timestamp of the first sample in the buffer, once there is a time line.
    base: Option<u32>,
    /// Enough was there to begin.
    running: bool,
    /// The least that was left after a frame, of the last so many frames.
    least: usize,
    looked_at: u32,
}

impl Default for Ears {
    fn default() -> Self {
        Self {
            ulaw: VecDeque::with_capacity(MOST + FRAME),
            base: None,
            running: false,
            least: usize::MAX,
            looked_at: 0,
        }
    }
}

impl Ears {
    /// The callee's clock has begun anew.
    pub fn restart(&mut self) {
        self.base = None;
    }

    /// Takes a packet: its RTP timestamp, and its audio as it came and as PCM.
    pub fn hear(&mut self, timestamp: u32, codec: Codec, payload: &[u8], pcm: &[i16]) {
        let Some(start) = self.place(timestamp, pcm.len()) else { return };
        for (n, sample) in pcm.iter().enumerate() {
            let byte = match codec {
                Codec::Pcmu => payload.get(n).copied().unwrap_or(SILENCE),
                Codec::Pcma => Codec::Pcmu.encode(*sample),
            };
            match usize::try_from(start + n as i32) {
                Ok(position) if position < self.ulaw.len() => self.ulaw[position] = byte,
                Ok(_) => self.ulaw.push_back(byte),
                Err(_) => {} // that moment has passed
            }
        }
        self.shorten();
    }

    /// The next 20 ms; silence while nothing is there.
    pub fn frame(&mut self) -> [u8; FRAME] {
        self.running |= self.ulaw.len() >= RESERVE;
        let mut frame = [SILENCE; FRAME];
        if !self.running {
            return frame;
        }
        let count = self.ulaw.len().min(FRAME);
        for (to, from) in frame.iter_mut().zip(self.ulaw.drain(..count)) {
            *to = from;
        }
        // Time goes on where nothing has come.
        self.base = self.base.map(|base| base.wrapping_add(FRAME as u32));
        self.catch_up();
        frame
    }

    /// What was never needed in two seconds is delay that a stall or a burst has left behind: it goes, the oldest first.
    fn catch_up(&mut self) {
        (self.least, self.looked_at) = (self.least.min(self.ulaw.len()), self.looked_at + 1);
        if self.looked_at < LOOK {
            return;
        }
        if let Some(surplus) = self.least.checked_sub(RESERVE).filter(|surplus| *surplus > 0) {
            self.drop_oldest(surplus);
        }
        (self.least, self.looked_at) = (usize::MAX, 0);
    }

    fn drop_oldest(&mut self, samples: usize) {
        self.ulaw.drain(..samples);
        self.base = self.base.map(|base| base.wrapping_add(samples as u32));
    }

    /// Where in the buffer a packet begins, with silence before it where others are missing. Nothing for one that is older than what has
    /// been given already while newer ones wait.
    fn place(&mut self, timestamp: u32, length: usize) -> Option<i32> {
        let base = *self.base.get_or_insert(timestamp.wrapping_sub(self.ulaw.len() as u32));
        let start = timestamp.wrapping_sub(base) as i32;
        let is_over = start.saturating_add(length as i32) <= 0;
        if is_over && !self.ulaw.is_empty() {
            return None;
        }
        if is_over || start > AHEAD {
            // The way has become longer, or the sender's clock has jumped: its time line is laid anew, with a reserve.
            self.ulaw.resize(self.ulaw.len().max(FRAME), SILENCE);
            self.base = Some(timestamp.wrapping_sub(self.ulaw.len() as u32));
            return Some(self.ulaw.len() as i32);
        }
        if let Ok(start) = usize::try_from(start)
            && start > self.ulaw.len()
        {
            self.ulaw.resize(start, SILENCE);
        }
        Some(start)
    }

    /// Throws away the oldest where too much waits.
    fn shorten(&mut self) {
        if self.ulaw.len() > MOST {
            self.drop_oldest(self.ulaw.len() - RESERVE);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A packet of one value.
    fn hear(ears: &mut Ears, timestamp: u32, byte: u8) {
        ears.hear(timestamp, Codec::Pcmu, &[byte; FRAME], &[0; FRAME]);
    }

    fn firsts(ears: &mut Ears, count: usize) -> Vec<u8> {
        (0..count).map(|_| ears.frame()[0]).collect()
    }

    #[test]
    fn it_begins_with_a_reserve_and_keeps_the_order() {
        let mut ears = Ears::default();
        hear(&mut ears, u32::MAX - 159, 1);
        assert_eq!(firsts(&mut ears, 1), [SILENCE]);
        hear(&mut ears, 160, 3); // across the wrap, and before its time
        hear(&mut ears, 0, 2);
        assert_eq!(firsts(&mut ears, 4), [1, 2, 3, SILENCE]);
    }

    #[test]
    fn a_lost_packet_is_a_gap_and_no_shift() {
        let mut ears = Ears::default();
        for (n, byte) in [(0, 1), (1, 2), (3, 4), (4, 5)] {
            hear(&mut ears, n * 160, byte);
        }
        assert_eq!(firsts(&mut ears, 6), [1, 2, SILENCE, 4, 5, SILENCE]);
    }

    #[test]
    fn silence_that_was_not_sent_takes_its_time() {
        let mut ears = Ears::default();
        hear(&mut ears, 0, 1);
        hear(&mut ears, 160, 2);
        assert_eq!(firsts(&mut ears, 5), [1, 2, SILENCE, SILENCE, SILENCE]);
        hear(&mut ears, 6 * 160, 3);
        hear(&mut ears, 7 * 160, 4);
        assert_eq!(firsts(&mut ears, 3), [SILENCE, 3, 4]);
    }

    #[test]
    fn a_way_that_becomes_longer_is_followed() {
        let mut ears = Ears::default();
        hear(&mut ears, 0, 1);
        hear(&mut ears, 160, 2);
        assert_eq!(firsts(&mut ears, 5), [1, 2, SILENCE, SILENCE, SILENCE]);
        let mut heard = Vec::new();
        for n in 2..8 {
            hear(&mut ears, n * 160, n as u8 + 1);
            heard.extend(firsts(&mut ears, 1));
        }
        assert_eq!(heard, [SILENCE, 3, 4, 5, 6, 7], "all of it, later");
    }

    #[test]
    fn a_burst_leaves_no_delay_and_a_restart_no_gap() {
        let mut ears = Ears::default();
        for n in 0..40 {
            hear(&mut ears, n * 160, n as u8);
        }
        let heard = firsts(&mut ears, 12);
        assert_eq!(
            heard.iter().filter(|byte| **byte == 39).count(),
            1,
            "the newest is among them: {heard:?}"
        );
        ears.restart();
        hear(&mut ears, 0xdead_0000, 77);
        assert_eq!(firsts(&mut ears, 1), [77]);
        hear(&mut ears, 0xdead_0000 + 100_000, 78);
        assert_eq!(firsts(&mut ears, 2), [SILENCE, 78], "its clock has jumped");
    }

    #[test]
    fn delay_that_a_stall_leaves_is_gone_in_two_seconds() {
        let mut ears = Ears::default();
        let mut next = 0;
        let mut tick = |ears: &mut Ears, packets: u32, frames: usize| {
            for _ in 0..packets {
                hear(ears, next * 160, 1);
                next += 1;
            }
            firsts(ears, frames);
            ears.ulaw.len()
        };
        tick(&mut ears, 2, 1);
        assert_eq!(tick(&mut ears, 7, 1), 7 * FRAME, "our clock has stood still for a moment");
        let levels: Vec<usize> = (0..2 * LOOK).map(|_| tick(&mut ears, 1, 1)).collect();
        assert_eq!(levels.last(), Some(&RESERVE));
        assert!(levels[..90].iter().all(|level| *level == 7 * FRAME), "nothing is left out at once");
    }

    proptest! {
        /// Whatever comes, memory is bounded and each tick has a frame.
        #[test]
        fn any_packets_are_survived(packets in proptest::collection::vec((any::<u32>(), 0usize..1400, any::<bool>()), 0..60)) {
            let mut ears = Ears::default();
            for (timestamp, length, near) in packets {
                let timestamp = if near { timestamp % 4000 } else { timestamp };
                ears.hear(timestamp, Codec::Pcma, &vec![0; length], &vec![0; length]);
                prop_assert!(ears.ulaw.len() <= MOST);
                ears.frame();
            }
        }
    }
}
