//! The messages of OTLP by their JSON names (opentelemetry-proto 1.10).

use super::schema::Kind::{
    Bool, Bytes, Double, Enum, Fixed32, Fixed64, I32, I64, Id, Message as Object, S32, Sfixed64, Text, U32, U64,
};
use super::schema::{Field, Message, choice, many, maybe, one};

const ATTRIBUTES_DROPPED: &str = "droppedAttributesCount";

const fn attributes(number: u32) -> Field {
    many(number, "attributes", Object(&KEY_VALUE))
}

static KEY_VALUE: Message = Message {
    fields: &[
        one(1, "key", Text),
        maybe(2, "value", Object(&ANY_VALUE)),
        one(3, "keyStrindex", I32),
    ],
};

static ANY_VALUE: Message = Message {
    fields: &[
        choice(1, "stringValue", Text),
        choice(2, "boolValue", Bool),
        choice(3, "intValue", I64),
        choice(4, "doubleValue", Double),
        choice(5, "arrayValue", Object(&ARRAY_VALUE)),
        choice(6, "kvlistValue", Object(&KEY_VALUE_LIST)),
        choice(7, "bytesValue", Bytes),
        choice(8, "stringValueStrindex", I32),
    ],
};

static ARRAY_VALUE: Message = Message {
    fields: &[many(1, "values", Object(&ANY_VALUE))],
};
static KEY_VALUE_LIST: Message = Message {
    fields: &[many(1, "values", Object(&KEY_VALUE))],
};

static RESOURCE: Message = Message {
    fields: &[
        attributes(1),
        one(2, ATTRIBUTES_DROPPED, U32),
        many(3, "entityRefs", Object(&ENTITY_REF)),
    ],
};

static ENTITY_REF: Message = Message {
    fields: &[
        one(1, "schemaUrl", Text),
        one(2, "type", Text),
        many(3, "idKeys", Text),
        many(4, "descriptionKeys", Text),
    ],
};

static SCOPE: Message = Message {
    fields: &[
        one(1, "name", Text),
        one(2, "version", Text),
        attributes(3),
        one(4, ATTRIBUTES_DROPPED, U32),
    ],
};

/// `ExportTraceServiceRequest`, which is `TracesData`.
pub(super) static TRACES: Message = Message {
    fields: &[many(1, "resourceSpans", Object(&RESOURCE_SPANS))],
};

static RESOURCE_SPANS: Message = Message {
    fields: &[
        maybe(1, "resource", Object(&RESOURCE)),
        many(2, "scopeSpans", Object(&SCOPE_SPANS)),
        one(3, "schemaUrl", Text),
    ],
};

static SCOPE_SPANS: Message = Message {
    fields: &[
        maybe(1, "scope", Object(&SCOPE)),
        many(2, "spans", Object(&SPAN)),
        one(3, "schemaUrl", Text),
    ],
};

static SPAN: Message = Message {
    fields: &[
        one(1, "traceId", Id),
        one(2, "spanId", Id),
        one(3, "traceState", Text),
        one(4, "parentSpanId", Id),
        one(16, "flags", Fixed32),
        one(5, "name", Text),
        one(6, "kind", Enum(SPAN_KINDS)),
        one(7, "startTimeUnixNano", Fixed64),
        one(8, "endTimeUnixNano", Fixed64),
        attributes(9),
        one(10, ATTRIBUTES_DROPPED, U32),
        many(11, "events", Object(&EVENT)),
        one(12, "droppedEventsCount", U32),
        many(13, "links", Object(&LINK)),
        one(14, "droppedLinksCount", U32),
        maybe(15, "status", Object(&STATUS)),
    ],
};

const SPAN_KINDS: &[(&str, i32)] = &[
    ("SPAN_KIND_UNSPECIFIED", 0),
    ("SPAN_KIND_INTERNAL", 1),
    ("SPAN_KIND_SERVER", 2),
    ("SPAN_KIND_CLIENT", 3),
    ("SPAN_KIND_PRODUCER", 4),
    ("SPAN_KIND_CONSUMER", 5),
];

static EVENT: Message = Message {
    fields: &[
        one(1, "timeUnixNano", Fixed64),
        one(2, "name", Text),
        attributes(3),
        one(4, ATTRIBUTES_DROPPED, U32),
    ],
};

