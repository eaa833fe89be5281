//! `/healthz` and `/readyz`, for whoever runs the process. No key is needed, nothing of any workspace is shown.

use std::{collections::BTreeMap, future::Future, time::Duration};

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use ringfleet_engine::Engine;
use serde::Serialize;

/// Where they are.
pub(crate) const ALIVE: &str = "/healthz";
pub(crate) const READY: &str = "/readyz";

/// A part that needs longer than this to answer is not ready.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Serialize)]
struct Health {
    status: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    checks: BTreeMap<&'static str, &'static str>,
}

/// The routes.
pub(crate) fn router(engine: Engine) -> Router {
    Router::new().route(ALIVE, get(alive)).route(READY, get(ready)).with_state(engine)
}

/// `GET /healthz`: the process is up.
async fn alive() -> impl IntoResponse {
    Json(Health { status: "ok", checks: BTreeMap::new() })
}

/// `GET /readyz`: database and fleet can be reached and the schema is right; else 503 with the part that failed.
async fn ready(State(engine): State<Engine>) -> impl IntoResponse {
    let (database, schema, fleet) = tokio::join!(
        check("database", ping(&engine)),
        check("schema", engine.store().check_schema()),
        check("fleet", engine.fleet().ping()),
    );
    let checks = BTreeMap::from([("database", database), ("schema", schema), ("fleet", fleet)]);
    match checks.values().all(|found| *found == "ok") {
        true => (StatusCode::OK, Json(Health { status: "ok", checks })),
        false => (StatusCode::SERVICE_UNAVAILABLE, Json(Health { status: "unavailable", checks })),
    }
}

async fn ping(engine: &Engine) -> ringfleet_store::Result<()> {
    let mut tx = engine.store().read().await?;
    tx.ping().await?;
    tx.commit().await
}

/// Why a part failed goes to the log, not to strangers: it may name hosts and accounts.
async fn check<E: std::fmt::Display>(part: &str, work: impl Future<Output = Result<(), E>>) -> &'static str {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(Ok(())) => "ok",
        Ok(Err(error)) => {
            tracing::warn!(%error, part, "not ready");
            "failed"
        }
        Err(_) => {
            tracing::warn!(part, "not ready: no answer in time");
            "timed out"
        }
    }
}
