//! What comes out is what the table says, by a reading that knows neither bytes nor scripts.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use prost::Message;

use super::rig::{Rig, Said, request, text, texts};
use crate::actions::tests::trial;
use crate::llm_attributes::rows::{ROWS, Says};

const OF_ANY_SPAN: [&str; 3] = ["session.id", "user.id", "enduser.id"];
const LASTING: [&str; 3] = ["session.id", "user.id", "gen_ai.request.id"];
const MARKS: [&str; 3] = [
    "inferscope.decompose.status",
    "gen_ai.latency.e2e",
    "gen_ai.latency.time_in_queue",
];

/// A value as its standard name would have it; nothing where it cannot be read.
fn converted(says: Says, name: &str, value: &Value) -> Option<Value> {
    let is_standard = ROWS.iter().any(|(_, names)| names[0] == name);
    let number = match value {
        Value::DoubleValue(value) => Some(*value),
        Value::IntValue(value) => Some(*value as f64),
        _ => None,
    };
    let number = number.filter(|number| number.is_finite() && *number >= 0.0);
    match (says, value) {
        (Says::Count, Value::IntValue(0..=4_294_967_296)) | (Says::Flag, Value::BoolValue(_)) => Some(value.clone()),
        (Says::Price, _) => number.map(Value::DoubleValue),
        (Says::Seconds, _) if name == "llm_d.pd_proxy.true_ttft_ms" => number.map(|it| Value::DoubleValue(it * 1e-3)),
        (Says::Seconds, _) => number.map(Value::DoubleValue),
        (Says::Text | Says::Operation | Says::Reasons, Value::StringValue(text)) if text.is_empty() => None,
        (Says::Text, Value::StringValue(_)) => Some(value.clone()),
        (Says::Operation, Value::StringValue(word)) => match word.as_str() {
            "LLM" | "chat" => Some(text("chat")),
            "tool" => Some(text("execute_tool")),
            _ if is_standard => Some(value.clone()),
            _ => None,
        },
        (Says::Reasons, Value::StringValue(reason)) => Some(texts(&[reason])),
        (Says::Reasons, Value::ArrayValue(_)) => Some(value.clone()),
        _ => None,
    }
}

/// What is left of a span that says this, and the rows of which it says different things.
fn expected(came: &Said, replaces: bool) -> (Said, Vec<&'static str>) {
    let is_in_rows = |name: &str| ROWS.iter().any(|(_, names)| names.contains(&name));
    let says = |name: &str| came.iter().any(|(key, _)| key == name);
    let mut keys = came.iter().map(|(key, _)| key.as_str());
    let is_llm = keys.any(|key| MARKS.contains(&key) || (is_in_rows(key) && !OF_ANY_SPAN.contains(&key)));
    let is_request = says("gen_ai.latency.time_to_first_token") || MARKS.iter().any(|mark| says(mark));
    let (mut left, mut conflicts) = (came.clone(), Vec::new());
    for (kind, names) in ROWS.into_iter().filter(|_| is_llm) {
        let read = |name: &&'static str| {
            let values = came.iter().filter(|(key, _)| key == *name);
            let mut values = values.filter_map(|(_, value)| converted(kind, name, value));
            values.next().map(|value| (*name, value))
        };
        let readable: Vec<(&str, Value)> = names.iter().filter_map(read).collect();
        let Some((_, believed)) = readable.first() else {
            continue;
        };
        if readable.iter().any(|(_, value)| value != believed) {
            conflicts.push(names[0]);
        }
        let standard = came.iter().filter(|(key, _)| key == names[0]);
        let mut standard = standard.map(|(_, value)| converted(kind, names[0], value));
        if standard.any(|value| value.is_none()) || (kind == Says::Seconds && !is_request) {
            continue;
        }
        if replaces {
            let others = readable.iter().map(|(name, _)| *name).filter(|name| *name != names[0]);
            let gone: Vec<&str> = others.filter(|name| !LASTING.contains(name)).collect();
            left.retain(|(key, _)| !gone.contains(&key.as_str()));
        }
        if !says(names[0]) {
            left.push((names[0].to_owned(), believed.clone()));
        }
    }
    (left, conflicts)
}

fn value() -> impl Strategy<Value = Value> {
    let words = vec!["", "a", "b", "chat", "LLM", "tool", "CHAIN"];
    prop_oneof![
        select(words).prop_map(text),
        select(vec![-1, 0, 7, 250, 3_000_000, i64::MAX]).prop_map(Value::IntValue),
        select(vec![-0.5, 0.0, 0.25, 250.0, f64::INFINITY]).prop_map(Value::DoubleValue),
        any::<bool>().prop_map(Value::BoolValue),
        Just(texts(&["a"])),
    ]
}

fn span() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let rows = ROWS.into_iter().flat_map(|(_, names)| names.iter().copied());
    let names: Vec<&str> = rows.chain(MARKS).chain(["http.route"]).collect();
    vec((select(names), value()), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn spans_say_afterwards_what_the_table_says(spans in vec(span(), 1..4), replaces in any::<bool>()) {
        let mut rig = Rig::new(if replaces { "normalize: replace" } else { "normalize: add" });
        let mut batch = request(&spans[0]);
        for span in &spans[1..] {
            let mut more = request(span);
            let more = more.resource_spans[0].scope_spans[0].spans.remove(0);
            batch.resource_spans[0].scope_spans[0].spans.push(more);
        }

        let out = rig.bytes(&trial::traces(&batch));

        let out = ExportTraceServiceRequest::decode(out.bytes().clone()).unwrap();
        let out = &out.resource_spans[0].scope_spans[0].spans;
        let mut conflicts: Vec<&str> = Vec::new();
        for (came, after) in spans.iter().zip(out) {
            let came: Said = came.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
            let value = |value: &Option<opentelemetry_proto::tonic::common::v1::AnyValue>| value.clone().unwrap().value;
            let after: Said = after.attributes.iter().map(|it| (it.key.clone(), value(&it.value).unwrap())).collect();
            let (left, of_span) = expected(&came, replaces);
            prop_assert_eq!(after, left, "{:?}", came);
            conflicts.extend(of_span);
        }
        for (_, names) in ROWS {
            let counted = conflicts.iter().filter(|it| **it == names[0]).count();
            prop_assert_eq!(rig.conflicts(names[0]), counted as u64, "{}", names[0]);
        }
    }
}
