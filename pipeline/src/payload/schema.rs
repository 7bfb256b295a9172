//! The shape of OTLP: which field of which message holds what.
//!
//! One table per message, indexed by field number (opentelemetry-proto 1.10). The check and the mending of odd input walk
//! these tables, so that the three signals need one walk each and not three.

use super::limits::RejectReason;
use super::wire::LEN;

/// A message: what its fields are and what it costs a receiver that makes objects of it.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) name: &'static str,
    /// By field number.
    pub(super) fields: &'static [Field],
    /// What is counted, accepted and rejected alone: a span, a log record, a data point.
    pub(super) item: bool,
    /// Whether items lie in it, at any depth.
    pub(super) holds_items: bool,
    /// Whether it is an `AnyValue`, the message that nests.
    pub(super) value: bool,
    /// Bytes of the object that a decoder makes, without the texts in it.
    pub(super) cost: u64,
    /// Fields of which only one may be set, as a bit mask of field numbers.
    pub(super) oneof: u32,
    /// Ids that have to be there, as bits of [`Id::bit`].
    pub(super) required_ids: u8,
    /// The first byte of an attribute; zero, which no field begins with, if there are none.
    pub(super) pair_tag: u8,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) kind: Kind,
    /// Fields that must not have come before this one, as a bit mask of field numbers: itself, when there is at most
    /// one; the other members of a oneof; the content, when this field has to stand in front of it.
    pub(super) clash: u32,
    pub(super) counted: Counted,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Unknown,
    Varint,
    Fixed32,
    Fixed64,
    Text,
    Bytes,
    Id(Id),
    Message(&'static Message),
    /// Repeated numbers: one by one or all in one field.
    PackedVarint,
    PackedFixed64,
}

impl Kind {
    /// The message in a field of this kind.
    pub(super) fn message(self) -> Option<&'static Message> {
        match self {
            Self::Message(message) => Some(message),
            _ => None,
        }
    }
}

/// Which id a field holds. Decides what makes it invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Id {
    Trace,
    Span,
    Parent,
    LinkedTrace,
    LinkedSpan,
}

impl Id {
    /// The bit of this id in [`Message::required_ids`].
    pub(super) const fn bit(self) -> u8 {
        1 << self as u8
    }

    #[inline]
    pub(super) fn is_valid(self, id: &[u8]) -> bool {
        match self {
            Self::Trace => <[u8; 16]>::try_from(id).is_ok_and(|id| u128::from_ne_bytes(id) != 0),
            Self::Span => <[u8; 8]>::try_from(id).is_ok_and(|id| u64::from_ne_bytes(id) != 0),
            Self::LinkedTrace => id.is_empty() || id.len() == 16,
            Self::Parent | Self::LinkedSpan => id.is_empty() || id.len() == 8,
        }
    }

    pub(super) fn reason(self) -> RejectReason {
        match self {
            Self::Trace => RejectReason::TraceId,
            Self::Span => RejectReason::SpanId,
            Self::Parent => RejectReason::ParentSpanId,
            Self::LinkedTrace | Self::LinkedSpan => RejectReason::LinkedId,
        }
    }
}

/// Which limit a repeated field counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    Not,
    Attributes,
    Events,
    Links,
}

const NONE: Field = Field {
    kind: Kind::Unknown,
    clash: 0,
    counted: Counted::Not,
};

const fn single(number: u32, kind: Kind) -> Field {
    Field {
        kind,
        clash: 1 << number,
        counted: Counted::Not,
    }
}

const fn repeated(kind: Kind) -> Field {
    Field {
        kind,
        clash: 0,
        counted: Counted::Not,
    }
}

/// One of several members of which the last one counts.
const fn member(oneof: u32, kind: Kind) -> Field {
    Field {
        kind,
        clash: oneof,
        counted: Counted::Not,
    }
}

