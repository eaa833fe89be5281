//! Whether callees saw the numbers they were to see, and none of them too often.

use std::collections::BTreeMap;

use ringfleet_core::E164;

use super::Violation;
use crate::torture::evidence::{Attempt, Evidence};

/// A call shows a number of its campaign's pool, and no number is shown more often than its daily cap. The workspace's day is that
/// of a zone in which the run lies within one (`load`). A use that nobody could make sure of counts, so there may be fewer.
pub(super) fn caller_ids(evidence: &Evidence) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut shown = BTreeMap::<E164, (Vec<&Attempt>, u32)>::new();
    for attempt in &evidence.attempts {
        let campaign = evidence.call_of(attempt).and_then(|call| evidence.campaigns.get(&call.campaign_id?));
        let Some(pool) = campaign.and_then(|campaign| campaign.caller_ids.as_ref()) else { continue };
        match attempt.from.filter(|from| pool.numbers.contains(from)) {
            Some(from) => {
                let (attempts, most) = shown.entry(from).or_default();
                attempts.push(attempt);
                *most = pool.daily_cap.unwrap_or(u32::MAX).max(*most);
            }
            None => {
                let what = format!("{} showed {:?}, which its pool has not", attempt.call, attempt.from);
                found.push(Violation::of_call(evidence, attempt.call, what));
            }
        }
    }
    for (number, (attempts, most)) in shown {
        for (nth, attempt) in attempts.iter().enumerate().skip(most as usize) {
            let what = format!("{} was call {} to show {number}; {most} may a day", attempt.call, nth + 1);
            found.push(Violation::of_call(evidence, attempt.call, what));
        }
    }
    found
}
