//! `Idempotency-Key`: a request is carried out once, however often it is sent.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use chrono::TimeDelta;
use ringfleet_core::{Actor, AuditId, Clock, Plan, UploadId, WorkspaceId};
use ringfleet_engine::{Asked, Claim, Claimed, Deed, EngineError, Handed, KeptAnswer, Receipt, Told, Whole};
use ringfleet_store::{Campaign, CampaignSettings, NewCampaign, RequestKey};
use serde_json::{Value, json};

use crate::support::{Answer, World, keys, request};

impl World {
    async fn once(&self, key: &str, method: &str, path: &str, body: Value) -> Answer {
        self.once_as(&self.admin, key, method, path, body).await
    }

    async fn once_as(&self, who: &str, key: &str, method: &str, path: &str, body: Value) -> Answer {
        let request = request(method, path)
            .header(header::AUTHORIZATION, format!("Bearer {who}"))
            .header("idempotency-key", key);
        let request: Request<Body> = match body {
            Value::Null => request.body(Body::empty()).unwrap(),
            body => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(body.to_string().into())
                .unwrap(),
        };
        self.send(request).await
    }

    async fn upload_once(&self, key: &str, path: &str, media: &str, body: impl Into<Body>) -> Answer {
        let request = request("POST", path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.admin))
            .header(header::CONTENT_TYPE, media)
            .header("idempotency-key", key);
        self.send(request.body(body.into()).unwrap()).await
    }

    async fn count(&self, path: &str) -> usize {
        self.get(path).await.expect(200).data().as_array().unwrap().len()
    }
}

#[track_caller]
fn assert_replay(first: &Answer, again: &Answer) {
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.headers[header::CONTENT_TYPE], first.headers[header::CONTENT_TYPE]);
    assert!(!first.headers.contains_key("idempotency-replayed"), "{first:?}");
    assert_eq!(again.headers["idempotency-replayed"], "true", "{again:?}");
}

#[tokio::test]
async fn every_change_is_made_once_and_answered_byte_for_byte() {
    let world = World::new().await;
    let things = world.things().await;
    let campaign = format!("/campaigns/{}", things.campaign);
    let recipient = format!("{campaign}/recipients/{}", things.recipient);
    let (agent, trunk) = (&things.agent, &things.trunk);
    let changes = [
        ("POST", "/agents".to_owned(), json!({"name": "Ravi"})),
        ("POST", "/trunks".into(), json!({"name": "Other", "kind": "simulated"})),
        ("POST", "/trunk-groups".into(), json!({"name": "Both", "members": [{"trunkId": trunk}]})),
        ("POST", "/campaigns".into(), json!({"name": "Winter", "agentId": agent, "trunkId": trunk})),
        ("PATCH", campaign.clone(), json!({"weight": 3})),
        ("POST", format!("{campaign}/recipients"), json!({"recipients": [{"to": "+919876543219"}]})),
        ("POST", format!("{recipient}/reschedule"), json!({"at": "2026-11-23T10:00:00Z"})),
        ("POST", format!("{campaign}/clone"), Value::Null),
        ("POST", format!("{campaign}/start"), Value::Null),
        ("POST", format!("{campaign}/pause"), json!({"inFlight": "hangup"})),
        ("POST", format!("{campaign}/cancel"), Value::Null),
        ("POST", format!("{campaign}/retry"), json!({"dispositions": ["CANCELLED"]})),
        ("POST", "/sessions".into(), json!({"agentId": agent, "trunkId": trunk, "to": "+14155550101"})),
        ("POST", "/suppressions".into(), json!({"number": "+919876543218"})),
        ("DELETE", format!("/suppressions/{}", things.suppression), Value::Null),
        ("POST", "/webhooks".into(), json!({"url": "https://example.com/other"})),
        ("DELETE", format!("/webhooks/{}", things.webhook), Value::Null),
        ("PUT", "/workspace/rules".into(), json!({"caps": {"maxPer24h": 2}})),
    ];
    let mut first = Vec::new();
    for (i, (method, path, body)) in changes.iter().enumerate() {
        world.tick();
        first.push(world.once(&format!("key {i}"), method, path, body.clone()).await.expect_success());
    }
    let lists =
        ["/agents", "/trunks", "/trunk-groups", "/campaigns", "/sessions", "/suppressions", "/webhooks"];
    let mut counts = Vec::new();
    for path in lists {
        counts.push(world.count(path).await);
    }
    let changes_made = world.count("/audit-log?limit=100").await;
    let restarted = world.restarted().await;
    for (i, (method, path, body)) in changes.iter().enumerate() {
        world.tick();
        let again = restarted.once(&format!("key {i}"), method, path, body.clone()).await;
        assert_replay(&first[i], &again);
    }
    for (path, count) in lists.iter().zip(counts) {
        assert_eq!(world.count(path).await, count, "{path}");
    }
    assert_eq!(world.count("/audit-log?limit=100").await, changes_made);
}

