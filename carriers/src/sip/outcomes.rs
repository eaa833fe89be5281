//! What a final SIP response means: the default table, and what a trunk's own rules change in it.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use ringfleet_core::{
    EndedBy::{self, Callee, Caller, Carrier},
    Ending,
    Outcome::{self, Failed, Rejected, Unanswered},
    trunk::OutcomeRule,
};

/// Longest wait a peer can impose by Retry-After.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// Shortest wait, so that `Retry-After: 0` is no busy loop.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// Wait after a 429 that does not say how long.
const THROTTLED_WAIT: Duration = Duration::from_secs(5);

/// Why we gave a ringing call up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GaveUp {
    /// It rang long enough.
    RingTimeout,
    /// Whoever ordered the call no longer wants it.
    Cancelled,
}

impl GaveUp {
    pub(crate) fn ending(self, code: Option<u16>) -> Ending {
        let reason = match self {
            Self::RingTimeout => "ring_timeout",
            Self::Cancelled => "cancelled",
        };
        Ending::over(Unanswered, reason, code, Caller)
    }

    /// The ending when the INVITE then turned out to have reached nobody: it met a challenge and no phone. Unless one had
    /// rung before, that is no attempt; and a trunk that takes longer to ask than a phone may ring is in trouble.
    pub(super) fn unreached(self, rang: bool, code: Option<u16>) -> Ending {
        match self {
            _ if rang => self.ending(code),
            Self::Cancelled => Ending::GivenUp { reason: Cow::Borrowed("cancelled") },
            Self::RingTimeout => Ending::over(Failed, "network", code, Carrier),
        }
    }
}

/// What had been seen of a call when its final response came.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    /// Any provisional response: the peer is alive and has the call.
    pub(crate) provisional: bool,
    /// 180 or 183: a phone rings.
    pub(crate) rang: bool,
    /// We wanted the call to end before it was answered.
    pub(crate) gave_up: Option<GaveUp>,
}

