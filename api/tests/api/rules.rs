//! When and how often somebody may be called, as requests say it: hours, caps, lists, and what the workspace sets for all.

use serde_json::{Value, json};

use crate::{operate::listed, support::World};

async fn campaign(world: &World, more: Value) -> crate::support::Answer {
    let agent = world.agent().await;
    world.trunk().await;
    let mut body = json!({"name": "Autumn", "agentId": agent});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.post("/campaigns", body).await
}

async fn put(world: &World, body: Value) -> crate::support::Answer {
    world.call(&world.admin, "PUT", "/workspace/rules", body).await
}

async fn remove(world: &World, id: &str) -> crate::support::Answer {
    world.call(&world.admin, "DELETE", &format!("/suppressions/{id}"), Value::Null).await
}

#[tokio::test]
async fn a_campaign_without_hours_calls_by_day_and_says_so() {
    let world = World::new().await;
    let made = campaign(&world, json!({})).await.expect(201);
    for day in ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] {
        assert_eq!(made.data()["schedule"]["hours"][day], json!(["09:00-20:00"]));
    }
    assert_eq!(made.data()["caps"], json!({}));
}

#[tokio::test]
async fn hours_are_named_or_written_out_and_read_back_as_they_were() {
    let world = World::new().await;
    let trunk = world.trunk().await;
    let agent = world.agent().await;
    for (written, shown) in [
        (json!({"window": "always"}), json!({"window": "always"})),
        (
            json!({"window": "mon-tue-0930-18-IST", "blockedDates": ["2026-12-25"]}),
            json!({"hours": {"mon": ["09:30-18:00"], "tue": ["09:30-18:00"]}, "blockedDates": ["2026-12-25"], "timezone": "Asia/Kolkata"}),
        ),
        (
            json!({"hours": {"fri": ["22:00-06:00", "08:00-09:00"]}, "timezone": "Europe/Berlin"}),
            json!({"hours": {"fri": ["22:00-06:00", "08:00-09:00"]}, "timezone": "Europe/Berlin"}),
        ),
    ] {
        let body = json!({"name": "x", "agentId": agent, "trunkId": trunk, "schedule": written});
        let made = world.post("/campaigns", body).await.expect(201);
        assert_eq!(made.data()["schedule"], shown);
        let again = json!({"name": "x", "agentId": agent, "trunkId": trunk, "schedule": shown});
        assert_eq!(world.post("/campaigns", again).await.expect(201).data()["schedule"], shown);
    }
}

#[tokio::test]
async fn every_wrong_rule_is_named() {
    let world = World::new().await;
    let trunk = world.trunk().await;
    let agent = world.agent().await;
    for (more, field) in [
        (json!({"schedule": {"window": "nights"}}), "schedule.window"),
        (json!({"schedule": {"window": "always", "hours": {}}}), "schedule.hours"),
        (json!({"schedule": {"hours": {"mon": ["9-18"]}}}), "schedule.hours.mon[0]"),
        (json!({"schedule": {"hours": {"mon": ["09:00-12:00", "11:00-13:00"]}}}), "schedule.hours.mon[1]"),
        (json!({"schedule": {"hours": {"mon": []}}}), "schedule.hours"),
        (json!({"schedule": {"blockedDates": ["2026-12-24", "2026-02-30"]}}), "schedule.blockedDates[1]"),
        (json!({"schedule": {"timezone": "IST"}}), "schedule.timezone"),
        (json!({"schedule": {"holidays": []}}), "schedule.holidays"),
        (json!({"schedule": "always"}), "schedule"),
        (json!({"caps": {"minGapMinutes": -1}}), "caps.minGapMinutes"),
        (json!({"caps": {"maxPer24h": 0}}), "caps.maxPer24h"),
        (json!({"caps": {"maxPer7d": 101}}), "caps.maxPer7d"),
        (json!({"caps": {"maxPerHour": 1}}), "caps.maxPerHour"),
        (json!({"dupeDays": 0}), "dupeDays"),
        (json!({"expireDays": 3651}), "expireDays"),
        (json!({"endAt": "tomorrow"}), "endAt"),
        (json!({"startAt": "2027-01-02T00:00:00Z", "endAt": "2027-01-01T00:00:00Z"}), "endAt"),
    ] {
        let mut body = json!({"name": "x", "agentId": agent, "trunkId": trunk});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(world.post("/campaigns", body).await.field(), field, "{more}");
    }
}

