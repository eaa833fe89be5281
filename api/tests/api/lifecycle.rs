//! Ends, changes, copies and call-backs of campaigns, with a clock that is moved.

use std::collections::BTreeMap;

use ringfleet_core::{EndedBy, Ending, Outcome};
use ringfleet_engine::{AFTER_A_MISSED_CALL, hung_up};
use serde_json::{Value, json};

use crate::{
    operate::{
        DAY, HOUR, act, berlin, call_all, figures, listed, over, patch, recipients, ring, run_path, settle,
        wait,
    },
    support::World,
};

#[tokio::test]
async fn an_end_ends_whoever_is_left_in_whatever_state_the_campaign_is() {
    let world = World::new().await;
    let end = json!({"endAt": "2026-11-22T12:00:00Z"});
    let calling = listed(&world, 3, end.clone()).await;
    let paused = listed(&world, 2, end.clone()).await;
    let scheduled =
        listed(&world, 2, json!({"startAt": "2026-11-22T11:59:00Z", "endAt": "2026-11-22T12:00:00Z"})).await;
    let draft = listed(&world, 1, end).await;
    for path in [&calling, &paused, &scheduled] {
        act(&world, path, "start").await;
    }
    act(&world, &paused, "pause").await;
    let (worker, calls) = ring(&world, &calling).await;
    settle(&world, &calling, worker, calls[0], over(Outcome::Answered, "completed")).await;
    settle(&world, &calling, worker, calls[1], over(Outcome::Unanswered, "ring_timeout")).await;
    world.engine.expire().await.unwrap();
    assert_eq!(world.get(&calling).await.data()["status"], "IN_PROGRESS", "it is not noon yet");

    wait(&world, 2 * HOUR);
    for _ in 0..2 {
        world.engine.expire().await.unwrap();
    }
    for (path, status) in
        [(&calling, "IN_PROGRESS"), (&paused, "FINISHED"), (&scheduled, "FINISHED"), (&draft, "DRAFT")]
    {
        assert_eq!(world.get(path).await.data()["status"], status, "{path}");
    }
    settle(&world, &calling, worker, calls[2], over(Outcome::Answered, "completed")).await;
    world.engine.expire().await.unwrap();
    assert_eq!(world.get(&calling).await.data()["status"], "FINISHED", "the last call is over");
    let by = |figures: Value| figures["recipients"]["byDisposition"].clone();
    assert_eq!(by(figures(&world, &paused).await)["EXPIRED"], 2);
    assert_eq!(by(figures(&world, &scheduled).await)["EXPIRED"], 2);
    assert_eq!(by(figures(&world, &calling).await)["REACHED"], 2);
    let refused = world.post(&format!("{draft}/start"), Value::Null).await;
    assert_eq!(refused.refusal(409), "END_PASSED");
    patch(&world, &draft, json!({"endAt": null})).await.expect(200);
    assert_eq!(act(&world, &draft, "start").await["status"], "IN_PROGRESS");
}

#[tokio::test]
async fn an_end_takes_claimed_recipients_back_and_one_put_off_spares_them() {
    let world = World::new().await;
    let path = listed(&world, 2, json!({"endAt": "2026-11-22T12:00:00Z"})).await;
    world.queue(path.rsplit('/').next().unwrap()).await;
    act(&world, &path, "pause").await;
    patch(&world, &path, json!({"endAt": "2026-11-22T13:00:00Z"})).await.expect(200);
    wait(&world, 2 * HOUR);
    world.engine.expire().await.unwrap();
    assert_eq!(world.get(&path).await.data()["status"], "PAUSED");
    world.queue(path.rsplit('/').next().unwrap()).await;
    wait(&world, HOUR);
    assert!(world.engine.running().await.unwrap().is_empty(), "nobody is claimed any more");
    world.engine.expire().await.unwrap();
    assert_eq!(figures(&world, &path).await["recipients"]["byDisposition"]["EXPIRED"], 2);
    assert_eq!(world.get("/sessions").await.data(), &json!([]), "calls that were never made are gone");
}

