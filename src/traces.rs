//! Traces go to a collector, by OTLP over HTTP with protobuf.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{BatchSpanProcessor, Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor},
};
use reqwest::redirect::Policy;
use ringfleet_telemetry::trace::{self, Context, KeyValue};
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing_subscriber::{Layer, registry::LookupSpan};

use crate::{config_traces::TracesConfig, process::Failure};

/// A collector that has not answered by then is away.
const PATIENCE: Duration = Duration::from_secs(10);

/// Those of this process.
pub struct Traces(SdkTracerProvider);

/// Gets ready to keep traces, where the configuration names a collector.
///
/// # Errors
/// When that cannot be spoken with at all.
pub fn open(config: &TracesConfig) -> Result<Option<Traces>, Failure> {
    let Some(endpoint) = &config.endpoint else { return Ok(None) };
    let post = Post {
        // Its headers hold keys, so it goes nowhere else.
        client: reqwest::Client::builder().timeout(PATIENCE).redirect(Policy::none()).build()?,
        runtime: Handle::current(),
        is_failing: AtomicBool::new(false),
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(post)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/')))
        .with_headers(config.headers.clone().into_iter().collect())
        .build()
        .map_err(|e| Failure::during("traces cannot be kept", e))?;
    // What a client traces is traced here as well, and what it does not is not.
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.sample)));
    let provider = SdkTracerProvider::builder()
        .with_span_processor(Ours(BatchSpanProcessor::builder(exporter).build()))
        .with_sampler(sampler)
        .with_max_events_per_span(0) // what is logged stays in the log
        .with_resource(Resource::builder().with_service_name("ringfleet").build());
    Ok(Some(Traces(provider.build())))
}

impl Traces {
    /// What hands spans over.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        trace::layer(&self.0)
    }

    /// Sends what is left.
    pub async fn close(self) {
        // It waits for a thread of its own.
        let closed = tokio::task::spawn_blocking(move || self.0.shutdown()).await;
        if let Ok(Err(error)) = closed {
            tracing::warn!(%error, "the last traces could not be delivered");
        }
    }
}

/// Passes on the spans that traces are made of. Others are there for the log.
#[derive(Debug)]
struct Ours(BatchSpanProcessor);

impl SpanProcessor for Ours {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.0.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        let is_ours = |pair: &KeyValue| pair.key.as_str() == "target" && pair.value.as_str() == trace::TARGET;
        if span.attributes.iter().any(is_ours) {
            self.0.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }
}

/// Carries spans to the collector, on the runtime of the process: whoever exports does so from a thread of its own.
#[derive(Debug)]
struct Post {
    client: reqwest::Client,
    runtime: Handle,
    is_failing: AtomicBool,
}

#[async_trait]
impl HttpClient for Post {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move { send(&client, request).await }).await?;
        self.tell(&sent);
        sent.map_err(HttpError::from)
    }
}

async fn send(client: &reqwest::Client, request: Request<Bytes>) -> reqwest::Result<Response<Bytes>> {
    let answer = client.execute(request.try_into()?).await?.error_for_status()?;
    let status = answer.status();
    let mut response = Response::new(answer.bytes().await?);
    *response.status_mut() = status;
    Ok(response)
}

impl Post {
    /// Trouble is told when it begins and when it is over.
    fn tell(&self, sent: &reqwest::Result<Response<Bytes>>) {
        let was_failing = self.is_failing.swap(sent.is_err(), Ordering::Relaxed);
        match sent {
            Err(error) if !was_failing => {
                tracing::warn!(
                    error = ringfleet_core::with_causes(error),
                    "traces cannot be delivered; they are lost until they can"
                );
            }
            Ok(_) if was_failing => tracing::info!("traces are delivered again"),
            _ => {}
        }
    }
}