#[tokio::test]
async fn an_upload_is_made_once_in_whichever_form_it_comes() {
    let world = World::new().await;
    let things = world.things().await;
    let imports = format!("/campaigns/{}/recipients/import", things.campaign);
    for (path, changed) in
        [(imports.as_str(), "recipients.import"), ("/suppressions/import", "suppression.import")]
    {
        let list = "to\n+919876543230\n+919876543231\n";
        let form = |boundary: &str, list: &str| {
            format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n{list}\r\n--{boundary}--\r\n"
            )
        };
        let key = format!("list {path}");
        let first = world.upload_once(&key, path, "text/csv", list).await.expect(200);
        assert_replay(&first, &world.upload_once(&key, path, "text/csv", list).await);
        for boundary in ["one", "two"] {
            let media = format!("multipart/form-data; boundary={boundary}");
            assert_replay(&first, &world.upload_once(&key, path, &media, form(boundary, list)).await);
        }
        let other = world.upload_once(&key, path, "text/csv", "to\n+919876543230\n").await;
        assert_eq!(other.refusal(422), "IDEMPOTENCY_KEY_REUSED");
        let column = format!("{path}?column=to");
        let other = world.upload_once(&key, &column, "text/csv", list).await;
        assert_eq!(other.refusal(422), "IDEMPOTENCY_KEY_REUSED");
        assert_eq!(world.count(&format!("/audit-log?limit=100&action={changed}")).await, first_changes(path));
    }
}

#[tokio::test]
async fn an_upload_that_was_refused_is_kept_only_when_all_of_it_was_seen() {
    let world = World::new().await;
    let campaign = world.campaign().await;
    let path = format!("/campaigns/{campaign}/recipients/import");
    let parts =
        |parts: Vec<Result<&'static str, std::io::Error>>| Body::from_stream(futures::stream::iter(parts));
    let (head, tail) = ("to\n+919876543230\n", "+919876543231\n");
    let broken = || parts(vec![Ok(head), Err(std::io::Error::other("gone"))]);
    let whole = || parts(vec![Ok(head), Ok(tail)]);
    for (key, path) in [("list", path.as_str()), ("numbers", "/suppressions/import")] {
        let broke_off = world.upload_once(key, path, "text/csv", broken()).await;
        assert_eq!(broke_off.refusal(400), "BROKEN_UPLOAD", "{path}");
        let first = world.upload_once(key, path, "text/csv", whole()).await.expect(200);
        assert_replay(&first, &world.upload_once(key, path, "text/csv", whole()).await);
        assert_eq!(world.upload_once(key, path, "text/csv", broken()).await.refusal(400), "BROKEN_UPLOAD");
        let other = world.upload_once(key, path, "text/csv", parts(vec![Ok(head)])).await;
        assert_eq!(other.refusal(422), "IDEMPOTENCY_KEY_REUSED", "{path}");
    }
    // A form that is damaged before its file.
    let media = "multipart/form-data; boundary=XX";
    let damaged = world.upload_once("form", &path, media, "nonsense").await;
    assert_eq!(damaged.refusal(400), "BROKEN_UPLOAD");
    world.upload_once("form", &path, "text/csv", whole()).await.expect(200);
    // One that was refused before it was read.
    let running = format!("/campaigns/{campaign}/start");
    world.post(&running, Value::Null).await.expect(200);
    let refused = world.upload_once("early", &path, "text/csv", whole()).await;
    assert_eq!(
        (refused.status, world.upload_once("early", &path, "text/csv", whole()).await.status),
        (StatusCode::CONFLICT, StatusCode::CONFLICT)
    );
    world.post(&format!("/campaigns/{campaign}/pause"), Value::Null).await.expect(200);
    world.upload_once("early", &path, "text/csv", whole()).await.expect(200);
    // One that was refused when all of it had been read.
    let unknown = json!({"uploadId": UploadId::new(world.clock.now())}).to_string();
    let refused = world.upload_once("late", &path, "application/json", unknown.clone()).await;
    assert_replay(&refused, &world.upload_once("late", &path, "application/json", unknown).await);
    assert_eq!(refused.refusal(404), "NOT_FOUND");
    let other = world.upload_once("late", &path, "text/csv", whole()).await;
    assert_eq!(other.refusal(422), "IDEMPOTENCY_KEY_REUSED");
}