#[tokio::test]
async fn calls_in_flight_are_hung_up_when_a_stop_says_so() {
    let world = World::new().await;
    let path = listed(&world, 2, json!({"channels": [{"channel": "voice", "attempts": 1}]})).await;
    act(&world, &path, "start").await;
    let (worker, calls) = ring(&world, &path).await;
    let to_hang_up = async || world.engine.calls_to_hang_up(worker).await.unwrap().len();
    for wrong in [json!({"inFlight": "drop"}), json!({"inFlight": true}), json!({"inFlight": ["hangup"]})] {
        assert_eq!(world.post(&format!("{path}/pause"), wrong).await.field(), "inFlight");
    }
    world.post(&format!("{path}/pause"), json!({"inFlight": "finish"})).await.expect(200);
    assert_eq!(to_hang_up().await, 0);
    act(&world, &path, "start").await;
    world.post(&format!("{path}/pause"), json!({"inFlight": "hangup"})).await.expect(200);
    assert_eq!(to_hang_up().await, 2);

    // One phone had rung, one talked.
    let cancelled = Ending::over(Outcome::Unanswered, "cancelled", Some(487), EndedBy::Caller);
    settle(&world, &path, worker, calls[0], hung_up(cancelled, true)).await;
    settle(&world, &path, worker, calls[1], hung_up(over(Outcome::Answered, "completed"), true)).await;
    assert_eq!((to_hang_up().await, world.engine.forget_hang_ups().await.unwrap()), (0, 2));
    let figures_now = figures(&world, &path).await;
    assert_eq!(figures_now["recipients"]["byDisposition"]["REACHED"], 1);
    assert_eq!(figures_now["calls"]["byOutcome"]["UNANSWERED"], 0, "nothing was consumed");
    let back = recipients(&world, &path).await.into_iter().find(|one| one["disposition"].is_null()).unwrap();
    assert_eq!((&back["state"], &back["attempts"]), (&json!("QUEUED"), &json!(0)));
    // After a resume it is called again, though not at once.
    act(&world, &path, "start").await;
    assert_eq!(ring(&world, &path).await.1.len(), 0);
    wait(&world, AFTER_A_MISSED_CALL.as_secs());
    let (worker, again) = ring(&world, &path).await;
    assert_eq!(again, [calls[0]], "the same call");
    assert_eq!(
        world.engine.calls_to_hang_up(worker).await.unwrap(),
        [],
        "it was meant for the first time only"
    );

    world.post(&format!("{path}/cancel"), json!({"inFlight": "hangup"})).await.expect(200);
    assert_eq!(world.engine.calls_to_hang_up(worker).await.unwrap(), again);
    let cancelled = Ending::over(Outcome::Unanswered, "cancelled", Some(487), EndedBy::Caller);
    settle(&world, &path, worker, again[0], hung_up(cancelled, true)).await;
    assert_eq!(figures(&world, &path).await["recipients"]["byDisposition"]["CANCELLED"], 1);
    assert_eq!(world.get(&format!("/sessions/{}", again[0])).await.data()["status"], "CANCELLED");
}

