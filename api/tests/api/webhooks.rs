//! Endpoints: how many there may be, and how many secrets sign.

use serde_json::{Value, json};

use crate::support::World;

#[tokio::test]
async fn a_workspace_has_so_many_endpoints() {
    let world = World::new().await;
    let body = json!({"url": "https://example.com/hook"});
    let mut last = String::new();
    for _ in 0..500 {
        last = world.post("/webhooks", body.clone()).await.expect(201).id();
    }
    assert_eq!(world.post("/webhooks", body.clone()).await.refusal(409), "TOO_MANY_WEBHOOKS");
    world.call(&world.admin, "DELETE", &format!("/webhooks/{last}"), Value::Null).await.expect(200);
    world.post("/webhooks", body).await.expect(201);
}

#[tokio::test]
async fn so_many_old_secrets_sign_beside_the_present_one() {
    let world = World::new().await;
    let made = world.post("/webhooks", json!({"url": "https://example.com/hook"})).await.expect(201);
    let rotate =
        async |body: Value| world.post(&format!("/webhooks/{}/rotate-secret", made.id()), body).await;
    for _ in 0..5 {
        rotate(json!({"overlapSeconds": 3600})).await.expect(200);
    }
    let refused = rotate(Value::Null).await;
    assert_eq!(refused.refusal(409), "TOO_MANY_SECRETS");
    rotate(json!({"overlapSeconds": 0})).await.expect(200);
    rotate(Value::Null).await.expect(200);
}
