//! One call's audio, from the answer to the end.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::{Interval, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use super::{
    Codec, Command, Event, FRAME, HeardFrame, MediaReport, Playout, Remote, RtpSocket, Wires,
    beep::BeepDetector,
    dtmf::{Fingers, Keypad, Press},
    ears::Ears,
    recorder::Recorder,
    rtp::{self, Arrival, Packet, Sequence},
    silence::Silence,
    source::Source,
    speech::SpeechMeter,
};

/// Length of one packet of audio.
pub(super) const PACE: Duration = Duration::from_millis(20);
/// How long a machine's greeting lasts at most, in frames: a minute.
const MACHINES_GREET: u64 = 60 * 50;
/// Longest datagram we look at; an Ethernet frame carries no more.
pub(super) const DATAGRAM: usize = 1500;

/// Plays `pcm` once from the start and silence afterwards, on a steady 20 ms clock, and listens; runs until `stop` fires.
///
/// What happens meanwhile is told on `wires`, and commands that come there change what is played. With `record`
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
    wires: Wires,
    stop: CancellationToken,
) -> MediaReport {
    let Wires { tell, mut told } = wires;
    let described = *remote.borrow_and_update();
    let mut talker = Talker::new(described, pcm, tell.clone());
    let mut listener = Listener::new(described, record.map(Recorder::new), tell);
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
            Some(command) = told.recv() => match command {
                Command::Play(pcm, after) => talker.play(pcm, after),
                Command::Press(key) => talker.fingers.press(key),
                Command::Bridge(playout, agent) => {
                    talker.agent = Some(playout);
                    listener.let_hear(agent);
                }
                Command::Notice(after) => listener.silence.notice(after),
                Command::MindNoBeeps => listener.tones_matter = false,
            },
            _ = clock.tick() => {
                receiving = true;
                let frame = talker.next_frame();
                listener.tick(&frame.pcm);
                if let Some(packet) = &frame.packet
                    && let Some(to) = listener.source.target()
                    && socket.udp.send_to(packet.bytes(), to).await.is_ok()
                {
                    talker.sent += 1;
                }
                if let Some(recorder) = &mut listener.recorder {
                    recorder.said(&frame.pcm);
                }
            }
            received = socket.udp.recv_from(&mut datagram), if receiving => match received {
                Ok((length, from)) => listener.datagram(&datagram[..length], from),
                // The system's errors here are about earlier datagrams or pass by themselves; the next tick tries again.
                Err(_) => receiving = false,
            },
        }
    }
    listener.report(&talker).await
}

/// Ticks that were missed are caught up with, so that the far end's playout does not starve after a hiccup of ours.
pub(super) fn steady_clock() -> Interval {
    let mut clock = tokio::time::interval(PACE);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    clock
}

/// Our direction.
struct Talker {
    codec: Codec,
    /// The payload type of events that the far end understands.
    events: Option<u8>,
    fingers: Fingers,
    /// The far end does not listen.
    held: bool,
    pcm: Arc<Vec<i16>>,
    position: usize,
    /// Frames of silence before `pcm`.
    wait: u64,
    played: bool,
    tell: mpsc::UnboundedSender<Event>,
    /// Whoever talks in place of `pcm`.
    agent: Option<Arc<Playout>>,
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
    packet: Option<Datagram>,
}

/// A packet on its way out.
struct Datagram {
    bytes: [u8; rtp::HEADER + FRAME],
    length: usize,
}