/// How many uploads of this kind have been carried out: `things` makes an import.
fn first_changes(path: &str) -> usize {
    if path.starts_with("/campaigns") { 2 } else { 1 }
}

#[tokio::test]
async fn a_key_belongs_to_one_request_of_one_workspace() {
    let world = World::new().await;
    let body = json!({"name": "Asha"});
    let first = world.once("k", "POST", "/agents", body.clone()).await.expect(201);
    for (path, body) in
        [("/agents", json!({"name": "Ravi"})), ("/agents?", body.clone()), ("/trunks", body.clone())]
    {
        assert_eq!(
            world.once("k", "POST", path, body).await.refusal(422),
            "IDEMPOTENCY_KEY_REUSED",
            "{path}"
        );
    }
    let theirs = world.once_as(&world.stranger, "k", "POST", "/agents", body.clone()).await.expect(201);
    assert_ne!(theirs.id(), first.id());
    // Whoever may not make it does not see what it came to.
    assert_eq!(
        world.once_as("rfk_x", "k", "POST", "/agents", body.clone()).await.refusal(401),
        "UNAUTHORIZED"
    );
    assert_replay(&first, &world.once_as(&world.developer, "k", "POST", "/agents", body.clone()).await);
    world.clock.advance(Duration::from_secs(24 * 3600 + 1));
    let next_day = world.once("k", "POST", "/agents", body.clone()).await.expect(201);
    assert_ne!(next_day.id(), first.id(), "a day later it is another request");
    assert_eq!(world.engine.forget_requests().await.unwrap(), 1, "theirs");
    assert_replay(&next_day, &world.once("k", "POST", "/agents", body).await);
    let trunk = json!({"name": "Line", "kind": "simulated"});
    world.once("t", "POST", "/trunks", trunk.clone()).await.expect(201);
    assert_eq!(world.once_as(&world.member, "t", "POST", "/trunks", trunk).await.refusal(403), "FORBIDDEN");
}

#[tokio::test]
async fn an_answer_with_a_secret_is_sealed_and_without_its_key_refused() {
    let world = World::new().await;
    let body = json!({"url": "https://example.com/hook"});
    let first = world.once("k", "POST", "/webhooks", body.clone()).await.expect(201);
    let secret = first.data()["signingSecret"].as_str().unwrap().to_owned();
    let mut tx = world.engine.store().read().await.unwrap();
    let kept = tx.request_key(world.workspace().await, "k", 0).await.unwrap().unwrap().answer.unwrap();
    drop(tx);
    assert!(!String::from_utf8_lossy(&kept).contains(&secret));
    let webhooks = world.count("/webhooks").await;
    let stranger = world.restarted_with(keys(8)).await;
    let again = stranger.once("k", "POST", "/webhooks", body.clone()).await;
    assert_eq!(again.refusal(409), "IDEMPOTENCY_UNREADABLE");
    let other = stranger.once("k", "POST", "/agents", json!({"name": "Ravi"})).await;
    assert_eq!(other.refusal(422), "IDEMPOTENCY_KEY_REUSED", "that can be told without the answer");
    assert_eq!(world.count("/webhooks").await, webhooks, "it is not carried out again");
    assert_replay(&first, &world.once("k", "POST", "/webhooks", body).await);
}

#[tokio::test]
async fn unusable_keys_are_named() {
    let world = World::new().await;
    for key in ["".to_owned(), "x".repeat(256), "tab\tin it".into(), "grün".into()] {
        assert_eq!(
            world.once(&key, "POST", "/agents", json!({"name": "A"})).await.field(),
            "Idempotency-Key"
        );
    }
    let twice = request("POST", "/agents")
        .header(header::AUTHORIZATION, format!("Bearer {}", world.admin))
        .header("idempotency-key", "a")
        .header("idempotency-key", "b")
        .body(Body::empty());
    assert_eq!(world.send(twice.unwrap()).await.field(), "Idempotency-Key");
    world.once(&"x".repeat(255), "POST", "/agents", json!({"name": "A"})).await.expect(201);
    world.once("", "GET", "/agents", Value::Null).await.expect(200); // what only looks needs none
}

