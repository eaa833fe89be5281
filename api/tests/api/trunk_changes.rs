//! `PATCH /trunks/:id`.

use ringfleet_core::{TrunkId, brake::BrakeState};
use ringfleet_store::Trunk;
use serde_json::{Value, json};

use crate::support::{Answer, World, without};

/// One trunk of each kind, everything set that it can have.
fn one_of_each() -> Vec<Value> {
    let account = json!({"accountSid": "AC1", "authToken": "hush-1", "apiKeySid": "SK1", "apiKeySecret": "hush-2",
        "baseUrl": "https://1.1.1.1", "callerId": "+12025550199"});
    let with = |kind: &str, more: Value| {
        let mut all =
            json!({"name": "T", "kind": kind, "limits": {"callsPerSecond": 2.5, "maxLiveCalls": 10}});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let mut twilio = with("twilio", account.clone());
    twilio["machineDetection"] = json!(true);
    twilio["stream"] = json!({"url": "wss://a.example.com", "parameters": {"a": "b"}});
    vec![
        with(
            "sip",
            json!({"host": "192.0.2.1", "port": 5080, "transport": "tls", "domain": "example.com", "sips": true, "username": "u",
                "password": "hush-1", "tlsServerName": "pbx.example", "register": true, "registerExpires": 120, "sessionExpires": 1800,
                "outcomes": {"404": {"outcome": {"outcome": "FAILED", "reason": "bad_number"}}, "503": {"noRoom": {"retryAfterSeconds": 9}}},
                "callerIds": {"numbers": ["+12025550101", "+12025550102"], "rotation": "match", "dailyCap": 9}}),
        ),
        twilio,
        with(
            "telnyx",
            json!({"apiKey": "hush-1", "connectionId": "12", "publicKey": "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=",
                "callerIds": {"numbers": ["+12025550101"]}}),
        ),
        with(
            "livekit",
            json!({"url": "https://1.1.1.1", "apiKey": "K", "apiSecret": "hush-1", "sipTrunkId": "ST_1", "agentName": "a", "krisp": true}),
        ),
        with("simulated", json!({"ringMs": 0, "talkMs": 7})),
        with("twilioSms", account),
        with(
            "whatsapp",
            json!({"phoneNumberId": "1", "accessToken": "hush-1", "appSecret": "hush-2", "verifyToken": "hush-3"}),
        ),
        with(
            "smtp",
            json!({"host": "1.1.1.1", "port": 2525, "security": "tls", "username": "u", "password": "hush-1", "from": "a@b.example",
                "replyTo": "c@d.example"}),
        ),
    ]
}

async fn kept(world: &World, id: &str) -> Trunk {
    let id: TrunkId = id.parse().unwrap();
    let workspace = world.workspace().await;
    let mut tx = world.engine.store().read().await.unwrap();
    tx.trunk(workspace, id).await.unwrap().unwrap()
}

async fn patch(world: &World, id: &str, changes: Value) -> Answer {
    world.call(&world.admin, "PATCH", &format!("/trunks/{id}"), changes).await
}

#[tokio::test]
async fn what_is_left_out_stays_and_null_takes_away() {
    let world = World::new().await;
    for body in one_of_each() {
        world.tick();
        let made = world.post("/trunks", body.clone()).await.expect(201);
        let id = made.id();
        let before = kept(&world, &id).await;
        assert_eq!(patch(&world, &id, json!({})).await.expect(200).data(), made.data(), "{body}");
        assert_eq!(kept(&world, &id).await, before, "{body}");
        let changed =
            patch(&world, &id, json!({"name": "New", "kind": body["kind"], "limits": {"maxLiveCalls": 3}}));
        let changed = changed.await.expect(200);
        assert_eq!(changed.data()["name"], "New");
        assert_eq!(
            changed.data()["limits"],
            json!({"callsPerSecond": 2.5, "maxLiveCalls": 3}),
            "the other stays"
        );
        let one = patch(&world, &id, json!({"limits": {"callsPerSecond": null}})).await.expect(200);
        assert_eq!(one.data()["limits"], json!({"callsPerSecond": null, "maxLiveCalls": 3}));
        assert_eq!(kept(&world, &id).await.config, before.config, "{body}");
        let shown = world.get(&format!("/trunks/{id}")).await;
        assert_eq!(&without(shown.data(), "liveCalls"), one.data());
        patch(&world, &id, json!({"limits": null})).await.expect(200);
        assert_eq!(kept(&world, &id).await.limits, Default::default(), "no limit");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_named_and_changes_nothing() {
    let world = World::new().await;
    let all = one_of_each();
    let [sip, twilio, smtp] = [&all[0], &all[1], &all[7]];
    for (body, changes, field) in [
        (sip, json!({"kind": "twilio"}), "kind"),
        (sip, json!({"kind": null}), "kind"),
        (sip, json!({"name": null}), "name"),
        (sip, json!({"name": " "}), "name"),
        (sip, json!({"host": null, "password": "p"}), "host"),
        (sip, json!({"colour": "red"}), "colour"),
        (sip, json!({"accountSid": "AC1"}), "accountSid"),
        (sip, json!({"port": "5060"}), "port"),
        (sip, json!({"limits": {"callsPerSecond": 0}}), "limits.callsPerSecond"),
        (sip, json!({"callerIds": {"numbers": []}}), "callerIds.numbers"),
        (sip, json!({"password": null}), "register"),
        (sip, json!({"transport": "udp"}), "tlsServerName"),
        (sip, json!({"register": false}), "registerExpires"),
        (twilio, json!({"callerId": null}), "callerId"),
        (twilio, json!({"authToken": null}), "authToken"),
        (twilio, json!({"apiKeySecret": null}), "apiKeySecret"),
        // Whoever does not know a secret does not get it sent to themselves.
        (sip, json!({"host": "192.0.2.66"}), "password"),
        (twilio, json!({"baseUrl": "https://1.0.0.1"}), "authToken"),
        (twilio, json!({"baseUrl": "https://1.0.0.1", "authToken": "hush-1"}), "apiKeySecret"),
        (twilio, json!({"baseUrl": null}), "authToken"),
        (smtp, json!({"host": "1.0.0.1"}), "password"),
    ] {
        world.tick();
        let id = world.post("/trunks", body.clone()).await.expect(201).id();
        let before = kept(&world, &id).await;
        assert_eq!(patch(&world, &id, changes.clone()).await.field(), field, "{changes}");
        assert_eq!(kept(&world, &id).await, before, "{changes}");
    }
    let id = world.post("/trunks", sip.clone()).await.expect(201).id();
    let stranger =
        world.call(&world.stranger, "PATCH", &format!("/trunks/{id}"), json!({"name": "Mine"})).await;
    assert_eq!(stranger.refusal(404), "NOT_FOUND");
    let moved = patch(&world, &id, json!({"host": "192.0.2.66", "password": "hush-1"})).await.expect(200);
    assert_eq!(moved.data()["host"], "192.0.2.66", "whoever knows it may");
}

#[tokio::test]
async fn mail_goes_to_the_usual_port_of_how_it_is_secured() {
    let world = World::new().await;
    let body = json!({"name": "T", "kind": "smtp", "host": "1.1.1.1", "from": "a@b.example"});
    let id = world.post("/trunks", body).await.expect(201).id();
    assert_eq!(patch(&world, &id, json!({"security": "tls"})).await.expect(200).data()["port"], 465);
    assert_eq!(patch(&world, &id, json!({"port": 2525})).await.expect(200).data()["port"], 2525);
    assert_eq!(patch(&world, &id, json!({"security": "starttls"})).await.expect(200).data()["port"], 2525);
}

#[tokio::test]
async fn the_log_tells_what_was_changed_and_no_secret() {
    let world = World::new().await;
    let id = world.post("/trunks", one_of_each()[0].clone()).await.expect(201).id();
    world.tick();
    let changes = json!({"password": "hush-9", "limits": {"callsPerSecond": 1}, "username": "u"});
    let changed = patch(&world, &id, changes).await.expect(200);
    let log = world.get("/audit-log?limit=1").await.expect(200);
    let entry = &log.data()[0];
    assert_eq!((&entry["action"], &entry["target"]["id"]), (&json!("trunk.edit"), &json!(id)));
    let limits = json!({"from": {"callsPerSecond": 2.5, "maxLiveCalls": 10}, "to": {"callsPerSecond": 1.0, "maxLiveCalls": 10}});
    assert_eq!(entry["detail"], json!({"limits": limits, "password": "changed"}));
    assert!(!log.text.contains("hush") && !changed.text.contains("hush"));
    // The same again is no change.
    world.tick();
    patch(&world, &id, json!({"password": "hush-9"})).await.expect(200);
    assert_eq!(world.get("/audit-log?limit=1").await.expect(200).data()[0]["detail"], json!({}));
}

#[tokio::test]
async fn a_trunk_that_rests_is_asked_at_once_by_its_new_settings() {
    let world = World::new().await;
    let id = world.post("/trunks", one_of_each()[0].clone()).await.expect(201).id();
    let health = async |state: BrakeState, secs: i64| {
        let trunk: TrunkId = id.parse().unwrap();
        let mut tx = world.engine.store().write().await.unwrap();
        let mut health = tx.lock_trunk_health(&[trunk.uuid()]).await.unwrap();
        let now = ringfleet_core::Clock::now(&world.clock);
        (health[0].state, health[0].reason) = (state, Some("auth".into()));
        (health[0].since, health[0].until) = (now, now + chrono::TimeDelta::seconds(secs));
        tx.set_trunk_health(&health).await.unwrap();
        tx.commit().await.unwrap();
    };
    let state = async || world.get(&format!("/trunks/{id}")).await.expect(200).data()["health"].clone();
    health(BrakeState::Paused, 300).await;
    patch(&world, &id, json!({"limits": {"callsPerSecond": 1}, "name": "New"})).await.expect(200);
    assert!(world.engine.take_probes().await.unwrap().is_empty(), "its password is the one that was refused");
    let changed = patch(&world, &id, json!({"password": "hush-9"})).await.expect(200);
    assert_eq!(changed.data()["health"], state().await);
    assert_eq!(state().await["status"], "PAUSED");
    assert_eq!(state().await["reason"], "auth");
    let asked = world.engine.take_probes().await.unwrap();
    assert_eq!(asked, [(kept(&world, &id).await.id, kept(&world, &id).await.config)]);
    world.post(&format!("/trunks/{id}/pause"), Value::Null).await.expect(200);
    patch(&world, &id, json!({"password": "hush-10"})).await.expect(200);
    assert_eq!(state().await["status"], "STOPPED", "who stopped it lets it go on");
}
