//! Lists as files.

use serde_json::{Value, json};

use crate::support::{World, without};

#[tokio::test]
async fn what_became_of_everybody_is_a_file() {
    let world = World::new().await;
    let campaign = world.campaign().await;
    let recipients = format!("/campaigns/{campaign}/recipients");
    for part in 0..3 {
        world.tick();
        let list: Vec<_> = (0..1_000)
            .map(|i| json!({"to": format!("+9198{:08}", part * 1_000 + i), "variables": {"n": "=1+1"}}))
            .collect();
        world.post(&recipients, json!({"recipients": list})).await.expect(200);
    }
    world.tick();
    let odd = json!({"recipients": [{"to": "+4915112345678", "variables": {"a": "x,\"y\"\n"}}]});
    world.post(&recipients, odd).await.expect(200);
    let csv = world.get(&format!("/campaigns/{campaign}/results.csv")).await;
    assert_eq!(
        (csv.status.as_u16(), &csv.headers["content-type"]),
        (200, &"text/csv; charset=utf-8".parse().unwrap())
    );
    assert!(
        csv.headers["content-disposition"].to_str().unwrap().contains(&format!("{campaign}-results.csv"))
    );
    let mut reader = csv::Reader::from_reader(csv.text.as_bytes());
    assert_eq!(
        reader.headers().unwrap().iter().take(4).collect::<Vec<_>>(),
        ["id", "to", "state", "disposition"]
    );
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 3_001);
    assert_eq!(&rows[0][1], "+4915112345678", "the newest first, as in the list");
    assert_eq!(serde_json::from_str::<Value>(&rows[0][13]).unwrap(), json!({"a": "x,\"y\"\n"}));
    let mut numbers: Vec<&str> = rows.iter().map(|row| &row[1]).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 3_001, "everybody once");

    let lines = world.get(&format!("/campaigns/{campaign}/results.jsonl?sort=createdAt")).await;
    let all: Vec<Value> = lines.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((all.len(), &all[3_000]["to"]), (3_001, &json!("+4915112345678")));
    let one = world.get(&format!("{recipients}/{}", all[3_000]["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(all[3_000], without(one.data(), "channels"), "as it is shown elsewhere");

    let narrow = format!("/campaigns/{campaign}/results.jsonl");
    let count = async |query: &str| world.get(&format!("{narrow}?{query}")).await.text.lines().count();
    assert_eq!(count("state=DONE").await, 0);
    assert_eq!(count("numberContains=9198000000").await, 100);
    assert_eq!(count("since=2026-11-22T10:00:04Z").await, 1);
    assert_eq!(world.get(&format!("{narrow}?limit=5")).await.field(), "limit");
    let theirs = world.call(&world.stranger, "GET", &narrow, Value::Null).await;
    assert_eq!(theirs.refusal(404), "NOT_FOUND");
}

#[tokio::test]
async fn calls_are_a_file() {
    let world = World::new().await;
    let things = world.things().await;
    world.tick();
    let to = json!({"agentId": things.agent, "toNumber": "+14155550101", "metadata": {"order": "-7"}});
    let second = world.post("/sessions", to).await.id();
    let csv = world.get("/sessions/export.csv").await;
    let mut reader = csv::Reader::from_reader(csv.text.as_bytes());
    let names: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let cell = |row: usize, name: &str| rows[row][names.iter().position(|it| it == name).unwrap()].to_owned();
    assert_eq!((rows.len(), cell(0, "id"), cell(1, "id")), (2, second.clone(), things.session));
    assert_eq!(
        (cell(0, "toNumber"), cell(0, "attempt"), cell(0, "endedAt")),
        ("+14155550101".into(), "1".into(), String::new())
    );
    assert_eq!(cell(0, "metadata"), "{\"order\":\"-7\"}");
    let lines = world.get("/sessions/export.jsonl?number=%2B14155550101").await;
    let shown = world.get(&format!("/sessions/{second}")).await.expect(200);
    let shown = without(shown.data(), "message");
    assert_eq!(serde_json::from_str::<Value>(&lines.text).unwrap(), shown);
    assert_eq!(names.len(), shown.as_object().unwrap().len(), "every field has its column");
    let theirs = world.call(&world.stranger, "GET", "/sessions/export.jsonl", Value::Null).await;
    assert_eq!(theirs.text, "");
    assert_eq!(world.get("/sessions/export.csv?cursor=x").await.field(), "cursor");
}
