//! Harness for the processors that run actions, and tests of what both share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub(crate) mod golden;
pub(crate) mod random;
pub(crate) mod reference;
pub(crate) mod trial;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use pipeline::Origin;

use crate::resource::{self, Resource};
use trial::{decoded, resource_with, run};

/// The attributes of a resource after these actions.
fn after(yaml: &str, attributes: &[(&str, Value)], origin: &Origin) -> Vec<(String, Option<Value>)> {
    let actions = decoded::<resource::Config>(&format!("attributes: {yaml}")).unwrap();
    let out = run::<Resource>(&actions, &resource_with(attributes), origin);
    let resource = out.resource_spans[0].resource.clone().unwrap_or_default();
    resource
        .attributes
        .into_iter()
        .map(|it| (it.key, it.value.unwrap_or_default().value))
        .collect()
}

fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

fn pairs(expected: &[(&str, Value)]) -> Vec<(String, Option<Value>)> {
    expected
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Some(value.clone())))
        .collect()
}

fn problem(yaml: &str) -> String {
    decoded::<resource::Config>(&format!("attributes:\n  - {yaml}\n")).unwrap_err()
}

#[test]
fn a_value_keeps_the_type_that_it_has_in_the_file() {
    let yaml = "[{key: s, value: '7', action: insert}, {key: i, value: 7, action: insert}, {key: d, value: 7.5, action: insert}, \
                {key: b, value: true, action: insert}, {key: l, value: [a, 1], action: insert}, {key: m, value: {k: v}, action: insert}]";

    let attributes = after(yaml, &[], &Origin::default());

    let list = [text("a"), Value::IntValue(1)].map(|value| AnyValue { value: Some(value) });
    let entry = KeyValue {
        key: "k".into(),
        value: Some(AnyValue { value: Some(text("v")) }),
        ..KeyValue::default()
    };
    let expected = [
        ("s", text("7")),
        ("i", Value::IntValue(7)),
        ("d", Value::DoubleValue(7.5)),
        ("b", Value::BoolValue(true)),
        (
            "l",
            Value::ArrayValue(opentelemetry_proto::tonic::common::v1::ArrayValue { values: list.to_vec() }),
        ),
        (
            "m",
            Value::KvlistValue(opentelemetry_proto::tonic::common::v1::KeyValueList { values: vec![entry] }),
        ),
    ];
    assert_eq!(attributes, pairs(&expected));
}

#[test]
fn later_actions_see_what_earlier_ones_left() {
    let yaml = "[{key: a, from_attribute: b, action: insert}, {key: b, action: delete}, {key: b, value: new, action: update}, \
                {key: a, action: hash}]";

    let attributes = after(yaml, &[("b", text("abc"))], &Origin::default());

    assert_eq!(
        attributes,
        pairs(&[(
            "a",
            text("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        )])
    );
}

#[test]
fn a_request_tells_its_headers_and_its_address() {
    let yaml = "[{key: tenant, from_context: metadata.X-Tenant, action: insert}, {key: peer, from_context: client.address, action: insert}, \
                {key: old, from_context: x-tenant, action: insert}, {key: none, from_context: metadata.missing, action: insert}, \
                {key: zone, from_context: metadata.missing, default_value: eu, action: insert}]";
    let metadata = [("x-tenant", "a"), ("x-tenant", "b")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    let origin = Origin {
        client: Some("10.1.2.3".parse().unwrap()),
        transport: "grpc",
        metadata: metadata.to_vec(),
        ..Origin::default()
    };

    let attributes = after(yaml, &[], &origin);

    let expected = [
        ("tenant", text("a;b")),
        ("peer", text("10.1.2.3")),
        ("old", text("a;b")),
        ("zone", text("eu")),
    ];
    assert_eq!(attributes, pairs(&expected));
}

#[test]
fn what_one_batch_knew_about_its_request_does_not_reach_the_next() {
    let yaml = "attributes: [{key: tenant, from_context: metadata.x-tenant, action: upsert}]";
    let actions = decoded::<resource::Config>(yaml).unwrap();
    let mut stage = trial::stage::<Resource>(&actions);
    let origin = Origin {
        metadata: vec![("x-tenant".into(), "acme".into())],
        ..Origin::default()
    };
    let batch = resource_with(&[]);

    let first = trial::walk(&mut stage, &batch, &origin);
    let second = trial::walk(&mut stage, &batch, &Origin::default());

    assert_eq!(first.resource_spans[0].resource.as_ref().unwrap().attributes.len(), 1);
    assert!(
        second.resource_spans[0]
            .resource
            .as_ref()
            .is_none_or(|resource| resource.attributes.is_empty())
    );
}

#[test]
fn a_group_that_took_no_part_in_the_match_writes_empty_text() {
    let yaml = "[{key: v, pattern: '^(?P<a>x)?(?P<b>y)$', action: extract}]";

    assert_eq!(
        after(yaml, &[("v", text("y"))], &Origin::default()),
        pairs(&[("v", text("y")), ("a", text("")), ("b", text("y"))])
    );
}

#[test]
fn a_pattern_reaches_attributes_that_no_action_names() {
    let yaml = "[{key: x.new, value: 1, action: insert}, {pattern: '^x\\.', action: delete}, {key: x.late, value: 2, action: insert}]";
    let came = [("x.a", text("1")), ("y", text("2")), ("x.b", text("3"))];

    assert_eq!(
        after(yaml, &came, &Origin::default()),
        pairs(&[("y", text("2")), ("x.late", Value::IntValue(2))])
    );
}

#[test]
fn actions_without_what_they_need_are_errors_at_their_line() {
    for (yaml, expected) in [
        ("{key: k, action: insert}", "no value to write"),
        (
            "{key: k, value: 1, from_attribute: a, action: insert}",
            "keep one of them",
        ),
        ("{value: 1, action: upsert}", "key: is missing"),
        ("{key: k, value: 1}", "action: is missing"),
        ("{key: k, action: remove}", "not one of the accepted values"),
        ("{action: delete}", "give a pattern for the keys"),
        ("{key: k, value: 1, action: delete}", "not used by the action delete"),
        ("{key: k, action: extract}", "pattern: is missing"),
        ("{key: k, pattern: '(', action: extract}", "not a regular expression"),
        ("{key: k, pattern: '[0-9]+', action: extract}", "no group to extract"),
        (
            "{key: k, pattern: '(?P<a>x)(y)', action: extract}",
            "group without a name",
        ),
        ("{pattern: '*', action: hash}", "not a regular expression"),
        ("{key: k, action: convert}", "converted_type: is missing"),
        (
            "{key: k, action: convert, converted_type: bool}",
            "not one of the accepted values",
        ),
        ("{key: k, from_context: auth.subject, action: insert}", "authentication"),
        (
            "{key: k, value: 1, pattern: x, action: insert}",
            "not used by the action insert",
        ),
    ] {
        let problem = problem(yaml);
        assert!(problem.contains(expected), "{yaml}: {problem}");
        assert!(problem.contains(":2:"), "{yaml} is not shown at its line: {problem}");
        assert_eq!(problem.matches("error").count(), 1, "{yaml}: {problem}");
    }
}

#[test]
fn an_empty_list_of_actions_is_an_error() {
    assert!(
        decoded::<resource::Config>("{}")
            .unwrap_err()
            .contains("at least one action")
    );
}

#[test]
fn verbs_are_read_in_upper_case_too() {
    assert_eq!(
        after("[{key: k, value: v, action: INSERT}]", &[], &Origin::default()),
        pairs(&[("k", text("v"))])
    );
}
