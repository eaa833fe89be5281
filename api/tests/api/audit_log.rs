//! The audit log: one entry for each change, whoever asked for it.

use serde_json::{Value, json};

use crate::support::{Answer, World};

/// The newest change, as action and kind of target.
async fn last(world: &World) -> (String, String, Value) {
    let log = world.get("/audit-log?limit=1").await.expect(200).data()[0].clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&log["action"]), text(&log["target"]["kind"]), log)
}

#[tokio::test]
async fn every_change_is_noted_once() {
    let world = World::new().await;
    let things = world.things().await;
    let campaign = format!("/campaigns/{}", things.campaign);
    let recipient = format!("{campaign}/recipients/{}", things.recipient);
    let (agent, trunk) = (&things.agent, &things.trunk);
    let mut noted = world.get("/audit-log?limit=100").await.expect(200).data().as_array().unwrap().len();
    for (method, path, body, action, kind) in [
        ("POST", "/agents".to_owned(), json!({"name": "Ravi"}), "agent.create", "agent"),
        ("POST", "/trunks".into(), json!({"name": "T", "kind": "simulated"}), "trunk.create", "trunk"),
        (
            "POST",
            "/trunk-groups".into(),
            json!({"name": "Both", "members": [{"trunkId": trunk}]}),
            "trunk_group.create",
            "trunk group",
        ),
        (
            "POST",
            "/campaigns".into(),
            json!({"name": "Winter", "agentId": agent, "trunkId": trunk}),
            "campaign.create",
            "campaign",
        ),
        ("PATCH", format!("/trunks/{trunk}"), json!({"name": "Other"}), "trunk.edit", "trunk"),
        ("PATCH", campaign.clone(), json!({"weight": 3}), "campaign.edit", "campaign"),
        (
            "POST",
            format!("{campaign}/recipients"),
            json!({"recipients": [{"to": "+919876543219"}]}),
            "recipients.add",
            "campaign",
        ),
        (
            "POST",
            format!("{recipient}/reschedule"),
            json!({"at": "2026-11-23T10:00:00Z"}),
            "recipient.reschedule",
            "recipient",
        ),
        ("POST", format!("{campaign}/clone"), Value::Null, "campaign.clone", "campaign"),
        ("POST", format!("{campaign}/start"), Value::Null, "campaign.start", "campaign"),
        ("POST", format!("{campaign}/pause"), Value::Null, "campaign.pause", "campaign"),
        ("POST", format!("{campaign}/pause"), json!({"inFlight": "hangup"}), "campaign.pause", "campaign"),
        ("POST", format!("{campaign}/cancel"), Value::Null, "campaign.cancel", "campaign"),
        (
            "POST",
            format!("{campaign}/retry"),
            json!({"dispositions": ["CANCELLED"]}),
            "campaign.retry",
            "campaign",
        ),
        (
            "POST",
            "/sessions".into(),
            json!({"agentId": agent, "trunkId": trunk, "to": "+14155550101"}),
            "session.create",
            "session",
        ),
        (
            "POST",
            "/suppressions".into(),
            json!({"number": "+919876543218"}),
            "suppression.add",
            "suppression",
        ),
        (
            "DELETE",
            format!("/suppressions/{}", things.suppression),
            Value::Null,
            "suppression.remove",
            "suppression",
        ),
        ("POST", "/webhooks".into(), json!({"url": "https://example.com/b"}), "webhook.create", "webhook"),
        ("DELETE", format!("/webhooks/{}", things.webhook), Value::Null, "webhook.delete", "webhook"),
        ("PUT", "/workspace/rules".into(), json!({"caps": {"maxPer24h": 2}}), "workspace.rules", "workspace"),
    ] {
        world.tick();
        let answer = world.call(&world.admin, method, &path, body).await.expect_success();
        noted += 1;
        let log = world.get("/audit-log?limit=100").await.expect(200);
        assert_eq!(log.data().as_array().unwrap().len(), noted, "{method} {path}");
        let (done, target, entry) = last(&world).await;
        assert_eq!((done.as_str(), target.as_str()), (action, kind), "{method} {path}");
        assert_eq!(
            entry["requestId"].as_str().unwrap().as_bytes(),
            answer.headers["x-request-id"].as_bytes()
        );
        assert_eq!(entry["actor"]["kind"], "key");
        assert_eq!(entry["actor"]["name"], world.admin[..12]);
        assert!(!entry.to_string().contains("+91"), "no number in the clear: {entry}");
        // What is refused has changed nothing.
        world.call(&world.admin, method, &path, json!({"?": 1})).await;
        assert_eq!(last(&world).await.2["id"], entry["id"], "{method} {path}");
    }
    for (path, action) in [("/suppressions/import", "suppression.import")] {
        world.tick();
        world.upload(path, "text/csv", "to\n+919876543217\n").await.expect(200);
        assert_eq!(last(&world).await.0, action);
    }
}

