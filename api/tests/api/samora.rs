//! Samora's dialect: names, envelopes, statuses, limits, states.

use std::time::Duration;

use axum::http::{Request, StatusCode};
use ringfleet_core::{CallId, EndedBy, Ending, Outcome, RecipientId, WorkerId};
use ringfleet_engine::Settlement;
use serde_json::{Value, json};

use crate::support::{Answer, World};

impl World {
    /// Sends a request to the dialect, with the header its pages show.
    pub async fn samora(&self, key: &str, method: &str, path: &str, body: Value) -> Answer {
        let request = Request::builder().method(method).uri(path).header("X-API-Key", key);
        let request = request.header("Content-Type", "application/json");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(request.body(body.into()).unwrap()).await
    }

    pub async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        self.samora(&self.admin, method, path, body).await
    }

    /// An agent and the only trunk; the agent's id as this dialect writes it.
    pub async fn bare_agent(&self) -> String {
        self.trunk().await;
        uuid(&self.agent().await)
    }

    pub async fn samora_campaign(&self, agent: &str, more: Value) -> String {
        let mut body = json!({"name": "Autumn"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = self.ask("POST", &format!("/v1/external/campaigns/{agent}"), body).await.good(201);
        let id = made["data"]["campaign_id"].as_str().unwrap();
        format!("/v1/external/campaigns/{agent}/{id}")
    }

    pub async fn fill(&self, campaign: &str, numbers: &[&str]) -> Vec<String> {
        let list: Vec<Value> =
            numbers.iter().map(|n| json!({"to_number": n, "call_variables": {"n": n}})).collect();
        let path = format!("{campaign}/scheduled-calls");
        let added = self.ask("POST", &path, json!({"phone_numbers": list})).await.good(201);
        let ids = added["data"]["scheduled_call_ids"].as_array().unwrap();
        ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    }

    /// Begins the oldest call that waits for this recipient and ends it so, having talked for `talked`.
    pub async fn call_out(&self, recipient: &str, outcome: Outcome, talked: Option<Duration>) -> CallId {
        self.call_out_and_record(recipient, outcome, talked, false).await
    }

    /// The same of a call that may have been recorded.
    pub async fn call_out_and_record(
        &self,
        recipient: &str,
        outcome: Outcome,
        talked: Option<Duration>,
        records: bool,
    ) -> CallId {
        let recipient: RecipientId = recipient.parse().unwrap();
        for running in self.engine.running().await.unwrap() {
            self.engine.dispatch(&running, 100).await.unwrap();
        }
        let filter = ringfleet_store::CallFilter { recipient: Some(recipient), ..Default::default() };
        let mut tx = self.engine.store().write().await.unwrap();
        let workspace = tx.workspace_named("ours", self.engine.clock().now()).await.unwrap().id;
        let page = ringfleet_store::Page::first(1);
        let call = tx.calls(workspace, filter, page).await.unwrap().remove(0);
        tx.commit().await.unwrap();
        let worker = WorkerId::new(self.engine.clock().now());
        let dial = self.engine.load(call.id).await.unwrap().unwrap();
        self.engine.begin(&dial, worker, json!({})).await.unwrap().expect("it begins");
        let answered_at = talked.map(|_| self.engine.clock().now());
        self.clock.advance(talked.unwrap_or(Duration::from_secs(20)));
        let at = self.engine.clock().now();
        let recorded = match records {
            true => Some(self.engine.recorded(call.id).await.unwrap()),
            false => None,
        };
        let settlement = Settlement {
            recorded,
            call: call.id,
            campaign: call.campaign_id,
            worker,
            sent: true,
            rung: true,
            begun: Some(at),
            ending: Ending::over(outcome, "test", None, EndedBy::Callee),
            answered_at,
            at,
        };
        assert!(self.engine.settle(settlement).await.unwrap());
        call.id
    }
}

impl Answer {
    /// The body of a success with this status.
    #[track_caller]
    pub fn good(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert!(self.body["message"].is_string(), "{}", self.text);
        self.body
    }

    /// The message of a refusal with this status: nothing else is in it.
    #[track_caller]
    pub fn bad(self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.body.as_object().expect("an object").len(), 1, "{}", self.text);
        self.body["message"].as_str().expect("a message").to_owned()
    }
}

