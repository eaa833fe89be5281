//! The description of the API: `/openapi.json` for programs.

use axum::{Router, http::header, routing::get};
use bytes::Bytes;
use serde_json::Value;

/// Serves the description, which is made once.
pub(crate) fn router(document: Value) -> Router {
    let json = Bytes::from(document.to_string());
    let answer = move || {
        let json = json.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], json) }
    };
    Router::new().route("/openapi.json", get(answer))
}
