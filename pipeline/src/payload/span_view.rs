//! The view of a span, with its events, links and status.

use super::ids::{SpanId, TraceId};
use super::opening::{Made, Opening};
use super::value::{Attrs, Key, RawAttrs, RawValue, Text, Value, key_value};
use super::view::Repeated;
use super::wire::{Field, Fields, LEN, Wire};

/// The first byte of an attribute.
pub(super) const ATTRIBUTE_TAG: u8 = (field::ATTRIBUTES << 3 | LEN) as u8;

/// Field numbers of `opentelemetry.proto.trace.v1.Span`.
pub(crate) mod field {
    pub(crate) const TRACE_ID: u32 = 1;
    pub(crate) const SPAN_ID: u32 = 2;
    pub(crate) const TRACE_STATE: u32 = 3;
    pub(crate) const PARENT_SPAN_ID: u32 = 4;
    pub(crate) const NAME: u32 = 5;
    pub(crate) const KIND: u32 = 6;
    pub(crate) const START: u32 = 7;
    pub(crate) const END: u32 = 8;
    pub(crate) const ATTRIBUTES: u32 = 9;
    pub(crate) const EVENTS: u32 = 11;
    pub(crate) const LINKS: u32 = 13;
    pub(crate) const STATUS: u32 = 15;
    pub(crate) const FLAGS: u32 = 16;
}

/// Which side of a call a span describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SpanKind {
    /// Not said.
    #[default]
    Unspecified,
    /// Inside one program.
    Internal,
    /// Answers a call.
    Server,
    /// Makes a call.
    Client,
    /// Puts a message into a queue.
    Producer,
    /// Takes a message out of a queue.
    Consumer,
    /// A number that OTLP does not name yet; kept as it came.
    Other(i32),
}

impl SpanKind {
    /// The kind behind a number of the enum in the protocol.
    pub fn from_number(number: i32) -> Self {
        match number {
            0 => Self::Unspecified,
            1 => Self::Internal,
            2 => Self::Server,
            3 => Self::Client,
            4 => Self::Producer,
            5 => Self::Consumer,
            other => Self::Other(other),
        }
    }

    /// The number of the enum in the protocol.
    pub fn number(self) -> i32 {
        match self {
            Self::Unspecified => 0,
            Self::Internal => 1,
            Self::Server => 2,
            Self::Client => 3,
            Self::Producer => 4,
            Self::Consumer => 5,
            Self::Other(number) => number,
        }
    }
}

/// How a span ended, as its sender says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StatusCode {
    /// Not said.
    #[default]
    Unset,
    /// Said to be fine.
    Ok,
    /// Failed.
    Error,
    /// A number that OTLP does not name; kept as it came.
    Other(i32),
}

/// One span. Every accessor is one pass over the fields; use [`fields`](Self::fields) for many of them.
#[derive(Debug, Clone, Copy)]
pub struct SpanView<'a>(&'a [u8]);

impl<'a> SpanView<'a> {
    /// Looks at an encoded `Span`. Bytes that no parse has checked read as an incomplete span, never as a panic.
    #[inline]
    pub fn of(body: &'a [u8]) -> Self {
        Self(body)
    }

    /// Id of the trace.
    pub fn trace_id(self) -> TraceId {
        TraceId(self.find(field::TRACE_ID).try_into().unwrap_or_default())
    }

    /// Id of the span.
    pub fn span_id(self) -> SpanId {
        SpanId(self.find(field::SPAN_ID).try_into().unwrap_or_default())
    }

    /// Id of the parent; none at the root.
    pub fn parent_span_id(self) -> Option<SpanId> {
        parent(self.find(field::PARENT_SPAN_ID))
    }

