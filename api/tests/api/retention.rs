//! What is forgotten after its days, by a clock that is moved.

use std::time::Duration;

use ringfleet_core::Outcome;
use ringfleet_engine::Keep;
use serde_json::{Value, json};

use crate::{
    operate::{call_all, figures, listed, recipients},
    support::World,
};

const KEEP: Keep = Keep {
    calls: Some(5),
    recipients: Some(7),
    transcripts: Some(3),
    replies: Some(3),
    rejects: Some(3),
    uploads: Some(1),
    audit_log: Some(9),
};

async fn forgotten(world: &World) -> Vec<(&'static str, u64)> {
    let all = world.engine.forget_old(&KEEP).await;
    all.into_iter().map(|(kind, n)| (kind, n.unwrap())).filter(|(_, n)| *n > 0).collect()
}

async fn sessions(world: &World, path: &str) -> Vec<Value> {
    let campaign = path.rsplit('/').next().unwrap();
    let page = world.get(&format!("/sessions?campaignId={campaign}")).await.expect(200);
    page.data().as_array().unwrap().clone()
}

async fn stats(world: &World, path: &str) -> Value {
    world.get(&format!("{path}/stats")).await.expect(200).data().clone()
}

#[tokio::test]
async fn whoever_was_called_is_known_for_as_long_as_a_campaign_asks() {
    let world = World::new().await;
    let first = listed(&world, 2, json!({})).await;
    world.post(&format!("{first}/start"), Value::Null).await.expect(200);
    call_all(&world, &first, Outcome::Answered, "hangup").await;
    let later = listed(&world, 2, json!({"dupeDays": 30})).await;
    let day = Duration::from_secs(86_400);
    world.clock.advance(day * 29);
    assert!(forgotten(&world).await.iter().all(|(kind, _)| *kind != "contacts"));
    let ahead = world.get(&format!("{later}/preflight")).await.expect(200);
    assert_eq!(ahead.data()["ended"][0]["reason"], "called_lately");
    assert_eq!(ahead.data()["ended"][0]["count"], 2);
    world.clock.advance(day * 2);
    assert!(forgotten(&world).await.contains(&("contacts", 2)));
}

#[tokio::test]
async fn a_campaign_that_is_over_loses_its_people_and_keeps_its_figures() {
    let world = World::new().await;
    let (done, open) = (listed(&world, 2, json!({})).await, listed(&world, 3, json!({})).await);
    world.upload("/uploads", "text/csv", "to\n+919876543210\n").await.expect_success();
    world.upload(&format!("{open}/recipients/import"), "text/csv", "to\nnobody\n").await.expect_success();
    for path in [&done, &open] {
        world.post(&format!("{path}/start"), Value::Null).await.expect(200);
        call_all(&world, path, Outcome::Answered, "hangup").await;
        world.clock.advance(Duration::from_secs(3 * 3_600)); // they are to the same numbers
    }
    world.post(&format!("{open}/pause"), Value::Null).await.expect(200);
    world.post(&format!("{done}/cancel"), Value::Null).await.expect(200);
    let call = sessions(&world, &done).await[0]["id"].as_str().unwrap().to_owned();
    world
        .call(&world.admin, "PUT", &format!("/sessions/{call}/transcript"), json!({"transcript": []}))
        .await
        .expect(200);
    let before = (figures(&world, &done).await, stats(&world, &open).await);
    assert_eq!(forgotten(&world).await, []);

    let day = Duration::from_secs(86_400);
    world.clock.advance(day * 4);
    let kinds: Vec<&str> = forgotten(&world).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["transcripts", "rejected rows", "uploads"]);
    assert_eq!(world.engine.expire_uploads().await.unwrap(), 1);
    world.clock.advance(day * 2);
    assert_eq!(forgotten(&world).await[0], ("calls", 2));
    assert_eq!((sessions(&world, &done).await.len(), sessions(&world, &open).await.len()), (0, 3));
    assert_eq!(figures(&world, &done).await, before.0);
    world.clock.advance(day * 2);
    assert_eq!(forgotten(&world).await, [("contacts", 3), ("recipients", 2)], "caps look a week back");
    assert!(recipients(&world, &done).await.is_empty());
    assert_eq!(recipients(&world, &open).await.len(), 3);
    world.clock.advance(day * 2);
    assert_eq!(forgotten(&world).await[0].0, "changes");
    let kept = stats(&world, &done).await;
    assert_eq!((&kept["recipients"]["total"], &kept["calls"]["ended"]), (&json!(2), &json!(2)), "{kept}");
    assert_eq!(stats(&world, &open).await["calls"], before.1["calls"]);
}
