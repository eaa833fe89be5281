//! Trunks at LiveKit: their settings, what is told of their calls, and the tokens that open rooms.

use axum::{body::Body, http::Request};
use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use ringfleet_core::{CallId, Clock, WorkerId};
use ringfleet_fleet::Hint;
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use crate::{
    support::{Answer, World, without},
    validation::expect_fields,
};

const SECRET: &str = "hush-1";

fn trunk() -> Value {
    json!({"name": "L", "kind": "livekit", "url": "https://1.1.1.1", "apiKey": "APIkey", "apiSecret": SECRET, "sipTrunkId": "ST_1",
           "agentName": "asha"})
}

/// As LiveKit does it: a JWT with the sum of the body.
fn signed(secret: &str, claims: &Value) -> String {
    let parts = [r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string()];
    let text = parts.map(|part| BASE64_URL_SAFE_NO_PAD.encode(part)).join(".");
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, text.as_bytes())))
}

fn sum(body: &str) -> String {
    BASE64_STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, body.as_bytes()))
}

fn claims(token: &str) -> Value {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&claims).unwrap()
}

async fn session(world: &World, agent: &str, trunk: &str) -> String {
    let session = json!({"agentId": agent, "trunkId": trunk, "toNumber": "+14155550100"});
    world.post("/sessions", session).await.expect(202).id()
}

#[tokio::test]
async fn trunks_are_checked_and_their_secret_is_never_shown() {
    let world = World::new().await;
    let wrong = vec![
        ("url", json!("http://1.1.1.1"), "url"),
        ("url", json!("ws://1.1.1.1"), "url"),
        ("url", json!("wss://127.0.0.1"), "url"),
        ("url", json!("https://169.254.169.254"), "url"),
        ("url", json!("https://1.1.1.1/?a=b"), "url"),
        ("url", json!("example.livekit.cloud"), "url"),
        ("apiKey", json!("a.b"), "apiKey"),
        ("apiSecret", json!(""), "apiSecret"),
        ("apiSecret", json!("a\nb"), "apiSecret"),
        ("sipTrunkId", json!("ST/1"), "sipTrunkId"),
        ("agentName", json!(""), "agentName"),
        ("agentName", json!("x".repeat(121)), "agentName"),
        ("krisp", json!("yes"), "krisp"),
        ("callerId", json!("a b"), "callerId"),
        ("machineDetection", json!(true), "machineDetection"),
        ("host", json!("sip.example.com"), "host"),
    ];
    expect_fields(&world, "/trunks", trunk(), wrong).await;
    for field in ["url", "apiKey", "apiSecret", "sipTrunkId", "agentName"] {
        let body = without(&trunk(), field);
        assert_eq!(world.post("/trunks", body).await.field(), field);
    }
    let mut body = trunk();
    body["url"] = json!("wss://1.1.1.1");
    body["krisp"] = json!(true);
    let made = world.post("/trunks", body).await.expect(201);
    assert!(!made.text.contains(SECRET), "{}", made.text);
    let shown = world.get(&format!("/trunks/{}", made.id())).await;
    assert_eq!(shown.data()["url"], "https://1.1.1.1", "where requests go");
    assert_eq!((&shown.data()["krisp"], &shown.data()["hasPassword"]), (&json!(true), &json!(true)));
    assert_eq!(shown.data()["liveCalls"], 0);
}

#[tokio::test]
async fn only_a_signed_webhook_that_is_not_stale_is_passed_on() {
    let world = World::new().await;
    let trunk = world.post("/trunks", trunk()).await.expect(201).id();
    let simulated = world.post("/trunks", json!({"name": "S", "kind": "simulated"})).await.expect(201).id();
    let agent = world.agent().await;
    let call = session(&world, &agent, &trunk).await;
    let elsewhere = session(&world, &agent, &simulated).await;

    let (heard, mut hints) = unbounded_channel();
    let fleet = world.engine.fleet().clone();
    let stop = CancellationToken::new();
    let _stopped = stop.clone().drop_guard();
    let listening = async move { fleet.hints().listen(|hint| heard.send(hint).unwrap(), &stop).await };
    tokio::spawn(listening);
    tokio::task::yield_now().await; // it listens

    let told = |room: &str| {
        let participant = json!({"sid": "PA_1", "identity": "callee", "disconnectReason": "USER_REJECTED"});
        json!({"event": "participant_left", "room": {"name": room}, "participant": participant}).to_string()
    };
    let now = world.clock.now().timestamp();
    let token = |body: &str, secret: &str, from: i64| {
        signed(secret, &json!({"iss": "APIkey", "nbf": from, "exp": from + 300, "sha256": sum(body)}))
    };
    let post = async |path: &str, body: &str, token: &str| {
        let request = Request::post(path)
            .header("content-type", "application/webhook+json")
            .header("authorization", token)
            .body(Body::from(body.to_owned()))
            .unwrap();
        world.send(request).await.status.as_u16()
    };
    let (good, unknown, of_another) = (told(&call), told("ses_01h455vb4pex5vsknk084sn02q"), told(&elsewhere));
    for (body, token) in [
        (&good, String::new()),
        (&good, token(&good, "another", now)),
        (&good, token(&good, SECRET, now - 1_000)),
        (&good, token(&good, SECRET, now + 1_000)),
        (&good, token("{}", SECRET, now)),
        (
            &good,
            signed(SECRET, &json!({"iss": "APIother", "nbf": now, "exp": now + 300, "sha256": sum(&good)})),
        ),
        (&unknown, token(&unknown, SECRET, now)),
        (&of_another, token(&of_another, SECRET, now)),
        (&"nonsense".to_owned(), token("nonsense", SECRET, now)),
        (&told("try_1"), token(&told("try_1"), SECRET, now)),
    ] {
        assert_eq!(post("/webhook/livekit", body, &token).await, 403, "{body} {token}");
    }
    let large = " ".repeat(300_000);
    assert_eq!(post("/webhook/livekit", &large, "").await, 413);
    let hint = Hint { call: call.parse::<CallId>().unwrap().uuid(), note: "PA_1 USER_REJECTED".into() };
    let good_token = token(&good, SECRET, now);
    assert_eq!(post("/callbacks/livekit", &good, &good_token).await, 404, "there is one door");
    assert_eq!(post("/webhook/livekit", &good, &good_token).await, 200);
    assert_eq!(hints.recv().await.as_ref(), Some(&hint), "the good one and none before it");
}