/// One line of the table: from this code to that one, after ringing or not (`None`: either way).
struct Line(u16, u16, Option<bool>, Outcome, &'static str, EndedBy);

/// RFC 3261 §21, RFC 8197 (607), RFC 8688 (608). The first line that fits decides.
const DEFAULTS: &[Line] = &[
    Line(300, 399, None, Failed, "redirected", Carrier),
    // Trouble with the trunk is not charged to anybody; but a phone that rang was reached.
    Line(401, 401, Some(false), Failed, "auth", Carrier),
    Line(401, 401, Some(true), Failed, "dropped", Carrier),
    Line(403, 403, Some(false), Failed, "forbidden", Carrier),
    Line(403, 403, Some(true), Failed, "dropped", Carrier),
    Line(404, 404, None, Failed, "bad_number", Carrier),
    Line(407, 407, Some(false), Failed, "auth", Carrier),
    Line(407, 407, Some(true), Failed, "dropped", Carrier),
    Line(408, 408, Some(true), Unanswered, "no_answer", Callee),
    Line(408, 408, Some(false), Failed, "network", Carrier),
    Line(410, 410, None, Failed, "bad_number", Carrier),
    Line(415, 415, None, Failed, "media", Carrier),
    Line(480, 480, None, Unanswered, "unavailable", Callee),
    Line(484, 484, None, Failed, "bad_number", Carrier),
    Line(486, 486, None, Rejected, "busy", Callee),
    Line(487, 487, None, Unanswered, "cancelled", Carrier),
    Line(488, 488, None, Failed, "media", Carrier),
    Line(500, 599, Some(false), Failed, "network", Carrier),
    Line(500, 599, Some(true), Failed, "dropped", Carrier),
    Line(600, 600, None, Rejected, "busy", Callee),
    Line(603, 603, None, Rejected, "declined", Callee),
    Line(604, 604, None, Failed, "bad_number", Carrier),
    Line(606, 606, None, Failed, "media", Carrier),
    Line(607, 608, None, Rejected, "declined", Callee),
];

/// The ending a final response (300 to 699) of the peer stands for.
///
/// In this order: our own giving up (487, or a challenge we no longer answer), the trunk's rules, "no room" (503 with Retry-After, 429; only while
/// nothing rang, for later something was consumed), the default table.
pub(crate) fn ending(
    code: u16,
    retry_after: Option<&str>,
    seen: Seen,
    rules: &BTreeMap<u16, OutcomeRule>,
) -> Ending {
    match (code, seen.gave_up) {
        (487, Some(gave_up)) => return gave_up.ending(Some(code)),
        (401 | 407, Some(gave_up)) => return gave_up.unreached(seen.rang, Some(code)),
        _ => {}
    }
    let wait = retry_after.and_then(delta_seconds);
    match rules.get(&code) {
        Some(OutcomeRule::Outcome { outcome, reason }) => {
            let reason = Cow::Owned(reason.clone());
            return Ending::Over { outcome: *outcome, reason, code: Some(code), by: by(*outcome) };
        }
        // A phone that rang was reached: whatever the trunk means by it, that was an attempt.
        Some(OutcomeRule::NoRoom { retry_after_seconds }) if !seen.rang => {
            let fallback = Duration::from_secs((*retry_after_seconds).into());
            return no_room(code, wait.unwrap_or(fallback), "trunk_busy");
        }
        Some(OutcomeRule::NoRoom { .. }) | None => {}
    }
    match (code, wait) {
        (503, Some(wait)) if !seen.rang => return no_room(code, wait, "trunk_busy"),
        (429, wait) if !seen.rang => return no_room(code, wait.unwrap_or(THROTTLED_WAIT), "throttled"),
        _ => {}
    }
    DEFAULTS
        .iter()
        .find(|line| (line.0..=line.1).contains(&code) && line.2.is_none_or(|rang| rang == seen.rang))
        .map_or_else(
            || Ending::over(Failed, "sip_error", Some(code), Carrier),
            |line| Ending::over(line.3, line.4, Some(code), line.5),
        )
}

/// The ending a final response stands for that a provider met with a call it had taken. It is no word of the provider's about itself: a phone
/// may have rung, so that this was an attempt.
pub(crate) fn ending_beyond(code: u16) -> Ending {
    ending(code, None, Seen { provisional: true, rang: true, gave_up: None }, &BTreeMap::new())
}

fn no_room(code: u16, wait: Duration, reason: &'static str) -> Ending {
    let retry_after = wait.clamp(SHORTEST_WAIT, LONGEST_WAIT);
    Ending::NoRoom { retry_after, reason: Cow::Borrowed(reason), code: Some(code) }
}

fn by(outcome: Outcome) -> EndedBy {
    match outcome {
        Outcome::Answered | Outcome::Unanswered | Outcome::Rejected | Outcome::Voicemail => Callee,
        Outcome::Abandoned => Caller,
        Outcome::Failed | Outcome::Uncertain | Outcome::Sent | Outcome::Delivered | Outcome::Read => Carrier,
    }
}

/// The seconds of a Retry-After (RFC 3261 §20.33); a comment or parameters may follow: `120 (maintenance);duration=60`.
fn delta_seconds(value: &str) -> Option<Duration> {
    let value = value.trim_start();
    let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let (number, rest) = value.split_at(digits);
    let ends_well = rest.is_empty() || rest.starts_with([' ', '\t', '(', ';', ',']);
    if number.is_empty() || !ends_well {
        return None;
    }
    // More digits than fit are simply very long; the caller caps it.
    Some(Duration::from_secs(number.parse::<u32>().unwrap_or(u32::MAX).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(code: u16, rang: bool) -> Ending {
        ending(code, None, Seen { provisional: rang, rang, gave_up: None }, &BTreeMap::new())
    }

    #[test]
    fn the_default_table() {
        for (code, rang, outcome, reason) in [
            (480, true, Unanswered, "unavailable"),
            (408, true, Unanswered, "no_answer"),
            (408, false, Failed, "network"),
            (486, true, Rejected, "busy"),
            (600, false, Rejected, "busy"),
            (603, true, Rejected, "declined"),
            (607, true, Rejected, "declined"),
            (608, false, Rejected, "declined"),
            (404, false, Failed, "bad_number"),
            (410, false, Failed, "bad_number"),
            (484, false, Failed, "bad_number"),
            (604, false, Failed, "bad_number"),
            (401, true, Failed, "dropped"),
            (403, true, Failed, "dropped"),
            (407, true, Failed, "dropped"),
            (401, false, Failed, "auth"),
            (407, false, Failed, "auth"),
            (403, false, Failed, "forbidden"),
            (500, false, Failed, "network"),
            (502, false, Failed, "network"),
            (503, false, Failed, "network"),
            (504, false, Failed, "network"),
            (503, true, Failed, "dropped"),
            (302, false, Failed, "redirected"),
            (499, false, Failed, "sip_error"),
        ] {
            match plain(code, rang) {
                Ending::Over { outcome: got, reason: why, code: kept, .. } => {
                    assert_eq!(
                        (got, why.as_ref(), kept),
                        (outcome, reason, Some(code)),
                        "{code} rang={rang}"
                    );
                }
                other => panic!("{code}: {other:?}"),
            }
        }
    }

    #[test]
    fn no_room_is_no_ending() {
        let waits = |code, value: Option<&str>| match ending(code, value, Seen::default(), &BTreeMap::new()) {
            Ending::NoRoom { retry_after, .. } => Some(retry_after.as_secs()),
            _ => None,
        };
        assert_eq!(waits(503, Some("7")), Some(7));
        assert_eq!(waits(503, Some(" 18000 (later);duration=3600")), Some(3600));
        assert_eq!(waits(503, Some("99999999999999999999")), Some(3600));
        assert_eq!(waits(503, Some("0")), Some(1));
        assert_eq!(waits(503, Some("2;duration=1")), Some(2));
        assert_eq!(waits(503, Some("soon")), None);
        assert_eq!(waits(503, Some("Sat, 01 Jan 2028 00:00:00 GMT")), None);
        assert_eq!(waits(503, None), None);
        assert_eq!(waits(429, None), Some(5));
        assert_eq!(waits(429, Some("30")), Some(30));
    }

    #[test]
    fn what_rang_was_not_without_room() {
        let seen = Seen { provisional: true, rang: true, gave_up: None };
        let got = ending(503, Some("7"), seen, &BTreeMap::new());
        assert_eq!(got, Ending::over(Failed, "dropped", Some(503), Carrier));
    }

    #[test]
    fn our_cancellation_explains_487_and_nothing_else() {
        let rules = BTreeMap::from([(487, OutcomeRule::NoRoom { retry_after_seconds: 3 })]);
        let seen = Seen { provisional: true, rang: true, gave_up: Some(GaveUp::RingTimeout) };
        assert_eq!(
            ending(487, None, seen, &rules),
            Ending::over(Unanswered, "ring_timeout", Some(487), Caller)
        );
        assert_eq!(ending(486, None, seen, &rules), Ending::over(Rejected, "busy", Some(486), Callee));
        let cancelled = Seen { gave_up: Some(GaveUp::Cancelled), ..seen };
        assert_eq!(
            ending(487, None, cancelled, &rules),
            Ending::over(Unanswered, "cancelled", Some(487), Caller)
        );
    }

    #[test]
    fn a_trunk_has_the_last_word() {
        let rules = BTreeMap::from([
            (403, OutcomeRule::NoRoom { retry_after_seconds: 20 }),
            (486, OutcomeRule::Outcome { outcome: Failed, reason: "channel_limit".into() }),
        ]);
        let at = |code, header| ending(code, header, Seen::default(), &rules);
        let wait = |seconds| Ending::NoRoom {
            retry_after: Duration::from_secs(seconds),
            reason: "trunk_busy".into(),
            code: Some(403),
        };
        assert_eq!(at(403, None), wait(20));
        assert_eq!(at(403, Some("4")), wait(4));
        assert_eq!(at(486, None), Ending::over(Failed, "channel_limit", Some(486), Carrier));
        let rang = Seen { provisional: true, rang: true, gave_up: None };
        let after_ringing = ending(403, None, rang, &rules);
        assert!(
            matches!(after_ringing, Ending::Over { .. }),
            "a phone that rang was an attempt: {after_ringing:?}"
        );
    }
}
