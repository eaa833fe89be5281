//! Evidence of a small run in which all is well; and, for each promise, the same with one thing wrong.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use ringfleet_core::{
    AgentId, BrakeRule, CallId, CallState, CampaignId, CampaignState, Caps, Channel, CounterKind, DeliveryId,
    Disposition, E164, EventId, Outcome, Plan, RecipientId, RecipientState, Schedule, TrunkId, WorkspaceId,
    WorkspaceRules,
    delivery::DeliveryState,
    event::{self, EventType},
    trunk::Limits,
};
use ringfleet_store::{Call, Campaign, KeptCounter, Recipient, Told};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{INVARIANTS, Violation, Who};
use crate::{
    demo::receiver::Notice,
    torture::{
        crew::Death,
        desk::Silence,
        evidence::{Attempt, Evidence},
    },
};

/// Milliseconds after the beginning of the run.
pub(super) fn at(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_790_000_000_000 + millis).unwrap()
}

pub(super) fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

pub(super) fn number(n: u64) -> E164 {
    E164::try_from(12_025_550_100 + n).unwrap()
}

const WORKER: u32 = 4711;

pub(super) fn campaign() -> Campaign {
    Campaign {
        id: CampaignId::from(id(1)),
        workspace_id: WorkspaceId::from(id(1)),
        agent_id: AgentId::from(id(1)),
        trunk_id: TrunkId::from(id(1)),
        trunk_group_id: None,
        name: "Reminders".into(),
        state: CampaignState::Finished,
        reason: None,
        plan: Plan::voice(2),
        limits: Limits { calls_per_second: Some(2.0), max_live_calls: Some(1) },
        seats: None,
        ring_seconds: 30,
        max_call_seconds: 60,
        schedule: Schedule::default(),
        caps: Caps::default(),
        dupe_days: None,
        expire_days: None,
        end_at: None,
        floor: WorkspaceRules::default(),
        start_at: None,
        started_at: Some(at(0)),
        finished_at: Some(at(9_000)),
        created_at: at(-1_000),
        recurrence: None,
        brake: BrakeRule::default(),
        caller_ids: None,
        weight: 1.0,
        next_run_at: None,
        parent_id: None,
        copies_from: None,
        replanned_to: None,
    }
}

pub(super) fn recipient(n: u128, attempts: u32, disposition: Disposition) -> Recipient {
    Recipient {
        id: RecipientId::from(id(n)),
        campaign_id: campaign().id,
        number: number(n as u64),
        variables: json!({}),
        timezone: None,
        state: RecipientState::Done,
        step: 0,
        attempts,
        total_attempts: attempts,
        due_at: at(0),
        hold: None,
        ready_at: None,
        disposition: Some(disposition),
        last_outcome: None,
        last_reason: None,
        done_at: Some(at(9_000)),
        created_at: at(-500),
    }
}

/// Call `n` of recipient `of`, or of nobody's list.
pub(super) fn call(n: u128, of: Option<u128>, outcome: Outcome) -> Call {
    Call {
        id: CallId::from(id(n)),
        workspace_id: campaign().workspace_id,
        campaign_id: of.map(|_| campaign().id),
        recipient_id: of.map(|of| RecipientId::from(id(of))),
        agent_id: campaign().agent_id,
        agent_version: None,
        trunk_id: campaign().trunk_id,
        channel: Channel::Voice,
        number: number(of.unwrap_or(9) as u64),
        caller_id: None,
        caller_day: None,
        metadata: json!({}),
        step: 0,
        attempt: 1,
        placements: 1,
        state: outcome.state(),
        hold: None,
        outcome: Some(outcome),
        reason: Some("as it happens".into()),
        code: None,
        ended_by: None,
        heard: None,
        transferred_to: None,
        transferred_at: None,
        traceparent: None,
        created_at: at(0),
        triggered_at: Some(at(0)),
        answered_at: None,
        ended_at: Some(at(9_000)),
    }
}

pub(super) fn attempt(call: u128, placed: i64, over: i64) -> Attempt {
    let to = number(match call {
        11 => 1,
        21 | 22 => 2,
        _ => 9,
    });
    let (call, placed, over) = (CallId::from(id(call)), at(placed), Some(at(over)));
    Attempt { call, to, from: None, pid: WORKER, placed, over }
}

pub(super) fn kept(kind: CounterKind, name: &str, n: i64) -> KeptCounter {
    KeptCounter { campaign_id: campaign().id, kind, name: name.into(), n }
}

