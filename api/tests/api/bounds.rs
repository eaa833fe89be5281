//! What the description says a value may be is what the server takes.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use crate::support::World;

/// The values at the bounds of a described value, and those just beyond them.
fn edges(schema: &Value) -> (Vec<Value>, Vec<Value>) {
    let (mut within, mut beyond) = (Vec::new(), Vec::new());
    if let Some(most) = schema["maxLength"].as_u64() {
        within.push(json!("x".repeat(most as usize)));
        beyond.push(json!("x".repeat(most as usize + 1)));
    }
    if schema["minLength"] == 1 {
        beyond.push(json!(""));
    }
    for (bound, step) in [("minimum", -1_i32), ("maximum", 1)] {
        if let Some(whole) = schema[bound].as_i64() {
            within.push(json!(whole));
            beyond.extend((whole + i64::from(step) >= 0).then(|| json!(whole + i64::from(step))));
        } else if let Some(number) = schema[bound].as_f64() {
            within.push(json!(number));
            beyond.push(json!(number + 0.01 * f64::from(step)));
        }
    }
    (within, beyond)
}

#[tokio::test]
async fn a_value_at_its_bound_is_taken_and_one_beyond_it_is_not() {
    let world = World::new().await;
    let agent = world.agent().await;
    world.trunk().await;
    let document = world.send(Request::get("/openapi.json").body(Body::empty()).unwrap()).await.body;
    let mut tried = 0;
    for (path, body, of_others) in [
        ("/agents", json!({"name": "Asha", "onMachine": "message"}), &[][..]),
        ("/campaigns", json!({"name": "Autumn", "agentId": agent}), &[]),
        ("/sessions", json!({"agentId": agent, "toNumber": "+14155550100"}), &[]),
        (
            "/trunks",
            json!({"name": "Test", "kind": "simulated"}),
            &["port", "registerExpires", "sessionExpires"],
        ),
        (
            "/trunks",
            json!({"name": "Test", "kind": "sip", "host": "sip.example.com", "username": "u", "password": "p", "register": true}),
            &["ringMs", "talkMs"],
        ),
        (
            "/trunks",
            json!({"name": "Mail", "kind": "smtp", "host": "1.1.1.1", "from": "a@example.com"}),
            &["ringMs", "talkMs", "registerExpires", "sessionExpires"],
        ),
        ("/webhooks", json!({"url": "https://example.com/hook"}), &[]),
        ("/suppressions", json!({"number": "+14155550100"}), &[]),
        ("/uploads", json!({"filename": "list.csv"}), &[]),
        ("/api-keys", json!({"name": "CRM"}), &[]),
    ] {
        let content = &document["paths"][format!("/api/v1{path}")]["post"]["requestBody"]["content"];
        let name = content["application/json"]["schema"]["$ref"].as_str().expect(path);
        let schema = document.pointer(name.trim_start_matches('#')).expect(name);
        let fields = schema["properties"].as_object().unwrap().iter();
        for (field, schema) in fields.filter(|(field, _)| !of_others.contains(&field.as_str())) {
            let (within, beyond) = edges(schema);
            tried += within.len();
            let send = async |value: Value| {
                let mut body = body.clone();
                body[field] = value;
                world.post(path, body).await
            };
            for value in within {
                let answer = send(value).await;
                assert!(answer.status.is_success(), "{path} {field}: {}", answer.text);
            }
            for value in beyond {
                assert_eq!(send(value).await.field(), *field, "{path}");
            }
        }
    }
    assert!(tried >= 20, "{tried}");
}
