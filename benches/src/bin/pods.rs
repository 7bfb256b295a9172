//! Ten attributes by pod, from a table of a thousand: `pods <pass|attributes> <spans>`; `pods memory <pods>` says what the
//! table itself takes.
//!
//! One batch of each of ten pods, found by the address of the connection, through the real `k8s_attributes`; `pass` is the
//! same walk with a stage that has nothing to say.

use benches::{Task, request};
use bytes::Bytes;
use config::{Diagnostics, Kind, Section, Signal};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use pipeline::Origin;
use pipeline::component::{Processor, Stage};
use pipeline::context::pods::{Container, Owner, Pod, PodMap};
use pipeline::payload::{BatchContext, Limits, SpanStage, Traces, Walk};
use pipeline::plan::World;
use pipeline::testing::contract::setup;
use processors::k8s_attributes::K8sAttributes;
use prost::Message;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PODS: u32 = 1_000;

/// Ten attributes of a pod of one container.
const TEN: &str = "extract: {metadata: [k8s.namespace.name, k8s.pod.name, k8s.pod.uid, k8s.pod.start_time, \
                   k8s.deployment.name, k8s.node.name, k8s.replicaset.name, k8s.container.name, container.image.name, \
                   container.image.tag]}";

fn main() {
    let task = Task::from_args("attributes");
    if task.what == "memory" {
        return memory(task.spans);
    }
    let traces = Traces::parse(Bytes::from(silent(task.spans)), &Limits::default())
        .map(|parsed| parsed.payload)
        .unwrap_or_default();
    let Some(stage) = stage() else { return };
    let (mut stages, now) = ([stage], now());
    // `pass` comes from outside the cluster, from where no pod is.
    let first = if task.what == "pass" { 0xc0a8_0000 } else { 0x0a01_0000 };
    let origins: Vec<Origin> = (0..10)
        .map(|number| Origin {
            client: Some(Ipv4Addr::from(first + number * 97).into()),
            ..Origin::default()
        })
        .collect();
    let mut walk = Walk::new();
    task.measure(ALLOCATOR, || {
        let mut bytes = 0;
        for origin in &origins {
            let walked = walk.run(&traces, &mut stages, 0, &BatchContext { now, origin });
            bytes += walked.left.map_or(0, |traces| traces.bytes().len() as u64);
        }
        bytes
    });
}

/// What a table of so many pods takes, with the pods: ten labels and eight annotations each.
#[allow(clippy::print_stdout)] // Printing is what a bench is for.
fn memory(pods: u32) {
    let texts = |prefix: &'static str, count: u32| {
        let pair = move |number| {
            (
                format!("{prefix}.example.com/name-{number}"),
                format!("a-usual-value-of-{number}"),
            )
        };
        (0..count).map(pair)
    };
    let region = Region::new(ALLOCATOR);
    let of = |number| {
        let mut pod = pod(number);
        pod.labels.extend(texts("label", 10));
        pod.annotations.extend(texts("annotation", 8));
        Arc::new(pod)
    };
    let map = PodMap::new((0..pods).map(of).collect(), Vec::new(), Vec::new());
    let change = region.change();
    let bytes = change.bytes_allocated.saturating_sub(change.bytes_deallocated);
    println!(
        "memory pods={} bytes={bytes} bytes/pod={}",
        map.pods().len(),
        bytes / map.pods().len().max(1)
    );
}

/// The request as an engine sends it by itself: its resource says nothing of Kubernetes.
fn silent(spans: u32) -> Vec<u8> {
    let mut request = ExportTraceServiceRequest::decode(request(spans).as_slice()).unwrap_or_default();
    let resources = request.resource_spans.iter_mut().filter_map(|it| it.resource.as_mut());
    for resource in resources {
        resource.attributes.retain(|it| !it.key.starts_with("k8s."));
    }
    request.encode_to_vec()
}

fn stage() -> Option<Box<dyn SpanStage>> {
    let section = Section::from_yaml("bench.yaml", TEN).ok()?;
    let config = config::decode(&section, &mut Diagnostics::new())?;
    let world = World::system();
    world.context.pods.publish(PodMap::new(
        (0..PODS).map(pod).map(Arc::new).collect(),
        Vec::new(),
        Vec::new(),
    ));
    let setup = setup(&world, "k8s_attributes", Kind::Processor, Signal::Traces);
    match K8sAttributes::build(&config, &setup) {
        Ok(Stage::Spans(stage)) => Some(stage),
        _ => None,
    }
}

fn pod(number: u32) -> Pod {
    Pod {
        uid: format!("5fd4f087-86f3-7a43-b711-{number:012}"),
        name: format!("llama-3-1-70b-7d9f6c5b4-{number:05}"),
        namespace: "inference".to_owned(),
        ips: vec![Ipv4Addr::from(0x0a01_0000 + number).into()],
        node: format!("gpu-node-{}", number / 8),
        labels: [("pod-template-hash".to_owned(), "7d9f6c5b4".to_owned())].into(),
        owner: Some(Owner {
            kind: "ReplicaSet".to_owned(),
            name: "llama-3-1-70b-7d9f6c5b4".to_owned(),
            uid: String::new(),
        }),
        started_at: Some(SystemTime::UNIX_EPOCH),
        containers: vec![Container {
            name: "vllm".to_owned(),
            id: format!("{number:064}"),
            image: "vllm/vllm-openai:v0.32.0".to_owned(),
            restarts: 0,
        }],
        ..Pod::default()
    }
}

#[allow(clippy::disallowed_methods)] // No stage here looks at the time.
fn now() -> Instant {
    Instant::now()
}
