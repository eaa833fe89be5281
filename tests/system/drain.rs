//! SIGTERM to a worker with live calls: nothing is left to guess.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    on_both_pairs,
    operator::{Campaign, Operator, PATIENCE, number, numbers},
    support::{
        SOON,
        pair::{Pair, System},
        process::Process,
    },
    witness::{WitnessFile, count},
};

/// The process that has the calls.
fn caller(system: &System) -> &Process {
    system.worker.as_ref().unwrap_or(&system.server)
}

/// Starts that process again, and gives the campaign as its new server shows it.
async fn again(pair: &Pair, system: &mut System, campaign: &Campaign, env: &[(&str, &str)]) -> Campaign {
    match pair {
        Pair::Embedded(_) => *system = pair.start(env).await,
        Pair::Fleet { .. } => {
            let worker = pair.spawn(&["worker"], env);
            worker.wait_line("ready", SOON).await;
            system.worker = Some(worker);
        }
    }
    Campaign { operator: Operator::new(&system.api), id: campaign.id.clone() }
}

fn on_the_line(stats: &Value) -> u64 {
    number(&stats["calls"]["ringing"]) + number(&stats["calls"]["talking"])
}

on_both_pairs!(live_calls_end_by_themselves, drain);

async fn drain(pair: Pair) {
    let witness = WitnessFile::new();
    let env = [("RINGFLEET_WORKER__WITNESS", witness.path())];
    let mut system = pair.start(&env).await;
    let operator = Operator::new(&system.api);
    // They talk long enough for somebody to see all ten at it.
    let trunk = operator.simulated_trunk(200, 5_000, json!({"limits": {"maxLiveCalls": 10}})).await;
    let campaign = operator.campaign(&trunk, json!({})).await;
    let people = numbers(30, 1);
    campaign.add(&people).await;
    campaign.act("start").await;
    campaign.until("ten talk", |stats| stats["calls"]["talking"] == 10).await;

    caller(&system).terminate();
    let status = caller(&system).wait_exit(PATIENCE).await;
    assert!(status.success(), "a drained worker ends with {status}");
    let campaign = again(&pair, &mut system, &campaign, &env).await;
    let stats = campaign.finished().await;
    assert_eq!(stats["recipients"]["byDisposition"]["REACHED"], 30, "nothing was UNCERTAIN: {stats}");
    for call in campaign.sessions().await {
        assert_eq!((&call["endedBy"], &call["reason"]), (&json!("callee"), &json!("completed")), "{call}");
    }
    assert_eq!(witness.calls(), count(people), "everybody was called once");
}

on_both_pairs!(what_goes_on_too_long_is_hung_up, hang_up);

async fn hang_up(pair: Pair) {
    let witness = WitnessFile::new();
    let env = [("RINGFLEET_WORKER__WITNESS", witness.path()), ("RINGFLEET_WORKER__DRAIN", "1s")];
    let mut system = pair.start(&env).await;
    let operator = Operator::new(&system.api);
    // Those that end in 6 ring 50 times as long as the others.
    let trunk = operator.simulated_trunk(2_000, 600_000, json!({"limits": {"maxLiveCalls": 12}})).await;
    let campaign = operator.campaign(&trunk, json!({"ringTimeoutSeconds": 300})).await;
    campaign.add(&[numbers(6, 6), numbers(6, 1), numbers(6, 2)].concat()).await;
    campaign.act("start").await;
    campaign.until("all places are taken", |stats| on_the_line(stats) == 12).await;
    campaign.until("somebody talks", |stats| number(&stats["calls"]["talking"]) > 0).await;

    caller(&system).terminate();
    // Less than the drain time of somebody who sets none, thirty seconds.
    let status = caller(&system).wait_exit(Duration::from_secs(28)).await;
    assert!(status.success(), "a worker that hangs up ends with {status}");
    let campaign = again(&pair, &mut system, &campaign, &env).await;
    campaign.act("cancel").await;
    let first: Vec<Value> =
        campaign.sessions().await.into_iter().filter(|call| !call["outcome"].is_null()).collect();
    assert_eq!(first.len(), 12, "the twelve were settled: {first:#?}");
    for call in &first {
        assert_eq!(call["endedBy"], "caller", "{call}");
        assert!(call["outcome"] == "ANSWERED" || call["reason"] == "cancelled", "{call}");
    }
    assert!(witness.calls().values().all(|calls| *calls == 1), "nobody was called twice");
}
