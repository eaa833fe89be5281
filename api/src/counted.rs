//! What is counted of every request: how many, how long, how they ended.

use axum::{
    extract::{MatchedPath, Request},
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};
use ringfleet_core::clock::Stopwatch;
use ringfleet_telemetry::{HTTP_DURATION, HTTP_IN_FLIGHT, HTTP_REQUESTS};

/// The route of a request that no route is for.
const NO_ROUTE: &str = "none";

/// Counts a request by the pattern of its path: the path itself says whose it is, and there is no end of them. One whose client goes away before
/// the answer is not counted, for it has none.
pub(crate) async fn count(request: Request, next: Next) -> Response {
    let (_under_way, watch) = (UnderWay::begin(), Stopwatch::start());
    let method = method(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    ended(method, route, response.status(), watch);
    response
}

fn ended(method: &'static str, route: String, status: StatusCode, watch: Stopwatch) {
    let status = status.as_str().to_owned();
    HTTP_DURATION.of([method.to_owned(), route.clone()]).record(watch.elapsed());
    HTTP_REQUESTS.of([method.to_owned(), route, status]).increment(1);
}

/// Clients may make up methods, and would make up series by that.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

/// A request that is being answered; dropped when it is, or when its client goes away.
struct UnderWay;

impl UnderWay {
    fn begin() -> Self {
        HTTP_IN_FLIGHT.one().increment(1);
        Self
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        HTTP_IN_FLIGHT.one().decrement(1);
    }
}
