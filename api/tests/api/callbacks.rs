//! What a provider tells of a call reaches whoever follows it, if it is the provider who tells.

use axum::{body::Body, http::Request};
use base64::{Engine, prelude::BASE64_STANDARD};
use ring::signature::{Ed25519KeyPair, KeyPair};
use ringfleet_core::Clock;
use ringfleet_fleet::Hint;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::{CancellationToken, DropGuard};

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

/// What is heard from here on, as long as the guard lives.
fn hints(world: &World) -> (UnboundedReceiver<Hint>, DropGuard) {
    let (heard, hints) = unbounded_channel();
    let fleet = world.engine.fleet().clone();
    let stop = CancellationToken::new();
    let stopped = stop.clone().drop_guard();
    let listening = async move { fleet.hints().listen(|hint| heard.send(hint).unwrap(), &stop).await };
    tokio::spawn(listening);
    (hints, stopped)
}

/// A call over this trunk.
async fn session(world: &World, agent: &str, trunk: &str) -> String {
    let session = json!({"agentId": agent, "trunkId": trunk, "toNumber": "+14155550100"});
    world.post("/sessions", session).await.expect(202).id()
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
    let (call, elsewhere) = (session(&world, &agent, &trunk).await, session(&world, &agent, &other).await);

    let (mut hints, _stopped) = hints(&world);
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

/// A webhook of Telnyx's, signed at this moment.
async fn post_telnyx(world: &World, path: &str, body: &str, keys: &Ed25519KeyPair, seconds: i64) -> u16 {
    let signature = BASE64_STANDARD.encode(keys.sign(format!("{seconds}|{body}").as_bytes()));
    let request = Request::post(path)
        .header("content-type", "application/json")
        .header("telnyx-timestamp", seconds.to_string())
        .header("telnyx-signature-ed25519", signature);
    world.send(request.body(Body::from(body.to_owned())).unwrap()).await.status.as_u16()
}

#[tokio::test]
async fn only_what_telnyx_has_signed_just_now_is_passed_on() {
    let world = World::new().await;
    let [ours, theirs] = [7, 8].map(|seed| Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap());
    let key = BASE64_STANDARD.encode(ours.public_key());
    let telnyx = json!({"name": "T", "kind": "telnyx", "apiKey": "K", "connectionId": "12", "publicKey": key, "callerId": "+12025550199"});
    let trunk = world.post("/trunks", telnyx).await.expect(201).id();
    let other = world.post("/trunks", json!({"name": "S", "kind": "simulated"})).await.expect(201).id();
    let agent = world.agent().await;
    let (call, elsewhere) = (session(&world, &agent, &trunk).await, session(&world, &agent, &other).await);
    let (mut hints, _stopped) = hints(&world);
    tokio::task::yield_now().await; // it listens

    let path = format!("/callbacks/telnyx/{call}");
    let payload = json!({"call_control_id": "v3:a", "call_leg_id": "l", "client_state": "cw==",
        "hangup_cause": "user_busy", "sip_hangup_cause": "486", "hangup_source": "callee"});
    let event = |name: &str| json!({"data": {"event_type": name, "payload": payload}}).to_string();
    let (hangup, now) = (event("call.hangup"), world.clock.now().timestamp());
    for (path, keys, seconds) in [
        (path.clone(), &theirs, now),
        (path.clone(), &ours, now - 301),
        (path.clone(), &ours, now + 301),
        (format!("/callbacks/telnyx/{elsewhere}"), &ours, now),
        ("/callbacks/telnyx/ses_01h455vb4pex5vsknk084sn02q".into(), &ours, now),
        (format!("/callbacks/twilio/{call}"), &ours, now),
    ] {
        assert_eq!(post_telnyx(&world, &path, &hangup, keys, seconds).await, 403, "{path} {seconds}");
    }
    let unsigned = Request::post(&path).body(Body::from(hangup.clone())).unwrap();
    assert_eq!(world.send(unsigned).await.status.as_u16(), 403);
    assert_eq!(post_telnyx(&world, "/callbacks/telnyx/nonsense", &hangup, &ours, now).await, 404);
    assert_eq!(post_telnyx(&world, &path, &"x".repeat(70_000), &ours, now).await, 413);
    // What says nothing of a call that matters is taken, too: it would be told again.
    assert_eq!(post_telnyx(&world, &path, &event("call.dtmf.received"), &ours, now).await, 200);
    assert_eq!(post_telnyx(&world, &path, "no JSON", &ours, now).await, 200);
    assert_eq!(post_telnyx(&world, &path, &hangup, &ours, now - 299).await, 200);
    let heard = hints.recv().await.unwrap();
    assert_eq!(heard.call, call.parse::<ringfleet_core::CallId>().unwrap().uuid());
    let note: serde_json::Value = serde_json::from_str(&heard.note).unwrap();
    assert_eq!(note["call_control_id"], "v3:a", "the good one and none before it: {note}");
    assert_eq!(note["news"]["Over"]["cause"], "user_busy", "{note}");
}
