//! A call: one attempt on one channel. The native API calls it a session.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::text_enum::text_enum;

text_enum! {
    /// Where a call stands: PENDING → TRIGGERED → ONGOING → CALL_FINISHED, or another final state.
    pub enum CallState {
        /// Waits for a worker; nothing has reached the network.
        Pending => "PENDING",
        /// A worker has begun it; it may have reached the network.
        Triggered => "TRIGGERED",
        /// Answered; media flows.
        Ongoing => "ONGOING",
        /// Answered and over.
        CallFinished => "CALL_FINISHED",
        /// Rang, or found nobody.
        Unanswered => "UNANSWERED",
        /// Busy or declined.
        Rejected => "REJECTED",
        /// A machine answered.
        Voicemail => "VOICEMAIL",
        /// Could not be placed or broke.
        Failed => "FAILED",
        /// It may have reached somebody and nobody can tell any more.
        Uncertain => "UNCERTAIN",
        /// Given up before it could end by itself.
        Cancelled => "CANCELLED",
        /// A message that was taken; nobody has told yet what became of it.
        Sent => "SENT",
        /// A message that has arrived.
        Delivered => "DELIVERED",
        /// A message that was read, or answered.
        Read => "READ",
    }
}

impl CallState {
    /// Nothing more happens to a call in this state.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Triggered | Self::Ongoing)
    }
}

text_enum! {
    /// How a call ended.
    pub enum Outcome {
        /// Somebody picked up.
        Answered => "ANSWERED",
        /// Nobody picked up.
        Unanswered => "UNANSWERED",
        /// Busy or declined.
        Rejected => "REJECTED",
        /// A machine picked up.
        Voicemail => "VOICEMAIL",
        /// Somebody picked up, no seat was free, and we hung up: see [`crate::seats`].
        Abandoned => "ABANDONED",
        /// Could not be placed or broke.
        Failed => "FAILED",
        /// It may have reached somebody and nobody can tell any more; counts as an attempt.
        Uncertain => "UNCERTAIN",
        /// A message that was taken; nobody has told yet what became of it.
        Sent => "SENT",
        /// A message that has arrived.
        Delivered => "DELIVERED",
        /// A message that was read, or answered.
        Read => "READ",
    }
}

impl Outcome {
    /// Somebody picked up, whether or not somebody talked to them.
    pub const fn was_answered(self) -> bool {
        matches!(self, Self::Answered | Self::Abandoned)
    }

    /// Only a message comes to it.
    pub const fn is_of_messages(self) -> bool {
        matches!(self, Self::Sent | Self::Delivered | Self::Read)
    }

    /// The final state a call with this outcome is in.
    pub const fn state(self) -> CallState {
        match self {
            Self::Answered | Self::Abandoned => CallState::CallFinished,
            Self::Unanswered => CallState::Unanswered,
            Self::Rejected => CallState::Rejected,
            Self::Voicemail => CallState::Voicemail,
            Self::Failed => CallState::Failed,
            Self::Uncertain => CallState::Uncertain,
            Self::Sent => CallState::Sent,
            Self::Delivered => CallState::Delivered,
            Self::Read => CallState::Read,
        }
    }
}

text_enum! {
    /// Which side ended a call.
    pub enum EndedBy {
        /// The person called, or the network on their behalf.
        Callee => "callee",
        /// We did.
        Caller => "caller",
        /// The carrier refused or dropped it.
        Carrier => "carrier",
    }
}

/// What was heard of the callee of an answered call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Heard {
    /// The keys pressed, in order: `0` to `9`, `*`, `#`, `A` to `D`.
    pub digits: String,
    /// How the callee began to talk; none where nothing was heard at all.
    pub speech: Option<Speech>,
}

/// How a callee began, measured in the first ten seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Speech {
    /// Silence after the answer, in milliseconds.
    pub silence_ms: u32,
    /// Length of the first utterance up to a pause of 800 ms, in milliseconds; 0 where there was none.
    pub first_ms: u32,
    /// What that sounds like.
    pub guess: Option<Guess>,
}

text_enum! {
    /// What the beginning of a call sounds like.
    pub enum Guess {
        /// A word, and a pause for the answer.
        Human => "human",
        /// Somebody who talks on for more than two and a half seconds.
        Machine => "machine",
    }
}

/// How an attempt ended, as whoever saw it reports: the one value that travels from a carrier to [`crate::settle`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The attempt was made and is over.
    Over {
        /// What happened.
        outcome: Outcome,
        /// Finer than the outcome, stable text: `ring_timeout`, `busy`, `declined`, `bad_number`, `auth`, …
        reason: Cow<'static, str>,
        /// SIP status (RFC 3261 §21) or the provider's code, if there was one.
        code: Option<u16>,
        /// Who ended it.
        by: EndedBy,
    },
    /// The carrier has no room now; nothing was consumed and the call comes back later.
    NoRoom {
        /// Wait at least this long.
        retry_after: std::time::Duration,
        /// What the carrier said: `trunk_busy`, `throttled`, …
        reason: Cow<'static, str>,
        /// SIP status or the provider's code.
        code: Option<u16>,
    },
    /// Given up on purpose before anybody could be reached: the campaign was cancelled or paused, the worker drains.
    GivenUp {
        /// `cancelled`, `paused`, `drained`, …
        reason: Cow<'static, str>,
    },
}

/// What the ending of a call says that was hung up because its campaign was stopped.
pub const HUNG_UP: &str = "hung_up";

impl Ending {
    /// Shorthand for [`Ending::Over`].
    pub fn over(outcome: Outcome, reason: &'static str, code: Option<u16>, by: EndedBy) -> Self {
        Self::Over { outcome, reason: Cow::Borrowed(reason), code, by }
    }

