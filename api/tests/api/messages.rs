//! Campaigns that write to people, what is told of their messages, and what is shown of each step.

use ringfleet_core::{CallId, EndedBy, Ending, Outcome, WorkerId};
use ringfleet_engine::Settlement;
use serde_json::{Value, json};

use crate::support::World;

/// A campaign that writes one e-mail to one person, and that mail on its way.
async fn written(world: &World) -> (String, CallId) {
    let trunk = world.mail_trunk().await;
    let channels = json!([{"channel": "email", "trunkId": trunk, "message": {"subject": "Hi", "text": "Hello {{name}}"}}]);
    let body = json!({"name": "Mails", "agentId": world.agent().await, "channels": channels, "schedule": {"window": "always"}});
    let campaign = world.post("/campaigns", body).await.expect(201);
    assert_eq!(campaign.data()["trunkId"], trunk, "nobody is called, so no other trunk is asked for");
    let path = format!("/campaigns/{}", campaign.id());
    let one = json!({"recipients": [{"to": "+919876543210", "variables": {"name": "Asha", "email": "asha@example.com"}}]});
    world.post(&format!("{path}/recipients"), one).await.expect(200);
    world.post(&format!("{path}/start"), Value::Null).await.expect(200);
    let running = world.engine.running().await.unwrap();
    assert_eq!(world.engine.dispatch(&running[0], 10).await.unwrap().claimed, 0, "there is nobody to call");
    assert_eq!(world.engine.dispatch_messages(&running[0], 1).await.unwrap().claimed, 1);
    let session = world.get(&format!("/sessions?campaignId={}", campaign.id())).await;
    let session = session.data()[0].clone();
    assert_eq!(session["channel"], "email");
    (path, session["id"].as_str().unwrap().parse().unwrap())
}

async fn sent(world: &World, call: CallId) {
    let worker = WorkerId::new(world.engine.clock().now());
    let dial = world.engine.load(call).await.unwrap().unwrap();
    assert!(world.engine.begin(&dial, worker, json!({})).await.unwrap().is_some());
    let settlement = Settlement {
        call,
        campaign: dial.campaign_id,
        worker,
        sent: true,
        rung: false,
        begun: None,
        ending: Ending::over(Outcome::Sent, "accepted", Some(250), EndedBy::Carrier),
        heard: None,
        answered_at: None,
        at: world.engine.clock().now(),
        recorded: None,
    };
    assert!(world.engine.settle(settlement).await.unwrap());
}

