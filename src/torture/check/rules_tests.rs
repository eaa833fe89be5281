//! As in `tests`, for the rules that say whom a campaign may call, when and how often, and for terms that change.

use chrono::TimeDelta;
use ringfleet_core::{
    CallState, CallerIds, CampaignId, CampaignState, Caps, CounterKind, Disposition, Plan,
    caller_ids::Rotation, trunk::Limits,
};

use super::tests::{
    About::{Call as TheCall, Nobody, Recipient as Person},
    at, attempt, campaign, found, good, id, kept, number, one_wrong, recipient, tell_all,
};
use crate::torture::{
    evidence::Evidence,
    terms::{Asked, Ban, Change, Edited, HangUp, Shift},
};

/// The campaign may call in these spans of milliseconds.
fn open(evidence: &mut Evidence, spans: &[(i64, i64)]) {
    let hours = spans.iter().map(|(from, until)| (at(*from), at(*until))).collect();
    evidence.asked.entry(campaign().id).or_default().hours = Some(hours);
}

#[test]
fn the_hours_are_judged() {
    // 11 is placed at 0, 21 at 900, 22 at 4,000; under way for at most 350 ms.
    one_wrong("WINDOW", Person(2), "outside its hours: closed since", |e| {
        open(e, &[(-10, 600), (650, 3_649)])
    });
    one_wrong("WINDOW", Person(1), "outside its hours", |e| open(e, &[(1, 9_000)]));
    let mut evidence = good();
    open(&mut evidence, &[(-500, -349), (800, 901), (3_000, 3_651)]);
    assert_eq!(found(&evidence), []);
    // With a wrong clock it was right by that.
    open(&mut evidence, &[(-500, 2_000), (6_000, 9_000)]);
    let shift = |by| Shift { from: at(3_000), until: at(3_500), by: TimeDelta::milliseconds(by) };
    evidence.shifts.push(shift(2_001));
    assert_eq!(found(&evidence), []);
    one_wrong("WINDOW", Person(2), "outside its hours", |e| {
        open(e, &[(-500, 2_000), (6_000, 9_000)]);
        e.shifts.push(shift(1_999));
    });
}

#[test]
fn calls_to_suppressed_numbers_are_judged() {
    let ban = |n, from| Ban { number: number(n), from: at(from) };
    one_wrong("SUPPRESSED", Person(2), "its number is suppressed since", |e| e.bans.push(ban(2, 3_649)));
    one_wrong("SUPPRESSED", TheCall(31), "its number is suppressed since", |e| e.bans.push(ban(9, 2_000)));
    let mut evidence = good();
    evidence.bans.extend([ban(2, 3_650), ban(1, 0)]);
    assert_eq!(found(&evidence), []);
}

#[test]
fn what_is_shown_is_judged() {
    let pool = |numbers: &[u64], cap| CallerIds {
        numbers: numbers.iter().map(|n| number(*n)).collect(),
        rotation: Rotation::RoundRobin,
        daily_cap: Some(cap),
    };
    let show = |e: &mut Evidence, pool, numbers: [u64; 3]| {
        e.campaign().caller_ids = Some(pool);
        // The last one is a single call, which shows what it likes.
        e.attempts.iter_mut().zip(numbers).for_each(|(attempt, n)| attempt.from = Some(number(n)));
    };
    one_wrong("CALLER_IDS", Person(2), "was call 2 to show", |e| show(e, pool(&[1, 2], 1), [1, 2, 2]));
    one_wrong("CALLER_IDS", Person(1), "which its pool has not", |e| show(e, pool(&[1, 2], 2), [3, 2, 2]));
    let mut evidence = good();
    show(&mut evidence, pool(&[1, 2], 2), [1, 2, 2]);
    assert_eq!(found(&evidence), []);
}

/// Another recipient, who ends like this.
fn third(evidence: &mut Evidence, disposition: Disposition) {
    let third = recipient(3, 0, disposition);
    evidence.recipients.insert(third.id, third);
    evidence.counters.retain(|kept| kept.kind != CounterKind::Recipients);
    evidence.counters.push(kept(CounterKind::Recipients, "total", 3));
    evidence.counters.push(kept(CounterKind::Disposition, disposition.as_str(), 1));
}

