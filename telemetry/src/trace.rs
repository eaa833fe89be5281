//! One trace from a request over the queue and the carrier to the webhook: spans that continue what another process began.
//!
//! What a span continues travels as W3C's `traceparent` (<https://www.w3.org/TR/trace-context/#traceparent-header>): in the header of a request, with
//! the row of a call and of an event, and in the header of a webhook. It is written only where the trace is kept. Where nobody
//! wants traces there are none of these spans, and nothing is written.

use std::sync::atomic::{AtomicBool, Ordering};

pub use opentelemetry::{Context, KeyValue};

use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer, TracerProvider,
};
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, registry::LookupSpan};

/// The target of the spans that traces are made of; others are for the log only.
pub const TARGET: &str = "ringfleet::trace";
/// The header of requests and webhooks.
pub const HEADER: &str = "traceparent";

static IS_ON: AtomicBool = AtomicBool::new(false);

/// Whether this process keeps traces.
pub fn is_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

/// Hands spans to this provider's tracer: all that there are, which it has to tell apart by [`TARGET`]. From then on traces are kept.
///
/// No filter of this layer's own does that, for one beside another that is global loses spans: what somebody merely asked of it (`log_enabled!`) is taken for its
/// word on the next span.
pub fn layer<S, P>(provider: &P) -> impl Layer<S> + Send + Sync + use<S, P>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    P: TracerProvider,
    P::Tracer: Tracer<Span: Send + Sync> + Send + Sync + 'static,
{
    IS_ON.store(true, Ordering::Relaxed);
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("ringfleet"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
}

/// A span of a trace within the present one; none while no traces are kept.
pub fn span(make: impl FnOnce() -> Span) -> Span {
    if is_on() { make() } else { Span::none() }
}

/// The same, continuing what `parent` says. Make one that has no parent of its own: then it begins a trace where there is none to continue.
pub fn continued(parent: Option<&str>, make: impl FnOnce() -> Span) -> Span {
    let span = span(make);
    continue_from(&span, parent);
    span
}

/// Has a span that nobody has entered yet continue what `parent` says, if it can be read.
pub fn continue_from(span: &Span, parent: Option<&str>) {
    if let Some(parent) = parent.filter(|_| is_on()).and_then(read) {
        // It fails where nobody looks at the span, or it has begun, which its maker has to know.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
}

/// Notes something of a span, for traces only.
pub fn note(span: &Span, name: &'static str, value: impl Into<opentelemetry::Value>) {
    if is_on() {
        span.set_attribute(name, value);
    }
}

/// What continues the present span; none where its trace is not kept.
pub fn current() -> Option<String> {
    if !is_on() {
        return None;
    }
    let context = Span::current().context();
    let here = context.span().span_context().clone();
    (here.is_valid() && here.is_sampled()).then(|| format!("00-{}-{}-01", here.trace_id(), here.span_id()))
}

/// Reads the header. Versions to come may say more after it.
fn read(header: &str) -> Option<SpanContext> {
    let mut parts = header.trim().split('-');
    let mut hex = |digits: usize| {
        let part = parts.next()?;
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (part.len() == digits && part.bytes().all(is_hex)).then_some(part)
    };
    let (version, trace, span, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    if version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::default());
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_the_standard_has_it() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let read_well = read(good).unwrap();
        assert_eq!(read_well.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(read_well.span_id().to_string(), "00f067aa0ba902b7");
        assert!(read_well.is_sampled() && read_well.is_remote());
        let unsampled = read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00").unwrap();
        assert!(!unsampled.is_sampled());
        assert!(
            read("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-ever").is_some(),
            "to come"
        );
        for bad in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert!(read(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn without_a_layer_there_is_nothing() {
        assert!(!is_on());
        assert!(span(|| panic!("a span for nobody")).is_none());
        assert_eq!(current(), None);
    }
}
