//! Tells callers how many requests they may still make: the fields of draft-ietf-httpapi-ratelimit-headers-10, which are
//! structured fields (RFC 9651).

use std::{sync::Arc, time::Duration};

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};

use crate::auth::Told;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Adds the headers to every answer to somebody whose requests are counted.
pub(crate) async fn tell(mut request: Request, next: Next) -> Response {
    let told = Told::default();
    request.extensions_mut().insert(Arc::clone(&told));
    let mut response = next.run(request).await;
    if let Some((quota, taken)) = told.get() {
        let policy = format!("\"default\";q={};w={}", quota.burst(), seconds(quota.window()));
        let left = format!("\"default\";r={};t={}", taken.remaining, seconds(taken.reset));
        for (name, text) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, left)] {
            if let Ok(value) = HeaderValue::try_from(text) {
                response.headers_mut().insert(name, value);
            }
        }
    }
    response
}

/// Whole seconds, at least one where there is any wait.
fn seconds(time: Duration) -> u64 {
    (time.as_micros() as u64).div_ceil(1_000_000)
}
