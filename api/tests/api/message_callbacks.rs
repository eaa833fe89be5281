//! What providers tell of messages, and what people write to them: believed if it is the provider who tells it.

use axum::{body::Body, http::Request};
use base64::{Engine, prelude::BASE64_STANDARD};
use ringfleet_core::{CallId, Outcome};
use serde_json::{Value, json};

use crate::{
    operate::{act, listed, over, ring, settle},
    support::World,
};

const BASE: &str = "https://dialer.example.com";
/// Whom [`listed`] lists first.
const NUMBER: &str = "+919800000000";

async fn world() -> World {
    World::with(|mut settings| {
        settings.base_url = BASE.parse().unwrap();
        settings
    })
    .await
}

/// A message that its provider has taken, as a step of a plan.
async fn taken(world: &World, step: Value) -> CallId {
    let path = listed(world, 1, json!({"channels": [step]})).await;
    act(world, &path, "start").await;
    let (worker, calls) = ring(world, &path).await;
    settle(world, &path, worker, calls[0], over(Outcome::Sent, "accepted")).await;
    calls[0]
}

async fn outcome(world: &World, call: CallId) -> (String, String) {
    let session = world.get(&format!("/sessions/{call}")).await.expect(200);
    let text = |name: &str| session.data()[name].as_str().unwrap_or_default().to_owned();
    (text("outcome"), text("reason"))
}

async fn stopped(world: &World) -> usize {
    world.get("/suppressions").await.expect(200).data().as_array().unwrap().len()
}

/// As Meta does it: the body's HMAC-SHA256 in hex.
async fn whatsapp(world: &World, trunk: &str, secret: &str, value: Value) -> u16 {
    let body = json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]});
    let body = body.to_string();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let tag = ring::hmac::sign(&key, body.as_bytes());
    let hex = hex::encode(tag);
    let request = Request::post(format!("/callbacks/whatsapp/{trunk}"))
        .header("x-hub-signature-256", format!("sha256={hex}"));
    world.send(request.body(Body::from(body)).unwrap()).await.status.as_u16()
}

/// All numbers of an app have one webhook, which leads to one trunk.
#[tokio::test]
async fn whatsapp_tells_of_all_messages_of_an_app_and_of_no_others() {
    let world = world().await;
    let trunk = async |secret: &str| {
        let trunk = json!({"name": "T", "kind": "whatsapp", "phoneNumberId": "1", "accessToken": "t", "appSecret": secret, "verifyToken": "v"});
        world.post("/trunks", trunk).await.expect(201).id()
    };
    let (own, sister, strange) = (trunk("ours").await, trunk("ours").await, trunk("theirs").await);
    let step = json!({"channel": "whatsapp", "trunkId": own, "message": {"template": "t", "language": "en"}});
    let call = taken(&world, step).await;
    let told = |status: &str, more: Value| {
        let mut status = json!({"id": "wamid.1", "status": status, "biz_opaque_callback_data": call});
        status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "statuses": [status] })
    };
    let sent = ("SENT".to_owned(), "accepted".to_owned());
    assert_eq!(whatsapp(&world, &own, "theirs", told("read", json!({}))).await, 403);
    assert_eq!(
        whatsapp(&world, &strange, "theirs", told("read", json!({}))).await,
        200,
        "signed, and passed over"
    );
    assert_eq!(outcome(&world, call).await, sent);
    assert_eq!(whatsapp(&world, &own, "ours", told("delivered", json!({}))).await, 200);
    assert_eq!(outcome(&world, call).await.0, "DELIVERED");
    assert_eq!(whatsapp(&world, &sister, "ours", told("read", json!({}))).await, 200);
    assert_eq!(outcome(&world, call).await.0, "READ");
    let late = told("failed", json!({"errors": [{"code": 131_026}]}));
    assert_eq!(whatsapp(&world, &own, "ours", late).await, 200);
    assert_eq!(outcome(&world, call).await.0, "READ", "what was read has arrived");
    let stop = json!({"messages": [{"from": &NUMBER[1..], "id": "wamid.2", "type": "button", "button": {"text": "STOP"}}]});
    assert_eq!(whatsapp(&world, &own, "theirs", stop.clone()).await, 403);
    assert_eq!(stopped(&world).await, 0);
    assert_eq!(whatsapp(&world, &own, "ours", stop).await, 200);
    assert_eq!(stopped(&world).await, 1);
}

/// As Twilio does it: fields in the order of their names behind the URL.
async fn twilio(world: &World, path: &str, token: &str, fields: &[(&str, &str)]) -> u16 {
    let text: String = fields.iter().map(|(name, value)| format!("{name}{value}")).collect();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    let tag = ring::hmac::sign(&key, format!("{BASE}{path}{text}").as_bytes());
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-twilio-signature", BASE64_STANDARD.encode(tag));
    world.send(request.body(Body::from(body)).unwrap()).await.status.as_u16()
}

#[tokio::test]
async fn twilio_tells_of_texts_and_of_answers() {
    let world = world().await;
    let trunk = json!({"name": "T", "kind": "twilioSms", "accountSid": "AC1", "authToken": "ours", "callerId": "+12025550199"});
    let trunk = world.post("/trunks", trunk).await.expect(201).id();
    let call = taken(&world, json!({"channel": "sms", "trunkId": trunk, "message": {"text": "Hi"}})).await;
    let path = format!("/callbacks/twilio/{call}");
    let failed = [("ErrorCode", "30005"), ("MessageSid", "SM1"), ("MessageStatus", "undelivered")];
    assert_eq!(twilio(&world, &path, "theirs", &failed).await, 403);
    assert_eq!(twilio(&world, &path, "ours", &[("MessageSid", "SM1"), ("MessageStatus", "sent")]).await, 204);
    assert_eq!(outcome(&world, call).await, ("SENT".to_owned(), "accepted".to_owned()));
    assert_eq!(twilio(&world, &path, "ours", &failed).await, 204);
    assert_eq!(outcome(&world, call).await, ("FAILED".to_owned(), "bad_number".to_owned()));

    let inbox = format!("/callbacks/twilio/trunks/{trunk}");
    let written = [("Body", "Thanks"), ("From", NUMBER), ("MessageSid", "SM2"), ("OptOutType", "STOP")];
    assert_eq!(twilio(&world, &inbox, "theirs", &written).await, 403);
    assert_eq!(twilio(&world, &inbox, "ours", &written[..3]).await, 200);
    assert_eq!(stopped(&world).await, 0, "an answer is no stop");
    let stop = [("Body", "Enough"), ("From", NUMBER), ("MessageSid", "SM3"), ("OptOutType", "STOP")];
    assert_eq!(twilio(&world, &inbox, "ours", &stop).await, 200);
    assert_eq!(stopped(&world).await, 1, "Twilio has understood it as one");
}