#[tokio::test]
async fn refusals_are_kept_unless_they_may_pass() {
    let world = World::new().await;
    let campaign = world.campaign().await;
    let start = format!("/campaigns/{campaign}/start");
    let refused = world.once("start", "POST", &start, Value::Null).await;
    let to = json!({"recipients": [{"to": "+919876543210"}]});
    world.post(&format!("/campaigns/{campaign}/recipients"), to).await.expect(200);
    assert_replay(&refused, &world.once("start", "POST", &start, Value::Null).await);
    assert_eq!(refused.refusal(409), "NO_RECIPIENTS");
    let wrong = world.once("wrong", "POST", "/agents", json!({"nam": "x"})).await;
    assert_replay(&wrong, &world.once("wrong", "POST", "/agents", json!({"nam": "x"})).await);
    assert_eq!(wrong.field(), "nam");
    let body = json!({"name": "Line", "kind": "simulated"});
    let refused = world.once_as(&world.member, "role", "POST", "/trunks", body.clone()).await;
    assert_eq!(refused.refusal(403), "FORBIDDEN");
    world.once("role", "POST", "/trunks", body).await.expect(201);
    world.once("start again", "POST", &start, Value::Null).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_are_carried_out_once() {
    let world = World::new().await;
    let things = world.things().await;
    let start = format!("/campaigns/{}/start", things.campaign);
    let once = || world.once("start", "POST", &start, Value::Null);
    let answers = futures::future::join_all((0..8).map(|_| once())).await;
    let replayed = answers.iter().filter(|a| a.headers.contains_key("idempotency-replayed")).count();
    assert_eq!(replayed, 7);
    for answer in &answers {
        assert_eq!((answer.status.as_u16(), &answer.text), (200, &answers[0].text));
    }
    assert_eq!(world.count("/audit-log?action=campaign.start").await, 1);
}

fn asked(body: u8) -> Asked {
    Asked { target: [1; 32], whole: Whole::Known([body; 32]) }
}

/// A receipt of a campaign made under this claim.
fn receipt(world: &World, workspace: WorkspaceId, claim: Arc<Claim>) -> Receipt<Campaign> {
    let deed = Deed { workspace, actor: Actor::system(), action: "campaign.create", request_id: None };
    let tell = |campaign: &Campaign| {
        let body = campaign.id.to_string().into_bytes();
        let answer = KeptAnswer { status: 201, headers: Vec::new(), body };
        Ok(Told { answer: Some(answer), target: Some(campaign.id.into()), detail: json!({}) })
    };
    Receipt::new(AuditId::new(world.engine.clock().now()), deed, Some(claim), Handed::default(), tell)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_claim_was_taken_over_changes_nothing() {
    let world = World::new().await;
    let things = world.things().await;
    let workspace = world.workspace().await;
    let new = || NewCampaign {
        agent_id: things.agent.parse().unwrap(),
        trunk_id: things.trunk.parse().unwrap(),
        trunk_group_id: None,
        settings: CampaignSettings::new("Twice", Plan::voice(1)),
    };
    let claim = async || match world.engine.claim_request(workspace, "k", asked(1), Duration::ZERO).await {
        Ok(Claimed::Mine(claim)) => Some(claim),
        Ok(Claimed::Busy) => None,
        other => panic!("{}", other.err().map_or_else(String::new, |error| error.to_string())),
    };
    let slow = claim().await.expect("nobody has it");
    assert!(claim().await.is_none(), "it is being carried out");
    // It is frozen for so long that its claim runs out, and another takes over.
    let now = world.engine.clock().now();
    let other = RequestKey { workspace, key: "k".into(), token: AuditId::new(now).uuid() };
    let mut tx = world.engine.store().write().await.unwrap();
    let long_ago = now - TimeDelta::days(1);
    assert!(tx.claim_request_key(&other, &[1; 32], Some(&[1; 32]), -1_000, long_ago, now).await.unwrap());
    tx.commit().await.unwrap();
    let before = (world.count("/campaigns").await, world.count("/audit-log").await);
    let lost = world.engine.create_campaign(workspace, new(), receipt(&world, workspace, slow.clone())).await;
    assert!(matches!(lost, Err(EngineError::ClaimLost)), "{lost:?}");
    assert_eq!((world.count("/campaigns").await, world.count("/audit-log").await), before);
    assert!(slow.is_lost());
    // Letting go of what is not its own any more gives nothing back.
    drop(slow);
    tokio::task::yield_now().await;
    assert!(claim().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_comes_to_nothing_gives_its_key_back() {
    let world = World::new().await;
    let workspace = world.workspace().await;
    let engine = &world.engine;
    let claim =
        |body, patience| engine.claim_request(workspace, "k", asked(body), Duration::from_secs(patience));
    let Ok(Claimed::Mine(first)) = claim(1, 0).await else { panic!("nobody has it") };
    assert!(matches!(claim(2, 0).await, Ok(Claimed::Differs)), "also while it is being carried out");
    let twin = claim(1, 20);
    drop(first);
    assert!(matches!(twin.await, Ok(Claimed::Mine(_))), "its twin carries it out");
}
