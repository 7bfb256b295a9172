//! One pass over a span.

use pipeline::payload::{SpanField, SpanId, SpanKind, SpanView, StatusCode, Text, TraceId};

use super::layout::{Layout, Said};
use super::sampling::Weight;
use super::values::Values;

/// What the connector wants to know about a span beside the values of its dimensions.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen<'a> {
    name: Text<'a>,
    kind: SpanKind,
    status: StatusCode,
    start: u64,
    end: u64,
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    trace_state: Text<'a>,
    pub(super) has_events: bool,
}

impl<'a> Seen<'a> {
    #[inline]
    pub(super) fn of(span: SpanView<'a>, layout: &Layout, values: &mut Values<'a>) -> Self {
        values.clear();
        if layout.asks_for_attributes() {
            Self::gathered(span.fields(), layout, values)
        } else {
            Self::gathered(span.fields_but_attributes(), layout, values)
        }
    }

    #[inline]
    fn gathered(fields: impl Iterator<Item = SpanField<'a>>, layout: &Layout, values: &mut Values<'a>) -> Self {
        let mut seen = Self::default();
        for field in fields {
            match field {
                SpanField::Attr(key, value) => values.offer(layout, key, value),
                SpanField::Name(name) => seen.name = name,
                SpanField::Kind(kind) => seen.kind = kind,
                SpanField::Status(status) => seen.status = status.code(),
                SpanField::Start(time) => seen.start = time,
                SpanField::End(time) => seen.end = time,
                SpanField::TraceId(id) => seen.trace_id = id,
                SpanField::SpanId(id) => seen.span_id = id,
                SpanField::TraceState(state) => seen.trace_state = state,
                SpanField::Event(_) => seen.has_events = true,
                SpanField::Parent(_) | SpanField::Link(_) | SpanField::Flags(_) => {}
            }
        }
        seen
    }

    /// Nanoseconds from start to end; none if the end comes first.
    pub(super) fn duration(&self) -> Option<u64> {
        self.end.checked_sub(self.start)
    }

    pub(super) fn said(&self, weight: Weight) -> Said<'a> {
        Said {
            name: self.name,
            kind: self.kind,
            status: self.status,
            is_extrapolated: weight.is_extrapolated,
        }
    }

    pub(super) fn weight(&self) -> Weight {
        if self.trace_state.is_empty() {
            return Weight::ONE;
        }
        Weight::of(self.trace_state.as_bytes(), self.span_id.0)
    }
}
