//! Several schedulers and several workers at once.

use chrono::TimeDelta;
use ringfleet_core::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::{
    database::Database,
    operator::{Operator, PATIENCE, numbers, time},
    support::{
        SOON, eventually,
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

/// The transactions that wait for a lock, each by its process and its beginning.
const WAITING: &str = "SELECT pid || ' ' || xact_start FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' ORDER BY 1";

#[tokio::test(flavor = "multi_thread")]
async fn a_single_call_does_not_wait_for_what_a_campaigns_call_waits_for() {
    let pair = Pair::fleet().await;
    let system = pair.start(&[]).await;
    let operator = Operator::new(&system.api);
    let trunk = operator.simulated_trunk(10, 40, json!({})).await;
    let campaign = operator.campaign(&trunk, json!({})).await;
    campaign.add(&["+12025550101".into()]).await;
    let Pair::Fleet { database_url, .. } = &pair else { panic!("it is a fleet") };
    let somebody = sqlx::PgPool::connect(database_url).await.expect("the server runs");
    let mut holding = somebody.begin().await.expect("a transaction");
    let note =
        "INSERT INTO contacts (workspace_id, number, calls) SELECT id, 12025550101, '[]' FROM workspaces";
    let noted = sqlx::query(note).execute(&mut *holding).await.expect("it can be written").rows_affected();
    assert_eq!(noted, 1);
    campaign.act("start").await;
    let database = Database::of(&pair).await;
    let held = eventually(SOON, "the campaign's call waits for the number", async || {
        Some(database.column(WAITING).await).filter(|waiting| !waiting.is_empty())
    })
    .await;

    let single = operator.call("+12025550111", json!({"trunkId": trunk})).await;
    let single = operator.ended(&single).await;
    assert_eq!(single["outcome"], "ANSWERED", "{single}");
    // What waits for the number gives up after 20 s.
    let took = time(&single["startedAt"]) - time(&single["createdAt"]);
    assert!(took < TimeDelta::seconds(15), "it began {took} after it was asked for");
    assert_eq!(
        database.column(WAITING).await,
        held,
        "the campaign's call still waits, in the same transaction"
    );
    holding.rollback().await.expect("it is given back");
    campaign.finished().await;
}
