//! What is written, to the byte.

use super::{Limits, SPAN_ID, TRACE_ID, logs_from_json, metrics_from_json, read, request_with, traces_of, written};
use crate::payload::{Payload, Traces};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData};
use prost::Message as _;

#[test]
fn a_span_with_everything_is_written_as_the_specification_says() {
    let span = format!(
        concat!(
            r#"{{"traceId":"{t}","spanId":"{s}","traceState":"a=b","parentSpanId":"{s}","flags":257,"name":"llm_request","kind":2,"#,
            r#""startTimeUnixNano":"1","endTimeUnixNano":"18446744073709551615","#,
            r#""attributes":[{{"key":"gen_ai.usage.input_tokens","value":{{"intValue":"-12"}}}}],"droppedAttributesCount":1,"#,
            r#""events":[{{"timeUnixNano":"2","name":"e","attributes":[{{"key":"k","value":{{"boolValue":true}}}}],"droppedAttributesCount":3}}],"#,
            r#""droppedEventsCount":4,"links":[{{"traceId":"{t}","spanId":"{s}","traceState":"c","droppedAttributesCount":5,"flags":1}}],"#,
            r#""droppedLinksCount":6,"status":{{"message":"no","code":2}}}}"#
        ),
        t = TRACE_ID,
        s = SPAN_ID
    );
    let request = format!(
        concat!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"vllm"}}}}],"#,
            r#""droppedAttributesCount":1,"entityRefs":[{{"schemaUrl":"u","type":"service","idKeys":["a","b"],"descriptionKeys":[""]}}]}},"#,
            r#""scopeSpans":[{{"scope":{{"name":"n","version":"1","attributes":[{{"key":"k"}}],"droppedAttributesCount":2}},"#,
            r#""spans":[{span}],"schemaUrl":"s"}}],"schemaUrl":"r"}}]}}"#
        ),
        span = span
    );

    assert_eq!(written(read(&request).unwrap().payload), request);
}

#[test]
fn metrics_of_every_kind_are_written_as_the_specification_says() {
    let request = concat!(
        r#"{"resourceMetrics":[{"resource":{},"scopeMetrics":[{"scope":{},"metrics":["#,
        r#"{"name":"g","description":"d","unit":"s","gauge":{"dataPoints":[{"startTimeUnixNano":"1","timeUnixNano":"2","asDouble":0.5,"flags":1}]}},"#,
        r#"{"sum":{"dataPoints":[{"attributes":[{"key":"k","value":{}}],"asInt":"-1","exemplars":[{"filteredAttributes":[{"key":"f"}],"#,
        r#""timeUnixNano":"3","asDouble":"Infinity","spanId":"eee19b7ec3c1b174","traceId":"5b8efff798038103d269b633813fc60c"}]}],"#,
        r#""aggregationTemporality":2,"isMonotonic":true}},"#,
        r#"{"histogram":{"dataPoints":[{"count":"3","sum":0.0,"bucketCounts":["1","2"],"explicitBounds":[0.5],"min":0.0,"max":"NaN"}],"aggregationTemporality":1}},"#,
        r#"{"exponentialHistogram":{"dataPoints":[{"count":"3","sum":-2.5,"scale":-10,"zeroCount":"1","positive":{"offset":-2147483648,"#,
        r#""bucketCounts":["1","300"]},"negative":{"offset":2147483647},"min":1.0,"max":2.0,"zeroThreshold":1e-9}],"aggregationTemporality":2}},"#,
        r#"{"summary":{"dataPoints":[{"count":"3","sum":1.5,"quantileValues":[{"quantile":0.5,"value":"-Infinity"},{}]}]},"#,
        r#""metadata":[{"key":"m","value":{"bytesValue":"AQ=="}}]}"#,
        r#"]}]}]}"#
    );

    let parsed = metrics_from_json(request.as_bytes(), &Limits::default()).unwrap();

    assert_eq!((parsed.payload.points(), parsed.rejected.items), (5, 0));
    assert_eq!(written(parsed.payload), request);
}

