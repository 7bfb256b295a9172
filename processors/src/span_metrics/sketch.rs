//! A span at a glance: for who counted spans like it a moment ago and wants no attributes.

use pipeline::payload::{SpanId, SpanView, TraceId};

/// Where a span lies in time, and what it is like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sketch<'a> {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) likeness: Likeness<'a>,
}

/// Everything that a span says but for its attributes and what is another in every span.
#[derive(Debug, Clone, Copy)]
pub(super) struct Likeness<'a> {
    /// Of a span that a stage of ours has made, what stands behind the head; else what stands behind the attributes.
    rest: &'a [u8],
    /// What stands in front of the attributes; nothing where it is in the rest.
    name: &'a [u8],
    /// As the protocol numbers them.
    kind: i32,
}

impl PartialEq for Likeness<'_> {
    /// Where the lengths are equal, there is most often no name at all, or the same.
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.name.len() == other.name.len()
            && self.rest == other.rest
            && (self.name.is_empty() || self.name == other.name)
    }
}

impl<'a> Sketch<'a> {
    /// Nothing where a trace state may say that the span stands for others.
    #[inline(always)]
    pub(super) fn of(span: SpanView<'a>) -> Option<Self> {
        if let Some(made) = span.made() {
            return Some(Self {
                trace_id: made.trace_id,
                span_id: made.span_id,
                start: made.start,
                end: made.end,
                likeness: Likeness {
                    rest: made.rest,
                    name: &[],
                    kind: 0,
                },
            });
        }
        let opening = span.opening_in_order();
        opening.trace_state.is_empty().then(|| Self {
            trace_id: opening.trace_id,
            span_id: opening.span_id,
            start: opening.start,
            end: opening.end,
            likeness: Likeness {
                rest: opening.behind_attributes(),
                name: opening.name.as_bytes(),
                kind: opening.kind.number(),
            },
        })
    }

    /// Nanoseconds from start to end; none if the end comes first.
    #[inline]
    pub(super) fn duration(&self) -> Option<u64> {
        self.end.checked_sub(self.start)
    }
}
