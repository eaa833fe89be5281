//! Runs of recurring campaigns, with a clock that is moved.

use std::time::Duration;

use ringfleet_core::Outcome;
use serde_json::{Value, json};

use crate::{
    operate::{DAY, HOUR, act, berlin, call_all, figures, listed, recipients, run_path, wait},
    support::World,
};

const WEEKLY: &str = "0 9 * * 1";

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
    for ms in std::iter::successors(Some(5), |ms| Some(ms * 2)) {
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
