use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{World, without};

#[tokio::test]
async fn agents_are_made_and_found() {
    let world = World::new().await;
    let body = json!({"name": "Asha", "prompt": "Be kind.", "voice": {"provider": "x"}, "llm": {"model": "y"},
        "greeting": "hello.wav", "recording": true});
    let made = world.post("/agents", body).await.expect(201);
    assert_eq!(made.data()["version"], "v1");
    assert_eq!(made.data()["recording"], true);
    assert_eq!(world.get(&format!("/agents/{}", made.id())).await.data(), made.data());
    world.tick();
    let bare =
        world.post("/agents", json!({"name": "B", "prompt": null, "recording": null})).await.expect(201);
    for (name, value) in
        [("prompt", json!("")), ("voice", json!({})), ("llm", json!({})), ("recording", json!(false))]
    {
        assert_eq!(bare.data()[name], value);
    }
    assert_eq!(world.get("/agents").await.data(), &json!([bare.data(), made.data()]));
}

#[tokio::test]
async fn a_trunk_never_shows_its_password() {
    let world = World::new().await;
    let body = json!({"name": "Carrier", "kind": "sip", "host": "sip.example.com", "port": 5080, "transport": "tcp",
        "domain": "example.com", "username": "u", "password": "hidden-word", "callerId": "+14155550100",
        "limits": {"callsPerSecond": 2.5, "maxLiveCalls": 10}});
    let made = world.post("/trunks", body.clone()).await.expect(201);
    assert!(!made.text.contains("hidden-word"));
    assert_eq!(made.data()["hasPassword"], true);
    for name in ["name", "kind", "host", "port", "transport", "domain", "username", "callerId", "limits"] {
        assert_eq!(made.data()[name], body[name], "{name}");
    }
    let shown = world.get(&format!("/trunks/{}", made.id())).await;
    assert_eq!(&without(shown.data(), "liveCalls"), made.data());
    let list = world.get("/trunks").await;
    assert!(!list.text.contains("hidden-word") && !list.text.contains("\"password\""));
    let plain =
        world.post("/trunks", json!({"name": "Plain", "kind": "sip", "host": "127.0.0.1"})).await.expect(201);
    assert_eq!(plain.data()["port"], json!(null), "looked up, or the usual one");
    assert_eq!(plain.data()["transport"], "udp");
    assert_eq!(plain.data()["hasPassword"], false);
    let simulated =
        world.post("/trunks", json!({"name": "S", "kind": "simulated", "ringMs": 1, "talkMs": 2})).await;
    assert_eq!(simulated.expect(201).data()["ringMs"], 1);
}

#[tokio::test]
async fn a_trunk_shows_whom_it_trusts_and_that_it_registers() {
    let world = World::new().await;
    let pem = rcgen::generate_simple_self_signed(["pbx.example".to_owned()]).unwrap().cert.pem();
    let body = json!({"name": "PBX", "kind": "sip", "host": "192.0.2.1", "transport": "tls", "sips": true,
        "tlsServerName": "pbx.example", "caCertificate": pem, "username": "joe", "password": "hidden-word",
        "register": true, "registerExpires": 120, "sessionExpires": 1800});
    let made = world.post("/trunks", body.clone()).await.expect(201);
    for name in [
        "transport",
        "sips",
        "tlsServerName",
        "caCertificate",
        "register",
        "registerExpires",
        "sessionExpires",
    ] {
        assert_eq!(made.data()[name], body[name], "{name}");
    }
    let shown = world.get(&format!("/trunks/{}", made.id())).await;
    assert_eq!(&without(shown.data(), "liveCalls"), made.data());
}

/// Whatever is taken must be readable again: one unreadable trunk would hide all the others.
#[tokio::test]
async fn a_trunk_that_was_taken_can_be_read_again() {
    let world = World::new().await;
    for outcomes in [
        json!({}),
        json!({"404": {"outcome": {"outcome": "FAILED", "reason": "bad_number"}}}),
        json!({"503": {"noRoom": {"retryAfterSeconds": 9}}}),
    ] {
        world.tick();
        let body = json!({"name": "Carrier", "kind": "sip", "host": "sip.example.com", "outcomes": outcomes});
        let made = world.post("/trunks", body).await.expect(201);
        assert_eq!(made.data()["outcomes"], outcomes);
        assert_eq!(&world.get("/trunks").await.expect(200).data()[0], made.data());
    }
    world.get("/trunks").await.expect(200);
}

