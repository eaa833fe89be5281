//! What it means when Telnyx refuses a call.
//!
//! Sources of the codes: <https://developers.telnyx.com/development/api-fundamentals/api-errors> for those of five digits, and
//! <https://support.telnyx.com/en/articles/4409457-telnyx-sip-response-codes> for `D1` to `D99`, which a refused call has as well
//! (`telnyx_error.error_code`, and at the end of `detail`) and which say more: they stand here, and in a session, without the letter.

use std::time::Duration;

use ringfleet_core::{Ending, call::BAD_NUMBER};
use serde::Deserialize;

use crate::{
    refusals::{
        self, Codes,
        Meaning::{Failed, NoRoom},
    },
    rest::Trouble,
};

/// The destination is no valid number.
const BAD_DESTINATION: u32 = 11;
/// The caller ID is no valid number.
const BAD_CALLER_ID: u32 = 35;
/// A number is invalid, or not in E.164 format: which one, only the pointer says.
const BAD_NUMBERS: [u32; 2] = [10002, 10016];

/// `auth` and `forbidden` are trouble with the trunk: see [`ringfleet_core::call::TRUNK_TROUBLE`] and
/// [`ringfleet_core::call::TRUNK_TROUBLE_PERHAPS`]. Whatever may be the account's fault or the number's is `forbidden`.
const CALLS: Codes = &[
    (1, NoRoom("trunk_busy")),  // concurrent calls of the account
    (2, NoRoom("trunk_busy")),  // of the outbound voice profile
    (3, NoRoom("trunk_busy")),  // of the connection
    (22, NoRoom("trunk_busy")), // channels of the number, the connection or the profile
    (BAD_DESTINATION, Failed(BAD_NUMBER)),
    (12, Failed("forbidden")), // not to this destination by the service plan
    (18, Failed("auth")),      // the connection is not active
    (19, Failed("auth")),      // the account is blocked
    (BAD_CALLER_ID, Failed("forbidden")),
    (38, Failed("auth")),          // the connection has no outbound voice profile
    (40, Failed("forbidden")),     // no route to this destination
    (10005, Failed("auth")),       // no such resource
    (10009, Failed("auth")),       // authentication failed
    (10010, Failed("forbidden")),  // authorization failed
    (10011, NoRoom("throttled")),  // too many requests
    (90010, NoRoom("trunk_busy")), // channel limit exceeded
    (90103, NoRoom("throttled")),  // more dials in a second than the account may do
];

#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    errors: Vec<Error>,
    #[serde(default)]
    telnyx_error: Inner,
}

#[derive(Default, Deserialize)]
struct Error {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    source: Source,
}

#[derive(Default, Deserialize)]
struct Source {
    #[serde(default)]
    pointer: String,
}

#[derive(Default, Deserialize)]
struct Inner {
    #[serde(default)]
    error_code: String,
}

/// The code in the body of a refusal, without its letter. What says no more than that some number is wrong is not held against the one called.
pub(super) fn code(body: &[u8]) -> Option<u32> {
    let Refusal { errors, telnyx_error } = serde_json::from_slice(body).ok()?;
    let error = errors.into_iter().next().unwrap_or_default();
    let words = error.detail.split([' ', '.']);
    let finer = std::iter::once(telnyx_error.error_code.as_str()).chain(words).find_map(lettered);
    finer.or_else(|| match (error.source.pointer.rsplit('/').next(), error.code.parse().ok()?) {
        (Some("to"), code) if BAD_NUMBERS.contains(&code) => Some(BAD_DESTINATION),
        (Some("from"), _) => Some(BAD_CALLER_ID),
        (_, code) => Some(code),
    })
}

/// The number of a code like `D38`.
fn lettered(word: &str) -> Option<u32> {
    word.strip_prefix('D').filter(|digits| digits.len() <= 2)?.parse().ok()
}

/// The ending of a call that was refused with this status (300 to 499): it was not placed.
pub(super) fn refused(status: u16, code: Option<u32>, retry_after: Option<Duration>) -> Ending {
    refusals::refused(&[CALLS], status, code, retry_after)
}

/// What the answer to a question about the application says about the trunk.
pub(super) fn probed(answer: Result<(), Trouble>) -> Result<(), &'static str> {
    refusals::probed(&[CALLS], answer)
}

/// Whether a command was refused because its call is over.
pub(super) fn is_over(trouble: &Trouble) -> bool {
    /// Call has already ended.
    const ENDED: u32 = 90018;
    matches!(trouble, Trouble::Refused { code: Some(ENDED), .. })
}

#[cfg(test)]
mod tests {
    use ringfleet_core::Outcome;
    use serde_json::{Value, json};

    use super::*;

    fn of(status: u16, body: &Value) -> (String, Option<u16>) {
        match refused(status, code(body.to_string().as_bytes()), None) {
            Ending::Over { outcome: Outcome::Failed, reason, code, .. } => (reason.into(), code),
            Ending::NoRoom { reason, code, .. } => (format!("hold {reason}"), code),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_finest_code_decides() {
        let error = |code: &str, detail: &str, pointer: &str| json!({"errors": [{"code": code, "title": "no", "detail": detail, "source": {"pointer": pointer}}]});
        let mut profile = error("10010", "Connection has no Outbound Profile assigned D38. No.", "");
        for (status, body, reason, code) in [
            (403, profile.clone(), "auth", 38),
            (403, error("10010", "User channel limit exceeded D1", ""), "hold trunk_busy", 1),
            (403, error("10010", "Not yours.", ""), "forbidden", 10010),
            (404, error("10010", "No route D40", ""), "forbidden", 40),
            (422, error("10002", "The phone number is invalid.", "/to"), "bad_number", 11),
            (422, error("10002", "The phone number is invalid.", ""), "forbidden", 10002),
            (422, error("10002", "The phone number is invalid.", "/sip_auth_to_x"), "forbidden", 10002),
            (422, error("10002", "The phone number is invalid.", "/from"), "forbidden", 35),
            (422, error("10016", "Must be in +E.164 format", "/body/to"), "bad_number", 11),
            (422, error("10016", "Must be in +E.164 format", "/body/from"), "forbidden", 35),
            (422, error("10016", "Must be in +E.164 format", ""), "forbidden", 10016),
            (422, error("10015", "Bad request", ""), "forbidden", 10015),
            (401, error("10009", "Authentication failed", ""), "auth", 10009),
            (429, error("10011", "Too many requests", ""), "hold throttled", 10011),
            (429, error("90103", "Dials per second", ""), "hold throttled", 429),
            (422, json!({}), "forbidden", 422),
            (401, json!("no"), "auth", 401),
        ] {
            assert_eq!(of(status, &body), (reason.to_owned(), Some(code)), "{body}");
        }
        profile["telnyx_error"] = json!({"error_code": "D11"});
        assert_eq!(of(403, &profile), ("bad_number".to_owned(), Some(11)));
        assert!(is_over(&Trouble::Refused { status: 422, code: Some(90018), retry_after: None }));
    }
}
