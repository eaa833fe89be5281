//! One trace from a request over the queue and the carrier to the webhook, at a collector of traces.

use axum::http::Method;
use serde_json::{Value, json};

use crate::{
    database::Database,
    on_both_pairs,
    operator::{Operator, PATIENCE, text},
    support::{
        collector::{Collector, Span},
        pair::Pair,
        receiver::Receiver,
    },
};

/// What a client of ours began.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// Asks for a call as part of that trace, sampled or not; gives the session when it is over.
async fn call(operator: &Operator, trunk: &str, number: &str, flags: &str) -> Value {
    let agent = operator.agent(json!({})).await;
    let body = json!({"agentId": agent, "toNumber": number, "trunkId": trunk});
    let request = operator.api.request(Method::POST, "/api/v1/sessions").json(&body);
    let request = request.header("traceparent", format!("00-{TRACE}-{SPAN}-{flags}"));
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 202);
    let answer: Value = answer.json().await.expect("every answer is JSON");
    operator.ended(&answer["data"]).await
}

fn only<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let named: Vec<&Span> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(named.len(), 1, "{name}: {spans:?}");
    named[0]
}

async fn from_the_request_to_the_webhook(pair: Pair) {
    let (collector, receiver) = (Collector::start().await, Receiver::start().await);
    // What begins here is not traced: only what a client traces.
    let env = [("RINGFLEET_TRACES__ENDPOINT", collector.url.as_str()), ("RINGFLEET_TRACES__SAMPLE", "0.0")];
    let system = pair.start(&env).await;
    let operator = Operator::new(&system.api);
    operator.webhook(&receiver.url("/hook"), &["session.ended"]).await;
    let trunk = operator.simulated_trunk(10, 40, json!({})).await;
    let alive =
        system.api.request(Method::GET, "/healthz").header("traceparent", format!("00-{TRACE}-{SPAN}-01"));
    assert!(
        alive.send().await.expect("an answer").status().is_success(),
        "it is there, which is in no trace"
    );
    let unseen = call(&operator, &trunk, "+12025550111", "00").await;
    let session = call(&operator, &trunk, "+12025550101", "01").await;
    let heard = receiver.wait_for(|heard| heard.len() >= 2, PATIENCE).await;

    let whole = ["request", "dial", "call", "deliver"];
    let spans = collector
        .until("the whole trace has come", |spans| {
            whole.iter().all(|name| spans.iter().any(|span| span.name == *name))
        })
        .await;
    assert!(spans.iter().all(|span| span.trace == TRACE && span.service == "ringfleet"), "{spans:?}");
    let [request, dial, call, deliver] = whole.map(|name| only(&spans, name));
    assert_eq!(request.parent, SPAN, "it continues what the client began");
    assert_eq!(dial.parent, request.id);
    assert_eq!(call.parent, dial.id);
    assert_eq!(deliver.parent, request.id);
    assert_eq!(
        (request.get("http.route"), request.get("http.response.status_code")),
        ("/api/v1/sessions", "202")
    );
    assert_eq!((dial.get("call"), dial.get("kind")), (text(&session["id"]), "simulated"));
    assert_eq!((call.get("outcome"), deliver.get("result")), ("ANSWERED", "delivered"));
    let told =
        |id: &Value| heard.iter().find(|one| one.json()["data"]["sessionId"] == *id).expect("it was told");
    assert_eq!(told(&session["id"]).header("traceparent"), format!("00-{TRACE}-{}-01", deliver.id));
    assert_eq!(told(&unseen["id"]).header("traceparent"), "", "nobody keeps its trace");
    assert!(spans.iter().all(|span| span.events == 0), "logs stay in the log");
    let told = format!("{spans:?}");
    assert!(!told.contains("2025550"), "no number is told: {told}");
    let kept = "SELECT traceparent FROM calls WHERE traceparent IS NOT NULL UNION ALL SELECT traceparent FROM events WHERE traceparent IS NOT NULL";
    let kept = Database::of(&pair).await.column(kept).await;
    assert_eq!(
        kept,
        vec![format!("00-{TRACE}-{}-01", request.id); 2],
        "of the call and of its event, of no others"
    );
}
on_both_pairs!(a_trace_goes_from_the_request_to_the_webhook, from_the_request_to_the_webhook);

/// A campaign's call was asked for by nobody in particular: its trace begins with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_campaigns_call_and_its_webhook_are_one_trace() {
    let (pair, collector, receiver) = (Pair::embedded(), Collector::start().await, Receiver::start().await);
    let system = pair.start(&[("RINGFLEET_TRACES__ENDPOINT", &collector.url)]).await;
    let operator = Operator::new(&system.api);
    operator.webhook(&receiver.url("/hook"), &["session.started", "session.ended"]).await;
    let trunk = operator.simulated_trunk(10, 40, json!({})).await;
    let campaign = operator.campaign(&trunk, json!({})).await;
    campaign.add(&["+12025550101".into()]).await;
    campaign.act("start").await;
    campaign.finished().await;
    let delivered = |spans: &[Span]| spans.iter().filter(|span| span.name == "deliver").count() >= 2;
    let spans = collector.until("both webhooks are traced", delivered).await;
    let dial = only(&spans, "dial");
    assert_eq!(dial.parent, "");
    assert_eq!(only(&spans, "call").parent, dial.id);
    for deliver in spans.iter().filter(|span| span.name == "deliver") {
        assert_eq!((&deliver.trace, &deliver.parent), (&dial.trace, &dial.id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_nothing_is_traced() {
    let (pair, receiver) = (Pair::embedded(), Receiver::start().await);
    let system = pair.start(&[]).await;
    let operator = Operator::new(&system.api);
    operator.webhook(&receiver.url("/hook"), &["session.ended"]).await;
    let trunk = operator.simulated_trunk(10, 40, json!({})).await;
    call(&operator, &trunk, "+12025550101", "01").await;
    let heard = receiver.wait_for(|heard| !heard.is_empty(), PATIENCE).await;
    assert_eq!(heard[0].header("traceparent"), "");
    let kept = "SELECT id FROM calls WHERE traceparent IS NOT NULL UNION ALL SELECT id FROM events WHERE traceparent IS NOT NULL";
    assert_eq!(Database::of(&pair).await.column(kept).await, [""; 0]);
}
