//! What it means when the provider refuses a call or a message, or says afterwards why a call failed.
//!
//! Source of the codes: <https://www.twilio.com/docs/api/errors>, where each has a page `/docs/api/errors/CODE`. The providers that speak
//! the same API use the same codes where they have them; without one the HTTP status decides.

use std::time::Duration;

use ringfleet_core::{EndedBy, Ending, Outcome};

use crate::{
    refusals::{
        self, Codes,
        Meaning::{Failed, NoRoom},
    },
    rest::Trouble,
};

/// `auth` and `forbidden` are trouble with the trunk: see [`ringfleet_core::call::TRUNK_TROUBLE`] and
/// [`ringfleet_core::call::TRUNK_TROUBLE_PERHAPS`]. Whatever may be the account's fault or the number's is `forbidden`.
const ACCOUNT: Codes = &[
    (10001, Failed("auth")),      // account is not active
    (10002, Failed("forbidden")), // trial account does not support this
    (20003, Failed("auth")),      // permission denied: wrong credentials
    (20004, Failed("auth")),      // method not allowed for these credentials
    (20005, Failed("auth")),      // account not active
    (20006, Failed("forbidden")), // access denied
    (20008, Failed("auth")),      // these are test credentials
    (20403, Failed("forbidden")), // forbidden
    (20404, Failed("auth")),      // no such account
    (20429, NoRoom("throttled")), // too many requests
];

/// What is said of calls.
pub(super) const CALLS: Codes = &[
    (10004, NoRoom("trunk_busy")), // call concurrency limit exceeded
    (10005, Failed("forbidden")),  // voice calling has been disabled for this account
    (13223, Failed("bad_number")), // Dial: invalid phone number format
    (13224, Failed("bad_number")), // Dial: number not supported or invalid
    (13225, Failed("forbidden")),  // Dial: forbidden phone number
    (13227, Failed("forbidden")),  // Dial: no international permission
    (21210, Failed("forbidden")),  // From is not verified
    (21211, Failed("bad_number")), // To is no valid number
    (21212, Failed("forbidden")),  // From is no valid number
    (21213, Failed("forbidden")),  // From is missing
    (21214, Failed("bad_number")), // To cannot be reached
    (21215, Failed("forbidden")),  // geographic permissions: not to this country
    (21216, Failed("forbidden")),  // this account may not call this number
    (21217, Failed("bad_number")), // the number does not appear to be valid
    (21219, Failed("forbidden")),  // To is not verified (trial account)
    (22005, NoRoom("trunk_busy")), // the account's call queue is full
];

/// The ending of what was refused: see [`refusals::refused`]. `codes`: what is said of its kind.
pub(crate) fn refused(codes: Codes, status: u16, code: Option<u32>, retry_after: Option<Duration>) -> Ending {
    refusals::refused(&[codes, ACCOUNT], status, code, retry_after)
}

/// What the answer to a question about the account says about the trunk.
pub(crate) fn probed(answer: Result<(), Trouble>) -> Result<(), &'static str> {
    refusals::probed(&[ACCOUNT], answer)
}

/// The ending of a call that was placed and failed; `codes`: what the provider noted of it.
pub(super) fn failed(codes: &[u32]) -> Ending {
    let known = codes.iter().find_map(|code| match refusals::meaning(&[CALLS, ACCOUNT], *code) {
        Some(Failed(reason)) => Some((*code, reason)),
        _ => None,
    });
    let first = codes.first().map(|code| (*code, "not_connected"));
    let (code, reason) = known.or(first).unzip();
    let code = code.and_then(|code| u16::try_from(code).ok());
    Ending::over(Outcome::Failed, reason.unwrap_or("not_connected"), code, EndedBy::Carrier)
}

#[cfg(test)]
mod tests {
    use ringfleet_core::brake::{Evidence, evidence};

    use super::*;

    fn reason(ending: &Ending) -> (&str, Option<u16>) {
        match ending {
            Ending::Over { outcome: Outcome::Failed, reason, code, .. } => (reason, *code),
            Ending::NoRoom { reason, code, .. } => (reason, *code),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_code_says_more_than_a_status() {
        for (status, code, expected) in [
            (400, Some(21211), ("bad_number", Some(21211))),
            (400, Some(21215), ("forbidden", Some(21215))),
            (400, Some(22005), ("trunk_busy", Some(22005))),
            (400, Some(99_999), ("forbidden", Some(400))),
            (400, None, ("forbidden", Some(400))),
            (401, Some(20003), ("auth", Some(20003))),
            (401, None, ("auth", Some(401))),
            (403, None, ("forbidden", Some(403))),
            (404, None, ("auth", Some(404))),
            (302, None, ("network", Some(302))),
            (429, None, ("throttled", Some(429))),
        ] {
            assert_eq!(reason(&refused(CALLS, status, code, None)), expected, "{status} {code:?}");
        }
    }

    #[test]
    fn what_may_be_the_trunks_fault_charges_nobody() {
        assert_eq!(evidence(&refused(CALLS, 401, None, None)), Evidence::Trouble);
        assert_eq!(evidence(&refused(CALLS, 400, Some(21210), None)), Evidence::TroublePerhaps);
        assert_eq!(evidence(&refused(CALLS, 400, Some(21211), None)), Evidence::Fine);
    }

    #[test]
    fn a_wait_is_bounded() {
        let wait = |seconds| match refused(CALLS, 429, None, seconds) {
            Ending::NoRoom { retry_after, .. } => retry_after.as_secs(),
            other => panic!("{other:?}"),
        };
        let asked = [None, Some(0), Some(30), Some(1_000_000)].map(|wait| wait.map(Duration::from_secs));
        assert_eq!(asked.map(wait), [5, 1, 30, 3600]);
    }

    #[test]
    fn a_failed_call_has_the_reason_that_was_noted() {
        assert_eq!(reason(&failed(&[])), ("not_connected", None));
        assert_eq!(reason(&failed(&[32011])), ("not_connected", Some(32011)));
        assert_eq!(reason(&failed(&[11200, 13224])), ("bad_number", Some(13224)));
    }
}
