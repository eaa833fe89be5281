//! What the provider's words for a call mean.

use std::{borrow::Cow, time::Duration};

use ringfleet_core::{
    EndedBy::{self, Callee, Caller},
    Ending,
    Outcome::{Answered, Rejected, Unanswered, Voicemail},
};

use super::calls::Shown;

/// When a call comes back that waited in vain in the queue of its provider.
const QUEUE_WAIT: Duration = Duration::from_secs(30);

/// Where a call stands (<https://www.twilio.com/docs/voice/api/call-resource#call-status-values>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Queued,
    Ringing,
    InProgress,
    Completed,
    Busy,
    NoAnswer,
    Canceled,
    Failed,
    /// A word we do not know: neither an end nor a beginning.
    Unknown,
}

impl State {
    pub(super) fn of(shown: &Shown) -> Self {
        match shown.status.as_str() {
            "queued" | "initiated" => Self::Queued,
            "ringing" => Self::Ringing,
            "in-progress" | "answered" => Self::InProgress,
            "completed" => Self::Completed,
            "busy" => Self::Busy,
            "no-answer" => Self::NoAnswer,
            "canceled" => Self::Canceled,
            "failed" => Self::Failed,
            _ => Self::Unknown,
        }
    }

    pub(super) fn has_rung(self) -> bool {
        matches!(self, Self::Ringing | Self::InProgress | Self::Completed | Self::NoAnswer)
    }

    pub(super) fn is_answered(self) -> bool {
        matches!(self, Self::InProgress | Self::Completed)
    }

    pub(super) fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Busy | Self::NoAnswer | Self::Canceled | Self::Failed)
    }
}

/// What picked up, by the provider's detection
/// (<https://www.twilio.com/docs/voice/answering-machine-detection>, `AnsweredBy`); where that is not known, a person.
pub(super) fn is_machine(shown: &Shown) -> bool {
    shown.answered_by.as_deref().is_some_and(|by| by.starts_with("machine") || by == "fax")
}

/// Why we asked for the end of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Whoever ordered it wants it no more.
    Cancelled,
    /// It was not answered in time; the provider should have seen to that.
    TooLong,
    /// A machine picked up.
    Machine,
    /// Its worker has died.
    WorkerLost,
}

/// The ending of a call that is over and has not failed. `never_dialed`: it waited with the provider until we took it back.
pub(super) fn ending(state: State, is_machine: bool, asked: Option<Why>, never_dialed: bool) -> Ending {
    let by = |other: EndedBy| if asked.is_some() { Caller } else { other };
    match state {
        State::Completed if is_machine => Ending::over(Voicemail, "machine", None, by(Callee)),
        State::Completed if asked == Some(Why::WorkerLost) => {
            Ending::over(Answered, "worker_lost", None, Caller)
        }
        State::Completed => Ending::over(Answered, "completed", None, by(Callee)),
        State::Busy => Ending::over(Rejected, "busy", None, Callee),
        State::NoAnswer => Ending::over(Unanswered, "no_answer", None, Callee),
        State::Canceled => taken_back(asked, never_dialed),
        _ => Ending::uncertain("provider_silent"),
    }
}

fn taken_back(asked: Option<Why>, never_dialed: bool) -> Ending {
    let reason = match asked {
        Some(Why::Cancelled) if never_dialed => {
            return Ending::GivenUp { reason: Cow::Borrowed("cancelled") };
        }
        Some(Why::TooLong) if never_dialed => {
            let reason = Cow::Borrowed("provider_queue");
            return Ending::NoRoom { retry_after: QUEUE_WAIT, reason, code: None };
        }
        Some(Why::TooLong) => "ring_timeout",
        Some(Why::WorkerLost) => "worker_lost",
        Some(Why::Cancelled | Why::Machine) => "cancelled",
        // Somebody with access to the account did.
        None => return Ending::over(Unanswered, "cancelled", None, EndedBy::Carrier),
    };
    Ending::over(Unanswered, reason, None, Caller)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(status: &str) -> Shown {
        serde_json::from_value(serde_json::json!({"sid": "CA1", "status": status})).unwrap()
    }

    #[test]
    fn every_word_has_its_place() {
        for (word, rung, answered, over) in [
            ("queued", false, false, false),
            ("initiated", false, false, false),
            ("ringing", true, false, false),
            ("in-progress", true, true, false),
            ("completed", true, true, true),
            ("busy", false, false, true),
            ("no-answer", true, false, true),
            ("canceled", false, false, true),
            ("failed", false, false, true),
            ("paused", false, false, false),
        ] {
            let state = State::of(&shown(word));
            assert_eq!(
                (state.has_rung(), state.is_answered(), state.is_over()),
                (rung, answered, over),
                "{word}"
            );
        }
    }

    #[test]
    fn only_what_was_never_dialed_is_free() {
        let free = |asked, never_dialed| {
            let ending = ending(State::Canceled, false, asked, never_dialed);
            !matches!(ending, Ending::Over { .. })
        };
        assert!(free(Some(Why::Cancelled), true) && free(Some(Why::TooLong), true));
        assert!(!free(Some(Why::Cancelled), false) && !free(Some(Why::TooLong), false));
        assert!(!free(Some(Why::WorkerLost), true) && !free(None, true), "nobody of ours has seen it wait");
    }

    #[test]
    fn a_machine_is_voicemail_and_silence_of_the_detection_is_a_person() {
        let of = |by: &str| {
            let mut shown = shown("completed");
            shown.answered_by = Some(by.to_owned());
            matches!(
                ending(State::of(&shown), is_machine(&shown), None, false),
                Ending::Over { outcome: Voicemail, .. }
            )
        };
        assert!(["machine_start", "machine_end_beep", "machine_end_other", "fax"].iter().all(|by| of(by)));
        assert!(!of("human") && !of("unknown"));
    }
}
