//! The judge: one function for each invariant over all that was seen.

mod books;
mod caller_ids;
mod calls;
pub mod pace;
pub mod rules;
#[cfg(test)]
mod rules_tests;
#[cfg(test)]
mod tests;
mod told;

use chrono::{DateTime, TimeDelta, Utc};
use ringfleet_core::{CallId, CallState, RecipientId, trunk::Limits};
use ringfleet_store::Call;

use super::evidence::{Attempt, Evidence};

/// Something that must not be.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// A sentence.
    pub what: String,
    /// Whose trace shows how it came about.
    pub who: Option<Who>,
}

/// Whom a violation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    Recipient(RecipientId),
    Call(CallId),
}

impl Violation {
    fn general(what: impl Into<String>) -> Self {
        Self { what: what.into(), who: None }
    }

    fn of(who: Who, what: impl Into<String>) -> Self {
        Self { what: what.into(), who: Some(who) }
    }

    /// Of a call: where it has a recipient, that one's whole story is of interest.
    fn of_call(evidence: &Evidence, id: CallId, what: impl Into<String>) -> Self {
        let recipient = evidence.calls.get(&id).and_then(|call| call.recipient_id);
        Self::of(recipient.map_or(Who::Call(id), Who::Recipient), what)
    }
}

/// An invariant: its name, and what finds where it does not hold.
pub type Invariant = (&'static str, fn(&Evidence) -> Vec<Violation>);

/// All of them.
pub const INVARIANTS: [Invariant; 13] = [
    ("NEVER_TWICE", calls::never_twice),
    ("BUDGET", calls::budget),
    ("PAUSE", calls::pause),
    ("WINDOW", rules::window),
    ("SUPPRESSED", rules::suppressed),
    ("CAPS", rules::caps),
    ("CALLER_IDS", caller_ids::caller_ids),
    ("RATE", pace::rate),
    ("LIVE", pace::live),
    ("DONE", books::done),
    ("COUNTERS", books::counters),
    ("EVENTS", told::events),
    ("ALIVE", alive),
];

/// No process may have ended by itself.
fn alive(evidence: &Evidence) -> Vec<Violation> {
    evidence.deaths.iter().filter_map(|death| death.unasked.as_ref()).map(Violation::general).collect()
}

/// What a busy machine may take between a look at the clock and what was to be done then.
const A_MOMENT: TimeDelta = TimeDelta::milliseconds(100);

/// How long a call may be on its way from the worker's books to the network: under a rate a quarter of a second (`fleet`'s slots),
/// else five (`TOO_LATE` of the worker), and a moment. Later than that it goes back.
fn on_its_way<'a>(limits: impl IntoIterator<Item = &'a Limits>) -> TimeDelta {
    TimeDelta::milliseconds(if are_paced(limits) { 250 } else { 5_000 }) + A_MOMENT
}

fn are_paced<'a>(limits: impl IntoIterator<Item = &'a Limits>) -> bool {
    limits.into_iter().any(|limits| limits.calls_per_second.is_some())
}

/// The same for a call that had reached the network at that moment.
fn on_its_way_of(evidence: &Evidence, call: &Call, placed: DateTime<Utc>) -> TimeDelta {
    let campaign = call.campaign_id.and_then(|id| evidence.campaigns.get(&id));
    // A pace that came up in those seconds may not have been known when it left.
    let own = campaign.map(|campaign| evidence.limits_between(campaign, placed - on_its_way([]), placed));
    on_its_way(evidence.trunks.get(&call.trunk_id).into_iter().chain(&own))
}

/// Whether we gave up an attempt that had not been answered, because its campaign was stopped: it consumed nothing.
fn was_given_up(evidence: &Evidence, attempt: &Attempt, call: &Call) -> bool {
    let asked = evidence.hang_ups.iter().filter(|hang_up| Some(hang_up.campaign) == call.campaign_id);
    call.state == CallState::Cancelled
        && asked.into_iter().any(|hang_up| attempt.over.is_none_or(|over| over > hang_up.asked))
}
