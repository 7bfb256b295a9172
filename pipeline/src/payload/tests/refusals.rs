//! What parse rejects, mends and refuses, case by case.

use super::splice::{assert_same, decoded};
use crate::payload::wire::{put_bytes, put_tag, put_varint};
use crate::payload::*;
use bytes::Bytes;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Decoded;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;

fn parse(bytes: Vec<u8>) -> Result<Parsed<Traces>, ParseError> {
    Traces::parse(bytes.into(), &Limits::default())
}

/// A request of one resource and one scope with these encoded spans.
pub(super) fn in_shells(spans: &[&[u8]]) -> Vec<u8> {
    let mut scope = Vec::new();
    for span in spans {
        put_bytes(&mut scope, 2, span);
    }
    let (mut resource, mut request) = (Vec::new(), Vec::new());
    put_bytes(&mut resource, 2, &scope);
    put_bytes(&mut request, 1, &resource);
    request
}

fn valid_span() -> Span {
    Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name: "llm_request".to_owned(),
        ..Span::default()
    }
}

fn one(span: &Span) -> Vec<u8> {
    in_shells(&[&valid_span().encode_to_vec(), &span.encode_to_vec()])
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue {
        value: Some(Decoded::StringValue(value.to_owned())),
    });
    KeyValue {
        key: key.to_owned(),
        value,
        key_strindex: 0,
    }
}

#[test]
fn each_limit_rejects_the_one_span_that_is_beyond_it() {
    let many = |n| (0..n).map(|n| text(&n.to_string(), "")).collect::<Vec<_>>();
    let event = |n| opentelemetry_proto::tonic::trace::v1::span::Event {
        attributes: many(n),
        ..Default::default()
    };
    let link = |trace_id: usize, span_id: usize| opentelemetry_proto::tonic::trace::v1::span::Link {
        trace_id: vec![1; trace_id],
        span_id: vec![1; span_id],
        ..Default::default()
    };
    let mut deep = AnyValue::default();
    for _ in 0..32 {
        let values = vec![deep];
        deep = AnyValue {
            value: Some(Decoded::ArrayValue(
                opentelemetry_proto::tonic::common::v1::ArrayValue { values },
            )),
        };
    }
    let deep = KeyValue {
        key: "deep".to_owned(),
        value: Some(deep),
        key_strindex: 0,
    };
    let base = valid_span();
    let cases = [
        (
            Span {
                trace_id: vec![0; 16],
                ..base.clone()
            },
            RejectReason::TraceId,
        ),
        (
            Span {
                trace_id: vec![1; 15],
                ..base.clone()
            },
            RejectReason::TraceId,
        ),
        (
            Span {
                trace_id: Vec::new(),
                ..base.clone()
            },
            RejectReason::TraceId,
        ),
        (
            Span {
                span_id: vec![0; 8],
                ..base.clone()
            },
            RejectReason::SpanId,
        ),
        (
            Span {
                span_id: Vec::new(),
                ..base.clone()
            },
            RejectReason::SpanId,
        ),
        (
            Span {
                parent_span_id: vec![1; 7],
                ..base.clone()
            },
            RejectReason::ParentSpanId,
        ),
        (
            Span {
                links: vec![link(15, 8)],
                ..base.clone()
            },
            RejectReason::LinkedId,
        ),
        (
            Span {
                links: vec![link(16, 9)],
                ..base.clone()
            },
            RejectReason::LinkedId,
        ),
        (
            Span {
                attributes: many(129),
                ..base.clone()
            },
            RejectReason::Attributes(128),
        ),
        (
            Span {
                events: vec![event(129)],
                ..base.clone()
            },
            RejectReason::Attributes(128),
        ),
        (
            Span {
                events: vec![event(0); 129],
                ..base.clone()
            },
            RejectReason::Events(128),
        ),
        (
            Span {
                links: vec![link(16, 8); 129],
                ..base.clone()
            },
            RejectReason::Links(128),
        ),
        (
            Span {
                attributes: vec![deep],
                ..base.clone()
            },
            RejectReason::Depth(32),
        ),
    ];

    for (span, reason) in cases {
        let parsed = parse(one(&span)).unwrap();

        assert_eq!(parsed.rejected, rejected(1, reason));
        assert_eq!(parsed.payload.spans(), 1);
        assert_eq!(
            parsed.payload.bytes(),
            &in_shells(&[&base.encode_to_vec()])[..].padded()
        );
    }
}

