//! The one place that turns what went wrong into a status and a code.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use ringfleet_core::WrongState;
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

    /// The key's role may not do this.
    pub(crate) fn forbidden(role: ringfleet_core::Role, action: ringfleet_core::Action) -> Self {
        let message = format!("the role {role} may not {action}; use a key of another role");
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
            .with("role", role.as_str())
            .with("action", action.as_str())
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
            EngineError::ClaimLost => Self::request_in_progress(),
            EngineError::BrokenUpload(message) => Self::broken_upload(message),
            EngineError::Store(error) => Self::from_store(&error),
            EngineError::Fleet(_) | EngineError::TimedOut => {
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
        let mut response = (self.status, envelope::refusal(self.message, meta)).into_response();
        response.extensions_mut().insert(refused);
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

fn shortened(text: String) -> String {
    match text.char_indices().nth(QUOTE_LIMIT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