#[tokio::test]
async fn the_workspaces_rules_are_replaced_as_a_whole() {
    let world = World::new().await;
    let rules = world.get("/workspace/rules").await.expect(200);
    assert_eq!(rules.data()["caps"], json!({"minGapMinutes": 60.0, "maxPer24h": 3}));
    assert_eq!(rules.data()["schedule"], json!({"window": "always"}));
    let body = json!({"schedule": {"window": "everyday-10-18-UTC"}, "caps": {"maxPer7d": 5}, "limits": {"callsPerSecond": 2}});
    let set = put(&world, body).await.expect(200);
    assert_eq!(set.data()["caps"], json!({"minGapMinutes": 60.0, "maxPer24h": 3, "maxPer7d": 5}));
    assert_eq!(set.data()["limits"]["callsPerSecond"], 2.0);
    assert_eq!(world.get("/workspace/rules").await.data(), set.data());
    assert_eq!(put(&world, json!({"caps": {"maxPer24h": 0}})).await.field(), "caps.maxPer24h");
    assert_eq!(put(&world, json!({"quiet": true})).await.field(), "quiet");
    let unset = put(&world, json!({})).await.expect(200);
    assert_eq!(unset.data()["schedule"], json!({"window": "always"}));
}

#[tokio::test]
async fn numbers_are_put_on_the_list_one_by_one_many_at_once_and_as_a_file() {
    let world = World::new().await;
    let one = json!({"number": "+4915112345678", "channel": "sms", "reason": "asked us to"});
    let one = world.post("/suppressions", one).await.expect(201);
    assert_eq!(one.data()[0]["channel"], "sms");
    assert_eq!(one.data()[0]["source"], "OPERATOR");
    // Who says stop on one channel is left alone on all.
    let many = json!({"suppressions": [
        {"number": "+4915112345679", "channel": "sms", "source": "STOP"},
        {"number": "+4915112345670", "expiresAt": "2030-01-01T00:00:00Z"},
    ]});
    let many = world.post("/suppressions", many).await.expect(201);
    assert_eq!(many.data().as_array().unwrap().len(), 2);
    let stop = world.get("/suppressions?number=%2B4915112345679").await.expect(200);
    assert_eq!(stop.data()[0]["channel"], Value::Null);
    let file = "phone,channel,reason,expires_at\n+4915112345671,voice,registry,2030-01-01\nnobody,,,\n+4915112345672,pigeon,,\n+4915112345673,,,soon\n+4915112345671,sms,,\n+4915112345671,voice,,2029-01-01\n+4915112345674,,,2001-01-01\n";
    let read = world.upload("/suppressions/import", "text/csv", file).await.expect(200);
    assert_eq!((&read.data()["accepted"], &read.data()["rejected"]), (&json!(3), &json!(4)));
    let fields: Vec<_> =
        read.data()["rejects"].as_array().unwrap().iter().map(|r| r["field"].clone()).collect();
    assert_eq!(fields, ["phone", "channel", "expires_at", "expires_at"], "{}", read.data());
    let twice = world.get("/suppressions?number=%2B4915112345671").await.expect(200);
    let expiry: Vec<_> = twice.data().as_array().unwrap().iter().map(|r| r["expiresAt"].clone()).collect();
    assert!(
        expiry.contains(&Value::Null) && expiry.contains(&json!("2030-01-02T00:00:00.000Z")),
        "{expiry:?}"
    );
    let list = world.get("/suppressions").await.expect(200);
    assert_eq!(list.data().as_array().unwrap().len(), 5);
    // On the list already: the same entry, now for good.
    let again = world.post("/suppressions", json!({"number": "+4915112345670"})).await.expect(201);
    assert_eq!(again.data()[0]["expiresAt"], Value::Null);
    let id = again.data()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(remove(&world, &id).await.expect(200).data()["deleted"], true);
    assert_eq!(remove(&world, &id).await.refusal(404), "NOT_FOUND");
    for (body, field) in [
        (json!({}), "number"),
        (json!({"number": "12"}), "number"),
        (json!({"number": "+4915112345678", "suppressions": []}), "number"),
        (json!({"suppressions": []}), "suppressions"),
        (json!({"suppressions": [{"number": "+4915112345678"}, {"number": "x"}]}), "suppressions[1].number"),
        (json!({"suppressions": [{"number": "+4915112345678"}], "reason": "x"}), "suppressions"),
        (json!({"number": "+4915112345678", "reason": "two\nlines"}), "reason"),
        (json!({"number": "+4915112345678", "expiresAt": "soon"}), "expiresAt"),
        (json!({"number": "+4915112345678", "expiresAt": "2001-01-01T00:00:00Z"}), "expiresAt"),
        (json!({"number": "+4915112345678", "channel": "fax"}), "channel"),
    ] {
        assert_eq!(world.post("/suppressions", body.clone()).await.field(), field, "{body}");
    }
}

