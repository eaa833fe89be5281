//! Pools of caller IDs: set, rotated, capped, and told of.

use ringfleet_core::{CallId, Clock, EndedBy, Ending, Outcome, WorkerId};
use ringfleet_engine::Settlement;
use serde_json::{Value, json};

use crate::{
    operate::{DAY, act, figures, listed, over, patch, recipients, ring, settle, wait},
    support::World,
};

const NUMBERS: [&str; 2] = ["+12025550101", "+12025550102"];

fn pool(daily_cap: Value) -> Value {
    json!({"callerIds": {"numbers": NUMBERS, "dailyCap": daily_cap}})
}

/// What each call of the campaign that has begun shows, in no order.
async fn shown(world: &World, path: &str) -> Vec<String> {
    let id = path.rsplit('/').next().unwrap();
    let sessions = world.get(&format!("/sessions?campaignId={id}&limit=100")).await.expect(200);
    let numbers = sessions.data().as_array().unwrap().iter().filter(|session| session["status"] != "PENDING");
    let mut numbers: Vec<String> =
        numbers.map(|session| session["fromNumber"].as_str().unwrap_or("none").to_owned()).collect();
    numbers.sort();
    numbers
}

/// The calls that showed each number today, as the campaign tells it.
async fn today(world: &World, path: &str) -> Vec<u64> {
    let told = world.get(&format!("{path}/caller-ids")).await.expect(200);
    told.data()["numbers"].as_array().unwrap().iter().map(|n| n["callsToday"].as_u64().unwrap()).collect()
}

fn no_room() -> Ending {
    Ending::NoRoom { retry_after: std::time::Duration::ZERO, reason: "trunk_busy".into(), code: Some(503) }
}

