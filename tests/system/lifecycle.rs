//! Calls hung up with a stop, ends that come, and runs that are made by their calendar.

use chrono::{TimeDelta, Timelike};
use ringfleet_core::{Clock, SystemClock, clock::rfc3339};
use serde_json::{Value, json};

use crate::{
    database::move_next_run,
    on_both_pairs,
    operator::{Campaign, Operator, PATIENCE, number, numbers, text, time},
    support::{SOON, eventually, pair::Pair, process::Process, receiver::Receiver},
    witness::{Carrier, WitnessFile, count},
};

/// Campaigns of these tests call at once, whatever the hour.
fn always(mut more: Value) -> Value {
    more["schedule"] = json!({"window": "always"});
    more
}

async fn stop(campaign: &Campaign, action: &str) -> Value {
    let path = format!("/campaigns/{}/{action}", campaign.id);
    campaign.operator.post(&path, json!({"inFlight": "hangup"})).await
}

/// A second worker where workers are processes of their own.
async fn another_worker(pair: &Pair, env: &[(&str, &str)]) -> Option<Process> {
    if let Pair::Embedded(_) = pair {
        return None;
    }
    let worker = pair.spawn(&["worker"], env);
    worker.wait_line("ready", SOON).await;
    Some(worker)
}

on_both_pairs!(a_pause_may_hang_up_what_is_in_flight, pause);

async fn pause(pair: Pair) {
    let witness = WitnessFile::new();
    // So few places that both workers have some of the calls.
    let env = [("RINGFLEET_WORKER__WITNESS", witness.path()), ("RINGFLEET_WORKER__MAX_LIVE", "8")];
    let system = pair.start(&env).await;
    let _second = another_worker(&pair, &env).await;
    let operator = Operator::new(&system.api);
    // Those that end in 6 ring 50 times as long as the others.
    let trunk = operator.simulated_trunk(4_000, 600_000, json!({})).await;
    let campaign = operator.campaign(&trunk, always(json!({"ringTimeoutSeconds": 300}))).await;
    let (ring, talk) = (numbers(4, 6), numbers(4, 1));
    campaign.add(&[ring.clone(), talk.clone()].concat()).await;
    campaign.act("start").await;
    campaign
        .until("four ring and four talk", |stats| {
            stats["calls"]["ringing"] == 4 && stats["calls"]["talking"] == 4
        })
        .await;

    let receiver = Receiver::start().await;
    operator.webhook(&receiver.url("/hook"), &["campaign.paused"]).await;
    assert_eq!(stop(&campaign, "pause").await["status"], "PAUSED");
    let asked = SystemClock.now();
    let stats = campaign
        .until("nobody is on the line", |stats| {
            stats["calls"]["ringing"] == 0 && stats["calls"]["talking"] == 0
        })
        .await;
    // Two seconds are promised; ten leave room for a machine that is busy with other tests.
    assert!(SystemClock.now() - asked < TimeDelta::seconds(10), "it took too long");
    assert_eq!(stats["recipients"]["byDisposition"]["REACHED"], 4, "{stats}");
    assert_eq!((&stats["calls"]["ended"], &stats["recipients"]["queued"]), (&json!(4), &json!(4)), "{stats}");
    for one in campaign.recipients().await.iter().filter(|one| one["disposition"].is_null()) {
        assert_eq!(
            (&one["state"], &one["attempts"]),
            (&json!("QUEUED"), &json!(0)),
            "nothing was consumed: {one}"
        );
    }
    let heard = receiver.wait_for(|heard| !heard.is_empty(), PATIENCE).await;
    assert_eq!(heard[0].json()["data"]["status"], "PAUSED");

    // A phone that rang is not called again in the next minutes; as many others are called as the limit allows.
    let narrow = system.api.request(reqwest::Method::PATCH, &format!("/api/v1/campaigns/{}", campaign.id));
    let answer = narrow.json(&json!({"limits": {"maxLiveCalls": 4}})).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let others = numbers(6, 2).split_off(4);
    campaign.add(&others).await;
    campaign.act("start").await;
    campaign.until("the others talk", |stats| stats["calls"]["talking"] == 2).await;
    let waiting =
        campaign.sessions().await.into_iter().filter(|call| call["status"] == "PENDING").collect::<Vec<_>>();
    assert_eq!(waiting.len(), 4);
    for call in &waiting {
        assert_eq!((&call["reason"], &call["hold"]), (&json!("hung_up"), &json!("GAP")), "{call}");
    }
    assert_eq!(stop(&campaign, "cancel").await["status"], "CANCELLED");
    let stats = campaign.until("everybody is done", |stats| stats["recipients"]["done"] == 10).await;
    assert_eq!(stats["recipients"]["byDisposition"]["CANCELLED"], 4, "{stats}");
    assert_eq!(witness.calls(), count([ring, talk, others].concat()), "everybody was called once");
}

on_both_pairs!(a_cancel_may_hang_up_what_is_in_flight, cancel);