#[tokio::test]
async fn a_single_call_is_refused_to_who_said_stop_and_outside_the_workspaces_hours() {
    let world = World::new().await;
    let agent = world.agent().await;
    world.trunk().await;
    world.post("/suppressions", json!({"number": "+4915112345678", "source": "STOP"})).await.expect(201);
    let call = |to: &str| json!({"agentId": agent, "toNumber": to});
    assert_eq!(world.post("/sessions", call("+4915112345678")).await.refusal(409), "SUPPRESSED");
    world.post("/sessions", call("+4915112345679")).await.expect(202);
    // The clock of these tests stands at ten on a Sunday morning in Greenwich.
    let sunday = json!({"schedule": {"hours": {"sun": ["12:00-13:00"]}}});
    put(&world, sunday).await.expect(200);
    assert_eq!(world.post("/sessions", call("+4915112345679")).await.refusal(409), "OUTSIDE_HOURS");
    assert_eq!(world.post("/sessions", call("+80012345678")).await.refusal(409), "OUTSIDE_HOURS");
}

#[tokio::test]
async fn preflight_says_who_can_be_called_who_waits_and_who_never_will_be() {
    let world = World::new().await;
    // The clock of these tests stands at ten on a Sunday morning in Greenwich: half past three in India, five in New York.
    let rules = json!({"schedule": {"window": "everyday-09-18-UTC"}, "limits": {"callsPerSecond": 0.5}});
    let made = campaign(&world, rules).await.expect(201);
    let path = format!("/campaigns/{}", made.id());
    world.post("/suppressions", json!({"number": "+919876543211"})).await.expect(201);
    let to = |number: &str| json!({"to": number});
    let list = json!({"recipients": [to("+919876543210"), to("+919876543211"), to("+12125550100"), to("+12125550101"),
        to("+80012345678"), {"to": "+80012345679", "timezone": "Europe/London"}]});
    world.post(&format!("{path}/recipients"), list).await.expect(200);
    let ahead = world.get(&format!("{path}/preflight")).await.expect(200);
    let ahead = ahead.data();
    assert_eq!((&ahead["waiting"], &ahead["callableNow"]), (&json!(6), &json!(3)), "{ahead}");
    assert_eq!(
        ahead["held"],
        json!([{"hold": "WINDOW", "count": 2, "first": "2026-11-22T14:00:00.000Z", "last": "2026-11-22T14:00:00.000Z"}])
    );
    assert_eq!(ahead["ended"], json!([{"disposition": "SUPPRESSED", "reason": "suppressed", "count": 1}]));
    assert_eq!(ahead["zones"][0]["zones"], json!(["America/New_York"]));
    assert_eq!(ahead["zones"][0]["openNow"], false);
    assert_eq!(
        ahead["zones"][0]["hours"][0],
        json!({"from": "2026-11-22T14:00:00.000Z", "to": "2026-11-22T23:00:00.000Z"})
    );
    // Three now, then nobody until New York wakes up: two more at one call in two seconds.
    assert_eq!(ahead["expectedFinish"], "2026-11-22T14:00:04.000Z");
    let stats = world.get(&format!("{path}/stats")).await.expect(200);
    assert_eq!(stats.data()["holds"]["PAUSED"], 6);
}

