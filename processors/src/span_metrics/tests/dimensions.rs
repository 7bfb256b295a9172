//! Which attributes points have.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::harness::{Counter, Say, span, text, traces_of};
use crate::span_metrics::glob;

const CALLS: &str = "traces.span.metrics.calls";
const DURATION: &str = "traces.span.metrics.duration";
const BARE: &str = "exclude_dimensions: [service.name, span.name, span.kind, status.code]";

fn counts(yaml: &str, resource: Vec<KeyValue>, spans: Vec<Span>) -> BTreeMap<String, u64> {
    let mut counter = Counter::new(&format!("{BARE}\n{yaml}"));
    counter.add(vec![traces_of(resource, spans)]);
    counter.flush().counts(CALLS)
}

#[test]
fn a_dimension_comes_from_the_span_then_from_the_resource_then_from_the_default() {
    let spans = vec![
        span("x", 0, 1).with(vec![text("region", "span"), text("region", "span again")]),
        span("x", 0, 1),
    ];

    let of_resource = counts(
        "dimensions: [{name: region, default: nowhere}, {name: zone}]",
        vec![text("region", "resource")],
        spans.clone(),
    );
    let of_default = counts(
        "dimensions: [{name: region, default: nowhere}, {name: zone}]",
        vec![],
        spans,
    );

    let expected =
        |other: &str| BTreeMap::from([("region=span", 1), (other, 1)].map(|(said, count)| (said.to_owned(), count)));
    assert_eq!(of_resource, expected("region=resource"));
    assert_eq!(of_default, expected("region=nowhere"));
}

#[test]
fn calls_and_durations_may_have_attributes_of_their_own() {
    let mut counter = Counter::new(&format!(
        "{BARE}\n{}",
        "dimensions: [{name: a}]\ncalls_dimensions: [{name: url}]\nhistogram: {dimensions: [{name: scheme, default: https}]}"
    ));
    let spans = vec![
        span("x", 0, 1).with(vec![text("a", "1"), text("url", "/one")]),
        span("x", 0, 1).with(vec![text("a", "1"), text("url", "/two"), text("scheme", "http")]),
    ];
    counter.add(vec![traces_of(vec![], spans)]);

    let points = counter.flush();

    let calls = BTreeMap::from([("a=1 url=/one".to_owned(), 1), ("a=1 url=/two".to_owned(), 1)]);
    assert_eq!(points.counts(CALLS), calls);
    assert_eq!(points.histogram(DURATION, "a=1 scheme=https").1.iter().sum::<u64>(), 1);
    assert_eq!(points.histogram(DURATION, "a=1 scheme=http").1.iter().sum::<u64>(), 1);
}

#[test]
fn a_pattern_takes_every_attribute_whose_name_it_matches() {
    let span = span("x", 0, 1).with(vec![
        text("k8s.pod.name", "span"),
        text("k8s.pod.label.name", "too deep"),
        text("db.a.b.name", "deep"),
        text("other", "no"),
    ]);
    let resource = vec![text("k8s.pod.name", "resource"), text("k8s.cluster.name", "cluster")];

    let found = counts(
        "dimensions: [{glob: 'k8s.*.name'}, {glob: 'db.**.name'}]",
        resource,
        vec![span],
    );

    let expected = "db.a.b.name=deep k8s.cluster.name=cluster k8s.pod.name=span";
    assert_eq!(found, BTreeMap::from([(expected.to_owned(), 1)]));
}

#[test]
fn two_patterns_that_match_one_name_write_it_once() {
    let span = span("x", 0, 1).with(vec![text("http.route", "/"), text("http.method", "GET")]);

    let found = counts(
        "dimensions: [{glob: 'http.r*'}, {glob: '*.route'}]\ncalls_dimensions: [{glob: 'http.*'}]",
        vec![],
        vec![span],
    );

    assert_eq!(found, BTreeMap::from([("http.method=GET http.route=/".to_owned(), 1)]));
}

#[test]
fn a_scope_that_is_listed_is_told() {
    let spans = vec![span("x", 0, 1)];

    let listed = counts("include_instrumentation_scope: [express]", vec![], spans.clone());
    let other = counts("include_instrumentation_scope: [koa]", vec![], spans);

    let said = "span.instrumentation.scope.name=express span.instrumentation.scope.version=4.2";
    assert_eq!(listed, BTreeMap::from([(said.to_owned(), 1)]));
    assert_eq!(other, BTreeMap::from([(String::new(), 1)]));
}

#[test]
fn patterns_mean_what_they_mean_in_the_collector() {
    for (pattern, matches, others) in [
        ("db.*", &["db.name", "db."][..], &["db", "db.a.b", "xdb.name"][..]),
        ("db.**", &["db.name", "db.a.b"], &["db", "mydb.a"]),
        ("h?st", &["host", "hüst"], &["h.st", "hst", "hoost"]),
        ("[a-c]1", &["a1", "c1"], &["d1", "-1"]),
        ("[!a-c]1", &["d1"], &["a1"]),
        ("{http,rpc}.{a,b*}", &["http.a", "rpc.bcd"], &["http.c", "http"]),
        ("a\\*b", &["a*b"], &["axb"]),
        ("a+b(c)", &["a+b(c)"], &["aab(c)"]),
        ("größe.*", &["größe.x"], &["grosse.x"]),
    ] {
        let compiled = glob::compile(pattern).unwrap();

        for name in matches {
            assert!(compiled.is_match(name.as_bytes()), "{pattern} does not match {name}");
        }
        for name in others {
            assert!(!compiled.is_match(name.as_bytes()), "{pattern} matches {name}");
        }
    }
    for pattern in ["[a", "{a", "a}", "a\\", "[]", "[z-a]"] {
        assert!(glob::compile(pattern).is_err(), "{pattern}");
    }
}