async fn token(world: &World, key: &str, trunk: &str, body: Value) -> Answer {
    world.call(key, "POST", &format!("/trunks/{trunk}/token"), body).await
}

#[tokio::test]
async fn a_token_opens_the_room_of_a_live_call_or_a_new_one() {
    let world = World::new().await;
    let trunk = world.post("/trunks", trunk()).await.expect(201).id();
    let other = world.post("/trunks", self::trunk()).await.expect(201).id();
    let agent = world.agent().await;
    let call = session(&world, &agent, &trunk).await;
    let listens = json!({"sessionId": call, "identity": "ana@example.com", "name": "Ana"});
    let refused = token(&world, &world.member, &trunk, listens.clone()).await;
    assert_eq!(refused.refusal(409), "NOT_LIVE", "it waits");

    let worker = WorkerId::new(world.clock.now());
    let id: CallId = call.parse().unwrap();
    let dial = world.engine.load(id).await.unwrap().unwrap();
    world.engine.begin(&dial, worker, json!({})).await.unwrap().expect("it begins");
    assert_eq!(
        token(&world, &world.member, &trunk, listens.clone()).await.refusal(409),
        "NOT_LIVE",
        "it rings"
    );
    let over = CancellationToken::new();
    assert!(world.engine.answered(id, worker, world.clock.now(), &over).await.unwrap());
    assert_eq!(world.get(&format!("/trunks/{trunk}")).await.data()["liveCalls"], 1);
    assert_eq!(world.get(&format!("/trunks/{other}")).await.data()["liveCalls"], 0);

    let given = token(&world, &world.member, &trunk, listens.clone()).await.expect(200);
    let view = given.data().clone();
    assert_eq!((view["room"].as_str(), view["url"].as_str()), (Some(call.as_str()), Some("wss://1.1.1.1")));
    assert_eq!(view["expiresAt"], "2026-11-22T10:10:00.123Z");
    let now = world.clock.now().timestamp();
    let video = json!({
        "room": call, "roomJoin": true, "hidden": true, "canSubscribe": true, "canPublish": false, "canPublishData": false,
    });
    let expected = json!({
        "iss": "APIkey", "sub": "guest_ana@example.com", "name": "Ana", "nbf": now - 60, "exp": now + 600, "video": video,
    });
    let bearer = view["token"].as_str().unwrap();
    assert_eq!(claims(bearer), expected);
    assert_eq!(signed(SECRET, &claims(bearer)), bearer, "by the trunk's secret");

    let tries = token(&world, &world.member, &trunk, Value::Null).await.expect(200);
    let tried = claims(tries.data()["token"].as_str().unwrap());
    assert_eq!(tried["roomConfig"]["agents"], json!([{"agentName": "asha"}]));
    assert_eq!(tried["video"]["room"], tries.data()["room"]);
    assert!(tries.data()["room"].as_str().unwrap().starts_with("try_"));
    assert!(tried["sub"].as_str().unwrap().starts_with("guest_"));

    for (trunk, body, expected) in [
        (&trunk, json!({"sessionId": "ses_01h455vb4pex5vsknk084sn02q"}), "NOT_FOUND"),
        (&other, listens.clone(), "NOT_FOUND"),
        (&"trk_01h455vb4pex5vsknk084sn02q".to_owned(), json!({}), "NOT_FOUND"),
    ] {
        assert_eq!(token(&world, &world.member, trunk, body).await.refusal(404), expected);
    }
    assert_eq!(token(&world, &world.stranger, &trunk, listens).await.refusal(404), "NOT_FOUND");
    let simulated = world.trunk().await;
    assert_eq!(token(&world, &world.member, &simulated, json!({})).await.refusal(409), "NO_ROOMS");
    for (field, value) in [
        ("identity", json!("")),
        ("identity", json!("a b")),
        ("identity", json!("x".repeat(121))),
        ("name", json!("")),
        ("sessionId", json!("x")),
        ("hidden", json!(false)),
    ] {
        assert_eq!(token(&world, &world.member, &trunk, json!({ field: value })).await.field(), field);
    }
    let audit = world.get("/audit-log?action=trunk.token").await;
    let entries = audit.data().as_array().unwrap();
    assert_eq!(entries.len(), 2);
    let detail = json!({"room": call, "identity": "guest_ana@example.com"});
    assert!(entries.iter().any(|entry| entry["detail"] == detail), "{}", audit.text);
    assert!(entries.iter().all(|entry| entry["target"]["id"] == trunk.as_str()));
    assert!(!audit.text.contains(bearer), "the log opens no room");
}
