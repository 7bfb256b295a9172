//! The documents of a manifest, and the ways into them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A file of the repository.
pub(crate) fn text(path: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// The documents of a file.
pub(crate) fn documents(path: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&text(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// All that is applied without a patch.
pub(crate) fn applied() -> Vec<Value> {
    let files = documents("deploy/kubernetes/kustomization.yaml").remove(0)["resources"].clone();
    let files = files.as_array().unwrap().iter();
    files
        .flat_map(|file| documents(&format!("deploy/kubernetes/{}", file.as_str().unwrap())))
        .collect()
}

/// Those of one kind.
pub(crate) fn of_kind(kind: &str) -> Vec<Value> {
    let found: Vec<Value> = applied()
        .into_iter()
        .filter(|document| document["kind"] == kind)
        .collect();
    assert!(!found.is_empty(), "there is no {kind}");
    found
}

/// The one of this kind and name.
pub(crate) fn one(kind: &str, name: &str) -> Value {
    let found = of_kind(kind).into_iter().find(|it| it["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

/// The agent and the gateway: names, and what runs them.
pub(crate) fn workloads() -> Vec<(String, Value)> {
    let all = [
        one("DaemonSet", "inferscope-agent"),
        one("Deployment", "inferscope-gateway"),
    ];
    all.map(|it| (it["metadata"]["name"].as_str().unwrap().to_owned(), it))
        .into()
}

/// The specification of the pods of a workload.
pub(crate) fn pod(workload: &Value) -> &Value {
    &workload["spec"]["template"]["spec"]
}

/// The container of a pod; there is one alone.
pub(crate) fn container(pod: &Value) -> &Value {
    assert!(pod.get("initContainers").is_none());
    let containers = pod["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 1);
    &containers[0]
}

/// The elements of a list; none where it is not there.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The texts of a list.
pub(crate) fn texts(value: &Value) -> Vec<&str> {
    list(value).iter().map(|it| it.as_str().unwrap()).collect()
}