#[test]
fn a_log_record_with_everything_is_written_as_the_specification_says() {
    let request = concat!(
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1","observedTimeUnixNano":"2","severityNumber":9,"#,
        r#""severityText":"INFO","body":{"kvlistValue":{"values":[{"key":"a","value":{"doubleValue":1.0}}]}},"#,
        r#""attributes":[{"key":"k","value":{"stringValue":"v"}}],"droppedAttributesCount":1,"flags":1,"#,
        r#""traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","eventName":"e"}],"schemaUrl":"s"}]}]}"#
    );

    let parsed = logs_from_json(request.as_bytes(), &Limits::default()).unwrap();

    assert_eq!(written(parsed.payload), request);
}

#[test]
fn text_is_written_on_one_line_whatever_is_in_it() {
    let name = "\"\\/\u{8}\n\r\t\0\u{1f}\u{7f}ä日😀";
    let span = Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name: name.to_owned(),
        ..Span::default()
    };

    let json = written(traces_of(&one_span(span)));

    assert!(json.contains(r#""name":"\"\\/\u0008\n\r\t\u0000\u001f"#), "{json}");
    assert!(!json.bytes().any(|byte| byte < 0x20));
    let reader: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(reader["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"], name);
}

#[test]
fn values_that_no_field_of_json_can_hold_end_here() {
    let mut span = Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        ..Span::default()
    }
    .encode_to_vec();
    // Field 30, which no message of OTLP has, with the text "x".
    span.extend_from_slice(&[0xf2, 0x01, 1, b'x']);
    let framed = |body: &[u8], number: u8| [&[number << 3 | 2, body.len() as u8], body].concat();
    let request = framed(&framed(&framed(&span, 2), 2), 1);

    let payload = Traces::parse(request.into(), &Limits::default()).unwrap().payload;

    assert_eq!(
        written(payload),
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"01010101010101010101010101010101","spanId":"0202020202020202"}]}]}]}"#
    );
}

#[test]
fn a_message_in_pieces_is_written_whole_and_the_last_choice_counts() {
    // As `Metrics::trusted` would carry them: nobody has mended these bytes.
    let point = [0x31, 1, 0, 0, 0, 0, 0, 0, 0];
    let framed = |body: &[u8], number: u8| [&[number << 3 | 2, body.len() as u8], body].concat();
    let data = framed(&point, 1);
    let metric = [framed(b"m", 1), framed(&data, 9), framed(&data, 5), framed(&data, 5)].concat();
    let request = framed(&framed(&framed(&metric, 2), 2), 1);

    let mut out = Vec::new();
    super::super::write::message(&super::super::otlp::METRICS, &request, &mut out);

    assert_eq!(
        String::from_utf8(out).unwrap(),
        r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":[{"asInt":"1"},{"asInt":"1"}]}}]}]}]}"#
    );
}

#[test]
fn numbers_that_came_one_by_one_are_one_list() {
    // `bucket_counts` (field 6, fixed64) unpacked, then packed.
    let mut point = Vec::new();
    for count in [1u64, 2] {
        point.push(0x31);
        point.extend_from_slice(&count.to_le_bytes());
    }
    point.extend_from_slice(&[0x32, 8, 3, 0, 0, 0, 0, 0, 0, 0]);
    let framed = |body: &[u8], number: u8| [&[number << 3 | 2, body.len() as u8], body].concat();
    let metric = framed(&framed(&point, 1), 9);
    let request = framed(&framed(&framed(&metric, 2), 2), 1);

    let metrics = crate::payload::Metrics::parse(request.into(), &Limits::default())
        .unwrap()
        .payload;

    let json = written(metrics);
    assert!(json.contains(r#"{"bucketCounts":["1","2","3"]}"#), "{json}");
}

#[test]
fn writing_appends_to_what_is_there() {
    let payload = Payload::from(read(&request_with("")).unwrap().payload);
    let mut out = b"before\n".to_vec();

    super::to_json(&payload, &mut out);

    assert_eq!(out, format!("before\n{}", request_with("")).as_bytes());
}

fn one_span(span: Span) -> TracesData {
    let attribute = KeyValue {
        key: "k".to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue("v".to_owned())),
        }),
        ..KeyValue::default()
    };
    let span = Span {
        attributes: vec![attribute],
        ..span
    };
    let scope_spans = vec![ScopeSpans {
        spans: vec![span],
        ..ScopeSpans::default()
    }];
    TracesData {
        resource_spans: vec![ResourceSpans {
            scope_spans,
            ..ResourceSpans::default()
        }],
    }
}
