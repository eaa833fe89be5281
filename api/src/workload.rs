//! `GET /reports/workload`, as Vaani has it: no key is needed, so there is nothing of any workspace in it.

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use ringfleet_engine::Engine;
use ringfleet_telemetry::{TEXT_FORMAT, exposition};

/// The route.
pub fn workload(engine: Engine) -> Router {
    Router::new().route("/reports/workload", get(report)).with_state(engine)
}

/// How much there is to do, and how many workers there are to do it, for whoever scales them: in Prometheus' text format.
async fn report(State(engine): State<Engine>) -> Response {
    match engine.workload().await {
        Ok(workload) => {
            ([(header::CONTENT_TYPE, TEXT_FORMAT)], exposition(&workload.readings())).into_response()
        }
        Err(error) => {
            tracing::warn!(%error, "the workload is not known");
            (StatusCode::SERVICE_UNAVAILABLE, "the workload is not known: Redis does not answer\n")
                .into_response()
        }
    }
}
