//! Uploads over HTTP.

use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::support::{Answer, World};

const LIST: &str = "phone,name\n+919876543210,Ana\nnonsense,Bo\n+919876543211,Cy\n";

/// Sends a part.
async fn part(world: &World, path: &str, offset: &str, last: bool, body: &'static str) -> Answer {
    let mut request = Request::patch(format!("/api/v1{path}/data"))
        .header(header::AUTHORIZATION, format!("Bearer {}", world.admin));
    if !offset.is_empty() {
        request = request.header("upload-offset", offset);
    }
    if last {
        request = request.header("upload-complete", "?1");
    }
    world.send(request.body(body.into()).unwrap()).await
}

async fn ready(world: &World) -> String {
    let made = world.upload("/uploads?filename=list.csv", "text/csv", LIST).await.expect(201);
    assert_eq!(
        (&made.data()["status"], &made.data()["filename"]),
        (&json!("VALIDATING"), &json!("list.csv"))
    );
    assert!(world.engine.validate_next_upload().await.unwrap());
    made.id()
}

#[tokio::test]
async fn an_upload_in_parts_goes_on_at_its_offset() {
    let world = World::new().await;
    let body = json!({"filename": "list.csv", "bytes": LIST.len()});
    let made = world.post("/uploads", body).await.expect(201);
    assert!(made.id().starts_with("upl_"), "{}", made.text);
    assert_eq!((&made.data()["status"], &made.data()["offset"]), (&json!("RECEIVING"), &json!(0)));
    let path = format!("/uploads/{}", made.id());
    assert_eq!(part(&world, &path, "", false, "x").await.field(), "Upload-Offset");
    assert_eq!(part(&world, &path, "-1", false, "x").await.field(), "Upload-Offset");
    let kept = part(&world, &path, "0", false, &LIST[..20]).await.expect(200);
    assert_eq!(kept.data()["offset"], 20);
    let wrong = part(&world, &path, "7", false, "x").await;
    assert_eq!(wrong.body["meta"]["offset"], 20);
    assert_eq!(wrong.refusal(409), "WRONG_OFFSET");
    let refused = part(&world, &path, "20", true, "x").await;
    assert_eq!(refused.refusal(409), "UPLOAD_INCOMPLETE");
    let kept = part(&world, &path, "21", false, &LIST[21..]).await.expect(200);
    assert_eq!(kept.data()["status"], "VALIDATING", "the last byte ends it");
    assert_eq!(part(&world, &path, "60", false, "x").await.refusal(409), "UPLOAD_CLOSED");
}

#[tokio::test]
async fn a_whole_file_is_looked_through_and_shown() {
    let world = World::new().await;
    let path = format!("/uploads/{}", ready(&world).await);
    let shown = world.get(&path).await.expect(200);
    for (name, value) in [
        ("status", json!("READY")),
        ("rows", json!(3)),
        ("rejected", json!(1)),
        ("columns", json!(["phone", "name"])),
        ("bytes", json!(LIST.len())),
        ("error", Value::Null),
    ] {
        assert_eq!(shown.data()[name], value, "{name}");
    }
    assert_eq!(shown.data()["mapped"]["number"], "phone");
    assert_eq!(shown.data()["rejects"][0]["line"], 3);
    let file = world.get(&format!("{path}/errors.csv")).await;
    assert!(
        file.text.starts_with("line,column,value,reason\n3,phone,nonsense,not_a_number"),
        "{}",
        file.text
    );
    assert_eq!(world.get("/uploads").await.expect(200).data()[0]["id"], shown.data()["id"]);
    for foreign in [path.clone(), format!("{path}/preview"), format!("{path}/errors.csv")] {
        assert_eq!(world.call(&world.stranger, "GET", &foreign, Value::Null).await.status, 404, "{foreign}");
    }
    world.call(&world.admin, "DELETE", &path, Value::Null).await.expect(200);
    assert_eq!(world.get(&path).await.status, 404);
}

