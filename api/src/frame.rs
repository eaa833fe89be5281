//! What surrounds every request: its id, its span in the log, its time limit, and the answer when a handler panics.

use std::{any::Any, time::Duration};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use ringfleet_core::clock::Stopwatch;
use ringfleet_telemetry::trace;
use tracing::{Instrument, Span};

use crate::{error::ApiError, health, linger::lingering};

const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// Its id, in requests and answers.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest request id that is taken over from a client.
const REQUEST_ID_LIMIT: usize = 128;
/// Within this an answer must have begun.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(30);

/// The headers of every answer that keep browsers from harm.
///
/// The API answers with data for programs, so a page of it may do nothing, be framed by nobody and be read by no other
/// origin (unless CORS lets it).
#[derive(Clone, Copy)]
pub(crate) struct Guards {
    over_tls: bool,
}

impl Guards {
    pub(crate) fn of(base_url: &url::Url) -> Self {
        Self { over_tls: base_url.scheme() == "https" }
    }

    fn put(self, headers: &mut HeaderMap) {
        let fixed = [
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
            (header::REFERRER_POLICY, "no-referrer"),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        ];
        for (name, value) in fixed {
            headers.insert(name, HeaderValue::from_static(value));
        }
        // The pages for people have their own, and their files may be kept.
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(POLICY);
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        if self.over_tls {
            // RFC 6797; a year.
            headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
        }
    }
}

/// Gives the request an id and a span, and the answer the headers all answers have.
///
/// The span names the path without its query: nothing a client searches for belongs into the log.
pub(crate) async fn surround(State(guards): State<Guards>, mut request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let span = span_of(&request, &id);
    let parent = request.headers().get(trace::HEADER).and_then(|header| header.to_str().ok());
    trace::continue_from(&span, parent);
    if let Some(route) = request.extensions().get::<MatchedPath>() {
        trace::note(&span, "http.route", route.as_str().to_owned());
    }
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let request = lingering(request);
    let watch = Stopwatch::start();
    async move {
        let mut response = next.run(request).await;
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, id);
        guards.put(headers);
        trace::note(&Span::current(), "http.response.status_code", i64::from(response.status().as_u16()));
        tracing::debug!(
            status = response.status().as_u16(),
            ms = watch.elapsed().as_millis() as u64,
            "answered"
        );
        response
    }
    .instrument(span)
    .await
}

/// The span of a request; none for who only looks whether the process is there, every few seconds.
fn span_of(request: &Request, id: &HeaderValue) -> Span {
    match request.uri().path() {
        health::ALIVE | health::READY => Span::none(),
        path => {
            tracing::info_span!(target: trace::TARGET, "request", id = id.to_str().unwrap_or_default(), method = %request.method(), path)
        }
    }
}

/// The client's id if it is harmless in a log line, else a random one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let harmless = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=REQUEST_ID_LIMIT).contains(&bytes.len())
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.:/+=".contains(b))
    };
    let fresh = || HeaderValue::try_from(format!("req_{:032x}", rand::random::<u128>()));
    match headers.get(REQUEST_ID).filter(harmless) {
        Some(given) => given.clone(),
        None => fresh().unwrap_or_else(|_| HeaderValue::from_static("req_unknown")),
    }
}

/// Gives up a request that takes too long. What it had begun in the database is undone, unless just that was being committed.
pub(crate) async fn limit_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            tracing::warn!(seconds = limit.as_secs(), "a request took too long and was given up");
            ApiError::unavailable(
                "this took too long and was given up; before you repeat a change, look whether it was made",
            )
            .into_response()
        }
    }
}

/// The answer to a request whose handler panicked.
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text =
        panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("no message"), "a handler panicked");
    ApiError::internal().into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, body::Body, http::StatusCode, middleware, routing::get};
    use tower::ServiceExt;
    use tower_http::catch_panic::CatchPanicLayer;

    /// A router whose only handler is `handler`, in the whole frame.
    async fn answer(
        handler: axum::routing::MethodRouter,
        limit: Duration,
    ) -> (StatusCode, HeaderMap, String) {
        let app = Router::new()
            .route("/", handler)
            .route_layer(middleware::from_fn_with_state(limit, limit_time))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(middleware::from_fn_with_state(Guards { over_tls: false }, surround));
        let response = app.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 10_000).await.unwrap();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error_without_details() {
        let handler = get(|| async {
            if true {
                panic!("secret detail")
            }
        });
        let (status, headers, body) = answer(handler, TIME_LIMIT).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(body.contains("\"INTERNAL\"") && !body.contains("secret"), "{body}");
        assert!(headers.contains_key(REQUEST_ID));
    }

    #[tokio::test]
    async fn a_request_that_takes_too_long_is_given_up() {
        let (status, headers, body) =
            answer(get(std::future::pending::<()>), Duration::from_millis(20)).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("\"UNAVAILABLE\""), "{body}");
        assert_eq!(headers[header::RETRY_AFTER], "1");
    }
}
