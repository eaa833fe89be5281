//! Calls that are hung up because their campaign was stopped.

use std::time::Duration;

use ringfleet_core::{CallId, EndedBy, Ending, HUNG_UP, Outcome, WorkerId};

use crate::{Engine, Result};

/// A phone that rang and fell silent shows a missed call; it does not ring again sooner than this.
pub const AFTER_A_MISSED_CALL: Duration = Duration::from_secs(5 * 60);

impl Engine {
    /// The live calls of this worker that it is to hang up now. Asking again gives them again, until they are over.
    pub async fn calls_to_hang_up(&self, worker: WorkerId) -> Result<Vec<CallId>> {
        let mut tx = self.0.store.read_many().await?;
        let calls = tx.calls_to_hang_up(worker).await?;
        tx.commit().await?;
        Ok(calls)
    }

    /// Forgets the calls that have been hung up. Gives how many.
    pub async fn forget_hang_ups(&self) -> Result<u64> {
        let mut tx = self.0.store.write_many().await?;
        let forgotten = tx.forget_hang_ups().await?;
        tx.commit().await?;
        Ok(forgotten)
    }
}

/// The ending of a call that was hung up because its campaign was stopped.
///
/// Somebody who had not picked up was not reached, and that we gave up is not theirs: nothing is consumed. After a pause the
/// call comes back, but where a phone had `rung` not before a while; after a cancel it ends CANCELLED. Whoever had picked up was
/// reached, also in the moment in which we gave up.
pub fn hung_up(ending: Ending, rung: bool) -> Ending {
    match ending {
        Ending::Over { outcome: Outcome::Unanswered, reason, code, by: EndedBy::Caller }
            if reason == "cancelled" =>
        {
            let retry_after = if rung { AFTER_A_MISSED_CALL } else { Duration::ZERO };
            Ending::NoRoom { retry_after, reason: HUNG_UP.into(), code }
        }
        other => other,
    }
}

/// The ending of a call that was to be hung up so before it had left: it comes back at once.
pub fn hung_up_unsent() -> Ending {
    Ending::NoRoom { retry_after: Duration::ZERO, reason: HUNG_UP.into(), code: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unanswered_call_that_we_gave_up_consumes_nothing() {
        let ours = Ending::over(Outcome::Unanswered, "cancelled", Some(487), EndedBy::Caller);
        let back = |retry_after| Ending::NoRoom { retry_after, reason: HUNG_UP.into(), code: Some(487) };
        assert_eq!(hung_up(ours.clone(), true), back(AFTER_A_MISSED_CALL));
        assert_eq!(hung_up(ours, false), back(Duration::ZERO));
        for other in [
            Ending::over(Outcome::Unanswered, "cancelled", Some(487), EndedBy::Carrier),
            Ending::over(Outcome::Unanswered, "answered_after_cancel", Some(200), EndedBy::Caller),
            Ending::over(Outcome::Unanswered, "ring_timeout", Some(487), EndedBy::Caller),
            Ending::over(Outcome::Answered, "completed", Some(200), EndedBy::Caller),
            Ending::over(Outcome::Rejected, "busy", Some(486), EndedBy::Callee),
            Ending::GivenUp { reason: "cancelled".into() },
        ] {
            assert_eq!(hung_up(other.clone(), true), other);
        }
    }
}
