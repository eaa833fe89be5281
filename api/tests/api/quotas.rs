//! How many requests a key and a user may make.

use axum::http::header;
use ringfleet_api::ApiSettings;
use ringfleet_core::{Quota, Role};
use serde_json::{Value, json};

use crate::support::World;

#[tokio::test]
async fn each_key_and_each_user_has_a_quota_of_its_own() {
    let world = World::with(|settings| ApiSettings { quota: Quota::new(6, 3), ..settings }).await;
    let ask = async |key: &str| world.call(key, "GET", "/agents", Value::Null).await;
    for left in [2, 1, 0] {
        let answer = ask(&world.member).await.expect(200);
        assert_eq!(answer.headers["ratelimit-policy"], "\"default\";q=3;w=30");
        let told = answer.headers["ratelimit"].to_str().unwrap();
        assert!(told.starts_with(&format!("\"default\";r={left};t=")), "{told}");
    }
    let over = ask(&world.member).await;
    assert_eq!(over.headers[header::RETRY_AFTER], "10");
    assert!(over.headers["ratelimit"].to_str().unwrap().starts_with("\"default\";r=0;t=30"));
    assert_eq!(over.refusal(429), "RATE_LIMITED");
    ask(&world.developer).await.expect(200);
    let by_samora = world.call(&world.developer, "GET", "/v2/webhooks/events", Value::Null).await;
    assert!(
        by_samora.headers["ratelimit"].to_str().unwrap().starts_with("\"default\";r=1;"),
        "one quota for both"
    );
    let (_, user) = world.user("ana@x.de", Some(Role::Member), false).await;
    for _ in 0..3 {
        ask(&user).await.expect(200);
    }
    assert_eq!(world.call(&user, "GET", "/users/me", Value::Null).await.refusal(429), "RATE_LIMITED");
    let unknown = ask("rfk_unknown").await;
    assert!(unknown.status == 401 && !unknown.headers.contains_key("ratelimit"));
}

#[tokio::test]
async fn a_key_may_have_a_rate_of_its_own() {
    let world = World::with(|settings| ApiSettings { quota: Quota::new(60, 20), ..settings }).await;
    let made = world.post("/api-keys", json!({"name": "slow", "rateLimit": 6})).await.expect(201);
    let slow = made.data()["secret"].as_str().unwrap();
    for _ in 0..2 {
        world.call(slow, "GET", "/agents", Value::Null).await.expect(200);
    }
    let over = world.call(slow, "GET", "/agents", Value::Null).await;
    assert_eq!(over.headers["ratelimit-policy"], "\"default\";q=2;w=20");
    assert_eq!(over.refusal(429), "RATE_LIMITED");
}
