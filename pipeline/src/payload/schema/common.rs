//! What the messages of all signals contain: resources, scopes, attributes, values.

use super::*;

pub(super) const SHELL_COST: u64 = 128;
const KEY_VALUE_COST: u64 = 40;
const VALUE_COST: u64 = 40;
/// An attribute with a plain value.
pub(in crate::payload) const PAIR_COST: u64 = KEY_VALUE_COST + VALUE_COST;

pub(in crate::payload) static KEY_VALUE: Message = plain(
    "a key-value pair",
    KEY_VALUE_COST,
    &[NONE, text(1), one(2, &ANY_VALUE), varint(3)],
);

const VALUES: u32 = 0b1_1111_1110;

pub(in crate::payload) static ANY_VALUE: Message = Message {
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
pub(in crate::payload) static RESOURCE: Message = plain(
    "a resource",
    SHELL_COST,
    &[NONE, ATTRIBUTES, varint(2), many(&ENTITY_REF)],
);
pub(in crate::payload) static SCOPE: Message =
    plain("a scope", SHELL_COST, &[NONE, text(1), text(2), ATTRIBUTES, varint(4)]);
