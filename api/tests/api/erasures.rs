//! Erasing a person: what is refused, what it waits for, and what keeps them out.

use std::time::Duration;

use ringfleet_core::{Channel, E164, Outcome, message::Inbound};
use serde_json::{Value, json};

use crate::{
    operate::{figures, listed, over, recipients, ring, settle},
    support::World,
};

const SOMEBODY: &str = "+919876543299";

/// Works as a scheduler does until the erasure has this status; gives it.
async fn until(world: &World, erasure: &Value, status: &str) -> Value {
    let path = format!("/erasures/{}", erasure["id"].as_str().unwrap());
    for _ in 0..50 {
        let shown = world.get(&path).await.expect(200).data().clone();
        if shown["status"] == status {
            return shown;
        }
        world.engine.erase_next().await.unwrap();
        world.clock.advance(Duration::from_secs(2));
    }
    panic!("it never was {status}: {:?}", world.get(&path).await.body);
}

async fn order(world: &World, number: &str, more: Value) -> Value {
    let mut order = json!({"number": number});
    order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.post("/erasures", order).await.expect(202).data().clone()
}

#[tokio::test]
async fn it_waits_for_a_call_to_end_and_the_figures_stay() {
    let world = World::new().await;
    let path = listed(&world, 2, json!({})).await;
    world.post(&format!("{path}/start"), Value::Null).await.expect(200);
    let (worker, calls) = ring(&world, &path).await;
    let number = recipients(&world, &path).await[0]["to"].as_str().unwrap().to_owned();
    let erasure = order(&world, &number, json!({})).await;
    assert_eq!(erasure["status"], "ERASING");
    let waiting = until(&world, &erasure, "WAITING").await;
    assert_eq!(waiting["erased"]["recipients"], 0);
    for call in calls {
        settle(&world, &path, worker, call, over(Outcome::Answered, "hangup")).await;
    }
    let before = figures(&world, &path).await;
    let done = until(&world, &erasure, "FINISHED").await;
    assert_eq!(
        (&done["erased"]["recipients"], &done["erased"]["sessions"]),
        (&json!(1), &json!(1)),
        "{done}"
    );
    assert!(done["finishedAt"].is_string());
    assert_eq!(figures(&world, &path).await, before);
    let left: Vec<String> =
        recipients(&world, &path).await.iter().map(|one| one["to"].as_str().unwrap().to_owned()).collect();
    assert!(left.contains(&"+9990000000".to_owned()) && !left.contains(&number), "{left:?}");
}

#[tokio::test]
async fn who_is_suppressed_is_kept_out_and_others_may_be_let_in_again() {
    let world = World::new().await;
    let listed = world.post("/suppressions", json!({"number": SOMEBODY})).await.expect(201).data()[0].clone();
    let open = json!({"number": SOMEBODY, "bars": false});
    assert_eq!(world.post("/erasures", open.clone()).await.refusal(409), "SUPPRESSED");
    for wrong in [json!({"number": "12"}), json!({"number": SOMEBODY, "reason": "x".repeat(201)})] {
        world.post("/erasures", wrong).await.expect(422);
    }
    let erasure = order(&world, SOMEBODY, json!({"reason": "a letter"})).await;
    assert_eq!(world.get("/erasures").await.data()[0]["id"], erasure["id"]);
    let done = until(&world, &erasure, "FINISHED").await;
    assert_eq!((&done["erased"]["suppressions"], &done["reason"]), (&json!(1), &json!("a letter")));
    world.get(&format!("/suppressions/{}", listed["id"].as_str().unwrap())).await.expect(404);

    let call = json!({"agentId": world.agent().await, "trunkId": world.trunk().await, "toNumber": SOMEBODY});
    assert_eq!(world.post("/sessions", call.clone()).await.refusal(409), "SUPPRESSED");
    let audit = world.get("/audit-log?action=person.erase").await;
    assert_eq!(audit.data()[0]["detail"], json!({"person": done["person"], "bars": true}));
    assert!(!audit.text.contains(&SOMEBODY[1..]));

    let again = order(&world, SOMEBODY, json!({"bars": false})).await;
    assert_eq!(again["person"], done["person"], "the same person, by the same hash");
    until(&world, &again, "FINISHED").await;
    world.post("/sessions", call).await.expect_success();
}

#[tokio::test]
async fn who_says_stop_while_they_are_erased_is_kept_out() {
    let world = World::new().await;
    let call = json!({"agentId": world.agent().await, "trunkId": world.trunk().await, "toNumber": SOMEBODY});
    let erasure = order(&world, SOMEBODY, json!({"bars": false})).await;
    assert_eq!(
        world.post("/sessions", call.clone()).await.refusal(409),
        "SUPPRESSED",
        "nothing begins meanwhile"
    );
    world.post("/suppressions", json!({"number": SOMEBODY})).await.expect(201);
    assert_eq!(until(&world, &erasure, "FINISHED").await["bars"], true);
    assert_eq!(world.post("/sessions", call).await.refusal(409), "SUPPRESSED");
}

#[tokio::test]
async fn what_somebody_has_written_goes_with_what_was_told_of_it() {
    let world = World::new().await;
    let hook = json!({"url": "https://example.com/hook", "events": ["lead.responded"]});
    let hook = world.post("/webhooks", hook).await.id();
    let trunk = world.trunk().await.parse().unwrap();
    let number: E164 = SOMEBODY.parse().unwrap();
    let other = "+919876543298".parse().unwrap();
    for (number, id) in [(number, "1"), (other, "2")] {
        let inbound = Inbound {
            id: id.into(),
            from: number.to_string(),
            text: "This is Annabelle".into(),
            is_stop: false,
        };
        let workspace = world.workspace().await;
        assert!(world.engine.reply(workspace, trunk, Channel::Sms, number, &inbound).await.unwrap());
        world.clock.advance(Duration::from_secs(1));
    }
    let deliveries =
        async || world.get(&format!("/webhooks/{hook}/deliveries")).await.data().as_array().unwrap().len();
    assert_eq!(deliveries().await, 2);
    let done = until(&world, &order(&world, SOMEBODY, json!({})).await, "FINISHED").await;
    assert_eq!((&done["erased"]["replies"], &done["erased"]["events"]), (&json!(1), &json!(1)), "{done}");
    assert_eq!(deliveries().await, 1, "what the other has written is still told");
}