    /// Name of the span.
    pub fn name(self) -> &'a str {
        Text::of(self.name_bytes()).as_str()
    }

    /// Name of the span, for comparing.
    pub fn name_bytes(self) -> &'a [u8] {
        self.find(field::NAME)
    }

    /// W3C `tracestate`.
    pub fn trace_state(self) -> Text<'a> {
        Text::of(self.find(field::TRACE_STATE))
    }

    /// Which side of a call this is.
    pub fn kind(self) -> SpanKind {
        SpanKind::from_number(number(self.0, field::KIND) as i32)
    }

    /// Start, in nanoseconds since 1970.
    pub fn start(self) -> u64 {
        number(self.0, field::START)
    }

    /// End, in nanoseconds since 1970.
    pub fn end(self) -> u64 {
        number(self.0, field::END)
    }

    /// W3C trace flags in the low byte, and whether the parent is remote above them.
    pub fn flags(self) -> u32 {
        number(self.0, field::FLAGS) as u32
    }

    /// The attributes, in order.
    #[inline]
    pub fn attrs(self) -> Attrs<'a> {
        Attrs::of(self.0, field::ATTRIBUTES)
    }

    /// The attributes with unread values.
    #[inline]
    pub fn raw_attrs(self) -> RawAttrs<'a> {
        self.attrs().raw()
    }

    /// The first value under this key. One pass: for several keys scan `attrs()` once.
    pub fn attr(self, key: &str) -> Option<Value<'a>> {
        self.attrs().get(key)
    }

    /// What happened during the span.
    pub fn events(self) -> impl Iterator<Item = EventView<'a>> {
        Repeated::of(self.0, field::EVENTS).map(EventView)
    }

    /// Spans that this one refers to besides its parent.
    pub fn links(self) -> impl Iterator<Item = LinkView<'a>> {
        Repeated::of(self.0, field::LINKS).map(LinkView)
    }

    /// How the span ended.
    pub fn status(self) -> StatusView<'a> {
        StatusView(self.find(field::STATUS))
    }

    /// Everything about the span in one pass.
    #[inline]
    pub fn fields(self) -> SpanFields<'a> {
        SpanFields(Fields::of(self.0))
    }

    /// What stands in front of the attributes, and the rest, for who reads many spans.
    #[inline]
    pub fn opening(self) -> Opening<'a> {
        Opening::of(self.0)
    }

    /// The same for a span of which [`made`](Self::made) gives nothing.
    #[inline]
    pub fn opening_in_order(self) -> Opening<'a> {
        Opening::in_order(self.0)
    }

    /// What is another in every span, where it begins as a stage of ours makes them.
    #[inline(always)]
    pub fn made(self) -> Option<Made<'a>> {
        Made::of(self.0)
    }

    /// Everything about the span without the attributes, for who looks at none of them: they are stepped over unread.
    #[inline]
    pub fn fields_but_attributes(self) -> impl Iterator<Item = SpanField<'a>> {
        SpanHead(Fields::of(self.0))
    }

    /// The encoded span, for keeping it.
    #[inline]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    #[inline]
    fn find(self, number: u32) -> &'a [u8] {
        Fields::of(self.0).payload(number)
    }
}

/// One thing said about a span, in the order of the bytes.
#[derive(Debug, Clone, Copy)]
pub enum SpanField<'a> {
    /// Id of the trace.
    TraceId(TraceId),
    /// Id of the span.
    SpanId(SpanId),
    /// Id of the parent; not given at the root.
    Parent(SpanId),
    /// Name of the span.
    Name(Text<'a>),
    /// Which side of a call this is.
    Kind(SpanKind),
    /// Start, in nanoseconds since 1970.
    Start(u64),
    /// End, in nanoseconds since 1970.
    End(u64),
    /// One attribute, its value unread.
    Attr(Key<'a>, RawValue<'a>),
    /// One event.
    Event(EventView<'a>),
    /// One link.
    Link(LinkView<'a>),
    /// How the span ended.
    Status(StatusView<'a>),
    /// W3C `tracestate`.
    TraceState(Text<'a>),
    /// W3C trace flags and whether the parent is remote.
    Flags(u32),
}

/// A span's fields in one pass; what this crate does not know is left out here and kept in the bytes.
#[derive(Debug, Clone)]
pub struct SpanFields<'a>(pub(super) Fields<'a>);

impl<'a> Iterator for SpanFields<'a> {
    type Item = SpanField<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<SpanField<'a>> {
        loop {
            // Most fields of a span are attributes, and their tag is one byte.
            if let Some(pair) = self.0.step_over(ATTRIBUTE_TAG) {
                let (key, value) = key_value(pair);
                return Some(SpanField::Attr(key, value));
            }
            if let Some(said) = said(self.0.next()?) {
                return Some(said);
            }
        }
    }
}

/// [`SpanFields`] without attributes.
struct SpanHead<'a>(Fields<'a>);

impl<'a> Iterator for SpanHead<'a> {
    type Item = SpanField<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<SpanField<'a>> {
        loop {
            self.0.pass_short(ATTRIBUTE_TAG);
            if self.0.step_over(ATTRIBUTE_TAG).is_some() {
                continue;
            }
            match said(self.0.next()?) {
                None | Some(SpanField::Attr(..)) => {}
                said => return said,
            }
        }
    }
}