#[tokio::test]
async fn what_became_of_a_message_is_told_and_shown() {
    let world = World::new().await;
    let (path, call) = written(&world).await;
    let receipts = format!("/sessions/{call}/receipts");
    let tell = async |status: &str| world.post(&receipts, json!({"status": status})).await;
    assert_eq!(tell("delivered").await.refusal(409), "NOT_SENT_YET");
    sent(&world, call).await;
    let recipient = async || {
        let id = world.get(&format!("{path}/recipients")).await.data()[0]["id"].as_str().unwrap().to_owned();
        world.get(&format!("{path}/recipients/{id}")).await.expect(200).data().clone()
    };
    let stands = async || {
        let recipient = recipient().await;
        (recipient["disposition"].clone(), recipient["channels"][0]["status"].clone())
    };
    assert_eq!(stands().await, (json!("MESSAGED"), json!("TRIED")));
    let session = async || world.get(&format!("/sessions/{call}")).await.expect(200).data().clone();
    assert_eq!(session().await["message"]["deliveredAt"], Value::Null);

    world.tick();
    let told = tell("delivered").await.expect(200);
    assert_eq!(told.data(), &json!({"sessionId": call, "isNews": true}));
    assert_eq!(tell("delivered").await.expect(200).data()["isNews"], false);
    assert_eq!(stands().await, (json!("MESSAGED"), json!("CONNECTED")));
    assert_eq!(tell("read").await.expect(200).data()["isNews"], true);
    assert_eq!(tell("undelivered").await.expect(200).data()["isNews"], false, "what was read has arrived");
    assert_eq!(stands().await, (json!("REACHED"), json!("CONNECTED")));
    let read = session().await;
    assert_eq!((&read["status"], &read["outcome"]), (&json!("READ"), &json!("READ")));
    assert!(read["message"]["readAt"].is_string());
    let stats = world.get(&format!("{path}/stats")).await;
    let figures = (&stats.data()["recipients"]["byDisposition"], &stats.data()["calls"]["byOutcome"]);
    assert_eq!((&figures.0["REACHED"], &figures.0["MESSAGED"]), (&json!(1), &json!(0)));
    assert_eq!(
        (&figures.1["READ"], &figures.1["SENT"], &figures.1["DELIVERED"]),
        (&json!(1), &json!(0), &json!(0))
    );
    let replay = world.get(&format!("/sessions/{call}/replay")).await.expect(200);
    let kinds: Vec<&str> = replay.data()["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["created", "triggered", "sent", "delivered", "read"]);
}

#[tokio::test]
async fn a_mail_that_bounced_reached_nobody() {
    let world = World::new().await;
    let (path, call) = written(&world).await;
    sent(&world, call).await;
    let receipts = format!("/sessions/{call}/receipts");
    let bounced = json!({"status": "undelivered", "reason": "mailbox_full"});
    world.post(&receipts, bounced).await.expect(200);
    let shown = world.get(&format!("/sessions/{call}")).await;
    assert_eq!(
        (&shown.data()["outcome"], &shown.data()["reason"]),
        (&json!("FAILED"), &json!("mailbox_full"))
    );
    let stats = world.get(&format!("{path}/stats")).await;
    assert_eq!(stats.data()["recipients"]["byDisposition"]["EXHAUSTED"], 1);
    assert_eq!(
        world.post(&receipts, json!({"status": "delivered"})).await.expect(200).data()["isNews"],
        false
    );
    assert_eq!(world.post(&receipts, json!({"status": "x"})).await.field(), "status");
    assert_eq!(world.post(&receipts, json!({"status": "read", "reason": "A b"})).await.field(), "reason");
}

#[tokio::test]
async fn who_has_said_stop_to_the_provider_is_left_alone_by_everybody() {
    let world = World::new().await;
    let (_, call) = written(&world).await;
    sent(&world, call).await;
    assert_eq!(world.get("/suppressions").await.data(), &json!([]));
    let told = json!({"status": "undelivered", "reason": "opted_out"});
    world.post(&format!("/sessions/{call}/receipts"), told).await.expect(200);
    let list = world.get("/suppressions").await;
    let entry = &list.data()[0];
    assert_eq!(
        (&entry["number"], &entry["source"], &entry["channel"]),
        (&json!("+919876543210"), &json!("STOP"), &Value::Null)
    );
}

#[tokio::test]
async fn who_cannot_be_written_to_is_found_beforehand() {
    let world = World::new().await;
    let trunk = world.mail_trunk().await;
    let channels = json!([{"channel": "email", "trunkId": trunk,
        "message": {"subject": "Hi {{name}}", "text": "{{city|there}} {{tried.times}} {{unsubscribeUrl}}"}}]);
    let body = json!({"name": "Mails", "agentId": world.agent().await, "channels": channels});
    let campaign = world.post("/campaigns", body).await.id();
    let people = json!({"recipients": [
        {"to": "+919876543210", "variables": {"name": "Asha", "Email": "asha@example.com"}},
        {"to": "+919876543211", "variables": {"name": "Ben"}},
        {"to": "+919876543212", "variables": {"email": "c@example.com"}},
    ]});
    world.post(&format!("/campaigns/{campaign}/recipients"), people).await.expect(200);
    let ahead = world.get(&format!("/campaigns/{campaign}/preflight")).await.expect(200);
    assert_eq!(
        ahead.data()["missingInMessages"].as_array(),
        json!([
            {"variable": "email", "count": 1, "examples": ["+919876543211"]},
            {"variable": "name", "count": 1, "examples": ["+919876543212"]},
        ])
        .as_array()
    );
    assert!(
        ahead.data()["warnings"].to_string().contains("cannot be sent (email 1, name 1)"),
        "{}",
        ahead.text
    );
}

#[tokio::test]
async fn receipts_are_for_messages() {
    let world = World::new().await;
    let things = world.things().await;
    let receipts = format!("/sessions/{}/receipts", things.session);
    assert_eq!(world.post(&receipts, json!({"status": "read"})).await.refusal(409), "NOT_A_MESSAGE");
    let lead = world.post("/leads", json!({"number": "+919876543210"})).await.id();
    assert_eq!(world.get(&format!("/leads/{lead}/replies")).await.expect(200).data(), &json!([]));
}

#[tokio::test]
async fn campaigns_share_the_room_of_a_trunk() {
    let world = World::new().await;
    let agent = world.agent().await;
    let trunk = json!({"name": "Mail", "kind": "smtp", "host": "1.1.1.1", "from": "a@example.com", "limits": {"callsPerSecond": 2}});
    let trunk = world.post("/trunks", trunk).await.id();
    let channels =
        json!([{"channel": "email", "trunkId": trunk, "message": {"subject": "Hi", "text": "Hello"}}]);
    for name in ["one", "two"] {
        let body =
            json!({"name": name, "agentId": agent, "channels": channels, "schedule": {"window": "always"}});
        let path = format!("/campaigns/{}", world.post("/campaigns", body).await.id());
        let people: Vec<Value> = (0..9).map(|n| json!({"to": format!("+91987654321{n}")})).collect();
        world.post(&format!("{path}/recipients"), json!({"recipients": people})).await.expect(200);
        world.post(&format!("{path}/start"), Value::Null).await.expect(200);
    }
    let running = world.engine.running().await.unwrap();
    let claim = async |n: usize| world.engine.dispatch_messages(&running[n], 2).await.unwrap().claimed;
    // Four keep the trunk busy for two seconds; what is left is halved again, and the last one goes to whose turn it is.
    assert_eq!([claim(0).await, claim(1).await, claim(1).await, claim(0).await], [2, 1, 1, 0]);
}

#[tokio::test]
async fn a_step_goes_by_a_trunk_of_its_channel() {
    let world = World::new().await;
    let (agent, voice, mail) = (world.agent().await, world.trunk().await, world.mail_trunk().await);
    let step = |trunk: &str| json!([{"channel": "voice"}, {"channel": "email", "trunkId": trunk, "message": {"subject": "s", "text": "t"}}]);
    let make = async |trunk: &str, channels: Value| {
        world
            .post(
                "/campaigns",
                json!({"name": "C", "agentId": agent, "trunkId": trunk, "channels": channels}),
            )
            .await
    };
    assert_eq!(make(&voice, step(&voice)).await.field(), "channels[1].trunkId");
    assert_eq!(make(&voice, step("trk_01h455vb4pex5vsknk084sn02q")).await.field(), "channels[1].trunkId");
    assert_eq!(make(&mail, step(&mail)).await.field(), "trunkId", "calls need a trunk for calls");
    let made = make(&voice, step(&mail)).await.expect(201);
    let path = format!("/campaigns/{}", made.id());
    let patch = async |channels: Value| {
        world.call(&world.admin, "PATCH", &path, json!({ "channels": channels })).await
    };
    assert_eq!(patch(step(&voice)).await.field(), "channels[1].trunkId");
    patch(step(&mail)).await.expect(200);
}
