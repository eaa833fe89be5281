//! What an endpoint can be told about itself: how it is signed to, which bodies it gets, what else goes along.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{CallState, event::EventType, text_enum::text_enum};

text_enum! {
    /// How requests to an endpoint are signed.
    pub enum Style {
        /// `webhook-id`, `webhook-timestamp`, `webhook-signature` (<https://www.standardwebhooks.com>).
        Standard => "standard",
        /// `Saaya-Signature: t=…,v1=…`.
        Saaya => "saaya",
    }
}

text_enum! {
    /// Whose bodies an endpoint gets.
    pub enum Format {
        /// Ringfleet's: see [`crate::event`].
        Ringfleet => "ringfleet",
        /// Samora's, for its three events.
        Samora => "samora",
    }
}

text_enum! {
    /// What Samora's API tells of a call.
    pub enum SamoraEvent {
        /// It has begun.
        CallStarted => "CALL_STARTED",
        /// Somebody was reached, and it is over.
        CallFinished => "CALL_FINISHED",
        /// It failed, was rejected or not answered.
        CallFailed => "CALL_FAILED",
    }
}

impl SamoraEvent {
    /// What Samora calls this event of a call that is now in this state, if it tells of it at all.
    pub const fn of(event: EventType, state: CallState) -> Option<Self> {
        match (event, state) {
            (EventType::SessionStarted, _) => Some(Self::CallStarted),
            (EventType::SessionEnded, CallState::CallFinished) => Some(Self::CallFinished),
            (EventType::SessionEnded, _) => Some(Self::CallFailed),
            _ => None,
        }
    }
}

/// What a body tells beyond the call itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DataOptions {
    /// What was said.
    pub include_transcript: bool,
    /// Where the recording is.
    pub include_recording_url: bool,
}

/// Headers of the endpoint's own that go along with each request.
pub type CustomHeaders = BTreeMap<String, String>;

/// Most of them, and most characters of a value.
const MOST_HEADERS: usize = 20;
const LONGEST_VALUE: usize = 1000;

/// Hop by hop (RFC 9110 §7.6.1), about the message itself, or ours.
const REFUSED: &[&str] = &[
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "saaya-signature",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether these headers may go along.
///
/// # Errors
/// The name of the header at fault and what would be right.
pub fn check_headers(headers: &CustomHeaders) -> Result<(), (String, &'static str)> {
    if headers.len() > MOST_HEADERS {
        return Err((String::new(), "must be at most 20 headers"));
    }
    let mut seen = std::collections::BTreeSet::new();
    for (name, value) in headers {
        let wrong = |problem| Err((name.clone(), problem));
        let lower = name.to_ascii_lowercase();
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || name.len() > 100 || !name.chars().all(token) {
            return wrong("must be a header name: 1 to 100 letters, digits and - (RFC 9110)");
        }
        if REFUSED.contains(&lower.as_str()) || lower.starts_with("webhook-") {
            return wrong("is set by Ringfleet or belongs to the connection; choose another name");
        }
        if value.len() > LONGEST_VALUE || !value.chars().all(|c| matches!(c, ' '..='~')) {
            return wrong("its value must be at most 1000 printable ASCII characters");
        }
        if !seen.insert(lower) {
            return wrong("is given twice; the case of a header name does not matter");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_are_ours_or_the_connections_are_refused() {
        let one =
            |name: &str, value: &str| check_headers(&CustomHeaders::from([(name.into(), value.into())]));
        assert_eq!(one("X-Api-Key", "abc"), Ok(()));
        assert_eq!(one("Authorization", "Bearer x"), Ok(()));
        for name in [
            "Host",
            "CONNECTION",
            "Transfer-Encoding",
            "Webhook-Id",
            "webhook-signature",
            "Saaya-Signature",
            "content-length",
            "",
            "a b",
            "a:b",
        ] {
            assert!(one(name, "x").is_err(), "{name}");
        }
        assert!(
            one("x", "a\r\nb").is_err() && one("x", "é").is_err() && one("x", &"x".repeat(1001)).is_err()
        );
        let twice = CustomHeaders::from([("X-A".into(), String::new()), ("x-a".into(), String::new())]);
        assert!(check_headers(&twice).is_err());
    }

    #[test]
    fn samora_tells_of_calls_only() {
        let of = SamoraEvent::of;
        assert_eq!(of(EventType::SessionStarted, CallState::Triggered), Some(SamoraEvent::CallStarted));
        assert_eq!(of(EventType::SessionEnded, CallState::CallFinished), Some(SamoraEvent::CallFinished));
        assert_eq!(of(EventType::SessionEnded, CallState::Rejected), Some(SamoraEvent::CallFailed));
        assert_eq!(of(EventType::CampaignStarted, CallState::Pending), None);
    }
}
