use axum::{body::Body, http::header};
use ringfleet_core::{Action, Role};
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

/// Every route of the API, with ids of things of `ours`, and what it needs.
fn routes(things: &Things) -> Vec<(&'static str, String, Action)> {
    let Things { agent, trunk, campaign, recipient, import, session, webhook, suppression } = things;
    let mut routes = with_ids(things);
    for path in LISTS {
        routes.push(("GET", path.into(), Action::Read));
    }
    routes.extend([
        ("POST", "/agents".into(), Action::EditAgents),
        ("POST", "/trunks".into(), Action::EditTrunks),
        ("POST", "/trunk-groups".into(), Action::EditTrunks),
        ("POST", "/campaigns".into(), Action::RunCampaigns),
        ("POST", "/sessions".into(), Action::RunCampaigns),
        ("POST", "/webhooks".into(), Action::EditWebhooks),
        ("POST", "/suppressions".into(), Action::Suppress),
        ("POST", "/suppressions/import".into(), Action::Suppress),
        ("GET", "/workspace/rules".into(), Action::Read),
        ("PUT", "/workspace/rules".into(), Action::EditRules),
    ]);
    assert!(
        [agent, trunk, campaign, recipient, import, session, webhook, suppression]
            .iter()
            .all(|id| !id.is_empty())
    );
    routes
}

fn with_ids(things: &Things) -> Vec<(&'static str, String, Action)> {
    let Things { agent, trunk, campaign, recipient, import, session, webhook, suppression } = things;
    vec![
        ("GET", format!("/agents/{agent}"), Action::Read),
        ("GET", format!("/agents/{agent}/versions"), Action::Read),
        ("PATCH", format!("/agents/{agent}"), Action::EditAgents),
        ("POST", format!("/agents/{agent}/publish"), Action::PublishAgents),
        ("POST", format!("/agents/{agent}/rollback"), Action::PublishAgents),
        ("DELETE", format!("/agents/{agent}"), Action::PublishAgents),
        ("GET", format!("/trunks/{trunk}"), Action::Read),
        ("GET", format!("/campaigns/{campaign}"), Action::Read),
        ("GET", format!("/campaigns/{campaign}/stats"), Action::Read),
        ("GET", format!("/campaigns/{campaign}/caller-ids"), Action::Read),
        ("GET", format!("/campaigns/{campaign}/preflight"), Action::Read),
        ("GET", format!("/campaigns/{campaign}/recipients"), Action::Read),
        ("GET", format!("/campaigns/{campaign}/recipients/{recipient}"), Action::Read),
        ("GET", format!("/imports/{import}"), Action::Read),
        ("GET", format!("/imports/{import}/errors.csv"), Action::Read),
        ("GET", format!("/sessions/{session}"), Action::Read),
        ("POST", format!("/campaigns/{campaign}/recipients"), Action::RunCampaigns),
        ("POST", format!("/campaigns/{campaign}/recipients/import"), Action::RunCampaigns),
        ("POST", format!("/campaigns/{campaign}/start"), Action::RunCampaigns),
        ("POST", format!("/campaigns/{campaign}/pause"), Action::RunCampaigns),
        ("POST", format!("/campaigns/{campaign}/cancel"), Action::RunCampaigns),
        ("PATCH", format!("/campaigns/{campaign}"), Action::RunCampaigns),
        ("POST", format!("/campaigns/{campaign}/clone"), Action::RunCampaigns),
        ("POST", format!("/campaigns/{campaign}/retry"), Action::RunCampaigns),
        ("GET", format!("/campaigns/{campaign}/runs"), Action::Read),
        ("POST", format!("/campaigns/{campaign}/recipients/{recipient}/reschedule"), Action::RunCampaigns),
        ("DELETE", format!("/webhooks/{webhook}"), Action::EditWebhooks),
        ("GET", format!("/suppressions/{suppression}"), Action::Read),
        ("DELETE", format!("/suppressions/{suppression}"), Action::EditRules),
    ]
}

#[tokio::test]
async fn nothing_opens_without_a_key() {
    let world = World::new().await;
    for (method, path, _) in routes(&world.things().await) {
        let answer = world.send(request(method, &path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
        assert_eq!(answer.refusal(401), "UNAUTHORIZED", "{method} {path}");
        let changed = format!("{}x", &world.admin[..world.admin.len() - 1]);
        let endless = format!("rfk_{}", "x".repeat(5_000));
        for wrong in ["rfk_unknown", "nonsense", &changed, &endless] {
            let answer = world.call(wrong, method, &path, Value::Null).await;
            assert_eq!(answer.refusal(401), "UNAUTHORIZED", "{method} {path}");
        }
    }
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
async fn each_role_may_do_what_the_table_says() {
    let world = World::new().await;
    let keys =
        [(Role::Member, &world.member), (Role::Developer, &world.developer), (Role::Admin, &world.admin)];
    for (role, key) in keys {
        for (method, path, action) in routes(&world.things().await) {
            let answer = world.call(key, method, &path, Value::Null).await;
            match role.may(action) {
                true => assert!(
                    !matches!(answer.status.as_u16(), 401 | 403),
                    "{role} {method} {path}: {}",
                    answer.text
                ),
                false => {
                    let answer = answer.expect(403);
                    assert_eq!(answer.body["meta"]["code"], "FORBIDDEN");
                    assert_eq!(answer.body["meta"]["role"], role.as_str());
                    assert_eq!(answer.body["meta"]["action"], action.as_str());
                }
            }
        }
    }
}

#[tokio::test]
async fn another_workspaces_things_do_not_exist() {
    let world = World::new().await;
    let things = world.things().await;
    world.queue(&things.campaign).await;
    let before = world.get(&format!("/campaigns/{}", things.campaign)).await.body;
    for (method, path, _) in with_ids(&things) {
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
