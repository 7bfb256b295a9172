#![allow(clippy::unwrap_used, clippy::expect_used)]

mod choosing;
mod items;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use pipeline::Origin;
use pipeline::payload::Payload;
use pipeline::testing::contract;

use super::*;
use crate::actions::tests::{golden, trial};

/// One request with these spans, by name.
fn request(names: &[&str]) -> ExportTraceServiceRequest {
    let mut request = trial::resource_with(&[("service.name", Value::StringValue("vllm".into()))]);
    request.resource_spans[0].scope_spans[0].spans = names.iter().map(|name| trial::span(name, Vec::new())).collect();
    request
}

#[tokio::test]
async fn the_contract_holds() {
    let payload = || Payload::Traces(trial::traces(&request(&["generate", "warmup"])));
    contract::processor::<Attributes>(vec![payload(), payload()]).await;
}

#[test]
fn every_case_is_as_written() {
    golden::play::<Attributes>("attributes", 2);
}

#[test]
fn ten_inserts_are_one_copy_per_span() {
    let inserts: Vec<String> = (0..10)
        .map(|index| format!("{{key: k{index}, value: v{index}, action: insert}}"))
        .collect();
    let config = trial::decoded::<Config>(&format!("actions: [{}]", inserts.join(", "))).unwrap();
    let traces = trial::traces(&request(&["a", "b", "c"]));

    let out = trial::walk_bytes(&mut trial::stage::<Attributes>(&config), &traces, &Origin::default());

    for span in out
        .resources()
        .flat_map(|resource| resource.scopes())
        .flat_map(|scope| scope.spans())
    {
        let keys: Vec<String> = span
            .attrs()
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap()))
            .collect();
        assert_eq!(
            keys,
            (0..10).map(|index| format!("k{index}=v{index}")).collect::<Vec<_>>()
        );
    }
    assert_eq!(out.spans(), 3);
}

#[test]
fn spans_that_are_not_chosen_keep_their_bytes() {
    let yaml = "{exclude: {match_type: strict, services: [vllm]}, actions: [{key: k, value: v, action: insert}]}";
    let config = trial::decoded::<Config>(yaml).unwrap();
    let traces = trial::traces(&request(&["a"]));

    let out = trial::walk_bytes(&mut trial::stage::<Attributes>(&config), &traces, &Origin::default());

    assert_eq!(out.bytes().as_ptr(), traces.bytes().as_ptr());
}

#[test]
fn choices_that_cannot_be_made_are_errors_at_their_line() {
    for (yaml, expected) in [
        ("{match_type: strict}", "selects by nothing"),
        ("{services: [a]}", "match_type: is missing"),
        ("{match_type: glob, services: [a]}", "not one of the accepted values"),
        ("{match_type: regexp, span_names: ['(']}", "not a regular expression"),
        ("{match_type: regexp, attributes: [{key: a, value: 1}]}", "must be text"),
        ("{match_type: strict, attributes: [{value: 1}]}", "key: is missing"),
        ("{match_type: strict, span_kinds: [SERVER]}", "SPAN_KIND_SERVER"),
        ("{match_type: regexp, log_bodies: ['(']}", "not a regular expression"),
        ("{match_type: strict, log_severity_number: {min: 25}}", "no severity"),
        ("{match_type: strict, services: [a], span_name: [x]}", "span_name"),
    ] {
        let problem = trial::decoded::<Config>(&format!(
            "actions: [{{key: k, value: v, action: insert}}]\ninclude: {yaml}\n"
        ))
        .unwrap_err();
        assert!(problem.contains(expected), "{yaml}: {problem}");
        assert!(problem.contains(":2:"), "{yaml} is not shown at its line: {problem}");
    }
}

#[test]
fn a_literal_equals_a_value_of_its_type_only() {
    let yaml = "{include: {match_type: strict, attributes: [{key: n, value: 1}]}, actions: [{key: hit, value: true, action: insert}]}";
    let config = trial::decoded::<Config>(yaml).unwrap();
    let mut request = request(&["int", "text", "double", "none"]);
    let spans = &mut request.resource_spans[0].scope_spans[0].spans;
    for (span, value) in spans.iter_mut().zip([
        Value::IntValue(1),
        Value::StringValue("1".into()),
        Value::DoubleValue(1.0),
    ]) {
        span.attributes.push(trial::attribute("n", value));
    }

    let out = trial::run::<Attributes>(&config, &request, &Origin::default());

    let spans = out.resource_spans[0].scope_spans[0].spans.iter();
    let hit: Vec<&str> = spans
        .filter(|span| span.attributes.iter().any(|it| it.key == "hit"))
        .map(|span| span.name.as_str())
        .collect();
    assert_eq!(hit, ["int"]);
}
