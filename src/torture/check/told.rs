//! Whether everything worth telling was told, once each, and signed.

use std::collections::{BTreeMap, BTreeSet};

use ringfleet_core::{CallId, CampaignId, CampaignState, EventId, delivery::DeliveryState, event::EventType};
use serde::Deserialize;

use super::Violation;
use crate::torture::evidence::Evidence;

/// What an event is about.
#[derive(Deserialize)]
struct Body {
    data: Subject,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subject {
    session_id: Option<CallId>,
    campaign_id: Option<CampaignId>,
}

impl Subject {
    fn of(body: &str) -> Self {
        let nobody = Self { session_id: None, campaign_id: None };
        serde_json::from_str::<Body>(body).map_or(nobody, |body| body.data)
    }
}

/// Every event has reached the receiver, signed; and each fact is one event: the beginning of every call that has begun,
/// its end, and the end of every campaign that has finished.
pub(super) fn events(evidence: &Evidence) -> Vec<Violation> {
    let mut found = heard(evidence);
    let (mut started, mut ended) = (BTreeMap::<_, BTreeSet<_>>::new(), BTreeMap::<_, BTreeSet<_>>::new());
    let mut completed = BTreeMap::<_, BTreeSet<_>>::new();
    for told in &evidence.told {
        let Subject { session_id, campaign_id } = Subject::of(&told.body);
        match (told.event, session_id, campaign_id) {
            (EventType::SessionStarted, Some(call), _) => {
                started.entry(call).or_default().insert(told.event_id)
            }
            (EventType::SessionEnded, Some(call), _) => ended.entry(call).or_default().insert(told.event_id),
            (EventType::CampaignCompleted, _, Some(id)) => {
                completed.entry(id).or_default().insert(told.event_id)
            }
            _ => continue,
        };
    }
    let count = |of: &BTreeMap<CallId, BTreeSet<EventId>>, call| of.get(&call).map_or(0, BTreeSet::len);
    for call in evidence.calls.values() {
        let (begun, is_over) = (call.placements > 0, call.state.is_final());
        for (what, told, due) in [
            ("beginning", count(&started, call.id), usize::from(begun)),
            ("end", count(&ended, call.id), usize::from(is_over)),
        ] {
            if told != due {
                let what = format!("the {what} of {} was told by {told} events instead of {due}", call.id);
                found.push(Violation::of_call(evidence, call.id, what));
            }
        }
    }
    for campaign in evidence.campaigns.values() {
        let told = completed.get(&campaign.id).map_or(0, BTreeSet::len);
        let due = usize::from(campaign.state == CampaignState::Finished);
        if told != due {
            let what = format!("the end of {} was told by {told} events instead of {due}", campaign.id);
            found.push(Violation::general(what));
        }
    }
    let gone = started.keys().chain(ended.keys()).filter(|call| !evidence.calls.contains_key(call));
    let gone: BTreeSet<_> = gone.collect();
    found.extend(gone.into_iter().map(|call| {
        Violation::of_call(evidence, *call, format!("{call} was told about and is not in the database"))
    }));
    found
}

/// What the receiver has heard, against what the database says was told.
fn heard(evidence: &Evidence) -> Vec<Violation> {
    let bad = evidence.notices.iter().filter(|notice| !notice.verified);
    let mut found: Vec<Violation> =
        bad.map(|notice| Violation::general(format!("the signature of {} is wrong", notice.id))).collect();
    let heard: BTreeSet<&str> = evidence.notices.iter().map(|notice| notice.id.as_str()).collect();
    let mut known = BTreeSet::new();
    for told in &evidence.told {
        let id = told.event_id.to_string();
        let problem = match told.state {
            DeliveryState::Delivered if heard.contains(id.as_str()) => None,
            DeliveryState::Delivered => Some("counts as delivered and was not heard".to_owned()),
            state => Some(format!("is {state} and not delivered")),
        };
        if let Some(problem) = problem {
            let what = format!("{} {id} {problem}", told.event);
            found.push(match Subject::of(&told.body).session_id {
                Some(call) => Violation::of_call(evidence, call, what),
                None => Violation::general(what),
            });
        }
        known.insert(id);
    }
    let unknown: BTreeSet<&str> = heard.into_iter().filter(|id| !known.contains(*id)).collect();
    found.extend(
        unknown
            .into_iter()
            .map(|id| Violation::general(format!("{id} was heard and is not in the database"))),
    );
    found
}
