//! What a list of who is in a room says about its call.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::api::CALLEE;

/// Where a call stands: an attribute of the callee (<https://docs.livekit.io/reference/telephony/sip-participant/>).
const STATUS: &str = "sip.callStatus";

/// Somebody in a room (`ParticipantInfo`).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Participant {
    sid: String,
    identity: String,
    /// `STANDARD`, `SIP`, `AGENT`, …
    kind: String,
    /// `JOINING`, `JOINED`, `ACTIVE`, `DISCONNECTED`.
    state: String,
    attributes: BTreeMap<String, String>,
}

/// How the callee is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// The phone is being dialed, or nothing is known yet.
    Dialing,
    Ringing,
    /// Somebody has picked up.
    Active,
}

/// What one look shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// The callee's id and how they are; none is not there.
    pub(super) callee: Option<(String, Status)>,
    /// An agent is there.
    pub(super) agent: bool,
}

impl Look {
    pub(super) fn of(participants: &[Participant]) -> Self {
        let mut there = participants.iter().filter(|one| one.state != "DISCONNECTED");
        let agent = there.clone().any(|one| one.kind == "AGENT");
        let callee = there.find(|one| one.identity == CALLEE);
        Self { callee: callee.and_then(|one| Some((one.sid.clone(), status(one)?))), agent }
    }
}

/// None has hung up.
fn status(callee: &Participant) -> Option<Status> {
    Some(match callee.attributes.get(STATUS).map(String::as_str) {
        Some("hangup") => return None,
        // Digits are dialed after the answer.
        Some("active" | "automation") => Status::Active,
        Some("ringing") => Status::Ringing,
        _ => Status::Dialing,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_look_tells_callee_and_agent() {
        let of = |list: serde_json::Value| Look::of(&serde_json::from_value::<Vec<_>>(list).unwrap());
        assert_eq!(of(json!([])), Look::default());
        let callee = |status: &str| json!({"sid": "PA_1", "identity": "callee", "kind": "SIP", "attributes": {"sip.callStatus": status}});
        for (word, expected) in [
            ("dialing", Some(Status::Dialing)),
            ("ringing", Some(Status::Ringing)),
            ("automation", Some(Status::Active)),
            ("active", Some(Status::Active)),
            ("hangup", None),
            ("a new word", Some(Status::Dialing)),
        ] {
            let look = of(json!([callee(word)]));
            assert_eq!(look.callee, expected.map(|status| ("PA_1".to_owned(), status)), "{word}");
        }
        let agent =
            json!({"sid": "PA_2", "identity": "agent-1", "kind": "AGENT", "state": "ACTIVE", "unknown": 1});
        let listener = json!({"sid": "PA_3", "identity": "web_1"});
        assert!(!of(json!([callee("active"), listener])).agent, "whoever listens is no agent");
        assert!(of(json!([callee("active"), agent.clone()])).agent);
        let gone = json!({"sid": "PA_2", "identity": "agent-1", "kind": "AGENT", "state": "DISCONNECTED"});
        assert!(!of(json!([gone])).agent);
    }
}
