//! What is read of objects.

use std::collections::BTreeMap;

use kubernetes::Part;
use pipeline::telemetry::Telemetry;
use serde_json::{Value, json};

use super::super::meters::LeftOut;
use super::super::texts::{ANNOTATION_BYTES_MAX, ANNOTATIONS_MAX, LABELS_MAX};
use super::super::{place, pod, slice, texts};
use super::*;

fn left_out() -> LeftOut {
    LeftOut::new(&Telemetry::default())
}

fn read_pod(object: Value) -> Pod {
    let part: pod::PodPart = serde_json::from_value(object).unwrap();
    pod::pod(part, &left_out())
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn a_pod_is_read_with_its_owner_containers_and_addresses() {
    let read = read_pod(json!({
        "metadata": {
            "name": "llama-7d9f-x", "namespace": "inference", "uid": "u1", "labels": {"app": "llama"},
            "annotations": {"team": "nlp"},
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Thing", "name": "other", "uid": "o0"},
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "llama-7d9f", "uid": "o1", "controller": true},
            ],
        },
        "spec": {
            "nodeName": "node-a", "hostname": "llama",
            "containers": [{"name": "vllm", "image": "vllm:1", "env": [{"name": "SECRET", "value": "x"}]}],
            "initContainers": [{"name": "fetch", "image": "fetch:1"}],
        },
        "status": {
            "phase": "Running", "startTime": "2026-01-01T00:00:07Z",
            "podIPs": [{"ip": "10.1.0.7"}, {"ip": "fd00::7"}, {"ip": "nonsense"}],
            "containerStatuses": [{"name": "vllm", "containerID": "containerd://c0ffee", "restartCount": 3, "state": {"running": {}}}],
        },
    }));

    assert_eq!(
        (read.uid.as_str(), read.name.as_str(), read.namespace.as_str()),
        ("u1", "llama-7d9f-x", "inference")
    );
    assert_eq!((read.node.as_str(), read.hostname.as_str()), ("node-a", "llama"));
    assert_eq!(read.owner.unwrap().name, "llama-7d9f");
    assert_eq!(read.ips.len(), 2);
    assert_eq!(seconds(read.started_at.unwrap()), 1_767_225_607);
    assert_eq!(
        (read.labels["app"].as_str(), read.annotations["team"].as_str()),
        ("llama", "nlp")
    );
    assert_eq!(read.gone_at, None);
    let [vllm, fetch] = read.containers.as_slice() else {
        panic!("{:?}", read.containers);
    };
    assert_eq!(
        (vllm.id.as_str(), vllm.image.as_str(), vllm.restarts),
        ("c0ffee", "vllm:1", 3)
    );
    assert_eq!((fetch.name.as_str(), fetch.id.as_str()), ("fetch", ""));
}

#[test]
fn a_pod_that_was_just_made_has_little() {
    let read = read_pod(
        json!({"metadata": {"name": "a", "namespace": "b", "uid": "u"}, "spec": {"hostNetwork": true}, "status": {}}),
    );

    assert_eq!((read.hostname.as_str(), read.node.as_str()), ("a", ""));
    assert!(read.host_network && read.ips.is_empty() && read.started_at.is_none());
}

#[test]
fn a_pod_that_has_ended_gives_its_address_to_whoever_has_it_now() {
    let job = json!({
        "metadata": {"name": "job", "namespace": "b", "uid": "job"},
        "status": {
            "phase": "Succeeded", "podIPs": [{"ip": "10.1.0.7"}],
            "containerStatuses": [{"name": "c", "state": {"terminated": {"finishedAt": "2026-01-01T00:00:00Z"}}}],
        },
    });

    let ended = read_pod(job);
    let living = read_pod(json!({
        "metadata": {"name": "a", "namespace": "b", "uid": "living"},
        "status": {"phase": "Running", "podIPs": [{"ip": "10.1.0.7"}]},
    }));

    assert_eq!(seconds(ended.gone_at.unwrap()), 1_767_225_600);
    let map = pipeline::context::pods::PodMap::new(vec![Arc::new(living), Arc::new(ended)], Vec::new(), Vec::new());
    assert_eq!(map.alone_at("10.1.0.7".parse().unwrap()).unwrap().uid, "living");
    assert_eq!(map.by_uid("job").unwrap().name, "job");
}

