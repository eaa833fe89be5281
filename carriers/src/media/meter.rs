//! A callee that measures: it sends numbered audio to somebody who says what they hear, and judges what comes back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Codec, FRAME, MediaReport, Remote, RtpSocket, mark,
    rtp::{self, Arrival, Packet, Sequence},
    session::{DATAGRAM, PACE, steady_clock},
};

/// A silence between two packets that a phone with 40 ms in reserve hears.
pub const GAP: Duration = Duration::from_millis(40);
/// Longest delay that is told apart from longer ones, in milliseconds.
const LONGEST_DELAY: usize = 5_000;

/// What the callees of a peer have heard, of all their calls together, while the meter was open.
#[derive(Debug, Default)]
pub struct Meter {
    open: AtomicBool,
    /// Calls that hear themselves now.
    talking: AtomicU64,
    heard: Mutex<Heard>,
}

/// The figures of a [`Meter`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Heard {
    /// Packets sent: 20 ms of numbered audio each.
    pub sent: u64,
    /// Packets received.
    pub received: u64,
    /// Packets that never came, by their RTP sequence numbers.
    pub lost: u64,
    /// Received packets without anything of the far end in them: nothing was there to be played.
    pub underruns: u64,
    /// Received packets that the far end filled because it had heard nothing of us.
    pub unheard: u64,
    /// Numbers that did not come back, though later ones did.
    pub skipped: u64,
    /// Times between two packets above [`GAP`].
    pub gaps: u64,
    /// The longest time between two packets, in milliseconds.
    pub longest_gap_ms: u64,
    /// Packets that were sent more than 20 ms late: the machine, not who is measured.
    pub late: u64,
    /// How many numbers came back after so many milliseconds; the last counts all longer delays.
    pub delays: Vec<u64>,
}

impl Meter {
    /// Begins to count, or ends it.
    pub fn open(&self, open: bool) {
        self.open.store(open, Ordering::Relaxed);
    }

    /// Whether it counts.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// How many calls have heard themselves and are not over.
    pub fn talking(&self) -> u64 {
        self.talking.load(Ordering::Relaxed)
    }

    /// What the calls have heard that are over.
    pub fn heard(&self) -> Heard {
        self.heard.lock().clone()
    }
}

impl Heard {
    /// The delay in milliseconds that so large a share of all did not exceed; none where nothing came back.
    pub fn delay(&self, share: f64) -> Option<u64> {
        let all: u64 = self.delays.iter().sum();
        let rank = ((all as f64 * share).ceil() as u64).max(1);
        let mut so_far = 0;
        let found = self.delays.iter().position(|count| {
            so_far += count;
            so_far >= rank
        });
        found.map(|ms| ms as u64)
    }

    fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.received += other.received;
        self.lost += other.lost;
        self.underruns += other.underruns;
        self.unheard += other.unheard;
        self.skipped += other.skipped;
        self.gaps += other.gaps;
        self.longest_gap_ms = self.longest_gap_ms.max(other.longest_gap_ms);
        self.late += other.late;
        self.delays.resize(self.delays.len().max(other.delays.len()), 0);
        self.delays.iter_mut().zip(&other.delays).for_each(|(sum, count)| *sum += count);
    }
}

/// Talks and judges until `stop`, in the place of [`super::run`].
pub(crate) async fn measure(
    socket: RtpSocket,
    remote: Remote,
    meter: Arc<Meter>,
    stop: CancellationToken,
) -> MediaReport {
    let mut callee = Callee::new(remote, meter);
    let (mut clock, mut datagram) = (steady_clock(), [0; DATAGRAM]);
    let mut receiving = true;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return callee.report(),
            due = clock.tick() => {
                receiving = true;
                let packet = callee.next_packet(due);
                // What the system does not take is lost, and is missed when it does not come back.
                let _ = socket.udp.send_to(&packet, remote.addr).await;
            }
            received = socket.udp.recv_from(&mut datagram), if receiving => match received {
                Ok((length, _)) => callee.hear(&datagram[..length], Instant::now()),
                // About an earlier datagram; the next tick tries again.
                Err(_) => receiving = false,
            },
        }
    }
}

