//! The whole of it: an agent and a gateway as deploy/configs has them, on a node with two engines and two GPUs, with a real
//! API server, a real Jaeger and a real Prometheus. What a GPU, a kubelet and an engine say is played.

mod cluster;
mod kubelet;
mod manifests;
#[cfg(feature = "measure")]
mod measure;
mod rig;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpSocket;

use self::rig::{Engine, NODE, Rig};
use crate::capture::{Capture, Captured, decode, hex};
use crate::jaeger::gpus::{LENGTH_MAX, number, requests_that_ended};
use crate::jaeger::trace::JaegerSpan;
use crate::patience::{PATIENCE, until};

/// Requests wait this long for those that ran at the same time, and then for what is on the way.
const SHARED_WITHIN: Duration = Duration::from_secs(60);

/// Energy is counted in steps of 100 ms.
const LONG_US: u64 = 500_000;

fn is_request(span: &JaegerSpan) -> bool {
    span.name == "llm_request"
}

/// The capture as this engine would have sent it: under its pod's name and with ids of its own.
fn sent_by(engine: &Engine, capture: &Capture) -> Vec<Vec<u8>> {
    let names = [
        ("k8s.pod.name", engine.pod.as_str()),
        ("k8s.namespace.name", engine.namespace.as_str()),
        // By it the answers to one request are told from those of another engine.
        ("service.instance.id", engine.pod.as_str()),
    ];
    let requests = capture.requests.iter().map(|request| {
        let mut request = ExportTraceServiceRequest::decode(request.as_slice()).unwrap();
        for spans in &mut request.resource_spans {
            let resource = spans.resource.get_or_insert_default();
            resource
                .attributes
                .retain(|pair| names.iter().all(|(key, _)| pair.key != *key));
            resource
                .attributes
                .extend(names.map(|(key, value)| attribute(key, value)));
            let all = spans.scope_spans.iter_mut().flat_map(|scope| &mut scope.spans);
            // Two engines never give an id twice.
            all.for_each(|span| {
                span.trace_id[0] ^= engine.id_mask();
                span.span_id[0] ^= engine.id_mask();
                span.parent_span_id
                    .iter_mut()
                    .take(1)
                    .for_each(|byte| *byte ^= engine.id_mask());
            });
        }
        request.encode_to_vec()
    });
    requests.collect()
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Any::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

/// Sends from the address of a pod, over HTTP.
async fn post(from: &str, port: u16, body: &[u8]) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    let to: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
    let stream = socket.connect(to).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::post("/v1/traces").header("host", to.to_string());
    let request = request.header("content-type", "application/x-protobuf");
    let request = request.body(Full::new(Bytes::copy_from_slice(body))).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.status(), 200);
}

fn captured(requests: &[Vec<u8>]) -> Vec<Captured> {
    requests.iter().flat_map(|request| decode(request)).collect()
}

/// The spans of an engine in Jaeger, as soon as all requests are there.
async fn arrived(rig: &Rig, sent: &[Captured]) -> Vec<JaegerSpan> {
    let ids: BTreeSet<String> = sent.iter().map(|it| hex(&it.span.trace_id)).collect();
    until("all requests are in Jaeger", SHARED_WITHIN, || async {
        // Phases do not wait, so that every trace has a span soon.
        let spans = rig.jaeger.traces(&ids, ids.len()).await;
        let requests = spans.iter().filter(|span| is_request(span)).count();
        (requests == sent.len()).then_some(spans)
    })
    .await
}

/// Where a span came from, on whose behalf, and what its GPU did.
fn check_context(span: &JaegerSpan, engine: &Engine, uid: &str) {
    let resource = &span.process.1;
    for (key, value) in [
        ("k8s.pod.name", engine.pod.as_str()),
        ("k8s.namespace.name", engine.namespace.as_str()),
        ("k8s.pod.uid", uid),
        ("k8s.node.name", NODE),
        ("tenant.id", engine.tenant.as_str()),
    ] {
        assert_eq!(
            resource.get(key).and_then(|it| it.as_str()),
            Some(value),
            "{key} of {span:?}"
        );
    }
    assert_eq!(span.text("hw.id"), engine.gpu, "{span:?}");
    if is_request(span) {
        // The agent found it out by the pod's address, and the gateway passes that on.
        assert_eq!(span.text("inferscope.tenant.source"), "kubernetes");
        assert_eq!(span.tags["inferscope.tenant.trusted"], true);
    }
    if span.duration_us > LONG_US {
        let joules = engine.power_w * span.duration_us as f64 / 1e6;
        let energy = number(span, "inferscope.gpu.energy.device");
        assert!((energy / joules - 1.0).abs() < 0.03, "{energy} J and not {joules}");
        assert!(number(span, "inferscope.gpu.utilization.mean") > 0.4, "{span:?}");
    }
}

/// Every request has the phases that somebody else computed, and they have its GPU.
fn check_phases(spans: &[JaegerSpan], engine: &Engine, expected: &BTreeMap<String, usize>) {
    let captured = |id: &str| {
        let first = u8::from_str_radix(&id[..2], 16).unwrap() ^ engine.id_mask();
        format!("{first:02x}{}", &id[2..])
    };
    for request in spans.iter().filter(|span| is_request(span)) {
        let phases = spans
            .iter()
            .filter(|span| span.parent_span_id == request.span_id && !is_request(span));
        let phases: Vec<&JaegerSpan> = phases.filter(|span| span.trace_id == request.trace_id).collect();
        assert_eq!(phases.len(), expected[&captured(&request.span_id)], "{request:?}");
        let length: u64 = phases.iter().map(|phase| phase.duration_us).sum();
        // Jaeger cuts each to microseconds.
        assert!(
            request.duration_us.abs_diff(length) <= phases.len() as u64,
            "{request:?}"
        );
    }
}

