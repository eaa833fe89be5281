//! Ways to reach a person. One file (or folder) per carrier; [`Registry`] is the one line that knows them all.
//!
//! A carrier only acts and reports. What an ending means for the recipient is `core::settle`'s business.

mod conversation;
mod desk;
mod doubt;
mod find;
pub mod guarded;
mod hints;
pub mod livekit;
pub mod media;
pub mod peer;
mod refusals;
mod registry;
mod rest;
mod simulated;
pub mod sip;
pub mod smtp;
pub mod speech;
pub mod telnyx;
mod told;
pub mod twilio;
pub mod twilio_sms;
pub mod whatsapp;

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use ringfleet_core::{CallId, E164, EndedBy, Ending, Outcome, call::Heard, message::Message};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

pub use conversation::{AgentAt, Connector, Handover, Script};
pub use hints::{Hints, transfer_note};
pub use livekit::LivekitCarrier;
pub use registry::{CarrierError, Registry};
pub use rest::{Pace, RestSettings};
pub use simulated::SimulatedCarrier;
pub use sip::{SipCarrier, SipSettings};
pub use smtp::SmtpCarrier;
pub use telnyx::TelnyxCarrier;
pub use told::Told;
pub use twilio::TwilioCarrier;
pub use twilio_sms::TwilioSmsCarrier;
pub use whatsapp::WhatsappCarrier;

/// One attempt to be placed.
#[derive(Debug, Clone)]
pub struct Order {
    /// The call this attempt is; unique, and the root of everything that must be unique on the wire.
    pub call: CallId,
    /// Whom to call.
    pub to: E164,
    /// The caller ID to show; `None` takes the trunk's user name.
    pub from: Option<String>,
    /// How long it may ring before we cancel.
    pub ring_timeout: Duration,
    /// How long an answered call may last before we hang up.
    pub max_duration: Duration,
    /// Played once after the answer: 8 kHz mono PCM.
    pub greeting: Arc<Vec<i16>>,
    /// What is said first, where the carrier has a voice of its own and plays no audio of ours.
    pub say: Option<Say>,
    /// Hang up by ourselves once the greeting has been played and nothing in `script` goes on; else wait for the far end until
    /// `max_duration`.
    pub hang_up_after_greeting: bool,
    /// What happens after the answer beside the greeting.
    pub script: Arc<Script>,
    /// Where to write the recording (stereo WAV, callee left, we right); `None` records nothing.
    pub record: Option<PathBuf>,
}

/// A message to be sent.
#[derive(Debug, Clone)]
pub struct MessageOrder {
    /// The call this attempt is.
    pub call: CallId,
    /// The person's number; an e-mail says its address itself.
    pub to: E164,
    /// The number it comes from, where the channel has one and the trunk does not choose it.
    pub from: Option<String>,
    /// What is sent.
    pub message: Message,
}

/// A text for a voice of the carrier's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Say {
    /// The text.
    pub text: String,
    /// The carrier's name of the voice; none is its usual one.
    pub voice: Option<String>,
}

/// What the carrier tells while the attempt runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// A phone rings (SIP 180 or 183).
    Ringing,
    /// Somebody or something picked up.
    Answered,
    /// The callee wants never to be contacted again; told once.
    OptedOut,
    /// The call was handed on, to this number or address.
    Transferred(String),
    /// What the callee has done, told when an answered call is over.
    Heard(Heard),
    /// What is needed to find this attempt again after a crash has changed; replaces the earlier [`Attempt::resume`].
    Resume(Value),
}

/// An attempt that is ready and has not touched the network yet.
#[async_trait]
pub trait Attempt: Send {
    /// What another process needs to resolve this attempt after a crash. Must be durable before [`Attempt::place`] is called.
    fn resume(&self) -> Value;

    /// Shows this caller ID instead of the one that was ordered. What [`Attempt::resume`] gave before does not know of it: tell
    /// [`Carrier::resolve`].
    fn show(&mut self, caller_id: String);

    /// Places the call and follows it to its end. Never returns while the call may still be live.
    ///
    /// When `hangup` fires the attempt is cancelled or hung up, and the ending says what it had come to.
    async fn place(self: Box<Self>, progress: UnboundedSender<Progress>, hangup: CancellationToken)
    -> Ending;
}

/// Places a call in a task of its own: whoever drops this future gives the call up, but the call still has to be ended. `run` is told so, as by
/// `hangup`, by the token it gets.
async fn placed_in_a_task<R>(hangup: CancellationToken, run: impl FnOnce(CancellationToken) -> R) -> Ending
where
    R: Future<Output = Ending> + Send + 'static,
{
    if hangup.is_cancelled() {
        return Ending::GivenUp { reason: "cancelled".into() };
    }
    let wanted = hangup.child_token();
    let _dropped = wanted.clone().drop_guard();
    match tokio::spawn(run(wanted)).await {
        Ok(ending) => ending,
        Err(error) => {
            tracing::error!(%error, "the task of a call broke");
            Ending::uncertain("internal")
        }
    }
}

/// The ending of what a trunk is asked for that does something else: a call over one that sends messages, or the other way round. Whoever
/// chooses trunks prevents it.
fn wrong_channel(call: CallId) -> Ending {
    tracing::error!(%call, "a trunk cannot do what it is asked for: it is one of another channel");
    Ending::over(Outcome::Failed, "wrong_channel", None, EndedBy::Caller)
}

/// Something that places calls, or sends messages: one configured trunk.
#[async_trait]
pub trait Carrier: Send + Sync {
    /// Builds an attempt without touching the network. The error is an ending of a call that was never placed.
    async fn prepare(&self, order: Order) -> Result<Box<dyn Attempt>, Ending>;

    /// The same for a message. Its attempt ends SENT as soon as it was taken; what became of it is told later
    /// ([`ringfleet_core::message::Receipt`]). A carrier of calls sends none.
    async fn prepare_message(&self, order: MessageOrder) -> Result<Box<dyn Attempt>, Ending> {
        Err(wrong_channel(order.call))
    }

    /// Finds out what became of an attempt whose worker died, and ends it if it still lives. Never places a call.
    ///
    /// `resume` is the last value kept for it, `shown` the caller ID it showed if that was chosen after it was prepared; what nobody can
    /// tell is [`ringfleet_core::Outcome::Uncertain`].
    async fn resolve(&self, resume: &Value, shown: Option<&str>) -> Ending;

    /// Asks the far end whether it is there and would serve us, without calling anybody. The error is the reason, one of those of
    /// [`ringfleet_core::call::TRUNK_TROUBLE`] and [`ringfleet_core::call::TRUNK_TROUBLE_PERHAPS`].
    async fn probe(&self) -> Result<(), &'static str>;

    /// Gives up sockets and tasks. Live attempts have ended before.
    async fn close(&self);
}
