//! What a client sees of brakes: a trunk that rests, is probed and opens again, and the rule of a campaign.

use std::time::Duration;

use ringfleet_core::{CallId, Clock, EndedBy, Ending, Outcome, TrunkId, WorkerId};
use ringfleet_engine::Settlement;
use serde_json::{Value, json};

use crate::support::World;

/// A single call on the trunk, PENDING.
async fn call(world: &World, agent: &str, trunk: &str) -> CallId {
    let session = json!({"agentId": agent, "trunkId": trunk, "toNumber": "+12025550101"});
    world.post("/sessions", session).await.expect(202).data()["id"].as_str().unwrap().parse().unwrap()
}

/// Whether this call may begin now, on behalf of a worker.
async fn begin(world: &World, call: CallId) -> bool {
    let dial = world.engine.load(call).await.unwrap().unwrap();
    world.engine.begin(&dial, worker(), Value::Null).await.unwrap().is_some()
}

async fn end(world: &World, call: CallId, ending: Ending) {
    let at = Clock::now(world.engine.clock());
    let (worker, begun) = (worker(), Some(at));
    let settlement = Settlement {
        recorded: None,
        call,
        campaign: None,
        worker,
        sent: true,
        rung: false,
        begun,
        ending,
        answered_at: None,
        at,
    };
    assert!(world.engine.settle(settlement).await.unwrap());
}

fn worker() -> WorkerId {
    "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()
}

async fn health(world: &World, trunk: &str) -> Value {
    world.get(&format!("/trunks/{trunk}")).await.expect(200).data()["health"].clone()
}

#[tokio::test]
async fn a_trunk_in_trouble_rests_and_comes_back() {
    let world = World::new().await;
    let things = world.things().await;
    let (agent, trunk) = (things.agent.as_str(), things.trunk.as_str());
    let fresh =
        json!({"status": "OPEN", "reason": null, "since": null, "nextProbeAt": null, "restsInARow": 0});
    assert_eq!(health(&world, trunk).await, fresh);

    let first = call(&world, agent, trunk).await;
    assert!(begin(&world, first).await);
    end(&world, first, Ending::over(Outcome::Failed, "auth", Some(401), EndedBy::Carrier)).await;
    let resting = health(&world, trunk).await;
    assert_eq!(
        (&resting["status"], &resting["reason"], &resting["restsInARow"]),
        (&json!("PAUSED"), &json!("auth"), &json!(1))
    );
    assert!(resting["nextProbeAt"].is_string() && resting["since"].is_string());
    let listed = world.get("/trunks").await.expect(200).data().clone();
    let listed = listed.as_array().unwrap().iter().find(|one| one["id"] == *trunk).unwrap();
    assert_eq!(listed["health"], resting);

    let (second, third) = (call(&world, agent, trunk).await, call(&world, agent, trunk).await);
    for waiting in [second, third] {
        assert!(!begin(&world, waiting).await, "nothing begins on a trunk that rests");
        let session = world.get(&format!("/sessions/{waiting}")).await.expect(200).data().clone();
        assert_eq!((&session["status"], &session["hold"]), (&json!("PENDING"), &json!("TRUNK")));
    }
    assert!(world.engine.take_probes().await.unwrap().is_empty(), "it rests");
    world.clock.advance(Duration::from_secs(5));
    let probes = world.engine.take_probes().await.unwrap();
    let id: TrunkId = trunk.parse().unwrap();
    assert_eq!(probes.iter().map(|probe| probe.0).collect::<Vec<_>>(), [id]);
    assert!(world.engine.take_probes().await.unwrap().is_empty(), "one asks");
    assert_eq!(health(&world, trunk).await["status"], "PROBING");
    world.engine.probed(id, Ok(())).await.unwrap();
    assert_eq!(health(&world, trunk).await["status"], "TRIAL");
    assert_eq!(world.engine.offer_trials().await.unwrap(), 1, "one call is let go");
    assert!(begin(&world, second).await && !begin(&world, third).await, "one call is on trial");
    world.engine.trial_passed(id, third).await.unwrap();
    assert_eq!(health(&world, trunk).await["status"], "TRIAL", "another call decides nothing");
    world.engine.trial_passed(id, second).await.unwrap();
    let open = health(&world, trunk).await;
    assert_eq!(
        (&open["status"], &open["reason"], &open["restsInARow"]),
        (&json!("OPEN"), &Value::Null, &json!(0))
    );
    assert!(begin(&world, third).await, "it was let go");
}