/// What is left stands in shells whose lengths are written with four bytes.
trait Padded {
    fn padded(&self) -> Bytes;
}

impl Padded for [u8] {
    fn padded(&self) -> Bytes {
        let traces = Traces::parse(Bytes::copy_from_slice(self), &Limits::default())
            .unwrap()
            .payload;
        let span = traces
            .resources()
            .next()
            .unwrap()
            .scopes()
            .next()
            .unwrap()
            .spans()
            .next()
            .unwrap();
        let mut out = Vec::new();
        let resource = crate::payload::wire::OpenLength::begin(&mut out, 1);
        let scope = crate::payload::wire::OpenLength::begin(&mut out, 2);
        put_bytes(&mut out, 2, span.bytes());
        scope.close(&mut out);
        resource.close(&mut out);
        out.into()
    }
}

#[test]
fn a_span_at_every_limit_is_accepted() {
    let many = |n| (0..n).map(|n| text(&n.to_string(), "")).collect::<Vec<_>>();
    let event = opentelemetry_proto::tonic::trace::v1::span::Event {
        attributes: many(2),
        ..Default::default()
    };
    let span = Span {
        attributes: many(128),
        events: vec![event; 128],
        ..valid_span()
    };

    let parsed = parse(one(&span)).unwrap();

    assert_eq!((parsed.payload.spans(), parsed.rejected), (2, Rejected::default()));
}

/// So many items, all for one reason.
fn rejected(items: u32, reason: RejectReason) -> Rejected {
    let mut rejected = Rejected::default();
    (0..items).for_each(|_| rejected.reject(reason));
    rejected
}

#[test]
fn every_rejected_item_is_counted_under_its_own_reason() {
    let no_trace = Span {
        trace_id: Vec::new(),
        ..valid_span()
    };
    let no_span = Span {
        span_id: vec![0; 8],
        ..valid_span()
    };
    let spans = [&no_span, &no_trace, &valid_span(), &no_span].map(|span| span.encode_to_vec());

    let parsed = parse(in_shells(&spans.each_ref().map(Vec::as_slice))).unwrap();

    assert_eq!((parsed.payload.spans(), parsed.rejected.items), (1, 3));
    assert_eq!(parsed.rejected.reason, Some(RejectReason::SpanId));
    assert_eq!(
        parsed.rejected.by_reason().collect::<Vec<_>>(),
        [(RejectReason::SpanId, 2), (RejectReason::TraceId, 1)]
    );
}

#[test]
fn spans_beyond_the_limit_of_a_request_are_rejected() {
    let span = valid_span().encode_to_vec();
    let limits = Limits {
        spans: 3,
        ..Limits::default()
    };

    let parsed = Traces::parse(in_shells(&[span.as_slice(); 5]).into(), &limits).unwrap();

    assert_eq!(parsed.payload.spans(), 3);
    assert_eq!(parsed.rejected, rejected(2, RejectReason::Items(3)));
    assert_eq!(
        parsed.rejected.to_string(),
        "2 items rejected; the first: more than 3 items in one request; send smaller batches"
    );
}

#[test]
fn invalid_text_is_mended_and_costs_no_span() {
    let good = valid_span().encode_to_vec();
    let mut bad = Vec::new();
    put_bytes(&mut bad, 1, &[1; 16]);
    put_bytes(&mut bad, 2, &[2; 8]);
    put_bytes(&mut bad, 5, b"caf\xe9");

    let parsed = parse(in_shells(&[&good, &bad, &good])).unwrap();

    assert_eq!((parsed.rejected.items, parsed.rejected.repaired), (0, 1));
    assert_eq!(parsed.rejected.reason, None);
    assert_eq!(
        parsed.rejected.to_string(),
        "1 text held invalid UTF-8, replaced by U+FFFD"
    );
    let request = decoded(parsed.payload.bytes());
    let names: Vec<_> = request.resource_spans[0].scope_spans[0]
        .spans
        .iter()
        .map(|span| span.name.as_str())
        .collect();
    assert_eq!(names, ["llm_request", "caf\u{fffd}", "llm_request"]);
}

#[test]
fn of_two_members_of_a_value_the_last_counts() {
    let mut value = Vec::new();
    put_bytes(&mut value, 1, b"text");
    put_tag(&mut value, 3, 0);
    put_varint(&mut value, 7);
    let (mut pair, mut span) = (Vec::new(), valid_span().encode_to_vec());
    put_bytes(&mut pair, 1, b"k");
    put_bytes(&mut pair, 2, &value);
    put_bytes(&mut span, 9, &pair);

    let bytes = in_shells(&[&span]);
    let parsed = parse(bytes.clone()).unwrap();

    assert_same(&decoded(parsed.payload.bytes()), &decoded(&bytes));
    let scope = parsed.payload.resources().next().unwrap().scopes().next().unwrap();
    assert_eq!(scope.spans().next().unwrap().attr("k"), Some(Value::Int(7)));
}

