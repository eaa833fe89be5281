//! The form of this dialect's refusals: `{message}`.

use axum::{
    Json,
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::error::RefusedWith;

/// Paths that speak this dialect.
const PATHS: [&str; 3] = ["/v1/call/", "/v1/external/campaigns/", "/v2/webhooks"];

/// Turns refusals on paths of this dialect into its form, wherever they come from. A wrong value is 400 here.
pub(crate) async fn in_its_own_words(request: Request, next: Next) -> Response {
    let ours = PATHS.iter().any(|path| request.uri().path().starts_with(path));
    let response = next.run(request).await;
    match response.extensions().get::<RefusedWith>() {
        Some(RefusedWith(message)) if ours => {
            #[derive(Serialize)]
            struct Body<'a> {
                message: &'a str,
            }
            let mut answer = Json(Body { message }).into_response();
            *answer.status_mut() = match response.status() {
                StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
                status => status,
            };
            // What else the refusal says (Retry-After, Allow) but the form of the body that is no more.
            for (name, value) in response.headers() {
                answer.headers_mut().entry(name).or_insert_with(|| value.clone());
            }
            answer.headers_mut().remove(axum::http::header::CONTENT_LENGTH);
            answer
        }
        _ => response,
    }
}