#[tokio::test]
async fn the_only_trunk_is_taken_and_two_must_be_told_apart() {
    let world = World::new().await;
    let agent = world.agent().await;
    let body = json!({"name": "c", "agentId": agent});
    assert_eq!(world.post("/campaigns", body.clone()).await.field(), "trunkId");
    let trunk = world.trunk().await;
    assert_eq!(world.post("/campaigns", body.clone()).await.expect(201).data()["trunkId"], trunk.as_str());
    let second = world.trunk().await;
    assert_eq!(world.post("/campaigns", body).await.field(), "trunkId");
    let named = json!({"name": "c", "agentId": agent, "trunkId": second});
    assert_eq!(world.post("/campaigns", named).await.expect(201).data()["trunkId"], second.as_str());
}

#[tokio::test]
async fn sessions_are_triggered_found_and_filtered() {
    let world = World::new().await;
    let agent = world.agent().await;
    world.trunk().await;
    let body = json!({"agentId": agent, "toNumber": "+14155550100", "fromNumber": "desk", "variables": {"name": "Bo"},
        "metadata": {"order": 7}, "channel": "voice", "ringTimeoutSeconds": 20, "maxCallSeconds": 60});
    let made = world.post("/sessions", body).await.expect(202);
    assert_eq!(made.data()["status"], "PENDING");
    assert_eq!(made.data()["metadata"], json!({"order": 7}));
    assert_eq!(made.data()["durationMs"], Value::Null);
    world.tick();
    let second = world.post("/sessions", json!({"agentId": agent, "to": "+14155550101"})).await.expect(202);
    assert_eq!(second.data()["toNumber"], "+14155550101");
    let shown = world.get(&format!("/sessions/{}", made.id())).await;
    assert_eq!(without(shown.data(), "message"), *made.data());
    let both = json!([second.data(), made.data()]);
    assert_eq!(world.get("/sessions").await.data(), &both);
    assert_eq!(world.get("/sessions?status=PENDING").await.data(), &both);
    assert_eq!(world.get("/sessions?status=ONGOING").await.data(), &json!([]));
    let campaign = world.campaign().await;
    assert_eq!(world.get(&format!("/sessions?campaignId={campaign}")).await.data(), &json!([]));
    let recipient = "01890a5d-ac96-774b-bcce-b302099a8057";
    assert_eq!(world.get(&format!("/sessions?recipientId={recipient}")).await.data(), &json!([]));
}

#[tokio::test]
async fn every_event_of_the_catalogue_can_be_subscribed_to_and_tried_out() {
    let world = World::new().await;
    let entries = world.get("/webhooks/events").await.expect(200);
    let entries = entries.data().as_array().unwrap();
    let events: Vec<&Value> = entries.iter().map(|entry| &entry["event"]).collect();
    for later in ["lead.responded", "upload.progress", "agent.published", "agent.rolled_back"] {
        assert!(events.contains(&&json!(later)), "{later}");
    }
    let body = json!({"url": "https://example.com/hook", "events": events});
    let hook = world.post("/webhooks", body).await.expect(201);
    assert_eq!(hook.data()["events"], json!(events));
    for entry in entries {
        let body = json!({"event": entry["event"]});
        world.post(&format!("/webhooks/{}/test", hook.id()), body).await.expect(202);
        let newest = world.get(&format!("/webhooks/{}/deliveries?limit=1", hook.id())).await;
        let id = newest.data()[0]["id"].as_str().unwrap().parse().unwrap();
        let letter = world.engine.begin_delivery(id).await.unwrap().expect("it waits");
        for body in [serde_json::from_str(&letter.body).unwrap(), entry["sample"].clone()] {
            assert_eq!(body["type"], entry["event"]);
            assert!(jsonschema::is_valid(&entry["schema"], &body), "{body:#}");
        }
        world.tick();
    }
}

