//! `kubernetes_sd_configs`: targets in a real cluster, beside a real Prometheus that finds them with the same file.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::server::{ADMIN, Cluster};
use crate::patience::{PATIENCE, until};
use crate::program::{self, Program};
use crate::prometheus::api::Labels;
use crate::prometheus::server::{Prometheus, Version, prometheus};
use crate::prometheus::target::{Page, Target};

const ROLES: [&str; 5] = ["pod", "endpoints", "endpointslice", "service", "node"];

const NAMESPACE: &str = "/api/v1/namespaces/llm";
const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/llm/endpointslices";

/// Prometheus tells its scrapers of changes every five seconds.
const CHANGES_MAX: std::time::Duration = PATIENCE.saturating_mul(2);

/// Prometheus and the program, which read the same jobs; what the program scrapes goes to Prometheus too.
struct Pair {
    prometheus: Prometheus,
    program: Program,
    _folder: TempDir,
}

impl Pair {
    async fn start(jobs: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("jobs.yml");
        std::fs::write(&path, format!("scrape_configs:\n{jobs}")).unwrap();
        let prometheus = prometheus(Version::V3).jobs_of(path.clone()).start(&[]).await;
        let setting = program::with("discovery.yaml")
            .env("JOBS", path.display())
            .env("PROMETHEUS", prometheus.port());
        Self {
            program: setting.start().await,
            prometheus,
            _folder: folder,
        }
    }

    /// The labels of all targets of a job: as Prometheus scrapes them, and as the program does.
    async fn targets(&self, job: &str) -> [BTreeSet<Labels>; 2] {
        let mut both = [BTreeSet::new(), BTreeSet::new()];
        for mut labels in self.prometheus.query(&format!("up{{job={job:?}}}")).await.into_keys() {
            labels.retain(|name, _| !name.starts_with("__"));
            let is_ours = labels.remove("by").is_some();
            both[usize::from(is_ours)].insert(labels);
        }
        both
    }

    /// Waits until both scrape the same targets of a job, and a condition holds for them.
    async fn agree(&self, job: &str, what: &str, holds: impl Fn(&BTreeSet<Labels>) -> bool) {
        let agreed = until(what, 2 * CHANGES_MAX, || async {
            let [theirs, ours] = self.targets(job).await;
            (theirs == ours && holds(&ours)).then_some(())
        });
        if tokio::time::timeout(CHANGES_MAX, agreed).await.is_err() {
            let [theirs, ours] = self.targets(job).await;
            let only = |some: &BTreeSet<Labels>, others: &BTreeSet<Labels>| some.difference(others).cloned().collect();
            let (lacking, invented): (Vec<_>, Vec<_>) = (only(&theirs, &ours), only(&ours, &theirs));
            panic!(
                "{what}, {job}: of {} targets are only in Prometheus {lacking:#?}, only here {invented:#?}",
                ours.len()
            );
        }
    }
}

/// A job for each role. Every label of a target is kept under a name that is not dropped, and nothing is really scraped.
fn jobs_of_all_roles(kubeconfig: &str) -> String {
    let mut jobs = String::new();
    for role in ROLES {
        writeln!(
            jobs,
            "- job_name: {role}\n  kubernetes_sd_configs:\n  - role: {role}\n    kubeconfig_file: {kubeconfig}\n    \
             attach_metadata: {{node: true, namespace: true}}\n  relabel_configs:\n  \
             - {{source_labels: [__address__], target_label: address}}\n  \
             - {{action: labelmap, regex: __meta_kubernetes_(.+), replacement: k8s_$1}}\n  \
             - {{target_label: __address__, replacement: '127.0.0.1:1'}}"
        )
        .unwrap();
    }
    jobs
}

fn container(name: &str, ports: &Value) -> Value {
    json!({"name": name, "image": format!("hub/{name}:1"), "ports": ports})
}

fn status(ip: &str, name: &str, ready: &str) -> Value {
    json!({"status": {
        "phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "hostIP": "10.1.0.1", "hostIPs": [{"ip": "10.1.0.1"}],
        "conditions": [{"type": "Ready", "status": ready}],
        "containerStatuses": [{"name": name, "image": "hub/x:1", "imageID": "", "ready": true, "restartCount": 0,
            "containerID": format!("containerd://{name}-c0ffee")}],
    }})
}

