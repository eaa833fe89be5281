//! Puts both directions of a call on one time line and hands them to the disk as stereo.
//!
//! Memory does not grow with the call: what is older than the jitter window goes to [`RecordingFile`] second by second.

use std::{collections::VecDeque, path::PathBuf};

use super::{FRAME, recording_file::RecordingFile};

/// How late a packet may come and still find its place: 20 frames, 400 ms.
const LATE: u64 = 20 * FRAME as u64;
/// How far ahead of our own clock a burst may reach before we take it for a jump of the sender's clock: 1 s.
const AHEAD: u64 = 50 * FRAME as u64;
/// Samples of the callee kept at most.
const RING: u64 = LATE + AHEAD;
/// Bytes of one write: a second of stereo.
const BLOCK: usize = 8000 * 4;
/// Packets in a row that came too late before the time line is laid anew.
const PATIENCE: u32 = 25;

/// One recording in the making.
#[derive(Debug)]
pub(super) struct Recorder {
    file: RecordingFile,
    /// Ring of the callee's samples, silent where nothing has come.
    callee: Vec<i16>,
    /// Our samples that are not on their way to the disk yet.
    ours: VecDeque<i16>,
    /// Position, in samples since the beginning, of the first sample not handed over yet.
    handed_over: u64,
    /// Position of our own next sample: what time it is.
    now: u64,
    anchor: Option<Anchor>,
    too_late: u32,
    block: Vec<u8>,
}

/// Where on the time line an RTP timestamp of the callee lies.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    timestamp: u32,
    position: i64,
}

impl Recorder {
    /// Begins a recording that will stand at `path` once finished.
    pub fn new(path: PathBuf) -> Self {
        Self {
            file: RecordingFile::create(path),
            callee: vec![0; RING as usize],
            ours: VecDeque::with_capacity(LATE as usize + FRAME),
            handed_over: 0,
            now: 0,
            anchor: None,
            too_late: 0,
            block: Vec::with_capacity(BLOCK),
        }
    }

    /// The callee's clock has begun anew: the next packet is placed at the present moment.
    pub fn restart(&mut self) {
        self.anchor = None;
    }

    /// Places what the callee sent by its RTP timestamp. What is later than the jitter window is left out.
    pub fn heard(&mut self, timestamp: u32, pcm: &[i16]) {
        let mut start = self.position(timestamp);
        if start + pcm.len() as i64 > (self.now + AHEAD) as i64 {
            start = self.lay_anew(timestamp);
        } else if start < self.handed_over as i64 {
            self.too_late += 1;
            if self.too_late >= PATIENCE {
                start = self.lay_anew(timestamp);
            }
        } else {
            self.too_late = 0;
        }
        for (position, &sample) in (start..).zip(pcm) {
            if (self.handed_over as i64..(self.handed_over + RING) as i64).contains(&position) {
                self.callee[(position as u64 % RING) as usize] = sample;
            }
        }
    }

    /// Takes what we sent in one frame; moves the present moment on by its length.
    pub fn said(&mut self, pcm: &[i16]) {
        self.ours.extend(pcm);
        self.now += pcm.len() as u64;
        while self.now - self.handed_over > LATE {
            self.hand_over();
        }
    }

    /// Writes what is left and puts the file in its place. False if the recording could not be kept; the cause is logged.
    pub async fn finish(mut self) -> bool {
        while self.handed_over < self.now {
            self.hand_over();
        }
        self.file.append(std::mem::take(&mut self.block));
        self.file.finish().await
    }

    fn position(&mut self, timestamp: u32) -> i64 {
        let Some(anchor) = self.anchor else { return self.lay_anew(timestamp) };
        // Signed, so that it works backwards too and across the wrap of the 32 bits.
        let since = timestamp.wrapping_sub(anchor.timestamp) as i32;
        let position = anchor.position + i64::from(since);
        if since > 0 {
            self.anchor = Some(Anchor { timestamp, position });
        }
        position
    }

    fn lay_anew(&mut self, timestamp: u32) -> i64 {
        self.too_late = 0;
        let position = self.now as i64;
        self.anchor = Some(Anchor { timestamp, position });
        position
    }

