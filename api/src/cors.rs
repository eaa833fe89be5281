//! Which web pages of other origins may use the API (Fetch standard, CORS): none, unless they are named.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser need not ask again.
const MAX_AGE: Duration = Duration::from_secs(600);

/// Answers preflights, and adds the headers for these origins. With none it does nothing.
pub(crate) fn layer(origins: &[HeaderValue]) -> tower::util::Either<CorsLayer, tower::layer::util::Identity> {
    if origins.is_empty() {
        return tower::util::Either::Right(tower::layer::util::Identity::new());
    }
    let sent = ["x-api-key", "x-workspace-id", "x-organization-id", "x-request-id", "idempotency-key"];
    let shown = ["x-request-id", "ratelimit", "ratelimit-policy"];
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(
            sent.map(HeaderName::from_static)
                .into_iter()
                .chain([header::AUTHORIZATION, header::CONTENT_TYPE])
                .collect::<Vec<_>>(),
        )
        .expose_headers(
            shown.map(HeaderName::from_static).into_iter().chain([header::RETRY_AFTER]).collect::<Vec<_>>(),
        )
        // The refresh cookie; SameSite=Strict keeps it to pages of the same site all the same.
        .allow_credentials(true)
        .max_age(MAX_AGE);
    tower::util::Either::Left(layer)
}