#[test]
fn gpus_that_hami_gave_are_read_from_its_annotation_which_is_not_kept() {
    let with = |annotation: &str| {
        read_pod(json!({"metadata": {"name": "a", "annotations": {"hami.io/vgpu-devices-allocated": annotation}}}))
    };

    let read = with("GPU-1,NVIDIA,3000,0:;");

    assert_eq!(read.hami_gpus.unwrap(), ["GPU-1"]);
    assert!(read.annotations.is_empty());
    assert_eq!(with("broken").hami_gpus, None);
}

#[test]
fn long_and_many_annotations_and_many_labels_are_left_out_and_counted() {
    let telemetry = Telemetry::default();
    let left_out = LeftOut::new(&telemetry);
    let counted = |reason: &str| telemetry.with("reason", reason.to_owned()).counter(LEFT_OUT).value();
    let mut many: BTreeMap<String, String> = (0..ANNOTATIONS_MAX + 3)
        .map(|number| (format!("a{number:03}"), "x".to_owned()))
        .collect();
    many.insert("b/long".to_owned(), "x".repeat(ANNOTATION_BYTES_MAX + 1));
    many.insert(
        "kubectl.kubernetes.io/last-applied-configuration".to_owned(),
        "{}".to_owned(),
    );

    let annotations = texts::annotations(Some(many), &left_out);
    let labels = (0..LABELS_MAX + 1)
        .map(|number| (format!("l{number:03}"), String::new()))
        .collect();
    let labels = texts::labels(Some(labels), &left_out);

    assert_eq!((annotations.len(), labels.len()), (ANNOTATIONS_MAX, LABELS_MAX));
    assert!(annotations.contains_key("a000") && !annotations.contains_key("a064"));
    assert_eq!(
        (counted("too_long"), counted("too_many"), counted("last_applied")),
        (1, 4, 1)
    );
    let short = BTreeMap::from([("a".to_owned(), "x".repeat(ANNOTATION_BYTES_MAX))]);
    assert_eq!(texts::annotations(Some(short), &left_out).len(), 1);
}

#[test]
fn namespaces_and_nodes_are_read_with_uid_labels_and_annotations() {
    let text = json!({"metadata": {"name": "x", "uid": "u", "labels": {"a": "b"}, "annotations": {"c": "d"}}});

    let namespace = place::namespace(serde_json::from_value(text.clone()).unwrap(), &left_out());
    let node = place::node(serde_json::from_value(text).unwrap(), &left_out());

    assert_eq!((namespace.uid.as_str(), node.uid.as_str()), ("u", "u"));
    assert_eq!(
        (namespace.labels["a"].as_str(), node.annotations["c"].as_str()),
        ("b", "d")
    );
}

fn slice_of(generation: i64, devices: &Value) -> slice::Slice {
    let object = json!({
        "metadata": {"name": format!("s{generation}")},
        "spec": {"driver": "gpu.nvidia.com", "nodeName": "node-a", "pool": {"name": "node-a", "generation": generation, "resourceSliceCount": 1},
                 "devices": devices},
    });
    let part: Part<_, _> = serde_json::from_value(object).unwrap();
    slice::slice(part)
}

#[test]
fn a_slice_names_gpus_by_uuid_and_only_the_latest_generation_of_a_pool_counts() {
    let old = slice_of(
        1,
        &json!([{"name": "gpu-0", "attributes": {"uuid": {"string": "GPU-old"}}}]),
    );
    let new = slice_of(
        2,
        &json!([
            {"name": "gpu-0", "attributes": {"uuid": {"string": "GPU-0"}, "index": {"int": 0}}},
            {"name": "mig-0", "attributes": {"gpu.nvidia.com/uuid": {"string": "MIG-0"}}},
            {"name": "nic-0", "attributes": {"uuid": {"string": "mlx5"}}},
            {"name": "bare"},
        ]),
    );

    let claimed = slice::claimed(&[&new, &old]);

    assert_eq!(claimed.uuid("gpu.nvidia.com", "node-a", "gpu-0"), Some("GPU-0"));
    assert_eq!(claimed.uuid("gpu.nvidia.com", "node-a", "mig-0"), Some("MIG-0"));
    assert_eq!(claimed.count(), 2);
}