#[tokio::test]
async fn a_webhooks_secret_is_shown_once_and_a_deleted_one_is_gone() {
    let world = World::new().await;
    let body = json!({"url": "https://example.com/hook", "events": ["session.ended", "session.started", "session.ended"]});
    let made = world.post("/webhooks", body).await.expect(201);
    let secret = made.data()["signingSecret"].as_str().unwrap();
    assert!(ringfleet_core::signing::Secret::parse(secret).is_ok());
    assert_eq!(made.data()["events"], json!(["session.started", "session.ended"]));
    let list = world.get("/webhooks").await;
    assert!(!list.text.contains(secret) && !list.text.contains("signingSecret"));
    assert_eq!(list.data()[0]["id"], made.data()["id"]);
    let path = format!("/webhooks/{}", made.id());
    let deleted = world.call(&world.admin, "DELETE", &path, Value::Null).await.expect(200);
    assert_eq!(deleted.data(), &json!({"id": made.id(), "deleted": true}));
    assert_eq!(world.call(&world.admin, "DELETE", &path, Value::Null).await.refusal(404), "NOT_FOUND");
    assert_eq!(world.get("/webhooks").await.data(), &json!([]));
}

/// What is no id of ours, though some of it comes close.
fn no_ids(id: &str) -> Vec<String> {
    let wrong = format!("wrong_{}", id.split_once('_').unwrap().1);
    let near = [uuid_of(id)[1..].to_owned(), id.to_uppercase(), wrong];
    ["x", "%00", "%ff", "..%2f.."].map(str::to_owned).into_iter().chain(near).collect()
}

#[tokio::test]
async fn ids_are_taken_in_both_forms() {
    let world = World::new().await;
    let things = world.things().await;
    let recipients = format!("/campaigns/{}/recipients", things.campaign);
    for (path, id) in [
        ("/agents", &things.agent),
        ("/trunks", &things.trunk),
        ("/campaigns", &things.campaign),
        (&*recipients, &things.recipient),
        ("/imports", &things.import),
        ("/sessions", &things.session),
    ] {
        let shown = world.get(&format!("{path}/{id}")).await.expect(200);
        assert_eq!(world.get(&format!("{path}/{}", uuid_of(id))).await.data(), shown.data());
        for nothing in no_ids(id) {
            let path = format!("{path}/{nothing}");
            assert_eq!(world.get(&path).await.refusal(404), "NOT_FOUND", "{path}");
        }
    }
    let [agent, trunk] = [&things.agent, &things.trunk].map(|id| uuid_of(id));
    let body = json!({"name": "c", "agentId": agent, "trunkId": trunk});
    let made = world.post("/campaigns", body).await.expect(201);
    assert_eq!([&made.data()["agentId"], &made.data()["trunkId"]], [&*things.agent, &*things.trunk]);
    let body = json!({"agentId": agent, "trunkId": trunk, "toNumber": "+14155550100"});
    world.post("/sessions", body).await.expect(202);
}

#[tokio::test]
async fn what_acts_takes_ids_in_both_forms() {
    let world = World::new().await;
    let things = world.things().await;
    let campaign = format!("/campaigns/{}", uuid_of(&things.campaign));
    assert_eq!(world.get(&format!("{campaign}/stats")).await.expect(200).data()["status"], "DRAFT");
    let list = json!({"recipients": [{"to": "+919876543219"}]});
    assert_eq!(world.post(&format!("{campaign}/recipients"), list).await.expect(200).data()["accepted"], 1);
    let upload = format!("{campaign}/recipients/import");
    let import = world.upload(&upload, "text/csv", "to\n+919876543218\n").await.expect(200);
    assert_eq!(import.data()["campaignId"], things.campaign.as_str());
    for (action, status) in [("start", "IN_PROGRESS"), ("pause", "PAUSED"), ("cancel", "CANCELLED")] {
        let acted = world.post(&format!("{campaign}/{action}"), Value::Null).await.expect(200);
        assert_eq!((&acted.data()["id"], &acted.data()["status"]), (&json!(things.campaign), &json!(status)));
        for nothing in no_ids(&things.campaign) {
            let path = format!("/campaigns/{nothing}/{action}");
            assert_eq!(world.post(&path, Value::Null).await.refusal(404), "NOT_FOUND", "{path}");
        }
    }
    let errors = format!("/imports/{}/errors.csv", uuid_of(&things.import));
    assert_eq!(world.get(&errors).await.status, 200);
    let delete =
        async |id: String| world.call(&world.admin, "DELETE", &format!("/webhooks/{id}"), Value::Null).await;
    for nothing in no_ids(&things.webhook) {
        assert_eq!(delete(nothing).await.refusal(404), "NOT_FOUND");
    }
    let deleted = delete(uuid_of(&things.webhook)).await.expect(200);
    assert_eq!(deleted.data(), &json!({"id": things.webhook, "deleted": true}));
}

