//! How the callee has left a room: what a webhook tells, and a list of who is there cannot.

use ringfleet_core::CallId;
use serde::Deserialize;

use super::api::CALLEE;

/// A callee who has left, and why, in the words of LiveKit (`DisconnectReason` of
/// <https://github.com/livekit/protocol/blob/main/protobufs/livekit_models.proto>). As text it travels in a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Left {
    /// The callee's id: of several placements of a call, each has another.
    pub(super) sid: String,
    pub(super) reason: Reason,
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// They hung up: `CLIENT_INITIATED`.
    HungUp,
    /// Somebody put them out: `ROOM_DELETED`, `ROOM_CLOSED`, `PARTICIPANT_REMOVED`. Agents hang up so.
    PutOut,
    /// They did not answer: `USER_UNAVAILABLE`.
    Unavailable,
    /// They did not want to: `USER_REJECTED`.
    Rejected,
    /// Something broke: `SIP_TRUNK_FAILURE`, `MEDIA_FAILURE`, `SIGNAL_CLOSE`, `CONNECTION_TIMEOUT`, `SERVER_SHUTDOWN`, `JOIN_FAILURE`,
    /// `STATE_MISMATCH`.
    Broke,
}

const WORDS: &[(&str, Reason)] = &[
    ("CLIENT_INITIATED", Reason::HungUp),
    ("ROOM_DELETED", Reason::PutOut),
    ("ROOM_CLOSED", Reason::PutOut),
    ("PARTICIPANT_REMOVED", Reason::PutOut),
    ("USER_UNAVAILABLE", Reason::Unavailable),
    ("USER_REJECTED", Reason::Rejected),
    ("SIP_TRUNK_FAILURE", Reason::Broke),
    ("MEDIA_FAILURE", Reason::Broke),
    ("SIGNAL_CLOSE", Reason::Broke),
    ("CONNECTION_TIMEOUT", Reason::Broke),
    ("SERVER_SHUTDOWN", Reason::Broke),
    ("JOIN_FAILURE", Reason::Broke),
    ("STATE_MISMATCH", Reason::Broke),
];

impl Left {
    fn of(sid: &str, word: &str) -> Option<Self> {
        let (_, reason) = WORDS.iter().find(|(known, _)| *known == word)?;
        Some(Self { sid: sid.to_owned(), reason: *reason })
    }

    /// Reads the note of a hint; one that says nothing is none.
    pub(super) fn read(note: &str) -> Option<Self> {
        let (sid, word) = note.split_once(' ')?;
        Self::of(sid, word)
    }
}

/// What a webhook is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The call in whose room something has happened.
    pub call: CallId,
    /// For whoever follows it: how the callee has left, or nothing.
    pub note: String,
}

/// `WebhookEvent` (<https://github.com/livekit/protocol/blob/main/protobufs/livekit_webhook.proto>).
#[derive(Deserialize)]
struct Body {
    event: String,
    room: Room,
    #[serde(default)]
    participant: Participant,
}

#[derive(Deserialize)]
struct Room {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Participant {
    sid: String,
    identity: String,
    #[serde(alias = "disconnectReason")]
    disconnect_reason: String,
}

/// What the body of a webhook is about; none where that is no call of ours.
pub fn event(body: &[u8]) -> Option<Event> {
    let body: Body = serde_json::from_slice(body).ok()?;
    let has_left = matches!(body.event.as_str(), "participant_left" | "participant_connection_aborted");
    let who = body.participant;
    let left = has_left && who.identity == CALLEE && Left::of(&who.sid, &who.disconnect_reason).is_some();
    let note = if left { format!("{} {}", who.sid, who.disconnect_reason) } else { String::new() };
    Some(Event { call: body.room.name.parse().ok()?, note })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: &str = "ses_01h455vb4pex5vsknk084sn02q";

    #[test]
    fn how_the_callee_left_travels_in_the_note() {
        let of = |body: &str| event(body.replace("CALL", CALL).as_bytes());
        let left = r#"{"event":"participant_left","room":{"name":"CALL"},"participant":{"sid":"PA_1","identity":"callee","disconnectReason":"USER_REJECTED"},"createdAt":"1700000000"}"#;
        let told = of(left).unwrap();
        assert_eq!(told.call, CALL.parse().unwrap());
        assert_eq!(Left::read(&told.note), Some(Left { sid: "PA_1".into(), reason: Reason::Rejected }));
        for quiet in [
            r#"{"event":"room_started","room":{"name":"CALL","sid":"RM_1"}}"#.to_owned(),
            left.replace("participant_left", "participant_joined"),
            left.replace("callee", "agent-1"),
            left.replace("USER_REJECTED", "A_NEW_WORD"),
            left.replace(r#","disconnectReason":"USER_REJECTED""#, ""),
        ] {
            let told = of(&quiet).expect("it is about a call");
            assert_eq!((told.note.as_str(), Left::read(&told.note)), ("", None), "{quiet}");
        }
        for strange in
            ["", "{}", r#"{"event":"room_started","room":{"name":"try_1"}}"#, r#"{"event":"egress_ended"}"#]
        {
            assert_eq!(of(strange), None, "{strange}");
        }
    }
}
