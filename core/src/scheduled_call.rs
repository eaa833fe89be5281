//! A recipient as one call, however many attempts it takes: what Samora's API calls a scheduled call.

use crate::{CallState, Outcome, text_enum::text_enum};

text_enum! {
    /// Where a scheduled call, or a single one, stands in Samora's words.
    pub enum ScheduledCallState {
        /// Not being called: not yet, or not again yet.
        Pending => "PENDING",
        /// Dialing has begun.
        Triggered => "TRIGGERED",
        /// In conversation.
        Ongoing => "ONGOING",
        /// Somebody picked up, and it is over.
        CallFinished => "CALL_FINISHED",
        /// Over, and nobody picked up: no answer, a machine, or nobody can tell.
        Unanswered => "UNANSWERED",
        /// Over, and refused: busy, declined, failed, or not to be called at all.
        Rejected => "REJECTED",
    }
}

impl ScheduledCallState {
    /// Where it is over, its last attempt having had this outcome.
    pub const fn of_outcome(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Answered | Outcome::Abandoned | Outcome::Read => Self::CallFinished,
            Outcome::Unanswered
            | Outcome::Voicemail
            | Outcome::Uncertain
            | Outcome::Sent
            | Outcome::Delivered => Self::Unanswered,
            Outcome::Rejected | Outcome::Failed => Self::Rejected,
        }
    }

    /// That of a single call.
    pub const fn of_call(state: CallState) -> Self {
        match state {
            CallState::Pending => Self::Pending,
            CallState::Triggered => Self::Triggered,
            CallState::Ongoing => Self::Ongoing,
            CallState::CallFinished | CallState::Read => Self::CallFinished,
            CallState::Unanswered
            | CallState::Voicemail
            | CallState::Uncertain
            | CallState::Sent
            | CallState::Delivered => Self::Unanswered,
            CallState::Rejected | CallState::Failed | CallState::Cancelled => Self::Rejected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_and_its_outcome_say_the_same() {
        for &outcome in Outcome::ALL {
            let of_call = ScheduledCallState::of_call(outcome.state());
            assert_eq!(of_call, ScheduledCallState::of_outcome(outcome), "{outcome}");
            assert!(outcome.state().is_final());
        }
    }
}
