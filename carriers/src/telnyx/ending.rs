//! What the end of a call means: its cause (<https://developers.telnyx.com/api-reference/callbacks/call-hangup>, `hangup_cause`,
//! `sip_hangup_cause`, `hangup_source`), and why we asked for it.

use ringfleet_core::{
    EndedBy::{self, Callee, Caller, Carrier},
    Ending,
    Outcome::{Answered, Failed, Rejected, Unanswered, Voicemail},
    call::{AGENT_UNREACHABLE, BAD_NUMBER, DECLINED},
};

use super::news::Over;
use crate::sip;

/// Why we asked for the end of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Whoever ordered it wants it no more.
    Cancelled,
    /// It was not answered in time; the provider should have seen to that.
    TooLong,
    /// A machine picked up.
    Machine,
    /// All has been said, or there was nothing to say.
    Done,
    /// It has lasted as long as it may.
    Enough,
    /// What was to be said could not be.
    Unsaid,
    /// Nobody was there to talk.
    AgentUnreachable,
    /// Nobody can tell whether anything was said, or somebody was there to talk.
    NotKnown,
    /// Its worker has died.
    WorkerLost,
}

impl Over {
    /// Whether the cause alone proves that somebody had picked up. Webhooks come in any order, and the answer's may be lost.
    pub(super) fn was_answered(&self, asked: Option<Why>) -> bool {
        match (self.sip, self.cause.as_str()) {
            (Some(200), _) | (_, "time_limit") => true,
            // A call that we take back before its answer may end so as well.
            (None, "normal_clearing") => asked.is_none(),
            _ => false,
        }
    }

    /// Whether it leaves open if anybody had picked up, where nothing else tells: the cause is one of calls with an answer and without, and
    /// there is no status.
    pub(super) fn leaves_open(&self) -> bool {
        let before_an_answer =
            ["user_busy", "timeout", "no_answer", "not_found", "originator_cancel", "call_rejected"];
        self.sip.is_none() && !before_an_answer.contains(&self.cause.as_str())
    }

    /// The provider knows: that the callee has hung up may be heard of later than what comes of it, such as the end of the stream.
    fn by(&self, asked: Option<Why>) -> EndedBy {
        match self.source.as_str() {
            "callee" => Callee,
            "caller" => Caller,
            _ if asked.is_some() => Caller,
            _ => Callee,
        }
    }
}

/// The ending of a call that somebody or something had picked up.
pub(super) fn answered(over: &Over, is_machine: bool, asked: Option<Why>) -> Ending {
    let by = over.by(asked);
    match asked {
        _ if is_machine => Ending::over(Voicemail, "machine", None, by),
        // The stream also fails where the callee does not wait for it.
        Some(Why::AgentUnreachable) if over.source != "callee" => {
            Ending::over(Failed, AGENT_UNREACHABLE, None, Carrier)
        }
        Some(Why::Unsaid) => Ending::over(Failed, "not_said", None, Carrier),
        Some(Why::WorkerLost) => Ending::over(Answered, "worker_lost", None, by),
        Some(Why::NotKnown) => Ending::over(Answered, "provider_silent", None, by),
        _ => Ending::over(Answered, "completed", None, by),
    }
}

/// The ending of a call that nobody has picked up.
pub(super) fn unanswered(over: &Over, asked: Option<Why>) -> Ending {
    match over.cause.as_str() {
        "user_busy" => Ending::over(Rejected, "busy", over.sip, Callee),
        "timeout" | "no_answer" => Ending::over(Unanswered, "no_answer", over.sip, Callee),
        "not_found" => Ending::over(Failed, BAD_NUMBER, over.sip, Carrier),
        "originator_cancel" => taken_back(asked),
        "normal_clearing" if asked.is_some() => taken_back(asked),
        cause => match over.sip {
            Some(487) if asked.is_some() => taken_back(asked),
            Some(status @ 300..=699) => sip::ending_beyond(status),
            _ if cause == "call_rejected" => Ending::over(Rejected, DECLINED, None, Callee),
            _ => Ending::over(Failed, "not_connected", None, Carrier),
        },
    }
}

