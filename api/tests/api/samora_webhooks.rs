//! Webhooks of Samora's dialect: names, limits, secrets, and what the native API makes of them.

use std::time::Duration;

use ringfleet_api::ApiSettings;
use ringfleet_core::{Outcome, WebhookId, delivery::DeliveryState, net::Guard};
use ringfleet_store::{DeliveryFilter, Page};
use serde_json::{Value, json};

use crate::{
    samora::{names, uuid},
    support::World,
};

const PATH: &str = "/v2/webhooks";

fn body(agent: &str) -> Value {
    json!({
        "agent_id": agent,
        "name": "CRM",
        "url": "https://example.com/hook",
        "events": ["CALL_FAILED", "CALL_STARTED", "CALL_FAILED"],
        "data_options": {"include_transcript": true},
        "custom_headers": {"Authorization": "Bearer sesame"},
    })
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

impl World {
    /// Makes a webhook; gives its path and what was answered.
    pub async fn samora_webhook(&self, body: Value) -> (String, Value) {
        let made = self.ask("POST", PATH, body).await.good(201)["data"].clone();
        (format!("{PATH}/{}", made["id"].as_str().unwrap()), made)
    }

    /// An answer that has data and no message.
    async fn plain(&self, key: &str, path: &str) -> Value {
        let answer = self.samora(key, "GET", path, Value::Null).await;
        assert_eq!((answer.status.as_u16(), names(&answer.body)), (200, vec!["data"]), "{}", answer.text);
        answer.body["data"].clone()
    }
}

const SHOWN: [&str; 10] = [
    "agent_id",
    "created_at",
    "custom_headers",
    "data_options",
    "events",
    "id",
    "is_active",
    "name",
    "updated_at",
    "url",
];

#[tokio::test]
async fn a_webhook_lives() {
    let world = World::new().await;
    let agent = uuid(&world.agent().await);
    let (path, made) = world.samora_webhook(body(&agent)).await;
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"), "{secret}");
    assert_eq!(made["events"], json!(["CALL_STARTED", "CALL_FAILED"]), "each once, in one order");
    assert_eq!(made["data_options"], json!({"include_transcript": true, "include_recording_url": false}));
    assert_eq!((&made["is_active"], &made["agent_id"]), (&json!(true), &json!(agent)));
    let shown = world.ask("GET", &path, Value::Null).await.good(200)["data"].clone();
    assert_eq!(names(&shown), SHOWN, "without its secret");
    let mut expected = made.clone();
    expected.as_object_mut().unwrap().remove("secret");
    assert_eq!(shown, expected);

    world.tick();
    let edit = async |changes: Value| world.ask("PUT", &path, changes).await.good(200)["data"].clone();
    let edited = edit(json!({"name": "ERP", "events": ["CALL_FINISHED"]})).await;
    assert_eq!(names(&edited), SHOWN);
    let expected = with(with(shown, "name", json!("ERP")), "events", json!(["CALL_FINISHED"]));
    let expected = with(expected, "updated_at", edited["updated_at"].clone());
    assert_eq!(edited, expected, "what is absent stays");
    assert_ne!(edited["updated_at"], edited["created_at"]);
    let edited = edit(json!({"data_options": {"include_recording_url": true}, "custom_headers": {}})).await;
    assert_eq!(edited["data_options"], json!({"include_transcript": false, "include_recording_url": true}));
    assert_eq!(edited["custom_headers"], json!({}));
    let off = edit(json!({"is_active": false, "url": "https://example.com/two"})).await;
    assert_eq!((&off["is_active"], &off["url"]), (&json!(false), &json!("https://example.com/two")));
    assert_eq!(edit(json!({})).await["name"], "ERP");

    let removed = world.ask("DELETE", &path, Value::Null).await.good(200);
    assert_eq!(removed["data"], json!({"id": made["id"]}));
    for (method, changes) in [("GET", Value::Null), ("PUT", json!({"name": "x"})), ("DELETE", Value::Null)] {
        world.ask(method, &path, changes).await.bad(404);
    }
}

#[tokio::test]
async fn lists_have_no_pages_and_no_secrets() {
    let world = World::new().await;
    let (first, second) = (uuid(&world.agent().await), uuid(&world.agent().await));
    world.samora_webhook(body(&first)).await;
    world.tick();
    world.samora_webhook(with(body(&second), "name", json!("Second"))).await;
    world.post("/webhooks", json!({"url": "https://example.com/ours"})).await.expect(201);
    let list = async |query: &str| world.plain(&world.admin, &format!("{PATH}{query}")).await;
    let all = list("").await;
    assert_eq!(names(&all), ["total_count", "webhooks"]);
    assert_eq!((&all["total_count"], &all["webhooks"][0]["name"]), (&json!(2), &json!("Second")));
    assert_eq!(names(&all["webhooks"][1]), SHOWN);
    let of_first = list(&format!("?agent_id={first}")).await;
    assert_eq!((&of_first["total_count"], &of_first["webhooks"][0]), (&json!(1), &all["webhooks"][1]));
    world.ask("GET", &format!("{PATH}?agent_id=x"), Value::Null).await.bad(400);
    world.ask("GET", &format!("{PATH}?page=1"), Value::Null).await.bad(400);
    world.samora(&world.stranger, "GET", &format!("{PATH}?agent_id={first}"), Value::Null).await.bad(404);
    assert_eq!(
        world.plain(&world.stranger, PATH).await,
        json!({"webhooks": [], "total_count": 0}),
        "another organization's are none of its business"
    );

    let catalogue = world.plain(&world.member, &format!("{PATH}/events")).await;
    let events = catalogue["events"].as_array().unwrap();
    let told = events.iter().map(|event| {
        assert_eq!(names(event), ["available_data_options", "description", "display_name", "event_type"]);
        (event["event_type"].as_str().unwrap(), event["available_data_options"].clone())
    });
    let expected = [
        ("CALL_STARTED", json!([])),
        ("CALL_FINISHED", json!(["include_transcript", "include_recording_url"])),
        ("CALL_FAILED", json!([])),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let world = World::new().await;
    let agent = uuid(&world.agent().await);
    let (path, _) = world.samora_webhook(body(&agent)).await;
    let changes = [
        ("name", json!(""), "name"),
        ("name", json!("x".repeat(256)), "name"),
        ("name", Value::Null, "name"),
        ("url", json!("http://example.com/hook"), "url: must begin with https://"),
        ("url", json!("https://127.0.0.1/hook"), "url: the host is a loopback address"),
        ("url", json!("example.com"), "url"),
        ("events", json!([]), "events: name at least one of"),
        ("events", json!(["CALL_ENDED"]), "events[0]"),
        ("events", json!("CALL_FAILED"), "events"),
        ("data_options", json!({"include_transcript": "yes"}), "data_options.include_transcript"),
        ("data_options", json!({"include_summary": true}), "data_options.include_summary"),
        ("data_options", json!([true, false]), "data_options"),
        ("custom_headers", json!([]), "custom_headers"),
        ("custom_headers", json!({"X-A": 1}), "custom_headers"),
        ("custom_headers", json!({"Host": "x"}), "custom_headers.Host"),
        ("secret", json!("whsec_x"), "secret"),
    ];
    for (name, value, says) in &changes {
        let message = world.ask("POST", PATH, with(body(&agent), name, value.clone())).await.bad(400);
        assert!(message.contains(says), "{message}");
        let message = world.ask("PUT", &path, json!({(*name): value})).await.bad(400);
        assert!(message.contains(says), "{message}");
    }
    for missing in ["agent_id", "name", "url", "events"] {
        let mut body = body(&agent);
        body.as_object_mut().unwrap().remove(missing);
        let message = world.ask("POST", PATH, body).await.bad(400);
        assert_eq!(message, format!("{missing}: is missing"));
    }
    world.ask("POST", PATH, with(body(&agent), "name", json!("x".repeat(255)))).await.good(201);
    world.ask("POST", PATH, with(body(&agent), "agent_id", json!("nobody"))).await.bad(400);
    world.ask("PUT", &path, json!({"agent_id": agent})).await.bad(400);
    let nobody = json!("01890a5d-ac96-774b-bcce-b302099a8057");
    world.ask("POST", PATH, with(body(&agent), "agent_id", nobody)).await.bad(404);
    world.samora(&world.stranger, "POST", PATH, body(&agent)).await.bad(404);
    world.ask("GET", &format!("{PATH}/x"), Value::Null).await.bad(400);
    world.ask("PATCH", &path, json!({})).await.bad(405);
    // Nobody else gets at it.
    for (method, changes) in [("GET", Value::Null), ("PUT", json!({"name": "x"})), ("DELETE", Value::Null)] {
        world.samora(&world.stranger, method, &path, changes).await.bad(404);
    }
    world.samora(&world.member, "POST", PATH, body(&agent)).await.bad(403);
    world.samora(&world.member, "PUT", &path, json!({"name": "x"})).await.bad(403);
    world.samora(&world.member, "DELETE", &path, Value::Null).await.bad(403);
    world.samora("rfk_wrong", "GET", &path, Value::Null).await.bad(401);
    let kept = world.ask("GET", &path, Value::Null).await.good(200);
    assert_eq!(kept["data"]["name"], "CRM", "nothing of all that changed it");
}

#[tokio::test]
async fn plain_http_goes_only_where_the_operator_says() {
    let guard = Guard::allowing(vec!["127.0.0.0/8".parse().unwrap()]);
    let world = World::with(|settings| ApiSettings { guard, ..settings }).await;
    let agent = uuid(&world.agent().await);
    let url = |url: &str| with(body(&agent), "url", json!(url));
    world.ask("POST", PATH, url("http://127.0.0.1:8080/hook")).await.good(201);
    world.ask("POST", PATH, url("http://1.1.1.1/hook")).await.bad(400);
}

#[tokio::test]
async fn values_of_headers_are_shown_to_whoever_may_change_them() {
    let world = World::new().await;
    let (path, made) = world.samora_webhook(body(&uuid(&world.agent().await))).await;
    assert_eq!(made["custom_headers"], json!({"Authorization": "Bearer sesame"}));
    let shown = async |key: &str| {
        let one = world.samora(key, "GET", &path, Value::Null).await.good(200)["data"].clone();
        assert_eq!(world.plain(key, PATH).await["webhooks"][0], one);
        one["custom_headers"].clone()
    };
    assert_eq!(shown(&world.developer).await, made["custom_headers"]);
    assert_eq!(shown(&world.member).await, json!({"Authorization": "***"}));
    world.ask("PUT", &path, json!({"custom_headers": {"Authorization": "Bearer olive"}})).await.good(200);
    let log = world.get("/audit-log").await.expect(200).text;
    assert!(log.contains("webhook.create") && log.contains("webhook.edit"), "{log}");
    assert!(!log.contains("sesame") && !log.contains("olive") && !log.contains("whsec_"), "{log}");
}

#[tokio::test]
async fn a_request_that_is_repeated_is_carried_out_once() {
    let world = World::new().await;
    let body = body(&uuid(&world.agent().await));
    let once = async |body: &Value| {
        let request = axum::http::Request::post(PATH).header("X-API-Key", &world.admin);
        let request = request.header("Content-Type", "application/json").header("Idempotency-Key", "k");
        world.send(request.body(body.to_string().into()).unwrap()).await
    };
    let (first, again) = (once(&body).await.good(201), once(&body).await.good(201));
    assert_eq!(first, again, "the same secret too");
    assert_eq!(world.plain(&world.admin, PATH).await["total_count"], 1);
    once(&with(body, "name", json!("other"))).await.bad(400);
}

#[tokio::test]
async fn the_native_api_shows_it_and_breaks_nothing() {
    let world = World::new().await;
    let agent = world.agent().await;
    let (path, made) = world.samora_webhook(body(&uuid(&agent))).await;
    let native = world.get("/webhooks").await.expect(200).data()[0].clone();
    let samora = json!({"events": ["CALL_STARTED", "CALL_FAILED"], "includeTranscript": true, "includeRecordingUrl": false});
    assert_eq!(
        (&native["format"], &native["samora"], &native["events"]),
        (&json!("samora"), &samora, &json!([]))
    );
    assert_eq!((&native["agentId"], &native["customHeaders"]), (&json!(agent), &json!(["Authorization"])));
    let at = format!("/webhooks/{}", native["id"].as_str().unwrap());
    let patch = async |changes: Value| world.call(&world.admin, "PATCH", &at, changes).await;
    for (name, changes) in [
        ("events", json!({"events": ["session.ended"]})),
        ("name", json!({"name": null})),
        ("agentId", json!({"agentId": null})),
    ] {
        assert_eq!(patch(changes).await.field(), name);
    }
    let changes =
        json!({"name": "ERP", "description": "d", "style": "saaya", "maxPerSecond": 5, "isActive": false});
    let patched = patch(changes).await.expect(200).data().clone();
    assert_eq!(patched["samora"], samora);
    let shown = world.ask("GET", &path, Value::Null).await.good(200)["data"].clone();
    assert_eq!((&shown["name"], &shown["is_active"]), (&json!("ERP"), &json!(false)));
    assert_eq!((&shown["events"], &shown["data_options"]), (&made["events"], &made["data_options"]));
    assert_eq!(shown["custom_headers"], made["custom_headers"]);
    // And the other way round: what this dialect does not know stays.
    world.ask("PUT", &path, json!({"is_active": true, "events": ["CALL_FINISHED"]})).await.good(200);
    let native = world.get(&at).await.expect(200).data().clone();
    let kept = ["description", "style", "maxPerSecond", "customHeaders"].map(|name| native[name].clone());
    assert_eq!(kept, [json!("d"), json!("saaya"), json!(5), json!(["Authorization"])]);
    assert_eq!((&native["isActive"], &native["samora"]["events"]), (&json!(true), &json!(["CALL_FINISHED"])));

    let rotated = world.post(&format!("{at}/rotate-secret"), Value::Null).await.expect(200);
    assert_ne!(rotated.data()["signingSecret"], made["secret"]);
    assert_eq!(
        world.post(&format!("{at}/test"), json!({"event": "session.ended"})).await.refusal(409),
        "NO_SAMPLE"
    );
    // One with Ringfleet's bodies is none here.
    let ours = world.post("/webhooks", json!({"url": "https://example.com/ours"})).await.id();
    let ours_here = format!("{PATH}/{ours}");
    for (method, changes) in [("GET", Value::Null), ("PUT", json!({"name": "x"})), ("DELETE", Value::Null)] {
        world.ask(method, &ours_here, changes).await.bad(404);
    }
    assert_eq!(world.get(&format!("/webhooks/{ours}")).await.data()["samora"], Value::Null);
    world.call(&world.admin, "DELETE", &at, Value::Null).await.expect(200);
    world.ask("GET", &path, Value::Null).await.bad(404);
}

impl World {
    /// The bodies that are on their way to a webhook, in the order in which they were written, to the millisecond; they are sent with this.
    pub async fn posted(&self, webhook: &Value) -> Vec<Value> {
        let id: WebhookId = webhook["id"].as_str().unwrap().parse().unwrap();
        let now = self.engine.clock().now();
        let mut tx = self.engine.store().write().await.unwrap();
        let on_their_way = DeliveryFilter { state: Some(DeliveryState::Pending), ..Default::default() };
        let found = tx.deliveries(id, on_their_way, Page::first(100)).await.unwrap();
        let ids: Vec<_> = found.iter().map(|delivery| delivery.id.uuid()).collect();
        let mut letters = tx.begin_deliveries(&ids, now, now).await.unwrap();
        tx.commit().await.unwrap();
        letters.sort_by_key(|letter| letter.id);
        letters.iter().map(|letter| serde_json::from_str(&letter.body).unwrap()).collect()
    }
}

#[tokio::test]
async fn what_it_is_told_is_what_the_dialect_shows() {
    let world = World::new().await;
    let agent = world.bare_agent().await;
    let (_, all) =
        world.samora_webhook(with(body(&agent), "events", json!(["CALL_STARTED", "CALL_FAILED"]))).await;
    let (_, other) = world.samora_webhook(body(&uuid(&world.agent().await))).await;
    let campaign = world.samora_campaign(&agent, json!({})).await;
    let ids = world.fill(&campaign, &["+918000000001", "+918000000002"]).await;
    world.ask("POST", &format!("{campaign}/start"), Value::Null).await.good(200);
    // It ends at a machine: our word for it is none of Samora's.
    world.call_out(&ids[0], Outcome::Voicemail, Some(Duration::from_secs(5))).await;
    world.call_out(&ids[1], Outcome::Answered, Some(Duration::from_secs(5))).await;
    let mut told: Vec<_> = world
        .posted(&all)
        .await
        .iter()
        .map(|body| {
            assert_eq!((&body["webhook_id"], &body["data"]["agent_id"]), (&all["id"], &json!(agent)));
            let said = [&body["data"]["to_number"], &body["event"], &body["data"]["status"]];
            said.map(|said| said.as_str().unwrap().to_owned())
        })
        .collect();
    // Within a millisecond they are in no order.
    told.sort();
    let expected = [
        ["+918000000001", "CALL_FAILED", "UNANSWERED"],
        ["+918000000001", "CALL_STARTED", "TRIGGERED"],
        ["+918000000002", "CALL_STARTED", "TRIGGERED"],
    ];
    assert_eq!(told, expected, "and it has not asked for CALL_FINISHED");
    let shown = world.ask("GET", &format!("/v1/call/{}", ids[0]), Value::Null).await.good(200);
    assert_eq!(shown["data"]["status"], "UNANSWERED");
    assert_eq!(
        world.posted(&other).await,
        Vec::<Value>::new(),
        "other agents' calls are none of its business"
    );
}
