//! What the called number makes the peer do.

use std::time::Duration;

use serde::Serialize;

/// How a call is treated, by the end of the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Rule {
    /// 0 to 4: rings, answers, plays audio, hangs up.
    Answer,
    /// 5: answers and stays until the caller hangs up.
    Stay,
    /// 6: rings for ever.
    Ring,
    /// 7: rings, then 486.
    Busy,
    /// 8: plays a voicemail greeting that ends in a beep, then listens.
    Voicemail,
    /// 9: rings, then 603.
    Decline,
    /// 00, the first time: 503 with Retry-After.
    NoRoom,
    /// No number at all: 404.
    Unknown,
}

/// What happens after the ringing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Answer and play this; hang up after that time.
    Answer(Sound, Duration),
    /// Refuse with this code.
    Refuse(u16, &'static str),
}

/// What is played to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sound {
    Talk,
    Voicemail,
}

/// A caller that stays on the line this long has died.
const LONGEST_TALK: Duration = Duration::from_secs(3600);
/// "For ever", for a caller that has died without a CANCEL.
const LONGEST_RING: Duration = Duration::from_secs(600);
/// How long the machine listens to a message after its beep.
const MESSAGE: Duration = Duration::from_secs(10);

impl Rule {
    /// The rule of a number. `first_time` tells whether a number ending in `00` calls for the first time; it is asked for those only.
    pub(super) fn of(number: &str, first_time: impl FnOnce() -> bool) -> Self {
        match number.as_bytes() {
            [.., b'0', b'0'] if first_time() => Self::NoRoom,
            [.., b'0'..=b'4'] => Self::Answer,
            [.., b'5'] => Self::Stay,
            [.., b'6'] => Self::Ring,
            [.., b'7'] => Self::Busy,
            [.., b'8'] => Self::Voicemail,
            [.., b'9'] => Self::Decline,
            _ => Self::Unknown,
        }
    }

    /// How long to ring, and what to do then. `voicemail` is the length of that greeting.
    pub(super) fn plan(self, ring: Duration, talk: Duration, voicemail: Duration) -> (Duration, Then) {
        match self {
            Self::Answer => (ring, Then::Answer(Sound::Talk, talk)),
            Self::Stay => (ring, Then::Answer(Sound::Talk, LONGEST_TALK)),
            Self::Ring => (LONGEST_RING, Then::Refuse(480, "Temporarily Unavailable")),
            Self::Busy => (ring, Then::Refuse(486, "Busy Here")),
            Self::Voicemail => (ring, Then::Answer(Sound::Voicemail, voicemail + MESSAGE)),
            Self::Decline => (ring, Then::Refuse(603, "Decline")),
            Self::NoRoom => (Duration::ZERO, Then::Refuse(503, "Service Unavailable")),
            Self::Unknown => (Duration::ZERO, Then::Refuse(404, "Not Found")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_digits_decide() {
        let rules = [
            Rule::Answer,
            Rule::Answer,
            Rule::Answer,
            Rule::Answer,
            Rule::Answer,
            Rule::Stay,
            Rule::Ring,
            Rule::Busy,
            Rule::Voicemail,
            Rule::Decline,
        ];
        for (digit, rule) in rules.into_iter().enumerate() {
            assert_eq!(Rule::of(&format!("+4930123{digit}"), || unreachable!("not a 00 number")), rule);
        }
        assert_eq!(Rule::of("+49301200", || true), Rule::NoRoom);
        assert_eq!(Rule::of("+49301200", || false), Rule::Answer);
        assert_eq!(Rule::of("7", || false), Rule::Busy);
        assert_eq!((Rule::of("", || true), Rule::of("service", || true)), (Rule::Unknown, Rule::Unknown));
    }
}
