//! Versions of agents: drafts, publishing, rolling back, putting away.

use ringfleet_core::{catalogue::check_data, event::EventType};
use serde_json::{Value, json};

use crate::support::{Answer, World};

impl World {
    async fn patch_agent(&self, id: &str, body: Value) -> Answer {
        self.call(&self.admin, "PATCH", &format!("/agents/{id}"), body).await
    }

    async fn publish(&self, id: &str, body: Value) -> Answer {
        self.post(&format!("/agents/{id}/publish"), body).await
    }

    async fn roll_back(&self, id: &str) -> Answer {
        self.post(&format!("/agents/{id}/rollback"), Value::Null).await
    }

    /// An endpoint that hears of what is live, of one agent where one is named.
    async fn listener(&self, agent: Option<&str>) -> String {
        let events = ["agent.published", "agent.rolled_back"];
        let body = json!({"url": "https://example.com/hook", "events": events, "agentId": agent});
        self.post("/webhooks", body).await.expect(201).id()
    }

    /// The bodies of what an endpoint is told, in their order.
    async fn told(&self, webhook: &str) -> Vec<Value> {
        let mut bodies = Vec::new();
        for delivery in self.get(&format!("/webhooks/{webhook}/deliveries")).await.data().as_array().unwrap()
        {
            let id = delivery["id"].as_str().unwrap().parse().unwrap();
            let letter = self.engine.begin_delivery(id).await.unwrap().expect("it waits");
            let body: Value = serde_json::from_str(&letter.body).unwrap();
            let event: EventType = body["type"].as_str().unwrap().parse().unwrap();
            assert_eq!(check_data(event, &body["data"]), Ok(()));
            bodies.push(body);
        }
        bodies.sort_by_key(|body| body["sequence"].as_i64());
        bodies
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
async fn who_listens_is_told_which_version_is_live() {
    let world = World::new().await;
    let all = world.listener(None).await;
    let id = world.agent().await;
    let of_it = world.listener(Some(&id)).await;
    for prompt in ["two", "three"] {
        world.patch_agent(&id, json!({"prompt": prompt, "name": prompt})).await.expect(200);
    }
    world.publish(&id, Value::Null).await.expect(200);
    world.publish(&id, json!({"versionId": "v2"})).await.expect(200); // an older draft, and no rollback
    world.publish(&id, json!({"versionId": "v2"})).await.expect(200); // is live already
    world.roll_back(&id).await.expect(200);
    world.roll_back(&id).await.expect(200);
    assert_eq!(world.roll_back(&id).await.refusal(409), "NOTHING_TO_ROLL_BACK");
    let told = world.told(&all).await;
    let seen: Vec<_> = told
        .iter()
        .map(|body| {
            let data = &body["data"];
            assert_eq!(data["agentId"], id.as_str());
            let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
            let parts = [&body["type"], &data["version"], &data["previousVersion"], &data["name"]];
            (body["sequence"].as_i64().unwrap(), parts.map(text).join(" "))
        })
        .collect();
    let expected = [
        "agent.published v1 none Asha",
        "agent.published v3 v1 three",
        "agent.published v2 v3 two",
        "agent.rolled_back v3 v2 three",
        "agent.rolled_back v1 v3 Asha",
    ];
    assert_eq!(seen, (1..).zip(expected.map(str::to_owned)).collect::<Vec<_>>());
    // Another agent is no business of who listens to this one, and a draft is nobody's.
    world.call(&world.member, "POST", "/agents", json!({"name": "Draft"})).await.expect(201);
    let other = world.agent().await;
    assert_eq!(world.told(&of_it).await, told[1..]);
    let newest = world.listener(None).await;
    world.patch_agent(&other, json!({"prompt": "two"})).await.expect(200);
    world.publish(&other, Value::Null).await.expect(200);
    assert_eq!(world.told(&newest).await[0]["sequence"], 2, "each agent counts for itself");
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

#[tokio::test]
async fn a_conversation_is_changed_field_by_field_and_has_to_make_sense_as_a_whole() {
    let world = World::new().await;
    let connect = json!({"kind": "ws", "url": "wss://1.1.1.1/talk"});
    let keypad = json!({"1": {"action": "connect"}, "9": {"action": "suppress"}});
    let body = json!({"name": "Asha", "connect": connect, "connectOn": "keypad", "keypad": keypad, "onMachine": "carryOn"});
    let made = world.post("/agents", body).await.expect(201);
    assert_eq!(made.data()["connect"]["parameters"], json!({}));
    assert_eq!((&made.data()["keypad"], &made.data()["keypadSeconds"]), (&keypad, &json!(5)));
    let path = format!("/agents/{}", made.id());
    let patch = async |change: Value| world.patch_agent(&made.id(), change).await;
    assert_eq!(patch(json!({"connect": null})).await.field(), "keypad.1.action");
    let alone = json!({"connect": null, "keypad": {"9": {"action": "suppress"}}, "connectOn": "greeting"});
    let draft = patch(alone).await.expect(200);
    assert_eq!((&draft.data()["connect"], &draft.data()["onMachine"]), (&Value::Null, &json!("carryOn")));
    assert_eq!(draft.data()["version"], "v2");
    assert_eq!(world.get(&path).await.data()["connect"]["url"], "wss://1.1.1.1/talk", "v1 is what it was");
}

#[tokio::test]
async fn a_greeting_is_a_file_or_a_text() {
    let world = World::new().await;
    let said = json!({"name": "Asha", "greetingText": "Hello {{name}}", "onMachine": "message", "machineMessageText": "Bye"});
    let made = world.post("/agents", said).await.expect(201);
    assert_eq!(
        (&made.data()["greetingText"], &made.data()["machineMessageText"]),
        (&json!("Hello {{name}}"), &json!("Bye"))
    );
    let id = made.id();
    assert_eq!(world.patch_agent(&id, json!({"greeting": "hello.wav"})).await.field(), "greetingText");
    assert_eq!(world.patch_agent(&id, json!({"onMachine": "hangUp"})).await.field(), "machineMessageText");
    let file = json!({"greeting": "hello.wav", "greetingText": null, "machineMessageText": null});
    let draft = world.patch_agent(&id, file).await.expect(200);
    let shown = ["greeting", "greetingText", "machineMessageText"].map(|field| draft.data()[field].clone());
    assert_eq!(shown, [json!("hello.wav"), Value::Null, Value::Null]);
}
