//! Bodies that were made to hurt.

use super::{JsonError, Limits, SPAN_ID, TRACE_ID, metrics_from_json, read, request_with, traces_from_json};
use crate::payload::RejectReason;

/// A value inside as many arrays.
fn nested_arrays(levels: usize) -> String {
    format!(
        "{}{{}}{}",
        r#"{"arrayValue":{"values":["#.repeat(levels),
        "]}}".repeat(levels)
    )
}

fn attribute(value: &str) -> String {
    request_with(&format!(r#""attributes":[{{"key":"k","value":{value}}}]"#))
}

#[test]
fn nesting_without_end_is_refused_wherever_it_stands() {
    for body in [
        "[".repeat(100_000),
        "{\"a\":".repeat(100_000),
        format!("{{\"unknown\":{}", "[".repeat(100_000)),
        attribute(&nested_arrays(10_000)),
        attribute(&r#"{"kvlistValue":{"values":[{"value":"#.repeat(10_000)),
    ] {
        let refused = read(&body).unwrap_err();

        assert!(
            matches!(
                refused,
                JsonError::Depth { limit: 200, .. } | JsonError::Unexpected { .. }
            ),
            "{refused}"
        );
    }
}

#[test]
fn values_up_to_the_limit_of_depth_are_kept_and_one_more_costs_its_span() {
    let limits = Limits::default();
    let deepest = limits.depth as usize - 1;

    let kept = read(&attribute(&nested_arrays(deepest))).unwrap();
    let rejected = read(&attribute(&nested_arrays(deepest + 1))).unwrap();

    assert_eq!((kept.payload.spans(), kept.rejected.items), (1, 0));
    assert_eq!((rejected.payload.spans(), rejected.rejected.items), (0, 1));
    assert_eq!(rejected.rejected.reason, Some(RejectReason::Depth(limits.depth)));
}

#[test]
fn values_deeper_than_protobuf_runtimes_read_are_refused_without_a_place_that_nobody_sees() {
    let refused = read(&attribute(&nested_arrays(60))).unwrap_err();

    assert_eq!(refused, JsonError::MessageDepth { limit: 100 });
    assert_eq!(
        refused.to_string(),
        "expected at most 100 messages inside each other, found more"
    );
}

#[test]
fn a_million_empty_spans_are_counted_and_rejected() {
    let body = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}{{}}]}}]}}]}}"#,
        "{},".repeat(999_999)
    );

    let parsed = read(&body).unwrap();

    assert_eq!((parsed.payload.spans(), parsed.rejected.items), (0, 1_000_000));
    assert!(parsed.payload.bytes().len() < 100);
}

#[test]
fn spans_beyond_the_limit_are_rejected_and_the_others_kept() {
    let span = format!(r#"{{"traceId":"{TRACE_ID}","spanId":"{SPAN_ID}"}}"#);
    let limits = Limits {
        spans: 2,
        ..Limits::default()
    };

    let parsed = traces_from_json(super::request(&[&*span; 5].join(",")).as_bytes(), &limits).unwrap();

    assert_eq!((parsed.payload.spans(), parsed.rejected.items), (2, 3));
    assert_eq!(parsed.rejected.reason, Some(RejectReason::Items(2)));
}

#[test]
fn short_numbers_that_grow_eightfold_are_refused_before_they_do() {
    let limits = Limits {
        decoded_bytes: 100_000,
        ..Limits::default()
    };
    let histogram = |buckets: usize| {
        format!(
            r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"histogram":{{"dataPoints":[{{"bucketCounts":[{}0]}}]}}}}]}}]}}]}}"#,
            "0,".repeat(buckets)
        )
    };

    let kept = metrics_from_json(histogram(12_000).as_bytes(), &limits).unwrap();
    let refused = metrics_from_json(histogram(13_000).as_bytes(), &limits).unwrap_err();

    assert_eq!(kept.payload.points(), 1);
    assert_eq!(refused, JsonError::Size { limit: 100_000 });
}

#[test]
fn an_error_repeats_little_of_the_body_and_nothing_that_upsets_a_terminal() {
    let long = "x".repeat(1_000_000);
    for value in [
        format!("\"{long}\""),
        "\"\u{1b}]0;owned\u{7}\u{9b}\u{202e}".to_owned(),
        "\u{0}".repeat(100),
    ] {
        let JsonError::Unexpected { found, .. } = read(&request_with(&format!("\"kind\":{value}"))).unwrap_err() else {
            panic!("refused for something else");
        };

        assert!(found.len() < 300, "{}", found.len());
        assert!(
            !found
                .chars()
                .any(|character| character.is_control() || character == '\u{202e}'),
            "{found:?}"
        );
    }
}

#[test]
fn a_request_that_is_cut_off_anywhere_is_refused() {
    let whole = super::request_with(
        r#""name":"a\u00e4\n","kind":2,"events":[{"timeUnixNano":"12"}],"unknown":[1.5e3,true,null]"#,
    );

    for length in 0..whole.len() {
        assert!(read(&whole[..length]).is_err(), "{}", &whole[..length]);
    }
    assert!(read(&whole).is_ok());
}
