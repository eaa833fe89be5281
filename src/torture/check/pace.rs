//! Whether the agreed limits were kept, by the carrier's own times.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use ringfleet_core::trunk::Limits;
use ringfleet_store::Campaign;

use super::{A_MOMENT, Violation, on_its_way};
use crate::torture::evidence::{Attempt, Evidence};

/// What is limited and all its attempts in the order in which they began.
struct Limited<'a> {
    name: String,
    trunk: Option<&'a Limits>,
    campaign: Option<&'a Campaign>,
    attempts: Vec<&'a Attempt>,
}

impl Limited<'_> {
    /// The loosest limits that held from `from` to `to`.
    fn limits(&self, evidence: &Evidence, from: DateTime<Utc>, to: DateTime<Utc>) -> Limits {
        let own = self.campaign.map(|campaign| evidence.limits_between(campaign, from, to));
        own.or(self.trunk.copied()).unwrap_or_default()
    }
}

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
    let trunks = trunks.into_iter().filter_map(|(id, attempts)| {
        let trunk = Some(evidence.trunks.get(&id)?);
        Some(Limited { name: format!("trunk {id}"), trunk, campaign: None, attempts })
    });
    let campaigns = campaigns.into_iter().filter_map(|(id, attempts)| {
        let campaign = Some(evidence.campaigns.get(&id)?);
        Some(Limited { name: format!("campaign {id}"), trunk: None, campaign, attempts })
    });
    trunks.chain(campaigns).collect()
}

/// No second sees more calls than agreed. A call is let go within the limit, and the machine may be busy before it is placed: there
/// must be moments of letting go, each at most that much before the call was placed, that keep the limit.
pub(super) fn rate(evidence: &Evidence) -> Vec<Violation> {
    let mut found = Vec::new();
    for limited in limited(evidence) {
        let mut let_go: Vec<DateTime<Utc>> = Vec::new();
        for attempt in &limited.attempts {
            let then = attempt.placed - on_its_way([]) - TimeDelta::seconds(1);
            let limits = limited.limits(evidence, then, attempt.placed);
            let Some(rate) = limits.calls_per_second else {
                let_go.push(attempt.placed - on_its_way([]));
                continue;
            };
            let mut at = attempt.placed - A_MOMENT;
            let (most, window) = (rate.max(1.0).ceil() as usize, 1_000.0 / rate.min(1.0));
            let first = let_go.len().checked_sub(most).map(|first| let_go[first]);
            if let Some(first) = first {
                at = at.max(first + TimeDelta::milliseconds(window as i64));
            }
            if at > attempt.placed {
                let early = (at - attempt.placed).num_milliseconds();
                let (call, placed, name) = (attempt.call, attempt.placed, &limited.name);
                let what = format!(
                    "{name}: more than {rate} calls/s; {call} was placed at {placed}, {early} ms too early"
                );
                found.push(Violation::of_call(evidence, call, what));
                at = attempt.placed; // what follows is judged for itself
            }
            let_go.push(at);
        }
    }
    found
}

/// Never are more calls live than agreed. One that is over in the millisecond in which another begins was not live with it.
pub(super) fn live(evidence: &Evidence) -> Vec<Violation> {
    let mut found = Vec::new();
    for limited in limited(evidence) {
        let mut live: Vec<DateTime<Utc>> = Vec::new(); // when they are over
        for attempt in &limited.attempts {
            live.retain(|over| *over > attempt.placed);
            live.push(attempt.over.unwrap_or(DateTime::<Utc>::MAX_UTC));
            let limits = limited.limits(evidence, attempt.placed - on_its_way([]), attempt.placed);
            if let Some(most) = limits.max_live_calls.filter(|most| live.len() > *most as usize) {
                let name = &limited.name;
                let (call, placed, n) = (attempt.call, attempt.placed, live.len());
                let what =
                    format!("{name}: {call}, placed at {placed}, made {n} live calls; {most} are allowed");
                found.push(Violation::of_call(evidence, call, what));
            }
        }
    }
    found
}

/// What was on the wire of everything with a pace: in how many seconds more calls began than agreed, since the machine was busy
/// with others. For people; no promise is broken by it.
pub(in crate::torture) fn on_the_wire(evidence: &Evidence) -> String {
    let (mut calls, mut early, mut earliest) = (0, 0, 0);
    for limited in limited(evidence) {
        // Who changed it was paused meanwhile.
        let limits = limited.limits(evidence, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
        let attempts = &limited.attempts;
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