const fn counted(message: &'static Message, counted: Counted) -> Field {
    Field {
        kind: Kind::Message(message),
        clash: 0,
        counted,
    }
}

/// Attributes. The limit counts in items; those of a resource, a scope or a metric are bounded by what they cost.
const ATTRIBUTES: Field = counted(&KEY_VALUE, Counted::Attributes);
const TEXTS: Field = repeated(Kind::Text);

const fn text(number: u32) -> Field {
    single(number, Kind::Text)
}

const fn varint(number: u32) -> Field {
    single(number, Kind::Varint)
}

const fn fixed64(number: u32) -> Field {
    single(number, Kind::Fixed64)
}

const fn fixed32(number: u32) -> Field {
    single(number, Kind::Fixed32)
}

const fn id(number: u32, id: Id) -> Field {
    single(number, Kind::Id(id))
}

const fn one(number: u32, message: &'static Message) -> Field {
    single(number, Kind::Message(message))
}

const fn many(message: &'static Message) -> Field {
    repeated(Kind::Message(message))
}

/// Resource or scope: at most one, and in front of the content, because a walk meets it first.
const fn about(message: &'static Message) -> Field {
    Field {
        kind: Kind::Message(message),
        clash: 1 << 1 | 1 << 2,
        counted: Counted::Not,
    }
}

const fn plain(name: &'static str, cost: u64, fields: &'static [Field]) -> Message {
    let pair_tag = pair_tag(fields);
    Message {
        name,
        fields,
        item: false,
        holds_items: false,
        value: false,
        cost,
        oneof: 0,
        required_ids: 0,
        pair_tag,
    }
}

const fn pair_tag(fields: &[Field]) -> u8 {
    let mut number = 0;
    while number < fields.len() {
        if matches!(fields[number].counted, Counted::Attributes) {
            return (number as u8) << 3 | LEN as u8;
        }
        number += 1;
    }
    0
}

const fn holder(name: &'static str, cost: u64, fields: &'static [Field]) -> Message {
    Message {
        holds_items: true,
        ..plain(name, cost, fields)
    }
}

const fn item(name: &'static str, cost: u64, fields: &'static [Field]) -> Message {
    Message {
        item: true,
        ..plain(name, cost, fields)
    }
}

// Costs: size of the object in a 64-bit runtime (prost and Go pdata are near each other), rounded up to include the
// slot in the list that holds it. The texts themselves are charged by their length on the wire.
const SHELL_COST: u64 = 128;
const SPAN_COST: u64 = 384;
const EVENT_COST: u64 = 96;
const LINK_COST: u64 = 144;
const STATUS_COST: u64 = 32;
const KEY_VALUE_COST: u64 = 40;
const VALUE_COST: u64 = 40;
/// An attribute with a plain value.
pub(super) const PAIR_COST: u64 = KEY_VALUE_COST + VALUE_COST;
const LOG_RECORD_COST: u64 = 256;
const METRIC_COST: u64 = 192;
const POINT_COST: u64 = 160;
const WIDE_POINT_COST: u64 = 320;
const EXEMPLAR_COST: u64 = 128;

pub(super) static KEY_VALUE: Message = plain(
    "a key-value pair",
    KEY_VALUE_COST,
    &[NONE, text(1), one(2, &ANY_VALUE), varint(3)],
);

const VALUES: u32 = 0b1_1111_1110;

pub(super) static ANY_VALUE: Message = Message {
    value: true,
    oneof: VALUES,
    ..plain(
        "a value",
        VALUE_COST,
        &[
            NONE,
            member(VALUES, Kind::Text),
            member(VALUES, Kind::Varint),
            member(VALUES, Kind::Varint),
            member(VALUES, Kind::Fixed64),
            member(VALUES, Kind::Message(&ARRAY)),
            member(VALUES, Kind::Message(&KEY_VALUE_LIST)),
            member(VALUES, Kind::Bytes),
            member(VALUES, Kind::Varint),
        ],
    )
};

