use serde_json::{Value, json};

use crate::support::World;

#[tokio::test]
async fn a_campaign_says_what_it_will_do() {
    let world = World::new().await;
    let agent = world.agent().await;
    let trunk = world.trunk().await;
    let channels = json!([
        {"channel": "voice", "attempts": 3, "retry": {"afterMinutes": 5, "backoff": 1.5, "on": ["UNANSWERED"]}},
        {"channel": "email", "gate": "voice.noAnswer", "afterHours": 2, "trunkId": world.mail_trunk().await,
         "message": {"subject": "Dear {{name}}", "text": "We called."}},
    ]);
    let body = json!({"name": "Autumn", "agentId": agent, "trunkId": trunk, "channels": channels,
        "limits": {"maxLiveCalls": 4}, "ringTimeoutSeconds": 25, "maxCallSeconds": 600, "startAt": "2027-01-01T12:00:00.5+05:30"});
    let made = world.post("/campaigns", body).await.expect(201);
    assert_eq!(made.data()["status"], "DRAFT");
    assert_eq!(made.data()["startAt"], "2027-01-01T06:30:00.500Z");
    assert_eq!(made.data()["createdAt"], "2026-11-22T10:00:00.123Z");
    assert_eq!(made.data()["limits"], json!({"callsPerSecond": null, "maxLiveCalls": 4}));
    assert_eq!(made.data()["channels"][0]["retry"]["afterMinutes"], 5.0);
    assert_eq!(made.data()["channels"][1]["gate"], "voice.noAnswer");
    assert_eq!(world.get(&format!("/campaigns/{}", made.id())).await.data(), made.data());
    let plain = world
        .post("/campaigns", json!({"name": "p", "agentId": agent, "channel": "voice"}))
        .await
        .expect(201);
    assert_eq!(plain.data()["channels"][0]["attempts"], 1);
    assert_eq!(plain.data()["ringTimeoutSeconds"], 30);
    assert_eq!(plain.data()["maxCallSeconds"], 3600);
    assert_eq!(world.get("/campaigns").await.data().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_campaign_goes_through_its_life() {
    let world = World::new().await;
    let campaign = world.campaign().await;
    let path = format!("/campaigns/{campaign}");
    let act = |action: &str, body: Value| as_member(&world, format!("{path}/{action}"), body);
    assert_eq!(act("start", Value::Null).await.refusal(409), "NO_RECIPIENTS");
    world
        .post(&format!("{path}/recipients"), json!({"recipients": [{"to": "+919876543210"}]}))
        .await
        .expect(200);
    let started = act("start", json!({})).await.expect(200);
    assert_eq!(started.data()["status"], "IN_PROGRESS");
    assert_eq!(started.data()["startedAt"], "2026-11-22T10:00:00.123Z");
    assert_eq!(act("pause", Value::Null).await.expect(200).data()["status"], "PAUSED");
    assert_eq!(act("start", Value::Null).await.expect(200).data()["status"], "IN_PROGRESS");
    let ended = act("cancel", Value::Null).await.expect(200);
    assert_eq!(ended.data()["status"], "CANCELLED");
    assert!(ended.data()["finishedAt"].is_string());
    let stats = world.get(&format!("{path}/stats")).await.expect(200);
    assert_eq!(stats.data()["recipients"]["byDisposition"]["CANCELLED"], 1);
    assert_eq!(stats.data()["recipients"]["done"], 1);
}

#[tokio::test]
async fn a_start_time_ahead_schedules_and_pause_takes_it_back() {
    let world = World::new().await;
    let agent = world.agent().await;
    world.trunk().await;
    let body = json!({"name": "later", "agentId": agent, "startAt": "2026-11-23T00:00:00Z"});
    let path = format!("/campaigns/{}", world.post("/campaigns", body).await.id());
    world
        .post(&format!("{path}/recipients"), json!({"recipients": [{"to": "+919876543210"}]}))
        .await
        .expect(200);
    assert_eq!(world.post(&format!("{path}/start"), Value::Null).await.data()["status"], "SCHEDULED");
    assert_eq!(world.post(&format!("{path}/pause"), Value::Null).await.data()["status"], "DRAFT");
}

#[tokio::test]
async fn a_wrong_transition_names_the_states_and_changes_nothing() {
    let world = World::new().await;
    let campaign = world.campaign().await;
    let path = format!("/campaigns/{campaign}");
    let before = world.get(&path).await.body;
    let refused = world.post(&format!("{path}/pause"), Value::Null).await.expect(409);
    assert_eq!(
        refused.body["meta"],
        json!({"code": "WRONG_STATE", "state": "DRAFT", "needs": ["SCHEDULED", "IN_PROGRESS"]})
    );
    assert_eq!(world.get(&path).await.body, before);

    world.post(&format!("{path}/cancel"), Value::Null).await.expect(200);
    let before = world.get(&path).await.body;
    world.tick();
    for action in ["start", "pause", "cancel"] {
        let refused = world.post(&format!("{path}/{action}"), Value::Null).await.expect(409);
        assert_eq!(refused.body["meta"]["code"], "WRONG_STATE");
        assert_eq!(refused.body["meta"]["state"], "CANCELLED");
    }
    let one = json!({"recipients": [{"to": "+919876543210"}]});
    let refused = world.post(&format!("{path}/recipients"), one).await.expect(409);
    assert_eq!(refused.body["meta"]["needs"], json!(["DRAFT", "PAUSED"]));
    let refused = world.upload(&format!("{path}/recipients/import"), "text/csv", "to\n+919876543210\n").await;
    assert_eq!(refused.refusal(409), "WRONG_STATE");
    assert_eq!(world.get(&path).await.body, before);
    assert_eq!(world.get(&format!("{path}/recipients")).await.data(), &json!([]));
}

#[tokio::test]
async fn an_action_takes_no_body_or_an_empty_one() {
    let world = World::new().await;
    let path = format!("/campaigns/{}/cancel", world.campaign().await);
    assert_eq!(world.post(&path, json!({"reason": "x"})).await.field(), "reason");
    assert_eq!(world.post_text(&path, "nonsense").await.refusal(400), "INVALID_JSON");
    assert_eq!(world.post_text(&path, "[]").await.field(), "");
    assert_eq!(world.upload(&path, "text/plain", "x").await.refusal(415), "UNSUPPORTED_MEDIA_TYPE");
    world.upload(&path, "application/x-www-form-urlencoded", " ").await.expect(200);
}

#[tokio::test]
async fn figures_name_every_ending() {
    let world = World::new().await;
    let path = format!("/campaigns/{}", world.campaign().await);
    let two = json!({"recipients": [{"to": "+919876543210"}, {"to": "+919876543211"}]});
    world.post(&format!("{path}/recipients"), two).await.expect(200);
    let stats = world.get(&format!("{path}/stats")).await.expect(200);
    assert_eq!(
        stats.data(),
        &json!({
            "status": "DRAFT",
            "recipients": {"total": 2, "pending": 2, "queued": 0, "active": 0, "done": 0, "byDisposition":
                {"REACHED": 0, "EXHAUSTED": 0, "SUPPRESSED": 0, "EXPIRED": 0, "INVALID": 0, "CANCELLED": 0, "MESSAGED": 0}},
            "calls": {"ended": 0, "ringing": 0, "talking": 0, "byOutcome":
                {"ANSWERED": 0, "UNANSWERED": 0, "REJECTED": 0, "VOICEMAIL": 0, "ABANDONED": 0, "DELIVERED": 0, "READ": 0, "SENT": 0, "FAILED": 0, "UNCERTAIN": 0},
                "byChannel": {"voice": 0, "whatsapp": 0, "sms": 0, "email": 0}, "byHour": [], "answerRate": null},
            "holds": {"WINDOW": 0, "PACE": 0, "CONCURRENCY": 0, "SEATS": 0, "GAP": 0, "CALLER_ID": 0, "SUPPRESSED": 0, "PAUSED": 2, "RETRY": 0, "TURN": 0, "TRUNK": 0},
            "seats": null,
            "expectedFinish": null,
        })
    );
}

async fn as_member(world: &World, path: String, body: Value) -> crate::support::Answer {
    world.call(&world.member, "POST", &path, body).await
}
