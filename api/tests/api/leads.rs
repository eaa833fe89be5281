//! Leads: one for each number, with the lists it stands on; transcripts and replays of calls.

use serde_json::{Value, json};

use crate::support::World;

#[tokio::test]
async fn a_lead_is_made_changed_and_forgotten() {
    let world = World::new().await;
    let body = json!({"number": "+919876543210", "email": "asha@example.com", "timezone": "Asia/Kolkata",
        "attributes": {"firstName": "Asha"}});
    let made = world.post("/leads", body.clone()).await.expect(201);
    for name in ["number", "email", "timezone", "attributes"] {
        assert_eq!(made.data()[name], body[name], "{name}");
    }
    assert_eq!(made.data()["optOuts"], json!([]));
    assert!(made.id().starts_with("lead_"));
    assert_eq!(world.post("/leads", body).await.refusal(409), "ALREADY_EXISTS");
    let path = format!("/leads/{}", made.id());
    world.tick();
    let patch = async |body: Value| world.call(&world.admin, "PATCH", &path, body).await;
    let after = patch(json!({"email": null, "attributes": {"plan": "gold"}})).await.expect(200);
    assert_eq!(
        (&after.data()["email"], &after.data()["attributes"]),
        (&Value::Null, &json!({"plan": "gold"}))
    );
    assert_eq!(after.data()["timezone"], "Asia/Kolkata");
    assert_ne!(after.data()["updatedAt"], after.data()["createdAt"]);
    assert_eq!(world.get(&path).await.data(), after.data());

    for (field, value) in [
        ("number", json!("12")),
        ("email", json!("asha")),
        ("email", json!("a b@example.com")),
        ("timezone", json!("Mars/Base")),
        ("attributes", json!([])),
        ("attributes", json!({"x": "x".repeat(4_096)})),
    ] {
        let mut body = json!({"number": "+919876543211"});
        body[field] = value.clone();
        assert_eq!(world.post("/leads", body).await.field(), field, "{value}");
        assert_eq!(patch(json!({field: value})).await.field(), field);
    }
    let second = world.post("/leads", json!({"number": "+919876543211"})).await.expect(201);
    assert_eq!(patch(json!({"number": "+919876543211"})).await.refusal(409), "ALREADY_EXISTS");
    let list = |query: &'static str| world.get(query);
    assert_eq!(list("/leads").await.data(), &json!([second.data(), after.data()]));
    assert_eq!(list("/leads?number=%2B919876543210").await.data(), &json!([after.data()]));
    assert_eq!(list("/leads?email=nobody@example.com").await.data(), &json!([]));
    for method in ["GET", "PATCH", "DELETE"] {
        let body = if method == "PATCH" { json!({}) } else { Value::Null };
        assert_eq!(world.call(&world.stranger, method, &path, body).await.refusal(404), "NOT_FOUND");
    }
    assert_eq!(
        world.call(&world.admin, "DELETE", &path, Value::Null).await.expect(200).data()["deleted"],
        true
    );
    assert_eq!(world.get(&path).await.refusal(404), "NOT_FOUND");
}

