//! What a provider tells of a call reaches whoever follows it, if it is the provider who tells.

use axum::{body::Body, http::Request};
use base64::{Engine, prelude::BASE64_STANDARD};
use ringfleet_fleet::Hint;
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use crate::support::World;

const TOKEN: &str = "the token";

/// As Twilio does it: fields in the order of their names behind the URL.
fn signed(token: &str, url: &str, fields: &[(&str, &str)]) -> String {
    let text: String = fields.iter().map(|(name, value)| format!("{name}{value}")).collect();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    BASE64_STANDARD.encode(ring::hmac::sign(&key, format!("{url}{text}").as_bytes()))
}

async fn post(world: &World, path: &str, body: &str, signature: &str) -> u16 {
    let request = Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-twilio-signature", signature);
    world.send(request.body(Body::from(body.to_owned())).unwrap()).await.status.as_u16()
}

#[tokio::test]
async fn only_a_signed_callback_is_passed_on() {
    let base = "https://dialer.example.com";
    let world = World::with(|mut settings| {
        settings.base_url = base.parse().unwrap();
        settings
    })
    .await;
    let twilio = json!({"name": "T", "kind": "twilio", "accountSid": "AC1", "authToken": TOKEN, "callerId": "+12025550199"});
    let trunk = world.post("/trunks", twilio).await.expect(201).id();
    let simulated = json!({"name": "S", "kind": "simulated"});
    let other = world.post("/trunks", simulated).await.expect(201).id();
    let agent = world.agent().await;
    let session = async |trunk: &str| {
        let session = json!({"agentId": agent, "trunkId": trunk, "toNumber": "+14155550100"});
        world.post("/sessions", session).await.expect(202).id()
    };
    let (call, elsewhere) = (session(&trunk).await, session(&other).await);

    let (heard, mut hints) = unbounded_channel();
    let fleet = world.engine.fleet().clone();
    let stop = CancellationToken::new();
    let _stopped = stop.clone().drop_guard();
    let listening = async move { fleet.hints().listen(|hint| heard.send(hint).unwrap(), &stop).await };
    tokio::spawn(listening);
    tokio::task::yield_now().await; // it listens

    let path = format!("/callbacks/twilio/{call}");
    let fields = [("CallSid", "CA1"), ("CallStatus", "ringing & more")];
    let body = "CallStatus=ringing+%26+more&CallSid=CA1";
    let good = signed(TOKEN, &format!("{base}{path}"), &fields);
    for (path, body, signature) in [
        (path.clone(), body, String::new()),
        (path.clone(), body, signed("another token", &format!("{base}{path}"), &fields)),
        (path.clone(), body, signed(TOKEN, &format!("https://elsewhere.example.com{path}"), &fields)),
        (path.clone(), "CallStatus=completed&CallSid=CA1", good.clone()),
        (format!("/callbacks/twilio/{elsewhere}"), body, good.clone()),
        ("/callbacks/twilio/ses_01h455vb4pex5vsknk084sn02q".into(), body, good.clone()),
    ] {
        assert_eq!(post(&world, &path, body, &signature).await, 403, "{path} {body} {signature}");
    }
    assert_eq!(post(&world, "/callbacks/twilio/nonsense", body, &good).await, 404);
    assert_eq!(post(&world, &path, &"a=b&".repeat(20_000), &good).await, 413);
    assert_eq!(post(&world, &path, body, &good).await, 204);
    let expected = Hint { call: call.parse::<ringfleet_core::CallId>().unwrap().uuid(), note: "CA1".into() };
    assert_eq!(hints.recv().await, Some(expected), "the good one and none before it");

    // Several at once are all good.
    let at_once = (0..8).map(|_| post(&world, &path, body, &good));
    assert_eq!(futures::future::join_all(at_once).await, [204; 8]);
}
