use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use pipeline::context::gpus::{Ancestor, Devices, Process, Processes};
use pipeline::context::pods::{Claimed, Container, ContainerDevices, Given, Pod, PodDevices, PodMap};

use super::harness::{MS, Node, S, T0, about, instance, request, request_of, texts};

/// The kubelet has given these devices to a pod, and one to another.
pub(super) fn give(node: &Node, namespace: &str, name: &str, ids: &[&str]) {
    let given = |namespace: &str, name: &str, ids: &[&str]| Given {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        containers: vec![ContainerDevices {
            container: "engine".to_owned(),
            ids: ids.iter().map(|&it| it.to_owned()).collect(),
        }],
        released_at: None,
    };
    let all = vec![given(namespace, name, ids), given("else", "where", &["GPU-9"])];
    node.context.pods.publish_devices(PodDevices::new(all));
}

fn pod(name: &str, uid: &str, ip: &str) -> Arc<Pod> {
    Arc::new(Pod {
        uid: uid.to_owned(),
        name: name.to_owned(),
        namespace: "ai".to_owned(),
        ips: vec![ip.parse().unwrap()],
        containers: vec![Container {
            id: format!("c-{uid}"),
            ..Container::default()
        }],
        ..Pod::default()
    })
}

fn node() -> Node {
    let devices = ["GPU-1", "GPU-2", "GPU-9"].map(about);
    let mut devices = devices.to_vec();
    for (index, device) in (0..).zip(&mut devices) {
        device.index = index;
    }
    devices.push(instance("MIG-a", "GPU-9"));
    let node = Node::new(devices, "attribution: {enabled: false}");
    let pods = vec![pod("llama-0", "u1", "10.0.0.1"), pod("proxy", "u2", "10.0.0.2")];
    node.context.pods.publish(PodMap::new(pods, Vec::new(), Vec::new()));
    give(&node, "ai", "llama-0", &["GPU-2"]);
    node
}

fn ids(node: &mut Node, resource: &str) -> Vec<String> {
    let out = node.send(&request_of(resource, T0, T0 + S));
    texts(&out["request1"], "ids")
}

#[test]
fn a_sender_is_found_by_what_it_says_or_by_its_address() {
    let mut node = node();

    for resource in [
        "inferscope.gpu.ids=GPU-2",
        "hw.id=GPU-2 k8s.pod.uid=u2",
        "k8s.pod.uid=u1",
        "container.id=c-u1",
        "k8s.pod.name=llama-0 k8s.namespace.name=ai",
    ] {
        assert_eq!(ids(&mut node, resource), ["GPU-2"], "{resource}");
    }
    node.client = Some("10.0.0.1".parse().unwrap());
    assert_eq!(ids(&mut node, "service.name=vllm"), ["GPU-2"]);
}

