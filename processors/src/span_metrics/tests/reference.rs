//! Random spans and configurations against counting by hand.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;

use super::harness::{Counter, Say, attributes, batch, pair, span, text, traces_of};
use crate::aggregation::{Aggregate, Moment};

const NAMES: [&str; 4] = ["", "a", "b", "a\0b"];
const KEYS: [&str; 4] = ["k.one", "k.two", "other", "k.one.deep"];
const DEFAULTS: [&str; 4] = ["service.name", "span.name", "span.kind", "status.code"];

/// One list of dimensions: names with their defaults, or a pattern.
type List = Vec<(&'static str, Option<&'static str>)>;

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::sample::select(&NAMES[..]).prop_map(|text| Value::StringValue(text.to_owned())),
        (0..2i64).prop_map(Value::IntValue),
        any::<bool>().prop_map(Value::BoolValue),
    ]
}

fn pairs() -> impl Strategy<Value = Vec<KeyValue>> {
    let pair = (prop::sample::select(&KEYS[..]), value()).prop_map(|(key, value)| pair(key, value));
    proptest::collection::vec(pair, 0..4)
}

fn spans() -> impl Strategy<Value = Vec<Span>> {
    let one = (prop::sample::select(&NAMES[..]), 0..3i32, 0..3i32, pairs());
    let one = one.prop_map(|(name, kind, code, pairs)| {
        let mut span = span(name, 0, 5).failed().with(pairs);
        span.kind = kind;
        span.status.as_mut().unwrap().code = code;
        span
    });
    proptest::collection::vec(one, 0..6)
}

fn resources() -> impl Strategy<Value = Vec<(Vec<KeyValue>, Vec<Span>)>> {
    let service = prop::option::of(prop::sample::select(&NAMES[..]));
    let one = (service, pairs(), spans()).prop_map(|(service, mut pairs, spans)| {
        pairs.extend(service.map(|service| text("service.name", service)));
        (pairs, spans)
    });
    proptest::collection::vec(one, 0..5)
}

fn find<'a>(pairs: &'a [KeyValue], key: &str) -> Option<&'a KeyValue> {
    pairs.iter().find(|pair| pair.key == key)
}

/// The attributes of a point of `calls`, by hand.
fn expected(resource: &[KeyValue], span: &Span, excluded: &[&str], list: &List, has_glob: bool) -> String {
    let kinds = ["SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER"];
    let codes = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];
    let code = span.status.as_ref().map_or(0, |status| status.code);
    let mut said = vec![
        text("span.name", &span.name),
        text("span.kind", kinds[span.kind as usize]),
        text("status.code", codes[code as usize]),
    ];
    said.extend(find(resource, "service.name").cloned());
    said.retain(|pair| !excluded.contains(&pair.key.as_str()));
    for (key, default) in list {
        let value = find(&span.attributes, key).or(find(resource, key)).cloned();
        said.extend(value.or(default.map(|default| text(key, default))));
    }
    if has_glob {
        // The pattern `k.*` has one part behind the dot.
        for key in ["k.one", "k.two"] {
            said.extend(find(&span.attributes, key).or(find(resource, key)).cloned());
        }
    }
    attributes(&said)
}

fn yaml(excluded: &[&str], shared: &List, calls: &List, has_glob: bool, has_resources: bool) -> String {
    let list = |list: &List| {
        let entry = |(name, default): &(&str, Option<&str>)| {
            let default = default.map_or(String::new(), |default| format!(", default: {default}"));
            format!("{{name: {name}{default}}}")
        };
        list.iter().map(entry).collect::<Vec<_>>().join(", ")
    };
    let glob = if has_glob { "{glob: 'k.*'}" } else { "" };
    let (shared, calls) = (list(shared), list(calls));
    format!(
        "{{exclude_dimensions: [{}], dimensions: [{shared}], calls_dimensions: [{}], add_resource_attributes: \
         {has_resources}}}",
        excluded.join(", "),
        [calls.as_str(), glob]
            .iter()
            .filter(|it| !it.is_empty())
            .copied()
            .collect::<Vec<_>>()
            .join(", "),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Spans are counted together if and only if they have the same attributes, at whatever desk they were counted.
    #[test]
    fn the_counts_are_those_that_one_would_count_by_hand(
        batches in proptest::collection::vec((resources(), any::<bool>()), 1..4),
        excluded in proptest::sample::subsequence(&DEFAULTS[..], 0..=4),
        has_default in any::<bool>(),
        (has_shared, has_calls, has_glob, has_resources) in any::<(bool, bool, bool, bool)>(),
    ) {
        let shared: List = if has_shared { vec![("other", has_default.then_some("a"))] } else { vec![] };
        let calls: List = if has_calls { vec![("k.one.deep", None)] } else { vec![] };
        let mut counter = Counter::new(&yaml(&excluded, &shared, &calls, has_glob, has_resources));
        let mut other = counter.other_desk();
        let moment = Moment::of(&counter.clock);
        let mut by_hand: BTreeMap<String, u64> = BTreeMap::new();
        let list: List = shared.into_iter().chain(calls).collect();

        for (resources, at_other) in batches {
            for (resource, spans) in &resources {
                for span in spans {
                    *by_hand.entry(expected(resource, span, &excluded, &list, has_glob)).or_default() += 1;
                }
            }
            let resources = resources.into_iter().map(|(resource, spans)| traces_of(resource, spans)).collect();
            if at_other {
                other.add(&batch(resources), &pipeline::Origin::default(), &moment);
            } else {
                counter.add(resources);
            }
            counter.counts.absorb(&mut other, &moment);
        }

        let points = counter.flush();
        prop_assert_eq!(points.counts("traces.span.metrics.calls"), by_hand.clone());
        prop_assert_eq!(points.durations("traces.span.metrics.duration"), by_hand.values().sum::<u64>());
    }
}