    /// The ending of a call of which nobody can say what became of it.
    pub fn uncertain(reason: &'static str) -> Self {
        Self::over(Outcome::Uncertain, reason, None, EndedBy::Carrier)
    }

    /// The ending of a call that somebody answered while no seat was free, however the carrier saw it end.
    pub fn abandoned(self) -> Self {
        match self {
            Self::Over { code, by, .. } => Self::over(Outcome::Abandoned, NO_FREE_SEAT, code, by),
            other => other,
        }
    }

    /// The ending of a dead worker's call: what the carrier found out, or what the state it had reached proves.
    ///
    /// Somebody had picked up a call that was ONGOING; that the network has forgotten it since does not undo it. Where no seat was free
    /// then, its `reason` says so already, and whatever the network remembers it was abandoned.
    pub fn of_orphan(reached: CallState, reason: Option<&str>, found: Self) -> Self {
        match (reached, &found) {
            (CallState::Ongoing, _) if reason == Some(NO_FREE_SEAT) => found.abandoned(),
            (CallState::Ongoing, Self::Over { outcome: Outcome::Uncertain, .. }) => {
                Self::over(Outcome::Answered, "worker_lost", None, EndedBy::Carrier)
            }
            _ => found,
        }
    }
}

/// Reasons of a FAILED call that are trouble with the trunk whatever the number is: nothing is consumed, the call comes back, and
/// the trunk rests (see [`crate::brake`]). `auth`: it refuses our credentials (SIP 401, 407). `trunk_silent`: it did not answer at
/// all.
pub const TRUNK_TROUBLE: &[&str] = &["auth", "trunk_silent"];

/// The same unless it is only this number that meets it: some trunks refuse a single destination in these words, and that is how
/// the call ends once it has gone to its carrier [`TRUNK_TRIES`] times while the trunk served others. `forbidden`: SIP 403.
/// `network`: SIP 5xx, a 408 without ringing, no way to the trunk.
pub const TRUNK_TROUBLE_PERHAPS: &[&str] = &["forbidden", "network"];

/// How often a call goes to its carrier before [`TRUNK_TROUBLE_PERHAPS`] counts.
pub const TRUNK_TRIES: u32 = 5;

/// Reasons after which calling the same number again makes no sense, whatever the plan says.
///
/// `bad_number`: the network says there is no such number. `declined`: a human or a filter said no (SIP 603, RFC 8197, RFC 8688).
/// [`UNSAYABLE`]: what is to be said lacks something of the recipient, and will lack it next time.
pub const NEVER_RETRY: &[&str] = &[BAD_NUMBER, DECLINED, MISSING_VARIABLE, TEXT_TOO_LONG];

/// Why a call FAILED before anything was sent: a text that is said in it has a place for a variable that the recipient lacks, and no default.
pub const MISSING_VARIABLE: &str = "missing_variable";

/// The same for a text that the recipient's variables make too long.
pub const TEXT_TOO_LONG: &str = "text_too_long";

/// Reasons for which a call can never be placed as it is, whoever tries: its recipient ends INVALID.
pub const UNSAYABLE: &[&str] = &[MISSING_VARIABLE, TEXT_TOO_LONG];

/// Why a call is held whose greeting could not be rendered from its text: there is no provider of speech, or it does not answer.
pub const SPEECH_UNAVAILABLE: &str = "speech_unavailable";

/// Why a call FAILED whose number does not exist.
pub const BAD_NUMBER: &str = "bad_number";

/// Why a call is ABANDONED. It stands with the call from the answer on, while that is still being hung up.
pub const NO_FREE_SEAT: &str = "no_free_seat";

/// Why a call FAILED that somebody answered: the program that was to talk could not be reached. Nobody was reached by that.
pub const AGENT_UNREACHABLE: &str = "agent_unreachable";

/// Why a call ended that its agent had: the connection broke, or nothing came from it any more.
pub const AGENT_LOST: &str = "agent_lost";

/// Why a call ended whose callee pressed the key that says: never again.
pub const OPTED_OUT: &str = "opted_out";

/// A human or a filter said no.
pub const DECLINED: &str = "declined";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answered_orphan_was_answered_whatever_the_network_remembers() {
        let lost = Ending::uncertain("worker_lost");
        assert_eq!(Ending::of_orphan(CallState::Triggered, None, lost.clone()), lost);
        assert!(matches!(
            Ending::of_orphan(CallState::Ongoing, None, lost.clone()),
            Ending::Over { outcome: Outcome::Answered, .. }
        ));
        let hung_up = Ending::over(Outcome::Answered, "completed", Some(200), EndedBy::Caller);
        let abandoned = Ending::over(Outcome::Abandoned, NO_FREE_SEAT, Some(200), EndedBy::Caller);
        assert_eq!(hung_up.abandoned(), abandoned);
        assert_eq!(Outcome::Abandoned.state(), CallState::CallFinished);
        let rang = Ending::over(Outcome::Unanswered, "worker_lost", Some(487), EndedBy::Caller);
        assert_eq!(Ending::of_orphan(CallState::Ongoing, Some("throttled"), rang.clone()), rang);
    }

    #[test]
    fn an_orphan_for_whom_no_seat_was_free_is_abandoned_whatever_the_network_says() {
        let lost = Ending::uncertain("worker_lost");
        let hung_up = Ending::over(Outcome::Answered, "worker_lost", Some(200), EndedBy::Caller);
        for found in [lost, hung_up] {
            let ending = Ending::of_orphan(CallState::Ongoing, Some(NO_FREE_SEAT), found);
            assert!(
                matches!(ending, Ending::Over { outcome: Outcome::Abandoned, reason, .. } if reason == NO_FREE_SEAT)
            );
        }
    }
}
