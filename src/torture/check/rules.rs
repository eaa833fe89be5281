//! Whether anybody was called who must not be, when they must not be, or more often than the caps allow.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use ringfleet_core::{CampaignState, Caps, Disposition, E164, RecipientState};
use ringfleet_store::{Call, Campaign, Recipient};

use super::{Violation, Who, on_its_way_of, was_given_up};
use crate::torture::{
    evidence::{Attempt, Evidence},
    terms::Ban,
};

/// When the worker wrote down that an attempt begins, at the earliest, by the true time.
fn begun(evidence: &Evidence, call: &Call, attempt: &Attempt) -> DateTime<Utc> {
    attempt.placed - on_its_way_of(evidence, call, attempt.placed)
}

/// Nobody is called outside the hours of the campaign, by the clock of whoever lets the call begin.
pub(super) fn window(evidence: &Evidence) -> Vec<Violation> {
    let mut found = Vec::new();
    for attempt in &evidence.attempts {
        let Some(call) = evidence.call_of(attempt) else { continue };
        let asked = call.campaign_id.and_then(|id| evidence.asked.get(&id));
        let Some(spans) = asked.and_then(|asked| asked.hours.as_ref()) else { continue };
        let (earliest, latest) = evidence.believed(begun(evidence, call, attempt), attempt.placed);
        if !spans.iter().any(|(opens, closes)| *opens <= latest && earliest < *closes) {
            let (id, placed) = (call.id, attempt.placed);
            let closed = spans.iter().map(|span| span.1).filter(|closes| *closes <= placed).max();
            let closed = closed.map_or_else(|| "the beginning".into(), |closes| closes.to_string());
            let what = format!("{id} was placed at {placed}, outside its hours: closed since {closed}");
            found.push(Violation::of_call(evidence, id, what));
        }
    }
    found
}

/// After the answer to a suppression no call to the number begins, and whoever has not been called by then ends SUPPRESSED;
/// and nobody else does.
pub(super) fn suppressed(evidence: &Evidence) -> Vec<Violation> {
    let mut bans = BTreeMap::<u64, &Ban>::new();
    for ban in &evidence.bans {
        bans.entry(ban.number.digits()).or_insert(ban); // the first holds for all that come later
    }
    let mut found = Vec::new();
    for attempt in &evidence.attempts {
        let (Some(ban), Some(call)) = (bans.get(&attempt.to.digits()), evidence.call_of(attempt)) else {
            continue;
        };
        if begun(evidence, call, attempt) > ban.from {
            let (id, placed, from) = (call.id, attempt.placed, ban.from);
            let what = format!("{id} was placed at {placed}; its number is suppressed since {from}");
            found.push(Violation::of_call(evidence, id, what));
        }
    }
    let called: BTreeSet<_> = evidence.by_recipient().into_keys().collect();
    for (id, recipient) in &evidence.recipients {
        let ban = bans.get(&recipient.number.digits());
        let is_suppressed = recipient.disposition == Some(Disposition::Suppressed);
        let problem = match ban {
            None if is_suppressed => "is SUPPRESSED, and nobody has asked for that".to_owned(),
            Some(ban) if !is_suppressed && !called.contains(id) && is_due(evidence, recipient, ban) => {
                let disposition =
                    recipient.disposition.map_or("not done", |disposition| disposition.as_str());
                format!("is {disposition}, has never been called and is suppressed since {}", ban.from)
            }
            _ => continue,
        };
        found.push(Violation::of(Who::Recipient(*id), format!("{id} {problem}")));
    }
    found
}

/// Whether a recipient who has not been called has to end SUPPRESSED: what is done already stays so, and so does what ends
/// with its campaign.
fn is_due(evidence: &Evidence, recipient: &Recipient, ban: &Ban) -> bool {
    let campaign = evidence.campaigns.get(&recipient.campaign_id);
    let was_cancelled = campaign.is_some_and(|campaign| campaign.state == CampaignState::Cancelled);
    // Written by a process whose clock may be wrong.
    let worst = evidence.shifts.iter().map(|shift| shift.by.abs()).max().unwrap_or_default();
    let was_done = recipient.done_at.is_some_and(|done| done <= ban.from + worst);
    recipient.state == RecipientState::Done && !was_cancelled && !was_done
}

