//! What a page hears that watches, and what it may ask for beside that.

use std::time::Duration;

use axum::{
    body::{Body, BodyDataStream},
    http::{StatusCode, header},
};
use futures::StreamExt;
use ringfleet_api::{ApiSettings, router};
use ringfleet_core::{Outcome, timeline::SAMPLE_SECONDS};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::{
    operate::{act, call_all, listed, over, ring, settle, wait},
    support::{World, request},
};

/// A look takes a second.
const SOON: Duration = Duration::from_secs(10);

/// A page that watches.
struct Page {
    body: BodyDataStream,
    read: String,
}

impl Page {
    async fn open(app: axum::Router, key: &str, query: &str) -> Self {
        let asked = request("GET", &format!("/live?{query}"))
            .header(header::AUTHORIZATION, format!("Bearer {key}"))
            .body(Body::empty());
        let answer = app.oneshot(asked.unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/event-stream");
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store", "numbers are in it");
        assert_eq!(answer.headers()["x-accel-buffering"], "no", "a proxy passes it on at once");
        Self { body: answer.into_body().into_data_stream(), read: String::new() }
    }

    /// The next event and what it holds; nothing at the end of the stream.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
                let found = field("event: ").map(str::to_owned).zip(field("data: "));
                let found = found.map(|(name, data)| (name, serde_json::from_str(data).unwrap()));
                self.read = rest.to_owned();
                match found {
                    Some(found) => return Some(found),
                    None => continue, // a comment
                }
            }
            let chunk = self.body.next().await?.unwrap();
            self.read.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn hears(&mut self, event: &str) -> Value {
        loop {
            let heard = timeout(SOON, self.next()).await.expect("something is told").expect("it goes on");
            if heard.0 == event {
                return heard.1;
            }
        }
    }

