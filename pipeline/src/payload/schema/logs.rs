//! Log records.

use super::common::*;
use super::*;

const LOG_RECORD_COST: u64 = 256;

pub(in crate::payload) static LOGS: Message = holder("the request", 0, &[NONE, many(&RESOURCE_LOGS)]);
static RESOURCE_LOGS: Message = holder(
    "resource logs",
    SHELL_COST,
    &[NONE, about(&RESOURCE), many(&SCOPE_LOGS), text(3)],
);
pub(in crate::payload) static SCOPE_LOGS: Message = holder(
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
