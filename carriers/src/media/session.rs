//! One call's audio, from the answer to the end.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Interval, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use super::{
    Codec, FRAME, MediaReport, Remote, RtpSocket, Signals,
    beep::BeepDetector,
    dtmf::Keypad,
    recorder::Recorder,
    rtp::{self, Arrival, Packet, Sequence},
    source::Source,
};

/// Length of one packet of audio.
const PACE: Duration = Duration::from_millis(20);
/// Longest datagram we look at; an Ethernet frame carries no more.
const DATAGRAM: usize = 1500;

/// Plays `pcm` once from the start and silence afterwards, on a steady 20 ms clock, and listens; runs until `stop` fires.
///
/// `signals.played` is cancelled when `pcm` has been played to the end, `signals.beep` when a beep was heard. With `record`
/// both directions go to that file, stereo, the far end left; a disk that fails costs the recording, not the call.
///
/// Audio goes to where the far end's comes from (symmetric RTP, RFC 4961), which may differ from what its description says
/// when it sits behind a NAT; only the first source is followed, and the described one always wins.
///
/// `remote` is how the far end describes itself, and may change at any time (RFC 3264 §8). While it does not listen nothing
/// is sent, and `pcm` waits for it to come back.
pub async fn run(
    socket: RtpSocket,
    mut remote: watch::Receiver<Remote>,
    pcm: Arc<Vec<i16>>,
    record: Option<PathBuf>,
    signals: Signals,
    stop: CancellationToken,
) -> MediaReport {
    let described = *remote.borrow_and_update();
    let mut talker = Talker::new(described, pcm);
    let mut listener = Listener::new(described, record.map(Recorder::new));
    let mut clock = steady_clock();
    let mut datagram = [0; DATAGRAM];
    let mut receiving = true;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            // An error only says that nothing will change any more.
            Ok(()) = remote.changed() => {
                let described = *remote.borrow_and_update();
                talker.describe(described);
                listener.describe(described);
            }
            _ = clock.tick() => {
                receiving = true;
                let frame = talker.next_frame(&signals);
                if let Some(packet) = &frame.packet
                    && let Some(to) = listener.source.target()
                    && socket.udp.send_to(packet, to).await.is_ok()
                {
                    talker.sent += 1;
                }
                if let Some(recorder) = &mut listener.recorder {
                    recorder.said(&frame.pcm);
                }
            }
            received = socket.udp.recv_from(&mut datagram), if receiving => match received {
                Ok((length, from)) => {
                    if listener.datagram(&datagram[..length], from) {
                        signals.beep.cancel();
                    }
                }
                // The system's errors here are about earlier datagrams or pass by themselves; the next tick tries again.
                Err(_) => receiving = false,
            },
        }
    }
    listener.report(&talker).await
}

/// Ticks that were missed are caught up with, so that the far end's playout does not starve after a hiccup of ours.
fn steady_clock() -> Interval {
    let mut clock = tokio::time::interval(PACE);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    clock
}

/// Our direction.
struct Talker {
    codec: Codec,
    /// The far end does not listen.
    held: bool,
    pcm: Arc<Vec<i16>>,
    position: usize,
    played: bool,
    sent: u64,
    /// The next packet is the first, or the first after silence (RFC 3551 §4.1).
    first: bool,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
}

/// 20 ms as PCM, and as the packet that carries it, unless the far end does not listen.
struct Frame {
    pcm: [i16; FRAME],
    packet: Option<[u8; rtp::HEADER + FRAME]>,
}

impl Talker {
    fn new(remote: Remote, pcm: Arc<Vec<i16>>) -> Self {
        let (codec, held) = (remote.codec, !remote.direction.listens());
        // Random beginnings, as RFC 3550 §5.1 wants them.
        let (sequence, timestamp, ssrc) = (rand::random(), rand::random(), rand::random());
        Self { codec, held, pcm, position: 0, played: false, sent: 0, first: true, sequence, timestamp, ssrc }
    }

    fn describe(&mut self, remote: Remote) {
        (self.codec, self.held) = (remote.codec, !remote.direction.listens());
    }

