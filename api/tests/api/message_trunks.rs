use ringfleet_core::net::Guard;
use serde_json::{Value, json};

use crate::{
    support::{World, without},
    validation::expect_fields,
};

fn sms() -> Value {
    json!({"name": "T", "kind": "twilioSms", "accountSid": "AC1", "authToken": "hush-1", "callerId": "+12025550199"})
}

fn whatsapp() -> Value {
    json!({"name": "T", "kind": "whatsapp", "phoneNumberId": "106540352242922", "accessToken": "hush-1", "appSecret": "hush-2",
           "verifyToken": "hush-3"})
}

fn smtp() -> Value {
    json!({"name": "T", "kind": "smtp", "host": "1.1.1.1", "from": "Acme, Inc. <hello@example.com>"})
}

#[tokio::test]
async fn trunks_for_texts() {
    let world = World::new().await;
    let wrong = vec![
        ("accountSid", json!("AC/../x"), "accountSid"),
        ("authToken", json!(""), "authToken"),
        ("apiKeySid", json!("SK1"), "apiKeySecret"),
        ("baseUrl", json!("http://1.1.1.1"), "baseUrl"),
        ("baseUrl", json!("https://127.0.0.1"), "baseUrl"),
        ("messagingServiceSid", json!("MG1"), "messagingServiceSid"),
        ("callerId", json!("a b"), "callerId"),
        ("machineDetection", json!(true), "machineDetection"),
        ("stream", json!({"url": "wss://a.example.com"}), "stream"),
        ("host", json!("sip.example.com"), "host"),
        ("accessToken", json!("x"), "accessToken"),
    ];
    expect_fields(&world, "/trunks", sms(), wrong).await;
    let mut service = sms();
    service.as_object_mut().unwrap().remove("callerId");
    service["messagingServiceSid"] = json!("MG1");
    let made = world.post("/trunks", service.clone()).await.expect(201);
    assert_eq!(made.data()["messagingServiceSid"], "MG1");
    service["messagingServiceSid"] = json!("M G");
    assert_eq!(world.post("/trunks", service).await.field(), "messagingServiceSid");
    let mut pool = sms();
    pool.as_object_mut().unwrap().remove("callerId");
    pool["callerIds"] = json!({"numbers": ["+12025550101", "+12025550102"]});
    world.post("/trunks", pool).await.expect(201);
}

#[tokio::test]
async fn trunks_for_whatsapp() {
    let world = World::new().await;
    let wrong = vec![
        ("phoneNumberId", json!("1/2"), "phoneNumberId"),
        ("accessToken", json!("a\nb"), "accessToken"),
        ("accessToken", json!("x".repeat(1_001)), "accessToken"),
        ("appSecret", json!(""), "appSecret"),
        ("verifyToken", json!("x".repeat(256)), "verifyToken"),
        ("baseUrl", json!("http://1.1.1.1"), "baseUrl"),
        ("baseUrl", json!("https://169.254.169.254"), "baseUrl"),
        ("callerId", json!("+12025550199"), "callerId"),
        ("callerIds", json!({"numbers": ["+12025550101"]}), "callerIds"),
        ("accountSid", json!("AC1"), "accountSid"),
        ("from", json!("a@example.com"), "from"),
    ];
    expect_fields(&world, "/trunks", whatsapp(), wrong).await;
}

