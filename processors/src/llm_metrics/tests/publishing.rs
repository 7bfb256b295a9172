//! What is published about each instance of an engine, from what a running vLLM sent.

use std::sync::Arc;

use pipeline::context::engine_requests::matching::{Instances, SenderFacts, TargetFacts};
use pipeline::context::engine_requests::{Instance, RESOURCE_BYTES_MAX, Role, Seat};
use pipeline::payload::Value as Read;

use prost::Message;

use super::harness::{Desks, Value, captured, pair, parse, phased, spans, structs, text};

/// A target about whose requests somebody wants to know.
fn scraped(desks: &Desks, host: &str) -> Seat {
    desks.requests.feed();
    desks.requests.seat(TargetFacts::of(|_| "", host))
}

/// The only instance, which is behind the only target.
fn counted(desks: &mut Desks) -> Arc<Instance> {
    let seat = scraped(desks, "vllm.llm.svc");
    // The capture is of the past, by a clock of its own.
    desks.moment.wall = 1_795_316_070_000_000_000;
    for traces in phased("", &captured("vllm-0.32.0")) {
        desks.count(&traces);
    }
    match seat.instances(desks.moment.wall) {
        // Workers and engine cores sent spans, and none of a request.
        Instances::Known(known) if known.len() == 1 => Arc::clone(&known[0]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_request_of_a_capture_is_published_for_its_instance_and_no_start_up_span_is() {
    let mut desks = Desks::new("");

    let instance = counted(&mut desks);

    assert_eq!(instance.requests(), 45);
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
    for (resource, is_one) in [("service.name", false), ("service.instance.id", true)] {
        let mut desks = Desks::new("");
        // Where the first comes from, and where anything may.
        let seat = scraped(&desks, "vllm.llm.svc");
        let traces = parse(&sent_by(resource, "vllm-a"));
        for client in ["10.0.0.7", "10.0.0.8"] {
            desks.origin.client = Some(client.parse().unwrap());
            desks.count(&traces);
            desks.count(&traces);
        }

        let found = seat.instances(desks.moment.wall);

        assert_eq!(matches!(found, Instances::Known(_)), is_one, "{resource}: {found:?}");
    }
}

/// A request of the capture whose resource says one thing.
fn sent_by(key: &str, value: &str) -> Vec<u8> {
    let requests = captured("vllm-0.32.0");
    let mut request = structs(&parse(requests.last().unwrap()));
    for spans in &mut request.resource_spans {
        spans.resource.as_mut().unwrap().attributes = vec![pair(key, text(value))];
    }
    request.encode_to_vec()
}

#[test]
fn while_nothing_is_scraped_nothing_is_published() {
    let mut desks = Desks::new("");
    for traces in phased("", &captured("vllm-0.32.0")) {
        desks.count(&traces);
    }
    let seat = scraped(&desks, "vllm.llm.svc");

    let found = seat.instances(desks.moment.wall);

    assert!(matches!(found, Instances::Nobody), "{found:?}");
}

#[test]
fn the_requests_of_a_resource_that_is_too_long_are_not_published_and_that_is_counted() {
    let mut desks = Desks::new("");
    let seat = scraped(&desks, "vllm.llm.svc");
    let long = "x".repeat(RESOURCE_BYTES_MAX);

    desks.count(&parse(&sent_by("service.name", &long)));

    let found = seat.instances(desks.moment.wall);
    assert!(matches!(found, Instances::Nobody), "{found:?}");
    let unpublished = "inferscope_connector_llm_metrics_unpublished_requests";
    let of_both = desks.own(&format!("{unpublished}{{reason=\"resource_size\"}}"));
    assert_eq!(of_both, 2, "what was sent holds two requests");
}

#[test]
fn the_resource_of_the_capture_names_its_pod() {
    let traces = parse(&captured("vllm-0.32.0")[0]);
    let resource = traces.resources().next().unwrap().resource();

    let facts = SenderFacts::of(resource, None);

    assert_eq!((facts.pod.namespace, facts.pod.name), ("llm", "vllm-a-0"));
    assert!(matches!(resource.attr("service.instance.id"), Some(Read::Str(id)) if id == facts.instance_id));
}
