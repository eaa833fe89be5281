//! Several schedulers and several workers at once.

use chrono::TimeDelta;
use ringfleet_core::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::{
    database::Database,
    operator::{Operator, PATIENCE, numbers, time},
    support::{
        SOON,
        pair::Pair,
        receiver::{Receiver, ids},
    },
    witness::{WitnessFile, count},
};

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_and_two_schedulers_call_everybody_once() {
    let (pair, witness, receiver) = (Pair::fleet().await, WitnessFile::new(), Receiver::start().await);
    let env = [("RINGFLEET_WORKER__WITNESS", witness.path())];
    let system = pair.start(&env).await;
    let more = [pair.spawn(&["worker"], &env), pair.spawn(&["scheduler"], &env)];
    for process in &more {
        process.wait_line("ready", SOON).await;
    }
    let operator = Operator::new(&system.api);
    operator.webhook(&receiver.url("/hook"), &["campaign.started", "campaign.completed"]).await;
    let trunk = operator.simulated_trunk(10, 40, json!({})).await;
    let campaign = operator.campaign(&trunk, json!({})).await;
    let people = numbers(2_000, 1);
    campaign.add(&people).await;
    campaign.act("start").await;

    let stats = campaign.finished().await;
    assert_eq!(stats["recipients"]["byDisposition"]["REACHED"], 2_000, "{stats}");
    assert_eq!(stats["calls"]["ended"], 2_000);
    assert_eq!(witness.calls(), count(people), "everybody was called once");
    let heard = receiver.wait_for(|heard| ids(heard).len() >= 2, PATIENCE).await;
    assert_eq!(ids(&heard).len(), 2, "{heard:?}");
    let events = "SELECT type FROM events WHERE type LIKE 'campaign.%' ORDER BY type";
    let told = Database::of(&pair).await.column(events).await;
    assert_eq!(
        told,
        ["campaign.completed", "campaign.started"],
        "told once, however many schedulers there are"
    );
}

/// A worker without a place takes nothing from those that have one.
#[tokio::test(flavor = "multi_thread")]
async fn full_workers_leave_calls_to_the_others() {
    let pair = Pair::fleet().await;
    let env = [("RINGFLEET_WORKER__MAX_LIVE", "8")];
    let system = pair.start(&env).await;
    let operator = Operator::new(&system.api);
    let trunk = operator.simulated_trunk(10, 600_000, json!({})).await;
    let campaign = operator.campaign(&trunk, json!({})).await;
    campaign.add(&numbers(24, 1)).await;
    campaign.act("start").await;
    let talking = |n: u64| move |stats: &Value| stats["calls"]["talking"] == n;
    campaign.until("the first worker is full", talking(8)).await;
    let second = pair.spawn(&["worker"], &env);
    second.wait_line("ready", SOON).await;
    campaign.until("the second worker is full, too", talking(16)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_starts_at_its_time_and_a_scheduler_may_die() {
    let (pair, witness) = (Pair::fleet().await, WitnessFile::new());
    let env = [("RINGFLEET_WORKER__WITNESS", witness.path())];
    let system = pair.start(&env).await;
    let second = pair.spawn(&["scheduler"], &env);
    second.wait_line("ready", SOON).await;
    let operator = Operator::new(&system.api);
    let trunk = operator.simulated_trunk(20, 60, json!({"limits": {"callsPerSecond": 60}})).await;
    // Far enough ahead to make and fill the campaign before it.
    let start_at = SystemClock.now() + TimeDelta::seconds(15);
    let campaign = operator.campaign(&trunk, json!({"startAt": start_at.to_rfc3339()})).await;
    campaign.add(&numbers(240, 1)).await;
    assert_eq!(campaign.act("start").await["status"], "SCHEDULED");
    campaign.until_ended(20).await;
    system.scheduler.as_ref().expect("a scheduler of its own").kill9();
    campaign.finished().await;
    assert_eq!(witness.calls(), count(numbers(240, 1)), "everybody was called once");
    let begun = campaign.sessions().await.iter().map(|call| time(&call["startedAt"])).min();
    assert!(begun.is_some_and(|begun| begun >= start_at), "somebody was called before {start_at}");
}
