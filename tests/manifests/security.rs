//! Pods that can do little.

use serde_json::{Value, json};

use crate::documents::{container, documents, list, pod, workloads};

/// What holds for every container, whoever it runs as.
fn is_locked(container: &Value) {
    let security = &container["securityContext"];
    assert_eq!(security["allowPrivilegeEscalation"], false);
    assert_eq!(security["readOnlyRootFilesystem"], true);
    assert_eq!(security["capabilities"], json!({"drop": ["ALL"]}));
    for field in ["privileged", "runAsUser", "runAsNonRoot", "seccompProfile", "procMount"] {
        assert!(security.get(field).is_none(), "{field}: the pod's counts");
    }
}

/// No pod shares anything of its node.
fn shares_nothing(pod: &Value) {
    for field in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"] {
        assert!(pod.get(field).is_none(), "{field}");
    }
    for port in list(&container(pod)["ports"]) {
        assert!(port.get("hostPort").is_none(), "{port}");
    }
}

#[test]
fn every_pod_runs_without_rights() {
    for (name, workload) in workloads() {
        let pod = pod(&workload);
        let security = &pod["securityContext"];
        assert_eq!(security["runAsNonRoot"], true, "{name}");
        assert_eq!(security["runAsUser"], 65532, "{name}");
        assert_eq!(security["runAsGroup"], 65532, "{name}");
        assert_eq!(security["seccompProfile"], json!({"type": "RuntimeDefault"}), "{name}");
        assert!(security.get("sysctls").is_none() && security.get("supplementalGroups").is_none());
        is_locked(container(pod));
        shares_nothing(pod);
    }
}

#[test]
fn nothing_can_be_written_and_no_directory_of_the_node_is_seen() {
    for (name, workload) in workloads() {
        let pod = pod(&workload);
        for volume in list(&pod["volumes"]) {
            let is_ours = volume.get("configMap").is_some() || volume.get("secret").is_some();
            assert!(is_ours, "{name}: {volume}");
        }
        for mount in list(&container(pod)["volumeMounts"]) {
            assert_eq!(mount["readOnly"], true, "{name}: {mount}");
        }
    }
}

#[test]
fn only_who_asks_the_api_server_gets_a_token() {
    let tokens: Vec<(String, Value)> = workloads()
        .iter()
        .map(|(name, workload)| (name.clone(), pod(workload)["automountServiceAccountToken"].clone()))
        .collect();

    assert_eq!(tokens[0], ("inferscope-agent".to_owned(), json!(true)));
    assert_eq!(tokens[1], ("inferscope-gateway".to_owned(), json!(false)));
}

/// The patch changes who the agent is and what it sees, and nothing else.
#[test]
fn the_agent_that_asks_the_kubelet_gets_uid_0_and_one_directory() {
    let patch = documents("deploy/kubernetes/pod-resources/agent.yaml").remove(0);

    let pod = pod(&patch);
    assert_eq!(
        pod["securityContext"],
        json!({"runAsNonRoot": false, "runAsUser": 0, "runAsGroup": 0})
    );
    let path = "/var/lib/kubelet/pod-resources";
    assert_eq!(
        *container(pod),
        json!({
            "name": "inferscope",
            "volumeMounts": [{"name": "pod-resources", "mountPath": path, "readOnly": true}],
        })
    );
    assert_eq!(
        pod["volumes"],
        json!([{"name": "pod-resources", "hostPath": {"path": path, "type": "Directory"}}])
    );
    assert_eq!(pod.as_object().unwrap().len(), 3, "{pod}");
    assert_eq!(
        patch["metadata"],
        json!({"name": "inferscope-agent", "namespace": "inferscope"})
    );
}

#[test]
fn the_namespace_takes_only_pods_of_the_strictest_standard() {
    let namespace = documents("deploy/kubernetes/namespace.yaml").remove(0);

    assert_eq!(
        namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"],
        "restricted"
    );
}

#[test]
fn memory_is_limited_and_cpu_is_not() {
    for (name, workload) in workloads() {
        let resources = &container(pod(&workload))["resources"];
        assert!(resources["requests"]["cpu"].is_string(), "{name}");
        assert!(resources["requests"]["memory"].is_string(), "{name}");
        assert!(resources["limits"]["memory"].is_string(), "{name}");
        assert!(resources["limits"].get("cpu").is_none(), "{name}");
    }
}