/// A namespace, a node, pods of every kind, services, and what stands for their endpoints.
async fn furnish(cluster: &Cluster) {
    let api = &cluster.api;
    let namespace = json!({"metadata": {"name": "llm", "labels": {"example.com/team": "nlp"}, "annotations": {"cost-center": "42"}}});
    api.create("/api/v1/namespaces", namespace).await;
    let node = json!({"metadata": {"name": "gpu-a", "labels": {"nvidia.com/gpu.product": "H200"}}, "spec": {"providerID": "aws:///eu-1/i-0a"}});
    api.create("/api/v1/nodes", node).await;
    let addresses = json!([{"type": "Hostname", "address": "gpu-a"}, {"type": "InternalIP", "address": "10.1.0.1"}]);
    let node = json!({"status": {"addresses": addresses, "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}}});
    api.change("/api/v1/nodes/gpu-a/status", node).await;

    let ports =
        json!([{"name": "http", "containerPort": 8000}, {"name": "kv", "containerPort": 5557, "protocol": "UDP"}]);
    let owner =
        json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "vllm-7c9", "uid": "rs-1", "controller": true}]);
    let pod = json!({
        "metadata": {"name": "vllm-0", "labels": {"app.kubernetes.io/name": "vllm", "canary": ""},
            "annotations": {"prometheus.io/scrape": "true"}, "ownerReferences": owner},
        "spec": {"nodeName": "gpu-a", "containers": [container("vllm", &ports), container("logs", &json!([]))],
            "initContainers": [container("pull", &json!([{"containerPort": 7000}]))]},
    });
    api.create(&format!("{NAMESPACE}/pods"), pod).await;
    api.change(
        &format!("{NAMESPACE}/pods/vllm-0/status"),
        status("10.2.0.1", "vllm", "True"),
    )
    .await;
    for (name, ip) in [("vllm-1", Some("fd00::2:1")), ("starting", None)] {
        let pod = json!({"metadata": {"name": name}, "spec": {"containers": [container("vllm", &json!([{"containerPort": 8000}]))]}});
        api.create(&format!("{NAMESPACE}/pods"), pod).await;
        if let Some(ip) = ip {
            api.change(&format!("{NAMESPACE}/pods/{name}/status"), status(ip, "vllm", "False"))
                .await;
        }
    }
    furnish_services(cluster).await;
}

async fn furnish_services(cluster: &Cluster) {
    let api = &cluster.api;
    for spec in [
        json!({"ports": [{"name": "http", "port": 80, "targetPort": 8000}, {"name": "kv", "port": 5557, "protocol": "UDP"}]}),
        json!({"type": "ExternalName", "externalName": "api.example", "ports": [{"port": 443}]}),
        json!({"type": "LoadBalancer", "loadBalancerIP": "203.0.113.9", "ports": [{"port": 443}]}),
    ] {
        let name = spec["type"].as_str().unwrap_or("vllm").to_ascii_lowercase();
        let service = json!({"metadata": {"name": name, "labels": {"app": "vllm"}, "annotations": {"note": "a b"}}, "spec": spec});
        api.create(&format!("{NAMESPACE}/services"), service).await;
    }
    let reference = |name: &str| json!({"kind": "Pod", "namespace": "llm", "name": name});
    let endpoints = json!({
        "metadata": {"name": "vllm", "labels": {"app": "vllm"}},
        "subsets": [{
            "addresses": [{"ip": "10.2.0.1", "nodeName": "gpu-a", "hostname": "vllm-0", "targetRef": reference("vllm-0")}, {"ip": "198.51.100.7"}],
            "notReadyAddresses": [{"ip": "fd00::2:1", "targetRef": reference("vllm-1")}, {"ip": "10.1.0.1", "targetRef": {"kind": "Node", "name": "gpu-a"}}],
            "ports": [{"name": "http", "port": 8000}, {"name": "other", "port": 8081}],
        }],
    });
    api.create(&format!("{NAMESPACE}/endpoints"), endpoints).await;
    let slice = json!({
        "metadata": {"name": "vllm-x", "labels": {"kubernetes.io/service-name": "vllm"}},
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": ["10.2.0.1"], "nodeName": "gpu-a", "hostname": "vllm-0", "zone": "eu-1a",
                "conditions": {"ready": true, "serving": true, "terminating": false}, "targetRef": reference("vllm-0")},
            {"addresses": ["10.2.0.9"], "conditions": {"ready": false}, "targetRef": reference("unknown")},
        ],
        "ports": [{"name": "http", "port": 8000, "appProtocol": "http"}, {"name": "kv", "port": 5557, "protocol": "UDP"}],
    });
    api.create(SLICES, slice).await;
}