/// One call.
struct Callee {
    meter: Arc<Meter>,
    codec: Codec,
    ssrc: u32,
    /// Packets sent, whether counted or not, and when the last ones were, by their numbers.
    packets: u64,
    sent_at: Vec<Option<Instant>>,
    sequence: Sequence,
    /// How many were lost before the meter was open.
    lost_before: Option<u64>,
    /// The last number that came back.
    last: Option<u16>,
    arrived: Option<Instant>,
    received: u64,
    heard: Heard,
}

impl Callee {
    fn new(remote: Remote, meter: Arc<Meter>) -> Self {
        let heard = Heard { delays: vec![0; LONGEST_DELAY + 1], ..Heard::default() };
        Self {
            meter,
            codec: remote.codec,
            ssrc: rand::random(),
            packets: 0,
            sent_at: vec![None; mark::NUMBERS.into()],
            sequence: Sequence::default(),
            lost_before: None,
            last: None,
            arrived: None,
            received: 0,
            heard,
        }
    }

    /// `due`: when it was to be sent.
    fn next_packet(&mut self, due: Instant) -> Vec<u8> {
        let number = (self.packets % u64::from(mark::NUMBERS)) as u16;
        let (now, timestamp) = (Instant::now(), self.packets as u32 * FRAME as u32);
        self.sent_at[usize::from(number)] = Some(now);
        if self.meter.is_open() {
            self.heard.sent += 1;
            self.heard.late += u64::from(now - due > PACE);
        }
        let codec = self.codec;
        let payload_type = codec.payload_type();
        let mut packet =
            rtp::header(payload_type, self.packets == 0, self.packets as u16, timestamp, self.ssrc).to_vec();
        packet.extend(mark::write(number).map(|byte| match codec {
            Codec::Pcmu => byte,
            Codec::Pcma => codec.encode(Codec::Pcmu.decode(byte)),
        }));
        self.packets += 1;
        packet
    }

    fn hear(&mut self, datagram: &[u8], now: Instant) {
        let Some(packet) = Packet::parse(datagram) else { return };
        if packet.payload_type != self.codec.payload_type() {
            return;
        }
        if self.sequence.arrived(packet.ssrc, packet.sequence) == Arrival::Useless {
            return;
        }
        self.received += 1;
        let before = self.arrived.replace(now);
        let number = self.number(packet.payload);
        if self.last.is_none() {
            if number.is_none_or(|number| number == mark::FILLER) {
                return; // not handed over yet: the greeting, or silence
            }
            self.meter.talking.fetch_add(1, Ordering::Relaxed);
        }
        let last = self.last;
        self.last = number.filter(|number| *number != mark::FILLER).or(last);
        if !self.meter.is_open() {
            return;
        }
        self.heard.received += 1;
        self.lost_before.get_or_insert(self.sequence.lost());
        if let Some(gap) = before.map(|before| now - before) {
            self.heard.gaps += u64::from(gap > GAP);
            self.heard.longest_gap_ms = self.heard.longest_gap_ms.max(gap.as_millis() as u64);
        }
        match number {
            None => self.heard.underruns += 1,
            Some(mark::FILLER) => self.heard.unheard += 1,
            Some(number) => self.came_back(number, last, now),
        }
    }

    fn number(&self, payload: &[u8]) -> Option<u16> {
        match self.codec {
            Codec::Pcmu => mark::read(payload),
            Codec::Pcma => {
                let ulaw: Vec<u8> =
                    payload.iter().map(|byte| Codec::Pcmu.encode(self.codec.decode(*byte))).collect();
                mark::read(&ulaw)
            }
        }
    }