impl Evidence {
    /// Tells of something, as delivered and heard.
    fn tell(&mut self, event: EventType, data: &Value) {
        let n = 1_000 + self.told.len() as u128;
        let event_id = EventId::from(id(n));
        let body = event::body(event_id, event, at(0), 1, false, data);
        self.notices.push(Notice { id: event_id.to_string(), verified: true, body: body.clone().into() });
        let state = DeliveryState::Delivered;
        self.told.push(Told { id: DeliveryId::from(id(n)), event_id, event, body, state });
    }

    pub(super) fn call(&mut self, n: u128) -> &mut Call {
        self.calls.get_mut(&CallId::from(id(n))).unwrap()
    }

    pub(super) fn recipient(&mut self, n: u128) -> &mut Recipient {
        self.recipients.get_mut(&RecipientId::from(id(n))).unwrap()
    }

    pub(super) fn campaign(&mut self) -> &mut Campaign {
        self.campaigns.get_mut(&campaign().id).unwrap()
    }
}

/// One reached by call 11, one exhausted by 21 and 22; 31 is a single call beside 22.
pub(super) fn good() -> Evidence {
    let people = [recipient(1, 1, Disposition::Reached), recipient(2, 2, Disposition::Exhausted)];
    let calls = [
        call(11, Some(1), Outcome::Answered),
        call(21, Some(2), Outcome::Unanswered),
        call(22, Some(2), Outcome::Rejected),
        call(31, None, Outcome::Answered),
    ];
    let limits = Limits { calls_per_second: Some(3.0), max_live_calls: Some(2) };
    let mut evidence = Evidence {
        trunks: BTreeMap::from([(campaign().trunk_id, limits)]),
        campaigns: BTreeMap::from([(campaign().id, campaign())]),
        recipients: people.map(|recipient| (recipient.id, recipient)).into(),
        calls: calls.map(|call| (call.id, call)).into(),
        counters: vec![
            kept(CounterKind::Recipients, "total", 2),
            kept(CounterKind::Disposition, "REACHED", 1),
            kept(CounterKind::Disposition, "EXHAUSTED", 1),
            kept(CounterKind::Outcome, "ANSWERED", 1),
            kept(CounterKind::Outcome, "UNANSWERED", 1),
            kept(CounterKind::Outcome, "REJECTED", 1),
            kept(CounterKind::Channel, "voice", 3),
            kept(CounterKind::Hour, &at(0).format("%Y-%m-%dT%H").to_string(), 3),
            kept(CounterKind::AnsweredHour, &at(0).format("%Y-%m-%dT%H").to_string(), 1),
        ],
        attempts: vec![
            attempt(11, 0, 900),
            attempt(21, 900, 2_000),
            attempt(22, 4_000, 5_000),
            attempt(31, 4_100, 4_800),
        ],
        silences: vec![Silence { campaign: campaign().id, from: at(2_500), until: Some(at(3_500)) }],
        deaths: vec![Death { pid: WORKER, at: at(8_000), unasked: None }],
        ..Evidence::default()
    };
    tell_all(&mut evidence);
    evidence
}

/// Tells of all calls, and of the campaign.
pub(super) fn tell_all(evidence: &mut Evidence) {
    evidence.told.clear();
    evidence.notices.clear();
    for n in [11, 21, 22, 31] {
        let session = json!({"sessionId": CallId::from(id(n))});
        evidence.tell(EventType::SessionStarted, &session);
        evidence.tell(EventType::SessionEnded, &session);
    }
    let about = json!({"campaignId": campaign().id});
    evidence.tell(EventType::CampaignStarted, &about);
    if evidence.campaign().state == CampaignState::Finished {
        evidence.tell(EventType::CampaignCompleted, &about);
    }
}

/// All that is found, by the name of what does not hold.
pub(super) fn found(evidence: &Evidence) -> Vec<(&'static str, Violation)> {
    let judged =
        INVARIANTS.iter().flat_map(|(name, check)| check(evidence).into_iter().map(move |v| (*name, v)));
    judged.collect()
}

#[test]
fn where_all_is_well_nothing_is_found() {
    assert_eq!(found(&good()), []);
}

/// Whom a finding is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum About {
    Recipient(u128),
    Call(u128),
    Nobody,
}
use About::{Call as TheCall, Nobody, Recipient as Person};

/// One thing wrong, what it violates, exactly once and nothing else, and about whom.
pub(super) fn one_wrong(name: &str, about: About, words: &str, doctor: impl FnOnce(&mut Evidence)) {
    let mut evidence = good();
    doctor(&mut evidence);
    evidence.attempts.sort_by_key(|attempt| attempt.placed);
    let found = found(&evidence);
    let [(violated, violation)] = &found[..] else { panic!("{words}: {found:?}") };
    assert_eq!(*violated, name, "{found:?}");
    assert!(violation.what.contains(words), "{words:?} is not in {violation:?}");
    let who = match about {
        Person(n) => Some(Who::Recipient(RecipientId::from(id(n)))),
        TheCall(n) => Some(Who::Call(CallId::from(id(n)))),
        Nobody => None,
    };
    assert_eq!(violation.who, who, "{words}");
}

