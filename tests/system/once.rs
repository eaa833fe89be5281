//! `Idempotency-Key`: a request is carried out once, by whichever server, and whatever dies.

use axum::http::Method;
use reqwest::{Body, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio_util::io::ReaderStream;

use crate::{
    database::Database,
    on_both_pairs,
    operator::{Campaign, Operator, number, numbers},
    support::{
        SOON,
        api::Api,
        eventually,
        pair::{Pair, System},
    },
};

/// An answer: its status, whether it was given before, and its body.
#[derive(Debug)]
struct Answer {
    status: u16,
    is_replayed: bool,
    body: String,
}

async fn send(request: RequestBuilder, key: &str) -> Answer {
    let response = request.header("idempotency-key", key).send().await.expect("the server answers");
    Answer {
        status: response.status().as_u16(),
        is_replayed: response.headers().contains_key("idempotency-replayed"),
        body: response.text().await.expect("a whole answer"),
    }
}

async fn world(system: &System) -> (Operator, Campaign) {
    let operator = Operator::new(&system.api);
    let trunk = operator.simulated_trunk(10, 600_000, json!({})).await;
    let campaign = operator.campaign(&trunk, json!({})).await;
    (operator, campaign)
}

/// Another server over the same rows, as after a restart.
async fn another(pair: &Pair) -> (crate::support::process::Process, Api) {
    let server = match pair {
        Pair::Embedded(_) => pair.spawn(&["up", "--listen", "127.0.0.1:0"], &[]),
        Pair::Fleet { .. } => pair.spawn(&["api", "--listen", "127.0.0.1:0"], &[]),
    };
    let base = server.wait_line("listening on ", SOON).await;
    let api = Api::new(&base, &pair.key("test", "admin").await);
    (server, api)
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_at_two_servers_are_one_start() {
    let pair = Pair::fleet().await;
    let system = pair.start(&[]).await;
    let (operator, campaign) = world(&system).await;
    operator.webhook("http://127.0.0.1:9/", &["campaign.started"]).await;
    campaign.add(&numbers(3, 1)).await;
    let (_other, at_the_other) = another(&pair).await;
    let path = format!("/api/v1/campaigns/{}/start", campaign.id);
    let twins = (0..12).map(|n| {
        let api = if n % 2 == 0 { &system.api } else { &at_the_other };
        send(api.request(Method::POST, &path), "start")
    });
    let answers = futures::future::join_all(twins).await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (200, &answers[0].body));
    }
    assert_eq!(answers.iter().filter(|answer| !answer.is_replayed).count(), 1, "{answers:?}");
    let database = Database::of(&pair).await;
    assert_eq!(database.column("SELECT type FROM events").await, ["campaign.started"]);
    let noted = "SELECT action FROM audit_log WHERE action = 'campaign.start'";
    assert_eq!(database.column(noted).await.len(), 1);
}

on_both_pairs!(an_answer_outlives_its_server, restarted);

async fn restarted(pair: Pair) {
    let system = pair.start(&[]).await;
    let (operator, campaign) = world(&system).await;
    campaign.add(&numbers(2, 1)).await;
    let agent = operator.agent(json!({})).await;
    let call = json!({"agentId": agent, "toNumber": "+14155550123"});
    let pause = format!("/api/v1/campaigns/{}/pause", campaign.id);
    campaign.act("start").await;
    let ask = async |api: &Api| {
        let called = send(api.request(Method::POST, "/api/v1/sessions").json(&call), "call").await;
        let paused = send(api.request(Method::POST, &pause), "pause").await;
        [called, paused]
    };
    let first = ask(&system.api).await;
    assert_eq!([first[0].status, first[1].status], [202, 200], "{first:?}");
    system.server.kill9();
    let (_server, api) = another(&pair).await;
    for (first, again) in first.iter().zip(ask(&api).await) {
        assert_eq!((again.status, again.is_replayed), (first.status, true), "{again:?}");
        assert_eq!(again.body, first.body);
    }
    let other = send(api.request(Method::POST, &pause).json(&json!({"inFlight": "hangup"})), "pause").await;
    assert_eq!(other.status, 422);
    assert!(other.body.contains("IDEMPOTENCY_KEY_REUSED"), "{other:?}");
    let calls = "SELECT state FROM calls WHERE campaign_id IS NULL";
    assert_eq!(Database::of(&pair).await.column(calls).await.len(), 1);
}

on_both_pairs!(a_request_whose_server_was_killed_is_taken_over, taken_over);

async fn taken_over(pair: Pair) {
    const ROWS: u32 = 24_000; // half of them are more than PostgreSQL takes in one portion
    let system = pair.start(&[]).await;
    let (_, campaign) = world(&system).await;
    let rows = numbers(ROWS, 1).into_iter().map(|number| format!("{number}\n"));
    let list: String = std::iter::once("phone\n".to_owned()).chain(rows).collect();
    let path = format!("/api/v1/campaigns/{}/recipients/import", campaign.id);
    let upload = |api: &Api, body: Body| {
        api.request(Method::POST, &path).header("content-type", "text/csv").body(body)
    };
    // Killed after it has claimed the key and kept half of the list.
    let (mut pipe, body) = tokio::io::duplex(64 * 1024);
    let half = upload(&system.api, Body::wrap_stream(ReaderStream::new(body)));
    let half = tokio::spawn(half.header("idempotency-key", "list").send());
    pipe.write_all(&list.as_bytes()[..list.len() / 2]).await.expect("the server reads");
    campaign.until("some rows are in", |stats| number(&stats["recipients"]["total"]) > 0).await;
    system.server.kill9();
    assert!(half.await.expect("it is not aborted").is_err());

    let (_server, api) = another(&pair).await;
    let repeat = || async {
        let answer = send(upload(&api, list.clone().into()), "list").await;
        (answer.status != 409).then_some(answer)
    };
    let answer = eventually(SOON, "its claim has run out", repeat).await;
    assert_eq!((answer.status, answer.is_replayed), (200, false), "{answer:?}");
    let again = send(upload(&api, list.clone().into()), "list").await;
    assert_eq!((again.status, again.is_replayed, &again.body), (200, true, &answer.body));
    let campaign = Campaign { operator: Operator::new(&api), id: campaign.id.clone() };
    assert_eq!(campaign.stats().await["recipients"]["total"], ROWS);
    let imports: Value = Operator::new(&api).get("/imports?status=FINISHED").await;
    assert_eq!(imports.as_array().map(Vec::len), Some(1));
}
