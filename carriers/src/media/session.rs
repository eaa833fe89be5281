//! One call's audio, from the answer to the end.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{
    Codec, FRAME, MediaReport, Remote, RtpSocket, Signals,
    beep::BeepDetector,
    dtmf::Keypad,
    recorder::Recorder,
    rtp::{self, Arrival, Packet, Sequence},
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
pub async fn run(
    socket: RtpSocket,
    remote: Remote,
    pcm: Arc<Vec<i16>>,
    record: Option<PathBuf>,
    signals: Signals,
    stop: CancellationToken,
) -> MediaReport {
    let mut talker = Talker::new(remote.codec, pcm);
    let mut listener = Listener::new(remote, record.map(Recorder::new));
    let mut clock = steady_clock();
    let mut datagram = [0; DATAGRAM];
    let mut receiving = true;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            _ = clock.tick() => {
                receiving = true;
                let frame = talker.next_frame(&signals);
                if let Some(to) = listener.source.target()
                    && socket.udp.send_to(&frame.packet, to).await.is_ok()
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
    pcm: Arc<Vec<i16>>,
    position: usize,
    played: bool,
    sent: u64,
    first: bool,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
}

/// 20 ms as PCM, and as the packet that carries it.
struct Frame {
    pcm: [i16; FRAME],
    packet: [u8; rtp::HEADER + FRAME],
}

impl Talker {
    fn new(codec: Codec, pcm: Arc<Vec<i16>>) -> Self {
        // Random beginnings, as RFC 3550 §5.1 wants them.
        let (sequence, timestamp, ssrc) = (rand::random(), rand::random(), rand::random());
        Self { codec, pcm, position: 0, played: false, sent: 0, first: true, sequence, timestamp, ssrc }
    }

    fn next_frame(&mut self, signals: &Signals) -> Frame {
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

        let mut packet = [0; rtp::HEADER + FRAME];
        let (header, payload) = packet.split_at_mut(rtp::HEADER);
        header.copy_from_slice(&rtp::header(
            self.codec.payload_type(),
            self.first,
            self.sequence,
            self.timestamp,
            self.ssrc,
        ));
        for (byte, sample) in payload.iter_mut().zip(&pcm) {
            *byte = self.codec.encode(*sample);
        }
        self.first = false;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(FRAME as u32);
        Frame { pcm, packet }
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
            source: Source { described: remote.addr, followed: None },
            sequence: Sequence::default(),
            keypad: Keypad::default(),
            beep: BeepDetector::default(),
            beep_heard: false,
            recorder,
            packets: 0,
            pcm: Vec::with_capacity(FRAME),
        }
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

/// Whose packets count: those from the described address, or, until one of them comes, from whoever sent first.
struct Source {
    described: SocketAddr,
    followed: Option<SocketAddr>,
}

impl Source {
    fn accepts(&mut self, from: SocketAddr) -> bool {
        if from == self.described {
            self.followed = Some(from);
        }
        *self.followed.get_or_insert(from) == from
    }

    /// Where to send; nowhere while the far end has named no address (`c=0.0.0.0`) and sent nothing.
    fn target(&self) -> Option<SocketAddr> {
        self.followed.or_else(|| (!self.described.ip().is_unspecified()).then_some(self.described))
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
