//! Ends, runs, changes, copies and call-backs of campaigns, with a clock that is moved.

use std::{collections::BTreeMap, time::Duration};

use ringfleet_core::{CallId, Clock, EndedBy, Ending, Outcome, WorkerId};
use ringfleet_engine::{AFTER_A_MISSED_CALL, Settlement, hung_up};
use serde_json::{Value, json};

use crate::support::World;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// A campaign in DRAFT at any hour, with so many recipients in India.
async fn listed(world: &World, people: usize, more: Value) -> String {
    let agent = world.agent().await;
    if world.get("/trunks").await.data().as_array().unwrap().is_empty() {
        world.trunk().await;
    }
    let mut body = json!({"name": "Autumn", "agentId": agent, "schedule": {"window": "always"}});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let path = format!("/campaigns/{}", world.post("/campaigns", body).await.expect(201).id());
    for first in (0..people).step_by(5_000) {
        let list: Vec<_> =
            (first..people.min(first + 5_000)).map(|n| json!({"to": format!("+9198{n:08}")})).collect();
        world.post(&format!("{path}/recipients"), json!({"recipients": list})).await.expect(200);
    }
    path
}

async fn act(world: &World, path: &str, action: &str) -> Value {
    world.post(&format!("{path}/{action}"), Value::Null).await.expect_success().data().clone()
}

async fn patch(world: &World, path: &str, body: Value) -> crate::support::Answer {
    world.call(&world.admin, "PATCH", path, body).await
}

fn wait(world: &World, seconds: u64) {
    world.clock.advance(Duration::from_secs(seconds));
}

