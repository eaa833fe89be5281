//! This process tells of itself, to Prometheus: at an address of its own, for what it tells is about all workspaces.

mod gauges;

use axum::{Router, extract::State, http::header, response::IntoResponse, routing::get};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use ringfleet_core::{Clock, SystemClock};
use ringfleet_engine::Engine;
use ringfleet_telemetry::{ALL, BUILD, STARTED, TEXT_FORMAT};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    process::{Failure, Wanted},
};

/// What was recorded so far, and where it will be served.
pub struct Metrics {
    handle: PrometheusHandle,
    listener: TcpListener,
}

/// Begins to record, where the configuration wants it: before anything else, for whoever keeps a series keeps that of the recorder it has
/// found.
///
/// # Errors
/// When nobody can listen there.
pub async fn install(config: &Config, wanted: Wanted) -> Result<Option<Metrics>, Failure> {
    let Some(listen) = config.metrics.listen else { return Ok(None) };
    let listener = TcpListener::bind(listen).await.map_err(|e| {
        Failure::new(format!("cannot listen on {listen}: {e}; choose another address for metrics.listen"))
    })?;
    let mut builder = PrometheusBuilder::new();
    for metric in ALL.iter().filter(|metric| !metric.bounds.is_empty()) {
        builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), metric.bounds)?;
    }
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    ringfleet_telemetry::install(recorder).map_err(|e| Failure::during("metrics cannot be recorded", e))?;
    BUILD.of([env!("CARGO_PKG_VERSION").to_owned(), wanted.names()]).set(1);
    STARTED.one().set(SystemClock.now().timestamp_millis() as f64 / 1e3);
    Ok(Some(Metrics { handle, listener }))
}

impl Metrics {
    /// Serves them until `over`: longer than the process takes work, for how it ends is worth watching as well.
    ///
    /// # Errors
    /// When the listener has no address.
    pub fn serve(self, engine: Engine, over: CancellationToken) -> Result<JoinHandle<()>, Failure> {
        let addr = self.listener.local_addr()?;
        println!("metrics on http://{addr}/metrics");
        let Self { handle, listener } = self;
        let router = Router::new()
            .route("/metrics", get(scrape))
            .with_state((handle.clone(), engine.clone()))
            .merge(ringfleet_api::workload(engine.clone()));
        let looks = gauges::look(engine, handle, over.clone());
        let serves = axum::serve(listener, router).with_graceful_shutdown(over.cancelled_owned());
        Ok(tokio::spawn(async move {
            let (served, ()) = tokio::join!(serves.into_future(), looks);
            if let Err(error) = served {
                tracing::error!(%error, "metrics cannot be served any more");
            }
        }))
    }
}

/// `GET /metrics`.
async fn scrape(State((handle, engine)): State<(PrometheusHandle, Engine)>) -> impl IntoResponse {
    gauges::of_the_process(&engine);
    ([(header::CONTENT_TYPE, TEXT_FORMAT)], handle.render())
}
