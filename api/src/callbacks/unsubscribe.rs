//! The link in a message by which its reader is left alone.
//!
//! Mail servers and virus scanners follow links, so a GET changes nothing; the button on the page, and the mail program's own (RFC 8058), POST.

use axum::{
    http::{
        StatusCode,
        header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use ringfleet_core::id::CallKind;

use crate::{
    error::{ApiError, Result},
    files::Followed,
    path::PathId,
};

const HTML: &str = "text/html; charset=utf-8";
/// Nothing but the button.
const POLICY: &str = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const ASKS: &str = "<p>Press the button, and we will not call or write to you again.</p>\
                    <form method=\"post\"><button>Leave me alone</button></form>";
const DONE: &str = "<p>Done. We will not call or write to you again.</p>";

fn html(content: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"robots\" content=\"noindex\"><title>Unsubscribe</title><h1>Unsubscribe</h1>{content}</html>"
    );
    (StatusCode::OK, [(CONTENT_TYPE, HTML), (CONTENT_SECURITY_POLICY, POLICY)], page).into_response()
}

/// `GET /unsubscribe/:call`: asks whether they mean it.
pub(super) async fn page(_: Followed, _: PathId<CallKind>) -> Response {
    html(ASKS)
}

/// `POST /unsubscribe/:call`: puts the number on the list, for all channels.
pub(super) async fn carry_out(
    Followed(engine): Followed,
    PathId(call): PathId<CallKind>,
) -> Result<Response> {
    engine.unsubscribe(call).await?.ok_or_else(|| ApiError::not_found("session"))?;
    Ok(html(DONE))
}