/// Between the calls of different campaigns to a number, and between a single call and one of a campaign, lies the gap of
/// the later one; and no campaign calls a number that has had its most in 24 hours. Single calls are not bound by caps, and
/// what rang nowhere, or was given up by us, does not count.
pub(super) fn caps(evidence: &Evidence) -> Vec<Violation> {
    let mut by_number = BTreeMap::<E164, Vec<(&Attempt, &Call)>>::new();
    for attempt in &evidence.attempts {
        let Some(call) = evidence.call_of(attempt) else { continue };
        if !was_given_up(evidence, attempt, call) {
            by_number.entry(attempt.to).or_default().push((attempt, call));
        }
    }
    let mut found = Vec::new();
    for calls in by_number.values() {
        for (nth, (attempt, call)) in calls.iter().enumerate() {
            let campaign = call.campaign_id.and_then(|id| evidence.campaigns.get(&id));
            let Some(campaign) = campaign else { continue };
            let problem = too_soon(evidence, campaign, &calls[..nth], (attempt, call));
            let problem = problem.or_else(|| too_often(evidence, campaign, &calls[..nth], (attempt, call)));
            if let Some(problem) = problem {
                let what = format!("{} was placed at {}, {problem}", call.id, attempt.placed);
                found.push(Violation::of_call(evidence, call.id, what));
            }
        }
    }
    found
}

type Made<'a> = (&'a Attempt, &'a Call);

/// The tighter of the campaign's caps and the workspace's.
fn caps_of(evidence: &Evidence, campaign: &Campaign) -> Caps {
    let (own, floor) = (evidence.asked.get(&campaign.id).map(|asked| asked.caps), evidence.floor);
    let own = own.unwrap_or_default();
    Caps {
        min_gap_minutes: own.min_gap_minutes.into_iter().chain(floor.min_gap_minutes).reduce(f64::max),
        max_per_24h: own.max_per_24h.into_iter().chain(floor.max_per_24h).min(),
        max_per_7d: None, // never asked for
    }
}

fn too_soon(evidence: &Evidence, campaign: &Campaign, before: &[Made<'_>], this: Made<'_>) -> Option<String> {
    let gap = caps_of(evidence, campaign).min_gap_minutes?;
    let gap = TimeDelta::milliseconds((gap * 60_000.0) as i64);
    let this_begun = begun(evidence, this.1, this.0);
    let (_, latest) = evidence.believed(this_begun, this.0.placed);
    let mut elsewhere = before.iter().filter(|(_, other)| other.campaign_id != Some(campaign.id));
    let (close, _) = elsewhere.find(|(other, call)| {
        // A single call need not keep a gap from us, so we must surely be the later one.
        let is_earlier = call.campaign_id.is_some() || other.placed <= this_begun;
        let (earliest, _) = evidence.believed(begun(evidence, call, other), other.placed);
        is_earlier && latest < earliest + gap
    })?;
    let (other, apart) = (close.call, (this.0.placed - close.placed).num_milliseconds());
    Some(format!("{apart} ms after {other} of somebody else; the gap is {} ms", gap.num_milliseconds()))
}

fn too_often(
    evidence: &Evidence,
    campaign: &Campaign,
    before: &[Made<'_>],
    this: Made<'_>,
) -> Option<String> {
    let most = caps_of(evidence, campaign).max_per_24h?;
    let this_begun = begun(evidence, this.1, this.0);
    let day_ago = this.0.placed - TimeDelta::days(1);
    // What was placed before this one was written down, was written down before it.
    let n = before.iter().filter(|(other, _)| other.placed < this_begun && other.placed > day_ago).count();
    (n >= most as usize).then(|| format!("after {n} calls in 24 hours; {most} are allowed"))
}

/// How much there was for these rules to forbid. For people; no promise is broken by it.
pub(in crate::torture) fn put_to_the_test(evidence: &Evidence) -> String {
    let with_hours = evidence.asked.values().filter(|asked| asked.hours.is_some()).count();
    let ended = |disposition| {
        evidence.recipients.values().filter(|recipient| recipient.disposition == Some(disposition)).count()
    };
    let (suppressed, expired) = (ended(Disposition::Suppressed), ended(Disposition::Expired));
    let campaign_of = |attempt: &Attempt| evidence.call_of(attempt).map(|call| call.campaign_id);
    let mut last = BTreeMap::<E164, &Attempt>::new();
    let mut gaps = Vec::new();
    for attempt in &evidence.attempts {
        if let Some(before) = last.insert(attempt.to, attempt)
            && campaign_of(before) != campaign_of(attempt)
        {
            gaps.push((attempt.placed - before.placed).num_milliseconds());
        }
    }
    let least = gaps.iter().min().map_or_else(|| "none".into(), |gap| format!("{gap} ms"));
    format!(
        "{with_hours} campaigns had hours, {suppressed} recipients ended SUPPRESSED and {expired} EXPIRED, {} times a \
         number was called by others before, least gap {least}, {} campaigns were changed",
        gaps.len(),
        evidence.changes.len(),
    )
}
