//! The shape of OTLP: which field of which message holds what.
//!
//! One table per message, indexed by field number (opentelemetry-proto 1.10). The check and the mending of odd input walk
//! these tables, so that the three signals need one walk each and not three.

mod common;
mod logs;
mod metrics;
mod traces;

pub(super) use common::PAIR_COST;
pub(super) use logs::{LOGS, SCOPE_LOGS};
pub(super) use metrics::{METRICS, SCOPE_METRICS};
pub(super) use traces::{SCOPE_SPANS, SPAN, TRACES};

use super::limits::RejectReason;
use super::wire::{Fields, LEN};
use common::KEY_VALUE;

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
    /// Bytes of the object that a decoder makes, without the texts in it: its size in a 64-bit runtime (prost and Go
    /// pdata are near each other), rounded up to include the slot in the list that holds it.
    pub(super) cost: u64,
    /// Fields of which only one may be set, as a bit mask of field numbers.
    pub(super) oneof: u32,
    /// Ids that have to be there, as bits of [`Id::bit`].
    pub(super) required_ids: u8,
    /// The first byte of an attribute; a number that is no byte if there are none.
    pub(super) pair_tag: u16,
}

impl Message {
    /// The item in this field, or the message that items lie in.
    #[inline]
    pub(super) fn holder_or_item(&self, number: u32) -> Option<&'static Self> {
        let inner = self.fields.get(number as usize)?.kind.message()?;
        (inner.item || inner.holds_items).then_some(inner)
    }

    /// Items in a message: one if it is an item.
    pub(super) fn items_in(&self, body: &[u8]) -> u32 {
        if self.item {
            return 1;
        }
        let inner = Fields::of(body).filter_map(|field| Some((self.holder_or_item(field.number)?, field)));
        inner.fold(0, |items: u32, (inner, field)| {
            items.saturating_add(inner.items_in(field.bytes()))
        })
    }

    /// Whether there is an item in a message.
    pub(super) fn has_items(&self, body: &[u8]) -> bool {
        let mut fields = Fields::of(body);
        self.item
            || fields.any(|field| {
                self.holder_or_item(field.number)
                    .is_some_and(|inner| inner.has_items(field.bytes()))
            })
    }

    /// Field number of the attributes.
    #[inline]
    pub(super) fn attributes(&self) -> u32 {
        u32::from(self.pair_tag >> 3)
    }
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

const NO_PAIRS: u16 = 0x100;

const fn pair_tag(fields: &[Field]) -> u16 {
    let mut number = 0;
    while number < fields.len() {
        if matches!(fields[number].counted, Counted::Attributes) {
            return (number as u16) << 3 | LEN as u16;
        }
        number += 1;
    }
    NO_PAIRS
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
