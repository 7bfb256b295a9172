//! Input that is small on the wire and large once decoded.

use crate::payload::wire::{put_bytes, put_tag, put_varint};
use crate::payload::*;

/// A request around the body of one scope.
fn around(scope: &[u8]) -> Vec<u8> {
    let (mut resource, mut request) = (Vec::new(), Vec::new());
    put_bytes(&mut resource, 2, scope);
    put_bytes(&mut request, 1, &resource);
    request
}

fn span_with(field: u32, body: &[u8], times: usize) -> Vec<u8> {
    let mut span = Vec::new();
    put_bytes(&mut span, 1, &[1; 16]);
    put_bytes(&mut span, 2, &[2; 8]);
    for _ in 0..times {
        put_bytes(&mut span, field, body);
    }
    span
}

#[test]
fn two_million_empty_spans_are_rejected_and_leave_nothing() {
    let request = around(&[0x12, 0].repeat(1_900_000));

    let parsed = Traces::parse(request.into(), &Limits::default()).unwrap();

    assert_eq!(parsed.rejected.items, 1_900_000);
    assert_eq!(parsed.rejected.reason, Some(RejectReason::TraceId));
    assert!(parsed.payload.is_empty());
    assert!(parsed.payload.bytes().is_empty());
}

#[test]
fn two_million_spans_with_ids_are_cut_at_the_limit() {
    let mut scope = Vec::new();
    for _ in 0..200_000 {
        put_bytes(&mut scope, 2, &span_with(9, b"", 0));
    }

    let parsed = Traces::parse(around(&scope).into(), &Limits::default()).unwrap();

    assert_eq!(parsed.payload.spans(), limits::SPANS_MAX);
    assert_eq!(parsed.rejected.items, 200_000 - limits::SPANS_MAX);
}

#[test]
fn a_million_empty_attributes_cost_their_span_alone() {
    let mut scope = Vec::new();
    put_bytes(&mut scope, 2, &span_with(9, b"", 1_000_000));
    put_bytes(&mut scope, 2, &span_with(9, b"", 0));

    let parsed = Traces::parse(around(&scope).into(), &Limits::default()).unwrap();

    assert_eq!(
        parsed.rejected.by_reason().collect::<Vec<_>>(),
        [(RejectReason::Attributes(128), 1)]
    );
    assert_eq!(parsed.payload.spans(), 1);
    assert!(parsed.payload.bytes().len() < 100);
}

#[test]
fn a_value_that_unpacks_to_more_than_the_budget_costs_its_span_alone() {
    // Two million empty values in one array: two bytes each on the wire, forty decoded.
    let mut value = Vec::new();
    put_bytes(&mut value, 5, &[0x0a, 0].repeat(2_000_000));
    let mut pair = Vec::new();
    put_bytes(&mut pair, 2, &value);
    let mut scope = Vec::new();
    put_bytes(&mut scope, 2, &span_with(9, &pair, 1));
    put_bytes(&mut scope, 2, &span_with(9, b"", 0));

    let parsed = Traces::parse(around(&scope).into(), &Limits::default()).unwrap();

    assert_eq!(parsed.payload.spans(), 1);
    assert!(matches!(parsed.rejected.reason, Some(RejectReason::DecodedBytes(_))));
}

#[test]
fn two_million_empty_resources_are_refused() {
    let refused = Traces::parse([0x0a, 0].repeat(1_900_000).into(), &Limits::default()).unwrap_err();

    assert!(matches!(refused, ParseError::DecodedBytes { .. }), "{refused}");
}

#[test]
fn a_million_attributes_of_a_resource_are_refused() {
    let (mut shell, mut request) = (Vec::new(), Vec::new());
    put_bytes(&mut shell, 1, &[0x0a, 0].repeat(1_000_000));
    put_bytes(&mut request, 1, &shell);

    let refused = Traces::parse(request.into(), &Limits::default()).unwrap_err();

    assert!(matches!(refused, ParseError::DecodedBytes { .. }), "{refused}");
}

/// A value inside so many others, built from the inside out.
fn nested(levels: usize) -> Vec<u8> {
    // Lengths first: writing from the outside in keeps it linear.
    let mut lengths = vec![0usize];
    for _ in 0..levels {
        let inner = lengths[lengths.len() - 1];
        let element = inner + 1 + varint_len(inner);
        lengths.push(element + 1 + varint_len(element));
    }
    let mut out = Vec::new();
    for &inner in lengths.iter().rev().skip(1) {
        let element = inner + 1 + varint_len(inner);
        put_tag(&mut out, 5, 2);
        put_varint(&mut out, element as u64);
        put_tag(&mut out, 1, 2);
        put_varint(&mut out, inner as u64);
    }
    out
}

fn varint_len(length: usize) -> usize {
    crate::payload::wire::varint_len(length as u64)
}

fn with_value(value: &[u8]) -> Vec<u8> {
    let mut pair = Vec::new();
    put_bytes(&mut pair, 2, value);
    let mut scope = Vec::new();
    put_bytes(&mut scope, 2, &span_with(9, &pair, 1));
    put_bytes(&mut scope, 2, &span_with(9, b"", 0));
    around(&scope)
}

#[test]
fn ten_thousand_values_inside_each_other_are_refused() {
    let refused = Traces::parse(with_value(&nested(10_000)).into(), &Limits::default()).unwrap_err();

    assert!(
        matches!(
            refused,
            ParseError::Depth {
                limit: limits::MESSAGE_DEPTH_MAX,
                ..
            }
        ),
        "{refused}"
    );
}

#[test]
fn forty_values_inside_each_other_cost_their_span_alone() {
    let parsed = Traces::parse(with_value(&nested(40)).into(), &Limits::default()).unwrap();

    assert_eq!(parsed.rejected.reason, Some(RejectReason::Depth(32)));
    assert_eq!(parsed.payload.spans(), 1);
}

#[test]
fn a_resource_that_nests_too_deep_is_refused() {
    let (mut pair, mut resource, mut shell, mut request) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    put_bytes(&mut pair, 2, &nested(33));
    put_bytes(&mut resource, 1, &pair);
    put_bytes(&mut shell, 1, &resource);
    put_bytes(&mut request, 1, &shell);

    let refused = Traces::parse(request.into(), &Limits::default()).unwrap_err();

    assert!(matches!(refused, ParseError::Depth { limit: 32, .. }), "{refused}");
}

#[test]
fn a_frame_that_ends_anywhere_is_refused_and_never_a_panic() {
    let whole = super::captures::captures().remove(0).bytes;
    for end in 1..whole.len() {
        assert!(
            Traces::parse(whole[..end].to_vec().into(), &Limits::default()).is_err(),
            "cut at {end}"
        );
    }
}
