//! What a call is told: to be placed, and what to do once it is answered
//! (<https://developers.telnyx.com/api-reference/call-commands/dial>, `speak`, `streaming_start`). Pure.

use std::time::Duration;

use ringfleet_core::{EndedBy, Ending, Outcome, call::AGENT_UNREACHABLE, telnyx_trunk::TelnyxTrunk};
use serde_json::{Value, json};

use super::Kept;
use crate::{AgentAt, Handover, Order, Say};

/// Shortest and longest ringing that can be asked for, in seconds (`timeout_secs`).
const RING: (u64, u64) = (5, 600);
/// Shortest and longest call, in seconds (`time_limit_secs`): what is to be shorter is hung up by us.
const TALK: (u64, u64) = (60, 14_400);
/// Longest text that is said, in characters (`payload` of `speak`).
const TEXT: usize = 3_000;
/// The voice of those who name none.
const VOICE: &str = "AWS.Polly.Joanna";
/// How long a voice takes for a character at the most, and for the first one.
const SLOWEST: (Duration, Duration) = (Duration::from_millis(150), Duration::from_secs(10));

/// What an answered call is to do, one after the other; then it is hung up.
#[derive(Debug, Default)]
pub(super) struct Commands {
    /// Says a text; and how long that takes at the most.
    pub(super) say: Option<(Value, Duration)>,
    /// Connects it to a WebSocket both ways.
    pub(super) stream: Option<Value>,
}

impl Commands {
    /// Those of this order over this trunk: the call goes to its agent, else to the trunk's stream. The error is the ending of a call that is
    /// not placed.
    pub(super) fn of(order: &Order, trunk: &TelnyxTrunk) -> Result<Self, Ending> {
        let no = |reason| Err(Ending::over(Outcome::Failed, reason, None, EndedBy::Caller));
        let length = |say: &Say| say.text.chars().count();
        if order.say.as_ref().is_some_and(|say| length(say) > TEXT) {
            return no("speech_too_long");
        }
        let say = order.say.as_ref().map(|say| (said(say), SLOWEST.1 + SLOWEST.0 * length(say) as u32));
        let stream = match (&order.script.handover, &trunk.stream) {
            // The provider connects to it, not we.
            (Some(Handover { at: AgentAt::WebSocket(url), parameters, .. }), _) if url.scheme() == "wss" => {
                Some(streamed(url.as_str(), parameters))
            }
            (Some(_), _) => return no(AGENT_UNREACHABLE),
            (None, Some(stream)) => {
                let mut parameters = stream.parameters.clone();
                parameters.insert("session".into(), order.call.to_string());
                Some(streamed(&stream.url, &parameters))
            }
            (None, None) => None,
        };
        Ok(Self { say, stream })
    }
}

fn said(say: &Say) -> Value {
    let voice = say.voice.as_deref().unwrap_or(VOICE);
    json!({ "payload": say.text, "payload_type": "text", "voice": voice })
}

/// The stream of what the callee says, and of what is to be said to them: µ-law, 8 kHz, without RTP headers.
fn streamed<'a>(url: &str, parameters: impl IntoIterator<Item = (&'a String, &'a String)>) -> Value {
    let parameters: Vec<Value> =
        parameters.into_iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    json!({
        "stream_url": url,
        "stream_track": "inbound_track",
        "stream_codec": "PCMU",
        "stream_bidirectional_mode": "rtp",
        "stream_bidirectional_codec": "PCMU",
        "custom_parameters": parameters,
    })
}

/// What places the call, once. `from`: what it shows; `webhook`: where it is told of.
pub(super) fn dial(
    order: &Order,
    trunk: &TelnyxTrunk,
    kept: &Kept,
    from: &str,
    webhook: Option<String>,
) -> Value {
    let (ring, talk) = (order.ring_timeout.as_secs(), order.max_duration.as_secs());
    let mut dial = json!({
        "connection_id": trunk.connection_id,
        "to": order.to.to_string(),
        "from": from,
        "command_id": kept.name(),
        "client_state": kept.state(),
        "timeout_secs": ring.clamp(RING.0, RING.1),
        "time_limit_secs": talk.clamp(TALK.0, TALK.1),
    });
    if let Some(url) = webhook {
        dial["webhook_url"] = url.into();
        dial["webhook_url_method"] = "POST".into();
    }
    if trunk.machine_detection {
        dial["answering_machine_detection"] = "detect".into();
    }
    if order.record.is_some() {
        dial["record"] = "record-from-answer".into();
        dial["record_channels"] = "dual".into();
    }
    dial
}
