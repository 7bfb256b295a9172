//! A span's opening and its rest are the span, in whatever order its fields stand.

use super::captures::captures;
use super::generate::request;
use super::splice::traces;
use crate::payload::*;
use proptest::prelude::*;

/// What fields say, one after another over what was said before.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    trace_id: TraceId,
    span_id: SpanId,
    trace_state: String,
    parent: Option<SpanId>,
    name: String,
    kind: SpanKind,
    start: u64,
    end: u64,
    flags: u32,
    others: Vec<String>,
}

impl Heard {
    fn hear(mut self, span: SpanView<'_>) -> Self {
        for field in span.fields() {
            match field {
                SpanField::TraceId(id) => self.trace_id = id,
                SpanField::SpanId(id) => self.span_id = id,
                SpanField::TraceState(state) => self.trace_state = state.to_string(),
                SpanField::Parent(id) => self.parent = Some(id),
                SpanField::Name(name) => self.name = name.to_string(),
                SpanField::Kind(kind) => self.kind = kind,
                SpanField::Start(time) => self.start = time,
                SpanField::End(time) => self.end = time,
                SpanField::Flags(flags) => self.flags = flags,
                other => self.others.push(format!("{other:?}")),
            }
        }
        self
    }

    fn opened(opening: &Opening<'_>) -> Self {
        Self {
            trace_id: opening.trace_id,
            span_id: opening.span_id,
            trace_state: opening.trace_state.to_string(),
            parent: opening.parent,
            name: opening.name.to_string(),
            kind: opening.kind,
            start: opening.start,
            end: opening.end,
            flags: opening.flags,
            others: Vec::new(),
        }
    }
}

fn assert_whole(span: SpanView<'_>) {
    let opening = span.opening();
    assert_eq!(
        Heard::opened(&opening).hear(opening.rest()),
        Heard::default().hear(span)
    );
}

fn spans(traces: &Traces) -> impl Iterator<Item = SpanView<'_>> {
    traces.resources().flat_map(|it| it.scopes()).flat_map(|it| it.spans())
}

#[test]
fn of_captured_spans_nothing_but_attributes_and_what_follows_is_left() {
    for capture in captures() {
        let traces = Traces::parse(capture.bytes.into(), &Limits::default()).unwrap().payload;
        for span in spans(&traces) {
            assert_whole(span);
            let rest = span.opening().rest();
            let is_behind = |field| {
                use SpanField::{Attr, Event, Flags, Link, Status};
                matches!(field, Attr(..) | Event(_) | Link(_) | Status(_) | Flags(_))
            };
            assert!(rest.fields().all(is_behind));
        }
    }
}

#[test]
fn of_a_child_nothing_but_attributes_is_left() {
    let attributes = EncodedAttributes::new().with("inferscope.phase", "queue");
    let child = Child {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([2; 8]),
        parent_span_id: SpanId([3; 8]),
        start: 4,
        end: 5,
        flags: 0x301,
        trace_state: Text::of(b"ot=th:8"),
        stamp: &Stamp::new(SpanKind::Internal, "queue", &attributes),
    };
    let mut item = Vec::new();
    child.write(&mut item);
    let span = SpanView::of(&item[2..]);

    let opening = span.opening();

    assert_whole(span);
    assert_eq!((opening.name.as_str(), opening.flags), ("queue", 0x301));
    assert_eq!(opening.rest().fields().count(), 1);
    assert_eq!(opening.rest().raw_attrs().count(), 1);
}

proptest! {
    #[test]
    fn an_opening_and_its_rest_are_the_span(request in request(true), cut in 0_usize..200) {
        let traces = traces(&request);
        for span in spans(&traces) {
            assert_whole(span);
            // Bytes that nobody has checked, and fields in another order: the attributes first.
            let bytes = span.bytes();
            let cut = &bytes[..bytes.len().min(cut)];
            let _ = SpanView::of(cut).opening().rest().fields().count();
            let opening = span.opening();
            let opened = &bytes[..bytes.len() - opening.rest().bytes().len()];
            assert_whole(SpanView::of(&[opening.rest().bytes(), opened].concat()));
        }
    }
}
