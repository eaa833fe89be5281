//! The description of the API: `/openapi.json` for programs, `/docs` for people. Both are made once, at the start.

mod page;

use axum::{
    Router,
    http::{HeaderName, header},
    routing::get,
};
use bytes::Bytes;
use serde_json::Value;

/// The page holds no script and loads nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Serves the description.
pub(crate) fn router(document: &Value) -> Router {
    let json = fixed([(header::CONTENT_TYPE, "application/json")], document.to_string());
    let page =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    Router::new().route("/openapi.json", json).route("/docs", fixed(page, page::of(document)))
}

/// Always the same answer.
fn fixed<const N: usize>(
    headers: [(HeaderName, &'static str); N],
    body: String,
) -> axum::routing::MethodRouter {
    let body = Bytes::from(body);
    get(move || std::future::ready((headers, body)))
}
