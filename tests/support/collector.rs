//! A collector of traces: OTLP over HTTP with protobuf, in memory (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>).

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value,
};
use prost::Message;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use super::{SOON, eventually};

/// A span as it came.
#[derive(Debug, Clone)]
pub struct Span {
    pub service: String,
    pub name: String,
    pub trace: String,
    pub id: String,
    /// Empty where it begins the trace.
    pub parent: String,
    pub attributes: Vec<(String, String)>,
    /// What was logged in it.
    pub events: usize,
}

impl Span {
    /// The value of an attribute; empty where it has none of that name.
    pub fn get(&self, name: &str) -> &str {
        self.attributes.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

type Spans = Arc<watch::Sender<Vec<Span>>>;

/// A running collector; it ends with this value.
pub struct Collector {
    pub url: String,
    spans: Spans,
    task: JoinHandle<()>,
}

impl Collector {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let spans = Spans::default();
        let router = Router::new().route("/v1/traces", post(take)).with_state(spans.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, spans, task }
    }

    /// What has come so far.
    pub fn spans(&self) -> Vec<Span> {
        self.spans.borrow().clone()
    }

    /// Waits until spans satisfy the predicate, and gives all of them.
    pub async fn until(&self, what: &str, predicate: impl Fn(&[Span]) -> bool) -> Vec<Span> {
        eventually(SOON, what, async || Some(self.spans()).filter(|spans| predicate(spans))).await
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- what came to the collector: {:#?}", self.spans());
        }
        self.task.abort();
    }
}

async fn take(State(spans): State<Spans>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if headers.get("content-type").is_none_or(|kind| kind != "application/x-protobuf") {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE;
    }
    let Ok(request) = ExportTraceServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
    let new: Vec<Span> = request.resource_spans.iter().flat_map(read).collect();
    spans.send_modify(|spans| spans.extend(new));
    StatusCode::OK
}

fn read(of: &opentelemetry_proto::tonic::trace::v1::ResourceSpans) -> Vec<Span> {
    let resource = of.resource.as_ref().map(|resource| pairs(&resource.attributes)).unwrap_or_default();
    let service = resource.iter().find(|(name, _)| name == "service.name").map(|(_, value)| value.clone());
    let spans = of.scope_spans.iter().flat_map(|scope| &scope.spans);
    spans
        .map(|span| Span {
            service: service.clone().unwrap_or_default(),
            name: span.name.clone(),
            trace: hex::encode(&span.trace_id),
            id: hex::encode(&span.span_id),
            parent: hex::encode(&span.parent_span_id),
            attributes: pairs(&span.attributes),
            events: span.events.len(),
        })
        .collect()
}

fn pairs(attributes: &[opentelemetry_proto::tonic::common::v1::KeyValue]) -> Vec<(String, String)> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let value = |pair: &opentelemetry_proto::tonic::common::v1::KeyValue| {
        pair.value.as_ref().and_then(|value| value.value.as_ref()).map(text).unwrap_or_default()
    };
    attributes.iter().map(|pair| (pair.key.clone(), value(pair))).collect()
}