static ARRAY: Message = plain("an array", 0, &[NONE, many(&ANY_VALUE)]);
static KEY_VALUE_LIST: Message = plain("a key-value list", 0, &[NONE, many(&KEY_VALUE)]);

static ENTITY_REF: Message = plain("an entity", SHELL_COST, &[NONE, text(1), text(2), TEXTS, TEXTS]);
static RESOURCE: Message = plain(
    "a resource",
    SHELL_COST,
    &[NONE, ATTRIBUTES, varint(2), many(&ENTITY_REF)],
);
static SCOPE: Message = plain("a scope", SHELL_COST, &[NONE, text(1), text(2), ATTRIBUTES, varint(4)]);

pub(super) static TRACES: Message = holder("the request", 0, &[NONE, many(&RESOURCE_SPANS)]);
static RESOURCE_SPANS: Message = holder(
    "resource spans",
    SHELL_COST,
    &[NONE, about(&RESOURCE), many(&SCOPE_SPANS), text(3)],
);
static SCOPE_SPANS: Message = holder("scope spans", SHELL_COST, &[NONE, about(&SCOPE), many(&SPAN), text(3)]);

static SPAN: Message = Message {
    required_ids: Id::Trace.bit() | Id::Span.bit(),
    ..item(
        "a span",
        SPAN_COST,
        &[
            NONE,
            id(1, Id::Trace),
            id(2, Id::Span),
            text(3),
            id(4, Id::Parent),
            text(5),
            varint(6),
            fixed64(7),
            fixed64(8),
            ATTRIBUTES,
            varint(10),
            counted(&EVENT, Counted::Events),
            varint(12),
            counted(&LINK, Counted::Links),
            varint(14),
            one(15, &STATUS),
            fixed32(16),
        ],
    )
};

static EVENT: Message = plain(
    "an event",
    EVENT_COST,
    &[NONE, fixed64(1), text(2), ATTRIBUTES, varint(4)],
);

static LINK: Message = plain(
    "a link",
    LINK_COST,
    &[
        NONE,
        id(1, Id::LinkedTrace),
        id(2, Id::LinkedSpan),
        text(3),
        ATTRIBUTES,
        varint(5),
        fixed32(6),
    ],
);

static STATUS: Message = plain("a status", STATUS_COST, &[NONE, NONE, text(2), varint(3)]);

pub(super) static LOGS: Message = holder("the request", 0, &[NONE, many(&RESOURCE_LOGS)]);
static RESOURCE_LOGS: Message = holder(
    "resource logs",
    SHELL_COST,
    &[NONE, about(&RESOURCE), many(&SCOPE_LOGS), text(3)],
);
static SCOPE_LOGS: Message = holder(
    "scope logs",
    SHELL_COST,
    &[NONE, about(&SCOPE), many(&LOG_RECORD), text(3)],
);

static LOG_RECORD: Message = item(
    "a log record",
    LOG_RECORD_COST,
    &[
        NONE,
        fixed64(1),
        varint(2),
        text(3),
        NONE,
        one(5, &ANY_VALUE),
        ATTRIBUTES,
        varint(7),
        fixed32(8),
        id(9, Id::LinkedTrace),
        id(10, Id::LinkedSpan),
        fixed64(11),
        text(12),
    ],
);

pub(super) static METRICS: Message = holder("the request", 0, &[NONE, many(&RESOURCE_METRICS)]);
static RESOURCE_METRICS: Message = holder(
    "resource metrics",
    SHELL_COST,
    &[NONE, about(&RESOURCE), many(&SCOPE_METRICS), text(3)],
);
static SCOPE_METRICS: Message = holder(
    "scope metrics",
    SHELL_COST,
    &[NONE, about(&SCOPE), many(&METRIC), text(3)],
);

const DATA: u32 = 1 << 5 | 1 << 7 | 1 << 9 | 1 << 10 | 1 << 11;

