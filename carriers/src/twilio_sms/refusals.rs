//! What it means when the provider refuses a message, or says afterwards why it did not arrive.
//!
//! Source of the codes: <https://www.twilio.com/docs/api/errors>, where each has a page `/docs/api/errors/CODE`.

use std::time::Duration;

use ringfleet_core::{
    EndedBy, Ending, Outcome,
    call::{BAD_NUMBER, OPTED_OUT},
};

use super::{messages::Shown, sent};
use crate::{
    refusals::{
        Codes,
        Meaning::{Failed, NoRoom},
    },
    twilio::refusals::refused as refused_by,
};

/// Where a message cannot arrive: a number of a line without a display.
const LANDLINE: &str = "landline";
/// A network or the provider has kept it back for what it says or who says it.
const FILTERED: &str = "filtered";

/// What is said of a request to send a message. Whatever may be the account's fault, or the number's it comes from, is `forbidden`.
const MESSAGES: Codes = &[
    (14107, NoRoom("throttled")),        // message rate limit exceeded
    (21211, Failed(BAD_NUMBER)),         // To is no valid number
    (21212, Failed("forbidden")),        // From is no valid number
    (21217, Failed(BAD_NUMBER)),         // the number does not appear to be valid
    (21265, Failed(BAD_NUMBER)),         // To cannot be a short code
    (21266, Failed(BAD_NUMBER)),         // To and From are the same
    (21408, Failed("forbidden")),        // no permission for this region
    (21603, Failed("forbidden")),        // From is missing
    (21604, Failed(BAD_NUMBER)),         // To is missing
    (21606, Failed("forbidden")),        // From cannot send text messages
    (21608, Failed("forbidden")),        // To is not verified (trial account)
    (21610, Failed(OPTED_OUT)),          // the recipient has replied STOP
    (21611, NoRoom("throttled")),        // this sender's queue is full
    (21612, Failed("forbidden")),        // To cannot be reached from From
    (21614, Failed(BAD_NUMBER)),         // To is no mobile number
    (21617, Failed("message_too_long")), // more than 1,600 characters
    (21635, Failed(BAD_NUMBER)),         // To is a landline
    (21659, Failed("forbidden")),        // From is not a number of this provider's
    (21660, Failed("forbidden")),        // From is not a number of this account's
    (21661, Failed("forbidden")),        // From cannot send text messages
    (21703, Failed("forbidden")),        // the messaging service has no sender
    (21704, Failed("forbidden")),        // nor one that reaches this number
    (21705, Failed("forbidden")),        // no such messaging service
    (21710, Failed("forbidden")),        // nor a usable one
    (30001, NoRoom("throttled")),        // queue overflow
    (30002, Failed("forbidden")),        // account suspended
    (30034, Failed("forbidden")),        // the sender is not registered (A2P 10DLC)
    (63038, NoRoom("throttled")),        // daily limit of the account
];

/// Why a message did not arrive that was taken.
const LATER: &[(u32, &str)] = &[
    (21610, OPTED_OUT),
    (30001, "throttled"),       // queue overflow
    (30002, "forbidden"),       // account suspended
    (30003, "unreachable"),     // the handset is off or out of reach
    (30004, "blocked"),         // the recipient or its network blocks it
    (30005, BAD_NUMBER),        // no such handset
    (30006, LANDLINE),          // a landline, or a network that cannot be reached
    (30007, FILTERED),          // filtered by a network
    (30010, "forbidden"),       // dearer than the account allows
    (30017, "unreachable"),     // congestion of a network
    (30022, "throttled"),       // beyond what a sender may send
    (30023, "throttled"),       // the same, in a day
    (30032, "forbidden"),       // the toll-free sender is not verified
    (30034, "forbidden"),       // the sender is not registered (A2P 10DLC)
    (30038, FILTERED),          // a one-time password where none may be
    (30410, "unreachable"),     // a provider on the way timed out
    (30450, FILTERED),          // the network refuses the text
    (30454, FILTERED),          // taken for fraud
    (63016, "outside_window"),  // WhatsApp: free text more than a day after the recipient has written
    (63024, "not_on_whatsapp"), // WhatsApp: no such recipient
    (63032, "not_on_whatsapp"), // WhatsApp: it cannot be delivered
];

/// The ending of a message that was refused with this status (300 to 499): it was not sent.
pub(super) fn refused(status: u16, code: Option<u32>, retry_after: Option<Duration>) -> Ending {
    refused_by(MESSAGES, status, code, retry_after)
}

/// Why a message did not arrive, by the provider's code.
pub(super) fn reason(code: Option<u32>) -> &'static str {
    LATER.iter().find(|(known, _)| Some(*known) == code).map_or("undelivered", |(_, reason)| reason)
}

/// How a message stands that the provider has: it was sent, unless that is known to have been in vain.
pub(super) fn ending(shown: &Shown) -> Ending {
    match shown.status.as_deref() {
        Some("failed" | "undelivered" | "canceled") => {
            let code = shown.error_code.and_then(|code| u16::try_from(code).ok());
            Ending::over(Outcome::Failed, reason(shown.error_code), code, EndedBy::Carrier)
        }
        _ => sent(),
    }
}

#[cfg(test)]
mod tests {
    use ringfleet_core::brake::{Evidence, evidence};
    use serde_json::json;

    use super::*;

    #[test]
    fn what_lies_with_the_recipient_is_told_from_what_lies_with_the_trunk() {
        for (status, code, expected) in [
            (400, Some(21211), Evidence::Fine),
            (400, Some(21610), Evidence::Fine),
            (400, Some(21408), Evidence::TroublePerhaps),
            (400, Some(21606), Evidence::TroublePerhaps),
            (400, None, Evidence::TroublePerhaps),
            (401, Some(20003), Evidence::Trouble),
            (429, Some(20429), Evidence::Fine),
            (429, Some(21611), Evidence::Fine),
        ] {
            assert_eq!(evidence(&refused(status, code, None)), expected, "{status} {code:?}");
        }
    }

    #[test]
    fn a_message_that_the_provider_has_was_sent_unless_that_was_in_vain() {
        let of = |status: &str, code: Option<u32>| {
            let shown = json!({"sid": "SM1", "status": status, "error_code": code});
            ending(&serde_json::from_value(shown).unwrap())
        };
        for status in ["accepted", "scheduled", "queued", "sending", "sent", "delivered", "read", "?"] {
            assert_eq!(of(status, None), sent(), "{status}");
        }
        let failed = |reason, code| Ending::over(Outcome::Failed, reason, code, EndedBy::Carrier);
        assert_eq!(of("undelivered", Some(30005)), failed(BAD_NUMBER, Some(30005)));
        assert_eq!(of("failed", Some(12)), failed("undelivered", Some(12)));
        assert_eq!(of("canceled", None), failed("undelivered", None));
    }
}
