//! The HTTP API of Ringfleet.
//!
//! [`router`] joins the native API under `/api/v1`, Samora's under `/v1`, files, `/healthz` and `/readyz`; [`serve`] runs it until it is told to
//! stop. Every answer of the native API has one form (`envelope`), every error gets its status and code in one place
//! (`error`), and every handler states the permission it needs (`auth`). docs/API.md is the guide for its users.

mod auth;
mod change;
mod check;
mod envelope;
mod error;
mod file;
mod files;
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
mod samora;
mod serve;
mod strict;
mod upload;

use std::{path::PathBuf, time::Duration};

use axum::{Router, extract::DefaultBodyLimit, middleware, routing::get};
use ringfleet_engine::Engine;
use tower_http::catch_panic::CatchPanicLayer;

pub use auth::{NewKey, new_key};
pub use serve::serve;

use error::ApiError;

/// How the API behaves.
#[derive(Clone)]
pub struct ApiSettings {
    /// The folder agents' greetings lie in; none refuses every greeting.
    pub greetings: Option<PathBuf>,
    /// The address clients reach this server under, for links in answers; none takes that of the request.
    pub public_url: Option<String>,
    /// What links to files are signed with, the same for all processes; none makes one up for this process.
    pub link_secret: Option<String>,
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
            public_url: None,
            link_secret: None,
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
        .nest("/v1", samora::v1(&gate))
        .route("/files/transcripts/{ses}", get(files::transcript))
        .with_state(gate)
        .merge(description)
        .merge(health::router(engine))
        .fallback(|| async { ApiError::no_such_route() })
        .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
        // Bodies are measured where they are read; uploads have no limit.
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(frame::panicked))
        .layer(middleware::from_fn(samora::in_its_own_words))
        .layer(middleware::from_fn(frame::surround))
}