#[tokio::test]
async fn a_halted_campaign_can_be_changed_and_no_other() {
    let world = World::new().await;
    let path =
        listed(&world, 2, json!({"dupeDays": 3, "expireDays": 4, "startAt": "2026-11-22T09:00:00Z"})).await;
    let change = json!({
        "name": "Winter", "channels": [{"channel": "voice", "attempts": 4}], "limits": {"maxLiveCalls": 2},
        "schedule": {"window": "weekdays-09-18-IST"}, "caps": {"maxPer24h": 2}, "dupeDays": null, "expireDays": 9,
        "startAt": null, "endAt": "2026-12-24T00:00:00Z", "ringTimeoutSeconds": 11, "maxCallSeconds": 22,
        "weight": 2.5, "brake": {"share": 0.4, "calls": 30, "then": "FAILED"},
    });
    let before = world.get(&path).await.data().clone();
    assert_eq!(patch(&world, &path, json!({})).await.expect(200).data(), &before);
    let after = patch(&world, &path, change.clone()).await.expect(200).data().clone();
    assert_eq!(world.get(&path).await.data(), &after);
    for name in ["name", "expireDays", "ringTimeoutSeconds", "dupeDays", "startAt", "weight", "brake"] {
        assert_eq!(after[name], change[name], "{name}");
    }
    assert_eq!(after["channels"][0]["attempts"], 4);
    assert_eq!((&after["limits"]["maxLiveCalls"], &after["caps"]["maxPer24h"]), (&json!(2), &json!(2)));
    assert_eq!(after["schedule"]["hours"]["mon"], json!(["09:00-18:00"]));
    assert_eq!((&after["endAt"], &after["status"]), (&json!("2026-12-24T00:00:00.000Z"), &json!("DRAFT")));
    for (wrong, field) in [
        (json!({"name": ""}), "name"),
        (json!({"channels": []}), "channels"),
        (json!({"limits": {"maxLiveCalls": 0}}), "limits.maxLiveCalls"),
        (json!({"schedule": {"window": "never"}}), "schedule.window"),
        (json!({"caps": {"maxPer24h": 0}}), "caps.maxPer24h"),
        (json!({"dupeDays": 0}), "dupeDays"),
        (json!({"endAt": "soon"}), "endAt"),
        (json!({"weight": 0.05}), "weight"),
        (json!({"weight": 101}), "weight"),
        (json!({"brake": {"calls": 4}}), "brake.calls"),
        (json!({"startAt": "2026-12-25T00:00:00Z"}), "endAt"),
        (json!({"ringTimeoutSeconds": 0}), "ringTimeoutSeconds"),
        (json!({"agentId": "x"}), "agentId"),
        (json!({"recurrence": {"cron": "x", "timezone": "UTC"}}), "recurrence.cron"),
    ] {
        assert_eq!(patch(&world, &path, wrong.clone()).await.field(), field, "{wrong}");
    }
    assert_eq!(world.get(&path).await.data(), &after, "a refusal changes nothing");
    let daily = berlin("0 9 * * *");
    assert_eq!(
        patch(&world, &path, daily.clone()).await.expect(200).data()["recurrence"],
        daily["recurrence"]
    );
    assert_eq!(patch(&world, &path, json!({"recurrence": null})).await.data()["recurrence"], Value::Null);

    act(&world, &path, "start").await;
    let refused = patch(&world, &path, json!({"name": "x", "expireDays": 3})).await.expect(409);
    assert_eq!(
        refused.body["meta"],
        json!({"code": "WRONG_STATE", "state": "IN_PROGRESS", "needs": ["DRAFT", "PAUSED"]})
    );
    act(&world, &path, "pause").await;
    assert_eq!(patch(&world, &path, json!({"name": "Spring"})).await.expect(200).data()["name"], "Spring");
    assert_eq!(patch(&world, &path, daily).await.field(), "recurrence");
    act(&world, &path, "cancel").await;
    assert_eq!(patch(&world, &path, json!({"name": "x"})).await.refusal(409), "WRONG_STATE");
}

#[tokio::test]
async fn a_changed_plan_takes_recipients_along() {
    let world = World::new().await;
    let plan = |attempts: &[u32]| {
        let step =
            |n: &u32| json!({"channel": "voice", "attempts": n, "retry": {"afterMinutes": 1, "backoff": 1}});
        json!({"channels": attempts.iter().map(step).collect::<Vec<_>>()})
    };
    let path = listed(&world, 3, plan(&[2, 2])).await;
    act(&world, &path, "start").await;
    let first = recipients(&world, &path).await[2]["id"].as_str().unwrap().to_owned();
    // Two have had three attempts and are on the second step, one has none yet.
    for _ in 0..2 {
        assert_eq!(call_all(&world, &path, Outcome::Unanswered, "ring_timeout").await, 3);
        wait(&world, 61);
    }
    let (worker, calls) = ring(&world, &path).await;
    for call in &calls[..2] {
        settle(&world, &path, worker, *call, over(Outcome::Unanswered, "ring_timeout")).await;
    }
    act(&world, &path, "pause").await;
    let stands = async || {
        let list = recipients(&world, &path).await;
        list.iter()
            .map(|one| json!([one["state"], one["step"], one["attempts"], one["disposition"]]))
            .collect::<Vec<_>>()
    };
    let pending = json!(["PENDING", 1, 3, null]);
    assert_eq!(stands().await.iter().filter(|one| **one == pending).count(), 2);
    patch(&world, &path, plan(&[3, 2])).await.expect(200);
    assert_eq!(stands().await.iter().filter(|one| **one == pending).count(), 2, "one of two is left to them");
    // Three are made, so a plan of three leaves nothing; the one that is being called ends with its call.
    patch(&world, &path, plan(&[3])).await.expect(200);
    let figures_now = figures(&world, &path).await;
    assert_eq!(figures_now["recipients"]["byDisposition"]["EXHAUSTED"], 2);
    assert_eq!(figures_now["recipients"]["active"], 1);
    settle(&world, &path, worker, calls[2], over(Outcome::Unanswered, "ring_timeout")).await;
    assert_eq!(figures(&world, &path).await["recipients"]["byDisposition"]["EXHAUSTED"], 3);
    assert!(recipients(&world, &path).await.iter().all(|one| one["attempts"] == 3));
    assert!(recipients(&world, &path).await.iter().any(|one| one["id"] == *first));
}

