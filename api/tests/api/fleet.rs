//! What whoever is on call sees and does: workers that drain, trunks that are paused.

use ringfleet_core::{Clock, Role, WorkerId};
use ringfleet_fleet::{Lane, Member};
use serde_json::{Value, json};

use crate::{
    operate::{act, call_all, listed, ring},
    support::World,
};
use ringfleet_core::Outcome;

/// A worker that lives and says so.
async fn worker(world: &World) -> WorkerId {
    let id = WorkerId::new(world.clock.now());
    let mut tx = world.engine.store().write().await.unwrap();
    tx.insert_worker(id).await.unwrap();
    tx.commit().await.unwrap();
    announce(world, &id.to_string(), None, false).await;
    id
}

async fn announce(world: &World, id: &str, speaks: Option<bool>, draining: bool) {
    let member = Member {
        id: id.into(),
        role: "worker".into(),
        live: 3,
        capacity: 50,
        version: "9.9.9".into(),
        draining,
        speaks,
    };
    world.engine.fleet().presence().announce(member).await.unwrap();
}

#[tokio::test]
async fn the_fleet_is_shown_to_admins_and_run_by_superusers() {
    let world = World::new().await;
    let id = worker(&world).await;
    let waiting = ringfleet_core::CallId::new(world.clock.now());
    world.engine.fleet().push(Lane::Campaign, &[waiting.uuid()]).await.unwrap();
    let fleet = world.get("/fleet").await.expect(200).data().clone();
    let shown = &fleet["workers"][0];
    assert_eq!((&shown["id"], &shown["version"]), (&json!(id.to_string()), &json!("9.9.9")));
    assert_eq!(
        (&shown["live"], &shown["capacity"], &shown["draining"]),
        (&json!(3), &json!(50), &json!(false))
    );
    assert_eq!(fleet["mode"], "alone");
    let lane = fleet["lanes"].as_array().unwrap().iter().find(|lane| lane["lane"] == "campaign").unwrap();
    assert_eq!(lane["waiting"], 1);
    assert!(lane["oldestSeconds"].as_f64().is_some(), "{lane}");

    let path = format!("/fleet/workers/{id}");
    let refused = world.post(&format!("{path}/drain"), Value::Null).await;
    assert!(refused.text.contains("superuser"), "{}", refused.text);
    assert_eq!(refused.refusal(403), "FORBIDDEN");
    let (_, root) = world.user("root@x.de", Some(Role::Admin), true).await;
    let ask = async |what: &str| world.call(&root, "POST", &format!("{path}/{what}"), Value::Null).await;
    assert_eq!(ask("drain").await.expect(200).data()["askedToDrain"], true);
    assert_eq!(ask("drain").await.expect(200).data()["askedToDrain"], true, "it may be asked twice");
    assert_eq!(world.get("/fleet").await.data()["workers"][0]["askedToDrain"], true);
    let mut tx = world.engine.store().write().await.unwrap();
    assert_eq!(tx.heartbeat(id).await.unwrap(), Some(true), "the worker hears of it");
    tx.commit().await.unwrap();
    assert_eq!(ask("resume").await.expect(200).data()["askedToDrain"], false);
    let audit = world.get("/audit-log?action=worker.drain").await.expect(200);
    assert_eq!(audit.data().as_array().unwrap().len(), 2);

    let nobody = WorkerId::new(world.clock.now());
    let refused = world.call(&root, "POST", &format!("/fleet/workers/{nobody}/drain"), Value::Null).await;
    assert_eq!(refused.refusal(404), "NOT_FOUND");
}

