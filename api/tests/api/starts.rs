//! When a call has started: the first time that it went to its carrier, not when it was only about to.

use std::time::Duration;

use ringfleet_core::{CallId, Clock, Ending, WorkerId};
use ringfleet_engine::Settlement;
use serde_json::{Value, json};

use crate::{operate::wait, support::World};

/// It begins, and goes back for want of room: at the carrier, or before that because it has missed its slot.
async fn goes_back(world: &World, call: CallId, sent: bool) {
    let worker: WorkerId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
    let (dial, at) = (world.engine.load(call).await.unwrap().unwrap(), world.clock.now());
    assert!(world.engine.begin(&dial, worker, Value::Null).await.unwrap().is_some());
    assert!(!started(world, call).await.is_null());
    let (retry_after, reason) = (Duration::from_secs(1), if sent { "trunk_busy" } else { "missed_slot" });
    let ending = Ending::NoRoom { retry_after, reason: reason.into(), code: None };
    let (campaign, rung, begun, answered_at) = (None, false, Some(at), None);
    let settlement =
        Settlement { call, campaign, worker, sent, rung, begun, ending, answered_at, at, recorded: None };
    assert!(world.engine.settle(settlement).await.unwrap());
    wait(world, 10);
}

async fn started(world: &World, call: CallId) -> Value {
    world.get(&format!("/sessions/{call}")).await.expect(200).data()["startedAt"].clone()
}

#[tokio::test]
async fn a_try_of_which_nothing_was_sent_is_no_start() {
    let world = World::new().await;
    let things = world.things().await;
    let session = json!({"agentId": things.agent, "trunkId": things.trunk, "toNumber": "+12025550101"});
    let call = world.post("/sessions", session).await.expect(202).id().parse().unwrap();
    goes_back(&world, call, false).await;
    assert_eq!(started(&world, call).await, Value::Null);
    goes_back(&world, call, true).await;
    let first = started(&world, call).await;
    assert!(!first.is_null(), "it went out");
    goes_back(&world, call, false).await;
    assert_eq!(started(&world, call).await, first, "the first time counts");
}
