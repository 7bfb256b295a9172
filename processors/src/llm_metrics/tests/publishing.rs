//! What is published about each instance of an engine, from what a running vLLM sent.

use std::sync::Arc;

use pipeline::context::engine_requests::matching::{Instances, SenderFacts, TargetFacts};
use pipeline::context::engine_requests::{Instance, Role};
use pipeline::payload::Value as Read;

use prost::Message;

use super::harness::{Desks, Value, captured, pair, parse, phased, spans, structs, text};

/// The instance behind the only target.
fn instance(desks: &Desks) -> Arc<Instance> {
    desks.requests.feed();
    let seat = desks.requests.seat(TargetFacts::of(|_| "", "vllm.llm.svc"));
    match seat.instances(desks.moment.wall) {
        Instances::Known(known) => Arc::clone(&known[0]),
        other => panic!("{other:?}"),
    }
}

fn counted(desks: &mut Desks) -> Arc<Instance> {
    // The capture is of the past, by a clock of its own.
    desks.moment.wall = 1_795_316_070_000_000_000;
    for traces in phased("", &captured("vllm-0.32.0")) {
        desks.count(&traces);
    }
    instance(desks)
}

#[test]
fn every_request_of_a_capture_is_published_for_its_instance_and_no_start_up_span_is() {
    let mut desks = Desks::new("");

    let instance = counted(&mut desks);

    assert_eq!(instance.requests(), 45);
    assert_eq!(
        desks.requests.instances(),
        1,
        "workers and engine cores sent spans, and none of a request"
    );
    let spans = instance.spans(1_795_316_000_000_000_000, 1_795_316_070_000_000_000);
    assert_eq!((spans.at_least, spans.at_most), (45, 45));
}

#[test]
fn what_is_kept_for_each_role_is_what_the_span_of_that_id_says() {
    let mut desks = Desks::new("");
    let instance = counted(&mut desks);
    let all: Vec<_> = captured("vllm-0.32.0").iter().map(|request| parse(request)).collect();
    let all = spans(&all);

    for (role, key) in [
        (Role::FirstToken, "gen_ai.latency.time_to_first_token"),
        (Role::EndToEnd, "gen_ai.latency.e2e"),
        (Role::Queue, "gen_ai.latency.time_in_queue"),
        (Role::Prefill, "gen_ai.latency.time_in_model_prefill"),
        (Role::Decode, "gen_ai.latency.time_in_model_decode"),
        (Role::Inference, "gen_ai.latency.time_in_model_inference"),
    ] {
        let mut kept = Vec::new();
        instance.kept(role, &mut kept);
        assert!(kept.len() > 1, "{role:?}: {}", kept.len());
        for kept in kept {
            let span = all
                .iter()
                .find(|span| span.span_id == kept.span_id.0)
                .expect("one that was sent");
            let said = span.attributes.iter().find(|it| it.key == key).unwrap();
            let Some(Value::DoubleValue(said)) = said.value.as_ref().unwrap().value else {
                panic!("{said:?}");
            };
            assert_eq!(kept.duration, (said * 1e9).round() as u64, "{role:?}");
            assert_eq!(
                (kept.end, kept.trace_id.0.as_slice()),
                (span.end_time_unix_nano, span.trace_id.as_slice())
            );
        }
    }
}

#[test]
fn one_resource_from_two_addresses_is_two_instances_unless_it_says_which_it_is() {
    for (resource, instances) in [("service.name", 2), ("service.instance.id", 1)] {
        let mut desks = Desks::new("");
        let requests = captured("vllm-0.32.0");
        let mut request = structs(&parse(requests.last().unwrap()));
        for spans in &mut request.resource_spans {
            spans.resource.as_mut().unwrap().attributes = vec![pair(resource, text("vllm-a"))];
        }
        let traces = parse(&request.encode_to_vec());
        for client in ["10.0.0.7", "10.0.0.8"] {
            desks.origin.client = Some(client.parse().unwrap());
            desks.count(&traces);
            desks.count(&traces);
        }

        assert_eq!(desks.requests.instances(), instances, "{resource}");
    }
}

#[test]
fn the_resource_of_the_capture_names_its_pod() {
    let traces = parse(&captured("vllm-0.32.0")[0]);
    let resource = traces.resources().next().unwrap().resource();

    let facts = SenderFacts::of(resource, None);

    assert_eq!((facts.pod.namespace, facts.pod.name), ("llm", "vllm-a-0"));
    assert!(matches!(resource.attr("service.instance.id"), Some(Read::Str(id)) if id == facts.instance_id));
}