fn integer(span: &Span, key: &str) -> f64 {
    let found = span.attributes.iter().find(|pair| pair.key == key);
    match found.and_then(|pair| pair.value.as_ref()?.value.as_ref()) {
        Some(Any::IntValue(value)) => *value as f64,
        other => panic!("{key} is {other:?}"),
    }
}

/// Requests of a tenant, of which several answers may be, and their output tokens: in Prometheus as in the spans.
async fn check_counts(rig: &Rig, engine: &Engine, sent: &[Captured]) {
    let requests: BTreeSet<String> = sent
        .iter()
        .map(|it| {
            let id = it.span.attributes.iter().find(|pair| pair.key == "gen_ai.request.id");
            format!("{:?} {:?} {id:?}", it.span.trace_id, it.span.parent_span_id)
        })
        .collect();
    let tokens: f64 = sent
        .iter()
        .map(|it| integer(&it.span, "gen_ai.usage.completion_tokens"))
        .sum();
    let tenant = &engine.tenant;

    let prometheus = &rig.prometheus;
    let query = format!("sum(inferscope_requests_total{{tenant_id=\"{tenant}\"}})");
    prometheus.comes_to(&query, requests.len() as f64).await;
    let query = format!("sum(inferscope_request_tokens_total{{tenant_id=\"{tenant}\",gen_ai_token_type=\"output\"}})");
    prometheus.comes_to(&query, tokens).await;
    let query = format!("sum(histogram_count(gen_ai_server_request_duration_seconds{{tenant_id=\"{tenant}\"}}))");
    prometheus.comes_to(&query, sent.len() as f64).await;
}

/// What the agent measured: the GPU by its sensor, and the engine of one pod by its own page.
async fn check_measured(rig: &Rig, engines: &[Engine; 2]) {
    for engine in engines {
        let Engine {
            gpu, pod, namespace, ..
        } = engine;
        let node = format!("k8s_node_name=\"{NODE}\"");
        // With the pod that the kubelet has given it to, under both names.
        let ours = format!("hw_power_watts{{hw_id=\"{gpu}\",k8s_pod_name=\"{pod}\",{node}}}");
        rig.prometheus.comes_to(&ours, engine.power_w).await;
        let dcgm = format!("DCGM_FI_DEV_POWER_USAGE{{UUID=\"{gpu}\",pod=\"{pod}\",namespace=\"{namespace}\",{node}}}");
        rig.prometheus.comes_to(&dcgm, engine.power_w).await;
    }
    let tokens = rig
        .page
        .number("vllm:generation_tokens_total{engine=\"0\",model_name=\"tiny-llama\"} ");
    let labels = format!(
        "pod=\"{}\",namespace=\"{}\",tenant_id=\"{}\",k8s_node_name=\"{NODE}\"",
        engines[0].pod, engines[0].namespace, engines[0].tenant
    );
    for series in [
        "vllm:generation_tokens_total{",
        "inferscope_engine_tokens_total{gen_ai_token_type=\"output\",",
    ] {
        rig.prometheus
            .comes_to(&format!("sum({series}{labels}}})"), tokens)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_two_tenants_are_found_with_their_pods_gpus_and_energy_and_counted_exactly() {
    let [mut labelled, mut plain] = [Engine::new("llm", 0, 500.0), Engine::new("research", 1, 300.0)];
    labelled.tenant = "acme".to_owned();
    plain.is_scraped = false;
    let engines = [labelled, plain];
    let mut rig = Rig::start(&engines).await;
    // What is joined has to be sampled, and the samples are of this very time.
    tokio::time::sleep(LENGTH_MAX + Duration::from_secs(2)).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let capture = requests_that_ended(now.as_nanos() as u64);
    let phases: BTreeMap<String, usize> = Capture::of("vllm-0.32.0")
        .expected_phases()
        .into_iter()
        .map(|(id, phases)| (id, phases.len()))
        .collect();

    let sent = engines.each_ref().map(|engine| sent_by(engine, &capture));
    for (engine, requests) in engines.iter().zip(&sent) {
        for request in requests {
            post(&engine.address, rig.agent.http, request).await;
        }
    }

    for ((engine, requests), uid) in engines.iter().zip(&sent).zip(&rig.uids) {
        let sent = captured(requests);
        assert!(sent.len() > 10, "{}", sent.len());
        let spans = arrived(&rig, &sent).await;
        spans.iter().for_each(|span| check_context(span, engine, uid));
        check_phases(&spans, engine, &phases);
        let shares = spans.iter().filter(|span| is_request(span));
        let shares: f64 = shares
            .map(|span| number(span, "inferscope.gpu.energy.attributed"))
            .sum();
        let longest = spans.iter().map(|span| span.duration_us).max().unwrap();
        let device = engine.power_w * longest as f64 / 1e6;
        assert!(shares > 0.0 && shares < 1.03 * device, "{shares} J of {device}");
        check_counts(&rig, engine, &sent).await;
    }
    check_measured(&rig, &engines).await;
    let tenants = rig
        .prometheus
        .query("count by (tenant_id) (inferscope_requests_total)")
        .await;
    let tenants: Vec<&str> = tenants.keys().map(|labels| labels["tenant_id"].as_str()).collect();
    assert_eq!(tenants, ["acme", "research"], "and nobody else");

    tokio::time::timeout(2 * PATIENCE, rig.agent.stop()).await.unwrap();
    rig.gateway.stop().await;
    for role in [&rig.agent, &rig.gateway] {
        assert!(!role.written().contains("panicked"));
    }
}