#[tokio::test]
async fn the_rule_of_a_campaign_has_bounds() {
    let world = World::new().await;
    let things = world.things().await;
    let with = |brake: Value| json!({"name": "Test", "agentId": things.agent, "trunkId": things.trunk, "brake": brake});
    let made = world
        .post("/campaigns", with(json!({"calls": 20, "then": "FAILED"})))
        .await
        .expect(201)
        .data()
        .clone();
    assert_eq!(made["brake"], json!({"share": 0.5, "calls": 20, "then": "FAILED"}));
    for (brake, field) in [
        (json!({"share": 0}), "brake.share"),
        (json!({"share": 1.01}), "brake.share"),
        (json!({"share": "half"}), "brake.share"),
        (json!({"calls": 4}), "brake.calls"),
        (json!({"calls": 501}), "brake.calls"),
        (json!({"calls": 7.5}), "brake.calls"),
        (json!({"then": "CANCELLED"}), "brake.then"),
        (json!({"when": "late"}), "brake.when"),
        (json!([]), "brake"),
    ] {
        assert_eq!(world.post("/campaigns", with(brake.clone())).await.field(), field, "{brake}");
    }
}

#[tokio::test]
async fn trunk_groups() {
    let world = World::new().await;
    let things = world.things().await;
    let other = world.post("/trunks", json!({"name": "Other", "kind": "simulated"})).await.id();
    let members = json!([{"trunkId": things.trunk}, {"trunkId": other, "priority": 7, "weight": 3}]);
    let made = world.post("/trunk-groups", json!({"name": "Both", "members": members})).await.expect(201);
    let full = json!([{"trunkId": things.trunk, "priority": 0, "weight": 1}, {"trunkId": other, "priority": 7, "weight": 3}]);
    assert_eq!(made.data()["members"], full);
    let shown = world.get(&format!("/trunk-groups/{}", made.id())).await.expect(200);
    assert_eq!((shown.data(), &world.get("/trunk-groups").await.data()[0]), (made.data(), made.data()));
    assert_eq!(world.get("/trunk-groups/tgr_x").await.refusal(404), "NOT_FOUND");

    let nobody = "01890a5d-ac96-774b-bcce-b302099a8057";
    for (members, field) in [
        (json!([]), "members"),
        (json!([{"trunkId": nobody}]), "members[0].trunkId"),
        (json!([{"trunkId": "x"}]), "members[0].trunkId"),
        (json!([{"trunkId": other}, {"trunkId": other}]), "members[1].trunkId"),
        (json!([{"trunkId": other, "weight": 0}]), "members[0].weight"),
        (json!([{"trunkId": other, "priority": -1}]), "members[0].priority"),
        (json!([{"trunkId": other, "share": 1}]), "members[0].share"),
        (json!("all"), "members"),
    ] {
        let answer = world.post("/trunk-groups", json!({"name": "Both", "members": members.clone()})).await;
        assert_eq!(answer.field(), field, "{members}");
    }
    let with = |more: Value| {
        let mut body = json!({"name": "Test", "agentId": things.agent});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let campaign = world.post("/campaigns", with(json!({"trunkGroupId": made.id()}))).await.expect(201);
    assert_eq!(
        (&campaign.data()["trunkGroupId"], &campaign.data()["trunkId"]),
        (&json!(made.id()), &Value::Null)
    );
    let both = json!({"trunkGroupId": made.id(), "trunkId": other});
    assert_eq!(world.post("/campaigns", with(both.clone())).await.field(), "trunkGroupId");
    assert_eq!(world.post("/campaigns", with(json!({"trunkGroupId": nobody}))).await.field(), "trunkGroupId");

    let call = |more: Value| {
        let mut body = json!({"agentId": things.agent, "toNumber": "+4915111234567"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let placed = world.post("/sessions", call(json!({"trunkGroupId": made.id()}))).await.expect(202);
    assert_eq!(placed.data()["trunkId"], things.trunk, "the one that goes first");
    assert_eq!(world.post("/sessions", call(both)).await.field(), "trunkGroupId");
    assert_eq!(world.post("/sessions", call(json!({"trunkGroupId": nobody}))).await.field(), "trunkGroupId");
}