#[test]
fn what_becomes_of_suppressed_recipients_is_judged() {
    let ban = |from| Ban { number: number(3), from: at(from) };
    one_wrong("SUPPRESSED", Person(3), "nobody has asked for that", |e| third(e, Disposition::Suppressed));
    one_wrong("SUPPRESSED", Person(3), "is EXPIRED, has never been called", |e| {
        third(e, Disposition::Expired);
        e.bans.push(ban(8_999));
    });
    let mut evidence = good();
    third(&mut evidence, Disposition::Suppressed);
    evidence.bans.push(ban(5_000));
    assert_eq!(found(&evidence), []);
    let mut evidence = good();
    third(&mut evidence, Disposition::Expired);
    evidence.bans.push(ban(9_000)); // it was done by then
    assert_eq!(found(&evidence), []);
    evidence.bans = vec![ban(5_000)];
    evidence.shifts.push(Shift { from: at(0), until: at(1), by: TimeDelta::seconds(-4) });
    assert_eq!(found(&evidence), []); // it may have been
}

#[test]
fn the_gap_between_campaigns_is_judged() {
    // 31 is a single call at 4,100; it calls the number of 22, or of 21.
    let gap = |e: &mut Evidence, minutes| e.floor.min_gap_minutes = Some(minutes);
    let single = |e: &mut Evidence, placed| {
        e.attempts[3] = attempt(31, placed, placed + 10);
        e.attempts[3].to = number(2);
        e.attempts.sort_by_key(|attempt| attempt.placed);
        e.trunks.clear();
    };
    // Without a trunk the campaign's pace is what tells how long a call is on its way; the single call has none.
    one_wrong("CAPS", Person(2), "1000 ms after ses_", |e| {
        single(e, 3_000);
        gap(e, 6.2 / 60.0);
    });
    let mut evidence = good();
    single(&mut evidence, 3_000);
    gap(&mut evidence, 6.0 / 60.0);
    assert_eq!(found(&evidence), []);
    // The campaign's own gap is kept where it is longer; a wrong clock may have made it seem over.
    let own =
        Asked { caps: Caps { min_gap_minutes: Some(6.2 / 60.0), ..Caps::default() }, ..Asked::default() };
    evidence.asked.insert(campaign().id, own);
    assert_eq!(found(&evidence).len(), 1);
    evidence.shifts.push(Shift { from: at(3_900), until: at(4_100), by: TimeDelta::milliseconds(101) });
    assert_eq!(found(&evidence), []);
    // A single call may come as soon as it likes.
    let mut evidence = good();
    single(&mut evidence, 4_200);
    gap(&mut evidence, 1.0);
    assert_eq!(found(&evidence), []);
}

#[test]
fn calls_in_a_day_are_judged() {
    let same_number = |e: &mut Evidence| e.attempts.iter_mut().for_each(|attempt| attempt.to = number(1));
    one_wrong("CAPS", Person(2), "after 2 calls in 24 hours; 2 are allowed", |e| {
        same_number(e);
        e.floor.max_per_24h = Some(2);
    });
    one_wrong("CAPS", Person(2), "after 2 calls in 24 hours; 2 are allowed", |e| {
        same_number(e);
        e.floor.max_per_24h = Some(9);
        e.asked.entry(campaign().id).or_default().caps.max_per_24h = Some(2);
    });
    let mut evidence = good();
    same_number(&mut evidence);
    evidence.floor.max_per_24h = Some(3);
    assert_eq!(found(&evidence), []);
    // Of those that are placed at nearly the same time nobody knows which came first.
    evidence.floor.max_per_24h = Some(2);
    evidence.attempts[1] = attempt(21, 3_700, 3_800);
    evidence.attempts[1].to = number(1);
    evidence.silences.clear();
    evidence.campaign().limits.calls_per_second = Some(9.0);
    assert_eq!(found(&evidence), []);
}

/// A change of the campaign's terms to those of the evidence.
fn changed(evidence: &mut Evidence, asked: i64, answered: i64, limits: Limits, plan: Plan) {
    let campaign = evidence.campaign();
    let after = Edited { limits: campaign.limits, plan: campaign.plan.clone() };
    let (asked, answered, before) = (at(asked), at(answered), Edited { limits, plan });
    evidence.changes.push(Change { campaign: CampaignId::from(id(1)), asked, answered, before, after });
}