async fn single_call(world: &World, from: &str) -> Value {
    let agent = world.agent().await;
    let body = json!({"agentId": agent, "toNumber": "+493012345678", "fromNumber": from});
    let id = world.post("/sessions", body).await.expect(202).id();
    let call: CallId = id.parse().unwrap();
    let dial = world.engine.load(call).await.unwrap().unwrap();
    let worker = WorkerId::new(world.clock.now());
    let begun = world.engine.begin(&dial, worker, json!({})).await.unwrap().expect("it may begin");
    assert_eq!(begun.caller_id.as_deref(), Some(from));
    world.get(&format!("/sessions/{id}")).await.expect(200).data().clone()
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_its_field() {
    let world = World::new().await;
    let path = listed(&world, 1, json!({})).await;
    let agent = world.agent().await;
    let many: Vec<String> = (0..501).map(|n| format!("+1202555{n:04}")).collect();
    for (given, field) in [
        (json!({"numbers": []}), "callerIds.numbers"),
        (json!({"numbers": many}), "callerIds.numbers"),
        (json!({}), "callerIds.numbers"),
        (json!({"numbers": ["+12025550101", "+12025550102", "sales"]}), "callerIds.numbers[2]"),
        (json!({"numbers": ["+12025550101", "+12025550102", "+12025550101"]}), "callerIds.numbers[2]"),
        (json!({"numbers": NUMBERS, "rotation": "random"}), "callerIds.rotation"),
        (json!({"numbers": NUMBERS, "dailyCap": 0}), "callerIds.dailyCap"),
        (json!({"numbers": NUMBERS, "cap": 5}), "callerIds.cap"),
        (json!(NUMBERS), "callerIds"),
    ] {
        let more = json!({"name": "Autumn", "agentId": agent, "callerIds": given});
        assert_eq!(world.post("/campaigns", more).await.field(), field);
        assert_eq!(patch(&world, &path, json!({"callerIds": given})).await.field(), field);
        let trunk = json!({"name": "Test", "kind": "simulated", "callerIds": given});
        assert_eq!(world.post("/trunks", trunk).await.field(), field);
    }
}

#[tokio::test]
async fn a_pool_is_kept_changed_copied_and_taken_away() {
    let world = World::new().await;
    let path = listed(&world, 1, pool(json!(7))).await;
    let given = json!({"numbers": NUMBERS, "rotation": "roundRobin", "dailyCap": 7});
    assert_eq!(world.get(&path).await.data()["callerIds"], given);
    let clone = world.post(&format!("{path}/clone"), Value::Null).await.expect(201);
    assert_eq!(clone.data()["callerIds"], given);
    let other = json!({"numbers": [NUMBERS[1]], "rotation": "match", "dailyCap": null});
    let changed = patch(&world, &path, json!({"callerIds": other})).await.expect(200);
    assert_eq!(changed.data()["callerIds"], other);
    assert_eq!(patch(&world, &path, json!({"weight": 2})).await.data()["callerIds"], other, "stays");
    assert_eq!(patch(&world, &path, json!({"callerIds": null})).await.data()["callerIds"], Value::Null);
    let told = world.get(&format!("{path}/caller-ids")).await.expect(200);
    assert_eq!((&told.data()["poolOf"], &told.data()["numbers"]), (&Value::Null, &json!([])));
}

#[tokio::test]
async fn a_cap_counts_single_calls_too_and_whoever_finds_nothing_left_waits_for_the_next_day() {
    let world = World::new().await;
    let path = listed(&world, 8, pool(json!(3))).await;
    assert_eq!(single_call(&world, NUMBERS[0]).await["fromNumber"], NUMBERS[0]);
    act(&world, &path, "start").await;
    let (_, begun) = ring(&world, &path).await;
    assert_eq!(begun.len(), 5, "of six calls a day one has been made already");
    assert_eq!(shown(&world, &path).await, [NUMBERS[0], NUMBERS[0], NUMBERS[1], NUMBERS[1], NUMBERS[1]]);
    assert_eq!(today(&world, &path).await, [3, 3]);

    let before = world.get(&format!("{path}/preflight")).await.expect(200);
    let midnight = "2026-11-23T00:00:00.000Z";
    let held = json!([{"hold": "CALLER_ID", "count": 3, "first": midnight, "last": midnight}]);
    assert_eq!((&before.data()["callableNow"], &before.data()["held"]), (&json!(0), &held));
    let (_, begun) = ring(&world, &path).await;
    assert!(begun.is_empty());
    let waiting: Vec<Value> =
        recipients(&world, &path).await.into_iter().filter(|one| one["state"] == "PENDING").collect();
    assert_eq!(waiting.len(), 3);
    for one in waiting {
        assert_eq!((&one["hold"], &one["dueAt"]), (&json!("CALLER_ID"), &json!(midnight)), "{one}");
        assert_eq!(one["attempts"], 0);
    }
    assert_eq!(figures(&world, &path).await["holds"]["CALLER_ID"], 3);
    assert_eq!(world.engine.queues().await.unwrap().len(), 0, "nobody fills the queue in vain");

    wait(&world, DAY);
    assert_eq!(today(&world, &path).await, [0, 0]);
    assert_eq!(ring(&world, &path).await.1.len(), 3);
    assert_eq!(today(&world, &path).await, [2, 1], "each has its turn");
    assert_eq!(figures(&world, &path).await["holds"]["CALLER_ID"], 0);
}

#[tokio::test]
async fn a_new_day_goes_on_with_the_turn_of_the_last() {
    let world = World::new().await;
    for used in [[1, 0], [0, 1], [1, 0]] {
        let path = listed(&world, 1, pool(Value::Null)).await;
        act(&world, &path, "start").await;
        ring(&world, &path).await;
        assert_eq!(today(&world, &path).await, used);
        wait(&world, DAY);
    }
}

#[tokio::test]
async fn a_call_that_rang_nowhere_gives_its_use_back_and_one_that_rang_does_not() {
    let world = World::new().await;
    let path = listed(&world, 1, pool(json!(1))).await;
    act(&world, &path, "start").await;
    for (turn, used) in [(1, [1, 0]), (2, [0, 1]), (3, [1, 0])] {
        let (worker, begun) = ring(&world, &path).await;
        assert_eq!((begun.len(), today(&world, &path).await), (1, used.to_vec()), "time {turn}");
        settle(&world, &path, worker, begun[0], no_room()).await;
        assert_eq!(today(&world, &path).await, [0, 0], "time {turn}");
    }
    let (worker, begun) = ring(&world, &path).await;
    let trouble = Ending::over(Outcome::Failed, "auth", Some(403), EndedBy::Carrier);
    settle(&world, &path, worker, begun[0], trouble).await;
    assert_eq!(today(&world, &path).await, [0, 0], "its trunk had trouble");

    let other = listed(&world, 1, pool(json!(1))).await;
    act(&world, &other, "start").await;
    let (worker, begun) = ring(&world, &other).await;
    // A job that came twice, or a worker that did not hear the answer, counts nothing.
    let dial = world.engine.load(begun[0]).await.unwrap().unwrap();
    assert_eq!(world.engine.begin(&dial, worker, json!({})).await.unwrap(), None);
    assert_eq!(today(&world, &other).await, [1, 0]);
    // Hung up by a pause, it comes back, but somebody has seen the number.
    let (call, campaign, at) = (begun[0], dial.campaign_id, world.clock.now());
    let (ending, begun) = (no_room(), Some(at));
    let settlement = Settlement {
        call,
        campaign,
        worker,
        sent: true,
        rung: true,
        begun,
        ending,
        answered_at: None,
        at,
        recorded: None,
    };
    assert!(world.engine.settle(settlement).await.unwrap());
    assert_eq!(today(&world, &other).await, [1, 0]);
    let (worker, begun) = ring(&world, &other).await;
    settle(&world, &other, worker, begun[0], over(Outcome::Unanswered, "ring_timeout")).await;
    assert_eq!(today(&world, &other).await, [1, 1]);
}

#[tokio::test]
async fn a_call_that_was_out_waits_for_a_number_with_its_recipient() {
    let world = World::new().await;
    let one = json!({"callerIds": {"numbers": [NUMBERS[0]], "dailyCap": 1}});
    let path = listed(&world, 1, one).await;
    act(&world, &path, "start").await;
    let (worker, begun) = ring(&world, &path).await;
    settle(&world, &path, worker, begun[0], no_room()).await;
    single_call(&world, NUMBERS[0]).await;
    assert!(ring(&world, &path).await.1.is_empty());
    let session = world.get(&format!("/sessions/{}", begun[0])).await.expect(200);
    assert_eq!(
        (&session.data()["status"], &session.data()["hold"]),
        (&json!("PENDING"), &json!("CALLER_ID"))
    );
    let recipient = &recipients(&world, &path).await[0];
    assert_eq!((&recipient["state"], &recipient["hold"]), (&json!("QUEUED"), &json!("CALLER_ID")));
    assert_eq!(figures(&world, &path).await["holds"]["CALLER_ID"], 1);
    wait(&world, DAY);
    assert_eq!(ring(&world, &path).await.1, begun);
}

#[tokio::test]
async fn more_numbers_let_those_go_who_wait_for_one() {
    let world = World::new().await;
    let path = listed(&world, 5, pool(json!(1))).await;
    act(&world, &path, "start").await;
    ring(&world, &path).await;
    assert!(ring(&world, &path).await.1.is_empty());
    assert_eq!(figures(&world, &path).await["holds"]["CALLER_ID"], 3);
    act(&world, &path, "pause").await;
    patch(&world, &path, pool(json!(2))).await.expect(200);
    act(&world, &path, "start").await;
    assert_eq!(figures(&world, &path).await["holds"]["CALLER_ID"], 0);
    assert_eq!(ring(&world, &path).await.1.len(), 2);
    assert_eq!(today(&world, &path).await, [2, 2]);
}

#[tokio::test]
async fn the_day_is_that_of_the_workspace_and_the_wait_ends_inside_the_hours() {
    let world = World::new().await;
    let rules = json!({"schedule": {"timezone": "Asia/Kolkata"}, "caps": {"maxPer24h": 9}});
    world.call(&world.admin, "PUT", "/workspace/rules", rules).await.expect(200);
    let mut body = pool(json!(1));
    body["schedule"] = json!({"window": "everyday-09-18-IST"});
    let path = listed(&world, 3, body).await;
    act(&world, &path, "start").await;
    assert_eq!(ring(&world, &path).await.1.len(), 2);
    ring(&world, &path).await;
    let told = world.get(&format!("{path}/caller-ids")).await.expect(200);
    assert_eq!(told.data()["day"], "2026-11-22");
    assert_eq!(told.data()["dayEndsAt"], "2026-11-22T18:30:00.000Z");
    assert_eq!(told.data()["leftToday"], 0);
    let held = recipients(&world, &path).await.into_iter().find(|one| one["state"] == "PENDING").unwrap();
    // Midnight in India is 18:30 UTC; at 9 o'clock the hours begin.
    assert_eq!((&held["hold"], &held["dueAt"]), (&json!("CALLER_ID"), &json!("2026-11-23T03:30:00.000Z")));
}

#[tokio::test]
async fn a_trunk_has_a_pool_for_campaigns_without_one_and_its_own_caller_id_for_the_rest() {
    let world = World::new().await;
    let trunk = json!({"name": "Pool", "kind": "simulated", "callerId": "+12025550199", "callerIds": {"numbers": NUMBERS}});
    let trunk = world.post("/trunks", trunk).await.expect(201);
    assert_eq!(trunk.data()["callerIds"]["rotation"], "roundRobin");
    let of_trunk = listed(&world, 2, json!({})).await;
    act(&world, &of_trunk, "start").await;
    ring(&world, &of_trunk).await;
    assert_eq!(shown(&world, &of_trunk).await, NUMBERS);
    let told = world.get(&format!("{of_trunk}/caller-ids")).await.expect(200);
    assert_eq!((&told.data()["poolOf"], &told.data()["dailyCap"]), (&json!("trunk"), &Value::Null));
    let own =
        listed(&world, 1, json!({"callerIds": {"numbers": ["+12125550100"]}, "caps": {"minGapMinutes": 0}}))
            .await;
    wait(&world, 2 * 3_600);
    act(&world, &own, "start").await;
    ring(&world, &own).await;
    assert_eq!(shown(&world, &own).await, ["+12125550100"]);

    let plain = json!({"name": "Plain", "kind": "simulated", "callerId": "+12025550199"});
    let plain = world.post("/trunks", plain).await.expect(201).id();
    let rest = listed(&world, 1, json!({"trunkId": plain})).await;
    wait(&world, 2 * 3_600);
    act(&world, &rest, "start").await;
    ring(&world, &rest).await;
    assert_eq!(shown(&world, &rest).await, ["+12025550199"]);
}
