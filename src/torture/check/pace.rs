//! Whether the agreed limits were kept, by the carrier's own times.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use ringfleet_core::trunk::Limits;

use super::{Violation, on_its_way};
use crate::torture::evidence::{Attempt, Evidence};

/// What is limited, how it is called, and all its attempts in the order in which they began.
type Limited<'a> = (String, &'a Limits, Vec<&'a Attempt>);

/// Every trunk and every campaign.
fn limited(evidence: &Evidence) -> Vec<Limited<'_>> {
    let (mut trunks, mut campaigns) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
    for attempt in &evidence.attempts {
        let Some(call) = evidence.call_of(attempt) else { continue };
        trunks.entry(call.trunk_id).or_default().push(attempt);
        if let Some(campaign) = call.campaign_id {
            campaigns.entry(campaign).or_default().push(attempt);
        }
    }
    let trunks = trunks
        .into_iter()
        .filter_map(|(id, attempts)| Some((format!("trunk {id}"), evidence.trunks.get(&id)?, attempts)));
    let campaigns = campaigns.into_iter().filter_map(|(id, attempts)| {
        Some((format!("campaign {id}"), &evidence.campaigns.get(&id)?.limits, attempts))
    });
    trunks.chain(campaigns).collect()
}

/// No second sees more calls than agreed. A call is let go within the limit and then written down, which takes a moment
/// that is not the same for all: there must be moments of letting go, each at most that much before the call was placed,
/// that keep the limit.
pub(super) fn rate(evidence: &Evidence) -> Vec<Violation> {
    let mut found = Vec::new();
    for (name, limits, attempts) in limited(evidence) {
        let Some(rate) = limits.calls_per_second else { continue };
        let (most, window) = (rate.max(1.0).ceil() as usize, 1_000.0 / rate.min(1.0));
        let window = TimeDelta::milliseconds(window as i64);
        let mut let_go: VecDeque<DateTime<Utc>> = VecDeque::new();
        for attempt in attempts {
            let mut at = attempt.placed - on_its_way([limits]);
            if let_go.len() == most
                && let Some(first) = let_go.pop_front()
            {
                at = at.max(first + window);
            }
            if at > attempt.placed {
                let early = (at - attempt.placed).num_milliseconds();
                let (call, placed) = (attempt.call, attempt.placed);
                let what = format!(
                    "{name}: more than {rate} calls/s; {call} was placed at {placed}, {early} ms too early"
                );
                found.push(Violation::of_call(evidence, call, what));
                at = attempt.placed; // what follows is judged for itself
            }
            let_go.push_back(at);
        }
    }
    found
}

/// Never are more calls live than agreed. One that is over in the millisecond in which another begins was not live with it.
pub(super) fn live(evidence: &Evidence) -> Vec<Violation> {
    let mut found = Vec::new();
    for (name, limits, attempts) in limited(evidence) {
        let Some(most) = limits.max_live_calls else { continue };
        let mut live: Vec<DateTime<Utc>> = Vec::new(); // when they are over
        for attempt in attempts {
            live.retain(|over| *over > attempt.placed);
            live.push(attempt.over.unwrap_or(DateTime::<Utc>::MAX_UTC));
            if live.len() > most as usize {
                let (call, placed, n) = (attempt.call, attempt.placed, live.len());
                let what =
                    format!("{name}: {call}, placed at {placed}, made {n} live calls; {most} are allowed");
                found.push(Violation::of_call(evidence, call, what));
            }
        }
    }
    found
}

/// What was on the wire of everything with a pace: in how many seconds more calls began than agreed, since some were longer on
/// their way than others. For people; no promise is broken by it.
pub(in crate::torture) fn on_the_wire(evidence: &Evidence) -> String {
    let (mut calls, mut early, mut earliest) = (0, 0, 0);
    for (_, limits, attempts) in limited(evidence) {
        let Some(rate) = limits.calls_per_second.filter(|rate| *rate >= 1.0) else { continue };
        calls += attempts.len();
        for pair in attempts.windows(rate.ceil() as usize + 1) {
            let [first, .., last] = pair else { continue };
            let by = 1_000 - (last.placed - first.placed).num_milliseconds();
            early += usize::from(by > 0);
            earliest = earliest.max(by);
        }
    }
    format!(
        "{early} of {calls} paced calls ended a second with one call too many on the wire, by at most {earliest} ms"
    )
}