#[test]
fn never_twice_is_judged() {
    one_wrong("NEVER_TWICE", TheCall(31), "was placed at", |e| e.attempts.push(attempt(31, 6_000, 6_100)));
    one_wrong("NEVER_TWICE", Person(2), "was not over", |e| {
        e.campaign().limits.max_live_calls = None;
        e.attempts[1].over = Some(at(4_001));
    });
    one_wrong("NEVER_TWICE", Person(2), "was not over", |e| {
        e.campaign().limits.max_live_calls = None;
        e.trunks.clear();
        e.attempts[1].over = None;
    });
    one_wrong("NEVER_TWICE", Person(2), "last word", |e| e.call(21).reason = Some("declined".into()));
}

#[test]
fn the_budget_is_judged() {
    one_wrong("BUDGET", Person(2), "the plan allows 1", |e| {
        e.campaign().plan = Plan::voice(1);
    });
    one_wrong("BUDGET", Person(2), "only 1 charged", |e| e.recipient(2).total_attempts = 1);
    one_wrong("BUDGET", Person(1), "3 charged", |e| e.recipient(1).total_attempts = 3);
    one_wrong("BUDGET", TheCall(99), "not in the database", |e| e.attempts.push(attempt(99, 6_000, 6_100)));
}

#[test]
fn an_abandoned_call_counts_as_answered_and_reaches_nobody() {
    let mut evidence = good();
    let call = evidence.call(22);
    (call.outcome, call.state) = (Some(Outcome::Abandoned), Outcome::Abandoned.state());
    for kept in &mut evidence.counters {
        match (kept.kind, kept.name.as_str()) {
            (CounterKind::Outcome, "REJECTED") => kept.name = "ABANDONED".into(),
            (CounterKind::AnsweredHour, _) => kept.n = 2,
            _ => {}
        }
    }
    assert_eq!(found(&evidence), []);
}

#[test]
fn a_pause_and_a_cancel_are_judged() {
    let silence =
        |from, until: Option<i64>| Silence { campaign: campaign().id, from: at(from), until: until.map(at) };
    one_wrong("PAUSE", Person(2), "had to be silent", |e| e.silences.push(silence(3_890, Some(4_001))));
    one_wrong("PAUSE", Person(2), "to the end", |e| e.silences.push(silence(3_890, None)));
    // It was on its way; and without a pace it may be so for longer.
    let mut evidence = good();
    evidence.silences.push(silence(3_900, None));
    assert_eq!(found(&evidence), []);
    evidence.silences.push(silence(-900, Some(4_001)));
    evidence.campaign().limits.calls_per_second = None;
    evidence.trunks.clear();
    assert_eq!(found(&evidence), []);
}

#[test]
fn the_rate_is_judged() {
    // Four on the trunk within a second, where three are allowed, and no busy machine explains that.
    let burst = |e: &mut Evidence, last: i64| {
        e.trunks.values_mut().for_each(|limits| limits.max_live_calls = None);
        for (n, placed) in [(32, 4_200), (33, last)] {
            let single = call(n, None, Outcome::Answered);
            e.calls.insert(single.id, single);
            e.attempts.push(attempt(n, placed, placed + 100));
            let session = json!({"sessionId": CallId::from(id(n))});
            e.tell(EventType::SessionStarted, &session);
            e.tell(EventType::SessionEnded, &session);
        }
    };
    one_wrong("RATE", TheCall(33), "more than 3 calls/s", |e| burst(e, 4_890));
    let mut evidence = good();
    burst(&mut evidence, 4_905); // the first of them left 100 ms before it was placed
    assert_eq!(found(&evidence), []);
    let wire = super::pace::on_the_wire(&evidence);
    assert!(wire.starts_with("1 of 9 paced calls") && wire.ends_with("at most 95 ms"), "{wire}");
    one_wrong("RATE", Person(2), "campaign cmp_", |e| {
        e.campaign().limits = Limits { calls_per_second: Some(0.1), max_live_calls: None };
        e.attempts[1] = attempt(21, 2_000, 2_100);
        e.attempts.remove(2);
        e.silences.clear();
    });
}