pub(super) static METRIC: Message = Message {
    oneof: DATA,
    ..holder(
        "a metric",
        METRIC_COST,
        &[
            NONE,
            text(1),
            text(2),
            text(3),
            NONE,
            member(DATA, Kind::Message(&GAUGE)),
            NONE,
            member(DATA, Kind::Message(&SUM)),
            NONE,
            member(DATA, Kind::Message(&HISTOGRAM)),
            member(DATA, Kind::Message(&EXPONENTIAL_HISTOGRAM)),
            member(DATA, Kind::Message(&SUMMARY)),
            ATTRIBUTES,
        ],
    )
};

static GAUGE: Message = holder("a gauge", 0, &[NONE, many(&NUMBER_POINT)]);
static SUM: Message = holder("a sum", 0, &[NONE, many(&NUMBER_POINT), varint(2), varint(3)]);
static HISTOGRAM: Message = holder("a histogram", 0, &[NONE, many(&HISTOGRAM_POINT), varint(2)]);
static EXPONENTIAL_HISTOGRAM: Message = holder(
    "an exponential histogram",
    0,
    &[NONE, many(&EXPONENTIAL_POINT), varint(2)],
);
static SUMMARY: Message = holder("a summary", 0, &[NONE, many(&SUMMARY_POINT)]);

const NUMBER: u32 = 1 << 4 | 1 << 6;

static NUMBER_POINT: Message = Message {
    oneof: NUMBER,
    ..item(
        "a data point",
        POINT_COST,
        &[
            NONE,
            NONE,
            fixed64(2),
            fixed64(3),
            member(NUMBER, Kind::Fixed64),
            many(&EXEMPLAR),
            member(NUMBER, Kind::Fixed64),
            ATTRIBUTES,
            varint(8),
        ],
    )
};

static HISTOGRAM_POINT: Message = item(
    "a histogram point",
    WIDE_POINT_COST,
    &[
        NONE,
        NONE,
        fixed64(2),
        fixed64(3),
        fixed64(4),
        fixed64(5),
        repeated(Kind::PackedFixed64),
        repeated(Kind::PackedFixed64),
        many(&EXEMPLAR),
        ATTRIBUTES,
        varint(10),
        fixed64(11),
        fixed64(12),
    ],
);

static EXPONENTIAL_POINT: Message = item(
    "an exponential histogram point",
    WIDE_POINT_COST,
    &[
        NONE,
        ATTRIBUTES,
        fixed64(2),
        fixed64(3),
        fixed64(4),
        fixed64(5),
        varint(6),
        fixed64(7),
        one(8, &BUCKETS),
        one(9, &BUCKETS),
        varint(10),
        many(&EXEMPLAR),
        fixed64(12),
        fixed64(13),
        fixed64(14),
    ],
);

static BUCKETS: Message = plain("buckets", 0, &[NONE, varint(1), repeated(Kind::PackedVarint)]);

static SUMMARY_POINT: Message = item(
    "a summary point",
    POINT_COST,
    &[
        NONE,
        NONE,
        fixed64(2),
        fixed64(3),
        fixed64(4),
        fixed64(5),
        many(&QUANTILE),
        ATTRIBUTES,
        varint(8),
    ],
);

static QUANTILE: Message = plain("a quantile", 16, &[NONE, fixed64(1), fixed64(2)]);

const EXEMPLAR_NUMBER: u32 = 1 << 3 | 1 << 6;

static EXEMPLAR: Message = Message {
    oneof: EXEMPLAR_NUMBER,
    ..plain(
        "an exemplar",
        EXEMPLAR_COST,
        &[
            NONE,
            NONE,
            fixed64(2),
            member(EXEMPLAR_NUMBER, Kind::Fixed64),
            id(4, Id::LinkedSpan),
            id(5, Id::LinkedTrace),
            member(EXEMPLAR_NUMBER, Kind::Fixed64),
            ATTRIBUTES,
        ],
    )
};
