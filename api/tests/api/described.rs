//! Holds every answer that a test gets to the description of the API.

use std::collections::HashMap;

use axum::http::{Method, StatusCode};
use parking_lot::Mutex;
use serde_json::{Value, json};

/// What the server says of itself.
pub struct Described {
    document: Value,
    validators: Mutex<HashMap<(String, String, u16), Option<jsonschema::Validator>>>,
}

impl Described {
    pub fn new(document: Value) -> Self {
        assert_eq!(document["openapi"], "3.1.0", "the server describes itself");
        Self { document, validators: Mutex::default() }
    }

    /// Compares an answer with what is described. What no route leads to is described nowhere.
    #[track_caller]
    pub fn check(&self, method: &Method, path: &str, status: StatusCode, body: &Value) {
        let Some(operation) = self.operation(method, path) else { return };
        let answer = &operation["responses"][status.as_str()];
        assert!(answer.is_object(), "{method} {path} has answered {status}, which is not described: {body}");
        let Some(schema) = answer.pointer("/content/application~1json/schema") else { return };
        let key = (method.to_string(), operation["operationId"].to_string(), status.as_u16());
        let mut validators = self.validators.lock();
        let validator = validators.entry(key).or_insert_with(|| self.validator(schema));
        let Some(validator) = validator else {
            panic!("{method} {path} {status}: no valid schema: {schema}")
        };
        let problems: Vec<_> =
            validator.iter_errors(body).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(
            problems.is_empty(),
            "{method} {path} {status} is not as described: {problems:#?} in {body:#}"
        );
    }

    fn validator(&self, schema: &Value) -> Option<jsonschema::Validator> {
        let mut schema = schema.clone();
        schema.as_object_mut()?.insert("components".into(), self.document["components"].clone());
        jsonschema::draft202012::new(&schema).ok()
    }

    fn operation(&self, method: &Method, path: &str) -> Option<&Value> {
        let path = path.split('?').next()?;
        let fits = |shown: &str| {
            let (shown, given) = (shown.split('/'), path.split('/'));
            shown.clone().count() == given.clone().count()
                && shown.zip(given).all(|(shown, given)| shown.starts_with('{') || shown == given)
        };
        let paths = self.document["paths"].as_object()?;
        let found = paths
            .iter()
            .filter(|(shown, _)| fits(shown))
            .min_by_key(|(shown, _)| shown.matches('{').count())?;
        found.1.get(method.as_str().to_lowercase())
    }
}

#[test]
#[should_panic(expected = "is not as described")]
fn an_answer_that_is_not_as_described_is_found() {
    let schema = json!({"type": "object", "properties": {"a": {"$ref": "#/components/schemas/A"}}});
    let answer = json!({"content": {"application/json": {"schema": schema}}});
    let described = Described::new(json!({
        "openapi": "3.1.0",
        "paths": {"/things/{id}": {"get": {"operationId": "x", "responses": {"200": answer}}}},
        "components": {"schemas": {"A": {"type": "integer"}}},
    }));
    described.check(&Method::GET, "/things/7?x=1", StatusCode::OK, &json!({"a": 1}));
    described.check(&Method::GET, "/things/7", StatusCode::OK, &json!({"a": "1"}));
}
