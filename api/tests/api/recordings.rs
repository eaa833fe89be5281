//! Recordings: told of, fetched, and forgotten.

use std::time::Duration;

use axum::http::{Request, StatusCode, header};
use ringfleet_core::{CallId, Outcome};
use serde_json::{Value, json};

use crate::support::World;

/// A call of a campaign that was answered and recorded, the id Samora has for it, and the webhook that has heard of it.
async fn recorded(world: &World) -> (CallId, String, Value) {
    let agent = world.bare_agent().await;
    let hook = json!({
        "agent_id": agent,
        "name": "CRM",
        "url": "https://example.com/hook",
        "events": ["CALL_FINISHED", "CALL_FAILED"],
        "data_options": {"include_recording_url": true},
    });
    let (_, hook) = world.samora_webhook(hook).await;
    let campaign = world.samora_campaign(&agent, json!({})).await;
    let ids = world.fill(&campaign, &["+918000000001"]).await;
    world.ask("POST", &format!("{campaign}/start"), Value::Null).await.good(200);
    let talked = Some(Duration::from_secs(5));
    let call = world.call_out_and_record(&ids[0], Outcome::Answered, talked, true).await;
    (call, ids[0].clone(), hook)
}

fn path_of(link: &Value) -> String {
    link.as_str().unwrap().strip_prefix("http://127.0.0.1:8080").unwrap().to_owned()
}

#[tokio::test]
async fn a_recording_is_told_of_and_fetched() {
    let world = World::new().await;
    let (call, recipient, hook) = recorded(&world).await;
    let own = format!("/sessions/{call}/recording");
    let told = world.posted(&hook).await.remove(0);
    let told = path_of(&told["data"]["recording_url"]);
    let shown = world.ask("GET", &format!("/v1/call/{recipient}"), Value::Null).await.good(200);
    let shown = path_of(&shown["data"]["recording_url"]);
    let open = async |path: &str| world.send(Request::get(path).body("".into()).unwrap()).await;

    // It is on its way from the worker.
    let early = world.get(&own).await;
    assert_eq!(early.refusal(409), "RECORDING_ON_ITS_WAY");
    assert_eq!(open(&told).await.status, StatusCode::CONFLICT);

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "RIFF, and what was heard").unwrap();
    world.engine.keep_recording(call, file.path()).await.unwrap();
    for path in [&told, &shown] {
        let answer = open(path).await;
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, "RIFF, and what was heard"));
        assert_eq!(answer.headers[header::CONTENT_LENGTH], "24");
        assert_eq!(answer.headers[header::CONTENT_TYPE], "audio/vnd.wave");
        assert_eq!(
            answer.headers[header::CONTENT_DISPOSITION],
            format!("attachment; filename=\"recording-{}.wav\"", call.uuid())
        );
    }
    let mine = world.get(&own).await;
    assert_eq!((mine.status, mine.text.as_str()), (StatusCode::OK, "RIFF, and what was heard"));
    world.call(&world.stranger, "GET", &own, Value::Null).await.expect(404);
    assert_eq!(open(told.split_once('?').unwrap().0).await.status, StatusCode::FORBIDDEN);

    // A link opens for an hour.
    world.clock.advance(Duration::from_secs(3_601));
    assert_eq!(open(&told).await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.get(&own).await.status, StatusCode::OK);
}

#[tokio::test]
async fn recordings_are_forgotten_after_their_days() {
    let world = World::new().await;
    let (call, recipient, _) = recorded(&world).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    world.engine.keep_recording(call, file.path()).await.unwrap();
    world.clock.advance(Duration::from_secs(30 * 86_400));
    assert_eq!(world.engine.forget_recordings(30).await.unwrap(), 0);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.engine.forget_recordings(30).await.unwrap(), 1);
    world.get(&format!("/sessions/{call}/recording")).await.expect(404);
    let shown = world.ask("GET", &format!("/v1/call/{recipient}"), Value::Null).await.good(200);
    assert_eq!(shown["data"]["recording_url"], Value::Null);
}

#[tokio::test]
async fn a_call_that_was_not_recorded_has_none() {
    let world = World::new().await;
    let things = world.things().await;
    world.get(&format!("/sessions/{}/recording", things.session)).await.expect(404);
}
