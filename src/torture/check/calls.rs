//! Who was called, how often, and whether anybody was who must not be.

use ringfleet_core::{Channel, Outcome, Plan, call::NEVER_RETRY};
use ringfleet_store::Call;

use super::{Violation, Who, on_its_way};
use crate::torture::evidence::{Attempt, Evidence};

/// No attempt is placed twice but where the carrier refused it for lack of room. Two attempts of one recipient never
/// overlap, and after an answer or a no there is none.
pub(super) fn never_twice(evidence: &Evidence) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut seen = std::collections::BTreeMap::new();
    for attempt in &evidence.attempts {
        if let Some(first) = seen.insert(attempt.call, attempt) {
            let what = format!("{} was placed at {} and at {}", attempt.call, first.placed, attempt.placed);
            found.push(Violation::of_call(evidence, attempt.call, what));
        }
    }
    for (recipient, attempts) in evidence.by_recipient() {
        for pair in attempts.windows(2) {
            let [earlier, later] = pair else { continue };
            let problem = if earlier.call == later.call {
                continue; // told above
            } else if earlier.over.is_none_or(|over| over > later.placed) {
                "while the attempt before was not over"
            } else if evidence.call_of(earlier).is_some_and(is_final_word) {
                "although the attempt before was the last word"
            } else {
                continue;
            };
            let what = format!("{} was placed at {} {problem}", later.call, later.placed);
            found.push(Violation::of(Who::Recipient(recipient), what));
        }
    }
    found
}

/// Somebody was reached, or has said no.
fn is_final_word(call: &Call) -> bool {
    call.outcome == Some(Outcome::Answered)
        || call.reason.as_deref().is_some_and(|reason| NEVER_RETRY.contains(&reason))
}

/// Nobody is called more often than the plan says, and every attempt was charged.
pub(super) fn budget(evidence: &Evidence) -> Vec<Violation> {
    let unknown = evidence.attempts.iter().filter(|attempt| evidence.call_of(attempt).is_none());
    let mut found: Vec<Violation> = unknown
        .map(|attempt| {
            let Attempt { call, placed, .. } = attempt;
            let what = format!("{call} was placed at {placed} and is not in the database");
            Violation::of(Who::Call(*call), what)
        })
        .collect();
    let by_recipient = evidence.by_recipient();
    for (id, recipient) in &evidence.recipients {
        let placed = by_recipient.get(id).map_or(0, Vec::len) as u32;
        let charged = recipient.total_attempts;
        let most = evidence.campaigns.get(&recipient.campaign_id).map_or(0, |campaign| most(&campaign.plan));
        let problem = if placed > most || charged > most {
            format!("{placed} attempts were placed and {charged} charged, the plan allows {most}")
        } else if placed > charged {
            format!("{placed} attempts were placed and only {charged} charged")
        } else {
            continue;
        };
        found.push(Violation::of(Who::Recipient(*id), problem));
    }
    found
}

/// Most attempts of a plan; only voice is carried out.
fn most(plan: &Plan) -> u32 {
    plan.steps.iter().filter(|step| step.channel == Channel::Voice).map(|step| step.attempts).sum()
}

/// Between the answer to a pause and the wish to go on nothing begins, nor after a cancel. A call that had begun in the
/// moment before may reach the phone a moment after.
pub(super) fn pause(evidence: &Evidence) -> Vec<Violation> {
    let mut found = Vec::new();
    for silence in &evidence.silences {
        let Some(campaign) = evidence.campaigns.get(&silence.campaign) else { continue };
        let from = silence.from
            + on_its_way(evidence.trunks.get(&campaign.trunk_id).into_iter().chain([&campaign.limits]));
        let broken = evidence.attempts.iter().filter(|attempt| {
            let of = evidence.call_of(attempt).and_then(|call| call.campaign_id);
            of == Some(campaign.id)
                && attempt.placed > from
                && silence.until.is_none_or(|until| attempt.placed < until)
        });
        found.extend(broken.map(|attempt| {
            let until = silence.until.map_or_else(|| "the end".into(), |until| until.to_string());
            let (call, placed) = (attempt.call, attempt.placed);
            let what = format!(
                "{call} was placed at {placed}; it had to be silent from {} to {until}",
                silence.from
            );
            Violation::of_call(evidence, call, what)
        }));
    }
    found
}