#[tokio::test]
async fn a_preview_says_what_an_agent_would_say() {
    let world = World::new().await;
    let line = "Hello {{name}}, about {{ thing | your order }}: {{when}}?";
    let line: String = url::form_urlencoded::byte_serialize(line.as_bytes()).collect();
    let path = format!("/uploads/{}", ready(&world).await);
    let plain = world.get(&format!("{path}/preview")).await.expect(200);
    assert_eq!(plain.data()[0]["openingLine"], Value::Null);
    let shown = world.get(&format!("{path}/preview?openingLine={line}")).await.expect(200);
    let first = &shown.data()[0];
    assert_eq!(first["openingLine"], "Hello Ana, about your order: ?");
    assert_eq!((&first["to"], &first["missing"]), (&json!("+919876543210"), &json!(["when"])));
    assert_eq!(
        (&first["variables"], &first["timezones"]),
        (&json!({"name": "Ana"}), &json!(["Asia/Kolkata"]))
    );
    let bad = &shown.data()[1];
    assert_eq!(
        (&bad["line"], &bad["to"], &bad["reject"]["value"]),
        (&json!(3), &Value::Null, &json!("nonsense"))
    );
}

#[tokio::test]
async fn a_preview_says_what_this_agent_would_say() {
    let world = World::new().await;
    let agent = async |line: Value| {
        let body = json!({"name": "Asha", "openingLine": line});
        world.post("/agents", body).await.expect(201).id()
    };
    let (asha, silent) = (agent(json!("Hi {{name}} of {{city}}")).await, agent(Value::Null).await);
    let path = format!("/uploads/{}/preview", ready(&world).await);
    let rows = async |query: &str| world.get(&format!("{path}{query}")).await.expect(200).data().clone();
    let shown = rows(&format!("?agentId={asha}")).await;
    let said: Vec<_> = shown
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (&row["line"], &row["openingLine"], &row["missing"]))
        .collect();
    assert_eq!(
        said,
        [
            (&json!(2), &json!("Hi Ana of "), &json!(["city"])),
            (&json!(3), &Value::Null, &json!([])), // calls nobody
            (&json!(4), &json!("Hi Cy of "), &json!(["city"])),
        ]
    );
    assert_eq!(rows(&format!("?agentId={silent}")).await[0]["openingLine"], Value::Null);
    // A draft says nothing yet.
    let draft = json!({"openingLine": "Bye"});
    world.call(&world.admin, "PATCH", &format!("/agents/{asha}"), draft).await.expect(200);
    assert_eq!(rows(&format!("?agentId={asha}")).await, shown);
    // The agent that the upload names, unless another one or another line is.
    let of_asha = world.upload(&format!("/uploads?agentId={asha}"), "text/csv", LIST).await.expect(201).id();
    let of_asha = format!("/uploads/{of_asha}/preview");
    assert_eq!(world.get(&of_asha).await.expect(200).data(), &shown);
    let other = world.get(&format!("{of_asha}?agentId={silent}")).await.expect(200);
    assert_eq!(other.data()[0]["openingLine"], Value::Null);
    let other = world.get(&format!("{of_asha}?openingLine=Bye")).await.expect(200);
    assert_eq!(other.data()[0]["openingLine"], "Bye");

    let both = world.get(&format!("{path}?agentId={asha}&openingLine=Bye")).await;
    assert_eq!(both.field(), "openingLine");
    assert_eq!(world.get(&format!("{path}?agentId=nobody")).await.field(), "agentId");
    let theirs = world.call(&world.stranger, "POST", "/agents", json!({"name": "Theirs"})).await.expect(201);
    let foreign = world.get(&format!("{path}?agentId={}", theirs.id())).await;
    assert_eq!(foreign.refusal(404), "NOT_FOUND");
}

#[tokio::test]
async fn a_preview_says_what_would_be_heard() {
    let world = World::new().await;
    let texts = json!({"name": "Asha", "openingLine": "Hi {{name}} of {{city}}", "greetingText": "Hello {{name}} {{code|}}{{city}}",
        "onMachine": "message", "machineMessageText": "{{plan}}: call back"});
    let agent = world.post("/agents", texts).await.expect(201).id();
    let path = format!("/uploads/{}/preview?agentId={agent}", ready(&world).await);
    let shown = world.get(&path).await.expect(200);
    let row = &shown.data()[0];
    assert_eq!(
        (&row["greetingText"], &row["machineMessageText"], &row["missing"]),
        (&json!("Hello Ana "), &json!(": call back"), &json!(["city", "plan"]))
    );
    assert_eq!((&shown.data()[1]["greetingText"], &shown.data()[1]["missing"]), (&Value::Null, &json!([])));
}

