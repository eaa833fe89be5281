//! Webhooks as their receivers see them: signatures, rotation, replays, switching off, and where they do not go.

use axum::http::StatusCode;
use reqwest::Method;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::{
    on_both_pairs,
    operator::{Operator, PATIENCE, number, text},
    support::{
        eventually,
        pair::Pair,
        receiver::{Received, Receiver},
    },
};

impl Operator {
    /// The data of a good answer to a change, and a refusal's code.
    async fn change(&self, method: Method, path: &str, body: Value) -> Result<Value, String> {
        let request = self.api.request(method, &format!("/api/v1{path}")).json(&body);
        let mut answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        match answer["success"] == true {
            true => Ok(answer["data"].take()),
            false => Err(format!("{} {}", answer["meta"]["code"], answer["message"])),
        }
    }

    async fn endpoint(&self, body: Value) -> (String, String) {
        let made = self.post("/webhooks", body).await;
        (format!("/webhooks/{}", text(&made["id"])), text(&made["signingSecret"]).to_owned())
    }

    /// Sends a sample; gives the request the receiver gets for it.
    async fn try_out(&self, endpoint: &str, event: &str, receiver: &Receiver) -> Received {
        let before = receiver.received().len();
        self.post(&format!("{endpoint}/test"), json!({"event": event})).await;
        receiver.wait_for(|heard| heard.len() > before, PATIENCE).await.pop().expect("it has come")
    }

    /// Waits until the newest delivery to an endpoint is in this state; gives it with its log.
    async fn newest(&self, endpoint: &str, status: &str) -> Value {
        let what = format!("the newest delivery is {status}");
        let id = eventually(PATIENCE, &what, async || {
            let found = self.get(&format!("{endpoint}/deliveries?limit=1")).await;
            let newest = &found[0];
            (newest["status"] == status).then(|| text(&newest["id"]).to_owned())
        })
        .await;
        self.get(&format!("/deliveries/{id}")).await
    }
}

fn fits(secret: &str, one: &Received) -> bool {
    let verifier = Webhook::new(secret).expect("the secret is of the public form");
    verifier.verify(&one.body, &one.headers).is_ok()
}

on_both_pairs!(old_and_new_secrets_sign_while_they_overlap, rotates);

async fn rotates(pair: Pair) {
    let (system, receiver) = (pair.start(&[]).await, Receiver::start().await);
    let operator = Operator::new(&system.api);
    let (endpoint, first) = operator.endpoint(json!({"url": receiver.url("/hook")})).await;
    let sent = operator.try_out(&endpoint, "session.ended", &receiver).await;
    assert!(fits(&first, &sent) && sent.json()["isTest"] == true && sent.json()["type"] == "session.ended");

    let rotate = async |body: Value| {
        let rotated = operator.post(&format!("{endpoint}/rotate-secret"), body).await;
        text(&rotated["signingSecret"]).to_owned()
    };
    let second = rotate(json!({})).await;
    let sent = operator.try_out(&endpoint, "campaign.completed", &receiver).await;
    assert!(first != second && fits(&first, &sent) && fits(&second, &sent), "for a day both sign");
    assert_eq!(sent.header("webhook-signature").split(' ').count(), 2);

    let third = rotate(json!({"overlapSeconds": 0})).await;
    let sent = operator.try_out(&endpoint, "session.started", &receiver).await;
    assert!(fits(&third, &sent) && !fits(&second, &sent) && !fits(&first, &sent), "a leak ends all old ones");

    let style = json!({"style": "saaya", "customHeaders": {"X-Tenant": "a"}});
    operator.change(Method::PATCH, &endpoint, style).await.expect("a style there is");
    let sent = operator.try_out(&endpoint, "session.started", &receiver).await;
    let signature = sent.header("saaya-signature");
    assert!(signature.starts_with("t=") && signature.contains(",v1="), "{signature}");
    assert_eq!((sent.header("webhook-signature"), sent.header("x-tenant")), ("", "a"));
}

on_both_pairs!(what_was_given_up_is_replayed_with_its_log, replays);