#[tokio::test]
async fn trunks_for_mail() {
    let world = World::new().await;
    let wrong = vec![
        ("host", json!("smtp://mail.example.com"), "host"),
        ("host", json!("mail.example.com:587"), "host"),
        ("host", json!("127.0.0.1"), "host"),
        ("host", json!("::1"), "host"),
        ("host", json!("[::ffff:10.0.0.1]"), "host"),
        ("port", json!(0), "port"),
        ("security", json!("ssl"), "security"),
        ("security", json!("none"), "security"),
        ("username", json!("u"), "password"),
        ("password", json!("p"), "username"),
        ("from", json!("Acme"), "from"),
        ("from", json!("a@example.com, b@example.com"), "from"),
        ("from", json!("A\r\nBcc: b@example.com <a@example.com>"), "from"),
        ("from", json!(format!("{} <a@example.com>", "x".repeat(320))), "from"),
        ("replyTo", json!("nobody"), "replyTo"),
        ("transport", json!("tcp"), "transport"),
        ("callerId", json!("+12025550199"), "callerId"),
    ];
    expect_fields(&world, "/trunks", smtp(), wrong).await;
    let made = world.post("/trunks", smtp()).await.expect(201);
    assert_eq!((&made.data()["port"], &made.data()["security"]), (&json!(587), &json!("starttls")));
    let mut at_once = smtp();
    at_once["security"] = json!("tls");
    assert_eq!(world.post("/trunks", at_once).await.expect(201).data()["port"], 465);
}

#[tokio::test]
async fn mail_goes_in_the_clear_only_inside() {
    let guard = Guard::allowing(vec!["127.0.0.0/8".parse().unwrap()]);
    let world = World::with(|settings| ringfleet_api::ApiSettings { guard, ..settings }).await;
    let relay = |host: &str| {
        let mut relay = smtp();
        (relay["host"], relay["security"]) = (json!(host), json!("none"));
        relay
    };
    assert_eq!(world.post("/trunks", relay("127.0.0.1")).await.expect(201).data()["port"], 25);
    assert_eq!(world.post("/trunks", relay("1.1.1.1")).await.field(), "security");
    assert_eq!(world.post("/trunks", relay("nowhere.invalid")).await.field(), "security");
}

#[tokio::test]
async fn no_secret_of_theirs_is_ever_shown() {
    let world = World::new().await;
    let mut mail = smtp();
    (mail["username"], mail["password"]) = (json!("u"), json!("hush-1"));
    for (body, channel) in [(sms(), "sms"), (whatsapp(), "whatsapp"), (mail, "email")] {
        let made = world.post("/trunks", body).await.expect(201);
        assert_eq!((&made.data()["channel"], &made.data()["hasPassword"]), (&json!(channel), &json!(true)));
        let shown = world.get(&format!("/trunks/{}", made.id())).await.expect(200);
        assert_eq!(&without(shown.data(), "liveCalls"), made.data());
        assert!(!made.text.contains("hush"), "{}", made.text);
    }
    assert!(!world.get("/trunks").await.expect(200).text.contains("hush"));
    assert!(!world.get("/audit-log").await.expect(200).text.contains("hush"));
}

/// Each of them would fail at the first call only.
#[tokio::test]
async fn what_sends_messages_places_no_calls() {
    let world = World::new().await;
    let agent = world.agent().await;
    let text = world.post("/trunks", sms()).await.expect(201).id();
    let usual = json!({"name": "c", "agentId": agent});
    assert_eq!(world.post("/campaigns", usual.clone()).await.field(), "trunkId", "there is none that calls");
    let calls = world.trunk().await;
    let made = world.post("/campaigns", usual).await.expect(201);
    assert_eq!(made.data()["trunkId"], calls.as_str(), "the only one that calls");
    let refused = [
        (world.post("/campaigns", json!({"name": "c", "agentId": agent, "trunkId": text})).await, "trunkId"),
        (
            world
                .post("/sessions", json!({"agentId": agent, "trunkId": text, "toNumber": "+14155550100"}))
                .await,
            "trunkId",
        ),
        (
            world
                .post(
                    "/trunk-groups",
                    json!({"name": "g", "members": [{"trunkId": calls}, {"trunkId": text}]}),
                )
                .await,
            "members[1].trunkId",
        ),
        (
            world.call(&world.admin, "PUT", "/workspace/rules", json!({"defaultTrunkId": text})).await,
            "defaultTrunkId",
        ),
    ];
    for (answer, field) in refused {
        let problem = answer.body["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!(answer.field(), field);
        assert!(
            problem.contains("sends messages over sms; calls need a trunk that places calls"),
            "{problem}"
        );
    }
}