fn has(targets: &BTreeSet<Labels>, name: &str, value: &str) -> bool {
    targets
        .iter()
        .any(|labels| labels.get(name).is_some_and(|it| it == value))
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_have_the_labels_that_prometheus_gives_them_role_by_role() {
    let cluster = Cluster::start("agent-token").await;
    furnish(&cluster).await;
    let (kubeconfig, _) = cluster.kubeconfig(ADMIN);
    let mut pair = Pair::start(&jobs_of_all_roles(&kubeconfig.display().to_string())).await;

    // Of the API server's own service nothing is expected: it may or may not have an address that it can tell.
    for (role, least, name, value) in [
        ("pod", 5, "k8s_pod_container_init", "true"),
        ("endpoints", 9, "k8s_endpoint_address_target_kind", "Node"),
        ("endpointslice", 5, "k8s_endpointslice_endpoint_zone", "eu-1a"),
        ("service", 4, "k8s_service_loadbalancer_ip", "203.0.113.9"),
        ("node", 1, "k8s_node_provider_id", "aws:///eu-1/i-0a"),
    ] {
        let whole = |targets: &BTreeSet<Labels>| targets.len() >= least && has(targets, name, value);
        pair.agree(role, "targets are found", whole).await;
    }

    let api = &cluster.api;
    api.change(
        &format!("{NAMESPACE}/pods/vllm-0"),
        json!({"metadata": {"labels": {"canary": "yes"}}}),
    )
    .await;
    api.change("/api/v1/nodes/gpu-a", json!({"metadata": {"labels": {"zone": "b"}}}))
        .await;
    api.delete(&format!("{NAMESPACE}/pods/vllm-1?gracePeriodSeconds=0"))
        .await;
    let changed = |targets: &BTreeSet<Labels>| {
        has(targets, "k8s_pod_label_canary", "yes")
            && has(targets, "k8s_node_label_zone", "b")
            && !has(targets, "k8s_pod_name", "vllm-1")
    };
    pair.agree("pod", "changes are found", changed).await;

    // Prometheus looks at endpoints again when they change and not when their pods do, so it must know of the pods by now.
    for path in [format!("{NAMESPACE}/endpoints/vllm"), format!("{SLICES}/vllm-x")] {
        api.change(&path, json!({"metadata": {"annotations": {"touched": "yes"}}}))
            .await;
    }
    for role in ["endpoints", "endpointslice"] {
        pair.agree(role, "changes are found", changed).await;
    }
    pair.program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_is_scraped_while_it_is_there_and_its_labels_say_so() {
    let cluster = Cluster::start("agent-token").await;
    let api = &cluster.api;
    api.create("/api/v1/namespaces", json!({"metadata": {"name": "llm"}}))
        .await;
    let target = Target::showing(Page::text("a 1\n")).await;
    let (_, token) = cluster.kubeconfig(ADMIN);
    let jobs = format!(
        "- job_name: annotated\n  kubernetes_sd_configs:\n  - role: pod\n    api_server: {}\n    \
         authorization: {{credentials_file: {}}}\n    tls_config: {{ca_file: {}}}\n    \
         namespaces: {{names: [llm]}}\n  relabel_configs:\n  \
         - {{source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape], regex: true, action: keep}}\n  \
         - {{source_labels: [__meta_kubernetes_pod_name], target_label: pod}}",
        cluster.url(),
        token.display(),
        cluster.authority().display()
    );
    let mut pair = Pair::start(&jobs).await;
    let series = |pod: &str| format!("a{{by=\"inferscope\", pod={pod:?}}}");

    for name in ["vllm-0", "vllm-1"] {
        let pod = json!({"metadata": {"name": name, "annotations": {"prometheus.io/scrape": "true"}},
            "spec": {"containers": [container("vllm", &json!([{"containerPort": target.port}]))]}});
        api.create(&format!("{NAMESPACE}/pods"), pod).await;
        api.change(
            &format!("{NAMESPACE}/pods/{name}/status"),
            status("127.0.0.1", "vllm", "True"),
        )
        .await;
        pair.prometheus.comes_to(&series(name), 1.0).await;
    }

    let silent = json!({"metadata": {"annotations": {"prometheus.io/scrape": "false"}}});
    api.change(&format!("{NAMESPACE}/pods/vllm-0"), silent).await;
    api.delete(&format!("{NAMESPACE}/pods/vllm-1?gracePeriodSeconds=0"))
        .await;

    // Without stale markers they would be there for five minutes.
    for name in ["vllm-0", "vllm-1"] {
        until("series end with their pods", PATIENCE, || async {
            pair.prometheus.query(&series(name)).await.is_empty().then_some(())
        })
        .await;
    }
    pair.program.stop().await;
}
