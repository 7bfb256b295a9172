//! Bodies that are refused whole, and what the sender is told.

use super::{Limits, metrics_from_json, read, request_with};

/// A body and the error that answers it.
const REFUSED: &[(&str, &str)] = &[
    ("", "line 1, column 1: expected an object, found the end of the body"),
    (" \n", "line 2, column 1: expected an object, found the end of the body"),
    ("null", "line 1, column 1: expected an object, found null"),
    ("[]", "line 1, column 1: expected an object, found ["),
    (
        "{",
        "line 1, column 2: expected a key in quotes, found the end of the body",
    ),
    ("{}{}", "line 1, column 3: expected the end of the body, found {"),
    (
        "{} garbage",
        "line 1, column 4: expected the end of the body, found garbage",
    ),
    ("{\"a\":1,}", "line 1, column 8: expected a key in quotes, found }"),
    (
        "{\"a\" 1}",
        "line 1, column 6: expected a colon behind the key, found 1",
    ),
    ("{\"a\":}", "line 1, column 6: expected a value, found }"),
    ("{\"a\":tru}", "line 1, column 6: expected a value, found tru"),
    ("{\"a\":01}", "line 1, column 6: expected a value, found 01"),
    ("{\"a\":1.}", "line 1, column 6: expected a value, found 1."),
    ("{\"a\":-}", "line 1, column 6: expected a value, found -"),
    ("{\"a\":1e}", "line 1, column 6: expected a value, found 1e"),
    ("{\"a\":[1,]}", "line 1, column 9: expected a value, found ]"),
    (
        "{\"a\":[1 2]}",
        "line 1, column 9: expected a comma or the end of the array, found 2",
    ),
    (
        "{\"a\":1 \"b\":2}",
        "line 1, column 8: expected a comma or the end of the object, found \"b\":2",
    ),
    (
        "{\"a\":\"\n\"}",
        "line 1, column 7: expected an escape sequence instead of a control character, found \\n\"",
    ),
    (
        "{\"a\":\"\\x\"}",
        "line 1, column 7: expected an escape sequence of JSON, found \\\\x\"",
    ),
    (
        "{\"a\":\"\\u00g0\"}",
        "line 1, column 7: expected an escape sequence of JSON, found \\\\u00g0\"",
    ),
    (
        "{\"a\":\"b",
        "line 1, column 8: expected the end of the string, found the end of the body",
    ),
    ("{'a':1}", "line 1, column 2: expected a key in quotes, found 'a':1"),
    ("{\n \"ä\": ,\n}", "line 2, column 7: expected a value, found ,"),
    ("\u{feff}{}", "line 1, column 1: expected an object, found \\u{feff}{"),
    (
        "{\"resourceSpans\":{}}",
        "line 1, column 18: expected an array for \"resourceSpans\", found {",
    ),
    (
        "{\"resourceSpans\":[1]}",
        "line 1, column 19: expected an object for \"resourceSpans\", found 1",
    ),
    (
        "{\"resourceSpans\":[\"\u{1b}[2J\"]}",
        "line 1, column 19: expected an object for \"resourceSpans\", found \"\\u{1b}[2J\"",
    ),
];

#[test]
fn a_body_that_is_no_request_is_refused_with_its_place_and_what_was_expected() {
    for (body, error) in REFUSED {
        let refused = read(body).unwrap_err();

        assert_eq!(refused.to_string(), *error, "{body:?}");
    }
}

/// A key of a span with a value that it cannot have, and what was expected.
const MISFITS: &[(&str, &str)] = &[
    (r#""name":5"#, r#"a string for "name""#),
    (r#""traceState":{}"#, r#"a string for "traceState""#),
    (
        r#""parentSpanId":7"#,
        r#"a string of hexadecimal digits for "parentSpanId""#,
    ),
    (
        r#""startTimeUnixNano":-1"#,
        r#"a whole number from 0 to 18446744073709551615 for "startTimeUnixNano""#,
    ),
    (
        r#""startTimeUnixNano":"""#,
        r#"a whole number from 0 to 18446744073709551615 for "startTimeUnixNano""#,
    ),
    (
        r#""startTimeUnixNano":1.5"#,
        r#"a whole number from 0 to 18446744073709551615 for "startTimeUnixNano""#,
    ),
    (
        r#""startTimeUnixNano":18446744073709551616"#,
        r#"a whole number from 0 to 18446744073709551615 for "startTimeUnixNano""#,
    ),
    (
        r#""startTimeUnixNano":"NaN""#,
        r#"a whole number from 0 to 18446744073709551615 for "startTimeUnixNano""#,
    ),
    (
        r#""startTimeUnixNano":true"#,
        r#"a whole number from 0 to 18446744073709551615 for "startTimeUnixNano""#,
    ),
    (
        r#""droppedLinksCount":4294967296"#,
        r#"a whole number from 0 to 4294967295 for "droppedLinksCount""#,
    ),
    (
        r#""kind":"SPAN_KIND_SERVANT""#,
        r#"the number or the name of an enum value for "kind""#,
    ),
    (
        r#""kind":2147483648"#,
        r#"the number or the name of an enum value for "kind""#,
    ),
    (r#""status":[]"#, r#"an object for "status""#),
    (r#""events":{}"#, r#"an array for "events""#),
    (
        r#""attributes":[{"value":{"boolValue":1}}]"#,
        r#"true or false for "boolValue""#,
    ),
    (
        r#""attributes":[{"value":{"boolValue":"true"}}]"#,
        r#"true or false for "boolValue""#,
    ),
    (
        r#""attributes":[{"value":{"intValue":9223372036854775808}}]"#,
        r#"a whole number from -9223372036854775808 to 9223372036854775807 for "intValue""#,
    ),
    (
        r#""attributes":[{"value":{"doubleValue":"many"}}]"#,
        r#"a number, "NaN", "Infinity" or "-Infinity" for "doubleValue""#,
    ),
    (
        r#""attributes":[{"value":{"doubleValue":1e999}}]"#,
        r#"a number, "NaN", "Infinity" or "-Infinity" for "doubleValue""#,
    ),
    (
        r#""attributes":[{"value":{"doubleValue":NaN}}]"#,
        r#"a number, "NaN", "Infinity" or "-Infinity" for "doubleValue""#,
    ),
    (
        r#""attributes":[{"value":{"bytesValue":"a!"}}]"#,
        r#"a string in base64 for "bytesValue""#,
    ),
];

#[test]
fn a_value_that_its_key_cannot_have_is_refused_by_name() {
    for (keys, expected) in MISFITS {
        let refused = read(&request_with(keys)).unwrap_err().to_string();

        assert!(
            refused.contains(&format!("expected {expected}, found ")),
            "{keys}: {refused}"
        );
    }
}

#[test]
fn two_lists_of_buckets_in_one_point_are_refused_instead_of_added_up() {
    let metrics = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[
        {"bucketCounts":["1"],"bucketCounts":["2"]}]}}]}]}]}"#;

    let refused = metrics_from_json(metrics.as_bytes(), &Limits::default()).unwrap_err();

    assert_eq!(
        refused.to_string(),
        "line 2, column 46: expected one list only for \"bucketCounts\", found [\"2\""
    );
}
