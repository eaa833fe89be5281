//! What a client sees of calls that are handed on: who may ask, when, and where to.

use ringfleet_core::{CallId, Clock, WorkerId};
use ringfleet_fleet::Hint;
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use crate::support::World;

#[tokio::test]
async fn a_live_call_is_handed_on_once_and_where_its_agent_says() {
    let world = World::new().await;
    let sales = json!({"sales": {"kind": "refer", "to": "+14155550100"}});
    let agent = world.post("/agents", json!({"name": "Asha", "transfers": sales})).await.expect(201).id();
    let sip = json!({"name": "S", "kind": "sip", "host": "192.0.2.1", "callerId": "+12025550199"});
    let trunk = world.post("/trunks", sip).await.expect(201).id();
    let simulated = world.post("/trunks", json!({"name": "T", "kind": "simulated"})).await.expect(201).id();
    let session = async |trunk: &str| {
        let session = json!({"agentId": agent, "trunkId": trunk, "toNumber": "+14155550142"});
        world.post("/sessions", session).await.expect(202).id()
    };
    let (call, elsewhere) = (session(&trunk).await, session(&simulated).await);
    let ask = async |call: &str, to: &str| {
        world.post(&format!("/sessions/{call}/transfer"), json!({"to": to})).await
    };
    assert_eq!(ask(&call, "sales").await.refusal(409), "NOT_ONGOING");
    assert_eq!(ask("ses_01h455vb4pex5vsknk084sn02q", "sales").await.refusal(404), "NOT_FOUND");
    for to in ["", "two words", "+14155550100"] {
        assert_eq!(ask(&call, to).await.field(), "to", "{to}");
    }

    let worker: WorkerId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
    let now = || Clock::now(world.engine.clock());
    let [id, other] = [&call, &elsewhere].map(|call| call.parse::<CallId>().unwrap());
    for id in [id, other] {
        let dial = world.engine.load(id).await.unwrap().unwrap();
        assert!(world.engine.begin(&dial, worker, Value::Null).await.unwrap().is_some());
        assert!(world.engine.answered(id, worker, now(), &CancellationToken::new()).await.unwrap());
    }
    assert_eq!(ask(&elsewhere, "sales").await.refusal(409), "NOT_TRANSFERABLE");
    assert_eq!(ask(&call, "support").await.field(), "to");

    let (heard, mut hints) = unbounded_channel();
    let fleet = world.engine.fleet().clone();
    let stop = CancellationToken::new();
    let _stopped = stop.clone().drop_guard();
    tokio::spawn(async move { fleet.hints().listen(|hint| heard.send(hint).unwrap(), &stop).await });
    tokio::task::yield_now().await; // it listens
    let asked = ask(&call, "sales").await.expect(202);
    assert_eq!(asked.data()["transferredTo"], Value::Null, "that shows once it has happened");
    let hint = Hint { call: id.uuid(), note: "transfer:sales".into() };
    assert_eq!(hints.recv().await, Some(hint));

    world.engine.transferred(id, WorkerId::new(now()), "+14155550100", now()).await.unwrap();
    let path = format!("/sessions/{call}");
    assert_eq!(world.get(&path).await.data()["transferredTo"], Value::Null, "who has lost it says nothing");
    for to in ["+14155550100", "+14155550101"] {
        world.engine.transferred(id, worker, to, now()).await.unwrap();
    }
    let shown = world.get(&path).await;
    assert_eq!(shown.data()["transferredTo"], "+14155550100", "it happens once");
    assert_eq!(ask(&call, "sales").await.refusal(409), "TRANSFERRED");
}
