//! Metrics: gauges, sums, histograms, summaries and their points.

use super::common::*;
use super::*;

const METRIC_COST: u64 = 192;
const POINT_COST: u64 = 160;
const WIDE_POINT_COST: u64 = 320;
const EXEMPLAR_COST: u64 = 128;

pub(in crate::payload) static METRICS: Message = holder("the request", 0, &[NONE, many(&RESOURCE_METRICS)]);
static RESOURCE_METRICS: Message = holder(
    "resource metrics",
    SHELL_COST,
    &[NONE, about(&RESOURCE), many(&SCOPE_METRICS), text(3)],
);
pub(in crate::payload) static SCOPE_METRICS: Message = holder(
    "scope metrics",
    SHELL_COST,
    &[NONE, about(&SCOPE), many(&METRIC), text(3)],
);

const DATA: u32 = 1 << 5 | 1 << 7 | 1 << 9 | 1 << 10 | 1 << 11;

static METRIC: Message = Message {
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
