//! The one place that turns what went wrong into a status and a code.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use ringfleet_core::{Action, Identity, Scope, WrongState, seal::SealError};
use ringfleet_engine::EngineError;
use ringfleet_store::StoreError;
use serde_json::{Map, Value, json};

use crate::envelope;

/// A refusal or a failure, as the client gets it.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    meta: Map<String, Value>,
}

/// What a refusal says, beside the answer: for those who say it in another form.
#[derive(Debug, Clone)]
pub(crate) struct RefusedWith(pub(crate) String);

/// What a handler answers with.
pub(crate) type Result<T, E = ApiError> = std::result::Result<T, E>;

/// Texts of the client are quoted in messages up to this many characters.
const QUOTE_LIMIT: usize = 300;

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: shortened(message.into()), meta: Map::new() }
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.meta.insert(name.to_owned(), value.into());
        self
    }

    /// What it says to people.
    pub(crate) fn into_message(self) -> String {
        self.message
    }

    /// No key, or none that is known.
    pub(crate) fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message)
    }

    /// Whoever asks may not do this: their role, or the scopes of their key, are too small.
    pub(crate) fn forbidden(who: &Identity, action: Action) -> Self {
        let error = match who.role.may(action) {
            true if action.concerns_everybody() && !who.superuser => Self::denied(format!(
                "only a superuser of the installation may {action}: log in as one, or use the command line beside the servers"
            )),
            false => {
                Self::denied(format!("the role {} may not {action}; use a key of another role", who.role))
            }
            true => {
                let scopes = who.scopes.named().unwrap_or_default();
                let scopes: Vec<&str> = scopes.into_iter().map(Scope::as_str).collect();
                let message =
                    format!("the scopes of this key do not let it {action}; use a key with wider ones");
                Self::denied(message).with("scopes", scopes)
            }
        };
        error.with("role", who.role.as_str()).with("action", action.as_str())
    }

    /// The key opens another workspace than the request names.
    pub(crate) fn other_workspace() -> Self {
        Self::denied(
            "this API key belongs to another workspace than X-Workspace-Id names; leave the header out, or use a key of that one",
        )
    }

    /// What a user does as themselves, a key cannot.
    pub(crate) fn users_only() -> Self {
        Self::denied("an API key cannot do this; log in as a user and send the access token")
    }

    /// The same for a user.
    pub(crate) fn superusers_only() -> Self {
        Self::denied("only a superuser may do this")
    }

    fn denied(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
    }

    /// Too many requests for the quota of whoever asks.
    pub(crate) fn rate_limited(retry_after: Duration) -> Self {
        let seconds = whole_seconds(retry_after);
        let message = format!("too many requests; send the next one in {seconds} s");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message).with("retryAfterSeconds", seconds)
    }

    /// Too many attempts to get in.
    fn too_many_attempts(retry_after: Duration) -> Self {
        let seconds = whole_seconds(retry_after);
        let message = format!("too many attempts; try again in {seconds} s");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_ATTEMPTS", message)
            .with("retryAfterSeconds", seconds)
    }

    /// This server is not set up for it.
    pub(crate) fn not_set_up(code: &'static str, message: &str) -> Self {
        Self::conflict(code, message)
    }

    /// Only calls over LiveKit are in rooms.
    pub(crate) fn no_rooms() -> Self {
        Self::conflict(
            "NO_ROOMS",
            "calls over this trunk are in no room that one could join; use a trunk of kind livekit",
        )
    }

    /// A call that nobody can listen to now.
    pub(crate) fn not_live(state: ringfleet_core::CallState) -> Self {
        let message = format!("the call is {state}; one can listen to it while it is ONGOING");
        Self::conflict("NOT_LIVE", message).with("state", state.as_str())
    }

    /// A callback that nobody who knows the secret has signed.
    pub(crate) fn not_signed() -> Self {
        let message =
            "the signature fits no call; check the token or the secret of the trunk and api.base_url";
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
    }

    /// What is told cannot be kept yet: the provider is to tell it again.
    pub(crate) fn not_yet() -> Self {
        let message = "the message is not written down as sent yet; tell it again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "NOT_YET", message).with("retryAfterSeconds", 5_u64)
    }

    /// There is no such thing, or it belongs to another workspace.
    pub(crate) fn not_found(what: &str) -> Self {
        let message = format!("there is no such {what} in this workspace");
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    /// No route has this path.
    pub(crate) fn no_such_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "there is no such endpoint; check the path")
    }

    /// This server is not set up to do it.
    pub(crate) fn not_offered(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    /// The route exists, but not with this method.
    pub(crate) fn method_not_allowed() -> Self {
        let message = "this endpoint does not know the method; the Allow header names those it knows";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
    }

    /// The body is no JSON at all.
    pub(crate) fn invalid_json(problem: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_JSON", format!("the body is not valid JSON: {problem}"))
    }

    /// A value is wrong; `field` is its path in the request.
    pub(crate) fn invalid(field: impl Into<String>, problem: impl std::fmt::Display) -> Self {
        let field = shortened(field.into());
        let message = match field.as_str() {
            "" => problem.to_string(),
            field => format!("{field}: {problem}"),
        };
        let error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED", message);
        if field.is_empty() { error } else { error.with("field", field) }
    }

    /// The same refusal about a field that has another name in this request.
    pub(crate) fn renamed(mut self, from: &str, to: &str) -> Self {
        if self.meta.get("field").is_some_and(|field| field == from) {
            self.message = self.message.replacen(from, to, 1);
            self = self.with("field", to);
        }
        self
    }

    /// The Idempotency-Key was used for another request.
    pub(crate) fn key_reused() -> Self {
        let message = "this Idempotency-Key was used for another request, of another method, path or body; give each request its own";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED", message)
    }

    /// A twin of the request is being carried out for longer than this one waits.
    pub(crate) fn request_in_progress() -> Self {
        let message =
            "a request with this Idempotency-Key is being carried out still; send it again in a moment";
        Self::conflict("IDEMPOTENCY_IN_PROGRESS", message)
    }

    /// The request was carried out, and the key that its answer was sealed with is gone.
    pub(crate) fn answer_unreadable() -> Self {
        let message = "this request has been carried out, but its answer cannot be read any more: it was sealed with a key that the server does not have now; \
                       look at what it has changed, and give a new request another Idempotency-Key";
        Self::conflict("IDEMPOTENCY_UNREADABLE", message)
    }

    /// The body is larger than `limit` bytes.
    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("the body is larger than {limit} bytes; split it, or upload lists as CSV");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", message).with("limitBytes", limit as u64)
    }

    /// The body comes in a form this endpoint does not read.
    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message)
    }

    /// The body broke off, or its outer form is damaged.
    pub(crate) fn broken_upload(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BROKEN_UPLOAD", message)
    }

    /// A part of an upload that does not begin where the upload ends; it has `offset` bytes.
    pub(crate) fn wrong_offset(offset: u64) -> Self {
        let message = format!("the upload has {offset} bytes; send what comes after them");
        Self::conflict("WRONG_OFFSET", message).with("offset", offset)
    }

    /// An upload that wants no more bytes.
    pub(crate) fn upload_closed(state: &str) -> Self {
        let message = format!("all bytes of this upload are there, it is {state}; begin another one");
        Self::conflict("UPLOAD_CLOSED", message).with("state", state)
    }

    /// Passing trouble on this side.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message)
    }

    /// A bug or a damaged database. Whoever calls this has logged what happened; the client hears no details.
    pub(crate) fn internal() -> Self {
        let message = "something went wrong on our side; the x-request-id header helps to find it in the log";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", message)
    }

    /// A link that opens nothing.
    pub(crate) fn dead_link(error: ringfleet_core::link::LinkError) -> Self {
        Self::new(StatusCode::FORBIDDEN, "BAD_LINK", error.to_string())
    }

    fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    fn from_store(error: &StoreError) -> Self {
        match error {
            StoreError::WrongState(wrong) => wrong.clone().into(),
            StoreError::NulCharacter => {
                Self::invalid("", "a text holds the NUL character U+0000, which cannot be kept; take it out")
            }
            StoreError::Duplicate(_) => Self::conflict("ALREADY_EXISTS", "such a thing exists already"),
            StoreError::Unavailable(_) => {
                tracing::warn!(%error, "a request failed: the database is away or too busy");
                Self::unavailable(
                    "the database cannot be reached at the moment; before you repeat a change, look whether it was made",
                )
            }
            StoreError::Schema(_) => {
                tracing::error!(%error, "a request failed: the database schema does not fit");
                Self::unavailable(
                    "the database schema does not fit this version; the operator must migrate it",
                )
            }
            StoreError::Secret(SealError::NoKey) => {
                tracing::error!(%error, "a secret cannot be kept");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "NO_SECRETS_KEY",
                    "the server has no key to keep secrets with; its operator must set secrets.keys (openssl rand -base64 32)",
                )
            }
            StoreError::Secret(_) => {
                tracing::error!(%error, "a secret cannot be opened");
                Self::internal()
            }
            StoreError::Setting(_) | StoreError::Database(_) => {
                tracing::error!(%error, "a request failed in the database");
                Self::internal()
            }
        }
    }
}