/// Over SIP, so that the far end sees a CANCEL and a BYE.
async fn cancel(pair: Pair) {
    let system = pair.start(&[]).await;
    let carrier = Carrier::start(&["--ring-ms", "300", "--talk-ms", "600000"]).await;
    let operator = Operator::new(&system.api);
    let trunk = operator.sip_trunk(carrier.addr, json!({})).await;
    let campaign = operator.campaign(&trunk, always(json!({"ringTimeoutSeconds": 300}))).await;
    campaign.add(&numbers(3, 6)).await;
    campaign.act("start").await;
    campaign.until("three ring", |stats| stats["calls"]["ringing"] == 3).await;
    assert_eq!(stop(&campaign, "cancel").await["status"], "CANCELLED");
    let stats = campaign.until("everybody is done", |stats| stats["recipients"]["done"] == 3).await;
    assert_eq!(stats["recipients"]["byDisposition"]["CANCELLED"], 3, "{stats}");
    for call in campaign.sessions().await {
        assert_eq!((&call["status"], &call["outcome"]), (&json!("CANCELLED"), &Value::Null), "{call}");
    }
    for record in carrier.records().await {
        assert_eq!((&record["invites"], &record["answered"]), (&json!(1), &json!(false)), "{record}");
    }
}

on_both_pairs!(an_end_comes_by_itself, end);

async fn end(pair: Pair) {
    let system = pair.start(&[]).await;
    let operator = Operator::new(&system.api);
    // One call at a time: most of them wait when the end comes.
    let trunk = operator.simulated_trunk(50, 1_500, json!({"limits": {"maxLiveCalls": 1}})).await;
    let end = SystemClock.now() + TimeDelta::seconds(5);
    let ends = always(json!({"endAt": rfc3339(end)}));
    let (calling, paused) =
        (operator.campaign(&trunk, ends.clone()).await, operator.campaign(&trunk, ends).await);
    for campaign in [&calling, &paused] {
        campaign.add(&numbers(200, 1)).await;
        campaign.act("start").await;
    }
    paused.act("pause").await;
    for campaign in [&calling, &paused] {
        let stats = campaign.finished().await;
        let by = |disposition: &str| number(&stats["recipients"]["byDisposition"][disposition]);
        assert_eq!(by("EXPIRED") + by("REACHED"), 200, "{stats}");
        assert!(by("EXPIRED") > 100, "{stats}");
        let sessions = campaign.sessions().await;
        let late = sessions.iter().filter(|call| {
            !call["startedAt"].is_null() && time(&call["startedAt"]) > end + TimeDelta::seconds(1)
        });
        assert_eq!(late.count(), 0, "a call began after the end");
    }
}

on_both_pairs!(a_run_is_made_when_its_time_has_come, run);

/// No clock of ours can be moved from outside, so the time that is due is moved: in the database, to the minute before now.
async fn run(pair: Pair) {
    let system = pair.start(&[]).await;
    let second = match &pair {
        Pair::Embedded(_) => None,
        Pair::Fleet { .. } => Some(pair.spawn(&["scheduler"], &[])),
    };
    if let Some(second) = &second {
        second.wait_line("ready", SOON).await;
    }
    let operator = Operator::new(&system.api);
    let trunk = operator.simulated_trunk(10, 20, json!({})).await;
    // Some hours from now, so that nothing is due by itself while this runs.
    let hour = (SystemClock.now().hour() + 12) % 24;
    let recurrence = json!({"cron": format!("30 {hour} * * *"), "timezone": "UTC"});
    let parent = operator.campaign(&trunk, always(json!({"recurrence": recurrence}))).await;
    parent.add(&numbers(50, 1)).await;
    let next = text(&parent.act("start").await["nextRunAt"]).to_owned();
    let runs = format!("/campaigns/{}/runs", parent.id);
    // Three days late, as after a long outage: one run makes up for all that was missed. Then twice just in time.
    for (n, late) in (1..).zip([TimeDelta::days(3), TimeDelta::seconds(1), TimeDelta::seconds(1)]) {
        move_next_run(&pair, SystemClock.now() - late).await;
        let run = eventually(PATIENCE, "the run is there", async || {
            let mut all = operator.all(&runs).await;
            assert!(all.len() <= n, "one run too many: {all:#?}");
            (all.len() == n).then(|| all.swap_remove(0))
        })
        .await;
        let run = Campaign { operator: operator.clone(), id: text(&run["id"]).to_owned() };
        let stats = run.finished().await;
        assert_eq!(stats["recipients"]["byDisposition"]["REACHED"], 50, "{stats}");
        let shown = operator.get(&format!("/campaigns/{}", parent.id)).await;
        assert_eq!((&shown["status"], &shown["nextRunAt"]), (&json!("SCHEDULED"), &json!(next)));
    }
    // What had its run has no other one, whoever thinks that it is due.
    move_next_run(&pair, SystemClock.now() - TimeDelta::days(3)).await;
    eventually(PATIENCE, "it is seen not to be due", async || {
        (operator.get(&format!("/campaigns/{}", parent.id)).await["nextRunAt"] == next).then_some(())
    })
    .await;
    assert_eq!(operator.all(&runs).await.len(), 3);
    assert_eq!(parent.stats().await["recipients"]["pending"], 50, "the list itself is left as it is");
}
