//! Versions of agents: drafts, publishing, rolling back, putting away.

use serde_json::{Value, json};

use crate::support::{Answer, World};

impl World {
    async fn patch_agent(&self, id: &str, body: Value) -> Answer {
        self.call(&self.admin, "PATCH", &format!("/agents/{id}"), body).await
    }

    async fn publish(&self, id: &str, body: Value) -> Answer {
        self.post(&format!("/agents/{id}/publish"), body).await
    }
}

fn stand(answer: &Answer) -> (&str, &str, &str, &str) {
    let text = |name: &str| answer.data()[name].as_str().unwrap_or("none");
    (text("version"), text("status"), text("publishedVersion"), text("latestVersion"))
}

#[tokio::test]
async fn a_change_is_a_draft_until_it_is_published() {
    let world = World::new().await;
    let id = world.post("/agents", json!({"name": "Asha", "prompt": "Be kind."})).await.expect(201).id();
    let path = format!("/agents/{id}");
    let before = world.get(&path).await;
    assert_eq!(stand(&before), ("v1", "published", "v1", "v1"));
    world.tick();
    let body = json!({"prompt": "Be short.", "openingLine": "Hello {{name}}", "greeting": "hello.wav"});
    let draft = world.patch_agent(&id, body).await.expect(200);
    assert_eq!(stand(&draft), ("v2", "draft", "v1", "v2"));
    assert_eq!((&draft.data()["name"], &draft.data()["prompt"]), (&json!("Asha"), &json!("Be short.")));
    let live = world.get(&path).await;
    assert_eq!((stand(&live), &live.data()["prompt"]), (("v1", "published", "v1", "v2"), &json!("Be kind.")));
    // Drafts build on each other, and null takes away what may be absent.
    let third = world.patch_agent(&id, json!({"greeting": null, "recording": true})).await.expect(200);
    assert_eq!((stand(&third).0, &third.data()["prompt"]), ("v3", &json!("Be short.")));
    assert_eq!(
        (&third.data()["greeting"], &third.data()["openingLine"]),
        (&Value::Null, &json!("Hello {{name}}"))
    );
    let same = world.patch_agent(&id, json!({"recording": true})).await.expect(200);
    assert_eq!(stand(&same).0, "v3", "nothing has changed");

    assert_eq!(world.publish(&id, json!({"versionId": "v4"})).await.field(), "versionId");
    assert_eq!(world.publish(&id, json!({"versionId": "2"})).await.field(), "versionId");
    let second = world.publish(&id, json!({"versionId": "v2"})).await.expect(200);
    assert_eq!(
        (stand(&second), &second.data()["prompt"]),
        (("v2", "published", "v2", "v3"), &json!("Be short."))
    );
    let latest = world.publish(&id, Value::Null).await.expect(200);
    assert_eq!(stand(&latest).0, "v3");
    let versions = world.get(&format!("{path}/versions")).await.expect(200);
    let seen: Vec<_> =
        versions.data().as_array().unwrap().iter().map(|v| (&v["version"], &v["status"])).collect();
    let expected =
        [("v3", "published"), ("v2", "retired"), ("v1", "retired")].map(|(n, s)| (json!(n), json!(s)));
    assert_eq!(seen, expected.iter().map(|(n, s)| (n, s)).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_rollback_leads_to_what_was_live_before() {
    let world = World::new().await;
    let id = world.agent().await;
    let rollback = format!("/agents/{id}/rollback");
    assert_eq!(world.post(&rollback, Value::Null).await.refusal(409), "NOTHING_TO_ROLL_BACK");
    for prompt in ["two", "three"] {
        world.patch_agent(&id, json!({"prompt": prompt})).await.expect(200);
        world.publish(&id, Value::Null).await.expect(200);
    }
    world.publish(&id, json!({"versionId": "v3"})).await.expect(200); // is live already, and no step to go back
    assert_eq!(stand(&world.post(&rollback, Value::Null).await.expect(200)), ("v2", "published", "v2", "v3"));
    let versions = world.get(&format!("/agents/{id}/versions?limit=1")).await;
    assert_eq!(
        (&versions.data()[0]["version"], &versions.data()[0]["status"]),
        (&json!("v3"), &json!("rolledBack"))
    );
    assert_eq!(versions.body["meta"]["next_cursor"], "v3");
    let rest = world.get(&format!("/agents/{id}/versions?cursor=v3")).await;
    assert_eq!(rest.data().as_array().unwrap().len(), 2);
    assert_eq!(stand(&world.post(&rollback, Value::Null).await.expect(200)).0, "v1");
    assert_eq!(world.post(&rollback, Value::Null).await.refusal(409), "NOTHING_TO_ROLL_BACK");
}

#[tokio::test]
async fn a_member_makes_drafts_and_does_not_publish() {
    let world = World::new().await;
    world.trunk().await;
    let made = world.call(&world.member, "POST", "/agents", json!({"name": "Asha"})).await.expect(201);
    assert_eq!(stand(&made), ("v1", "draft", "none", "v1"));
    let id = made.id();
    for path in ["publish", "rollback"] {
        let path = format!("/agents/{id}/{path}");
        assert_eq!(world.call(&world.member, "POST", &path, Value::Null).await.refusal(403), "FORBIDDEN");
    }
    let path = format!("/agents/{id}");
    assert_eq!(world.call(&world.member, "DELETE", &path, Value::Null).await.refusal(403), "FORBIDDEN");
    // Nobody hears a draft, but who tries it.
    let to = json!({"agentId": id, "toNumber": "+14155550100"});
    assert_eq!(world.post("/sessions", to).await.refusal(409), "AGENT_NOT_PUBLISHED");
    let to = json!({"agentId": id, "toNumber": "+14155550100", "versionId": "v1"});
    assert_eq!(world.post("/sessions", to.clone()).await.expect(202).data()["versionId"], "v1");
    let campaign = world.post("/campaigns", json!({"name": "Autumn", "agentId": id})).await.expect(201).id();
    let recipients = json!({"recipients": [{"to": "+14155550101"}]});
    world.post(&format!("/campaigns/{campaign}/recipients"), recipients).await.expect(200);
    let start = format!("/campaigns/{campaign}/start");
    assert_eq!(world.post(&start, Value::Null).await.refusal(409), "AGENT_NOT_PUBLISHED");
    world.publish(&id, json!({})).await.expect(200);
    world.post(&start, Value::Null).await.expect(200);
    let mut unknown = to;
    unknown["versionId"] = json!("v9");
    assert_eq!(world.post("/sessions", unknown).await.field(), "versionId");
}

#[tokio::test]
async fn an_agent_is_put_away_when_no_campaign_has_it() {
    let world = World::new().await;
    let campaign = world.campaign().await;
    let id = world.get("/agents").await.data()[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/agents/{id}");
    let delete = async || world.call(&world.admin, "DELETE", &path, Value::Null).await;
    assert_eq!(delete().await.refusal(409), "AGENT_IN_USE");
    world.post(&format!("/campaigns/{campaign}/cancel"), Value::Null).await.expect(200);
    assert!(delete().await.expect(200).data()["archivedAt"].is_string());
    assert_eq!(world.get("/agents").await.data(), &json!([]));
    world.get(&path).await.expect(200);
    for (path, body) in [
        (format!("/agents/{id}/publish"), json!({})),
        ("/campaigns".into(), json!({"name": "Winter", "agentId": id})),
        ("/sessions".into(), json!({"agentId": id, "toNumber": "+14155550100"})),
    ] {
        assert_eq!(world.post(&path, body).await.refusal(409), "AGENT_ARCHIVED", "{path}");
    }
    let copy =
        world.post(&format!("/campaigns/{campaign}/clone"), json!({"recipients": false})).await.expect(201);
    let start = format!("/campaigns/{}/start", copy.id());
    assert_eq!(world.post(&start, Value::Null).await.refusal(409), "AGENT_ARCHIVED");
    for (method, path) in [("GET", "versions"), ("POST", "publish"), ("POST", "rollback")] {
        let path = format!("/agents/{id}/{path}");
        assert_eq!(world.call(&world.stranger, method, &path, Value::Null).await.refusal(404), "NOT_FOUND");
    }
}
