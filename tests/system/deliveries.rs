//! Webhooks to receivers that have their bad moments.

use axum::http::StatusCode;
use serde_json::json;
use standardwebhooks::Webhook;
use tokio::net::TcpListener;

use crate::{
    database::Database,
    on_both_pairs,
    operator::{Operator, PATIENCE, numbers, text},
    support::{
        eventually,
        pair::Pair,
        receiver::{Receiver, ids},
    },
};

const THREE_RETRIES: (&str, &str) = ("RINGFLEET_WEBHOOKS__RETRY_DELAYS", r#"["200ms","400ms","800ms"]"#);

on_both_pairs!(a_receiver_that_fails_three_times_gets_it_the_fourth, recovers);

async fn recovers(pair: Pair) {
    let (system, receiver) = (pair.start(&[THREE_RETRIES]).await, Receiver::start().await);
    let operator = Operator::new(&system.api);
    let secret = operator.webhook(&receiver.url("/hook"), &["session.ended"]).await;
    receiver.fail_first(3);
    let trunk = operator.simulated_trunk(10, 10, json!({})).await;
    let session = operator.call("+12025550101", json!({"trunkId": trunk})).await;

    let heard = receiver.wait_for(|heard| heard.len() >= 4, PATIENCE).await;
    let verifier = Webhook::new(&secret).expect("the secret is of the public form");
    for one in &heard {
        assert_eq!((&one.body, one.header("webhook-id")), (&heard[0].body, heard[0].header("webhook-id")));
        verifier.verify(&one.body, &one.headers).unwrap_or_else(|error| panic!("{error}: {one:?}"));
    }
    assert_eq!(heard[0].json()["data"]["sessionId"], session["id"]);
    let answers: Vec<u16> = heard.iter().map(|one| one.answered.as_u16()).collect();
    assert_eq!(answers, [500, 500, 500, 200]);
    until_deliveries_are(&pair, &["DELIVERED 4 200"]).await;
}

on_both_pairs!(a_receiver_that_never_works_is_given_up, gives_up);

async fn gives_up(pair: Pair) {
    let (system, receiver) = (pair.start(&[THREE_RETRIES]).await, Receiver::start().await);
    let operator = Operator::new(&system.api);
    receiver.answer("/broken", StatusCode::BAD_GATEWAY);
    operator.webhook(&receiver.url("/broken"), &["session.ended"]).await;
    operator.webhook(&receiver.url("/sound"), &["session.ended"]).await;
    let trunk = operator.simulated_trunk(10, 10, json!({})).await;
    let session = operator.call("+12025550101", json!({"trunkId": trunk})).await;

    until_deliveries_are(&pair, &["DEAD 4 502", "DELIVERED 1 200"]).await;
    let heard = receiver.received();
    let paths: Vec<&str> = heard.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths.iter().filter(|path| **path == "/broken").count(), 4);
    assert_eq!(
        paths.iter().filter(|path| **path == "/sound").count(),
        1,
        "the other's trouble is not its own"
    );
    assert_eq!(ids(&heard).len(), 1, "one event, whoever hears of it");
    assert_eq!(text(&operator.ended(&session).await["outcome"]), "ANSWERED");
}

on_both_pairs!(a_silent_endpoint_delays_nobody_else, stays_apart);

async fn stays_apart(pair: Pair) {
    let system = pair.start(&[("RINGFLEET_WORKER__DELIVERIES", "8")]).await;
    // Connections wait in its backlog; it never reads a byte.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", silent.local_addr().expect("it is bound"));
    let evil = Operator::new(&system.api.with_key(&pair.key("evil", "admin").await));
    evil.webhook(&url, &[]).await;
    let trunk = evil.simulated_trunk(1, 1, json!({})).await;
    let flood = evil.campaign(&trunk, json!({})).await;
    flood.add(&numbers(200, 1)).await;
    flood.act("start").await;
    flood.finished().await;

    let receiver = Receiver::start().await;
    let operator = Operator::new(&system.api);
    operator.webhook(&receiver.url("/hook"), &["session.ended"]).await;
    let trunk = operator.simulated_trunk(1, 1, json!({})).await;
    let campaign = operator.campaign(&trunk, json!({})).await;
    campaign.add(&numbers(20, 1)).await;
    campaign.act("start").await;
    receiver.wait_for(|heard| ids(heard).len() >= 20, PATIENCE).await;
}

/// Waits until these are the states of all deliveries, with their attempts and the last status.
async fn until_deliveries_are(pair: &Pair, expected: &[&str]) {
    let database = Database::of(pair).await;
    let query =
        "SELECT state || ' ' || attempts || ' ' || COALESCE(last_status, 0) FROM deliveries ORDER BY 1";
    let what = format!("the deliveries are {expected:?}");
    eventually(PATIENCE, &what, async || (database.column(query).await == expected).then_some(())).await;
}