#[tokio::test]
async fn an_entry_tells_what_has_changed_and_no_secret() {
    let world = World::new().await;
    let campaign = world.campaign().await;
    world.tick();
    let patch = json!({"weight": 3, "name": "Winter", "ringTimeoutSeconds": 30});
    world.call(&world.admin, "PATCH", &format!("/campaigns/{campaign}"), patch).await.expect(200);
    let detail = json!({"name": {"from": "Autumn", "to": "Winter"}, "weight": {"from": 1.0, "to": 3.0}});
    let (_, _, entry) = last(&world).await;
    assert_eq!((&entry["detail"], &entry["target"]["id"]), (&detail, &json!(campaign)));
    world.tick();
    let made = world.post("/webhooks", json!({"url": "https://example.com/b"})).await.expect(201);
    let secret = made.data()["signingSecret"].as_str().unwrap();
    world.tick();
    let sip =
        json!({"name": "S", "kind": "sip", "host": "sip.example.com", "username": "u", "password": "geheim"});
    world.post("/trunks", sip).await.expect(201);
    let log = world.get("/audit-log").await.expect(200).text;
    assert!(!log.contains(secret) && !log.contains("geheim"), "{log}");
}

#[tokio::test]
async fn who_joins_and_who_makes_a_workspace_is_noted() {
    let world = World::new().await;
    let invited = async |email: &str| {
        world.tick();
        let invite = json!({"email": email, "role": "developer"});
        let made = world.post("/workspaces/me/invite", invite).await.expect(201);
        let link = made.data()["link"].as_str().unwrap().to_owned();
        (made.id(), link.rsplit_once("#token=").unwrap().1.to_owned())
    };
    let noted = async |answer: &Answer, target: &str, email: &str| {
        let (action, kind, entry) = last(&world).await;
        assert_eq!((action.as_str(), kind.as_str()), ("invite.accept", "invite"));
        assert_eq!(entry["target"]["id"], target);
        assert_eq!((&entry["actor"]["kind"], &entry["actor"]["name"]), (&json!("user"), &json!(email)));
        assert_eq!(entry["detail"], json!({"email": email, "role": "developer"}));
        let request = entry["requestId"].as_str().unwrap();
        assert_eq!(request.as_bytes(), answer.headers["x-request-id"].as_bytes());
    };
    let (_, ana) = world.user("ana@x.de", None, false).await;
    let (id, token) = invited("ana@x.de").await;
    world.tick();
    let accept = json!({"token": token});
    let answer = world.call(&ana, "POST", "/auth/invites/accept", accept.clone()).await.expect(200);
    noted(&answer, &id, "ana@x.de").await;
    let (_, _, before) = last(&world).await;
    world.call(&ana, "POST", "/auth/invites/accept", accept).await.expect(422);
    assert_eq!(last(&world).await.2["id"], before["id"], "used up already");

    let (id, token) = invited("new@x.de").await;
    world.tick();
    let sign_up = json!({"email": "new@x.de", "password": "correct horse battery", "inviteToken": token});
    let answer = world.call_with("", &[], "POST", "/auth/signup", sign_up).await.expect(200);
    noted(&answer, &id, "new@x.de").await;

    let made = world.call(&ana, "POST", "/workspaces", json!({"name": "Second"})).await.expect(201);
    let there = made.id();
    let named = [("x-workspace-id", there.as_str())];
    let log = world.call_with(&ana, &named, "GET", "/audit-log", Value::Null).await.expect(200);
    let entries = log.data().as_array().unwrap();
    assert_eq!((entries.len(), &entries[0]["action"]), (1, &json!("workspace.create")));
    assert_eq!(
        (&entries[0]["target"]["id"], &entries[0]["detail"]),
        (&json!(there), &json!({"name": "Second"}))
    );
    assert_eq!(entries[0]["actor"]["name"], "ana@x.de");
}

