//! Spans that a stage makes.

use super::encoded::{EncodedAttributes, sized_len};
use super::ids::{SpanId, TraceId};
use super::span_view::{SpanKind, field};
use super::wire::{FIXED64, LEN, VARINT_BYTES_MAX, put_bytes, put_fixed32, put_uint, put_varint, varint_len};

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

/// Tags of one byte, which every field number below sixteen has.
const fn tag(number: u32, wire_type: u32) -> u8 {
    (number << 3 | wire_type) as u8
}

// Bytes of the fields of fixed length.
const IDS_LEN: usize = 28;
const PARENT_LEN: usize = 10;
const TIMES_LEN: usize = 18;
const FLAGS_LEN: usize = 6;

impl Child<'_> {
    /// Writes the span as an item of a `ScopeSpans`.
    ///
    /// A request has four or five of them, so the pieces of fixed length are put together first: one copy each.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let has_parent = !self.parent_span_id.is_zero();
        let kind = i64::from(self.kind.number()) as u64;
        let state_len = if self.trace_state.is_empty() {
            0
        } else {
            sized_len(self.trace_state.len())
        };
        let parent_len = if has_parent { PARENT_LEN } else { 0 };
        let fixed_len = IDS_LEN + parent_len + 1 + varint_len(kind) + TIMES_LEN + FLAGS_LEN;
        let body_len = fixed_len + state_len + sized_len(self.name.len()) + self.attributes.bytes_len();

        out.reserve(body_len + 1 + VARINT_BYTES_MAX);
        out.push(tag(super::view::shell::CONTENT, LEN));
        put_varint(out, body_len as u64);
        out.extend_from_slice(&self.ids());
        if has_parent {
            out.extend_from_slice(&self.parent());
        }
        if state_len > 0 {
            put_bytes(out, field::TRACE_STATE, self.trace_state.as_bytes());
        }
        put_bytes(out, field::NAME, self.name.as_bytes());
        put_uint(out, field::KIND, kind);
        out.extend_from_slice(&self.times());
        self.attributes.write(out, field::ATTRIBUTES);
        put_fixed32(out, field::FLAGS, self.flags);
    }

    #[inline]
    fn ids(&self) -> [u8; IDS_LEN] {
        let mut ids = [0; IDS_LEN];
        ids[0] = tag(field::TRACE_ID, LEN);
        ids[1] = 16;
        ids[2..18].copy_from_slice(&self.trace_id.0);
        ids[18] = tag(field::SPAN_ID, LEN);
        ids[19] = 8;
        ids[20..28].copy_from_slice(&self.span_id.0);
        ids
    }

    #[inline]
    fn parent(&self) -> [u8; PARENT_LEN] {
        let mut parent = [0; PARENT_LEN];
        parent[0] = tag(field::PARENT_SPAN_ID, LEN);
        parent[1] = 8;
        parent[2..10].copy_from_slice(&self.parent_span_id.0);
        parent
    }

    /// Start and end.
    #[inline]
    fn times(&self) -> [u8; TIMES_LEN] {
        let mut times = [0; TIMES_LEN];
        times[0] = tag(field::START, FIXED64);
        times[1..9].copy_from_slice(&self.start.to_le_bytes());
        times[9] = tag(field::END, FIXED64);
        times[10..18].copy_from_slice(&self.end.to_le_bytes());
        times
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
