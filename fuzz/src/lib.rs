//! What the fuzz targets share: reading everything, and the laws that hold for any input.

use bytes::Bytes;
use pipeline::Origin;
use pipeline::payload::{
    Attrs, BatchContext, Limits, Rejected, SpanStage, SpanView, SplitLimit, Traces, Value, Walk, Walked,
};
use std::time::Instant;

/// Parses; none if the frame is refused. What is accepted is clean.
pub fn parse(data: &[u8]) -> Option<Traces> {
    let traces = Traces::parse(Bytes::copy_from_slice(data), &Limits::default()).ok()?.payload;
    assert_clean(&traces);
    Some(traces)
}

/// Parsing what we made or accepted changes nothing and finds nothing.
pub fn assert_clean(traces: &Traces) {
    let again = Traces::parse(traces.bytes().clone(), &Limits::default()).expect("our own bytes are accepted");
    assert_eq!(again.rejected, Rejected::default());
    assert_eq!(&again.payload, traces);
    assert_eq!(again.payload.bytes().as_ptr(), traces.bytes().as_ptr());
}

/// Looks at everything that a view can show; gives the number of spans.
pub fn read_all(traces: &Traces) -> u32 {
    let mut spans = 0;
    for resource in traces.resources() {
        read(resource.resource().attrs());
        assert!(std::str::from_utf8(resource.schema_url().as_bytes()).is_ok());
        for scope in resource.scopes() {
            read(scope.scope().attrs());
            _ = (scope.scope().name(), scope.scope().version(), scope.schema_url().as_str());
            for span in scope.spans() {
                read_span(span);
                spans += 1;
            }
        }
    }
    spans
}

fn read_span(span: SpanView<'_>) {
    assert!(!span.trace_id().is_zero() && !span.span_id().is_zero());
    _ = (span.parent_span_id(), span.kind(), span.start(), span.end(), span.flags());
    _ = (span.trace_state().as_str(), span.status().code(), span.status().message().as_str());
    assert_eq!(span.name().len(), span.name_bytes().len());
    read(span.attrs());
    for event in span.events() {
        _ = (event.time(), event.name().as_str());
        read(event.attrs());
    }
    for link in span.links() {
        _ = (link.trace_id(), link.span_id(), link.trace_state().as_str(), link.flags());
        read(link.attrs());
    }
    assert!(span.fields().count() >= 2, "both ids at least");
}

fn read(attributes: Attrs<'_>) {
    for (key, value) in attributes {
        assert_eq!(key.as_str().len(), key.as_bytes().len(), "keys are text");
        read_value(value);
    }
}

fn read_value(value: Value<'_>) {
    match value {
        Value::Str(text) => assert_eq!(text.as_str().len(), text.as_bytes().len(), "text is text"),
        Value::Array(array) => array.values().for_each(read_value),
        Value::KvList(list) => read(list.entries()),
        _ => {}
    }
}

/// Pieces are clean and together the whole.
pub fn assert_splits(traces: &Traces) {
    for max in [SplitLimit { items: 1, bytes: 0 }, SplitLimit { items: 0, bytes: 100 }] {
        let pieces = traces.split(max);
        pieces.iter().for_each(assert_clean);
        let spans: u32 = pieces.iter().map(Traces::spans).sum();
        assert_eq!(spans, traces.spans());
        assert_eq!(read_all(&Traces::concat(&pieces)), spans);
    }
}

/// Runs stages over a batch.
pub fn walk(traces: &Traces, stages: &mut [Box<dyn SpanStage>]) -> Walked {
    let origin = Origin::default();
    Walk::new().run(traces, stages, 0, &BatchContext { now: Instant::now(), origin: &origin })
}
