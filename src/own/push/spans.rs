//! The hook for own spans, with the SDK behind it.

use opentelemetry::trace::{Span, SpanBuilder, Status, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;
use pipeline::telemetry::{OwnSpan, OwnSpans, SpanValue};

/// Makes spans with the SDK, each a trace of its own.
pub struct Spans {
    tracer: SdkTracer,
}

impl Spans {
    /// Spans of this tracer.
    pub fn new(tracer: SdkTracer) -> Self {
        Self { tracer }
    }
}

impl OwnSpans for Spans {
    fn record(&self, span: OwnSpan<'_>) {
        let attributes = span.attributes.into_iter().map(|(key, value)| match value {
            SpanValue::Text(text) => KeyValue::new(key, text.to_owned()),
            SpanValue::Number(number) => KeyValue::new(key, i64::try_from(number).unwrap_or(i64::MAX)),
            SpanValue::Truth(truth) => KeyValue::new(key, truth),
        });
        let builder = SpanBuilder::from_name(span.name)
            .with_start_time(span.began)
            .with_attributes(attributes);
        let mut made = self.tracer.build_with_context(builder, &Context::new());
        if let Some(error) = span.error {
            made.set_status(Status::error(error.to_owned()));
        }
        made.end_with_timestamp(span.began + span.took);
    }
}
