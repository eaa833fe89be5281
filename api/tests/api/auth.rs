use axum::{body::Body, http::header};
use serde_json::Value;

use crate::support::{Things, World, request};

/// Every list of a workspace.
const LISTS: [&str; 8] = [
    "/agents",
    "/trunks",
    "/campaigns",
    "/imports",
    "/sessions",
    "/webhooks",
    "/suppressions",
    "/trunk-groups",
];

/// What has ids of things of `ours` in its path.
fn with_ids(things: &Things) -> Vec<(&'static str, String)> {
    let Things { agent, trunk, campaign, recipient, import, session, webhook, suppression } = things;
    vec![
        ("GET", format!("/agents/{agent}")),
        ("GET", format!("/agents/{agent}/versions")),
        ("PATCH", format!("/agents/{agent}")),
        ("POST", format!("/agents/{agent}/publish")),
        ("POST", format!("/agents/{agent}/rollback")),
        ("DELETE", format!("/agents/{agent}")),
        ("GET", format!("/trunks/{trunk}")),
        ("GET", format!("/campaigns/{campaign}")),
        ("GET", format!("/campaigns/{campaign}/stats")),
        ("GET", format!("/campaigns/{campaign}/caller-ids")),
        ("GET", format!("/campaigns/{campaign}/preflight")),
        ("GET", format!("/campaigns/{campaign}/recipients")),
        ("GET", format!("/campaigns/{campaign}/recipients/{recipient}")),
        ("GET", format!("/imports/{import}")),
        ("GET", format!("/imports/{import}/errors.csv")),
        ("GET", format!("/sessions/{session}")),
        ("POST", format!("/campaigns/{campaign}/recipients")),
        ("POST", format!("/campaigns/{campaign}/recipients/import")),
        ("POST", format!("/campaigns/{campaign}/start")),
        ("POST", format!("/campaigns/{campaign}/pause")),
        ("POST", format!("/campaigns/{campaign}/cancel")),
        ("PATCH", format!("/campaigns/{campaign}")),
        ("POST", format!("/campaigns/{campaign}/clone")),
        ("POST", format!("/campaigns/{campaign}/retry")),
        ("GET", format!("/campaigns/{campaign}/runs")),
        ("POST", format!("/campaigns/{campaign}/recipients/{recipient}/reschedule")),
        ("DELETE", format!("/webhooks/{webhook}")),
        ("GET", format!("/suppressions/{suppression}")),
        ("DELETE", format!("/suppressions/{suppression}")),
        ("GET", format!("/webhooks/{webhook}")),
        ("GET", format!("/webhooks/{webhook}/deliveries")),
        ("PATCH", format!("/webhooks/{webhook}")),
        ("POST", format!("/webhooks/{webhook}/rotate-secret")),
        ("POST", format!("/webhooks/{webhook}/replay")),
    ]
}

#[tokio::test]
async fn both_headers_carry_a_key() {
    let world = World::new().await;
    for (name, value) in [
        ("authorization", format!("Bearer {}", world.member)),
        ("authorization", format!("bearer {}", world.member)),
        ("x-api-key", world.member.clone()),
    ] {
        let request = request("GET", "/agents").header(name, value).body(Body::empty()).unwrap();
        world.send(request).await.expect(200);
    }
    let basic = request("GET", "/agents").header("authorization", format!("Basic {}", world.member));
    world.send(basic.body(Body::empty()).unwrap()).await.expect(401);
}

#[tokio::test]
async fn another_workspaces_things_do_not_exist() {
    let world = World::new().await;
    let things = world.things().await;
    world.queue(&things.campaign).await;
    let before = world.get(&format!("/campaigns/{}", things.campaign)).await.body;
    for (method, path) in with_ids(&things) {
        let body = match (method, path.rsplit('/').next()) {
            ("POST", Some("recipients")) => serde_json::json!({"recipients": [{"to": "+919876543219"}]}),
            ("POST", Some("reschedule")) => serde_json::json!({"at": "2026-11-23T10:00:00Z"}),
            ("PATCH", _) => serde_json::json!({"name": "x"}),
            _ => Value::Null,
        };
        let answer = match path.ends_with("/import") {
            true => {
                let upload = request(method, &path)
                    .header(header::AUTHORIZATION, format!("Bearer {}", world.stranger))
                    .header(header::CONTENT_TYPE, "text/csv");
                world.send(upload.body(Body::from("to\n+919876543219\n")).unwrap()).await
            }
            false => world.call(&world.stranger, method, &path, body).await,
        };
        assert_eq!(answer.refusal(404), "NOT_FOUND", "{method} {path}");
    }
    assert_eq!(world.get(&format!("/campaigns/{}", things.campaign)).await.body, before);
    for path in LISTS {
        let list = world.call(&world.stranger, "GET", path, Value::Null).await;
        assert_eq!(list.expect(200).body["data"], serde_json::json!([]), "{path}");
    }
    for filtered in [
        format!("/imports?campaignId={}", things.campaign),
        format!("/sessions?campaignId={}", things.campaign),
        format!("/sessions?recipientId={}", things.recipient),
    ] {
        let ours = world.get(&filtered).await.expect(200);
        assert_ne!(ours.data(), &serde_json::json!([]), "{filtered}");
        let list = world.call(&world.stranger, "GET", &filtered, Value::Null).await;
        assert_eq!(list.expect(200).body["data"], serde_json::json!([]), "{filtered}");
    }
}

#[tokio::test]
async fn an_agent_or_trunk_of_another_workspace_cannot_be_used() {
    let world = World::new().await;
    let things = world.things().await;
    let theirs = |method, path, body| world.call(&world.stranger, method, path, body);
    let agent = theirs("POST", "/agents", serde_json::json!({"name": "Theirs"})).await.id();
    let trunk =
        theirs("POST", "/trunks", serde_json::json!({"name": "Theirs", "kind": "simulated"})).await.id();
    for (agent, trunk, field) in [(&things.agent, &trunk, "agentId"), (&agent, &things.trunk, "trunkId")] {
        let campaign = serde_json::json!({"name": "c", "agentId": agent, "trunkId": trunk});
        assert_eq!(theirs("POST", "/campaigns", campaign).await.field(), field);
        let session = serde_json::json!({"agentId": agent, "trunkId": trunk, "toNumber": "+14155550100"});
        assert_eq!(theirs("POST", "/sessions", session).await.field(), field);
    }
}