#[tokio::test]
async fn a_preflight_of_a_moment_ago_will_do_where_it_may() {
    let world = World::new().await;
    let path = listed(&world, 3, json!({})).await;
    let ahead =
        async |query: &str| world.get(&format!("{path}/preflight{query}")).await.expect(200).data().clone();
    let first = ahead("?maxAge=60").await;
    assert_eq!(first["waiting"], 3);
    world.tick();
    assert_eq!(ahead("?maxAge=60").await, first, "it is still good");
    let fresh = ahead("").await;
    assert!(fresh["countedAt"].as_str() > first["countedAt"].as_str(), "{fresh}");
    // Of a campaign that was changed, or whose list was, no older one is told.
    world
        .post(&format!("{path}/recipients"), json!({"recipients": [{"to": "+919812345678"}]}))
        .await
        .expect(200);
    assert_eq!(ahead("?maxAge=60").await["waiting"], 4);
    world.call(&world.admin, "PATCH", &path, json!({"limits": {"callsPerSecond": 1}})).await.expect(200);
    assert_ne!(ahead("?maxAge=60").await["expectedFinish"], first["expectedFinish"]);
    assert_eq!(world.get(&format!("{path}/preflight?maxAge=301")).await.field(), "maxAge");
    let foreign =
        world.call(&world.stranger, "GET", &format!("{path}/preflight?maxAge=60"), Value::Null).await;
    assert_eq!(foreign.refusal(404), "NOT_FOUND");
}

#[tokio::test]
async fn preflight_warns_of_numbers_whose_place_nobody_knows() {
    let world = World::new().await;
    let hours = json!({"schedule": {"hours": {"mon": ["09:00-18:00"], "sun": ["09:00-18:00"]}}});
    let made = campaign(&world, hours).await.expect(201);
    let path = format!("/campaigns/{}", made.id());
    let list = json!({"recipients": [{"to": "+80012345678"}, {"to": "+79161234567"}]});
    world.post(&format!("{path}/recipients"), list).await.expect(200);
    let ahead = world.get(&format!("{path}/preflight")).await.expect(200);
    let ahead = ahead.data();
    let ended = ahead["ended"].as_array().unwrap();
    assert!(
        ended.contains(&json!({"disposition": "INVALID", "reason": "unknown_timezone", "count": 1})),
        "{ahead}"
    );
    let warnings = ahead["warnings"].to_string();
    assert!(warnings.contains("timezone") && warnings.contains("no finish can be told"), "{warnings}");
}

#[tokio::test]
async fn preflight_warns_of_what_cannot_be_said() {
    let world = World::new().await;
    let made = campaign(&world, json!({})).await.expect(201);
    let (path, agent) =
        (format!("/campaigns/{}", made.id()), made.data()["agentId"].as_str().unwrap().to_owned());
    let person =
        |n: u32, variables: Value| json!({"to": format!("+4915112345{n:03}"), "variables": variables});
    let mut people: Vec<Value> = (0..7).map(|n| person(n, json!({"name": " "}))).collect();
    people.push(person(7, json!({"name": "Ana", "city": "x".repeat(4_000)})));
    people.push(person(8, json!({"name": "Ana"})));
    world.post(&format!("{path}/recipients"), json!({"recipients": people})).await.expect(200);
    let ahead = async || world.get(&format!("{path}/preflight")).await.expect(200).data().clone();
    let nothing = ahead().await;
    assert_eq!(nothing["missingVariables"], json!([]));
    let texts = json!({"greetingText": "Hello {{name}} {{city|}}", "onMachine": "message", "machineMessageText": "{{name}}, {{plan|basic}}"});
    world.call(&world.admin, "PATCH", &format!("/agents/{agent}"), texts).await.expect(200);
    assert_eq!(ahead().await, nothing, "nobody is called with a draft");
    world.post(&format!("/agents/{agent}/publish"), json!({})).await.expect(200);
    let ahead = ahead().await;
    let examples: Vec<String> = (0..5).map(|n| format!("+4915112345{n:03}")).collect();
    assert_eq!(ahead["missingVariables"], json!([{"variable": "name", "count": 7, "examples": examples}]));
    assert_eq!((&ahead["waiting"], &ahead["callableNow"]), (&nothing["waiting"], &nothing["callableNow"]));
    let warnings = ahead["warnings"].to_string();
    assert!(warnings.contains("7 recipients lack") && warnings.contains("name 7"), "{warnings}");
    assert!(warnings.contains("1 recipients make a text"), "{warnings}");
}