    /// Moves the oldest sample of both sides into the block.
    fn hand_over(&mut self) {
        let slot = (self.handed_over % RING) as usize;
        let callee = std::mem::take(&mut self.callee[slot]);
        let ours = self.ours.pop_front().unwrap_or(0);
        self.block.extend(callee.to_le_bytes());
        self.block.extend(ours.to_le_bytes());
        self.handed_over += 1;
        if self.block.len() >= BLOCK {
            let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
            self.file.append(block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Left and right channel of a finished recording.
    fn channels(path: &std::path::Path) -> (Vec<i16>, Vec<i16>) {
        let samples: Vec<i16> =
            hound::WavReader::open(path).unwrap().into_samples().collect::<Result<_, _>>().unwrap();
        (samples.iter().step_by(2).copied().collect(), samples.iter().skip(1).step_by(2).copied().collect())
    }

    /// Records `frames` frames of ours (all 7) while `packets` (arrival frame, timestamp, value) come in; gives the callee's frames.
    async fn record(frames: u32, packets: &[(u32, u32, i16)]) -> Vec<i16> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("call.wav");
        let mut recorder = Recorder::new(path.clone());
        for frame in 0..frames {
            for &(_, timestamp, value) in packets.iter().filter(|packet| packet.0 == frame) {
                recorder.heard(timestamp, &[value; FRAME]);
            }
            recorder.said(&[7; FRAME]);
        }
        assert!(recorder.finish().await);
        let (left, right) = channels(&path);
        assert_eq!(right, vec![7; frames as usize * FRAME]);
        assert_eq!(left.len(), right.len());
        left.chunks(FRAME)
            .map(|frame| {
                assert!(frame.iter().all(|s| *s == frame[0]), "a packet was split");
                frame[0]
            })
            .collect()
    }

    #[tokio::test]
    async fn reordered_packets_fall_into_place_and_gaps_are_silent() {
        let base = u32::MAX - 200; // wraps after one frame
        let at = |n: u32| base.wrapping_add(n * 160);
        let left = record(8, &[(1, at(0), 1), (2, at(2), 3), (3, at(1), 2), (5, at(4), 5)]).await;
        assert_eq!(left, [0, 1, 2, 3, 0, 5, 0, 0]);
    }

    #[tokio::test]
    async fn a_packet_later_than_the_window_is_left_out() {
        let left = record(40, &[(0, 0, 1), (19, 160, 2), (30, 480, 4)]).await;
        assert_eq!(left[..4], [1, 2, 0, 0]);
        assert!(left[4..].iter().all(|value| *value == 0));
    }

    #[tokio::test]
    async fn a_jump_of_the_senders_clock_does_not_lose_what_follows() {
        let left = record(60, &[(0, 0, 1), (10, 4_000_000, 2), (11, 4_000_160, 3)]).await;
        assert_eq!((left[0], left[10], left[11]), (1, 2, 3));
        let mut backwards: Vec<_> = (0..30).map(|n| (10 + n, 1_000_000 + n * 160, 9)).collect();
        backwards.insert(0, (0, 5_000_000, 1));
        let left = record(60, &backwards).await;
        assert_eq!(left[0], 1);
        assert!(left[35..39].iter().all(|value| *value == 9), "{left:?}");
    }

    #[tokio::test]
    async fn a_long_call_is_written_whole() {
        let packets: Vec<_> = (0..500).map(|n| (n, n * 160, n as i16 + 1)).collect();
        let left = record(500, &packets).await;
        assert_eq!(left, (1..=500).collect::<Vec<i16>>());
    }

    #[tokio::test]
    async fn memory_stays_bounded_whatever_the_timestamps() {
        let folder = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::new(folder.path().join("call.wav"));
        for n in 0..2000u32 {
            recorder.heard(n.wrapping_mul(0x9e37_79b9), &[1; FRAME]);
            recorder.said(&[0; FRAME]);
            assert!(recorder.callee.len() as u64 == RING && recorder.ours.len() as u64 <= LATE);
        }
        assert!(recorder.finish().await);
    }
}
