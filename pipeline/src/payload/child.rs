//! Spans that a stage makes.

use super::encoded::{EncodedAttributes, sized_len};
use super::ids::{SpanId, TraceId};
use super::span_view::{SpanKind, field};
use super::value::Text;
use super::wire::{FIXED32, FIXED64, LEN, VARINT_BYTES_MAX, put_bytes, put_uint, put_varint};

/// What spans of one kind have in common: their kind, name and attributes, encoded once.
///
/// A stage has few kinds of children and makes many of each, so that most of a child is one copy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stamp(Vec<u8>);

impl Stamp {
    /// Of spans of this kind (usually `Internal`) with this name that say this about themselves.
    pub fn new(kind: SpanKind, name: &str, attributes: &EncodedAttributes) -> Self {
        let mut bytes = Vec::new();
        put_uint(&mut bytes, field::KIND, i64::from(kind.number()) as u64);
        put_bytes(&mut bytes, field::NAME, name.as_bytes());
        attributes.write(&mut bytes, field::ATTRIBUTES);
        Self(bytes)
    }
}

/// A span to be emitted. Borrows what it says, so that making one allocates nothing.
#[derive(Debug, Clone, Copy)]
pub struct Child<'a> {
    /// Trace of the parent.
    pub trace_id: TraceId,
    /// Deterministic, so that a request that arrives twice yields the same bytes twice.
    pub span_id: SpanId,
    /// The span under which the child lies; there always is one.
    pub parent_span_id: SpanId,
    /// Start, in nanoseconds since 1970.
    pub start: u64,
    /// End, in nanoseconds since 1970.
    pub end: u64,
    /// The parent's flags: a child of a sampled span is sampled.
    pub flags: u32,
    /// The parent's `tracestate`; empty for none.
    pub trace_state: Text<'a>,
    /// What the child has in common with others of its kind.
    pub stamp: &'a Stamp,
}

/// Tags of one byte, which every field number below sixteen has.
pub(super) const fn tag(number: u32, wire_type: u32) -> u8 {
    (number << 3 | wire_type) as u8
}

// Where the fields of fixed length lie in the head of a child.
const SPAN_ID_AT: usize = 18;
const PARENT_AT: usize = 28;
const START_AT: usize = 38;
const END_AT: usize = 47;
const FLAGS_AT: usize = 56;
pub(super) const HEAD_LEN: usize = 62;

/// The one tag of two bytes.
pub(super) const FLAGS_TAG: [u8; 2] = {
    let tag = field::FLAGS << 3 | FIXED32;
    [tag as u8 | 0x80, (tag >> 7) as u8]
};

/// Room for a tag of one byte and a length of two.
const FRAME_LEN: usize = 3;

/// Lengths of two bytes, as nearly every child has.
const USUAL_LEN: std::ops::Range<usize> = 1 << 7..1 << 14;

impl Child<'_> {
    /// Writes the span as an item of a `ScopeSpans`.
    ///
    /// A request has four or five of them, so the fields of fixed length stand together in front and are one copy, and
    /// what it has in common with others is a second one.
    #[inline]
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let Self { trace_state, stamp, .. } = self;
        let body_len = HEAD_LEN + stamp.0.len();
        if !trace_state.is_empty() || !USUAL_LEN.contains(&body_len) {
            return self.write_unusual(out);
        }
        let mut framed = [0; FRAME_LEN + HEAD_LEN];
        framed[0] = tag(super::view::shell::CONTENT, LEN);
        framed[1] = body_len as u8 | 0x80;
        framed[2] = (body_len >> 7) as u8;
        framed[FRAME_LEN..].copy_from_slice(&self.head());
        out.reserve(FRAME_LEN + body_len);
        out.extend_from_slice(&framed);
        out.extend_from_slice(&stamp.0);
    }

    /// The same with a trace state, or with another length.
    #[cold]
    fn write_unusual(&self, out: &mut Vec<u8>) {
        let state = self.trace_state.as_bytes();
        let state_len = if state.is_empty() { 0 } else { sized_len(state.len()) };
        let body_len = HEAD_LEN + state_len + self.stamp.0.len();
        out.reserve(body_len + 1 + VARINT_BYTES_MAX);
        out.push(tag(super::view::shell::CONTENT, LEN));
        put_varint(out, body_len as u64);
        out.extend_from_slice(&self.head());
        if state_len > 0 {
            put_bytes(out, field::TRACE_STATE, state);
        }
        out.extend_from_slice(&self.stamp.0);
    }

    /// Ids, times and flags.
    #[inline(always)]
    fn head(&self) -> [u8; HEAD_LEN] {
        let mut head = [0; HEAD_LEN];
        head[0] = tag(field::TRACE_ID, LEN);
        head[1] = 16;
        head[2..SPAN_ID_AT].copy_from_slice(&self.trace_id.0);
        head[SPAN_ID_AT] = tag(field::SPAN_ID, LEN);
        head[SPAN_ID_AT + 1] = 8;
        head[SPAN_ID_AT + 2..PARENT_AT].copy_from_slice(&self.span_id.0);
        head[PARENT_AT] = tag(field::PARENT_SPAN_ID, LEN);
        head[PARENT_AT + 1] = 8;
        head[PARENT_AT + 2..START_AT].copy_from_slice(&self.parent_span_id.0);
        head[START_AT] = tag(field::START, FIXED64);
        head[START_AT + 1..END_AT].copy_from_slice(&self.start.to_le_bytes());
        head[END_AT] = tag(field::END, FIXED64);
        head[END_AT + 1..FLAGS_AT].copy_from_slice(&self.end.to_le_bytes());
        head[FLAGS_AT..FLAGS_AT + 2].copy_from_slice(&FLAGS_TAG);
        head[FLAGS_AT + 2..].copy_from_slice(&self.flags.to_le_bytes());
        head
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