static LINK: Message = Message {
    fields: &[
        one(1, "traceId", Id),
        one(2, "spanId", Id),
        one(3, "traceState", Text),
        attributes(4),
        one(5, ATTRIBUTES_DROPPED, U32),
        one(6, "flags", Fixed32),
    ],
};

static STATUS: Message = Message {
    fields: &[one(2, "message", Text), one(3, "code", Enum(STATUS_CODES))],
};

const STATUS_CODES: &[(&str, i32)] = &[
    ("STATUS_CODE_UNSET", 0),
    ("STATUS_CODE_OK", 1),
    ("STATUS_CODE_ERROR", 2),
];

/// `ExportLogsServiceRequest`, which is `LogsData`.
pub(super) static LOGS: Message = Message {
    fields: &[many(1, "resourceLogs", Object(&RESOURCE_LOGS))],
};

static RESOURCE_LOGS: Message = Message {
    fields: &[
        maybe(1, "resource", Object(&RESOURCE)),
        many(2, "scopeLogs", Object(&SCOPE_LOGS)),
        one(3, "schemaUrl", Text),
    ],
};

static SCOPE_LOGS: Message = Message {
    fields: &[
        maybe(1, "scope", Object(&SCOPE)),
        many(2, "logRecords", Object(&LOG_RECORD)),
        one(3, "schemaUrl", Text),
    ],
};

static LOG_RECORD: Message = Message {
    fields: &[
        one(1, "timeUnixNano", Fixed64),
        one(11, "observedTimeUnixNano", Fixed64),
        one(2, "severityNumber", Enum(SEVERITIES)),
        one(3, "severityText", Text),
        maybe(5, "body", Object(&ANY_VALUE)),
        attributes(6),
        one(7, ATTRIBUTES_DROPPED, U32),
        one(8, "flags", Fixed32),
        one(9, "traceId", Id),
        one(10, "spanId", Id),
        one(12, "eventName", Text),
    ],
};

const SEVERITIES: &[(&str, i32)] = &[
    ("SEVERITY_NUMBER_UNSPECIFIED", 0),
    ("SEVERITY_NUMBER_TRACE", 1),
    ("SEVERITY_NUMBER_TRACE2", 2),
    ("SEVERITY_NUMBER_TRACE3", 3),
    ("SEVERITY_NUMBER_TRACE4", 4),
    ("SEVERITY_NUMBER_DEBUG", 5),
    ("SEVERITY_NUMBER_DEBUG2", 6),
    ("SEVERITY_NUMBER_DEBUG3", 7),
    ("SEVERITY_NUMBER_DEBUG4", 8),
    ("SEVERITY_NUMBER_INFO", 9),
    ("SEVERITY_NUMBER_INFO2", 10),
    ("SEVERITY_NUMBER_INFO3", 11),
    ("SEVERITY_NUMBER_INFO4", 12),
    ("SEVERITY_NUMBER_WARN", 13),
    ("SEVERITY_NUMBER_WARN2", 14),
    ("SEVERITY_NUMBER_WARN3", 15),
    ("SEVERITY_NUMBER_WARN4", 16),
    ("SEVERITY_NUMBER_ERROR", 17),
    ("SEVERITY_NUMBER_ERROR2", 18),
    ("SEVERITY_NUMBER_ERROR3", 19),
    ("SEVERITY_NUMBER_ERROR4", 20),
    ("SEVERITY_NUMBER_FATAL", 21),
    ("SEVERITY_NUMBER_FATAL2", 22),
    ("SEVERITY_NUMBER_FATAL3", 23),
    ("SEVERITY_NUMBER_FATAL4", 24),
];

/// `ExportMetricsServiceRequest`, which is `MetricsData`.
pub(super) static METRICS: Message = Message {
    fields: &[many(1, "resourceMetrics", Object(&RESOURCE_METRICS))],
};

static RESOURCE_METRICS: Message = Message {
    fields: &[
        maybe(1, "resource", Object(&RESOURCE)),
        many(2, "scopeMetrics", Object(&SCOPE_METRICS)),
        one(3, "schemaUrl", Text),
    ],
};

