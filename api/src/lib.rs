//! The HTTP API of Ringfleet.
//!
//! [`router`] joins the native API under `/api/v1` with `/healthz` and `/readyz`; [`serve`] runs it until it is told to
//! stop. Every answer of the native API has one form (`envelope`), every error gets its status and code in one place
//! (`error`), and every handler states the permission it needs (`auth`). docs/API.md is the guide for its users.

mod auth;
mod change;
mod check;
mod csv_rows;
mod envelope;
mod error;
mod export;
mod file;
mod frame;
mod health;
mod json;
mod linger;
mod native;
mod once;
mod openapi;
mod page;
mod path;
mod query;
mod reference;
mod reject_file;
mod serve;
mod strict;
mod tag;
mod upload;

use std::{path::PathBuf, time::Duration};

use axum::{Router, extract::DefaultBodyLimit, middleware};
use ringfleet_core::net::Guard;
use ringfleet_engine::Engine;
use tower_http::catch_panic::CatchPanicLayer;

pub use auth::{NewKey, new_key};
pub use serve::serve;

use error::ApiError;

/// How the API behaves.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// The folder agents' greetings lie in; none refuses every greeting.
    pub greetings: Option<PathBuf>,
    /// Where webhooks may go. Default: to public addresses.
    pub guard: Guard,
    /// Largest request body in bytes, uploads of lists excepted. Default 2 MiB.
    pub body_limit: usize,
    /// How long open requests may go on once the server is told to stop. Default 10 s.
    pub drain: Duration,
    /// How long a client may take to send the head of a request. Default 30 s.
    pub head_patience: Duration,
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            greetings: None,
            guard: Guard::default(),
            body_limit: 2 * 1024 * 1024,
            drain: Duration::from_secs(10),
            head_patience: Duration::from_secs(30),
        }
    }
}

/// The whole HTTP surface over one engine.
pub fn router(engine: Engine, settings: ApiSettings) -> Router {
    let gate = auth::Gate::new(engine.clone(), settings);
    let mut routes = native::routes(&gate);
    let description = reference::router(&routes.document());
    routes
        .into_router()
        .with_state(gate)
        .merge(description)
        .merge(health::router(engine))
        .fallback(|| async { ApiError::no_such_route() })
        .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
        // Bodies are measured where they are read; uploads have no limit.
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(frame::panicked))
        .layer(middleware::from_fn(frame::surround))
}
