//! What it means when WhatsApp refuses a message, or says afterwards why it did not arrive.
//!
//! Source of the codes: <https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes>. They have six digits, more than the code of
//! a call has room for, so that shows the HTTP status where a code does not fit.

use std::{borrow::Cow, time::Duration};

use ringfleet_core::{
    EndedBy, Ending, Outcome,
    call::{BAD_NUMBER, OPTED_OUT},
};

use super::templates::REST;
use crate::rest::{Trouble, wait};

/// What a code stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// There is no room now, and usually after so many seconds: nothing is consumed.
    NoRoom(u64),
    /// The message has failed for this reason.
    Failed(&'static str),
    /// The template cannot be used, whoever was to get it.
    Template,
    /// It is not said whether it was sent.
    Unclear,
}
use Meaning::{Failed, NoRoom, Template, Unclear};

/// What `code` stands for. Whatever may be the account's fault is `auth` or `forbidden`: see [`ringfleet_core::call::TRUNK_TROUBLE`].
pub(super) const fn meaning(code: u32) -> Option<Meaning> {
    Some(match code {
        1 | 2 | 131_000 | 131_016 => Unclear, // unknown or passing fault of the service
        4 | 80_007 => NoRoom(60),             // too many requests of the app, of the account
        130_429 => NoRoom(5),                 // more messages in a second than the number may send
        131_048 => NoRoom(300),               // too many of its messages were blocked
        131_056 => NoRoom(60),                // too many messages to this person
        131_057 | 133_004 => NoRoom(300),     // the account is being maintained; the server is
        0 | 190 => Failed("auth"),            // the token is wrong, or has expired
        3 | 10 | 200..=299 => Failed("auth"), // the token lacks a permission
        368 => Failed("forbidden"),           // the account is blocked for a while
        131_005 | 131_031 | 131_042 | 131_045 => Failed("forbidden"), // no access; locked; unpaid; not registered
        130_497 => Failed("forbidden"),                               // not to this country
        131_030 => Failed("forbidden"), // a test number, and not one of its recipients
        133_010 => Failed("forbidden"), // the number is not registered
        131_021 => Failed(BAD_NUMBER),  // to itself
        131_026 => Failed("not_on_whatsapp"), // cannot be delivered: mostly, not on WhatsApp
        131_047 => Failed("outside_window"), // free text, more than a day after the recipient has written
        131_049 | 130_472 => Failed("filtered"), // kept back by WhatsApp: enough of it; an experiment
        131_050 => Failed(OPTED_OUT),   // the recipient wants no marketing from this number
        132_005 => Failed("message_too_long"), // too long with its values
        132_000..=132_099 => Template,  // no such template or language, places, policy, paused, disabled
        _ => return None,
    })
}

/// The ending of a message that was taken.
pub(super) fn sent() -> Ending {
    Ending::over(Outcome::Sent, "accepted", None, EndedBy::Carrier)
}

/// What a refusal with this status (300 to 499) means.
pub(super) fn understood(status: u16, code: Option<u32>) -> Meaning {
    code.and_then(meaning).unwrap_or(match status {
        401 | 404 => Failed("auth"),
        429 => NoRoom(5),
        300..=399 => Failed("network"),
        // Mostly a fault of the trunk's settings; where it is the recipient's, the brake finds that out.
        _ => Failed("forbidden"),
    })
}

/// The ending of a message that was refused so.
pub(super) fn refused(
    meaning: Meaning,
    status: u16,
    code: Option<u32>,
    retry_after: Option<Duration>,
) -> Ending {
    let code = Some(code.and_then(|code| u16::try_from(code).ok()).unwrap_or(status));
    let no_room = |retry_after, reason| Ending::NoRoom { retry_after, reason: Cow::Borrowed(reason), code };
    match meaning {
        NoRoom(seconds) => no_room(wait(retry_after, Duration::from_secs(seconds)), "throttled"),
        Template => no_room(REST, TEMPLATE_REFUSED),
        Failed(reason) => Ending::over(Outcome::Failed, reason, code, EndedBy::Carrier),
        Unclear => Ending::uncertain("placement_unknown"),
    }
}

/// Why nothing is sent with a template.
pub(super) const TEMPLATE_REFUSED: &str = "template_refused";

/// Why a message did not arrive that was taken.
pub(super) fn reason(code: Option<u32>) -> &'static str {
    match code.and_then(meaning) {
        Some(Failed(reason)) => reason,
        Some(NoRoom(_)) => "throttled",
        Some(Template) => TEMPLATE_REFUSED,
        Some(Unclear) | None => "undelivered",
    }
}

/// What the answer to a question about the number says about the trunk.
pub(super) fn probed(answer: Result<(), Trouble>) -> Result<(), &'static str> {
    match answer {
        Ok(()) => Ok(()),
        Err(Trouble::Unsent(_) | Trouble::Unknown(_)) => Err("network"),
        Err(Trouble::Refused { status, code, .. }) => match understood(status, code) {
            NoRoom(_) => Ok(()), // too much asked of it, it is there all the same
            Unclear | Failed("network") => Err("network"),
            Failed("auth") => Err("auth"),
            Failed(_) | Template => Err("forbidden"),
        },
    }
}

#[cfg(test)]
mod tests {
    use ringfleet_core::brake::{Evidence, evidence};

    use super::*;

    #[test]
    fn every_code_has_its_place() {
        for (code, expected) in [
            (190, Failed("auth")),
            (200, Failed("auth")),
            (299, Failed("auth")),
            (368, Failed("forbidden")),
            (131_026, Failed("not_on_whatsapp")),
            (131_047, Failed("outside_window")),
            (130_429, NoRoom(5)),
            (131_048, NoRoom(300)),
            (131_056, NoRoom(60)),
            (80_007, NoRoom(60)),
            (131_000, Unclear),
            (132_000, Template),
            (132_001, Template),
            (132_005, Failed("message_too_long")),
            (132_015, Template),
            (132_016, Template),
        ] {
            assert_eq!(understood(400, Some(code)), expected, "{code}");
        }
        for (status, expected) in [
            (401, Failed("auth")),
            (429, NoRoom(5)),
            (302, Failed("network")),
            (400, Failed("forbidden")),
            (403, Failed("forbidden")),
        ] {
            assert_eq!(understood(status, None), expected, "{status}");
            assert_eq!(understood(status, Some(999_999)), expected, "{status}");
        }
    }

    #[test]
    fn what_may_be_the_trunks_fault_charges_nobody() {
        let of = |code| evidence(&refused(understood(400, Some(code)), 400, Some(code), None));
        assert_eq!(of(190), Evidence::Trouble);
        assert_eq!(of(368), Evidence::TroublePerhaps);
        assert_eq!(of(131_026), Evidence::Fine);
        let held = refused(Template, 404, Some(132_001), None);
        assert!(matches!(held, Ending::NoRoom { retry_after: REST, code: Some(404), .. }), "{held:?}");
    }

    #[test]
    fn why_a_message_did_not_arrive() {
        for (code, expected) in [
            (Some(131_026), "not_on_whatsapp"),
            (Some(131_047), "outside_window"),
            (Some(131_049), "filtered"),
            (Some(131_050), "opted_out"),
            (Some(132_015), "template_refused"),
            (Some(130_429), "throttled"),
            (Some(131_000), "undelivered"),
            (Some(7), "undelivered"),
            (None, "undelivered"),
        ] {
            assert_eq!(reason(code), expected, "{code:?}");
        }
    }
}