#[tokio::test]
async fn filters_take_ids_in_both_forms() {
    let world = World::new().await;
    let things = world.things().await;
    world.queue(&things.campaign).await;
    // Two are on the list of the campaign, one of them by the import; a single call belongs to neither.
    for (filter, id, count) in [
        ("/sessions?campaignId=", &things.campaign, 2),
        ("/sessions?recipientId=", &things.recipient, 1),
        ("/imports?campaignId=", &things.campaign, 1),
    ] {
        let found = world.get(&format!("{filter}{id}")).await.expect(200);
        assert_eq!(found.data().as_array().unwrap().len(), count, "{filter}{id}");
        let bare = world.get(&format!("{filter}{}", uuid_of(id))).await.expect(200);
        assert_eq!(bare.data(), found.data(), "{filter}");
    }
    let call = &world.get(&format!("/sessions?recipientId={}", things.recipient)).await;
    assert_eq!(call.data()[0]["recipientId"], things.recipient.as_str());
    assert_eq!(call.data()[0]["campaignId"], things.campaign.as_str());
}

fn uuid_of(id: &str) -> String {
    let uuid = |id: &str| -> Option<String> {
        Some(match id.split_once('_')?.0 {
            "agt" => id.parse::<ringfleet_core::AgentId>().ok()?.uuid().to_string(),
            "trk" => id.parse::<ringfleet_core::TrunkId>().ok()?.uuid().to_string(),
            "cmp" => id.parse::<ringfleet_core::CampaignId>().ok()?.uuid().to_string(),
            "rcp" => id.parse::<ringfleet_core::RecipientId>().ok()?.uuid().to_string(),
            "whk" => id.parse::<ringfleet_core::WebhookId>().ok()?.uuid().to_string(),
            "imp" => id.parse::<ringfleet_core::ImportId>().ok()?.uuid().to_string(),
            _ => id.parse::<ringfleet_core::CallId>().ok()?.uuid().to_string(),
        })
    };
    uuid(id).expect("a TypeID of ours")
}

#[tokio::test]
async fn health_needs_no_key_and_unknown_paths_and_methods_have_the_envelope() {
    let world = World::new().await;
    let get = |path: &str| axum::http::Request::get(path).body(axum::body::Body::empty()).unwrap();
    assert_eq!(world.send(get("/healthz")).await.body, json!({"status": "ok"}));
    let ready = world.send(get("/readyz")).await;
    assert_eq!(ready.status, StatusCode::OK);
    assert_eq!(ready.body["checks"], json!({"database": "ok", "schema": "ok", "fleet": "ok"}));
    for path in
        ["/", "/api", "/api/v1", "/api/v1/", "/api/v1/agents/", "/api/v2/agents", "/api/v1/nothing", "/x%00"]
    {
        assert_eq!(world.send(get(path)).await.refusal(404), "NOT_FOUND", "{path}");
    }
    let answer = world.call(&world.admin, "PUT", "/agents", Value::Null).await;
    let allowed = answer.headers["allow"].to_str().unwrap().to_owned();
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
    assert_eq!(answer.refusal(405), "METHOD_NOT_ALLOWED");
    assert_eq!(
        world.call(&world.admin, "PUT", "/webhooks/x", Value::Null).await.refusal(405),
        "METHOD_NOT_ALLOWED"
    );
    let head = world.call(&world.admin, "HEAD", "/agents", Value::Null).await;
    assert_eq!((head.status, head.text.as_str()), (StatusCode::OK, ""));
}

#[tokio::test]
async fn readiness_names_the_part_that_failed() {
    let world = World::new().await;
    world.engine.store().close().await;
    let get = axum::http::Request::get("/readyz").body(axum::body::Body::empty()).unwrap();
    let answer = world.send(get).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.body["checks"], json!({"database": "failed", "schema": "failed", "fleet": "ok"}));
    let answer = world.get("/agents").await;
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(answer.refusal(503), "UNAVAILABLE");
}
