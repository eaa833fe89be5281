//! Whether the database is at rest and adds up.

use std::collections::{BTreeMap, BTreeSet};

use ringfleet_core::{CampaignId, CounterKind, Disposition, Outcome, RecipientState};

use super::{Violation, Who};
use crate::torture::evidence::Evidence;

/// Every campaign, call and recipient is over; each recipient with one disposition, which its calls bear out.
pub(super) fn done(evidence: &Evidence) -> Vec<Violation> {
    let open = evidence.campaigns.values().filter(|campaign| !campaign.state.is_final());
    let mut found: Vec<Violation> =
        open.map(|campaign| Violation::general(format!("{} is {}", campaign.id, campaign.state))).collect();
    let open = evidence.calls.values().filter(|call| !call.state.is_final());
    found.extend(
        open.map(|call| {
            Violation::of_call(evidence, call.id, format!("{} is still {}", call.id, call.state))
        }),
    );
    let answered = evidence.calls.values().filter(|call| call.outcome == Some(Outcome::Answered));
    let answered: BTreeSet<_> = answered.filter_map(|call| call.recipient_id).collect();
    for (id, recipient) in &evidence.recipients {
        let problem = match (recipient.state, recipient.disposition) {
            (RecipientState::Done, None) => "is done without a disposition",
            (RecipientState::Done, _) if recipient.done_at.is_none() => "is done since nobody knows when",
            (RecipientState::Done, Some(Disposition::Reached)) if !answered.contains(id) => {
                "was reached by no call"
            }
            (RecipientState::Done, Some(Disposition::Reached)) => continue,
            (RecipientState::Done, Some(_)) if answered.contains(id) => "has answered and is not REACHED",
            (RecipientState::Done, Some(_)) => continue,
            _ => "is not done",
        };
        found.push(Violation::of(Who::Recipient(*id), format!("{id} {problem}")));
    }
    found
}

/// What is kept equals what is counted again.
pub(super) fn counters(evidence: &Evidence) -> Vec<Violation> {
    type Key = (CampaignId, CounterKind, String);
    let mut counted = BTreeMap::<Key, i64>::new();
    let mut add = |campaign, kind, name: &str, n| {
        *counted.entry((campaign, kind, name.to_owned())).or_default() += n;
    };
    for recipient in evidence.recipients.values() {
        add(recipient.campaign_id, CounterKind::Recipients, "total", 1);
        if let Some(disposition) = recipient.disposition {
            add(recipient.campaign_id, CounterKind::Disposition, disposition.as_str(), 1);
        }
        if let (Some(Disposition::Exhausted), Some(last)) = (recipient.disposition, recipient.last_outcome) {
            add(recipient.campaign_id, CounterKind::Exhausted, last.as_str(), 1);
        }
    }
    for call in evidence.calls.values() {
        if let (Some(campaign), Some(outcome)) = (call.campaign_id, call.outcome) {
            let hour = call.ended_at.map(|at| at.format("%Y-%m-%dT%H").to_string()).unwrap_or_default();
            add(campaign, CounterKind::Outcome, outcome.as_str(), 1);
            add(campaign, CounterKind::Channel, call.channel.as_str(), 1);
            add(campaign, CounterKind::Hour, &hour, 1);
            if outcome.was_answered() {
                add(campaign, CounterKind::AnsweredHour, &hour, 1);
            }
            add(campaign, CounterKind::Talk, "ms", call.talked_ms().unwrap_or(0));
        }
    }
    let kept: BTreeMap<Key, i64> = evidence
        .counters
        .iter()
        .map(|kept| ((kept.campaign_id, kept.kind, kept.name.clone()), kept.n))
        .collect();
    let of = |counts: &BTreeMap<Key, i64>, key: &Key| counts.get(key).copied().unwrap_or(0);
    let keys: BTreeSet<&Key> = counted.keys().chain(kept.keys()).collect();
    let wrong = keys.into_iter().filter(|key| of(&counted, key) != of(&kept, key));
    wrong
        .map(|key| {
            let (kept, counted) = (of(&kept, key), of(&counted, key));
            let (campaign, kind, name) = key;
            Violation::general(format!("{campaign}: {kept} {kind} {name} are kept, {counted} are there"))
        })
        .collect()
}
