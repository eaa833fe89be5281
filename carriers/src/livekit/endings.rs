//! What a call over LiveKit has come to, by what was seen of it.

use ringfleet_core::{
    EndedBy::{Callee, Caller, Carrier},
    Ending,
    Outcome::{Answered, Failed, Rejected, Unanswered},
    call::AGENT_UNREACHABLE,
};

use super::left::Reason;

/// Why we asked for the end of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Whoever ordered it wants it no more.
    Cancelled,
    /// It was not answered in time; the server should have seen to that.
    TooLong,
    /// It has lasted as long as it may.
    MaxDuration,
    /// Nobody came who would talk.
    NoAgent,
    /// Who talked has left.
    AgentLeft,
    /// Its worker has died.
    WorkerLost,
}

/// When somebody picked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Picked {
    Never,
    /// While it was wanted.
    InTime,
    /// After we had asked for its end.
    TooLate,
}

/// The ending of a call that we asked to end, and that has ended.
pub(super) fn ended(why: Why, picked: Picked) -> Ending {
    let over = |outcome, reason| Ending::over(outcome, reason, None, Caller);
    match (why, picked) {
        (Why::WorkerLost, Picked::Never) => over(Unanswered, "worker_lost"),
        (Why::WorkerLost, _) => over(Answered, "worker_lost"),
        (Why::NoAgent, _) => over(Failed, AGENT_UNREACHABLE),
        (Why::MaxDuration, _) => over(Answered, "max_duration"),
        (Why::AgentLeft, _) | (Why::Cancelled | Why::TooLong, Picked::InTime) => over(Answered, "completed"),
        (Why::Cancelled | Why::TooLong, Picked::TooLate) => over(Unanswered, "answered_after_cancel"),
        (Why::TooLong, Picked::Never) => over(Unanswered, "ring_timeout"),
        (Why::Cancelled, Picked::Never) => over(Unanswered, "cancelled"),
    }
}

/// How far a call got that nobody picked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unheard {
    /// The server took it back when it had rung for as long as it may.
    RangOut,
    /// The server took it back before.
    TakenBack,
    /// It was there, and is no more.
    Gone,
}

/// The ending of a call that was picked up and has ended by itself.
pub(super) fn hung_up(left: Option<Reason>) -> Ending {
    match left {
        // Agents hang up so.
        Some(Reason::PutOut) => Ending::over(Answered, "completed", None, Caller),
        Some(Reason::Broke) => Ending::over(Answered, "dropped", None, Carrier),
        Some(Reason::HungUp | Reason::Unavailable | Reason::Rejected) | None => {
            Ending::over(Answered, "completed", None, Callee)
        }
    }
}

/// The ending of a call that, for all that was seen, nobody picked up.
pub(super) fn unheard(left: Option<Reason>, how: Unheard) -> Ending {
    let over = |outcome, reason, by| Ending::over(outcome, reason, None, by);
    match (left, how) {
        // Who hangs up has picked up, seen or not.
        (Some(Reason::HungUp), _) => hung_up(left),
        (_, Unheard::RangOut) => over(Unanswered, "ring_timeout", Caller),
        (Some(Reason::Unavailable), _) => over(Unanswered, "unavailable", Callee),
        (Some(Reason::Rejected), _) => over(Rejected, "busy", Callee),
        (Some(Reason::PutOut), Unheard::TakenBack) => over(Unanswered, "cancelled", Carrier),
        (Some(Reason::Broke) | None, Unheard::TakenBack) => over(Failed, "not_connected", Carrier),
        // Agents hang up so, and talks break off: somebody may have picked up between two looks, or before an adopter's first one.
        (Some(Reason::PutOut | Reason::Broke) | None, Unheard::Gone) => Ending::uncertain("provider_silent"),
    }
}

#[cfg(test)]
mod tests {
    use ringfleet_core::{EndedBy, Outcome};

    use super::*;

    fn short(ending: &Ending) -> (Outcome, &str, EndedBy) {
        match ending {
            Ending::Over { outcome, reason, by, .. } => (*outcome, reason, *by),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn who_was_hung_up_on_was_reached_if_they_had_picked_up_before() {
        for (why, picked, expected) in [
            (Why::Cancelled, Picked::Never, (Unanswered, "cancelled")),
            (Why::Cancelled, Picked::InTime, (Answered, "completed")),
            (Why::Cancelled, Picked::TooLate, (Unanswered, "answered_after_cancel")),
            (Why::TooLong, Picked::Never, (Unanswered, "ring_timeout")),
            (Why::TooLong, Picked::TooLate, (Unanswered, "answered_after_cancel")),
            (Why::MaxDuration, Picked::InTime, (Answered, "max_duration")),
            (Why::NoAgent, Picked::InTime, (Failed, "agent_unreachable")),
            (Why::AgentLeft, Picked::InTime, (Answered, "completed")),
            (Why::WorkerLost, Picked::Never, (Unanswered, "worker_lost")),
            (Why::WorkerLost, Picked::InTime, (Answered, "worker_lost")),
            (Why::WorkerLost, Picked::TooLate, (Answered, "worker_lost")),
        ] {
            let (outcome, reason) = expected;
            assert_eq!(short(&ended(why, picked)), (outcome, reason, Caller), "{why:?} {picked:?}");
        }
    }

    #[test]
    fn what_ended_by_itself_is_what_a_webhook_says() {
        let unknown = (Outcome::Uncertain, "provider_silent", Carrier);
        for (left, answered, gone) in [
            (Some(Reason::HungUp), ("completed", Callee), (Answered, "completed", Callee)),
            (Some(Reason::PutOut), ("completed", Caller), unknown),
            (Some(Reason::Unavailable), ("completed", Callee), (Unanswered, "unavailable", Callee)),
            (Some(Reason::Rejected), ("completed", Callee), (Rejected, "busy", Callee)),
            (Some(Reason::Broke), ("dropped", Carrier), unknown),
            (None, ("completed", Callee), unknown),
        ] {
            assert_eq!(short(&hung_up(left)), (Answered, answered.0, answered.1), "{left:?}");
            assert_eq!(short(&unheard(left, Unheard::Gone)), gone, "{left:?}");
        }
        let rang_out = unheard(Some(Reason::Unavailable), Unheard::RangOut);
        assert_eq!(short(&rang_out), (Unanswered, "ring_timeout", Caller));
        for (left, expected) in [
            (Some(Reason::PutOut), (Unanswered, "cancelled", Carrier)),
            (Some(Reason::Broke), (Failed, "not_connected", Carrier)),
            (None, (Failed, "not_connected", Carrier)),
        ] {
            assert_eq!(short(&unheard(left, Unheard::TakenBack)), expected, "{left:?}");
        }
    }
}