impl From<WrongState> for ApiError {
    fn from(wrong: WrongState) -> Self {
        let needs: Vec<&str> = wrong.needs.iter().map(|state| state.as_str()).collect();
        Self::conflict("WRONG_STATE", wrong.to_string()).with("state", wrong.is.as_str()).with("needs", needs)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::from_store(&error)
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::NotFound(what) => Self::not_found(what),
            EngineError::WrongState(wrong) => wrong.into(),
            EngineError::Conflict { code: "SHUTTING_DOWN", message } => Self::unavailable(message),
            EngineError::Conflict { code, message } => Self::conflict(code, message),
            EngineError::Invalid { field, problem } => Self::invalid(field, problem),
            EngineError::Forbidden(message) => Self::denied(message),
            EngineError::Unauthorized(message) => Self::unauthorized(message),
            EngineError::TooMany { retry_after } => Self::too_many_attempts(retry_after),
            EngineError::Stale => {
                let message =
                    "it has been changed since; read it again, and send the change with its new ETag";
                Self::new(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED", message)
            }
            EngineError::ClaimLost => Self::request_in_progress(),
            EngineError::BrokenUpload(message) => Self::broken_upload(message),
            EngineError::Store(error) => Self::from_store(&error),
            EngineError::Fleet(_) | EngineError::Blobs(_) | EngineError::TimedOut => {
                tracing::warn!(%error, "a request could not be carried out in time");
                Self::unavailable("the service is busy; before you repeat a change, look whether it was made")
            }
            EngineError::Broken(_) => {
                tracing::error!(%error, "a request broke down");
                Self::internal()
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut meta = Map::from_iter([("code".to_owned(), json!(self.code))]);
        meta.extend(self.meta);
        let refused = RefusedWith(self.message.clone());
        let retry_after = meta.get("retryAfterSeconds").and_then(Value::as_u64).map(HeaderValue::from);
        let mut response = (self.status, envelope::refusal(self.message, meta)).into_response();
        response.extensions_mut().insert(refused);
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        let extra = match self.status {
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "Bearer")),
            StatusCode::SERVICE_UNAVAILABLE => Some((header::RETRY_AFTER, "1")),
            _ => None,
        };
        if let Some((name, value)) = extra {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// What `Retry-After` says: whole seconds (RFC 9110 §10.2.3), at least one.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_millis() as u64).div_ceil(1_000).max(1)
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(QUOTE_LIMIT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
