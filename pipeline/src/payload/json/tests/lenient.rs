//! What hand-written senders send and the Collector's receiver accepts (measured with its pdata v1.70), and what each
//! becomes when it is sent on.

use super::{
    Limits, SPAN_ID, TRACE_ID, logs_from_json, metrics_from_json, only_span, read, request, request_with, spans,
    written,
};
use crate::payload::RejectReason;

/// Keys of a span as sent and as sent on.
const ACCEPTED: &[(&str, &str, &str)] = &[
    (
        "a time as text",
        r#""startTimeUnixNano":"17""#,
        r#""startTimeUnixNano":"17""#,
    ),
    (
        "a time as number",
        r#""startTimeUnixNano":1544712660000000000"#,
        r#""startTimeUnixNano":"1544712660000000000""#,
    ),
    (
        "a time beyond a double",
        r#""endTimeUnixNano":18446744073709551615"#,
        r#""endTimeUnixNano":"18446744073709551615""#,
    ),
    (
        "a time with an exponent",
        r#""endTimeUnixNano":1.5e3"#,
        r#""endTimeUnixNano":"1500""#,
    ),
    (
        "a default value",
        r#""kind":0,"name":"","droppedAttributesCount":0,"parentSpanId":"""#,
        "",
    ),
    ("an enum as number", r#""kind":2"#, r#""kind":2"#),
    ("an enum that is unknown", r#""kind":99"#, r#""kind":99"#),
    ("a negative enum", r#""kind":-1"#, r#""kind":-1"#),
    ("an enum as name", r#""kind":"SPAN_KIND_SERVER""#, r#""kind":2"#),
    (
        "a status by name",
        r#""status":{"code":"STATUS_CODE_ERROR"}"#,
        r#""status":{"code":2}"#,
    ),
    ("an empty status", r#""status":{}"#, r#""status":{}"#),
    (
        "keys in snake_case",
        r#""start_time_unix_nano":1,"dropped_events_count":2"#,
        r#""startTimeUnixNano":"1","droppedEventsCount":2"#,
    ),
    (
        "unknown keys",
        r#""nam":"x","more":{"a":[1,{"b":null}],"c":"\u00e4"},"kind":1"#,
        r#""kind":1"#,
    ),
    ("null", r#""name":null,"attributes":null,"status":null,"kind":null"#, ""),
    (
        "an id in capitals",
        r#""parentSpanId":"EEE19B7EC3C1B173""#,
        r#""parentSpanId":"eee19b7ec3c1b173""#,
    ),
    (
        "escaped hexadecimal digits",
        r#""parentSpanId":"\u0045EE19B7EC3C1B173""#,
        r#""parentSpanId":"eee19b7ec3c1b173""#,
    ),
    ("an escaped key", r#""n\u0061me":"x""#, r#""name":"x""#),
    ("flags", r#""flags":"257""#, r#""flags":257"#),
    ("the last of two values", r#""name":"a","name":"b""#, r#""name":"b""#),
    (
        "the last of two values, a default",
        r#""name":"a","kind":3,"name":"","kind":0"#,
        "",
    ),
    ("a value before null", r#""name":"a","name":null"#, r#""name":"a""#),
    (
        "objects merged",
        r#""status":{"code":2,"message":"a"},"status":{"message":"b"}"#,
        r#""status":{"message":"b","code":2}"#,
    ),
    (
        "lists added up",
        r#""events":[{"name":"a"}],"events":[{"name":"b"}]"#,
        r#""events":[{"name":"a"},{"name":"b"}]"#,
    ),
    ("an empty list", r#""events":[],"links":[]"#, ""),
    ("white space", " \"kind\" :\t1 ,\r\n\"events\" : [ ] ", r#""kind":1"#),
];

#[test]
fn a_span_is_read_as_leniently_as_the_collector_reads_it_and_sent_on_strictly() {
    for (what, sent, sent_on) in ACCEPTED {
        let parsed = read(&request_with(sent)).unwrap_or_else(|error| panic!("{what}: {error}"));

        assert!(parsed.rejected.is_nothing(), "{what}: {}", parsed.rejected);
        assert_eq!(written(parsed.payload), request_with(sent_on), "{what}");
    }
}

/// Values of an attribute as sent and as sent on.
const VALUES: &[(&str, &str)] = &[
    (r#"{"stringValue":""}"#, r#"{"stringValue":""}"#),
    (r#"{"string_value":"a"}"#, r#"{"stringValue":"a"}"#),
    (r#"{"boolValue":false}"#, r#"{"boolValue":false}"#),
    (
        r#"{"intValue":"-9223372036854775808"}"#,
        r#"{"intValue":"-9223372036854775808"}"#,
    ),
    (r#"{"intValue":0}"#, r#"{"intValue":"0"}"#),
    (r#"{"intValue":9007199254740993}"#, r#"{"intValue":"9007199254740993"}"#),
    (r#"{"intValue":-2.0}"#, r#"{"intValue":"-2"}"#),
    (r#"{"doubleValue":0}"#, r#"{"doubleValue":0.0}"#),
    (r#"{"doubleValue":-0.0}"#, r#"{"doubleValue":-0.0}"#),
    (r#"{"doubleValue":"1.5"}"#, r#"{"doubleValue":1.5}"#),
    (r#"{"doubleValue":1e300}"#, r#"{"doubleValue":1e300}"#),
    (r#"{"doubleValue":5e-324}"#, r#"{"doubleValue":5e-324}"#),
    (r#"{"doubleValue":"NaN"}"#, r#"{"doubleValue":"NaN"}"#),
    (r#"{"doubleValue":"Infinity"}"#, r#"{"doubleValue":"Infinity"}"#),
    (r#"{"doubleValue":"-Infinity"}"#, r#"{"doubleValue":"-Infinity"}"#),
    (r#"{"bytesValue":"AQID"}"#, r#"{"bytesValue":"AQID"}"#),
    (r#"{"bytesValue":"-_8"}"#, r#"{"bytesValue":"+/8="}"#),
    (r#"{"bytesValue":""}"#, r#"{"bytesValue":""}"#),
    ("{}", "{}"),
    (r#"{"stringValue":null}"#, "{}"),
    (r#"{"stringValue":"a","intValue":"1"}"#, r#"{"intValue":"1"}"#),
    (r#"{"stringValue":"a","intValue":null}"#, r#"{"stringValue":"a"}"#),
    (r#"{"arrayValue":{}}"#, r#"{"arrayValue":{}}"#),
    (
        r#"{"arrayValue":{"values":[{"intValue":1},null,{}]}}"#,
        r#"{"arrayValue":{"values":[{"intValue":"1"},{},{}]}}"#,
    ),
    (
        r#"{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{"values":[{"kvlistValue":{"values":[]}}]}}}]}}"#,
        r#"{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{"values":[{"kvlistValue":{}}]}}}]}}"#,
    ),
];

#[test]
fn an_attribute_value_is_read_leniently_and_sent_on_strictly() {
    for (sent, sent_on) in VALUES {
        let attribute = |value: &str| request_with(&format!(r#""attributes":[{{"key":"k","value":{value}}}]"#));

        let parsed = read(&attribute(sent)).unwrap_or_else(|error| panic!("{sent}: {error}"));

        assert!(parsed.rejected.is_nothing(), "{sent}: {}", parsed.rejected);
        assert_eq!(written(parsed.payload), attribute(sent_on), "{sent}");
    }
}

#[test]
fn an_empty_request_is_a_success() {
    for empty in [
        "{}",
        r#"{"resourceSpans":null}"#,
        r#"{"resourceSpans":[]}"#,
        " { } \r\n",
        r#"{"unknown":1}"#,
    ] {
        let parsed = read(empty).unwrap();

        assert!(parsed.payload.is_empty(), "{empty}");
        assert!(parsed.rejected.is_nothing(), "{empty}");
        assert_eq!(written(parsed.payload), "{}");
    }
}

#[test]
fn an_id_that_is_none_costs_its_span_and_no_other() {
    let good = format!(r#"{{"traceId":"{TRACE_ID}","spanId":"{SPAN_ID}","name":"good"}}"#);
    let long = "ab".repeat(1000);
    let cases = [
        ("5b8e", SPAN_ID, "", RejectReason::TraceId),
        ("", SPAN_ID, "", RejectReason::TraceId),
        ("5b8efff798038103d269b633813fc60g", SPAN_ID, "", RejectReason::TraceId),
        ("5b8efff798038103d269b633813fc60", SPAN_ID, "", RejectReason::TraceId),
        ("00000000000000000000000000000000", SPAN_ID, "", RejectReason::TraceId),
        ("W47/95gDgQPSabYzgT/GDA==", SPAN_ID, "", RejectReason::TraceId),
        (&long, SPAN_ID, "", RejectReason::TraceId),
        (TRACE_ID, "eee19b7ec3c1b1", "", RejectReason::SpanId),
        (TRACE_ID, "", "", RejectReason::SpanId),
        (TRACE_ID, TRACE_ID, "", RejectReason::SpanId),
        (TRACE_ID, SPAN_ID, "0x1", RejectReason::ParentSpanId),
        (TRACE_ID, SPAN_ID, "ää", RejectReason::ParentSpanId),
    ];
    for (trace_id, span_id, parent, reason) in cases {
        let bad = format!(r#"{{"traceId":"{trace_id}","spanId":"{span_id}","parentSpanId":"{parent}"}}"#);

        let (spans, rejected) = spans(&request(&format!("{good},{bad},{good}")));

        let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(names, ["good", "good"], "{bad}");
        assert_eq!((rejected.items, rejected.reason), (1, Some(reason)), "{bad}");
    }
}

#[test]
fn a_bad_id_that_a_span_refers_to_costs_that_span() {
    let (spans, rejected) = spans(&request_with(
        r#""links":[{"traceId":"5b8e","spanId":"eee19b7ec3c1b174"}]"#,
    ));

    assert!(spans.is_empty());
    assert_eq!((rejected.items, rejected.reason), (1, Some(RejectReason::LinkedId)));
}

#[test]
fn a_log_record_or_a_data_point_with_a_bad_id_is_rejected_alone() {
    let logs = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"zz"},{"body":{"stringValue":"a"}}]}]}]}"#;
    let metrics = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":[
        {"asInt":"1","exemplars":[{"asInt":"1","traceId":"zz"}]},{"asInt":"2"}]}}]}]}]}"#;

    let logs = logs_from_json(logs.as_bytes(), &Limits::default()).unwrap();
    let metrics = metrics_from_json(metrics.as_bytes(), &Limits::default()).unwrap();

    assert_eq!((logs.payload.records(), logs.rejected.items), (1, 1));
    assert_eq!(logs.rejected.reason, Some(RejectReason::LinkedId));
    assert_eq!((metrics.payload.points(), metrics.rejected.items), (1, 1));
    assert_eq!(metrics.rejected.reason, Some(RejectReason::LinkedId));
}

#[test]
fn the_order_of_keys_means_nothing() {
    let spans_first = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"name":"a","spanId":"{SPAN_ID}","traceId":"{TRACE_ID}"}}],"scope":{{"name":"s"}}}}],"resource":{{"droppedAttributesCount":1}}}}]}}"#
    );

    let parsed = read(&spans_first).unwrap();

    let in_order = format!(
        r#"{{"resourceSpans":[{{"resource":{{"droppedAttributesCount":1}},"scopeSpans":[{{"scope":{{"name":"s"}},"spans":[{{"traceId":"{TRACE_ID}","spanId":"{SPAN_ID}","name":"a"}}]}}]}}]}}"#
    );
    assert_eq!(written(parsed.payload), in_order);
}

#[test]
fn escapes_in_texts_are_what_they_stand_for() {
    assert_eq!(
        only_span(r#""name":"\"\\\/\b\f\n\r\t\u0041\u00e4\u65e5\ud83d\ude00\u0000""#).name,
        "\"\\/\u{8}\u{c}\n\r\tAä日😀\0"
    );
}

#[test]
fn half_a_surrogate_pair_costs_one_character_and_is_counted() {
    for (sent, mended) in [
        (r"a\ud83d", "a\u{fffd}"),
        (r"\ude00z", "\u{fffd}z"),
        (r"\ud83dx\ude00", "\u{fffd}x\u{fffd}"),
        (r"\ud83d\u0041", "\u{fffd}A"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
    ] {
        let (spans, rejected) = spans(&request_with(&format!(r#""name":"{sent}""#)));

        assert_eq!(spans[0].name, mended, "{sent}");
        assert_eq!((rejected.items, rejected.repaired), (0, 1), "{sent}");
    }
}

#[test]
fn text_that_is_not_utf8_costs_its_bad_bytes_and_is_counted() {
    let mut body = request_with(r#""name":"a?b""#).into_bytes();
    let place = body.iter().position(|&byte| byte == b'?').unwrap();
    body[place] = 0xff;

    let parsed = super::traces_from_json(&body, &Limits::default()).unwrap();

    assert_eq!(parsed.rejected.repaired, 1);
    assert_eq!(written(parsed.payload), request_with("\"name\":\"a\u{fffd}b\""));
}
