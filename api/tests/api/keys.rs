//! API keys over the API.

use std::time::Duration;

use axum::Router;
use ringfleet_api::{ApiSettings, router};
use serde_json::{Value, json};

use crate::support::{World, request};

#[tokio::test]
async fn a_key_is_shown_once_and_does_what_it_is_for() {
    let world = World::new().await;
    let made = world.post("/api-keys", json!({"name": "CRM", "role": "developer", "scopes": ["read", "agents:write"], "rateLimit": 50, "expiresAt": "2026-12-01T00:00:00Z"})).await.expect(201);
    let secret = made.data()["secret"].as_str().unwrap().to_owned();
    let mut listed = world
        .get("/api-keys")
        .await
        .data()
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["name"] == "CRM")
        .cloned()
        .unwrap();
    assert_eq!(listed["lastUsedAt"], Value::Null);
    assert!(secret.starts_with(listed["prefix"].as_str().unwrap()) && secret.starts_with("rfk_"));
    for (name, value) in [
        ("name", json!("CRM")),
        ("role", json!("developer")),
        ("rateLimit", json!(50)),
        ("expiresAt", json!("2026-12-01T00:00:00.000Z")),
    ] {
        assert_eq!(listed[name], value);
    }
    assert_eq!(listed["scopes"], json!(["read", "agents:write"]));
    assert!(listed.as_object_mut().unwrap().remove("secret").is_none(), "never again");
    world.call(&secret, "POST", "/agents", json!({"name": "Asha"})).await.expect(201);
    let refused = world.call(&secret, "POST", "/webhooks", json!({"url": "https://x.de"})).await.expect(403);
    assert_eq!(refused.body["meta"]["scopes"], json!(["read", "agents:write"]));
    world.clock.advance(Duration::from_secs(9 * 24 * 3_600));
    assert_eq!(world.call(&secret, "GET", "/agents", Value::Null).await.refusal(401), "UNAUTHORIZED");
}

#[tokio::test]
async fn nobody_makes_or_takes_a_key_above_themselves() {
    let world = World::new().await;
    let make = async |key: &str, body: Value| world.call(key, "POST", "/api-keys", body).await;
    let admins = make(&world.admin, json!({"name": "a"})).await.expect(201);
    assert_eq!(admins.data()["role"], "admin", "its maker's");
    assert_eq!(make(&world.developer, json!({"name": "a", "role": "admin"})).await.refusal(403), "FORBIDDEN");
    assert_eq!(make(&world.member, json!({"name": "a", "role": "member"})).await.refusal(403), "FORBIDDEN");
    for (method, path) in [
        ("POST", format!("/api-keys/{}/rotate", admins.id())),
        ("DELETE", format!("/api-keys/{}", admins.id())),
    ] {
        assert_eq!(world.call(&world.developer, method, &path, Value::Null).await.refusal(403), "FORBIDDEN");
    }
    let kept = make(&world.admin, json!({"name": "kept", "scopes": ["read", "admin"]})).await;
    let kept_secret = kept.data()["secret"].as_str().unwrap().to_owned();
    assert_eq!(
        make(&kept_secret, json!({"name": "b", "scopes": ["read", "agents:write"]})).await.refusal(403),
        "FORBIDDEN"
    );
    assert_eq!(
        make(&kept_secret, json!({"name": "b"})).await.expect(201).data()["scopes"],
        json!(["read", "admin"]),
        "no wider than its maker"
    );
    assert_eq!(
        world
            .call(&kept_secret, "POST", &format!("/api-keys/{}/rotate", admins.id()), Value::Null)
            .await
            .refusal(403),
        "FORBIDDEN"
    );
    for (body, field) in [
        (json!({"name": " "}), "name"),
        (json!({"name": "a", "scopes": []}), "scopes"),
        (json!({"name": "a", "scopes": ["write"]}), "scopes[0]"),
        (json!({"name": "a", "role": "owner"}), "role"),
        (json!({"name": "a", "rateLimit": 0}), "rateLimit"),
        (json!({"name": "a", "expiresAt": "2026-11-22T10:00:00Z"}), "expiresAt"),
        (json!({}), "name"),
    ] {
        assert_eq!(make(&world.admin, body.clone()).await.field(), field, "{body}");
    }
}