#[tokio::test]
async fn a_clone_and_a_second_try_are_new_campaigns() {
    let world = World::new().await;
    let path = listed(
        &world,
        4,
        json!({"limits": {"maxLiveCalls": 2}, "brake": {"share": 0.3, "calls": 20, "then": "FAILED"},
        "startAt": "2026-11-22T09:00:00Z", "endAt": "2026-12-24T00:00:00Z"}),
    )
    .await;
    let clone = world.post(&format!("{path}/clone"), Value::Null).await.expect(201);
    let clone = clone.data();
    assert_eq!(
        (&clone["name"], &clone["status"], &clone["copying"]),
        (&json!("Autumn (copy)"), &json!("DRAFT"), &json!(false))
    );
    assert_eq!((&clone["startAt"], &clone["endAt"]), (&Value::Null, &json!("2026-12-24T00:00:00.000Z")));
    assert_eq!(clone["limits"]["maxLiveCalls"], 2);
    assert_eq!(clone["brake"], json!({"share": 0.3, "calls": 20, "then": "FAILED"}));
    assert_eq!(figures(&world, &run_path(clone)).await["recipients"]["total"], 4);
    let empty =
        world.post(&format!("{path}/clone"), json!({"name": "Bare", "recipients": false})).await.expect(201);
    assert_eq!((&empty.data()["name"], &empty.data()["copying"]), (&json!("Bare"), &json!(false)));
    assert_eq!(figures(&world, &run_path(empty.data())).await["recipients"]["total"], 0);
    assert_eq!(
        world.post(&format!("{path}/clone"), json!({"recipients": "all"})).await.field(),
        "recipients"
    );
    assert_eq!(world.post(&format!("{path}/clone"), json!({"name": " "})).await.field(), "name");

    let retry = format!("{path}/retry");
    let refused = world.post(&retry, Value::Null).await.expect(409);
    assert_eq!(refused.body["meta"]["needs"], json!(["FINISHED", "FAILED", "CANCELLED"]));
    act(&world, &path, "start").await;
    let (worker, calls) = ring(&world, &path).await;
    let endings = [
        (Outcome::Answered, "completed"),
        (Outcome::Unanswered, "ring_timeout"),
        (Outcome::Failed, "bad_number"),
        (Outcome::Rejected, "busy"),
    ];
    for (call, (outcome, reason)) in calls.into_iter().zip(endings) {
        settle(&world, &path, worker, call, over(outcome, reason)).await;
    }
    let running = world.engine.running().await.unwrap();
    assert!(world.engine.is_done(&running[0]).await.unwrap());
    act(&world, &path, "cancel").await;
    for (body, people) in
        [(Value::Null, 2), (json!({"dispositions": ["REACHED", "INVALID", "EXHAUSTED"]}), 4)]
    {
        let made = world.post(&retry, body).await.expect(201);
        let new = run_path(made.data());
        assert_eq!(
            (&made.data()["name"], &made.data()["status"]),
            (&json!("Autumn (retry)"), &json!("DRAFT"))
        );
        assert_eq!(figures(&world, &new).await["recipients"]["pending"], people);
        assert!(recipients(&world, &new).await.iter().all(|one| one["attempts"] == 0));
    }
    assert_eq!(world.post(&retry, json!({"dispositions": ["EXPIRED"]})).await.refusal(409), "NO_RECIPIENTS");
    assert_eq!(world.post(&retry, json!({"dispositions": []})).await.field(), "dispositions");
    assert_eq!(world.post(&retry, json!({"dispositions": ["BUSY"]})).await.field(), "dispositions[0]");
}