/// What a field says; nothing if it is one that this crate does not know.
#[inline(always)]
fn said(Field { number, value, .. }: Field<'_>) -> Option<SpanField<'_>> {
    Some(match (number, value) {
        (field::ATTRIBUTES, Wire::Bytes(bytes)) => {
            let (key, value) = key_value(bytes);
            SpanField::Attr(key, value)
        }
        (field::TRACE_ID, Wire::Bytes(id)) => SpanField::TraceId(TraceId(id.try_into().unwrap_or_default())),
        (field::SPAN_ID, Wire::Bytes(id)) => SpanField::SpanId(SpanId(id.try_into().unwrap_or_default())),
        (field::PARENT_SPAN_ID, Wire::Bytes(id)) => SpanField::Parent(parent(id)?),
        (field::NAME, Wire::Bytes(name)) => SpanField::Name(Text::of(name)),
        (field::KIND, Wire::Varint(kind)) => SpanField::Kind(SpanKind::from_number(kind as i32)),
        (field::START, Wire::Fixed64(time)) => SpanField::Start(time),
        (field::END, Wire::Fixed64(time)) => SpanField::End(time),
        (field::EVENTS, Wire::Bytes(event)) => SpanField::Event(EventView(event)),
        (field::LINKS, Wire::Bytes(link)) => SpanField::Link(LinkView(link)),
        (field::STATUS, Wire::Bytes(status)) => SpanField::Status(StatusView(status)),
        (field::TRACE_STATE, Wire::Bytes(state)) => SpanField::TraceState(Text::of(state)),
        (field::FLAGS, Wire::Fixed32(flags)) => SpanField::Flags(flags),
        _ => return None,
    })
}

fn parent(id: &[u8]) -> Option<SpanId> {
    let id = SpanId(id.try_into().ok()?);
    (!id.is_zero()).then_some(id)
}

/// The first number in this field, 0 without one: proto3 leaves zeros out.
fn number(body: &[u8], number: u32) -> u64 {
    match Fields::of(body).field(number).map(|field| field.value) {
        Some(Wire::Varint(value) | Wire::Fixed64(value)) => value,
        Some(Wire::Fixed32(value)) => u64::from(value),
        _ => 0,
    }
}

/// Something that happened at one moment of a span.
#[derive(Debug, Clone, Copy)]
pub struct EventView<'a>(&'a [u8]);

impl<'a> EventView<'a> {
    /// When, in nanoseconds since 1970.
    pub fn time(self) -> u64 {
        number(self.0, 1)
    }

    /// What happened.
    pub fn name(self) -> Text<'a> {
        Text::of(Fields::of(self.0).payload(2))
    }

    /// The attributes, in order.
    pub fn attrs(self) -> Attrs<'a> {
        Attrs::of(self.0, 3)
    }

    /// The encoded event.
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }
}

/// A reference to another span.
#[derive(Debug, Clone, Copy)]
pub struct LinkView<'a>(&'a [u8]);

impl<'a> LinkView<'a> {
    /// Trace of the other span.
    pub fn trace_id(self) -> TraceId {
        TraceId(Fields::of(self.0).payload(1).try_into().unwrap_or_default())
    }

    /// The other span.
    pub fn span_id(self) -> SpanId {
        SpanId(Fields::of(self.0).payload(2).try_into().unwrap_or_default())
    }

    /// W3C `tracestate` of the other span.
    pub fn trace_state(self) -> Text<'a> {
        Text::of(Fields::of(self.0).payload(3))
    }

    /// The attributes, in order.
    pub fn attrs(self) -> Attrs<'a> {
        Attrs::of(self.0, 4)
    }

    /// W3C trace flags of the other span.
    pub fn flags(self) -> u32 {
        number(self.0, 6) as u32
    }

    /// The encoded link.
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }
}

/// How a span ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct StatusView<'a>(&'a [u8]);

impl<'a> StatusView<'a> {
    /// Fine, failed or not said.
    pub fn code(self) -> StatusCode {
        match number(self.0, 3) as i32 {
            0 => StatusCode::Unset,
            1 => StatusCode::Ok,
            2 => StatusCode::Error,
            other => StatusCode::Other(other),
        }
    }

    /// What the sender says about a failure.
    pub fn message(self) -> Text<'a> {
        Text::of(Fields::of(self.0).payload(2))
    }
}