fn taken_back(asked: Option<Why>) -> Ending {
    let reason = match asked {
        Some(Why::TooLong) => "ring_timeout",
        Some(Why::WorkerLost) => "worker_lost",
        Some(_) => "cancelled",
        // Somebody with access to the account did.
        None => return Ending::over(Unanswered, "cancelled", None, Carrier),
    };
    Ending::over(Unanswered, reason, None, Caller)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(cause: &str, sip: Option<u16>) -> Over {
        Over { cause: cause.into(), sip, source: "unknown".into() }
    }

    #[test]
    fn every_cause_has_its_place() {
        for (cause, sip, expected) in [
            ("user_busy", Some(486), Ending::over(Rejected, "busy", Some(486), Callee)),
            ("timeout", None, Ending::over(Unanswered, "no_answer", None, Callee)),
            ("not_found", Some(404), Ending::over(Failed, "bad_number", Some(404), Carrier)),
            ("call_rejected", Some(603), Ending::over(Rejected, "declined", Some(603), Callee)),
            ("call_rejected", Some(486), Ending::over(Rejected, "busy", Some(486), Callee)),
            ("call_rejected", Some(403), Ending::over(Failed, "dropped", Some(403), Carrier)),
            ("call_rejected", Some(407), Ending::over(Failed, "dropped", Some(407), Carrier)),
            ("unspecified", Some(408), Ending::over(Unanswered, "no_answer", Some(408), Callee)),
            ("unspecified", Some(429), Ending::over(Failed, "sip_error", Some(429), Carrier)),
            ("call_rejected", None, Ending::over(Rejected, "declined", None, Callee)),
            ("normal_clearing", Some(480), Ending::over(Unanswered, "unavailable", Some(480), Callee)),
            ("unspecified", Some(503), Ending::over(Failed, "dropped", Some(503), Carrier)),
            ("unspecified", None, Ending::over(Failed, "not_connected", None, Carrier)),
            ("originator_cancel", Some(487), Ending::over(Unanswered, "cancelled", None, Carrier)),
        ] {
            assert_eq!(unanswered(&over(cause, sip), None), expected, "{cause} {sip:?}");
        }
    }

    #[test]
    fn what_we_take_back_has_our_reason_unless_it_had_ended_by_itself() {
        for (why, reason) in
            [(Why::Cancelled, "cancelled"), (Why::TooLong, "ring_timeout"), (Why::WorkerLost, "worker_lost")]
        {
            for cause in ["originator_cancel", "normal_clearing"] {
                let ending = unanswered(&over(cause, Some(487)), Some(why));
                assert_eq!(ending, Ending::over(Unanswered, reason, None, Caller), "{cause} {why:?}");
            }
            let busy = unanswered(&over("user_busy", Some(486)), Some(why));
            assert_eq!(busy, Ending::over(Rejected, "busy", Some(486), Callee));
        }
    }

    #[test]
    fn an_answer_is_proved_and_never_guessed_away() {
        assert!(over("time_limit", None).was_answered(Some(Why::Enough)));
        assert!(over("normal_clearing", Some(200)).was_answered(Some(Why::Cancelled)));
        assert!(over("unspecified", Some(200)).was_answered(None), "whatever the cause");
        assert!(over("normal_clearing", None).was_answered(None));
        assert!(
            !over("normal_clearing", None).was_answered(Some(Why::Cancelled)),
            "we may have taken it back"
        );
        assert!(!over("normal_clearing", Some(480)).was_answered(None));
        assert!(!over("user_busy", Some(486)).was_answered(None));
        assert!(over("normal_clearing", None).leaves_open() && over("unspecified", None).leaves_open());
        assert!(!over("normal_clearing", Some(487)).leaves_open());
        for cause in ["user_busy", "timeout", "no_answer", "not_found", "originator_cancel", "call_rejected"]
        {
            assert!(!over(cause, None).leaves_open(), "{cause}");
        }
    }

    #[test]
    fn an_answered_call_went_well_unless_nobody_could_talk() {
        let by = |source: &str, asked| {
            let over = Over { source: source.into(), ..over("normal_clearing", Some(200)) };
            answered(&over, false, asked)
        };
        for (source, asked, side) in [
            ("callee", Some(Why::Done), Callee),
            ("callee", Some(Why::AgentUnreachable), Callee),
            ("caller", None, Caller),
            ("unknown", Some(Why::Enough), Caller),
        ] {
            assert_eq!(by(source, asked), Ending::over(Answered, "completed", None, side), "{source}");
        }
        let of = |asked, is_machine| answered(&over("normal_clearing", Some(200)), is_machine, asked);
        assert_eq!(of(None, false), Ending::over(Answered, "completed", None, Callee));
        assert_eq!(of(Some(Why::Done), false), Ending::over(Answered, "completed", None, Caller));
        assert_eq!(of(Some(Why::Machine), true), Ending::over(Voicemail, "machine", None, Caller));
        assert_eq!(of(Some(Why::WorkerLost), false), Ending::over(Answered, "worker_lost", None, Caller));
        assert_eq!(of(Some(Why::NotKnown), false), Ending::over(Answered, "provider_silent", None, Caller));
        let failed = |reason| Ending::over(Failed, reason, None, Carrier);
        assert_eq!(of(Some(Why::AgentUnreachable), false), failed("agent_unreachable"));
        assert_eq!(of(Some(Why::Unsaid), false), failed("not_said"));
    }
}
