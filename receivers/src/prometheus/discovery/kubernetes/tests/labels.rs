//! Labels of targets. Those in `cases` are what Prometheus 3.8.1 made of the same objects.

use super::super::super::super::config::Config;
use super::super::super::Found;
use super::super::*;
use super::api_server::ApiServer;
use ::config::{Diagnostics, Section};

const OBJECTS: &str = include_str!("../cases/objects.json");

/// What a job with this discovery finds among the objects of `cases`, as text.
async fn found(config: &str) -> (String, Arc<ApiServer>) {
    let server = ApiServer::with(OBJECTS);
    let found = found_at(&server, config).await;
    let mut blocks: Vec<String> = found.iter().map(shown).collect();
    blocks.sort();
    blocks.dedup();
    (blocks.join("\n\n") + "\n", server)
}

async fn found_at(server: &Arc<ApiServer>, config: &str) -> Vec<Found> {
    let config = read(config);
    let names: Vec<_> = config.namespaces.names.iter().cloned().map(Some).collect();
    let names = if names.is_empty() { vec![None] } else { names };
    let mut objects = Objects::watch(&server.cluster(), &config, &names);
    loop {
        if let Some(found) = objects.found() {
            return found;
        }
        match objects.heard().await {
            Heard::Change { .. } => {}
            Heard::Trouble { kind, why, .. } => panic!("{kind}: {why:?}"),
        }
    }
}

pub(super) fn read(config: &str) -> KubernetesSd {
    let yaml = format!(
        "config: {{scrape_configs: [{{job_name: j, kubernetes_sd_configs: [{{api_server: 'http://a', {config}}}]}}]}}"
    );
    let section = Section::from_yaml("test.yaml", &yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    let config: Option<Config> = ::config::decode(&section, &mut diagnostics);
    let config = config.unwrap_or_else(|| panic!("{}", diagnostics.render(false)));
    let job = &config.config.as_ref().unwrap().own.scrape_configs[0].own;
    job.kubernetes_sd_configs[0].own.clone()
}

fn shown(found: &Found) -> String {
    let labels = found.labels();
    let lines: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    lines.join("\n")
}

/// Compares texts of targets; the first difference is told by target.
fn same(found: &str, expected: &str) {
    let (found, expected): (Vec<_>, Vec<_>) = (found.split("\n\n").collect(), expected.split("\n\n").collect());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found.trim(), expected.trim());
    }
    assert_eq!(found.len(), expected.len());
}

const ATTACHED: &str = "attach_metadata: {node: true, namespace: true}";

#[tokio::test(start_paused = true)]
async fn pods_have_the_labels_that_they_have_in_prometheus() {
    let (found, _) = found(&format!("role: pod, {ATTACHED}")).await;

    same(&found, include_str!("../cases/pod.txt"));
}

#[tokio::test(start_paused = true)]
async fn endpoints_have_the_labels_that_they_have_in_prometheus() {
    let (found, _) = found(&format!("role: endpoints, {ATTACHED}")).await;

    same(&found, include_str!("../cases/endpoints.txt"));
}

#[tokio::test(start_paused = true)]
async fn endpoint_slices_have_the_labels_that_they_have_in_prometheus() {
    let (found, _) = found(&format!("role: endpointslice, {ATTACHED}")).await;

    same(&found, include_str!("../cases/endpointslice.txt"));
}

#[tokio::test(start_paused = true)]
async fn services_have_the_labels_that_they_have_in_prometheus() {
    let (found, _) = found(&format!("role: service, {ATTACHED}")).await;

    same(&found, include_str!("../cases/service.txt"));
}

#[tokio::test(start_paused = true)]
async fn nodes_have_the_labels_that_they_have_in_prometheus() {
    let (found, _) = found(&format!("role: node, {ATTACHED}")).await;

    same(&found, include_str!("../cases/node.txt"));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_attached_is_neither_told_nor_asked_for() {
    for role in ["pod", "endpoints", "endpointslice", "service"] {
        let (attached, _) = found(&format!("role: {role}, {ATTACHED}")).await;
        let (plain, server) = found(&format!("role: {role}")).await;

        let is_attached = |line: &str| {
            line.starts_with("__meta_kubernetes_namespace_") || line.starts_with("__meta_kubernetes_node_")
        };
        let expected: Vec<_> = attached.lines().filter(|line| !is_attached(line)).collect();
        let (mut expected, mut plain): (Vec<_>, Vec<_>) = (expected, plain.lines().collect());
        expected.sort_unstable();
        plain.sort_unstable();
        assert_eq!(plain, expected, "{role}");
        assert!(!server.requests().iter().any(|request| request.contains("/nodes")));
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_named_namespaces_are_looked_at() {
    let (found, server) = found("role: endpoints, namespaces: {names: [edge]}").await;

    assert!(found.contains("__meta_kubernetes_endpoints_name=\"kubelet\""));
    assert!(!found.contains("llm"));
    let elsewhere = |request: &&String| !request.starts_with("/api/v1/namespaces/edge/");
    assert_eq!(server.requests().iter().find(elsewhere), None);
}

#[tokio::test(start_paused = true)]
async fn selectors_are_those_of_their_kinds() {
    let selectors = "selectors: [{role: pod, label: 'app=vllm,tier in (a,b)', field: spec.nodeName=gpu-a}, \
                     {role: service, label: svc}]";
    let (_, server) = found(&format!("role: endpointslice, {selectors}")).await;

    let requests = server.requests();
    let of = |path: &str| {
        requests
            .iter()
            .filter(|request| request.starts_with(path))
            .cloned()
            .collect::<Vec<_>>()
    };
    let pods = of("/api/v1/pods");
    assert!(!pods.is_empty());
    for request in pods {
        assert!(request.contains("fieldselector=spec.nodename%3dgpu-a"), "{request}");
        assert!(
            request.contains("labelselector=app%3dvllm%2ctier+in+%28a%2cb%29"),
            "{request}"
        );
    }
    assert!(
        of("/api/v1/services")
            .iter()
            .all(|request| request.contains("labelselector=svc"))
    );
    let slices = of("/apis/discovery.k8s.io/v1/endpointslices");
    assert!(
        !slices.iter().any(|request| request.contains("selector=")),
        "{slices:?}"
    );
}
