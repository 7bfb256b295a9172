//! The manifests in `deploy/kubernetes`, as an API server reads them.

use serde_json::{Value, json};

use super::cluster::Cluster;

// Read as the tests read them that need no API server.
#[allow(dead_code)] // Those look at more of it.
#[path = "../../manifests/documents.rs"]
mod documents;

pub(super) use documents::applied;

pub(super) fn documents(name: &str) -> Vec<Value> {
    documents::documents(&format!("deploy/kubernetes/{name}.yaml"))
}

/// What there is in a cluster with GPUs before anything of ours.
pub(super) fn runtime_class() -> Value {
    json!({
        "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "nvidia"}, "handler": "nvidia",
    })
}

/// A pod as the controller of a workload would make it.
fn pod_of(workload: &Value) -> Value {
    let template = &workload["spec"]["template"];
    json!({
        "apiVersion": "v1", "kind": "Pod", "spec": template["spec"],
        "metadata": {
            "name": workload["metadata"]["name"], "namespace": "inferscope", "labels": template["metadata"]["labels"],
        },
    })
}

/// The agent with the patch for the kubelet's socket, as kustomize merges it: lists by the names of their elements.
fn patched(agent: &Value) -> Value {
    let patch = documents("pod-resources/agent").remove(0);
    let patch = &patch["spec"]["template"]["spec"];
    let mut merged = agent.clone();
    let pod = &mut merged["spec"]["template"]["spec"];
    for (field, value) in patch["securityContext"].as_object().unwrap() {
        pod["securityContext"][field] = value.clone();
    }
    let more = |list: &mut Value, from: &Value| list.as_array_mut().unwrap().extend(from.as_array().unwrap().clone());
    more(&mut pod["volumes"], &patch["volumes"]);
    more(
        &mut pod["containers"][0]["volumeMounts"],
        &patch["containers"][0]["volumeMounts"],
    );
    merged
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_takes_every_manifest_word_for_word() {
    let cluster = Cluster::start().await;
    // What lives in a namespace can only be tried where there is one.
    cluster.create(&documents("namespace")[0], false).await.unwrap();
    cluster.create(&runtime_class(), false).await.unwrap();

    for document in applied().iter().filter(|it| it["kind"] != "Namespace") {
        cluster.create(document, true).await.unwrap();
    }
    cluster.create(&documents("vllm-pod")[0], true).await.unwrap();
}

/// The admission of pods, which no workload meets itself.
#[tokio::test(flavor = "multi_thread")]
async fn pods_meet_the_strictest_standard_and_the_one_for_the_kubelets_socket_says_that_it_does_not() {
    let cluster = Cluster::start().await;
    cluster.create(&documents("namespace")[0], false).await.unwrap();
    cluster.create(&runtime_class(), false).await.unwrap();
    let workload = |kind: &str| applied().into_iter().find(|it| it["kind"] == kind).unwrap();
    let agent = workload("DaemonSet");

    cluster.create(&pod_of(&agent), true).await.unwrap();
    cluster.create(&pod_of(&workload("Deployment")), true).await.unwrap();
    let refused = cluster.create(&pod_of(&patched(&agent)), true).await.unwrap_err();

    assert!(
        refused.contains("hostPath") && refused.contains("runAsUser=0"),
        "{refused}"
    );
    let mut namespace = documents("pod-resources/namespace").remove(0);
    namespace["metadata"]["name"] = "privileged".into();
    cluster.create(&namespace, false).await.unwrap();
    let mut pod = pod_of(&patched(&agent));
    pod["metadata"]["namespace"] = "privileged".into();
    cluster.create(&pod, true).await.unwrap();
}
