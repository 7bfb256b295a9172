//! One pass over a span.

use pipeline::payload::{SpanField, SpanId, SpanKind, SpanView, StatusCode, Text, TraceId};

use super::layout::{Layout, Said};
use super::sampling::Weight;
use super::sketch::Sketch;
use super::values::Values;

/// What the connector wants to know about a span beside the values of its dimensions.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen<'a> {
    name: Text<'a>,
    kind: SpanKind,
    status: StatusCode,
    start: u64,
    /// In nanoseconds since 1970.
    pub(super) end: u64,
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    trace_state: Text<'a>,
    pub(super) has_events: bool,
    has_links: bool,
}

impl<'a> Seen<'a> {
    #[inline]
    pub(super) fn of(span: SpanView<'a>, layout: &Layout, values: &mut Values<'a>) -> Self {
        values.clear();
        let opening = span.opening();
        let mut seen = Self {
            name: opening.name,
            kind: opening.kind,
            status: StatusCode::default(),
            start: opening.start,
            end: opening.end,
            trace_id: opening.trace_id,
            span_id: opening.span_id,
            trace_state: opening.trace_state,
            has_events: false,
            has_links: false,
        };
        if layout.asks_for_attributes() {
            for field in opening.rest().fields() {
                match field {
                    SpanField::Attr(key, value) => values.offer(layout, key, value),
                    other => seen.hear(other),
                }
            }
        } else {
            let rest = opening.rest().fields_but_attributes();
            rest.for_each(|field| seen.hear(field));
        }
        seen
    }

    /// What stands behind the attributes: the status and events, as a rule.
    fn hear(&mut self, field: SpanField<'a>) {
        match field {
            SpanField::Name(name) => self.name = name,
            SpanField::Kind(kind) => self.kind = kind,
            SpanField::Status(status) => self.status = status.code(),
            SpanField::Start(time) => self.start = time,
            SpanField::End(time) => self.end = time,
            SpanField::TraceId(id) => self.trace_id = id,
            SpanField::SpanId(id) => self.span_id = id,
            SpanField::TraceState(state) => self.trace_state = state,
            SpanField::Event(_) => self.has_events = true,
            SpanField::Link(_) => self.has_links = true,
            SpanField::Attr(..) | SpanField::Parent(_) | SpanField::Flags(_) => {}
        }
    }

    /// Nanoseconds from start to end; none if the end comes first.
    pub(super) fn duration(&self) -> Option<u64> {
        self.end.checked_sub(self.start)
    }

    /// Whether spans that are like its sketch are counted as it is, but for the time that they took. Of one with events
    /// or links there is hardly another that is like it.
    pub(super) fn is_told_by(&self, sketch: &Sketch<'_>) -> bool {
        let here = (self.start, self.end, self.trace_id, self.span_id);
        let there = (sketch.start, sketch.end, sketch.trace_id, sketch.span_id);
        here == there && self.trace_state.is_empty() && !self.has_events && !self.has_links
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