    fn next_frame(&mut self, signals: &Signals) -> Frame {
        let pcm = if self.held { [0; FRAME] } else { self.next_pcm(signals) };
        let packet = (!self.held).then(|| self.packet(&pcm));
        // Time goes on also while nothing is sent (RFC 3550 §5.1).
        self.timestamp = self.timestamp.wrapping_add(FRAME as u32);
        self.first = self.held;
        Frame { pcm, packet }
    }

    fn next_pcm(&mut self, signals: &Signals) -> [i16; FRAME] {
        let rest = self.pcm.get(self.position..).unwrap_or_default();
        // Noticed one tick after the last frame went out, so that its 20 ms are over.
        if rest.is_empty() && !self.played {
            self.played = true;
            signals.played.cancel();
        }
        let mut pcm = [0; FRAME];
        let length = rest.len().min(FRAME);
        pcm[..length].copy_from_slice(&rest[..length]);
        self.position += length;
        pcm
    }

    fn packet(&mut self, pcm: &[i16; FRAME]) -> [u8; rtp::HEADER + FRAME] {
        let mut packet = [0; rtp::HEADER + FRAME];
        let (header, payload) = packet.split_at_mut(rtp::HEADER);
        header.copy_from_slice(&rtp::header(
            self.codec.payload_type(),
            self.first,
            self.sequence,
            self.timestamp,
            self.ssrc,
        ));
        for (byte, sample) in payload.iter_mut().zip(pcm) {
            *byte = self.codec.encode(*sample);
        }
        self.sequence = self.sequence.wrapping_add(1);
        packet
    }
}

/// The far end's direction.
struct Listener {
    events: Option<u8>,
    source: Source,
    sequence: Sequence,
    keypad: Keypad,
    beep: BeepDetector,
    beep_heard: bool,
    recorder: Option<Recorder>,
    packets: u64,
    pcm: Vec<i16>,
}

impl Listener {
    fn new(remote: Remote, recorder: Option<Recorder>) -> Self {
        Self {
            events: remote.events,
            source: Source::new(remote.addr),
            sequence: Sequence::default(),
            keypad: Keypad::default(),
            beep: BeepDetector::default(),
            beep_heard: false,
            recorder,
            packets: 0,
            pcm: Vec::with_capacity(FRAME),
        }
    }

    fn describe(&mut self, remote: Remote) {
        self.events = remote.events;
        self.source.describe(remote.addr);
    }

    /// Takes a datagram; true if a beep has been heard by now.
    fn datagram(&mut self, datagram: &[u8], from: SocketAddr) -> bool {
        let Some(packet) = Packet::parse(datagram) else { return self.beep_heard };
        let is_event = Some(packet.payload_type) == self.events;
        let codec = Codec::from_payload_type(packet.payload_type);
        if (codec.is_none() && !is_event) || !self.source.accepts(from) {
            return self.beep_heard;
        }
        let arrival = self.sequence.arrived(packet.ssrc, packet.sequence);
        if arrival == Arrival::Useless {
            return self.beep_heard;
        }
        self.packets += 1;
        if arrival == Arrival::Fresh
            && let Some(recorder) = &mut self.recorder
        {
            recorder.restart();
        }
        match codec {
            // The payload type of an event may be dynamic only, so it is never a codec's.
            Some(codec) => self.audio(codec, &packet, arrival),
            None => self.keypad.packet(packet.timestamp, packet.payload),
        }
        self.beep_heard
    }

    fn audio(&mut self, codec: Codec, packet: &Packet<'_>, arrival: Arrival) {
        self.pcm.clear();
        self.pcm.extend(packet.payload.iter().map(|byte| codec.decode(*byte)));
        if let Some(recorder) = &mut self.recorder {
            recorder.heard(packet.timestamp, &self.pcm);
        }
        // Late packets would tear a tone apart; without them there is only a short gap.
        if arrival != Arrival::Late && !self.beep_heard {
            self.beep_heard = self.beep.hear(&self.pcm);
        }
    }

    async fn report(self, talker: &Talker) -> MediaReport {
        MediaReport {
            packets_in: self.packets,
            packets_out: talker.sent,
            lost: self.sequence.lost(),
            played_all: talker.played,
            beep: self.beep_heard,
            digits: self.keypad.digits(),
            recorded: match self.recorder {
                Some(recorder) => recorder.finish().await,
                None => false,
            },
        }
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