#[tokio::test]
async fn who_signs_up_with_a_workspace_has_made_it() {
    let world = World::empty(|settings| settings).await;
    let sign_up = json!({"email": "ana@x.de", "password": "correct horse battery", "workspace": "First"});
    let grant = world.call_with("", &[], "POST", "/auth/signup", sign_up).await.expect(200);
    let access = grant.data()["accessToken"].as_str().unwrap();
    let log = world.call(access, "GET", "/audit-log", Value::Null).await.expect(200);
    let entries = log.data().as_array().unwrap();
    assert_eq!((entries.len(), &entries[0]["action"]), (1, &json!("workspace.create")));
    assert_eq!(
        entries[0]["requestId"].as_str().unwrap().as_bytes(),
        grant.headers["x-request-id"].as_bytes()
    );
}

#[tokio::test]
async fn the_log_is_an_admins_and_is_narrowed() {
    let world = World::new().await;
    let things = world.things().await;
    for key in [&world.member, &world.developer] {
        assert_eq!(world.call(key, "GET", "/audit-log", Value::Null).await.refusal(403), "FORBIDDEN");
    }
    let theirs = world.call(&world.stranger, "GET", "/audit-log", Value::Null).await.expect(200);
    assert_eq!(theirs.data(), &json!([]));
    world.clock.advance(std::time::Duration::from_secs(3600));
    let agent = json!({"name": "Ravi"});
    world.call(&world.developer, "POST", "/agents", agent).await.expect(201);
    let count = async |filter: &str| {
        let log = world.get(&format!("/audit-log?limit=100&{filter}")).await.expect(200);
        log.data().as_array().unwrap().len()
    };
    let (_, _, newest) = last(&world).await;
    let all = count("").await;
    assert_eq!(count("action=agent.create").await, 2);
    assert_eq!(count("action=nothing").await, 0);
    assert_eq!(count(&format!("target={}", things.campaign)).await, 3, "made, filled, imported into");
    assert_eq!(count(&format!("target={}&action=recipients.add", things.campaign)).await, 1);
    let developer = newest["actor"]["id"].as_str().unwrap();
    assert_eq!(count(&format!("actor={developer}")).await, 1);
    assert_eq!(count(&format!("actor={developer}&action=campaign.create")).await, 0);
    assert_eq!(count("since=2026-11-22T11:00:00Z").await, 1);
    assert_eq!(count("until=2026-11-22T11:00:00Z").await, all - 1);
    assert_eq!(count("since=2026-11-22T11:00:00Z&until=2026-11-22T11:00:00Z").await, 0);
    let backwards = "/audit-log?since=2026-11-22T11:00:01Z&until=2026-11-22T11:00:00Z";
    assert_eq!(world.get(backwards).await.field(), "until");
    assert_eq!(world.get("/audit-log?since=yesterday").await.field(), "since");
    assert_eq!(world.get("/audit-log?who=me").await.field(), "who");
    let page = world.get("/audit-log?limit=2&action=agent.create").await.expect(200);
    assert_eq!(page.body["meta"]["next_cursor"], Value::Null);
    let page = world.get("/audit-log?limit=2").await.expect(200);
    let next = page.body["meta"]["next_cursor"].as_str().expect("more").to_owned();
    let second = world.get(&format!("/audit-log?limit=100&cursor={next}")).await.expect(200);
    assert_eq!(second.data().as_array().unwrap().len(), all - 2);
}