async fn replays(pair: Pair) {
    let once = ("RINGFLEET_WEBHOOKS__RETRY_DELAYS", r#"["100ms"]"#);
    let (system, receiver) = (pair.start(&[once]).await, Receiver::start().await);
    let operator = Operator::new(&system.api);
    let (endpoint, _) = operator.endpoint(json!({"url": receiver.url("/hook")})).await;
    receiver.answer("/hook", StatusCode::BAD_GATEWAY);
    let sent = operator.try_out(&endpoint, "session.ended", &receiver).await;
    let dead = operator.newest(&endpoint, "DEAD").await;
    let log: Vec<_> = dead["log"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (number(&one["number"]), number(&one["status"])))
        .collect();
    assert_eq!(log, [(1, 502), (2, 502)]);
    assert_eq!(text(&dead["body"]).as_bytes(), &*sent.body, "what was sent is shown byte for byte");
    receiver.answer("/hook", StatusCode::OK);
    let replayed = operator.post(&format!("{endpoint}/replay"), json!({})).await;
    assert_eq!(replayed, json!({"replayed": 1, "isComplete": true}));
    let delivered = operator.newest(&endpoint, "DELIVERED").await;
    assert_eq!((number(&delivered["attempts"]), &delivered["eventId"]), (3, &dead["eventId"]));
    let heard = receiver.received();
    assert!(
        heard
            .iter()
            .all(|one| (one.header("webhook-id"), &one.body) == (sent.header("webhook-id"), &sent.body))
    );

    let path = format!("/deliveries/{}/replay", text(&delivered["id"]));
    operator.post(&path, json!({})).await;
    receiver.wait_for(|heard| heard.len() == 4, PATIENCE).await;
    assert_eq!(number(&operator.newest(&endpoint, "DELIVERED").await["attempts"]), 4);
}

on_both_pairs!(an_endpoint_that_is_gone_is_switched_off_and_the_others_are_told, switches_off);

async fn switches_off(pair: Pair) {
    let (system, receiver) = (pair.start(&[]).await, Receiver::start().await);
    let operator = Operator::new(&system.api);
    let (endpoint, _) =
        operator.endpoint(json!({"url": receiver.url("/gone"), "events": ["session.ended"]})).await;
    operator.endpoint(json!({"url": receiver.url("/other"), "events": ["webhook.disabled"]})).await;
    receiver.answer("/gone", StatusCode::GONE);
    operator.post(&format!("{endpoint}/test"), json!({"event": "session.ended"})).await;
    let heard = receiver.wait_for(|heard| heard.iter().any(|one| one.path == "/other"), PATIENCE).await;
    let told = heard.iter().find(|one| one.path == "/other").expect("it was waited for").json();
    assert_eq!(
        (&told["type"], &told["data"]["reason"]),
        (&json!("webhook.disabled"), &json!("it answered 410 Gone"))
    );
    assert_eq!(
        ringfleet_core::catalogue::check_data(
            ringfleet_core::event::EventType::WebhookDisabled,
            &told["data"]
        ),
        Ok(())
    );
    let off = operator.get(&endpoint).await;
    assert_eq!((&off["isActive"], &off["disabledReason"]), (&json!(false), &json!("it answered 410 Gone")));
    let refused =
        operator.change(Method::POST, &format!("{endpoint}/test"), json!({"event": "session.ended"})).await;
    assert!(refused.unwrap_err().contains("WEBHOOK_OFF"));
    receiver.answer("/gone", StatusCode::OK);
    let on = operator
        .change(Method::PATCH, &endpoint, json!({"isActive": true}))
        .await
        .expect("it may be switched on");
    assert_eq!((&on["isActive"], &on["disabledReason"]), (&json!(true), &Value::Null));
    operator.try_out(&endpoint, "session.ended", &receiver).await;
}

on_both_pairs!(what_is_told_of_a_campaign_is_what_the_catalogue_says, tells);

async fn tells(pair: Pair) {
    let (system, receiver) = (pair.start(&[]).await, Receiver::start().await);
    let operator = Operator::new(&system.api);
    operator.endpoint(json!({"url": receiver.url("/hook")})).await;
    let trunk = operator.simulated_trunk(1, 1, json!({})).await;
    let campaign = operator.campaign(&trunk, json!({})).await;
    campaign.add(&["+12025550101".to_owned(), "+12025550102".to_owned()]).await;
    campaign.act("start").await;
    campaign.finished().await;
    let cancelled = operator.campaign(&trunk, json!({})).await;
    cancelled.add(&["+12025550103".to_owned()]).await;
    cancelled.act("cancel").await;
    let is = |one: &Received, kind: &str| one.json()["type"] == kind;
    let enough = |heard: &[Received]| {
        let count = |kind| heard.iter().filter(|one| is(one, kind)).count();
        count("campaign.completed") >= 1
            && count("recipient.completed") >= 3
            && count("campaign.cancelled") >= 1
            && count("session.ended") >= 2
    };
    let heard = receiver.wait_for(enough, PATIENCE).await;
    for one in &heard {
        let body = one.json();
        let event = text(&body["type"]).parse().expect("an event of the catalogue");
        assert_eq!(ringfleet_core::catalogue::check_data(event, &body["data"]), Ok(()), "{body}");
    }
    // What belongs to one thing can be put in order, however it arrived.
    let sequence = |kind: &str, of: &str| {
        let found = heard
            .iter()
            .map(Received::json)
            .find(|body| body["type"] == kind && body["data"]["campaignId"] == of);
        number(&found.unwrap_or_else(|| panic!("no {kind}"))["sequence"])
    };
    assert!(sequence("campaign.created", &campaign.id) < sequence("campaign.started", &campaign.id));
    assert!(sequence("campaign.started", &campaign.id) < sequence("campaign.completed", &campaign.id));
    assert!(sequence("session.started", &campaign.id) < sequence("session.ended", &campaign.id));
    assert!(sequence("campaign.created", &cancelled.id) < sequence("campaign.cancelled", &cancelled.id));
}

on_both_pairs!(who_listens_is_told_which_version_of_an_agent_is_live, follows_an_agent);

async fn follows_an_agent(pair: Pair) {
    let (system, receiver) = (pair.start(&[]).await, Receiver::start().await);
    let operator = Operator::new(&system.api);
    let events = ["agent.published", "agent.rolled_back"];
    let (_, secret) = operator.endpoint(json!({"url": receiver.url("/hook"), "events": events})).await;
    let agent = operator.post("/agents", json!({"name": "Asha"})).await;
    let path = format!("/agents/{}", text(&agent["id"]));
    operator.change(Method::PATCH, &path, json!({"prompt": "Be brief."})).await.expect("a draft");
    operator.post(&format!("{path}/publish"), json!({})).await;
    operator.post(&format!("{path}/rollback"), json!({})).await;
    let mut heard = receiver.wait_for(|heard| heard.len() >= 3, PATIENCE).await;
    assert!(heard.iter().all(|one| fits(&secret, one)));
    heard.sort_by_key(|one| number(&one.json()["sequence"]));
    let seen: Vec<_> = heard
        .iter()
        .map(Received::json)
        .map(|body| (text(&body["type"]).to_owned(), text(&body["data"]["version"]).to_owned()))
        .collect();
    let expected = [("agent.published", "v1"), ("agent.published", "v2"), ("agent.rolled_back", "v1")];
    assert_eq!(seen, expected.map(|(event, version)| (event.to_owned(), version.to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_inside_unless_the_operator_allows_it() {
    let pair = Pair::embedded();
    let receiver = Receiver::start().await;
    {
        let system = pair.start(&[("RINGFLEET_WEBHOOKS__ALLOW", "[]")]).await;
        let operator = Operator::new(&system.api);
        let refused = operator.change(Method::POST, "/webhooks", json!({"url": receiver.url("/hook")})).await;
        let refused = refused.unwrap_err();
        assert!(refused.contains("loopback") && refused.contains("webhooks.allow"), "{refused}");
        system.server.terminate();
        system.server.wait_exit(PATIENCE).await;
    }
    // One that was allowed when it was made, and is not any more.
    let endpoint = {
        let system = pair.start(&[]).await;
        let made = Operator::new(&system.api).endpoint(json!({"url": receiver.url("/hook")})).await.0;
        system.server.terminate();
        system.server.wait_exit(PATIENCE).await;
        made
    };
    let env = [("RINGFLEET_WEBHOOKS__ALLOW", "[]"), ("RINGFLEET_WEBHOOKS__RETRY_DELAYS", "[]")];
    let system = pair.start(&env).await;
    let operator = Operator::new(&system.api);
    operator.post(&format!("{endpoint}/test"), json!({"event": "session.ended"})).await;
    let dead = operator.newest(&endpoint, "DEAD").await;
    assert!(text(&dead["lastError"]).contains("where no requests go"), "{dead}");
    assert!(receiver.received().is_empty());
}
