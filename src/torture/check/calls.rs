//! Who was called, how often, and whether anybody was who must not be.

use chrono::{DateTime, Utc};
use ringfleet_core::{Channel, Outcome, call::NEVER_RETRY};
use ringfleet_store::{Call, Campaign};

use super::{A_MOMENT, Violation, Who, are_paced, on_its_way, was_given_up};
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
        let counts = |attempt: &&&Attempt| {
            !evidence.call_of(attempt).is_some_and(|call| was_given_up(evidence, attempt, call))
        };
        let attempts = by_recipient.get(id).map_or(&[][..], Vec::as_slice);
        let attempts: Vec<&Attempt> = attempts.iter().filter(counts).copied().collect();
        let (placed, charged) = (attempts.len() as u32, recipient.total_attempts);
        let campaign = evidence.campaigns.get(&recipient.campaign_id);
        let most = campaign.map_or(0, |campaign| most(evidence, campaign, None));
        let beyond = |(nth, attempt): (usize, &&Attempt)| {
            let most = campaign.map_or(0, |campaign| self::most(evidence, campaign, Some(attempt)));
            (nth as u32 >= most).then_some((nth + 1, attempt.placed, most))
        };
        let problem = if placed > most || charged > most {
            format!("{placed} attempts were placed and {charged} charged, the plan allows {most}")
        } else if placed > charged {
            format!("{placed} attempts were placed and only {charged} charged")
        } else if let Some((nth, placed, most)) = attempts.iter().enumerate().find_map(beyond) {
            format!("attempt {nth} was placed at {placed}, when the plan allowed {most}")
        } else {
            continue;
        };
        found.push(Violation::of(Who::Recipient(*id), problem));
    }
    found
}

/// Most attempts of the plans of a campaign, in all or when this one began; only voice is carried out. What a step of an
/// earlier plan consumed does not count in those that follow it, but one step is all there is.
fn most(evidence: &Evidence, campaign: &Campaign, began: Option<&Attempt>) -> u32 {
    let (from, to) = match (began, &campaign.plan.steps[..]) {
        (None, _) => (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC),
        (Some(attempt), [_]) => (attempt.placed - on_its_way([]), attempt.placed),
        (Some(attempt), _) => (DateTime::<Utc>::MIN_UTC, attempt.placed),
    };
    let mut attempts = vec![0; campaign.plan.steps.len()];
    for plan in evidence.plans_between(campaign, from, to) {
        let voice = attempts.iter_mut().zip(&plan.steps).filter(|(_, step)| step.channel == Channel::Voice);
        voice.for_each(|(most, step)| *most = step.attempts.max(*most));
    }
    attempts.iter().sum()
}

/// Between the answer to a pause and the wish to go on nothing begins, nor after a cancel. A call that had begun in the
/// moment before may reach the phone a moment after.
pub(super) fn pause(evidence: &Evidence) -> Vec<Violation> {
    let mut found = Vec::new();
    for silence in &evidence.silences {
        let Some(campaign) = evidence.campaigns.get(&silence.campaign) else { continue };
        let limits = evidence.limits_between(campaign, silence.from, silence.from);
        let trunk = evidence.trunks.get(&campaign.trunk_id);
        // Under a rate the answer has waited for those on their way.
        let on_its_way = match are_paced(trunk.into_iter().chain([&limits])) {
            true => A_MOMENT,
            false => on_its_way([]),
        };
        let from = silence.from + on_its_way;
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
