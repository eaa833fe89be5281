//! Seats, counted at the far end of the trunk: how many calls ring and talk at once, and what becomes of those for whom none is free.

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::{
    operator::{Operator, PATIENCE, number, numbers, text, time},
    support::{
        SOON, eventually,
        pair::Pair,
        receiver::{Receiver, ids},
    },
    witness::WitnessFile,
};

/// With one call for each free seat there are never more calls than seats, so that those that ring never outnumber the free ones and
/// whoever picks up finds one. A killed worker's seats come back when its lease is over.
#[tokio::test(flavor = "multi_thread")]
async fn one_call_for_each_free_seat_abandons_nobody_also_when_a_worker_is_killed() {
    const SEATS: usize = 6;
    let (pair, witness) = (Pair::fleet().await, WitnessFile::new());
    let env = [("RINGFLEET_WORKER__WITNESS", witness.path())];
    let system = pair.start(&env).await;
    let doomed = pair.spawn(&["worker"], &env);
    doomed.wait_line("ready", SOON).await;
    let operator = Operator::new(&system.api);
    let trunk = operator.simulated_trunk(60, 1_000, json!({})).await;
    let campaign = operator.campaign(&trunk, json!({"seats": {"count": SEATS}})).await;
    let people = [numbers(270, 1), numbers(90, 7)].concat();
    campaign.add(&people).await;
    campaign.act("start").await;
    campaign.until_ended(30).await;
    let held = || held(&witness.events(), doomed.pid());
    eventually(SOON, "it has a call to lose", async || (held() > 0).then_some(())).await;
    doomed.kill9();
    doomed.wait_exit(SOON).await;
    let (dead, held) = ((doomed.pid(), witness.events().len()), held());

    let stats = campaign.finished().await;
    let lost = number(&stats["calls"]["byOutcome"]["UNCERTAIN"]);
    assert!(
        lost <= held as u64,
        "of the {held} of the killed worker those that had not been answered: {stats}"
    );
    assert!(held <= SEATS);
    assert_eq!(stats["calls"]["ended"], people.len());
    assert_eq!(
        (&stats["calls"]["byOutcome"]["ABANDONED"], &stats["seats"]["abandoned"]),
        (&json!(0), &json!(0))
    );
    assert_eq!((&stats["seats"]["callRatio"], &stats["seats"]["share"]), (&json!(1.0), &json!(0.0)));
    let live = live(&witness.events(), Some(dead));
    let most = |from: usize| live.iter().filter(|(line, ..)| *line >= from).map(|(.., n)| *n).max();
    assert_eq!(
        (most(0), most(dead.1)),
        (Some(SEATS), Some(SEATS)),
        "no seat is lost, and none is given twice"
    );
}