    /// Nothing is told while nothing changes.
    async fn hears_nothing(&mut self) {
        let heard = timeout(Duration::from_millis(2_500), self.next()).await;
        assert!(heard.is_err(), "{heard:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_workspace_does_not_take_the_places_of_the_others() {
    let world = World::new().await;
    let mut pages = Vec::new();
    for _ in 0..500 {
        pages.push(Page::open(world.app.clone(), &world.admin, "fleet=true").await);
    }
    assert_eq!(world.get("/live?fleet=true").await.refusal(503), "UNAVAILABLE");
    let _theirs = Page::open(world.app.clone(), &world.stranger, "fleet=true").await;
    pages.truncate(499);
    let _again = Page::open(world.app.clone(), &world.admin, "fleet=true").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_hears_what_is_so_and_then_what_has_changed() {
    let world = World::new().await;
    let path = listed(&world, 3, json!({})).await;
    let id = path.rsplit('/').next().unwrap();
    act(&world, &path, "start").await;
    let query = format!("campaign={id}&progress={id}&calls={id}");
    let mut page = Page::open(world.app.clone(), &world.member, &query).await;
    let stats = world.get(&format!("{path}/stats")).await.data().clone();
    let campaign = page.hears("campaign").await;
    assert_eq!((&campaign["campaignId"], &campaign["name"]), (&json!(id), &json!("Autumn")));
    assert_eq!((&campaign["status"], &campaign["point"]), (&json!("IN_PROGRESS"), &Value::Null));
    assert_eq!(campaign["stats"], stats);
    let nobody = json!([{"campaignId": id, "status": "IN_PROGRESS", "total": 3, "done": 0, "reached": 0,
        "ringing": 0, "talking": 0}]);
    assert_eq!(page.hears("progress").await, nobody);
    assert_eq!(page.hears("calls").await, json!({"total": 0, "items": []}));
    page.hears_nothing().await;

    let (worker, calls) = ring(&world, &path).await;
    let live = page.hears("calls").await;
    assert_eq!((&live["total"], live["items"].as_array().unwrap().len()), (&json!(3), 3));
    assert_eq!(world.get(&format!("/sessions/live?campaignId={id}")).await.data(), &live);
    settle(&world, &path, worker, calls[0], over(Outcome::Answered, "completed")).await;
    let done = async {
        loop {
            let progress = page.hears("progress").await;
            if progress[0]["done"] == 1 {
                return progress;
            }
        }
    };
    let progress = timeout(SOON, done).await.expect("it is told");
    assert_eq!((&progress[0]["reached"], &progress[0]["ringing"]), (&json!(1), &json!(2)));

    // A page that comes later, or comes back, has caught up with its first events.
    let mut late = Page::open(world.app.clone(), &world.admin, &query).await;
    assert_eq!(late.hears("campaign").await["stats"]["recipients"]["done"], 1);
    assert_eq!(late.hears("calls").await["total"], 2);
}

#[tokio::test]
async fn what_cannot_be_watched_is_refused_before_the_stream_begins() {
    let world = World::new().await;
    let things = world.things().await;
    let campaign = &things.campaign;
    assert_eq!(world.get("/live").await.field(), "campaign");
    let path = format!("/live?campaign={campaign}");
    assert_eq!(world.call(&world.stranger, "GET", &path, Value::Null).await.refusal(404), "NOT_FOUND");
    let fleet = world.call(&world.developer, "GET", "/live?fleet=true", Value::Null).await;
    assert_eq!(fleet.refusal(403), "FORBIDDEN");
    let many = vec![campaign.as_str(); 101].join(",");
    assert_eq!(world.get(&format!("/live?progress={many}")).await.field(), "progress");
    assert_eq!(world.get("/live?calls=some").await.field(), "calls");
    assert_eq!(world.get("/live?topic=all").await.field(), "topic");

    // Of lists, what is not there is left out: it may have gone meanwhile.
    let query = format!("progress={campaign}&uploads=upl_01m8dzhzj3fkdazzxpz30c65dq");
    let mut page = Page::open(world.app.clone(), &world.stranger, &query).await;
    assert_eq!(page.hears("progress").await, json!([]));
    assert_eq!(page.hears("uploads").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_key_and_with_its_server() {
    let world = World::new().await;
    let id = world.post("/api-keys", json!({"name": "page", "role": "member"})).await;
    let secret = id.data()["secret"].as_str().or(id.data()["key"].as_str()).unwrap().to_owned();
    let mut page = Page::open(world.app.clone(), &secret, "calls=true").await;
    page.hears("calls").await;
    world.call(&world.admin, "DELETE", &format!("/api-keys/{}", id.id()), Value::Null).await.expect(200);
    let ended = timeout(Duration::from_secs(25), page.next()).await.expect("it ends soon");
    assert_eq!(ended, None);

    let closing = CancellationToken::new();
    let settings = ApiSettings { closing: closing.clone(), ..ApiSettings::default() };
    let mut page = Page::open(router(world.engine.clone(), settings), &world.admin, "fleet=true").await;
    assert_eq!(page.hears("fleet").await["mode"], "alone");
    closing.cancel();
    assert_eq!(timeout(SOON, page.next()).await.expect("it ends at once"), None);
}

#[tokio::test]
async fn a_timeline_tells_what_happened_when() {
    let world = World::new().await;
    let path = listed(&world, 4, json!({})).await;
    let timeline =
        async |query: &str| world.get(&format!("{path}/timeline{query}")).await.expect(200).data().clone();
    assert_eq!(timeline("").await, json!({"stepSeconds": 5, "points": []}), "nothing has happened yet");
    act(&world, &path, "start").await;
    world.engine.take_samples().await.unwrap();
    world.engine.take_samples().await.unwrap(); // another scheduler
    let (worker, calls) = ring(&world, &path).await;
    wait(&world, SAMPLE_SECONDS as u64);
    world.engine.take_samples().await.unwrap();
    for call in calls {
        settle(&world, &path, worker, call, over(Outcome::Answered, "completed")).await;
    }
    wait(&world, SAMPLE_SECONDS as u64);
    world.engine.take_samples().await.unwrap();
    let shown = timeline("").await;
    let points = shown["points"].as_array().unwrap();
    let column = |name: &str| points.iter().map(|point| point[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("begun"), [0, 4, 0], "{shown}");
    assert_eq!(column("perSecond"), [0.0, 0.8, 0.0]);
    assert_eq!(column("ringing"), [0.0, 4.0, 0.0]);
    assert_eq!(column("ended"), [0, 0, 4]);
    assert_eq!(column("answered"), [0, 0, 4]);
    let whole = timeline("?points=1").await;
    let sum = |name: &str| {
        whole["points"].as_array().unwrap().iter().map(|p| p[name].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((sum("begun"), sum("answered")), (4, 4), "{whole}");
    assert_eq!(timeline("?until=2026-01-01T00:00:00Z&since=2025-12-31T00:00:00Z").await["points"], json!([]));
    let wrong = world.get(&format!("{path}/timeline?points=501")).await;
    assert_eq!(wrong.field(), "points");

    // After two days one sample a minute is left, after a quarter of a year none.
    wait(&world, 2 * 24 * 3_600);
    world.engine.forget_samples().await.unwrap();
    let left = timeline("").await["points"].as_array().unwrap().len();
    assert_eq!(left, 1, "the one of the full minute");
    wait(&world, 90 * 24 * 3_600);
    world.engine.forget_samples().await.unwrap();
    assert_eq!(timeline("").await["points"], json!([]));
}

#[tokio::test]
async fn a_campaign_is_tuned_while_it_calls() {
    let world = World::new().await;
    let path = listed(&world, 3, json!({})).await;
    act(&world, &path, "start").await;
    let patch = async |body: Value| world.call(&world.member, "PATCH", &path, body).await;
    let tuned = json!({"limits": {"callsPerSecond": 3, "maxLiveCalls": 2}, "weight": 2, "name": "Slowly",
        "caps": {"minGapMinutes": 600}});
    let shown = patch(tuned).await.expect(200).data().clone();
    assert_eq!((&shown["limits"]["maxLiveCalls"], &shown["status"]), (&json!(2), &json!("IN_PROGRESS")));
    for other in [
        json!({"ringTimeoutSeconds": 10}),
        json!({"schedule": {"window": "always", "timezone": "Asia/Kolkata"}}),
        json!({"limits": {"callsPerSecond": 4}, "channels": [{"channel": "voice", "attempts": 2}]}),
    ] {
        let refused = patch(other.clone()).await;
        assert_eq!(refused.refusal(409), "WRONG_STATE", "{other}");
    }
    assert_eq!(call_all(&world, &path, Outcome::Answered, "completed").await, 3);
}

#[tokio::test]
async fn whoever_asks_is_told_what_they_may() {
    let world = World::new().await;
    let me =
        async |shown: &str| world.call(shown, "GET", "/me", Value::Null).await.expect(200).data().clone();
    let admin = me(&world.admin).await;
    assert_eq!((&admin["kind"], &admin["role"]), (&json!("key"), &json!("admin")));
    assert_eq!((&admin["workspace"]["name"], &admin["superuser"]), (&json!("ours"), &json!(false)));
    let may = |me: &Value, what: &str| me["may"].as_array().unwrap().contains(&json!(what));
    assert!(may(&admin, "see the fleet") && may(&admin, "manage members"));
    assert!(!may(&admin, "run the fleet"), "no key runs the installation");
    let member = me(&world.member).await;
    assert!(may(&member, "run campaigns") && !may(&member, "edit trunks"), "{member}");
    let scoped = world.post("/api-keys", json!({"name": "reads", "role": "admin", "scopes": ["read"]})).await;
    let secret = scoped.data()["secret"].as_str().or(scoped.data()["key"].as_str()).unwrap();
    let scoped = me(secret).await;
    assert_eq!((&scoped["scopes"], &scoped["may"]), (&json!(["read"]), &json!(["read"])));
    let (_, user) = world.user("ana@x.de", Some(ringfleet_core::Role::Developer), true).await;
    let user = me(&user).await;
    assert_eq!((&user["name"], &user["superuser"]), (&json!("ana@x.de"), &json!(true)));
    assert!(may(&user, "run the fleet"));
}