/// Another process of the API on the same database.
fn another(world: &World) -> Router {
    router(world.engine.clone(), ApiSettings::default())
}

#[tokio::test]
async fn a_revoked_or_rotated_key_dies_at_once_everywhere() {
    let mut world = World::new().await;
    let made = world.post("/api-keys", json!({"name": "a"})).await;
    let (id, first) = (made.id(), made.data()["secret"].as_str().unwrap().to_owned());
    let (here, there) = (world.app.clone(), another(&world));
    for app in [&here, &there] {
        world.app = app.clone();
        world.call(&first, "GET", "/agents", Value::Null).await.expect(200);
    }
    let rotated = world.post(&format!("/api-keys/{id}/rotate"), Value::Null).await.expect(200);
    let second = rotated.data()["secret"].as_str().unwrap().to_owned();
    assert_eq!(rotated.id(), id);
    assert_ne!(rotated.data()["prefix"], made.data()["prefix"]);
    for app in [&here, &there] {
        world.app = app.clone();
        assert_eq!(world.call(&first, "GET", "/agents", Value::Null).await.refusal(401), "UNAUTHORIZED");
        world.call(&second, "GET", "/agents", Value::Null).await.expect(200);
    }
    world.call(&second, "DELETE", &format!("/api-keys/{id}"), Value::Null).await.expect(200);
    for app in [&here, &there] {
        world.app = app.clone();
        assert_eq!(world.call(&second, "GET", "/agents", Value::Null).await.refusal(401), "UNAUTHORIZED");
    }
    assert_eq!(world.post(&format!("/api-keys/{id}/rotate"), Value::Null).await.refusal(404), "NOT_FOUND");
}

#[tokio::test]
async fn the_last_use_is_kept_to_the_minute() {
    let world = World::new().await;
    let used = async || {
        let keys = world.get("/api-keys").await;
        let found = keys.data().as_array().unwrap().iter().find(|key| key["role"] == "member").cloned();
        found.unwrap()["lastUsedAt"].as_str().map(str::to_owned)
    };
    let became = async |wanted: &str| {
        let give_up = tokio::time::Instant::now() + Duration::from_secs(60);
        while used().await.as_deref() != Some(wanted) {
            assert!(tokio::time::Instant::now() < give_up, "it is {:?}", used().await);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert_eq!(used().await, None);
    let ask = async || world.call(&world.member, "GET", "/agents", Value::Null).await.expect(200);
    ask().await;
    became("2026-11-22T10:00:00.123Z").await;
    world.clock.advance(Duration::from_secs(59));
    ask().await;
    world.clock.advance(Duration::from_secs(1));
    ask().await;
    became("2026-11-22T10:01:00.123Z").await;
}

#[tokio::test]
async fn answers_keep_browsers_from_harm() {
    let world = World::with(|settings| ApiSettings {
        base_url: "https://d.example.com".parse().unwrap(),
        cors_origins: vec!["https://app.example.com".parse().unwrap()],
        ..settings
    })
    .await;
    let ask = async |method: &str, origin: &str| {
        let asked = request(method, "/agents")
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        world.send(asked.body(axum::body::Body::empty()).unwrap()).await.headers
    };
    let headers = ask("GET", "https://app.example.com").await;
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("strict-transport-security", "max-age=31536000"),
        ("access-control-allow-origin", "https://app.example.com"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    assert!(ask("OPTIONS", "https://app.example.com").await.contains_key("access-control-allow-methods"));
    assert!(!ask("GET", "https://evil.example.com").await.contains_key("access-control-allow-origin"));
    let plain = World::new().await;
    let answer = plain.get("/agents").await;
    assert!(!answer.headers.contains_key("strict-transport-security"));
    let asked = request("OPTIONS", "/agents").header("origin", "https://app.example.com");
    let answer = plain.send(asked.body(axum::body::Body::empty()).unwrap()).await;
    assert!(answer.status == 405 && !answer.headers.contains_key("access-control-allow-origin"));
}
