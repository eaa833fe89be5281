//! `ETag`, `If-Match` and `If-None-Match`.

use axum::{body::Body, http::header};
use serde_json::{Value, json};

use crate::support::{Answer, World, request};

impl World {
    async fn send_with(&self, name: &str, value: &str, method: &str, path: &str, body: Value) -> Answer {
        let request = request(method, path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.admin))
            .header(header::CONTENT_TYPE, "application/json")
            .header(name, value);
        let body = if body.is_null() { Body::empty() } else { body.to_string().into() };
        self.send(request.body(body).unwrap()).await
    }
}

fn tag(answer: &Answer) -> String {
    answer.headers[header::ETAG].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_change_of_what_has_changed_is_refused() {
    let world = World::new().await;
    let campaign = format!("/campaigns/{}", world.campaign().await);
    let rules = json!({"caps": {"maxPer24h": 2}});
    let webhook = json!({"url": "https://crm.example/hook"});
    let webhook = format!("/webhooks/{}", world.post("/webhooks", webhook).await.expect(201).id());
    let lead = world.post("/leads", json!({"number": "+919876543211"})).await.expect(201).id();
    let lead = format!("/leads/{lead}");
    for (method, path, first, second) in [
        ("PATCH", campaign.as_str(), json!({"weight": 2}), json!({"weight": 3})),
        ("PUT", "/workspace/rules", rules, json!({"caps": {"maxPer24h": 3}})),
        ("PATCH", &webhook, json!({"name": "crm"}), json!({"name": "erp"})),
        ("PATCH", &lead, json!({"email": "asha@example.com"}), json!({"email": null})),
    ] {
        let before = tag(&world.get(path).await.expect(200));
        let changed = world.send_with("if-match", &before, method, path, first).await.expect(200);
        let after = tag(&changed);
        assert_ne!(before, after);
        assert_eq!(tag(&world.get(path).await), after, "what is answered is what is shown");
        let stale = world.send_with("if-match", &before, method, path, second.clone()).await;
        assert_eq!(stale.refusal(412), "PRECONDITION_FAILED");
        assert_eq!(tag(&world.get(path).await), after, "nothing was changed");
        let weak = format!("W/{after}");
        assert_eq!(world.send_with("if-match", &weak, method, path, second.clone()).await.status, 412);
        world.send_with("if-match", "*", method, path, second.clone()).await.expect(200);
        world.call(&world.admin, method, path, second).await.expect(200);
    }
    // Whatever changes it counts.
    let before = tag(&world.get(&campaign).await);
    world.post(&format!("{campaign}/recipients"), json!({"recipients": [{"to": "+919876543210"}]})).await;
    assert_eq!(tag(&world.get(&campaign).await), before, "its list is not part of it");
    world.post(&format!("{campaign}/start"), Value::Null).await.expect(200);
    assert_ne!(tag(&world.get(&campaign).await), before);
}

#[tokio::test]
async fn a_draft_is_made_of_the_agent_that_was_seen() {
    let world = World::new().await;
    let agent = json!({"name": "Ann", "prompt": "Be kind."});
    let agent = format!("/agents/{}", world.post("/agents", agent).await.expect(201).id());
    let before = tag(&world.get(&agent).await.expect(200));
    let edit = |seen: &str, prompt: &str| {
        let (seen, body) = (seen.to_owned(), json!({"prompt": prompt}));
        let (world, agent) = (&world, &agent);
        async move { world.send_with("if-match", &seen, "PATCH", agent, body).await }
    };
    edit(&before, "Be brief.").await.expect(200);
    assert_eq!(edit(&before, "Be loud.").await.refusal(412), "PRECONDITION_FAILED");
    let after = tag(&world.get(&agent).await.expect(200));
    assert_ne!(before, after);
    edit(&after, "Be both.").await.expect(200);
}

#[tokio::test]
async fn what_is_known_is_not_sent_again() {
    let world = World::new().await;
    let campaign = format!("/campaigns/{}", world.campaign().await);
    for path in [campaign.as_str(), "/workspace/rules"] {
        let known = tag(&world.get(path).await.expect(200));
        for seen in [known.clone(), format!("\"x\", W/{known}"), "*".into()] {
            let answer = world.send_with("if-none-match", &seen, "GET", path, Value::Null).await;
            assert_eq!(
                (answer.status.as_u16(), answer.text.as_str(), tag(&answer)),
                (304, "", known.clone())
            );
        }
        world.send_with("if-none-match", "\"x\"", "GET", path, Value::Null).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_change_the_same_at_once_one_wins() {
    let world = World::new().await;
    let campaign = format!("/campaigns/{}", world.campaign().await);
    let seen = tag(&world.get(&campaign).await.expect(200));
    let change = |n: u32| world.send_with("if-match", &seen, "PATCH", &campaign, json!({ "weight": n }));
    let answers = futures::future::join_all((2..10).map(change)).await;
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1);
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 412));
    assert_eq!(world.get(&campaign).await.data(), won[0].data());
}