#[tokio::test]
async fn a_paused_trunk_holds_everybody_and_loses_nobody() {
    let world = World::new().await;
    let path = listed(&world, 3, json!({})).await;
    let trunk = world.get("/trunks").await.data()[0]["id"].as_str().unwrap().to_owned();
    let health = async || world.get(&format!("/trunks/{trunk}")).await.data()["health"].clone();
    act(&world, &path, "start").await;
    let ask = async |key: &str, what: &str| {
        world.call(key, "POST", &format!("/trunks/{trunk}/{what}"), Value::Null).await
    };
    assert_eq!(ask(&world.member, "pause").await.refusal(403), "FORBIDDEN");
    let paused = ask(&world.developer, "pause").await.expect(200);
    assert_eq!(paused.data()["health"]["status"], "STOPPED");
    let since = health().await["since"].clone();
    world.tick();
    ask(&world.developer, "pause").await.expect(200);
    assert_eq!(health().await["since"], since, "it is paused since the first time");

    let (_, begun) = ring(&world, &path).await;
    assert!(begun.is_empty(), "nobody is called");
    world.clock.advance(std::time::Duration::from_secs(3_600));
    assert!(world.engine.take_probes().await.unwrap().is_empty(), "and nobody asks whether it is there");
    assert_eq!(world.engine.offer_trials().await.unwrap(), 0);
    assert_eq!(health().await["status"], "STOPPED");

    assert_eq!(ask(&world.developer, "resume").await.expect(200).data()["health"]["status"], "OPEN");
    assert_eq!(ask(&world.developer, "resume").await.expect(200).data()["health"]["status"], "OPEN");
    assert_eq!(call_all(&world, &path, Outcome::Answered, "completed").await, 3);
}

/// A single call waits, and goes out when the trunk goes on.
#[tokio::test]
async fn a_single_call_waits_for_a_paused_trunk() {
    let world = World::new().await;
    let things = world.things().await;
    let trunk = &things.trunk;
    world.post(&format!("/trunks/{trunk}/pause"), Value::Null).await.expect(200);
    let call = things.session.parse().unwrap();
    let dial = world.engine.load(call).await.unwrap().unwrap();
    let worker = worker(&world).await;
    assert!(world.engine.begin(&dial, worker, Value::Null).await.unwrap().is_none());
    assert_eq!(world.get(&format!("/sessions/{}", things.session)).await.data()["hold"], "TRUNK");
    world.post(&format!("/trunks/{trunk}/resume"), Value::Null).await.expect(200);
    let dial = world.engine.load(call).await.unwrap().unwrap();
    assert!(world.engine.begin(&dial, worker, Value::Null).await.unwrap().is_some());
}

#[tokio::test]
async fn a_preflight_says_what_no_worker_can_do() {
    let world = World::new().await;
    let said = world.post("/agents", json!({"name": "Asha", "greetingText": "Hello"})).await.id();
    let chime = world.agent().await;
    let simulated = world.trunk().await;
    let sip = json!({"name": "Carrier", "kind": "sip", "host": "sip.example.com"});
    let sip = world.post("/trunks", sip).await.id();
    let campaign = async |agent: &str, trunk: &str| {
        let body = json!({"name": "Autumn", "agentId": agent, "trunkId": trunk});
        world.post("/campaigns", body).await.id()
    };
    let (spoken, silent) = (campaign(&said, &sip).await, campaign(&chime, &sip).await);
    let unheard = campaign(&said, &simulated).await;
    let mail = world.mail_trunk().await;
    let message = json!({"subject": "Hello", "text": "Hello"});
    let channels = json!([{"channel": "email", "trunkId": mail, "message": message}]);
    let written = json!({"name": "Letters", "agentId": said, "trunkId": sip, "channels": channels});
    let written = world.post("/campaigns", written).await.id();
    let blocks = async |campaign: &str| {
        let ahead = world.get(&format!("/campaigns/{campaign}/preflight")).await.expect(200);
        let why = ahead.data()["blocked"].to_string();
        ["no worker takes calls", "no worker makes speech"].map(|words| why.contains(words))
    };
    assert_eq!(blocks(&spoken).await, [true, false], "nobody is there");
    announce(&world, "mute", Some(false), false).await;
    assert_eq!(blocks(&spoken).await, [false, true]);
    assert_eq!(blocks(&silent).await, [false, false], "its agent plays a chime");
    assert_eq!(blocks(&unheard).await, [false, false], "nobody hears it");
    assert_eq!(blocks(&written).await, [false, false], "nobody is called");
    announce(&world, "old", None, false).await;
    assert_eq!(blocks(&spoken).await, [false, false], "an older one may");
    announce(&world, "old", Some(true), true).await;
    assert_eq!(blocks(&spoken).await, [false, true], "it takes no calls any more");
    announce(&world, "mute", Some(true), false).await;
    assert_eq!(blocks(&spoken).await, [false, false]);
}
