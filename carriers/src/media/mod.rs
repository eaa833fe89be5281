//! The audio of a call: session descriptions, RTP, greeting, recording, keys and beeps.
//!
//! Everything is 8 kHz mono; G.711 on the wire (RFC 3551 §4.5.14), 20 ms a packet.

mod beep;
mod dtmf;
mod ears;
pub mod mark;
mod meter;
mod playout;
mod recorder;
mod recording_file;
mod resample;
mod rtp;
mod sdp;
mod session;
mod silence;
mod socket;
mod source;
mod speech;
pub mod tone;
mod wav;

use std::{sync::Arc, time::Duration};

use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};
use ringfleet_core::call::{Guess, Speech};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

pub(crate) use meter::measure;
pub use meter::{GAP, Heard, Meter};
pub(crate) use playout::Playout;
pub use sdp::{Direction, Remote, answer, offer, parse_answer};
pub use session::run;
pub use socket::RtpSocket;
pub use wav::{WavError, load_greeting, read_samples, read_wav};

/// Samples a second of all audio in here.
pub const SAMPLE_RATE: u32 = 8000;
/// Samples of one packet: 20 ms.
pub(crate) const FRAME: usize = 160;

/// The two laws of G.711.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// µ-law, payload type 0 (RFC 3551 §6).
    Pcmu,
    /// A-law, payload type 8.
    Pcma,
}

impl Codec {
    /// Its static payload type.
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
        }
    }

    /// The codec of a static payload type.
    pub const fn from_payload_type(payload_type: u8) -> Option<Self> {
        match payload_type {
            0 => Some(Self::Pcmu),
            8 => Some(Self::Pcma),
            _ => None,
        }
    }

    /// Its name in a session description.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }

    /// One sample to one byte.
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Self::Pcmu => encode_ulaw(sample),
            Self::Pcma => encode_alaw(sample),
        }
    }

    /// One byte to one sample.
    pub fn decode(self, byte: u8) -> i16 {
        match self {
            Self::Pcmu => decode_ulaw(byte),
            Self::Pcma => decode_alaw(byte),
        }
    }
}

/// 20 ms of the callee for an agent: which frame since the beginning, and its µ-law.
pub(crate) type HeardFrame = (u64, [u8; FRAME]);

/// What [`run`] tells while it runs: a handful of things, and each key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// What was to be played has been played to its end.
    Played,
    /// A beep was heard: a machine listens. Told once.
    Beep,
    /// The far end has pressed a key.
    Key(char),
    /// What the far end's beginning sounds like; told once at most.
    Sounds(Guess),
    /// Nobody has said anything for as long as was asked for; told again after as long.
    Silent,
}

/// What [`run`] is told to do from now on.
#[derive(Debug)]
pub(crate) enum Command {
    /// Play this, after so much silence, in place of what is being played.
    Play(Arc<Vec<i16>>, Duration),
    /// Press a key.
    Press(char),
    /// Play what an agent says, and let it hear. Frames for which there is no room are left out.
    Bridge(Arc<Playout>, mpsc::Sender<HeardFrame>),
    /// Tell of silences of so long.
    Notice(Duration),
    /// A tone is no machine's from now on.
    MindNoBeeps,
}

/// The session's end of the wires between [`run`] and whoever leads the conversation.
#[derive(Debug)]
pub struct Wires {
    tell: UnboundedSender<Event>,
    told: UnboundedReceiver<Command>,
}

/// The other end.
#[derive(Debug)]
pub(crate) struct Lead {
    pub events: UnboundedReceiver<Event>,
    pub commands: UnboundedSender<Command>,
}

impl Wires {
    /// Both ends.
    pub(crate) fn new() -> (Self, Lead) {
        let ((tell, events), (commands, told)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        (Self { tell, told }, Lead { events, commands })
    }
}

/// What came of the audio of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaReport {
    /// RTP packets accepted from the far end.
    pub packets_in: u64,
    /// RTP packets sent.
    pub packets_out: u64,
    /// Packets of the far end that never came, by their sequence numbers.
    pub lost: u64,
    /// The greeting was played to its end.
    pub played_all: bool,
    /// A beep was heard.
    pub beep: bool,
    /// Keys pressed by the far end.
    pub digits: String,
    /// How the far end began to talk; none where nothing came from it.
    pub speech: Option<Speech>,
    /// A recording was asked for and stands in its place, whole.
    pub recorded: bool,
}
