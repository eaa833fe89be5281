//! The dashboard beside the API: who gets a page, and who the API's own words.

use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use tower::ServiceExt;

use crate::support::World;

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn asked(world: &World, method: Method, path: &str, accept: &str) -> (StatusCode, HeaderMap, String) {
    let request = Request::builder().method(method).uri(path).header(header::ACCEPT, accept);
    let response = world.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, 100_000).await.unwrap();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_browser_gets_a_page_with_rules_of_its_own() {
    let world = World::new().await;
    for path in ["/", "/campaigns", "/campaigns/cmp_1?x=1", "/webhooks", "/reset"] {
        let (status, headers, body) = asked(&world, Method::GET, path, BROWSER).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert_eq!(headers[header::CONTENT_TYPE], "text/html; charset=utf-8", "{path}");
        assert!(body.starts_with("<!doctype html>") && body.contains("<title>Ringfleet</title>"), "{body}");
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-cache");
        assert_eq!(
            (&headers["x-frame-options"], &headers["x-content-type-options"]),
            (&"DENY".parse().unwrap(), &"nosniff".parse().unwrap())
        );
        assert!(headers.contains_key("x-request-id"));
    }
    let (status, headers, body) = asked(&world, Method::HEAD, "/", BROWSER).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, ""));
    assert_ne!(headers[header::CONTENT_LENGTH], "0");
}

#[tokio::test]
async fn programs_are_told_as_ever_that_there_is_no_such_endpoint() {
    let world = World::new().await;
    let unknown = [
        (Method::GET, "/", "*/*"),
        (Method::GET, "/campaigns", "application/json"),
        (Method::GET, "/api/v1/nothing", BROWSER),
        (Method::GET, "/api", BROWSER),
        (Method::GET, "/files/nothing", BROWSER),
        (Method::GET, "/webhook", BROWSER),
        (Method::GET, "/metrics", BROWSER),
        (Method::GET, "/assets/gone-1.js", BROWSER),
        (Method::POST, "/", BROWSER),
        (Method::DELETE, "/campaigns", BROWSER),
    ];
    for (method, path, accept) in unknown {
        let (status, headers, body) = asked(&world, method.clone(), path, accept).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}");
        assert_eq!(headers[header::CONTENT_TYPE], "application/json", "{method} {path}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        assert!(body.contains("there is no such endpoint"), "{method} {path}: {body}");
    }
    // What is there wants its own method, browser or not.
    let (status, _, body) = asked(&world, Method::GET, "/webhook/livekit", BROWSER).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{body}");
}