#[tokio::test]
async fn one_recipient_is_called_back_when_somebody_says_so() {
    let world = World::new().await;
    let plan = json!([{"channel": "voice", "attempts": 2}]);
    let office = json!({"hours": {"mon": ["09:00-18:00"]}});
    let path =
        listed(&world, 4, json!({"channels": plan, "schedule": office, "endAt": "2026-12-24T00:00:00Z"}))
            .await;
    let ids: Vec<String> =
        recipients(&world, &path).await.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    let back = async |n: usize, at: &str| {
        world.post(&format!("{path}/recipients/{}/reschedule", ids[n]), json!({"at": at})).await
    };
    // Inside the hours of the recipient it stays as it is, outside it waits for them. In India it is 5:30 later.
    let fitted = back(0, "2026-11-23T10:00:00+05:30").await.expect(200);
    assert_eq!(
        (&fitted.data()["dueAt"], &fitted.data()["hold"]),
        (&json!("2026-11-23T04:30:00.000Z"), &json!("RETRY"))
    );
    let moved = back(0, "2026-11-23T20:00:00+05:30").await.expect(200);
    assert_eq!(
        (&moved.data()["dueAt"], &moved.data()["hold"]),
        (&json!("2026-11-30T03:30:00.000Z"), &json!("WINDOW"))
    );
    assert_eq!(back(0, "tomorrow").await.field(), "at");
    assert_eq!(back(0, "2026-12-23T00:00:00Z").await.field(), "at", "the next hours lie after the end");
    assert_eq!(
        world.post(&format!("{path}/recipients/{}/reschedule", ids[0]), json!({})).await.field(),
        "at"
    );
    let stranger = listed(&world, 1, json!({})).await;
    let elsewhere = format!("{stranger}/recipients/{}/reschedule", ids[0]);
    assert_eq!(world.post(&elsewhere, json!({"at": "2026-11-23T10:00:00Z"})).await.refusal(404), "NOT_FOUND");

    patch(&world, &path, json!({"schedule": {"window": "always"}})).await.expect(200);
    act(&world, &path, "start").await;
    let (worker, calls) = ring(&world, &path).await;
    assert_eq!(calls.len(), 3, "the first one is not due");
    let mut by_recipient = BTreeMap::new();
    for call in calls {
        let session = world.get(&format!("/sessions/{call}")).await.data().clone();
        by_recipient.insert(session["recipientId"].as_str().unwrap().to_owned(), call);
    }
    assert_eq!(back(1, "2026-11-23T10:00:00Z").await.refusal(409), "RECIPIENT_BUSY");
    settle(&world, &path, worker, by_recipient[&ids[1]], over(Outcome::Answered, "completed")).await;
    settle(&world, &path, worker, by_recipient[&ids[2]], over(Outcome::Rejected, "declined")).await;
    settle(&world, &path, worker, by_recipient[&ids[3]], over(Outcome::Failed, "bad_number")).await;
    let reached = async || figures(&world, &path).await["recipients"]["byDisposition"]["REACHED"].clone();
    assert_eq!(reached().await, 1);
    let open = back(1, "2026-11-23T10:00:00Z").await.expect(200);
    assert_eq!(
        (&open.data()["state"], &open.data()["disposition"], &open.data()["doneAt"]),
        (&json!("PENDING"), &Value::Null, &Value::Null)
    );
    assert_eq!(reached().await, 0);
    for n in [2, 3] {
        assert_eq!(back(n, "2026-11-23T10:00:00Z").await.refusal(409), "RECIPIENT_DONE");
    }
    wait(&world, DAY);
    assert_eq!(call_all(&world, &path, Outcome::Answered, "completed").await, 1);
    let refused = back(1, "2026-11-24T10:00:00Z").await.expect(409);
    assert_eq!(refused.body["meta"]["code"], "RECIPIENT_DONE");
    assert!(refused.body["message"].as_str().unwrap().contains("no attempt"), "{}", refused.text);
    assert_eq!(reached().await, 1);
    act(&world, &path, "cancel").await;
    assert_eq!(back(0, "2026-11-23T10:00:00Z").await.refusal(409), "WRONG_STATE");
}
