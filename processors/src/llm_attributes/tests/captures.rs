//! What running engines have sent.

use std::path::Path;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use pipeline::payload::{Limits, Traces};
use prost::Message;

use super::rig::Rig;

fn captured(engine: &str) -> Vec<Traces> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/engines");
    let entries = std::fs::read_dir(folder.join(engine).join("otlp")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let parsed = files.iter().map(|file| {
        let bytes = std::fs::read(file).unwrap();
        Traces::parse(bytes.into(), &Limits::default()).unwrap().payload
    });
    parsed.collect()
}

fn spans(traces: &Traces) -> Vec<Span> {
    let request = ExportTraceServiceRequest::decode(traces.bytes().clone()).unwrap();
    let scopes = request.resource_spans.into_iter().flat_map(|it| it.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}

fn get<'a>(span: &'a Span, key: &str) -> Option<&'a Value> {
    let mut found = span.attributes.iter().filter(|it| it.key == key);
    let value = found.next()?.value.as_ref()?.value.as_ref();
    assert!(found.next().is_none(), "{key} stands there twice");
    value
}

/// Plays what an engine sent; gives how many spans have a fact under its standard name, each as under the other one.
fn told(engine: &str, pairs: &[(&str, &str)]) -> Vec<usize> {
    let mut rig = Rig::new("");
    let mut told = vec![0; pairs.len()];
    for came in captured(engine) {
        let after = spans(&rig.bytes(&came));
        for (before, after) in spans(&came).iter().zip(&after) {
            assert_eq!(
                after.attributes[..before.attributes.len()],
                before.attributes,
                "nothing else changes"
            );
            for (count, (other, standard)) in told.iter_mut().zip(pairs) {
                assert_eq!(
                    get(after, standard),
                    get(before, other).or(get(before, standard)),
                    "{standard}"
                );
                *count += usize::from(get(after, standard).is_some());
            }
        }
    }
    told
}

#[test]
fn requests_of_vllm_say_their_tokens_and_their_ids_under_the_standards_names() {
    let pairs = [
        ("gen_ai.usage.prompt_tokens", "gen_ai.usage.input_tokens"),
        ("gen_ai.usage.completion_tokens", "gen_ai.usage.output_tokens"),
        ("gen_ai.request.id", "gen_ai.response.id"),
    ];

    let told = told("vllm-0.32.0", &pairs);

    assert!(told[0] > 10 && told.iter().all(|it| *it == told[0]), "{told:?}");
}

#[test]
fn requests_of_sglang_say_what_was_found_in_the_cache() {
    let pairs = [("gen_ai.usage.cached_tokens", "gen_ai.usage.cache_read.input_tokens")];

    let told = told("sglang-0.5.23-driven", &pairs);

    assert!(told[0] > 3, "{told:?}");
}
