//! Calls that are handed on while they last: because the program that talks wants it, or whoever asks the API. Callees and telephones are
//! `ringfleet carrier`.

use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::{
    on_both_pairs,
    operator::{Operator, text},
    support::{
        SOON, eventually,
        pair::Pair,
        receiver::{Received, Receiver},
    },
    voice_agent::{Manner, VoiceAgent},
    witness::Carrier,
};

on_both_pairs!(calls_are_handed_on, run);

/// Somebody who picks up and stays.
const STAYS: &str = "+12025550105";
/// A second one.
const STAYS_TOO: &str = "+12025550115";

async fn run(pair: Pair) {
    let system = pair.start(&[]).await;
    let operator = &Operator::new(&system.api);
    let receiver = Receiver::start().await;
    let secret = operator.webhook(&receiver.url("/hook"), &["session.transferred"]).await;
    let callees = Carrier::start(&["--ring-ms", "50"]).await;
    let telephones = Carrier::start(&["--ring-ms", "50", "--talk-ms", "1000"]).await;
    let trunk = &operator.sip_trunk(callees.addr, json!({})).await;
    let (by_agent, by_api) = tokio::join!(
        an_agent_hands_its_call_on(operator, trunk, &telephones),
        a_request_hands_a_call_on(operator, trunk, &telephones)
    );
    let verifier = Webhook::new(&secret).expect("the secret is of the public form");
    for session in [by_agent, by_api] {
        let of = |one: &Received| one.json()["data"]["sessionId"] == session["id"];
        let heard = receiver.wait_for(|heard| heard.iter().any(of), SOON).await;
        let told = heard.iter().find(|one| of(one)).expect("it was waited for");
        verifier.verify(&told.body, &told.headers).expect("it is signed");
        let body = told.json();
        assert_eq!((&body["type"], &body["sequence"]), (&json!("session.transferred"), &json!(2)));
        for field in ["transferredTo", "transferredAt"] {
            assert_eq!(body["data"][field], session[field], "{body}");
        }
    }
}

fn to(telephones: &Carrier, user: &str) -> Value {
    json!({"kind": "sip", "to": format!("sip:{user}@{}", telephones.addr)})
}

/// It keeps the call until somebody takes it: it is told of a name that leads nowhere, and of a telephone that is busy.
async fn an_agent_hands_its_call_on(operator: &Operator, trunk: &str, telephones: &Carrier) -> Value {
    let voice = VoiceAgent::start(Manner::HandsOn).await;
    let transfers = json!({"busy": to(telephones, "207"), "sales": to(telephones, "201")});
    let connect = json!({"kind": "ws", "url": voice.url});
    let agent = operator.agent(json!({"connect": connect, "transfers": transfers})).await;
    let session = operator.call(STAYS, json!({"agentId": agent, "trunkId": trunk})).await;
    let ended = operator.ended(&session).await;
    assert_eq!(
        [&ended["status"], &ended["reason"]],
        ["CALL_FINISHED", "completed"],
        "sales hangs up: {ended}"
    );
    assert_eq!(ended["transferredTo"], transfers["sales"]["to"]);
    let failed: Vec<Value> =
        voice.of("transfer").into_iter().map(|mut told| told["transfer"].take()).collect();
    assert_eq!(
        failed,
        [json!({"to": "nobody", "status": "failed"}), json!({"to": "busy", "status": "failed"})]
    );
    voice.wait_for("stop").await;
    let replay = operator.get(&format!("/sessions/{}/replay", text(&ended["id"]))).await;
    let kinds: Vec<&str> =
        replay["events"].as_array().into_iter().flatten().map(|one| text(&one["type"])).collect();
    assert_eq!(kinds, ["created", "triggered", "answered", "transferred", "ended"]);
    ended
}

/// While the call lasts, once, and where its agent says.
async fn a_request_hands_a_call_on(operator: &Operator, trunk: &str, telephones: &Carrier) -> Value {
    let voice = VoiceAgent::start(Manner::Echoes).await;
    let transfers = json!({"sales": to(telephones, "201")});
    let connect = json!({"kind": "ws", "url": voice.url});
    let agent = operator.agent(json!({"connect": connect, "transfers": transfers})).await;
    let session = operator.call(STAYS_TOO, json!({"agentId": agent, "trunkId": trunk})).await;
    voice.wait_for("start").await;
    let path = format!("/sessions/{}", text(&session["id"]));
    eventually(SOON, "the call is ONGOING", async || {
        (operator.get(&path).await["status"] == "ONGOING").then_some(())
    })
    .await;
    let (status, refused) =
        operator.api.post(&format!("/api/v1{path}/transfer"), &json!({"to": "support"})).await;
    assert_eq!((status, &refused["meta"]["field"]), (422, &json!("to")), "{refused}");
    operator.post(&format!("{path}/transfer"), json!({"to": "sales"})).await;
    voice.wait_for("stop").await;
    let ended = operator.ended(&session).await;
    assert_eq!([&ended["reason"], &ended["transferredTo"]], [&json!("completed"), &transfers["sales"]["to"]]);
    ended
}
