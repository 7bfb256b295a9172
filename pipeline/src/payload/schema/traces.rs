//! Spans.

use super::common::*;
use super::*;

const SPAN_COST: u64 = 384;
const EVENT_COST: u64 = 96;
const LINK_COST: u64 = 144;
const STATUS_COST: u64 = 32;

pub(in crate::payload) static TRACES: Message = holder("the request", 0, &[NONE, many(&RESOURCE_SPANS)]);
static RESOURCE_SPANS: Message = holder(
    "resource spans",
    SHELL_COST,
    &[NONE, about(&RESOURCE), many(&SCOPE_SPANS), text(3)],
);
pub(in crate::payload) static SCOPE_SPANS: Message =
    holder("scope spans", SHELL_COST, &[NONE, about(&SCOPE), many(&SPAN), text(3)]);

pub(in crate::payload) static SPAN: Message = Message {
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