    fn came_back(&mut self, number: u16, last: Option<u16>, now: Instant) {
        if let Some(sent) = self.sent_at.get(usize::from(number)).copied().flatten() {
            let ms = (now - sent).as_millis() as usize;
            self.heard.delays[ms.min(LONGEST_DELAY)] += 1;
        }
        let ahead = last.map_or(1, |last| (number + mark::NUMBERS - last) % mark::NUMBERS);
        // Half the circle ahead is behind.
        if (2..mark::NUMBERS / 2).contains(&ahead) {
            self.heard.skipped += u64::from(ahead - 1);
        }
    }

    fn report(mut self) -> MediaReport {
        if self.last.is_some() {
            self.meter.talking.fetch_sub(1, Ordering::Relaxed);
        }
        let lost = self.sequence.lost();
        self.heard.lost = self.lost_before.map_or(0, |before| lost - before);
        self.meter.heard.lock().add(&self.heard);
        MediaReport { packets_in: self.received, packets_out: self.packets, lost, ..MediaReport::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Direction;

    fn callee() -> Callee {
        let remote = Remote {
            addr: ([127, 0, 0, 1], 9).into(),
            codec: Codec::Pcmu,
            direction: Direction::SendRecv,
            events: None,
        };
        let meter = Arc::new(Meter::default());
        meter.open(true);
        Callee::new(remote, meter)
    }

    /// What the far end plays: the audio of each slot, 20 ms apart unless `late`.
    struct FarEnd {
        callee: Callee,
        sequence: u16,
        now: Instant,
    }

    impl FarEnd {
        fn new() -> Self {
            Self { callee: callee(), sequence: 0, now: Instant::now() }
        }

        fn plays(&mut self, ulaw: &[u8], after: Duration) {
            self.now += after;
            let mut packet = rtp::header(0, false, self.sequence, 0, 1).to_vec();
            packet.extend(ulaw);
            self.sequence += 1;
            self.callee.hear(&packet, self.now);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_back_is_judged() {
        let mut far = FarEnd::new();
        let sent: Vec<Vec<u8>> = (0..6).map(|_| far.callee.next_packet(far.now)[12..].to_vec()).collect();
        let silence = [0xff; FRAME];
        far.plays(&silence, PACE); // the greeting
        far.plays(&mark::write(mark::FILLER), PACE);
        assert_eq!(far.callee.meter.talking(), 0);
        far.plays(&sent[0], PACE);
        assert_eq!(far.callee.meter.talking(), 1);
        far.plays(&sent[1], PACE);
        far.plays(&silence, PACE);
        far.plays(&mark::write(mark::FILLER), PACE);
        far.sequence += 1;
        far.plays(&sent[4], Duration::from_millis(41));
        let meter = far.callee.meter.clone();
        let report = far.callee.report();
        assert_eq!((report.packets_in, report.packets_out, report.lost), (7, 6, 1));
        let heard = meter.heard();
        let delays = heard.delays.clone();
        let expected = Heard {
            sent: 6,
            received: 5,
            lost: 1,
            underruns: 1,
            unheard: 1,
            skipped: 2,
            gaps: 1,
            longest_gap_ms: 41,
            late: 0,
            delays,
        };
        assert_eq!(heard, expected);
        assert_eq!([heard.delay(0.0), heard.delay(0.5), heard.delay(1.0)], [Some(60), Some(80), Some(161)]);
        assert_eq!(meter.talking(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_counted_while_it_is_closed() {
        let mut far = FarEnd::new();
        far.callee.meter.open(false);
        let sent = far.callee.next_packet(far.now)[12..].to_vec();
        far.plays(&sent, PACE);
        far.plays(&[0xff; FRAME], Duration::from_secs(1));
        let meter = far.callee.meter.clone();
        assert_eq!(meter.talking(), 1);
        drop(far.callee.report());
        assert_eq!(meter.heard().delay(0.5), None);
        assert_eq!(Heard { delays: Vec::new(), ..meter.heard() }, Heard::default());
    }
}
