//! How the imitation of Telnyx misbehaves, by the last two digits of the called number.

/// What happens to the request that places a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// …00: 429 once for each number.
    ThrottledOnce,
    /// …10: 422, code 10002.
    BadNumber,
    /// …20: placed, and answered with 500.
    PlacedAnd500,
    /// …30: placed, and never answered.
    PlacedAndSilent,
    /// …40: 500, and not placed.
    Broken,
    /// …50: 403, code D12.
    WrongCountry,
    /// …60: placed, and the answer breaks off.
    PlacedAndBrokenOff,
    /// …70: 403, code D1, once for each number.
    FullOnce,
}

impl Fault {
    pub(super) fn of(number: &str) -> Option<Self> {
        Some(match last_two(number) {
            "00" => Self::ThrottledOnce,
            "10" => Self::BadNumber,
            "20" => Self::PlacedAnd500,
            "30" => Self::PlacedAndSilent,
            "40" => Self::Broken,
            "50" => Self::WrongCountry,
            "60" => Self::PlacedAndBrokenOff,
            "70" => Self::FullOnce,
            _ => return None,
        })
    }
}

/// What goes wrong once a call is placed; its last digit, not 0, decides on the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MidCall {
    /// …1x: nobody is shown how it is (500).
    Unshown,
    /// …2x: nobody is shown what was told of it (500).
    Unlisted,
    /// …3x: nobody is told of the answer, a hanging up names no status, and what was told is shown only some time after the end.
    AnswerListedLate,
    /// …4x: the same, and it is never shown.
    AnswerUnlisted,
    /// …5x: what it is told to do is done, and always answered with 500.
    DoesUnsaid,
    /// …6x: each thing that it is told to do is done when it is told again; first there is a 500.
    DoesLater,
    /// …7x: nothing that it is told to do is done (500).
    DoesNothing,
    /// …8x: the same (429).
    Throttled,
    /// …9x: the network behind it breaks down (503) where somebody would have answered.
    Breaks,
}

impl MidCall {
    pub(super) fn of(number: &str) -> Option<Self> {
        let two = last_two(number);
        Some(match two.chars().next()? {
            _ if two.ends_with('0') => return None,
            '1' => Self::Unshown,
            '2' => Self::Unlisted,
            '3' => Self::AnswerListedLate,
            '4' => Self::AnswerUnlisted,
            '5' => Self::DoesUnsaid,
            '6' => Self::DoesLater,
            '7' => Self::DoesNothing,
            '8' => Self::Throttled,
            '9' => Self::Breaks,
            _ => return None,
        })
    }

    /// How often what was told of it is not shown after its end.
    pub(super) fn lags(self) -> usize {
        match self {
            Self::AnswerListedLate => 5,
            Self::AnswerUnlisted | Self::Unlisted => usize::MAX,
            _ => 0,
        }
    }

    pub(super) fn hides_the_answer(self) -> bool {
        matches!(self, Self::AnswerListedLate | Self::AnswerUnlisted)
    }
}

fn last_two(number: &str) -> &str {
    number.get(number.len().saturating_sub(2)..).unwrap_or_default()
}
