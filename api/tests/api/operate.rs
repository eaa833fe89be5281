//! What a scheduler, a worker and an operator do to a campaign, one step at a time and with a clock that is moved.

use std::{collections::BTreeMap, time::Duration};

use ringfleet_core::{CallId, Clock, EndedBy, Ending, Outcome, WorkerId};
use ringfleet_engine::Settlement;
use serde_json::{Value, json};

use crate::support::{Answer, World};

pub const HOUR: u64 = 3_600;
pub const DAY: u64 = 24 * HOUR;

/// A campaign in DRAFT at any hour, with so many recipients in India.
pub async fn listed(world: &World, people: usize, more: Value) -> String {
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

pub async fn act(world: &World, path: &str, action: &str) -> Value {
    world.post(&format!("{path}/{action}"), Value::Null).await.expect_success().data().clone()
}

pub async fn patch(world: &World, path: &str, body: Value) -> Answer {
    world.call(&world.admin, "PATCH", path, body).await
}

pub fn wait(world: &World, seconds: u64) {
    world.clock.advance(Duration::from_secs(seconds));
}

/// The figures of a campaign, which equal a recount of its recipients.
pub async fn figures(world: &World, path: &str) -> Value {
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

pub async fn recipients(world: &World, path: &str) -> Vec<Value> {
    world.get(&format!("{path}/recipients")).await.expect(200).data().as_array().unwrap().clone()
}

/// Begins every call and message that is due, as a scheduler and a worker do.
pub async fn ring(world: &World, path: &str) -> (WorkerId, Vec<CallId>) {
    let id = path.rsplit('/').next().unwrap();
    let running = world.engine.running().await.unwrap();
    let running = running.iter().find(|running| running.id.to_string() == id).expect("it is calling");
    world.engine.dispatch(running, 100).await.unwrap();
    world.engine.dispatch_messages(running, 1).await.unwrap();
    let worker = WorkerId::new(world.clock.now());
    let mut tx = world.engine.store().write().await.unwrap();
    tx.insert_worker(worker).await.unwrap();
    tx.commit().await.unwrap();
    let mut begun = Vec::new();
    let sessions = world.get(&format!("/sessions?campaignId={id}&status=PENDING")).await;
    for session in sessions.data().as_array().unwrap() {
        let call: CallId = session["id"].as_str().unwrap().parse().unwrap();
        let dial = world.engine.load(call).await.unwrap().unwrap();
        if world.engine.begin(&dial, worker, json!({})).await.unwrap().is_some() {
            begun.push(call);
        }
    }
    (worker, begun)
}

pub async fn settle(world: &World, path: &str, worker: WorkerId, call: CallId, ending: Ending) {
    let campaign = Some(path.rsplit('/').next().unwrap().parse().unwrap());
    let (at, rung) = (world.clock.now(), false);
    let settlement = Settlement {
        call,
        campaign,
        worker,
        heard: None,
        sent: true,
        rung,
        ending,
        begun: None,
        answered_at: None,
        at,
        recorded: None,
    };
    assert!(world.engine.settle(settlement).await.unwrap());
}

pub fn over(outcome: Outcome, reason: &'static str) -> Ending {
    Ending::over(outcome, reason, None, EndedBy::Callee)
}

/// Calls everybody who is due, and it ends so.
pub async fn call_all(world: &World, path: &str, outcome: Outcome, reason: &'static str) -> usize {
    let (worker, calls) = ring(world, path).await;
    for call in &calls {
        settle(world, path, worker, *call, over(outcome, reason)).await;
    }
    calls.len()
}

pub fn run_path(run: &Value) -> String {
    format!("/campaigns/{}", run["id"].as_str().unwrap())
}

pub fn berlin(cron: &str) -> Value {
    json!({"recurrence": {"cron": cron, "timezone": "Europe/Berlin"}})
}
