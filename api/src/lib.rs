//! The HTTP API of Ringfleet.
//!
//! [`router`] joins the native API under `/api/v1` with `/healthz` and `/readyz`; [`serve`] runs it until it is told to
//! stop. Every answer of the native API has one form (`envelope`), every error gets its status and code in one place
//! (`error`), and every handler states the permission it needs (`auth`). docs/API.md is the guide for its users.

mod auth;
mod check;
mod envelope;
mod error;
mod frame;
mod health;
mod json;
mod native;
mod page;
mod path;
mod query;
mod reject_file;
mod strict;
mod upload;

use std::{io, path::PathBuf, time::Duration};

use axum::{Router, extract::DefaultBodyLimit, middleware, serve::ListenerExt};
use ringfleet_engine::Engine;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

pub use auth::{NewKey, new_key};

use error::ApiError;

/// How the API behaves.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// The folder agents' greetings lie in; none refuses every greeting.
    pub greetings: Option<PathBuf>,
    /// Largest request body in bytes, uploads of lists excepted. Default 2 MiB.
    pub body_limit: usize,
    /// How long open requests may go on once the server is told to stop. Default 10 s.
    pub drain: Duration,
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self { greetings: None, body_limit: 2 * 1024 * 1024, drain: Duration::from_secs(10) }
    }
}

/// The whole HTTP surface over one engine.
pub fn router(engine: Engine, settings: ApiSettings) -> Router {
    let gate = auth::Gate::new(engine.clone(), settings);
    Router::new()
        .nest("/api/v1", native::router())
        .with_state(gate)
        .merge(health::router(engine))
        .fallback(|| async { ApiError::no_such_route() })
        .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
        // Bodies are measured where they are read; uploads have no limit.
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(frame::panicked))
        .layer(middleware::from_fn(frame::surround))
}

/// Answers requests until `stop` is cancelled, then lets open ones end within the drain time.
///
/// # Errors
///
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    engine: Engine,
    settings: ApiSettings,
    stop: CancellationToken,
) -> io::Result<()> {
    let drain = settings.drain;
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let server = axum::serve(listener, router(engine, settings))
        .with_graceful_shutdown(stop.clone().cancelled_owned());
    let too_late = async {
        stop.cancelled().await;
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        ended = server.into_future() => ended,
        () = too_late => {
            tracing::warn!(seconds = drain.as_secs(), "some requests were still open and are cut off");
            Ok(())
        }
    }
}