/// On a trunk that always answers, three calls for each free seat abandon most of them: then half as many go out.
#[tokio::test(flavor = "multi_thread")]
async fn three_calls_for_each_free_seat_abandon_some_and_then_go_half_as_fast() {
    const SEATS: usize = 10;
    const PEOPLE: u32 = 200; // as many as the brake looks back on
    let (pair, witness, receiver) = (Pair::fleet().await, WitnessFile::new(), Receiver::start().await);
    let env = [("RINGFLEET_WORKER__WITNESS", witness.path())];
    let system = pair.start(&env).await;
    let second = pair.spawn(&["worker"], &env);
    second.wait_line("ready", SOON).await;
    let operator = Operator::new(&system.api);
    operator.webhook(&receiver.url("/hook"), &["session.ended"]).await;
    let trunk = operator.simulated_trunk(300, 1_500, json!({})).await;
    let campaign = operator.campaign(&trunk, json!({"seats": {"count": SEATS, "callRatio": 3}})).await;
    campaign.add(&numbers(PEOPLE, 1)).await;
    campaign.act("start").await;

    let stats = campaign.finished().await;
    let abandoned = number(&stats["calls"]["byOutcome"]["ABANDONED"]);
    assert!(abandoned > u64::from(PEOPLE) / 20, "{stats}");
    let reached = u64::from(PEOPLE) - abandoned;
    assert_eq!(stats["recipients"]["byDisposition"]["REACHED"], reached, "{stats}");
    assert_eq!(
        stats["recipients"]["byDisposition"]["EXHAUSTED"], abandoned,
        "nobody is called again: {stats}"
    );
    let share = abandoned as f64 / f64::from(PEOPLE);
    let seats = json!({"count": SEATS, "busy": 0, "free": SEATS, "callRatio": 1.5, "answers": PEOPLE, "abandoned": abandoned, "share": share});
    assert_eq!(stats["seats"], seats);

    // Calls that waited for room before the brake was on may still go out at the old ratio: for two seconds, and they last as long.
    let live = live(&witness.events(), None);
    let braked = live[0].1 + TimeDelta::seconds(6);
    let most =
        |is_braked| live.iter().filter(|(_, at, _)| (*at > braked) == is_braked).map(|(.., n)| *n).max();
    let (before, after) = (most(false).expect("calls"), most(true).expect("calls after the brake was on"));
    assert!(before > SEATS * 3 / 2 && before <= SEATS * 3, "{before} calls at once for {SEATS} seats");
    assert!(after <= SEATS * 3 / 2, "{after} calls at once for {SEATS} seats although the brake was on");

    let heard = receiver.wait_for(|heard| ids(heard).len() >= PEOPLE as usize, PATIENCE).await;
    let mut told: Vec<Value> = heard.iter().map(|one| one.json()["data"].clone()).collect();
    told.sort_by_key(|session| text(&session["sessionId"]).to_owned());
    told.dedup();
    told.retain(|session| session["outcome"] == "ABANDONED");
    assert_eq!(told.len() as u64, abandoned);
    assert!(told.iter().all(|session| session["reason"] == "no_free_seat"), "{}", told[0]);
}

/// One seat and one process: the others wait for it, and the figures say so.
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_seat_is_told_apart() {
    let pair = Pair::embedded();
    let system = pair.start(&[]).await;
    let operator = Operator::new(&system.api);
    let trunk = operator.simulated_trunk(10, 600_000, json!({})).await;
    let campaign = operator.campaign(&trunk, json!({"seats": {"count": 1}})).await;
    campaign.add(&numbers(3, 1)).await;
    campaign.act("start").await;
    let waits = |stats: &Value| number(&stats["holds"]["SEATS"]) > 0 && stats["calls"]["talking"] == 1;
    let stats = campaign.until("somebody waits for a seat", waits).await;
    assert_eq!((&stats["seats"]["busy"], &stats["seats"]["free"]), (&json!(1), &json!(0)), "{stats}");
    assert_eq!(stats["holds"]["CONCURRENCY"], 0);
}

/// How many calls of this process are live.
fn held(events: &[Value], pid: u32) -> usize {
    let mut live = HashSet::new();
    for event in events.iter().filter(|event| number(&event["pid"]) == u64::from(pid)) {
        match text(&event["event"]) {
            "placed" => live.insert(text(&event["call"])),
            _ => live.remove(text(&event["call"])),
        };
    }
    live.len()
}

/// For each call that was placed: its line, when, and how many were live then. The calls of a process that died after so many lines
/// were over then.
fn live(events: &[Value], dead: Option<(u32, usize)>) -> Vec<(usize, chrono::DateTime<chrono::Utc>, usize)> {
    let (mut live, mut placed) = (HashMap::new(), Vec::new());
    for (line, event) in events.iter().enumerate() {
        if let Some((pid, _)) = dead.filter(|(_, lines)| *lines == line) {
            live.retain(|_, of| *of != u64::from(pid));
        }
        match text(&event["event"]) {
            "placed" => {
                live.insert(text(&event["call"]).to_owned(), number(&event["pid"]));
                placed.push((line, time(&event["at"]), live.len()));
            }
            _ => drop(live.remove(text(&event["call"]))),
        }
    }
    placed
}
