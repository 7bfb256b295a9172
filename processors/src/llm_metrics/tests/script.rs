//! Scripts are a shorter way to the same end.

use opentelemetry_proto::tonic::trace::v1::Span;
use pipeline::payload::SpanView;
use proptest::prelude::*;
use prost::Message;

use super::harness::{Value, bare, text};
use crate::llm_metrics::dictionary::{Meaning, dictionary};
use crate::llm_metrics::said::Said;
use crate::llm_names::Script;

const KEYS: [&str; 10] = [
    "gen_ai.request.model",
    "gen_ai.response.model",
    "gen_ai.usage.prompt_tokens",
    "gen_ai.usage.input_tokens",
    "gen_ai.latency.e2e",
    "gen_ai.latency.time_in_queue",
    "gen_ai.request.id",
    "inferscope.phase",
    "unknown",
    "",
];

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..300_i64).prop_map(Value::IntValue),
        (0..9_i32).prop_map(|value| Value::DoubleValue(f64::from(value) / 7.0)),
        (0..200_usize).prop_map(|length| text(&"x".repeat(length))),
        any::<bool>().prop_map(Value::BoolValue),
    ]
}

/// Most spans say the same things in the same order; some leave one out, say one more, or something else.
fn spans() -> impl Strategy<Value = Vec<Span>> {
    let order = proptest::sample::subsequence((0..KEYS.len()).collect::<Vec<_>>(), 0..KEYS.len()).prop_shuffle();
    let change = (0..8_u8, 0..KEYS.len(), 0..KEYS.len());
    let one = (change, proptest::collection::vec(value(), KEYS.len() + 1));
    (order, proptest::collection::vec(one, 1..80)).prop_map(|(order, spans)| {
        let span = |((kind, at, key), values): ((u8, usize, usize), Vec<Value>)| {
            let mut keys = order.clone();
            match kind {
                0 if at < keys.len() => drop(keys.remove(at)),
                1 => keys.insert(at.min(keys.len()), key),
                2 => keys.reverse(),
                _ => {}
            }
            let pairs: Vec<_> = keys.into_iter().map(|key| KEYS[key]).zip(values).collect();
            bare(&pairs)
        };
        spans.into_iter().map(span).collect()
    })
}

/// What a span says.
fn said(span: &[u8], script: &mut Script<Meaning>) -> String {
    let mut said = Said::default();
    let dictionary = dictionary("tenant.class");
    said.read(&SpanView::of(span).opening(), &dictionary, script);
    format!("{said:?}")
}

proptest! {
    #[test]
    fn what_a_span_says_does_not_depend_on_the_spans_before_it(spans in spans()) {
        let mut script = Script::default();
        for span in spans {
            let span = span.encode_to_vec();
            prop_assert_eq!(said(&span, &mut script), said(&span, &mut Script::default()));
        }
    }
}

#[test]
fn who_begins_to_speak_otherwise_gets_another_script() {
    let one = bare(&[("a", text("x")), ("b", text("x"))]).encode_to_vec();
    let other = bare(&[("c", text("x")), ("d", text("x"))]).encode_to_vec();
    let mut script = Script::default();
    said(&one, &mut script);

    // So many in a row may be exceptions; the one after them is written down.
    for _ in 0..17 {
        said(&other, &mut script);
    }

    let mut fresh = Script::default();
    said(&other, &mut fresh);
    assert_eq!(format!("{script:?}"), format!("{fresh:?}"));
}