impl Datagram {
    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Talker {
    fn new(remote: Remote, pcm: Arc<Vec<i16>>, tell: mpsc::UnboundedSender<Event>) -> Self {
        Self {
            codec: remote.codec,
            events: remote.events,
            fingers: Fingers::default(),
            held: !remote.direction.listens(),
            pcm,
            position: 0,
            wait: 0,
            played: false,
            tell,
            agent: None,
            sent: 0,
            first: true,
            // Random beginnings, as RFC 3550 §5.1 wants them.
            sequence: rand::random(),
            timestamp: rand::random(),
            ssrc: rand::random(),
        }
    }

    /// Plays something else, after so much silence.
    fn play(&mut self, pcm: Arc<Vec<i16>>, after: Duration) {
        let wait = after.as_millis() as u64 / PACE.as_millis() as u64;
        (self.pcm, self.position, self.wait, self.played, self.agent) = (pcm, 0, wait, false, None);
    }

    fn describe(&mut self, remote: Remote) {
        (self.codec, self.events, self.held) = (remote.codec, remote.events, !remote.direction.listens());
    }

    fn next_frame(&mut self) -> Frame {
        let pcm = match &self.agent {
            _ if self.held => [0; FRAME],
            Some(agent) => agent.frame(),
            None => self.next_pcm(),
        };
        let packet = (!self.held).then(|| match self.fingers.next().zip(self.events) {
            Some((press, events)) => self.event(press, events),
            None => self.audio(&pcm),
        });
        // Time goes on also while nothing is sent (RFC 3550 §5.1).
        self.timestamp = self.timestamp.wrapping_add(FRAME as u32);
        self.first = self.held;
        Frame { pcm, packet }
    }

    fn next_pcm(&mut self) -> [i16; FRAME] {
        if self.wait > 0 {
            self.wait -= 1;
            return [0; FRAME];
        }
        let rest = self.pcm.get(self.position..).unwrap_or_default();
        // Noticed one tick after the last frame went out, so that its 20 ms are over.
        if rest.is_empty() && !self.played {
            self.played = true;
            // Whoever does not listen does not want to know.
            let _ = self.tell.send(Event::Played);
        }
        let mut pcm = [0; FRAME];
        let length = rest.len().min(FRAME);
        pcm[..length].copy_from_slice(&rest[..length]);
        self.position += length;
        pcm
    }

    fn audio(&mut self, pcm: &[i16; FRAME]) -> Datagram {
        let mut datagram = self.datagram(self.codec.payload_type(), self.first, self.timestamp, FRAME);
        for (byte, sample) in datagram.bytes[rtp::HEADER..].iter_mut().zip(pcm) {
            *byte = self.codec.encode(*sample);
        }
        datagram
    }

    /// All packets of a press tell when it began (RFC 4733 §2.3).
    fn event(&mut self, press: Press, events: u8) -> Datagram {
        let began = self.timestamp.wrapping_sub(u32::from(press.since) * FRAME as u32);
        let mut datagram = self.datagram(events, press.since == 0, began, press.payload.len());
        datagram.bytes[rtp::HEADER..][..press.payload.len()].copy_from_slice(&press.payload);
        datagram
    }

    fn datagram(&mut self, payload_type: u8, marked: bool, timestamp: u32, payload: usize) -> Datagram {
        let mut bytes = [0; rtp::HEADER + FRAME];
        let header = rtp::header(payload_type, marked, self.sequence, timestamp, self.ssrc);
        bytes[..rtp::HEADER].copy_from_slice(&header);
        self.sequence = self.sequence.wrapping_add(1);
        Datagram { bytes, length: rtp::HEADER + payload }
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
    /// Whether one may be a machine's.
    tones_matter: bool,
    speech: SpeechMeter,
    silence: Silence,
    recorder: Option<Recorder>,
    agent: Option<Box<Agent>>,
    tell: mpsc::UnboundedSender<Event>,
    /// Frames since the beginning.
    ticks: u64,
    packets: u64,
    pcm: Vec<i16>,
}

/// An agent that listens.
struct Agent {
    ears: Ears,
    frames: u64,
    tell: mpsc::Sender<HeardFrame>,
}

impl Listener {
    fn new(remote: Remote, recorder: Option<Recorder>, tell: mpsc::UnboundedSender<Event>) -> Self {
        Self {
            events: remote.events,
            source: Source::new(remote.addr),
            sequence: Sequence::default(),
            keypad: Keypad::default(),
            beep: BeepDetector::default(),
            beep_heard: false,
            tones_matter: true,
            speech: SpeechMeter::default(),
            silence: Silence::default(),
            recorder,
            agent: None,
            tell,
            ticks: 0,
            packets: 0,
            pcm: Vec::with_capacity(FRAME),
        }
    }

    fn describe(&mut self, remote: Remote) {
        self.events = remote.events;
        self.source.describe(remote.addr);
    }

    fn let_hear(&mut self, tell: mpsc::Sender<HeardFrame>) {
        self.agent = Some(Box::new(Agent { ears: Ears::default(), frames: 0, tell }));
    }

    /// 20 ms have passed, in which we have said this.
    fn tick(&mut self, said: &[i16; FRAME]) {
        self.ticks += 1;
        if self.silence.tick(said) {
            self.tell(Event::Silent);
        }
        if let Some(guess) = self.speech.tick() {
            self.tell(Event::Sounds(guess));
        }
        if let Some(agent) = &mut self.agent {
            // An agent that does not keep up misses something; the call goes on.
            let _ = agent.tell.try_send((agent.frames, agent.ears.frame()));
            agent.frames += 1;
        }
    }

    fn datagram(&mut self, datagram: &[u8], from: SocketAddr) {
        let Some(packet) = Packet::parse(datagram) else { return };
        let is_event = Some(packet.payload_type) == self.events;
        let codec = Codec::from_payload_type(packet.payload_type);
        if (codec.is_none() && !is_event) || !self.source.accepts(from) {
            return;
        }
        let arrival = self.sequence.arrived(packet.ssrc, packet.sequence);
        if arrival == Arrival::Useless {
            return;
        }
        self.packets += 1;
        if arrival == Arrival::Fresh {
            self.recorder.iter_mut().for_each(Recorder::restart);
            self.agent.iter_mut().for_each(|agent| agent.ears.restart());
        }
        match codec {
            // The payload type of an event may be dynamic only, so it is never a codec's.
            Some(codec) => self.audio(codec, &packet, arrival),
            None => {
                let pressed = self.keypad.packet(packet.timestamp, packet.payload);
                self.silence.stir();
                pressed.into_iter().for_each(|key| self.tell(Event::Key(key)));
            }
        }
    }

    /// Whoever does not listen does not want to know.
    fn tell(&self, event: Event) {
        let _ = self.tell.send(event);
    }

    fn audio(&mut self, codec: Codec, packet: &Packet<'_>, arrival: Arrival) {
        self.pcm.clear();
        self.pcm.extend(packet.payload.iter().map(|byte| codec.decode(*byte)));
        if let Some(recorder) = &mut self.recorder {
            recorder.heard(packet.timestamp, &self.pcm);
        }
        if let Some(agent) = &mut self.agent {
            agent.ears.hear(packet.timestamp, codec, packet.payload, &self.pcm);
        }
        if arrival != Arrival::Late {
            self.speech.hear(&self.pcm);
            self.silence.hear(&self.pcm);
        }
        // Late packets would tear a tone apart; without them there is only a short gap.
        if arrival != Arrival::Late && self.minds_beeps() && self.beep.hear(&self.pcm) {
            self.beep_heard = true;
            self.tell(Event::Beep);
        }
    }

    /// Once, and while a machine may still be greeting: in a conversation that goes on, a tone is a tone.
    fn minds_beeps(&self) -> bool {
        self.tones_matter && !self.beep_heard && (self.agent.is_none() || self.ticks < MACHINES_GREET)
    }

    async fn report(self, talker: &Talker) -> MediaReport {
        MediaReport {
            packets_in: self.packets,
            packets_out: talker.sent,
            lost: self.sequence.lost(),
            played_all: talker.played,
            beep: self.beep_heard,
            digits: self.keypad.digits(),
            speech: (self.packets > 0).then(|| self.speech.speech()),
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