/// The figures of a campaign, which equal a recount of its recipients.
async fn figures(world: &World, path: &str) -> Value {
    let stats = world.get(&format!("{path}/stats")).await.expect(200).data().clone();
    let (mut counted, mut total, mut cursor) = (BTreeMap::<String, u64>::new(), 0, String::new());
    loop {
        let page = world.get(&format!("{path}/recipients?limit=100{cursor}")).await.expect(200);
        for one in page.data().as_array().unwrap() {
            total += 1;
            if let Some(disposition) = one["disposition"].as_str() {
                *counted.entry(disposition.to_owned()).or_default() += 1;
            }
        }
        match page.body["meta"]["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(stats["recipients"]["total"], total, "{stats}");
    for (name, kept) in stats["recipients"]["byDisposition"].as_object().unwrap() {
        assert_eq!(kept, counted.get(name).unwrap_or(&0), "{name}: {stats}");
    }
    stats
}

async fn recipients(world: &World, path: &str) -> Vec<Value> {
    world.get(&format!("{path}/recipients")).await.expect(200).data().as_array().unwrap().clone()
}

/// Begins every call that is due, as a scheduler and a worker do.
async fn ring(world: &World, path: &str) -> (WorkerId, Vec<CallId>) {
    let id = path.rsplit('/').next().unwrap();
    let running = world.engine.running().await.unwrap();
    let running = running.iter().find(|running| running.id.to_string() == id).expect("it is calling");
    world.engine.dispatch(running, 100).await.unwrap();
    let worker = WorkerId::new(world.clock.now());
    let mut tx = world.engine.store().write().await.unwrap();
    tx.insert_worker(worker).await.unwrap();
    tx.commit().await.unwrap();
    let mut begun = Vec::new();
    let sessions = world.get(&format!("/sessions?campaignId={id}&status=PENDING")).await;
    for session in sessions.data().as_array().unwrap() {
        let call: CallId = session["id"].as_str().unwrap().parse().unwrap();
        let dial = world.engine.load(call).await.unwrap().unwrap();
        if world.engine.begin(&dial, worker, json!({})).await.unwrap() {
            begun.push(call);
        }
    }
    (worker, begun)
}

async fn settle(world: &World, path: &str, worker: WorkerId, call: CallId, ending: Ending) {
    let campaign = Some(path.rsplit('/').next().unwrap().parse().unwrap());
    let settlement = Settlement { call, campaign, worker, ending, at: world.clock.now() };
    assert!(world.engine.settle(settlement).await.unwrap());
}

fn over(outcome: Outcome, reason: &'static str) -> Ending {
    Ending::over(outcome, reason, None, EndedBy::Callee)
}

/// Calls everybody who is due, and it ends so.
async fn call_all(world: &World, path: &str, outcome: Outcome, reason: &'static str) -> usize {
    let (worker, calls) = ring(world, path).await;
    for call in &calls {
        settle(world, path, worker, *call, over(outcome, reason)).await;
    }
    calls.len()
}

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

const WEEKLY: &str = "0 9 * * 1";

fn berlin(cron: &str) -> Value {
    json!({"recurrence": {"cron": cron, "timezone": "Europe/Berlin"}})
}

async fn tick(world: &World) {
    let engine = &world.engine;
    let (one, other) = tokio::join!(engine.make_runs(), engine.make_runs());
    one.and(other).unwrap();
    let (one, other) = tokio::join!(engine.make_ready(), engine.make_ready());
    one.and(other).unwrap();
}

async fn runs(world: &World, path: &str) -> Vec<Value> {
    world.get(&format!("{path}/runs")).await.expect(200).data().as_array().unwrap().clone()
}

fn run_path(run: &Value) -> String {
    format!("/campaigns/{}", run["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_recurring_campaign_makes_one_run_for_each_time() {
    let world = World::new().await;
    let path = listed(&world, 3, berlin(WEEKLY)).await;
    assert_eq!(world.get(&path).await.data()["recurrence"], berlin(WEEKLY)["recurrence"]);
    let started = act(&world, &path, "start").await;
    assert_eq!(
        (&started["status"], &started["nextRunAt"]),
        (&json!("SCHEDULED"), &json!("2026-11-23T08:00:00.000Z"))
    );
    assert_eq!(
        act(&world, &path, "start").await["nextRunAt"],
        started["nextRunAt"],
        "once more changes nothing"
    );
    tick(&world).await;
    assert!(runs(&world, &path).await.is_empty() && world.engine.running().await.unwrap().is_empty());

    wait(&world, 22 * HOUR);
    tick(&world).await;
    tick(&world).await;
    let first = runs(&world, &path).await;
    assert_eq!(first.len(), 1);
    assert_eq!(
        (&first[0]["name"], &first[0]["status"]),
        (&json!("Autumn 2026-11-23 09:00"), &json!("IN_PROGRESS"))
    );
    assert_eq!(format!("/campaigns/{}", first[0]["parentId"].as_str().unwrap()), path);
    assert_eq!((&first[0]["recurrence"], &first[0]["copying"]), (&Value::Null, &json!(false)));
    let first = run_path(&first[0]);
    let numbers = |list: Vec<Value>| list.iter().map(|one| one["to"].clone()).collect::<Vec<_>>();
    assert_eq!(numbers(recipients(&world, &first).await), numbers(recipients(&world, &path).await));
    assert_eq!(figures(&world, &first).await["recipients"]["pending"], 3);
    assert_eq!(call_all(&world, &first, Outcome::Answered, "completed").await, 3);
    let parent = world.get(&path).await.data().clone();
    assert_eq!(
        (&parent["status"], &parent["nextRunAt"]),
        (&json!("SCHEDULED"), &json!("2026-11-30T08:00:00.000Z"))
    );
    assert_eq!(figures(&world, &path).await["recipients"]["pending"], 3, "it calls nobody itself");

    // The first run has not been finished by anybody, so a week later none is begun.
    wait(&world, 7 * DAY);
    tick(&world).await;
    assert_eq!(runs(&world, &path).await.len(), 1);
    assert_eq!(world.get(&path).await.data()["nextRunAt"], "2026-12-07T08:00:00.000Z");
    act(&world, &first, "cancel").await;
    tick(&world).await;
    assert_eq!(runs(&world, &path).await.len(), 1, "what was passed over is not made up");

    // Nobody looks for three weeks: one run, for the last of the times.
    wait(&world, 22 * DAY);
    tick(&world).await;
    tick(&world).await;
    let all = runs(&world, &path).await;
    assert_eq!((all.len(), &all[0]["name"]), (2, &json!("Autumn 2026-12-21 09:00")));
    assert_eq!(world.get(&path).await.data()["nextRunAt"], "2026-12-28T08:00:00.000Z");

    let halted = act(&world, &path, "pause").await;
    assert_eq!((&halted["status"], &halted["nextRunAt"]), (&json!("DRAFT"), &Value::Null));
    wait(&world, 30 * DAY);
    act(&world, &run_path(&all[0]), "cancel").await;
    tick(&world).await;
    assert_eq!(runs(&world, &path).await.len(), 2);
}

#[tokio::test]
async fn a_recurring_campaign_keeps_to_its_start_and_its_end() {
    let world = World::new().await;
    let mut body = berlin("0 9 * * *");
    body["startAt"] = json!("2026-11-25T08:00:00Z");
    body["endAt"] = json!("2026-11-26T12:00:00Z");
    let path = listed(&world, 1, body).await;
    assert_eq!(act(&world, &path, "start").await["nextRunAt"], "2026-11-25T08:00:00.000Z");
    for day in 0..6 {
        wait(&world, DAY);
        tick(&world).await;
        world.engine.expire().await.unwrap();
        for run in runs(&world, &path).await.iter().filter(|run| run["status"] == "IN_PROGRESS") {
            assert_eq!(run["endAt"], "2026-11-26T12:00:00.000Z", "day {day}");
            act(&world, &run_path(run), "cancel").await;
        }
    }
    assert_eq!(runs(&world, &path).await.len(), 2);
    assert_eq!(world.get(&path).await.data()["status"], "FINISHED");
    let late = listed(
        &world,
        1,
        json!({"recurrence": berlin("0 9 * * *")["recurrence"], "endAt": "2026-11-28T10:01:00Z"}),
    )
    .await;
    assert_eq!(world.post(&format!("{late}/start"), Value::Null).await.refusal(409), "NO_RUN_LEFT");
}

#[tokio::test]
async fn a_copy_that_breaks_off_goes_on_and_a_run_begins_only_when_it_is_whole() {
    const PEOPLE: usize = 12_000;
    let world = World::new().await;
    let path = listed(&world, PEOPLE, berlin("0 * * * *")).await;
    act(&world, &path, "start").await;
    wait(&world, HOUR);
    world.engine.make_runs().await.unwrap();
    let run = runs(&world, &path).await.remove(0);
    assert_eq!((&run["status"], &run["copying"]), (&json!("DRAFT"), &json!(true)));
    let run = run_path(&run);
    let refused = world.post(&format!("{run}/start"), Value::Null).await;
    assert_eq!(refused.refusal(409), "NOT_READY");
    let copied = async || {
        let stats = world.get(&format!("{run}/stats")).await;
        stats.data()["recipients"]["total"].as_u64().unwrap() as usize
    };
    // Broken off in the middle of a portion, again and again: what is committed stays, and nothing comes twice.
    for ms in (5..).step_by(5) {
        let broken_off = tokio::time::timeout(Duration::from_millis(ms), world.engine.make_ready()).await;
        let begun = world.get(&run).await.data()["status"] == "IN_PROGRESS";
        assert_eq!(copied().await == PEOPLE && begun, begun, "it began with a part of its list");
        if broken_off.is_ok() {
            break;
        }
    }
    assert_eq!(world.get(&run).await.data()["status"], "IN_PROGRESS");
    assert_eq!(figures(&world, &run).await["recipients"]["total"], PEOPLE);
    assert_eq!(copied().await, PEOPLE);
}

#[tokio::test]
async fn a_recurrence_is_checked_by_field() {
    let world = World::new().await;
    let agent = world.agent().await;
    world.trunk().await;
    for (recurrence, field) in [
        (json!({"cron": "0 9 * *", "timezone": "UTC"}), "recurrence.cron"),
        (json!({"cron": "0 25 * * *", "timezone": "UTC"}), "recurrence.cron"),
        (json!({"cron": "*/5 * * * *", "timezone": "UTC"}), "recurrence.cron"),
        (json!({"cron": "0 0 30 2 *", "timezone": "UTC"}), "recurrence.cron"),
        (json!({"cron": 5, "timezone": "UTC"}), "recurrence.cron"),
        (json!({"cron": WEEKLY, "timezone": "IST"}), "recurrence.timezone"),
        (json!({"cron": WEEKLY}), "recurrence.timezone"),
        (json!({"timezone": "UTC"}), "recurrence.cron"),
        (json!({"cron": WEEKLY, "timezone": "UTC", "from": 1}), "recurrence.from"),
        (json!(WEEKLY), "recurrence"),
        (json!([WEEKLY, "UTC"]), "recurrence"),
    ] {
        let body = json!({"name": "x", "agentId": agent, "recurrence": recurrence});
        assert_eq!(world.post("/campaigns", body).await.field(), field, "{recurrence}");
    }
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
    });
    let before = world.get(&path).await.data().clone();
    assert_eq!(patch(&world, &path, json!({})).await.expect(200).data(), &before);
    let after = patch(&world, &path, change.clone()).await.expect(200).data().clone();
    assert_eq!(world.get(&path).await.data(), &after);
    for name in ["name", "expireDays", "ringTimeoutSeconds", "maxCallSeconds", "dupeDays", "startAt"] {
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
    let refused = patch(&world, &path, json!({"name": "x"})).await.expect(409);
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
    let path = listed(&world, 4, json!({"limits": {"maxLiveCalls": 2}, "startAt": "2026-11-22T09:00:00Z", "endAt": "2026-12-24T00:00:00Z"})).await;
    let clone = world.post(&format!("{path}/clone"), Value::Null).await.expect(201);
    let clone = clone.data();
    assert_eq!(
        (&clone["name"], &clone["status"], &clone["copying"]),
        (&json!("Autumn (copy)"), &json!("DRAFT"), &json!(false))
    );
    assert_eq!((&clone["startAt"], &clone["endAt"]), (&Value::Null, &json!("2026-12-24T00:00:00.000Z")));
    assert_eq!(clone["limits"]["maxLiveCalls"], 2);
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
