//! What it means when a LiveKit server refuses something, or says that a call was not answered.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use ringfleet_core::{EndedBy, Ending, Outcome};
use serde::Deserialize;

use super::{api::Refusal, endings::Why};
use crate::{
    refusals::{USUAL_WAIT, probed_by},
    rest::wait,
    sip::outcomes::{self, GaveUp, Seen},
};

/// What an error says (<https://twitchtv.github.io/twirp/docs/errors.html>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// The final status of the callee's side, 300 to 699: the call was placed, and nobody has answered.
    Sip(u16),
    /// The INVITE was taken back: it rang for as long as it may, its room was deleted, or its trunk fell silent.
    Canceled,
    /// Another word for what went wrong.
    Word(String),
}

#[derive(Deserialize)]
struct Error {
    code: String,
    #[serde(default)]
    msg: String,
    #[serde(default)]
    meta: BTreeMap<String, String>,
}

impl Said {
    /// Reads the body of an error. The status of SIP stands in `meta`; with older servers only in the text.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let error: Error = serde_json::from_slice(body).ok()?;
        let in_meta = error.meta.get("sip_status_code").and_then(|code| code.parse().ok());
        let in_text = || {
            let (_, rest) = error.msg.split_once("sip status")?;
            rest.trim_start_matches([':', ' ']).get(..3)?.parse().ok()
        };
        match in_meta.or_else(in_text).filter(|code| (300..=699).contains(code)) {
            Some(code) => Some(Self::Sip(code)),
            None if error.code == "canceled" => Some(Self::Canceled),
            None => Some(Self::Word(error.code)),
        }
    }

    /// Whether it is the last word, whatever the HTTP status (a silent callee's 408 is Twirp's 408 as well).
    pub(super) fn decides(&self) -> bool {
        !matches!(self, Self::Word(_))
    }
}

/// How far a call had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// Nothing was seen of it.
    Nothing,
    /// The callee was in the room, so that they were dialed.
    Dialing,
    Ringing,
}

/// The ending of a call whose request was refused. `asked`: why we had asked for its end.
pub(super) fn unanswered(
    status: u16,
    said: Option<Said>,
    retry_after: Option<Duration>,
    reached: Reached,
    asked: Option<Why>,
) -> Ending {
    match said {
        Some(Said::Sip(code)) => {
            let gave_up =
                asked.map(|why| if why == Why::TooLong { GaveUp::RingTimeout } else { GaveUp::Cancelled });
            let rang = reached == Reached::Ringing;
            outcomes::ending(code, None, Seen { provisional: true, rang, gave_up }, &BTreeMap::new())
        }
        // A word of the server, whatever it means elsewhere, undoes no call.
        _ if reached != Reached::Nothing => {
            Ending::over(Outcome::Failed, "not_connected", Some(status), EndedBy::Carrier)
        }
        // Nothing says that nobody was dialed.
        said => refused(status, said, retry_after, "not_connected"),
    }
}

/// The ending of what was refused before anybody was dialed, with this HTTP status. `other`: what a refusal is called that nobody can explain.
pub(super) fn refused(
    status: u16,
    said: Option<Said>,
    retry_after: Option<Duration>,
    other: &'static str,
) -> Ending {
    let word = match &said {
        Some(Said::Word(word)) => word.as_str(),
        _ => "",
    };
    let reason = match (word, status) {
        ("resource_exhausted", _) | ("", 429) => {
            let retry_after = wait(retry_after, USUAL_WAIT);
            return Ending::NoRoom { retry_after, reason: Cow::Borrowed("throttled"), code: Some(status) };
        }
        // The key, what it may do, or the trunk at LiveKit.
        ("unauthenticated" | "permission_denied" | "not_found" | "bad_route", _) | ("", 401 | 403 | 404) => {
            "auth"
        }
        ("", 300..=399) => "network",
        // What was asked for cannot be done, by a fault of the settings, or by one of this number.
        ("invalid_argument" | "malformed" | "out_of_range", _) | ("", 400..=499) => "forbidden",
        _ => other,
    };
    Ending::over(Outcome::Failed, reason, Some(status), EndedBy::Carrier)
}

/// What the answer to a knock says about the trunk.
pub(super) fn probed(answer: Result<(), Refusal>) -> Result<(), &'static str> {
    probed_by(|status, said| refused(status, said, None, "network"), answer)
}