#[tokio::test]
async fn opt_outs_are_the_suppressions_and_stop_stops_all() {
    let world = World::new().await;
    let optout = json!([{"channel": "sms", "source": "STOP", "reason": "said stop"}]);
    let made = world.post("/leads", json!({"number": "+14155550100", "optOuts": optout})).await.expect(201);
    let shown = &made.data()["optOuts"][0];
    assert_eq!((&shown["channel"], &shown["source"]), (&Value::Null, &json!("STOP")), "all channels");
    let list = world.get("/suppressions?number=%2B14155550100").await;
    assert_eq!(list.data()[0]["id"], shown["suppressionId"]);
    // No call goes there; and forgetting the lead forgets nothing of that.
    let agent = world.agent().await;
    world.trunk().await;
    let path = format!("/leads/{}", made.id());
    world.call(&world.admin, "DELETE", &path, Value::Null).await.expect(200);
    let to = json!({"agentId": agent, "toNumber": "+14155550100"});
    assert_eq!(world.post("/sessions", to).await.refusal(409), "SUPPRESSED");
    // What was put on the list elsewhere is shown, and what is added is added.
    world.post("/suppressions", json!({"number": "+14155550101", "channel": "sms"})).await.expect(201);
    let other = world.post("/leads", json!({"number": "+14155550101"})).await.expect(201);
    assert_eq!(other.data()["optOuts"][0]["channel"], "sms");
    let path = format!("/leads/{}", other.id());
    let more = json!({"optOuts": [{"channel": "voice"}]});
    let after = world.call(&world.member, "PATCH", &path, more).await.expect(200);
    assert_eq!(after.data()["optOuts"].as_array().unwrap().len(), 2);
    assert_eq!(world.get("/leads").await.data()[0]["optOuts"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn many_leads_are_kept_and_each_is_told_about() {
    let world = World::new().await;
    let known = world
        .post("/leads", json!({"number": "+919876543210", "email": "a@example.com"}))
        .await
        .expect(201)
        .id();
    let leads = json!([
        {"number": "+919876543210", "attributes": {"x": 1}},
        {"number": "12"},
        {"number": "+919876543211", "optOuts": [{"channel": "voice"}]},
        {"number": "+919876543211"},
        {"number": "+919876543212", "speed": 1},
        5,
    ]);
    let answer = world.post("/leads/bulk", json!({"leads": leads})).await.expect(200);
    let data = answer.data();
    assert_eq!((&data["created"], &data["updated"], &data["rejected"]), (&json!(1), &json!(1), &json!(4)));
    let became: Vec<_> =
        data["results"].as_array().unwrap().iter().map(|r| r["status"].as_str().unwrap()).collect();
    assert_eq!(became, ["updated", "rejected", "created", "rejected", "rejected", "rejected"]);
    assert_eq!(data["results"][0]["id"], json!(known));
    for (index, says) in [(1, "number:"), (3, "further up"), (4, "speed"), (5, "object")] {
        let reason = data["results"][index]["reason"].as_str().unwrap();
        assert!(reason.contains(says), "{reason}");
    }
    let lead = world.get(&format!("/leads/{known}")).await;
    assert_eq!(
        (&lead.data()["email"], &lead.data()["attributes"]),
        (&json!("a@example.com"), &json!({"x": 1}))
    );
    assert_eq!(world.get("/leads?number=%2B919876543211").await.data()[0]["optOuts"][0]["channel"], "voice");
    assert_eq!(world.post("/leads/bulk", json!({"leads": []})).await.field(), "leads");
    assert_eq!(world.post("/leads/bulk", json!({"leads": vec![json!({}); 5_001]})).await.field(), "leads");
}

#[tokio::test]
async fn a_lead_knows_its_calls_and_a_call_is_replayed() {
    let world = World::new().await;
    let campaign = world.campaign().await;
    let recipients = json!({"recipients": [{"to": "+919876543210"}]});
    world.post(&format!("/campaigns/{campaign}/recipients"), recipients).await.expect(200);
    let hours = json!({"schedule": {"window": "always"}});
    world.call(&world.admin, "PATCH", &format!("/campaigns/{campaign}"), hours).await.expect(200);
    world.queue(&campaign).await;
    let lead = world.post("/leads", json!({"number": "+919876543210"})).await.expect(201).id();
    let calls = world.get(&format!("/leads/{lead}/sessions")).await.expect(200);
    assert_eq!(
        (calls.data().as_array().unwrap().len(), &calls.data()[0]["campaignId"]),
        (1, &json!(campaign))
    );
    let session = calls.data()[0]["id"].as_str().unwrap();
    let path = format!("/sessions/{session}/transcript");
    assert_eq!(world.get(&path).await.refusal(404), "NOT_FOUND");
    let put = async |body: Value| world.call(&world.admin, "PUT", &path, body).await;
    let turns = json!([{"role": "agent", "text": "Hello", "ts": "2026-11-22T10:00:05.500Z"},
        {"role": "user", "text": "Hi", "ts": "2026-11-22T11:00:06.000Z"}]);
    put(json!({"transcript": turns})).await.expect(200);
    let shown = world.get(&path).await.expect(200);
    assert_eq!((&shown.data()["transcript"], &shown.data()["sessionId"]), (&turns, &json!(session)));
    for (turn, field) in [
        (json!({"role": "", "text": "x", "ts": "2026-11-22T10:00:05Z"}), "transcript[0].role"),
        (json!({"role": "a b", "text": "x", "ts": "2026-11-22T10:00:05Z"}), "transcript[0].role"),
        (json!({"role": "agent", "text": "x", "ts": "today"}), "transcript[0].ts"),
        (json!({"role": "agent", "text": "x".repeat(1 << 20), "ts": "2026-11-22T10:00:05Z"}), "transcript"),
    ] {
        assert_eq!(put(json!({"transcript": [turn]})).await.field(), field);
    }
    let replay = world.get(&format!("/sessions/{session}/replay")).await.expect(200);
    let types: Vec<_> =
        replay.data()["events"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["created", "turn", "turn"]);
    assert_eq!(replay.data()["events"][2]["text"], "Hi");
    for path in [format!("/leads/{lead}/sessions"), path, format!("/sessions/{session}/replay")] {
        assert_eq!(world.call(&world.stranger, "GET", &path, Value::Null).await.refusal(404), "NOT_FOUND");
    }
}
