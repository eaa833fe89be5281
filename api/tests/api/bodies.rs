use axum::{
    body::{Body, Bytes},
    http::header,
};
use serde_json::json;

use crate::support::{World, request};

#[tokio::test]
async fn a_body_that_is_no_json_is_told_where() {
    let world = World::new().await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_object = format!("{{\"voice\":{}1{}}}", "{\"a\":".repeat(500), "}".repeat(500));
    for text in [
        "",
        "{",
        "{\"name\":}",
        "name=x",
        "{\"name\":\"x\"} trailing",
        "{\"name\":\"\\ud800\"}",
        "{'name':1}",
        &deep,
        &deep_object,
    ] {
        let answer = world.post_text("/agents", text.to_owned()).await;
        let message = answer.body["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!(answer.refusal(400), "INVALID_JSON", "{text:.40}");
        assert!(message.contains("line 1 column") && message.len() < 400, "{message}");
    }
    assert_eq!(
        world.post_text("/agents", Bytes::from_static(b"{\"name\":\"\xff\"}")).await.refusal(400),
        "INVALID_JSON"
    );
}

#[tokio::test]
async fn json_of_the_wrong_form_is_refused() {
    let world = World::new().await;
    for text in ["null", "1", "\"x\"", "[]", "[\"Asha\"]", "[{\"name\":\"Asha\"}]"] {
        assert_eq!(world.post_text("/agents", text).await.field(), "", "{text}");
    }
    assert_eq!(world.post_text("/agents", "{\"name\":\"a\",\"name\":\"b\"}").await.field(), "name");
    assert_eq!(
        world.post_text("/agents", "{\"name\":\"a\",\"voice\":{\"x\":1,\"x\":2}}").await.field(),
        "voice.x"
    );
    let long = json!({"x".repeat(100_000): 1});
    let answer = world.post("/agents", long).await.expect(422);
    assert!(answer.text.len() < 2_000, "a long name is not sent back whole");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_however_it_comes() {
    let world = World::new().await;
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(2 * 1024 * 1024));
    assert_eq!(world.post_text("/agents", large.clone()).await.refusal(413), "TOO_LARGE");
    let chunks =
        large.into_bytes().chunks(100_000).map(|c| Ok::<_, std::io::Error>(c.to_vec())).collect::<Vec<_>>();
    let chunked = Body::from_stream(futures::stream::iter(chunks));
    assert_eq!(world.post_text("/agents", chunked).await.refusal(413), "TOO_LARGE");
    let declared = request("POST", "/agents")
        .header(header::AUTHORIZATION, format!("Bearer {}", world.admin))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_LENGTH, "99999999999")
        .body(Body::empty());
    assert_eq!(world.send(declared.unwrap()).await.refusal(413), "TOO_LARGE");
    let filler = " ".repeat(2 * 1024 * 1024 - 12);
    world.post_text("/agents", format!("{{\"name\":\"x\"{filler}}}")).await.expect(201);
}

#[tokio::test]
async fn only_plain_json_is_read() {
    let world = World::new().await;
    for media in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json", ""] {
        let answer = world.upload("/agents", media, "{\"name\":\"x\"}").await;
        assert_eq!(answer.refusal(415), "UNSUPPORTED_MEDIA_TYPE", "{media}");
    }
    for media in ["application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json"] {
        world.upload("/agents", media, "{\"name\":\"x\"}").await.expect(201);
    }
    for (encoding, status) in [("gzip", 415), ("br", 415), ("gzip, identity", 415), ("identity", 201)] {
        let packed = request("POST", "/agents")
            .header(header::AUTHORIZATION, format!("Bearer {}", world.admin))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONTENT_ENCODING, encoding)
            .body(Body::from("{\"name\":\"x\"}"));
        world.send(packed.unwrap()).await.expect(status);
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_the_clients_trouble() {
    let world = World::new().await;
    let parts = [Ok("{\"name\":"), Err(std::io::Error::other("gone"))];
    let answer = world.post_text("/agents", Body::from_stream(futures::stream::iter(parts))).await;
    assert_eq!(answer.refusal(400), "BROKEN_UPLOAD");
}

#[tokio::test]
async fn every_answer_has_an_id_and_is_not_kept() {
    let world = World::new().await;
    let answer = world.get("/agents").await;
    assert!(answer.headers["x-request-id"].to_str().unwrap().starts_with("req_"));
    assert_eq!(answer.headers["cache-control"], "no-store");
    for (given, kept) in
        [("order-7:a/b", true), ("has space", false), ("", false), (&*"x".repeat(129), false)]
    {
        let request = request("GET", "/nothing").header("x-request-id", given).body(Body::empty()).unwrap();
        let answer = world.send(request).await;
        assert_eq!(answer.headers["x-request-id"] == given, kept, "{given:.20}");
    }
}