pub fn uuid(id: &str) -> String {
    id.parse::<ringfleet_core::AgentId>().unwrap().uuid().to_string()
}

pub fn names(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn a_call_is_triggered_and_shown() {
    let world = World::new().await;
    let agent = world.bare_agent().await;
    let body = json!({"agent_id": agent, "to_number": "+918000000001", "metadata": {"name": "Test"}});
    let made = world.ask("POST", "/v1/call/trigger", body.clone()).await.good(202);
    assert_eq!(names(&made), ["call_id", "message", "status"]);
    assert_eq!(made["status"], "accepted");
    let id = made["call_id"].as_str().unwrap();
    assert_eq!((id.len(), id.matches('-').count()), (36, 4), "a bare UUID: {id}");
    let path = format!("/v1/call/{id}");
    let shown = world.ask("GET", &path, Value::Null).await.good(200);
    let data = &shown["data"];
    let expected = [
        "agent_id",
        "call_variables",
        "created_at",
        "ended_at",
        "recording_url",
        "started_at",
        "status",
        "transcript_url",
        "updated_at",
    ];
    assert_eq!(names(data), expected);
    assert_eq!((&data["agent_id"], &data["status"]), (&json!(agent), &json!("PENDING")));
    assert_eq!((&data["call_variables"], &data["transcript_url"]), (&json!({"name": "Test"}), &Value::Null));

    let with = |name: &str, value: Value| {
        let mut body = body.clone();
        body[name] = value;
        body
    };
    let large = json!({"x": "x".repeat(4_096)});
    for wrong in [
        with("to_number", json!("+123456789")),
        with("to_number", json!("918000000001")),
        with("to_number", json!("+9180000000012345")),
        with("to_number", json!("+91 8000000001")),
        with("agent_id", json!("nobody")),
        with("metadata", json!([])),
        with("metadata", large),
        with("speed", json!(1)),
        json!({"agent_id": agent}),
        json!([]),
    ] {
        world.ask("POST", "/v1/call/trigger", wrong.clone()).await.bad(400);
    }
    let nobody = "01890a5d-ac96-774b-bcce-b302099a8057";
    world.ask("POST", "/v1/call/trigger", with("agent_id", json!(nobody))).await.bad(404);
    world.samora(&world.stranger, "POST", "/v1/call/trigger", body.clone()).await.bad(404);
    world.samora(&world.stranger, "GET", &path, Value::Null).await.bad(404);
    world.ask("GET", &format!("/v1/call/{nobody}"), Value::Null).await.bad(404);
    world.ask("GET", "/v1/call/nobody", Value::Null).await.bad(400);
    world.samora("rfk_wrong", "GET", &path, Value::Null).await.bad(401);
    world.ask("PUT", &path, Value::Null).await.bad(405);
    world.ask("GET", "/v1/call/a/b", Value::Null).await.bad(404);
    let large = world.ask("POST", "/v1/call/trigger", json!({"x": "x".repeat(2 << 20)})).await;
    large.bad(413);
}

#[tokio::test]
async fn a_campaign_lives_from_draft_to_its_end() {
    let world = World::new().await;
    let agent = world.bare_agent().await;
    let retry = json!({"max_retries": 2, "retry_delay_minutes": 30, "retry_on": ["UNANSWERED", "VOICEMAIL"]});
    let campaign = world.samora_campaign(&agent, json!({"retry_config": retry})).await;
    let shown = world.ask("GET", &campaign, Value::Null).await.good(200);
    let expected = [
        "agent_id",
        "agent_name",
        "call_stats",
        "created_at",
        "id",
        "name",
        "retry_config",
        "status",
        "updated_at",
    ];
    assert_eq!(names(&shown["data"]), expected);
    assert_eq!((&shown["data"]["status"], &shown["data"]["agent_name"]), (&json!("DRAFT"), &json!("Asha")));
    assert_eq!(shown["data"]["retry_config"], retry);
    let stats = |total: u64, pending: u64| json!({"total": total, "finished": 0, "pending": pending, "unanswered": 0, "failed": 0, "total_duration": "0"});
    assert_eq!(shown["data"]["call_stats"], stats(0, 0));
    let changed =
        json!({"retry_config": {"max_retries": 1, "retry_delay_minutes": 1440, "retry_on": ["FAILED"]}});
    let after = world.ask("PUT", &campaign, changed.clone()).await.good(200);
    assert_eq!(after["data"]["retry_config"], changed["retry_config"]);
    let cleared = world.ask("PUT", &campaign, json!({"retry_config": null})).await.good(200);
    assert_eq!(cleared["data"]["retry_config"], Value::Null);
    world.ask("PUT", &campaign, json!({})).await.bad(400);
    world.ask("PUT", &campaign, json!({"name": "x"})).await.bad(400);

    let act = async |action: &str| world.ask("POST", &format!("{campaign}/{action}"), Value::Null).await;
    assert!(act("stop").await.bad(409).contains("must be IN_PROGRESS"));
    act("start").await.bad(409); // nobody is on its list
    let numbers = ["+918000000001", "+918000000002"];
    let ids = world.fill(&campaign, &numbers).await;
    assert_eq!(ids.len(), 2);
    for (id, number) in ids.iter().zip(numbers) {
        let call = world.ask("GET", &format!("/v1/call/{id}"), Value::Null).await.good(200);
        assert_eq!(
            call["data"]["call_variables"],
            json!({"n": number}),
            "ids are in the order of the request"
        );
        assert_eq!(call["data"]["status"], "PENDING");
    }
    assert_eq!(act("start").await.good(200)["data"]["status"], "IN_PROGRESS");
    world.ask("PUT", &campaign, changed.clone()).await.bad(409);
    let one = json!({"phone_numbers": [{"to_number": "+918000000003"}]});
    world.ask("POST", &format!("{campaign}/scheduled-calls"), one.clone()).await.bad(409);
    act("start").await.bad(409);
    assert_eq!(act("stop").await.good(200)["data"]["status"], "PAUSED");
    assert!(world.ask("PUT", &campaign, changed).await.bad(409).contains("must be DRAFT"));
    world.ask("POST", &format!("{campaign}/scheduled-calls"), one).await.good(201);
    assert_eq!(act("start").await.good(200)["data"]["call_stats"], stats(3, 3));
    assert_eq!(act("cancel").await.good(200)["data"]["status"], "CANCELLED");
    for action in ["start", "stop", "cancel"] {
        act(action).await.bad(409);
    }
    let over = world.ask("GET", &campaign, Value::Null).await.good(200);
    assert_eq!(
        (&over["data"]["call_stats"]["failed"], &over["data"]["call_stats"]["pending"]),
        (&json!(3), &json!(0))
    );
    // Another agent's path does not lead to it, nor another organization's key.
    let (_, id) = campaign.rsplit_once('/').unwrap();
    let other = uuid(&world.agent().await);
    world.ask("GET", &format!("/v1/external/campaigns/{other}/{id}"), Value::Null).await.bad(404);
    world.samora(&world.stranger, "GET", &campaign, Value::Null).await.bad(404);
    world.samora(&world.stranger, "POST", &format!("{campaign}/cancel"), Value::Null).await.bad(404);
    world.ask("GET", &format!("/v1/external/campaigns/{agent}/x"), Value::Null).await.bad(400);
}

#[tokio::test]
async fn a_list_is_taken_whole_or_not_at_all() {
    let world = World::new().await;
    let agent = world.bare_agent().await;
    let campaign = world.samora_campaign(&agent, json!({})).await;
    world.fill(&campaign, &["+918000000001"]).await;
    let add = async |list: Value| {
        let path = format!("{campaign}/scheduled-calls");
        world.ask("POST", &path, json!({"phone_numbers": list})).await.bad(400)
    };
    let good = json!({"to_number": "+918000000009"});
    for (list, says) in [
        (json!([]), "1 to 5000"),
        (json!([good, {"to_number": "12"}]), "phone_numbers[1].to_number"),
        (json!([good, good]), "phone_numbers[1].to_number: this number stands further up"),
        (
            json!([good, {"to_number": "+918000000001"}]),
            "phone_numbers[1].to_number: the campaign has this number",
        ),
        (
            json!([good, {"to_number": "+918000000008", "call_variables": {"x": "x".repeat(4_096)}}]),
            "phone_numbers[1].call_variables",
        ),
        (
            json!([good, {"to_number": "+918000000008", "call_variables": []}]),
            "phone_numbers[1].call_variables",
        ),
        (json!(vec![good.clone(); 5_001]), "1 to 5000"),
    ] {
        let message = add(list).await;
        assert!(message.contains(says), "{message}");
    }
    let shown = world.ask("GET", &campaign, Value::Null).await.good(200);
    assert_eq!(shown["data"]["call_stats"]["total"], 1, "nothing was added");
    let retry = |retries: Value, minutes: Value, on: Value| json!({"name": "x", "retry_config": {"max_retries": retries, "retry_delay_minutes": minutes, "retry_on": on}});
    let on = json!(["FAILED"]);
    for wrong in [
        json!({"name": ""}),
        json!({"name": "x".repeat(121)}),
        json!({}),
        retry(json!(0), json!(1), on.clone()),
        retry(json!(6), json!(1), on.clone()),
        retry(json!(1), json!(0), on.clone()),
        retry(json!(1), json!(1441), on.clone()),
        retry(json!(1), json!(1), json!([])),
        retry(json!(1), json!(1), json!(["ANSWERED"])),
        json!({"name": "x", "retry_config": {"max_retries": 1, "retry_on": on}}),
    ] {
        world.ask("POST", &format!("/v1/external/campaigns/{agent}"), wrong).await.bad(400);
    }
}

#[tokio::test]
async fn lists_come_by_page_number_and_are_filtered() {
    let world = World::new().await;
    world
        .call(&world.admin, "PUT", "/workspace/rules", json!({"caps": {"minGapMinutes": 0}}))
        .await
        .expect(200);
    let agent = world.bare_agent().await;
    let campaign = world.samora_campaign(&agent, json!({})).await;
    let numbers: Vec<String> = (1..=4).map(|n| format!("+91800000000{n}")).collect();
    let ids = world.fill(&campaign, &numbers.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.ask("POST", &format!("{campaign}/start"), Value::Null).await.good(200);
    let reached = world.call_out(&ids[0], Outcome::Answered, Some(Duration::from_millis(65_400))).await;
    world.call_out(&ids[1], Outcome::Voicemail, Some(Duration::from_secs(5))).await;
    world.call_out(&ids[2], Outcome::Rejected, None).await;

    let stats = world.ask("GET", &campaign, Value::Null).await.good(200)["data"]["call_stats"].clone();
    let expected = json!({"total": 4, "finished": 1, "pending": 1, "unanswered": 1, "failed": 1, "total_duration": "70"});
    assert_eq!(stats, expected);
    let list = async |query: &str| {
        let answer = world.ask("GET", &format!("{campaign}/calls?{query}"), Value::Null).await.good(200);
        let data = answer["data"].clone();
        let ids =
            data["calls"].as_array().unwrap().iter().map(|call| call["id"].as_str().unwrap().to_owned());
        let ids: Vec<String> = ids.collect();
        (ids, data)
    };
    let (all, data) = list("").await;
    assert_eq!(all, ids.iter().rev().cloned().collect::<Vec<_>>(), "the newest first");
    assert_eq!((&data["page"], &data["page_size"], &data["total"]), (&json!(1), &json!(10), &json!(4)));
    let call = &data["calls"][3];
    let expected =
        ["created_at", "duration", "ended_at", "id", "started_at", "status", "to_number", "updated_at"];
    assert_eq!(names(call), expected);
    assert_eq!((&call["status"], &call["duration"]), (&json!("CALL_FINISHED"), &json!(65)));
    let (second, data) = list("page=2&page_size=3&sort_dir=asc").await;
    assert_eq!((second, &data["total"]), (vec![ids[3].clone()], &json!(4)));
    for (query, expected) in [
        ("status=PENDING", &ids[3..]),
        ("status=UNANSWERED", &ids[1..2]),
        ("status=REJECTED", &ids[2..3]),
        ("search=8000000002", &ids[1..2]),
        ("duration_min=65&duration_max=65", &ids[..1]),
        ("duration_min=5&sort_by=duration&sort_dir=asc", &[ids[1].clone(), ids[0].clone()][..]),
        ("search=777", &[]),
    ] {
        let (found, data) = list(query).await;
        assert_eq!((&found[..], &data["total"]), (expected, &json!(expected.len())), "{query}");
    }
    for query in [
        "page=0",
        "page_size=0",
        "page_size=101",
        "page=x",
        "status=DONE",
        "sort_by=x",
        "sort_dir=up",
        "duration_min=-1",
        "duration_min=2&duration_max=1",
        "search=a",
        "limit=1",
    ] {
        world.ask("GET", &format!("{campaign}/calls?{query}"), Value::Null).await.bad(400);
    }
    world.tick();
    world.samora_campaign(&agent, json!({"name": "Winter"})).await;
    let list = format!("/v1/external/campaigns/{agent}");
    let page = world.ask("GET", &format!("{list}?page_size=1"), Value::Null).await.good(200);
    assert_eq!(
        (&page["data"]["total"], &page["data"]["campaigns"][0]["name"]),
        (&json!(2), &json!("Winter"))
    );
    let page = world.ask("GET", &format!("{list}?page=2&page_size=1"), Value::Null).await.good(200);
    assert_eq!(page["data"]["campaigns"][0]["call_stats"], stats);
    world.ask("GET", &format!("{list}?page_size=101"), Value::Null).await.bad(400);
    world.samora(&world.stranger, "GET", &list, Value::Null).await.bad(404);

    // What was said can be fetched by the link for an hour, by nobody else's link.
    let turns = json!({"transcript": [{"role": "agent", "text": "Hello", "ts": "2026-11-22T10:00:01Z"}]});
    let put = format!("/sessions/{reached}/transcript");
    world.call(&world.admin, "PUT", &put, turns).await.expect(200);
    let shown = world.ask("GET", &format!("/v1/call/{}", ids[0]), Value::Null).await.good(200);
    let link = shown["data"]["transcript_url"].as_str().unwrap();
    let path = link.strip_prefix("http://127.0.0.1:8080").unwrap().to_owned();
    let open = async |path: String| world.send(Request::get(path).body("".into()).unwrap()).await;
    let file = open(path.clone()).await;
    assert_eq!((file.status, &file.body["transcript"][0]["text"]), (StatusCode::OK, &json!("Hello")));
    assert_eq!(open(path.replace("expires=1", "expires=2")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(open(path.split_once('?').unwrap().0.into()).await.status, StatusCode::FORBIDDEN);
    world.clock.advance(Duration::from_secs(3_600));
    assert_eq!(open(path).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_usual_trunk_places_its_calls() {
    let world = World::new().await;
    let agent = uuid(&world.agent().await);
    let create =
        async || world.ask("POST", &format!("/v1/external/campaigns/{agent}"), json!({"name": "x"})).await;
    create().await.bad(400);
    let (first, _) = (world.trunk().await, world.trunk().await);
    let message = create().await.bad(400);
    assert!(message.contains("defaultTrunkId"), "{message}");
    let rules = |body: Value| world.call(&world.admin, "PUT", "/workspace/rules", body);
    assert_eq!(
        rules(json!({"defaultTrunkId": "01890a5d-ac96-774b-bcce-b302099a8057"})).await.field(),
        "defaultTrunkId"
    );
    let set = rules(json!({"defaultTrunkId": first})).await.expect(200);
    assert_eq!(set.data()["defaultTrunkId"], json!(first));
    create().await.good(201);
    let group = json!({"name": "All", "members": [{"trunkId": first}]});
    let group = world.post("/trunk-groups", group).await.expect(201).id();
    assert_eq!(
        rules(json!({"defaultTrunkId": first, "defaultTrunkGroupId": group})).await.field(),
        "defaultTrunkGroupId"
    );
    rules(json!({"defaultTrunkGroupId": group})).await.expect(200);
    world.tick();
    create().await.good(201);
    let campaign = &world.get("/campaigns?limit=1").await.data()[0].clone();
    assert_eq!((&campaign["trunkGroupId"], &campaign["trunkId"]), (&json!(group), &Value::Null));
    assert_eq!(campaign["schedule"]["hours"]["sun"], json!(["09:00-20:00"]), "nobody is called at night");
    let to = json!({"agent_id": agent, "to_number": "+918000000001"});
    world.ask("POST", "/v1/call/trigger", to).await.good(202);
}
