//! Spans that a stage makes.

use super::encoded::EncodedAttributes;
use super::ids::{SpanId, TraceId};
use super::span_view::{SpanKind, field};
use super::wire::{OpenLength, put_bytes, put_fixed32, put_fixed64, put_uint};

/// A span to be emitted. Borrows what it says, so that making one allocates nothing.
#[derive(Debug, Clone, Copy)]
pub struct Child<'a> {
    /// Trace of the parent.
    pub trace_id: TraceId,
    /// Deterministic, so that a request that arrives twice yields the same bytes twice.
    pub span_id: SpanId,
    /// The span under which the child lies.
    pub parent_span_id: SpanId,
    /// Name of the span.
    pub name: &'a str,
    /// Usually `Internal`.
    pub kind: SpanKind,
    /// Start, in nanoseconds since 1970.
    pub start: u64,
    /// End, in nanoseconds since 1970.
    pub end: u64,
    /// The parent's flags: a child of a sampled span is sampled.
    pub flags: u32,
    /// The parent's `tracestate`; empty for none.
    pub trace_state: &'a str,
    /// What the child says about itself.
    pub attributes: &'a EncodedAttributes,
}

impl Child<'_> {
    /// Writes the span as an item of a `ScopeSpans`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let length = OpenLength::begin(out, super::view::shell::CONTENT);
        put_bytes(out, field::TRACE_ID, &self.trace_id.0);
        put_bytes(out, field::SPAN_ID, &self.span_id.0);
        if !self.trace_state.is_empty() {
            put_bytes(out, field::TRACE_STATE, self.trace_state.as_bytes());
        }
        if !self.parent_span_id.is_zero() {
            put_bytes(out, field::PARENT_SPAN_ID, &self.parent_span_id.0);
        }
        put_bytes(out, field::NAME, self.name.as_bytes());
        if self.kind.number() != 0 {
            put_uint(out, field::KIND, i64::from(self.kind.number()) as u64);
        }
        put_fixed64(out, field::START, self.start);
        put_fixed64(out, field::END, self.end);
        self.attributes.write(out, field::ATTRIBUTES);
        if self.flags != 0 {
            put_fixed32(out, field::FLAGS, self.flags);
        }
        length.close(out);
    }
}

/// The scope under which a stage's children travel: one `ScopeSpans` per resource and stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmittedScope {
    /// `inferscope/<processor>`.
    pub name: &'static str,
    /// Version of this program.
    pub version: &'static str,
    /// Schema of the attributes; empty for none.
    pub schema_url: &'static str,
}

impl EmittedScope {
    /// A scope of this program's version without a schema.
    pub const fn named(name: &'static str) -> Self {
        Self {
            name,
            version: env!("CARGO_PKG_VERSION"),
            schema_url: "",
        }
    }

    /// Writes the `InstrumentationScope`, without tag and length.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        put_bytes(out, 1, self.name.as_bytes());
        put_bytes(out, 2, self.version.as_bytes());
    }
}