#[cfg(test)]
mod tests {
    use ringfleet_core::brake::{Evidence, evidence};

    use super::*;

    fn word(word: &str) -> Option<Said> {
        Some(Said::Word(word.to_owned()))
    }

    fn reason(ending: &Ending) -> (Option<Outcome>, &str) {
        match ending {
            Ending::Over { outcome, reason, .. } => (Some(*outcome), reason),
            Ending::NoRoom { reason, .. } | Ending::GivenUp { reason } => (None, reason),
        }
    }

    #[test]
    fn an_error_is_read_with_the_status_of_sip_in_it() {
        for (body, expected) in [
            (
                r#"{"code":"resource_exhausted","msg":"x","meta":{"sip_status_code":"486","sip_status":"Busy Here"}}"#,
                Said::Sip(486),
            ),
            (r#"{"code":"not_found","msg":"twirp error: sip status 404: Not Found"}"#, Said::Sip(404)),
            (r#"{"code":"not_found","msg":"INVITE failed: sip status: 404: Not Found"}"#, Said::Sip(404)),
            (r#"{"code":"canceled","msg":"request timed out"}"#, Said::Canceled),
            (
                r#"{"code":"unknown","msg":"sip status 200: OK","meta":{"sip_status_code":"abc"}}"#,
                Said::Word("unknown".into()),
            ),
            (r#"{"code":"unauthenticated","msg":"no","extra":1}"#, Said::Word("unauthenticated".into())),
        ] {
            assert_eq!(Said::read(body.as_bytes()), Some(expected), "{body}");
        }
        assert_eq!(Said::read(b"<html>"), None);
        assert_eq!(Said::read(b"{}"), None);
    }

    #[test]
    fn the_callees_side_speaks_as_on_any_sip_trunk() {
        let of = |code, rang, asked| {
            let reached = if rang { Reached::Ringing } else { Reached::Dialing };
            unanswered(429, Some(Said::Sip(code)), None, reached, asked)
        };
        for (code, rang, expected) in [
            (486, true, (Some(Outcome::Rejected), "busy")),
            (480, true, (Some(Outcome::Unanswered), "unavailable")),
            (603, true, (Some(Outcome::Rejected), "declined")),
            (404, false, (Some(Outcome::Failed), "bad_number")),
            (503, false, (Some(Outcome::Failed), "network")),
            (503, true, (Some(Outcome::Failed), "dropped")),
            (429, false, (None, "throttled")),
        ] {
            assert_eq!(reason(&of(code, rang, None)), expected, "{code}");
        }
        assert_eq!(reason(&of(487, true, Some(Why::Cancelled))), (Some(Outcome::Unanswered), "cancelled"));
        assert_eq!(reason(&of(487, true, Some(Why::TooLong))), (Some(Outcome::Unanswered), "ring_timeout"));
    }

    #[test]
    fn what_is_the_trunks_fault_charges_nobody() {
        for (status, said, expected, brake) in [
            (401, word("unauthenticated"), (Some(Outcome::Failed), "auth"), Evidence::Trouble),
            (403, word("permission_denied"), (Some(Outcome::Failed), "auth"), Evidence::Trouble),
            (404, word("not_found"), (Some(Outcome::Failed), "auth"), Evidence::Trouble),
            (404, None, (Some(Outcome::Failed), "auth"), Evidence::Trouble),
            (400, word("invalid_argument"), (Some(Outcome::Failed), "forbidden"), Evidence::TroublePerhaps),
            (302, None, (Some(Outcome::Failed), "network"), Evidence::TroublePerhaps),
            (412, word("failed_precondition"), (Some(Outcome::Failed), "not_connected"), Evidence::Fine),
            (403, word("resource_exhausted"), (None, "throttled"), Evidence::Fine),
            (429, None, (None, "throttled"), Evidence::Fine),
        ] {
            let ending = unanswered(status, said.clone(), None, Reached::Nothing, None);
            assert_eq!((reason(&ending), evidence(&ending)), (expected, brake), "{status} {said:?}");
            for reached in [Reached::Dialing, Reached::Ringing] {
                let ending = unanswered(status, said.clone(), None, reached, None);
                let tried = Ending::over(Outcome::Failed, "not_connected", Some(status), EndedBy::Carrier);
                assert_eq!(ending, tried, "{status} {said:?} {reached:?}");
            }
        }
        assert_eq!(reason(&refused(412, word("failed_precondition"), None, "network")).1, "network");
    }
}