#[test]
fn a_pod_without_a_device_gets_none_and_the_counter_says_so() {
    let mut node = node();

    assert!(ids(&mut node, "k8s.pod.uid=u2").is_empty());

    assert_eq!(node.counted(r#"inferscope_gpu_join{result="no_gpu"}"#), 3);
}

#[test]
fn a_sender_that_names_its_pod_is_not_taken_for_the_one_that_passed_it_on() {
    let mut node = node();
    node.client = Some("10.0.0.1".parse().unwrap());

    assert!(ids(&mut node, "k8s.pod.uid=of-another-node").is_empty());
}

#[test]
fn who_is_not_known_on_a_node_of_several_devices_gets_none() {
    let mut node = node();

    assert!(ids(&mut node, "service.name=vllm").is_empty());

    assert_eq!(node.counted(r#"inferscope_gpu_join{result="unresolved"}"#), 3);
}

#[test]
fn a_claimed_device_is_the_one_that_the_api_server_names() {
    let mut node = node();
    give(&node, "ai", "llama-0", &["gpu.nvidia.com/node-1/gpu-0"]);
    assert!(ids(&mut node, "k8s.pod.uid=u1").is_empty());

    let mut claimed = Claimed::default();
    claimed.insert("gpu.nvidia.com", "node-1", "gpu-0", "GPU-1");
    let map = PodMap::new(vec![pod("llama-0", "u1", "10.0.0.1")], Vec::new(), Vec::new());
    node.context.pods.publish(map.with_claimed(claimed));

    assert_eq!(ids(&mut node, "k8s.pod.uid=u1"), ["GPU-1"]);
}

#[test]
fn what_hami_has_given_goes_before_slots_of_the_kubelet_and_not_before_gpus() {
    let mut node = node();
    let mut shared = Arc::unwrap_or_clone(pod("llama-0", "u1", "10.0.0.1"));
    shared.hami_gpus = Some(vec!["GPU-9".to_owned()]);
    node.context
        .pods
        .publish(PodMap::new(vec![Arc::new(shared)], Vec::new(), Vec::new()));

    assert_eq!(ids(&mut node, "k8s.pod.uid=u1"), ["GPU-2"]);
    give(&node, "ai", "llama-0", &["GPU-0fc3eda5-e98b-a25b-5b0d-cf5c855d1448-3"]);
    assert_eq!(ids(&mut node, "k8s.pod.uid=u1"), ["GPU-9"]);
}

#[test]
fn a_set_with_a_device_that_nobody_knows_gets_none() {
    let mut node = node();
    give(&node, "ai", "llama-0", &["GPU-2", "GPU-of-another-node"]);

    assert!(ids(&mut node, "k8s.pod.uid=u1").is_empty());

    assert_eq!(node.counted(r#"inferscope_gpu_join{result="unknown_device"}"#), 3);
}

#[test]
fn ids_of_replicas_and_instances_are_read() {
    let mut node = node();

    for (id, uuid) in [
        ("GPU-2", "GPU-2"),
        ("GPU-2::7", "GPU-2"),
        ("MIG-a", "MIG-a"),
        ("MIG-a::3", "MIG-a"),
        ("nvidia1", "GPU-2"),
        ("nvidia1/vgpu3", "GPU-2"),
        ("nvidia2/gi3", "MIG-a"),
        ("nvidia2/gi3/vgpu2", "MIG-a"),
    ] {
        give(&node, "ai", "llama-0", &[id]);
        assert_eq!(ids(&mut node, "k8s.pod.uid=u1"), [uuid], "{id}");
    }
}

#[test]
fn replicas_of_one_device_are_one_device() {
    let mut node = node();
    give(&node, "ai", "llama-0", &["GPU-2::0", "GPU-2::1"]);

    assert_eq!(ids(&mut node, "k8s.pod.uid=u1"), ["GPU-2"]);
}

#[test]
fn the_only_device_of_a_node_is_that_of_every_sender() {
    let mut node = Node::new(vec![about("GPU-1")], "attribution: {enabled: false}");

    assert_eq!(ids(&mut node, "service.name=vllm"), ["GPU-1"]);
}

#[test]
fn a_number_of_a_device_that_is_not_there_is_no_device() {
    let mut node = node();

    for id in ["nvidia7", "nvidia0/gi3", "nvidia2/gi4", "gpu.nvidia.com/node-a/gpu-0"] {
        give(&node, "ai", "llama-0", &[id]);
        assert!(ids(&mut node, "k8s.pod.uid=u1").is_empty(), "{id}");
    }
    assert_eq!(node.counted(r#"inferscope_gpu_join{result="unknown_device"}"#), 12);
}

/// The server of an engine with the number 7, which began before the requests of these tests and computes there.
fn compute(node: &Node, pod_uid: Option<&str>, gpus: &[&str]) {
    let began = |own_pid| Ancestor {
        own_pid,
        is_of_node: true,
        started_ns: T0 - 100 * S,
    };
    let process = |gpu: &&str| Process {
        gpu: (*gpu).to_owned(),
        group: "one".to_owned(),
        pod_uid: pod_uid.map(str::to_owned),
        line: vec![began(31), began(7)],
        ..Process::default()
    };
    node.context.gpus.publish(Devices {
        list: node.context.gpus.devices().list.clone(),
        processes: Processes {
            list: gpus.iter().map(process).collect(),
            host: "node-1".to_owned(),
            seen_ns: T0 + 10 * S,
        },
    });
}

#[test]
fn a_process_of_this_node_has_the_devices_that_its_children_compute_on() {
    let mut node = node();
    compute(&node, None, &["GPU-1", "GPU-2"]);

    for resource in [
        "process.pid=7 host.name=node-1",
        "vllm.process_id=7 host.name=node-1",
        "vllm.process_id=8 process.pid=7 host.name=node-1",
        "process.pid=7 host.name=node-1 container.id=one",
    ] {
        assert_eq!(ids(&mut node, resource), ["GPU-1", "GPU-2"], "{resource}");
    }
    for resource in [
        "process.pid=7",
        "process.pid=7 host.name=node-2",
        "process.pid=9 host.name=node-1",
        "process.pid=7 host.name=node-1 container.id=two",
    ] {
        assert!(ids(&mut node, resource).is_empty(), "{resource}");
    }
}

#[test]
fn a_process_of_a_pod_has_the_devices_of_its_pod() {
    let mut node = node();
    compute(&node, Some("u1"), &["GPU-1"]);

    assert_eq!(ids(&mut node, "process.pid=7 host.name=node-1"), ["GPU-2"]);
}

#[test]
fn a_process_in_an_instance_has_the_instance_and_not_its_gpu() {
    let mut node = node();
    compute(&node, None, &["GPU-9", "MIG-a"]);

    assert_eq!(ids(&mut node, "process.pid=7 host.name=node-1"), ["MIG-a"]);
}

#[test]
fn g_7_spans_from_before_a_process_began_are_not_its_own() {
    let mut node = node();
    compute(&node, None, &["GPU-1"]);

    let old = node.send(&request_of(
        "process.pid=7 host.name=node-1",
        T0 - 200 * S,
        T0 - 190 * S,
    ));

    assert!(texts(&old["request1"], "ids").is_empty());
}

#[test]
fn g_7_every_request_of_a_resource_is_asked_about_by_itself() {
    let spans = |number: u16, from: u64| {
        let of_one = request(
            "process.pid=7 host.name=node-1",
            number,
            from,
            from + S,
            from + 5 * S,
            (100, 51),
        );
        of_one.resource_spans
    };
    // Processes were looked up between the begin of the second one and its first token.
    let (old, good, new) = (T0 - 200 * S, T0 + 9 * S + 500 * MS, T0 + 20 * S);
    for numbers in [[1, 2, 3], [3, 2, 1]] {
        let mut node = node();
        compute(&node, None, &["GPU-1"]);
        let begins = |number| [old, good, new][usize::from(number) - 1];
        let mut all = numbers.map(|number| spans(number, begins(number))).into_iter();
        let mut together = request_of("", T0, T0);
        together.resource_spans = all.next().unwrap();
        for mut more in all {
            together.resource_spans[0].scope_spans.append(&mut more[0].scope_spans);
        }

        let out = node.send(&together);

        for (name, said) in &out {
            let expected: &[&str] = match name.as_str() {
                "request2" | "prefill2" | "decode2" => &["GPU-1"],
                _ => &[],
            };
            assert_eq!(texts(said, "ids"), expected, "{name} of {numbers:?}");
        }
        assert_eq!(out.len(), 12);
    }
}

#[test]
fn a_span_says_what_has_led_to_its_devices() {
    let source = |node: &mut Node, resource: &str| {
        let out = node.send(&request_of(resource, T0 + S, T0 + 2 * S));
        out["request1"].get("inferscope.gpu.source").cloned()
    };
    let word = |word: &str| Some(Value::StringValue(word.to_owned()));
    let mut node = node();
    compute(&node, None, &["GPU-1"]);

    assert_eq!(source(&mut node, "hw.id=GPU-1"), word("resource"));
    assert_eq!(source(&mut node, "k8s.pod.uid=u1"), word("pod"));
    assert_eq!(source(&mut node, "process.pid=7 host.name=node-1"), word("process"));
    node.client = Some("10.0.0.1".parse().unwrap());
    assert_eq!(source(&mut node, ""), word("peer"));
    let mut alone = Node::new(vec![about("GPU-1")], "attribution: {enabled: false}");
    assert_eq!(source(&mut alone, ""), word("single_gpu_node"));
}