#[tokio::test]
async fn a_campaign_names_its_source() {
    let world = World::new().await;
    let (agent, _) = (world.agent().await, world.trunk().await);
    let upload = ready(&world).await;
    let body = json!({"name": "Autumn", "agentId": agent, "source": {"type": "csv", "uploadId": upload}});
    let campaign = world.post("/campaigns", body).await.expect(201).id();
    let start = format!("/campaigns/{campaign}/start");
    assert_eq!(world.post(&start, Value::Null).await.refusal(409), "IMPORT_RUNNING");
    assert!(world.engine.fill_next().await.unwrap());
    let imports = world.get(&format!("/imports?campaignId={campaign}")).await.expect(200);
    let import = &imports.data()[0];
    assert_eq!((&import["status"], &import["accepted"]), (&json!("FINISHED"), &json!(2)));
    assert_eq!(import["uploadId"], json!(upload));
    let path = format!("/campaigns/{campaign}/recipients/import");
    let again = world.post(&path, json!({"uploadId": upload})).await.expect(202);
    assert_eq!(again.data()["status"], "RUNNING");
    assert!(world.engine.fill_next().await.unwrap());
    assert_eq!(world.get(&format!("/imports/{}", again.id())).await.data()["rejected"], 3);
    world.post(&start, Value::Null).await.expect(200);
    for (body, field) in [
        (json!({"type": "sheet", "uploadId": upload}), "source.type"),
        (json!({"type": "csv"}), "source.uploadId"),
        (json!({"type": "csv", "uploadId": upload, "x": 1}), "source.x"),
    ] {
        let body = json!({"name": "Autumn", "agentId": agent, "source": body});
        assert_eq!(world.post("/campaigns", body).await.field(), field);
    }
    let none = "upl_00000000000000000000000000";
    assert_eq!(world.post(&path, json!({"uploadId": none})).await.status, 409, "it is calling");
}

#[tokio::test]
async fn a_mapping_is_set_and_the_file_read_anew() {
    let world = World::new().await;
    let path = format!("/uploads/{}", ready(&world).await);
    let mapping = format!("{path}/mapping");
    let map = |body: Value| world.call(&world.admin, "PUT", &mapping, body);
    let done = map(json!({"number": "phone", "rename": {"name": "who"}})).await.expect(200);
    assert_eq!(done.data()["status"], "VALIDATING");
    assert!(world.engine.validate_next_upload().await.unwrap());
    let shown = world.get(&format!("{path}/preview")).await.expect(200);
    assert_eq!(shown.data()[0]["variables"], json!({"who": "Ana"}));
    assert_eq!(map(json!({"phone": "x"})).await.field(), "phone");
    assert_eq!(map(json!({"ignore": "x"})).await.field(), "ignore");
}

#[tokio::test]
async fn what_is_wrong_with_a_beginning_is_named() {
    let world = World::new().await;
    for (body, field) in [
        (json!({"bytes": 0}), "bytes"),
        (json!({"bytes": 2_000_000_000_u64}), "bytes"),
        (json!({"sha256": "abc"}), "sha256"),
        (json!({"filename": "a\nb"}), "filename"),
        (json!({"agentId": "agt_00000000000000000000000000"}), "agentId"),
        (json!({"mapping": {"column": "x"}}), "mapping.column"),
        (json!({"size": 3}), "size"),
    ] {
        assert_eq!(world.post("/uploads", body.clone()).await.field(), field, "{body}");
    }
    assert_eq!(world.upload("/uploads", "text/plain", "x").await.status, 415);
    let list = world.get("/uploads").await;
    assert_eq!(list.data(), &json!([]), "nothing was begun");
}