static SCOPE_METRICS: Message = Message {
    fields: &[
        maybe(1, "scope", Object(&SCOPE)),
        many(2, "metrics", Object(&METRIC)),
        one(3, "schemaUrl", Text),
    ],
};

static METRIC: Message = Message {
    fields: &[
        one(1, "name", Text),
        one(2, "description", Text),
        one(3, "unit", Text),
        choice(5, "gauge", Object(&GAUGE)),
        choice(7, "sum", Object(&SUM)),
        choice(9, "histogram", Object(&HISTOGRAM)),
        choice(10, "exponentialHistogram", Object(&EXPONENTIAL_HISTOGRAM)),
        choice(11, "summary", Object(&SUMMARY)),
        many(12, "metadata", Object(&KEY_VALUE)),
    ],
};

const TEMPORALITIES: &[(&str, i32)] = &[
    ("AGGREGATION_TEMPORALITY_UNSPECIFIED", 0),
    ("AGGREGATION_TEMPORALITY_DELTA", 1),
    ("AGGREGATION_TEMPORALITY_CUMULATIVE", 2),
];

const fn points(message: &'static Message) -> Field {
    many(1, "dataPoints", Object(message))
}

const TEMPORALITY: Field = one(2, "aggregationTemporality", Enum(TEMPORALITIES));

static GAUGE: Message = Message {
    fields: &[points(&NUMBER_POINT)],
};
static SUM: Message = Message {
    fields: &[points(&NUMBER_POINT), TEMPORALITY, one(3, "isMonotonic", Bool)],
};
static HISTOGRAM: Message = Message {
    fields: &[points(&HISTOGRAM_POINT), TEMPORALITY],
};
static EXPONENTIAL_HISTOGRAM: Message = Message {
    fields: &[points(&EXPONENTIAL_POINT), TEMPORALITY],
};
static SUMMARY: Message = Message {
    fields: &[points(&SUMMARY_POINT)],
};

const START: Field = one(2, "startTimeUnixNano", Fixed64);
const TIME: Field = one(3, "timeUnixNano", Fixed64);
const COUNT: Field = one(4, "count", Fixed64);

static NUMBER_POINT: Message = Message {
    fields: &[
        attributes(7),
        START,
        TIME,
        choice(4, "asDouble", Double),
        choice(6, "asInt", Sfixed64),
        many(5, "exemplars", Object(&EXEMPLAR)),
        one(8, "flags", U32),
    ],
};

static HISTOGRAM_POINT: Message = Message {
    fields: &[
        attributes(9),
        START,
        TIME,
        COUNT,
        maybe(5, "sum", Double),
        many(6, "bucketCounts", Fixed64),
        many(7, "explicitBounds", Double),
        many(8, "exemplars", Object(&EXEMPLAR)),
        one(10, "flags", U32),
        maybe(11, "min", Double),
        maybe(12, "max", Double),
    ],
};

static EXPONENTIAL_POINT: Message = Message {
    fields: &[
        attributes(1),
        START,
        TIME,
        COUNT,
        maybe(5, "sum", Double),
        one(6, "scale", S32),
        one(7, "zeroCount", Fixed64),
        maybe(8, "positive", Object(&BUCKETS)),
        maybe(9, "negative", Object(&BUCKETS)),
        one(10, "flags", U32),
        many(11, "exemplars", Object(&EXEMPLAR)),
        maybe(12, "min", Double),
        maybe(13, "max", Double),
        one(14, "zeroThreshold", Double),
    ],
};

static BUCKETS: Message = Message {
    fields: &[one(1, "offset", S32), many(2, "bucketCounts", U64)],
};

static SUMMARY_POINT: Message = Message {
    fields: &[
        attributes(7),
        START,
        TIME,
        COUNT,
        one(5, "sum", Double),
        many(6, "quantileValues", Object(&QUANTILE)),
        one(8, "flags", U32),
    ],
};

static QUANTILE: Message = Message {
    fields: &[one(1, "quantile", Double), one(2, "value", Double)],
};

static EXEMPLAR: Message = Message {
    fields: &[
        many(7, "filteredAttributes", Object(&KEY_VALUE)),
        one(2, "timeUnixNano", Fixed64),
        choice(3, "asDouble", Double),
        choice(6, "asInt", Sfixed64),
        one(4, "spanId", Id),
        one(5, "traceId", Id),
    ],
};