#[test]
fn live_calls_are_judged() {
    one_wrong("LIVE", TheCall(31), "made 2 live calls; 1 are allowed", |e| {
        e.trunks.values_mut().for_each(|limits| limits.max_live_calls = Some(1));
    });
    one_wrong("LIVE", Person(2), "campaign cmp_", |e| e.attempts[0].over = Some(at(901)));
    one_wrong("LIVE", TheCall(31), "trunk trk_", |e| {
        e.trunks.values_mut().for_each(|limits| limits.max_live_calls = Some(1));
        e.campaign().limits.max_live_calls = None;
    });
}

#[test]
fn what_is_not_done_is_judged() {
    one_wrong("DONE", Person(2), "is not done", |e| {
        e.recipient(2).state = RecipientState::Pending;
    });
    one_wrong("DONE", Person(2), "nobody knows when", |e| e.recipient(2).done_at = None);
    one_wrong("DONE", Nobody, "is PAUSED", |e| {
        e.campaign().state = CampaignState::Paused;
        let end = e.told.iter().position(|told| told.event == EventType::CampaignCompleted).unwrap();
        e.told.remove(end);
        e.notices.remove(end);
    });
    one_wrong("DONE", Person(2), "without a disposition", |e| {
        e.recipient(2).disposition = None;
        e.counters.retain(|kept| kept.name != "EXHAUSTED");
    });
    one_wrong("DONE", TheCall(31), "is still ONGOING", |e| {
        (e.call(31).state, e.call(31).outcome) = (CallState::Ongoing, None);
        let end = e.told.iter().rposition(|told| told.event == EventType::SessionEnded).unwrap();
        e.told.remove(end);
        e.notices.remove(end);
    });
    one_wrong("DONE", Person(1), "has answered", |e| {
        e.recipient(1).disposition = Some(Disposition::Exhausted);
        e.counters.retain(|kept| kept.kind != CounterKind::Disposition);
        e.counters.push(kept(CounterKind::Disposition, "EXHAUSTED", 2));
    });
    one_wrong("DONE", Person(2), "by no call", |e| {
        e.recipient(2).disposition = Some(Disposition::Reached);
        e.counters.retain(|kept| kept.kind != CounterKind::Disposition);
        e.counters.push(kept(CounterKind::Disposition, "REACHED", 2));
    });
}

#[test]
fn counters_are_judged() {
    one_wrong("COUNTERS", Nobody, "2 outcome REJECTED are kept, 1 are there", |e| {
        e.counters.retain(|kept| kept.name != "REJECTED");
        e.counters.push(kept(CounterKind::Outcome, "REJECTED", 2));
    });
    one_wrong("COUNTERS", Nobody, "0 recipients total", |e| {
        e.counters.retain(|kept| kept.kind != CounterKind::Recipients);
    });
    one_wrong("COUNTERS", Nobody, "1 outcome FAILED are kept, 0", |e| {
        e.counters.push(kept(CounterKind::Outcome, "FAILED", 1));
    });
}

#[test]
fn events_are_judged() {
    let session = |n| json!({"sessionId": CallId::from(id(n))});
    one_wrong("EVENTS", Person(1), "was not heard", |e| drop(e.notices.remove(0)));
    one_wrong("EVENTS", Person(1), "is DEAD and not delivered", |e| e.told[0].state = DeliveryState::Dead);
    one_wrong("EVENTS", Nobody, "signature", |e| {
        let forged = Notice { verified: false, ..e.notices[0].clone() };
        e.notices.push(forged);
    });
    one_wrong("EVENTS", Nobody, "heard and is not in the database", |e| {
        let unknown = Notice { id: EventId::from(id(5)).to_string(), ..e.notices[0].clone() };
        e.notices.push(unknown);
    });
    one_wrong("EVENTS", Person(2), "the end of ses_", |e| e.tell(EventType::SessionEnded, &session(22)));
    one_wrong("EVENTS", Person(2), "the beginning of ses_", |e| {
        e.tell(EventType::SessionStarted, &session(21))
    });
    one_wrong("EVENTS", TheCall(31), "1 events instead of 0", |e| e.call(31).placements = 0);
    one_wrong("EVENTS", Nobody, "2 events instead of 1", |e| {
        e.tell(EventType::CampaignCompleted, &json!({"campaignId": campaign().id}));
    });
    one_wrong("EVENTS", TheCall(77), "was told about", |e| e.tell(EventType::SessionEnded, &session(77)));
    // Told again is not told twice.
    let mut evidence = good();
    evidence.notices.extend(evidence.notices.clone());
    assert_eq!(found(&evidence), []);
}

#[test]
fn a_process_that_ends_by_itself_is_judged() {
    one_wrong("ALIVE", Nobody, "worker-1 has ended", |e| {
        e.deaths.push(Death {
            pid: 1,
            at: at(1),
            unasked: Some("worker-1 has ended: exit status: 1".into()),
        });
    });
}
