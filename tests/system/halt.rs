//! Pause and cancel hold before they are answered; a single call does not wait behind a campaign.

use chrono::{DateTime, Utc};
use ringfleet_core::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::{
    on_both_pairs,
    operator::{Campaign, Operator, number, numbers, time},
    support::pair::Pair,
    witness::{WitnessFile, count},
};

/// How many calls of the campaign had begun after this moment, among those that have begun at all.
fn begun_after(sessions: &[Value], moment: DateTime<Utc>) -> usize {
    sessions.iter().filter(|call| !call["startedAt"].is_null() && time(&call["startedAt"]) > moment).count()
}

/// On the list: so many that calling them takes ten seconds, however late this test is with a pause.
const PEOPLE: u32 = 600;

fn nobody_is_on_the_line(stats: &Value) -> bool {
    stats["calls"]["ringing"] == 0 && stats["calls"]["talking"] == 0
}

on_both_pairs!(a_pause_holds_before_it_is_answered, pause);

async fn pause(pair: Pair) {
    let witness = WitnessFile::new();
    let system = pair.start(&[("RINGFLEET_WORKER__WITNESS", witness.path())]).await;
    let operator = Operator::new(&system.api);
    let trunk = operator.simulated_trunk(100, 200, json!({"limits": {"callsPerSecond": 60}})).await;
    let campaign = operator.campaign(&trunk, json!({})).await;
    let people = numbers(PEOPLE, 1);
    campaign.add(&people).await;

    let mut pauses = Vec::new();
    for ended in [40, 100, 160] {
        campaign.act("start").await;
        campaign.until_ended(ended).await;
        assert_eq!(campaign.act("pause").await["status"], "PAUSED");
        let answered = SystemClock.now();
        // What rang or talked ends as it ends; nothing else happens, also not while this takes its time.
        let stats = campaign.until("the last call is over", nobody_is_on_the_line).await;
        assert!(number(&stats["recipients"]["done"]) < u64::from(PEOPLE), "too late to pause: {stats}");
        assert_eq!(stats["recipients"]["active"], 0, "{stats}");
        assert_eq!(begun_after(&campaign.sessions().await, answered), 0, "a call began after the pause");
        pauses.push((answered, SystemClock.now()));
    }
    campaign.act("start").await;
    assert_eq!(campaign.finished().await["recipients"]["byDisposition"]["REACHED"], PEOPLE);

    let sessions = campaign.sessions().await;
    for (answered, resumed) in pauses {
        let within = begun_after(&sessions, answered) - begun_after(&sessions, resumed);
        assert_eq!(within, 0, "calls began between the pause and the next start");
    }
    assert_eq!(witness.calls(), count(people), "everybody was called once");
}

on_both_pairs!(nobody_is_called_after_a_cancel, cancel);

async fn cancel(pair: Pair) {
    let witness = WitnessFile::new();
    let system = pair.start(&[("RINGFLEET_WORKER__WITNESS", witness.path())]).await;
    let operator = Operator::new(&system.api);
    let trunk = operator.simulated_trunk(100, 200, json!({"limits": {"callsPerSecond": 60}})).await;
    let campaign = operator.campaign(&trunk, json!({})).await;
    campaign.add(&numbers(PEOPLE, 1)).await;
    campaign.act("start").await;
    campaign.until_ended(30).await;
    assert_eq!(campaign.act("cancel").await["status"], "CANCELLED");
    let answered = SystemClock.now();

    let stats = campaign.until("everybody is done", |stats| stats["recipients"]["done"] == PEOPLE).await;
    let by = |disposition: &str| number(&stats["recipients"]["byDisposition"][disposition]);
    assert!(by("CANCELLED") > 0 && by("REACHED") >= 30, "{stats}");
    assert_eq!(by("CANCELLED") + by("REACHED"), u64::from(PEOPLE), "{stats}");
    let sessions = campaign.sessions().await;
    assert_eq!(begun_after(&sessions, answered), 0, "a call began after the cancel");
    assert_eq!(witness.calls().len() as u64, by("REACHED"), "only they were called");
}

on_both_pairs!(a_single_call_overtakes_a_campaign, overtake);

async fn overtake(pair: Pair) {
    let system = pair.start(&[]).await;
    let operator = Operator::new(&system.api);
    let limits = json!({"limits": {"maxLiveCalls": 4}});
    let trunk = operator.simulated_trunk(50, 200, limits).await;
    let campaign = operator.campaign(&trunk, json!({})).await;
    campaign.add(&numbers(400, 1)).await;
    campaign.act("start").await;
    campaign.until_ended(8).await;

    let session = operator.call("+14155550101", json!({"trunkId": trunk})).await;
    let session = operator.ended(&session).await;
    assert_eq!(session["outcome"], "ANSWERED");
    let stats = campaign.stats().await;
    assert_eq!(stats["status"], "IN_PROGRESS", "the campaign was still running: {stats}");
    let before = overtaken_by(&campaign, &session).await;
    // The trunk takes 16 in a second; a call that waits behind the campaign sees 380 go first.
    assert!(before <= 64, "{before} calls of the campaign went first");
    campaign.act("cancel").await;
}

/// How many calls of the campaign began between the moment in which the single call was asked for and its own beginning.
async fn overtaken_by(campaign: &Campaign, session: &Value) -> usize {
    let (asked, begun) = (time(&session["createdAt"]), time(&session["startedAt"]));
    let sessions = campaign.sessions().await;
    begun_after(&sessions, asked) - begun_after(&sessions, begun)
}