#[test]
fn limits_are_judged_by_what_held() {
    // 11 and 21 overlap: two calls may be live until the change, or while it is made, but not before or after.
    let wide = Limits { calls_per_second: Some(2.0), max_live_calls: Some(2) };
    let overlap = |e: &mut Evidence| e.attempts[0].over = Some(at(901));
    let live = |asked, answered, before, after| {
        move |e: &mut Evidence| {
            overlap(e);
            e.campaign().limits = after;
            changed(e, asked, answered, before, Plan::voice(2));
        }
    };
    let narrow = campaign().limits;
    one_wrong("LIVE", Person(2), "campaign cmp_", live(-9_000, -8_000, wide, narrow));
    one_wrong("LIVE", Person(2), "campaign cmp_", live(901, 2_000, narrow, wide));
    for well in
        [live(2_000, 2_100, wide, narrow), live(-9_000, -4_000, wide, narrow), live(900, 2_000, narrow, wide)]
    {
        let mut evidence = good();
        well(&mut evidence);
        assert_eq!(found(&evidence), []);
    }
    let slow = Limits { calls_per_second: Some(0.1), max_live_calls: Some(1) };
    let rate = |e: &mut Evidence, asked, answered| {
        e.campaign().limits = slow;
        e.attempts[2] = attempt(22, 20_000, 20_100);
        e.attempts.sort_by_key(|attempt| attempt.placed);
        e.silences.clear();
        changed(e, asked, answered, narrow, Plan::voice(2));
    };
    one_wrong("RATE", Person(2), "campaign cmp_", |e| rate(e, -9_000, -8_000));
    let mut evidence = good();
    rate(&mut evidence, 2_000, 2_100);
    assert_eq!(found(&evidence), []);
}

#[test]
fn attempts_are_judged_by_the_plan_that_held() {
    let less = |e: &mut Evidence, answered| {
        e.campaign().plan = Plan::voice(1);
        changed(e, answered - 100, answered, campaign().limits, Plan::voice(2));
    };
    one_wrong("BUDGET", Person(2), "attempt 2 was placed at", |e| less(e, -1_200));
    let mut evidence = good();
    less(&mut evidence, -1_000); // the second was placed at 4,000
    assert_eq!(found(&evidence), []);
    one_wrong("BUDGET", Person(2), "attempt 2 was placed at", |e| {
        changed(e, 4_001, 4_100, campaign().limits, Plan::voice(1));
    });
}

#[test]
fn a_call_that_was_hung_up_counts_under_no_budget_and_no_cap() {
    let hung_up = |e: &mut Evidence| {
        e.call(22).state = CallState::Cancelled;
        e.call(22).outcome = None;
        e.recipient(2).total_attempts = 1;
        e.campaign().state = CampaignState::Cancelled;
        e.counters
            .retain(|kept| kept.name != "REJECTED" && kept.name != "voice" && kept.kind != CounterKind::Hour);
        e.counters.push(kept(CounterKind::Channel, "voice", 2));
        e.counters.push(kept(CounterKind::Hour, &at(0).format("%Y-%m-%dT%H").to_string(), 2));
        tell_all(e);
    };
    one_wrong("BUDGET", Person(2), "2 attempts were placed and only 1 charged", hung_up);
    let mut evidence = good();
    hung_up(&mut evidence);
    evidence.hang_ups.push(HangUp { campaign: campaign().id, asked: at(4_900) });
    assert_eq!(found(&evidence), []);
    evidence.hang_ups = vec![HangUp { campaign: campaign().id, asked: at(5_000) }];
    assert_eq!(found(&evidence).len(), 1);
}

#[test]
fn kept_holds_are_judged() {
    one_wrong("COUNTERS", Nobody, "1 hold gap are kept, 0 are there", |e| {
        e.counters.push(kept(CounterKind::Hold, "gap", 1));
    });
    let mut evidence = good();
    evidence.counters.push(kept(CounterKind::Hold, "gap", 0));
    assert_eq!(found(&evidence), []);
}
