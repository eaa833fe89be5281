//! Why a recipient is not being called right now: exactly one reason, for each that waits.
//!
//! What is kept with a waiting recipient says why it was put off, and until when. Once that moment has passed, it is its turn that it
//! waits for. So that whole lists can be counted without looking at each, the moment is taken as the minute it lies in, rounded up.

use chrono::{DateTime, Utc};

use crate::{CampaignState, Hold, RecipientState};

const MINUTE: i64 = 60;

/// The name under which waiting recipients put off for `hold` until `due_at` are counted; none for those that wait for their turn.
pub fn bucket(hold: Option<Hold>, due_at: DateTime<Utc>) -> Option<String> {
    hold.map(|hold| format!("{hold}@{}", until(due_at)))
}

/// The hold that the recipients counted under this name have at `now`; none when the name is none of [`bucket`]'s.
pub fn of_bucket(name: &str, now: DateTime<Utc>) -> Option<Hold> {
    let (hold, until) = read(name)?;
    Some(if until > now { hold } else { Hold::Turn })
}

/// Until when the recipients counted under this name are put off; none when the name is none of [`bucket`]'s.
pub fn end_of_bucket(name: &str) -> Option<DateTime<Utc>> {
    Some(read(name)?.1)
}

/// The reverse of [`bucket`].
fn read(name: &str) -> Option<(Hold, DateTime<Utc>)> {
    let (hold, until) = name.split_once('@')?;
    Some((hold.parse().ok()?, DateTime::from_timestamp(until.parse().ok()?, 0)?))
}

/// Why this recipient is not being called at `now`; none when it is being called or done. `rests`: its trunk does, with all that could
/// stand in for it.
pub fn current(
    campaign: CampaignState,
    state: RecipientState,
    hold: Option<Hold>,
    due_at: DateTime<Utc>,
    rests: bool,
    now: DateTime<Utc>,
) -> Option<Hold> {
    match state {
        RecipientState::Active | RecipientState::Done => None,
        _ if campaign != CampaignState::InProgress => Some(Hold::Paused),
        RecipientState::Queued => Some(hold.unwrap_or(Hold::Turn)),
        RecipientState::Pending => {
            Some(hold.filter(|_| until(due_at) > now.timestamp()).unwrap_or(of_turn(rests)))
        }
    }
}

/// What those wait for whose turn it is: for their trunk, where it `rests` with all that could stand in for it.
pub fn of_turn(rests: bool) -> Hold {
    if rests { Hold::Trunk } else { Hold::Turn }
}

/// Seconds since 1970 at the end of the minute `due_at` lies in.
fn until(due_at: DateTime<Utc>) -> i64 {
    let seconds = due_at.timestamp() + i64::from(due_at.timestamp_subsec_nanos() > 0);
    seconds.div_euclid(MINUTE) * MINUTE + if seconds.rem_euclid(MINUTE) > 0 { MINUTE } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use proptest::prelude::*;

    proptest! {
        /// A recipient and the counter it stands under always say the same.
        #[test]
        fn counted_as_it_is_shown(due in 0i64..10_000_000, ahead in -10_000_000i64..10_000_000, hold in 0..Hold::ALL.len()) {
            let due = DateTime::from_timestamp_millis(1_700_000_000_000 + due).unwrap();
            let now = due + TimeDelta::milliseconds(ahead);
            let hold = Some(Hold::ALL[hold]);
            let shown = current(CampaignState::InProgress, RecipientState::Pending, hold, due, false, now);
            prop_assert_eq!(of_bucket(&bucket(hold, due).unwrap(), now), shown);
            if now < due { prop_assert_eq!(shown, hold) }
            if now >= due + TimeDelta::minutes(1) { prop_assert_eq!(shown, Some(Hold::Turn)) }
        }
    }

    #[test]
    fn every_waiting_recipient_has_a_hold_and_no_other() {
        let now = DateTime::from_timestamp_millis(1_700_000_000_000).unwrap();
        for &campaign in CampaignState::ALL {
            for &state in RecipientState::ALL {
                let waits = matches!(state, RecipientState::Pending | RecipientState::Queued);
                assert_eq!(current(campaign, state, None, now, false, now).is_some(), waits);
            }
        }
        let paused =
            current(CampaignState::Paused, RecipientState::Pending, Some(Hold::Window), now, false, now);
        assert_eq!(paused, Some(Hold::Paused));
        let due = current(CampaignState::InProgress, RecipientState::Pending, None, now, true, now);
        assert_eq!(due, Some(Hold::Trunk), "nobody is before it where nobody is called");
        let queued =
            current(CampaignState::InProgress, RecipientState::Queued, Some(Hold::Pace), now, false, now);
        assert_eq!(queued, Some(Hold::Pace));
        assert_eq!(of_bucket("WINDOW", now), None);
    }
}
