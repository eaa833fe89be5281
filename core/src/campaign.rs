//! The life of a campaign.

use crate::text_enum::text_enum;

text_enum! {
    /// Where a campaign stands.
    pub enum CampaignState {
        /// Being put together; recipients may be added.
        Draft => "DRAFT",
        /// Started, but its start time lies ahead.
        Scheduled => "SCHEDULED",
        /// Calling.
        InProgress => "IN_PROGRESS",
        /// Halted by somebody; recipients may be added; start goes on.
        Paused => "PAUSED",
        /// Every recipient is done.
        Finished => "FINISHED",
        /// Could not go on.
        Failed => "FAILED",
        /// Ended by somebody before it was done.
        Cancelled => "CANCELLED",
    }
}

text_enum! {
    /// What somebody or something does to a campaign.
    pub enum CampaignAction {
        /// Begin or resume; leads to SCHEDULED when the start time lies ahead.
        Start => "start",
        /// Halt. From SCHEDULED back to DRAFT.
        Pause => "pause",
        /// End for good.
        Cancel => "cancel",
        /// Every recipient is done.
        Finish => "finish",
        /// It cannot go on.
        Fail => "fail",
        /// Add recipients; changes no state.
        AddRecipients => "add recipients",
        /// Its end has come: everybody left has ended EXPIRED.
        Expire => "end",
        /// Change plan, limits, schedule and the like; changes no state.
        Edit => "edit",
        /// Change how fast and how often it calls; changes no state.
        Tune => "change the name and limits",
        /// Set when one recipient is called; changes no state.
        Reschedule => "reschedule a recipient",
        /// Make a new campaign of those it did not reach; changes no state.
        Retry => "retry",
    }
}

text_enum! {
    /// What the kept counters of a campaign count.
    pub enum CounterKind {
        /// Recipients, named `total`.
        Recipients => "recipients",
        /// Recipients that are done, by disposition.
        Disposition => "disposition",
        /// Calls that are over, by outcome.
        Outcome => "outcome",
        /// Recipients that wait, by hold and the minute until which it holds: see [`crate::hold`].
        Hold => "hold",
        /// Calls that are over, by channel.
        Channel => "channel",
        /// Calls that are over, by the hour (UTC) they ended in.
        Hour => "hour",
        /// Calls that somebody answered, by the hour (UTC) they ended in.
        AnsweredHour => "answered_hour",
        /// Recipients that ended EXHAUSTED, by the outcome of their last attempt.
        Exhausted => "exhausted",
        /// Milliseconds talked in calls that are over, named `ms`.
        Talk => "talk",
    }
}

/// An action that the present state does not allow. Nothing has been changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {action}: the campaign is {is}, it must be {}", join(.needs))]
pub struct WrongState {
    /// What was asked for.
    pub action: CampaignAction,
    /// The state the campaign is in.
    pub is: CampaignState,
    /// The states the action needs.
    pub needs: &'static [CampaignState],
}

fn join(states: &[CampaignState]) -> String {
    states.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(" or ")
}

use CampaignState::*;

impl CampaignState {
    /// Nothing more happens to a campaign in this state.
    pub const fn is_final(self) -> bool {
        matches!(self, Finished | Failed | Cancelled)
    }

    /// Whether `action` may be done where only `needs` will do.
    pub fn must_be(self, action: CampaignAction, needs: &'static [Self]) -> Result<(), WrongState> {
        match needs.contains(&self) {
            true => Ok(()),
            false => Err(WrongState { action, is: self, needs }),
        }
    }

    /// The state `action` leads to, or why it may not be done now. `starts_later`: its start time lies ahead.
    pub fn after(self, action: CampaignAction, starts_later: bool) -> Result<Self, WrongState> {
        self.must_be(action, action.needs())?;
        Ok(match action {
            CampaignAction::Start if starts_later => Scheduled,
            CampaignAction::Start => InProgress,
            CampaignAction::Pause if self == Scheduled => Draft,
            CampaignAction::Pause => Paused,
            CampaignAction::Cancel => Cancelled,
            CampaignAction::Finish | CampaignAction::Expire => Finished,
            CampaignAction::Fail => Failed,
            CampaignAction::AddRecipients
            | CampaignAction::Edit
            | CampaignAction::Tune
            | CampaignAction::Reschedule
            | CampaignAction::Retry => self,
        })
    }
}

impl CampaignAction {
    /// The states in which this may be done.
    pub const fn needs(self) -> &'static [CampaignState] {
        match self {
            Self::Start => &[Draft, Scheduled, Paused],
            Self::Pause => &[Scheduled, InProgress],
            Self::Cancel => &[Draft, Scheduled, InProgress, Paused],
            Self::Finish => &[InProgress],
            Self::Fail | Self::Expire => &[Scheduled, InProgress, Paused],
            Self::AddRecipients | Self::Edit => &[Draft, Paused],
            Self::Tune | Self::Reschedule => &[Draft, Scheduled, InProgress, Paused],
            Self::Retry => &[Finished, Failed, Cancelled],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table() {
        for &state in CampaignState::ALL {
            for &action in CampaignAction::ALL {
                for later in [false, true] {
                    match state.after(action, later) {
                        Ok(next) if state.is_final() => {
                            assert_eq!((action, next), (CampaignAction::Retry, state))
                        }
                        Ok(next) => assert_eq!(
                            next.is_final(),
                            matches!(
                                action,
                                CampaignAction::Cancel
                                    | CampaignAction::Finish
                                    | CampaignAction::Expire
                                    | CampaignAction::Fail
                            )
                        ),
                        Err(wrong) => assert!(!wrong.needs.contains(&state) && wrong.is == state),
                    }
                }
            }
        }
        assert_eq!(Draft.after(CampaignAction::Start, true), Ok(Scheduled));
        assert_eq!(Scheduled.after(CampaignAction::Start, false), Ok(InProgress));
        assert_eq!(Scheduled.after(CampaignAction::Pause, true), Ok(Draft));
        assert_eq!(Paused.after(CampaignAction::Start, false), Ok(InProgress));
    }

    #[test]
    fn a_wrong_transition_names_both_states() {
        let error = Finished.after(CampaignAction::Start, false).unwrap_err().to_string();
        assert_eq!(error, "cannot start: the campaign is FINISHED, it must be DRAFT or SCHEDULED or PAUSED");
    }
}
