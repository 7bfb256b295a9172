//! Laws for any request: writing and reading are each other's inverse, foreign text never panics.

use super::{Limits, logs_from_json, logs_of, metrics_from_json, metrics_of, traces_from_json, traces_of, written};
use generate::{logs, metrics, traces};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::*;
use prost::Message as _;

pub(in crate::payload) mod generate;

/// Decodes and encodes again, since two encodings of one message may differ and NaN is not equal to itself.
fn canonical<M: prost::Message + Default>(bytes: &[u8]) -> Vec<u8> {
    M::decode(bytes).unwrap().encode_to_vec()
}

proptest! {
    #[test]
    fn traces_survive_the_way_to_json_and_back(request in traces()) {
        let sent = traces_of(&request);

        let json = written(sent.clone());
        let back = traces_from_json(json.as_bytes(), &Limits::default()).unwrap();

        prop_assert!(back.rejected.is_nothing());
        prop_assert_eq!(back.payload.spans(), sent.spans());
        prop_assert_eq!(canonical::<ExportTraceServiceRequest>(back.payload.bytes()), request.encode_to_vec(), "{}", json);
    }

    #[test]
    fn metrics_survive_the_way_to_json_and_back(request in metrics()) {
        let sent = metrics_of(&request);

        let json = written(sent.clone());
        let back = metrics_from_json(json.as_bytes(), &Limits::default()).unwrap();

        prop_assert!(back.rejected.is_nothing());
        prop_assert_eq!(back.payload.points(), sent.points());
        prop_assert_eq!(canonical::<ExportMetricsServiceRequest>(back.payload.bytes()), request.encode_to_vec(), "{}", json);
    }

    #[test]
    fn logs_survive_the_way_to_json_and_back(request in logs()) {
        let sent = logs_of(&request);

        let json = written(sent.clone());
        let back = logs_from_json(json.as_bytes(), &Limits::default()).unwrap();

        prop_assert!(back.rejected.is_nothing());
        prop_assert_eq!(back.payload.records(), sent.records());
        prop_assert_eq!(canonical::<ExportLogsServiceRequest>(back.payload.bytes()), request.encode_to_vec(), "{}", json);
    }

    #[test]
    fn what_is_written_is_json_to_any_reader(request in metrics()) {
        let json = written(metrics_of(&request));

        let reader: Result<serde_json::Value, _> = serde_json::from_str(&json);

        prop_assert!(reader.is_ok(), "{}: {}", reader.unwrap_err(), json);
    }

    #[test]
    fn white_space_between_tokens_changes_nothing(request in traces()) {
        let json = written(traces_of(&request));

        let back = traces_from_json(spread(&json).as_bytes(), &Limits::default()).unwrap();

        prop_assert_eq!(written(back.payload), json);
    }

    #[test]
    fn bytes_of_any_kind_never_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let limits = Limits::default();

        let _ = (traces_from_json(&body, &limits), metrics_from_json(&body, &limits), logs_from_json(&body, &limits));
    }

    #[test]
    fn json_of_any_shape_under_known_keys_never_panics(body in foreign_json()) {
        let limits = Limits::default();

        let _ = (
            traces_from_json(body.as_bytes(), &limits),
            metrics_from_json(body.as_bytes(), &limits),
            logs_from_json(body.as_bytes(), &limits),
        );
    }

    #[test]
    fn a_damaged_request_is_refused_or_read_and_then_stays_as_it_was_read(
        request in traces(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), damaging_byte()), 1..4),
    ) {
        let mut body = written(traces_of(&request)).into_bytes();
        for (place, byte) in damage {
            *place.get_mut(&mut body) = byte;
        }

        if let Ok(read) = traces_from_json(&body, &Limits::default()) {
            let json = written(read.payload.clone());
            let again = traces_from_json(json.as_bytes(), &Limits::default()).unwrap();
            prop_assert!(again.rejected.is_nothing());
            prop_assert_eq!(again.payload.spans(), read.payload.spans());
            prop_assert_eq!(written(again.payload), json);
        }
    }

    #[test]
    fn metrics_that_were_damaged_never_panic(
        request in metrics(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), damaging_byte()), 1..4),
    ) {
        let mut body = written(metrics_of(&request)).into_bytes();
        for (place, byte) in damage {
            *place.get_mut(&mut body) = byte;
        }

        if let Ok(read) = metrics_from_json(&body, &Limits::default()) {
            let json = written(read.payload);
            prop_assert!(metrics_from_json(json.as_bytes(), &Limits::default()).unwrap().rejected.is_nothing());
        }
    }
}

/// The same JSON with white space around everything that is not in quotes.
fn spread(json: &str) -> String {
    let mut spread = String::new();
    let (mut quoted, mut escaped) = (false, false);
    for character in json.chars() {
        if !quoted && "{}[]:,".contains(character) {
            spread.extend([' ', '\n', character, '\t', '\r']);
            continue;
        }
        spread.push(character);
        quoted ^= character == '"' && !escaped;
        escaped = quoted && !escaped && character == '\\';
    }
    spread
}

/// Bytes that mean something in JSON, and some that do not.
fn damaging_byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        prop::sample::select(b"{}[]\",:\\0123456789eE.-+tfnu \n".to_vec()),
        any::<u8>()
    ]
}

/// Values under the keys of OTLP, of whatever kind.
fn foreign_json() -> impl Strategy<Value = String> {
    let keys = [
        "resourceSpans",
        "scopeSpans",
        "spans",
        "resource_metrics",
        "scopeMetrics",
        "metrics",
        "resourceLogs",
        "scopeLogs",
        "logRecords",
        "resource",
        "scope",
        "attributes",
        "key",
        "value",
        "stringValue",
        "intValue",
        "doubleValue",
        "bytesValue",
        "arrayValue",
        "kvlistValue",
        "values",
        "traceId",
        "kind",
        "status",
        "code",
        "gauge",
        "histogram",
        "dataPoints",
        "bucketCounts",
        "explicitBounds",
        "asInt",
        "exemplars",
        "flags",
        "body",
        "timeUnixNano",
        "unknown",
    ];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:?}")),
        "[a-zA-Z0-9=\\\\u\"]{0,12}".prop_map(|text| format!("\"{text}\"")),
    ];
    let value = leaf.prop_recursive(8, 64, 4, move |inner| {
        let member =
            (prop::sample::select(keys.to_vec()), inner.clone()).prop_map(|(key, value)| format!("\"{key}\":{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|values| format!("[{}]", values.join(","))),
            prop::collection::vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    });
    (
        prop::sample::select(vec!["resourceSpans", "resourceMetrics", "resourceLogs"]),
        value,
    )
        .prop_map(|(key, value)| format!("{{\"{key}\":[{value}]}}"))
}