#[test]
fn a_resource_behind_its_spans_is_put_in_front() {
    let scope_spans = ScopeSpans {
        spans: vec![valid_span()],
        ..ScopeSpans::default()
    };
    let mut resource = ResourceSpans {
        scope_spans: vec![scope_spans],
        ..ResourceSpans::default()
    }
    .encode_to_vec();
    let about = opentelemetry_proto::tonic::resource::v1::Resource {
        attributes: vec![text("service.name", "a")],
        ..Default::default()
    };
    put_bytes(&mut resource, 1, &about.encode_to_vec());
    let mut request = Vec::new();
    put_bytes(&mut request, 1, &resource);

    let parsed = parse(request).unwrap();

    let first = parsed.payload.resources().next().unwrap();
    assert_eq!(first.resource().attr("service.name").unwrap().as_str(), Some("a"));
    assert!(parsed.payload.bytes().windows(12).position(|at| at == b"service.name") < Some(20));
}

#[test]
fn a_malformed_frame_is_refused_with_the_place_and_what_was_expected() {
    let truncated = parse(vec![0x0a, 5, 1]).unwrap_err();
    assert_eq!(
        truncated.to_string(),
        "the request ends at byte 2 inside a field; expected as many bytes as its length says"
    );
    let group = parse(vec![0x0b]).unwrap_err();
    assert_eq!(
        group.to_string(),
        "byte 0: expected a field of the request, found a protobuf group"
    );
    let number = parse(vec![0x08, 1]).unwrap_err();
    assert_eq!(
        number.to_string(),
        "byte 0: expected field 1 of the request with wire type 2, found wire type 0"
    );
    let tag = parse(vec![0x00]).unwrap_err();
    assert_eq!(
        tag.to_string(),
        "byte 0: expected a field tag (number from 1, wire type 0, 1, 2 or 5), found 0x0"
    );
    for tag in [0x02, 0x0e, 0x0f] {
        // Number 0 with a length, wire types 6 and 7.
        let refused = parse(vec![tag, 0]).unwrap_err();
        assert_eq!(
            refused,
            ParseError::BadTag {
                offset: 0,
                tag: u64::from(tag)
            }
        );
    }
    let long = parse(vec![0x12, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02]).unwrap_err();
    assert_eq!(long, ParseError::Varint { offset: 1 });
    let inside = parse(vec![0x0a, 3, 0x12, 1, 0xff]).unwrap_err();
    assert_eq!(
        inside.to_string(),
        "scope spans ends at byte 4 inside a field; expected a varint"
    );
}

#[test]
fn an_empty_request_is_accepted() {
    let parsed = parse(Vec::new()).unwrap();

    assert!(parsed.payload.is_empty());
    assert!(parsed.rejected.is_nothing());
}

/// The walk has a short way for attributes; messages without attributes must not take it.
#[test]
fn field_number_zero_is_refused_in_every_message() {
    let pair = b"\x00\x06\x0a\x01k\x12\x01\x0a\x00";
    let fields = [
        &b"\x00\x07\x0a\x01k\x12\x02\x0a\x00"[..],
        &pair[..],
        b"\x00\x00",
        b"\x02\x00",
    ];
    for field in fields {
        let mut status = valid_span().encode_to_vec();
        put_bytes(&mut status, 15, field);
        let mut event = valid_span().encode_to_vec();
        put_bytes(&mut event, 11, field);
        let mut span = valid_span().encode_to_vec();
        span.extend_from_slice(field);
        let mut scope = Vec::new();
        put_bytes(&mut scope, 2, field);
        let mut resource = Vec::new();
        put_bytes(&mut resource, 1, field);
        for request in [
            in_shells(&[&status]),
            in_shells(&[&event]),
            in_shells(&[&span]),
            scope,
            resource,
        ] {
            let mut framed = Vec::new();
            put_bytes(&mut framed, 1, &request);
            for bytes in [request, framed, field.to_vec()] {
                let prost =
                    opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest::decode(&*bytes);
                assert_eq!(parse(bytes).is_ok(), prost.is_ok());
            }
        }
    }
}
