//! Who may do what, and who may talk to whom.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::documents::{applied, container, documents, list, of_kind, one, pod, texts, workloads};
use crate::fit::{config_of, default_of};

#[test]
fn the_agent_may_read_what_it_needs_and_nothing_else() {
    let mut allowed = Vec::new();
    for rule in list(&one("ClusterRole", "inferscope-agent")["rules"]) {
        assert_eq!(texts(&rule["verbs"]), ["list", "watch"], "{rule}");
        assert!(rule.get("nonResourceURLs").is_none(), "{rule}");
        for group in texts(&rule["apiGroups"]) {
            allowed.extend(texts(&rule["resources"]).into_iter().map(|it| format!("{group}/{it}")));
        }
    }

    allowed.sort();
    assert_eq!(
        allowed,
        ["/namespaces", "/nodes", "/pods", "resource.k8s.io/resourceslices"]
    );
}

#[test]
fn no_other_rights_are_given_to_anybody() {
    let kinds = ["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"];
    let given: Vec<Value> = applied()
        .into_iter()
        .filter(|it| kinds.contains(&it["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(given.len(), 2, "one role and one binding");

    let binding = one("ClusterRoleBinding", "inferscope-agent");
    assert_eq!(binding["roleRef"]["name"], "inferscope-agent");
    assert_eq!(binding["roleRef"]["kind"], "ClusterRole");
    assert_eq!(
        binding["subjects"],
        json!([{"kind": "ServiceAccount", "name": "inferscope-agent", "namespace": "inferscope"}])
    );
}

#[test]
fn every_pod_has_an_account_of_its_own_that_gives_no_token_by_itself() {
    for account in of_kind("ServiceAccount") {
        assert_eq!(account["automountServiceAccountToken"], false, "{account}");
    }
    for (name, workload) in workloads() {
        assert_eq!(pod(&workload)["serviceAccountName"], name.as_str());
        one("ServiceAccount", &name);
    }
}

/// Ports that others may reach, by policy.
fn reachable(name: &str) -> Vec<u64> {
    let policy = one("NetworkPolicy", name);
    assert_eq!(texts(&policy["spec"]["policyTypes"]), ["Ingress", "Egress"]);
    let mut ports = Vec::new();
    for rule in list(&policy["spec"]["ingress"]) {
        assert!(!list(&rule["from"]).is_empty(), "{name}: open to the world: {rule}");
        ports.extend(list(&rule["ports"]).iter().map(|port| port["port"].as_u64().unwrap()));
    }
    ports.sort_unstable();
    ports
}

#[test]
fn only_ports_that_a_pod_has_can_be_reached_and_all_but_that_of_probes() {
    for (name, workload) in workloads() {
        let ports = list(&container(pod(&workload))["ports"]);
        let mut expected: Vec<u64> = ports
            .iter()
            .filter(|port| port["name"] != "health")
            .map(|port| port["containerPort"].as_u64().unwrap())
            .collect();
        expected.sort_unstable();

        assert_eq!(reachable(&name), expected, "{name}");
    }
}

#[test]
fn the_gateway_hears_agents_alone() {
    let policy = one("NetworkPolicy", "inferscope-gateway");
    let rules = list(&policy["spec"]["ingress"]);
    let of_senders = rules.iter().find(|rule| rule["ports"][0]["port"] == 4317).unwrap();

    let labels = &one("DaemonSet", "inferscope-agent")["spec"]["template"]["metadata"]["labels"];
    assert_eq!(of_senders["from"], json!([{"podSelector": {"matchLabels": labels}}]));
}

/// The API server's, behind its Service and without it.
const API_SERVER: [u64; 2] = [443, 6443];

/// Ports that a pod may talk to, by policy.
fn callable(name: &str) -> BTreeSet<(String, u64)> {
    let policy = one("NetworkPolicy", name);
    let mut found = BTreeSet::new();
    for rule in list(&policy["spec"]["egress"]) {
        let ports = list(&rule["ports"]);
        assert!(!ports.is_empty(), "{name}: any port: {rule}");
        for port in ports {
            let number = port["port"].as_u64().unwrap();
            // No selector can name the API server; everybody else is named.
            let is_named = !list(&rule["to"]).is_empty();
            assert!(is_named || API_SERVER.contains(&number), "{name}: to everybody: {rule}");
            assert!(port.get("endPort").is_none(), "{name}: {rule}");
            found.insert((port["protocol"].as_str().unwrap().to_owned(), number));
        }
    }
    found
}

#[test]
fn a_pod_may_talk_to_the_ports_that_its_configuration_names_and_to_no_others() {
    let port_of = |workload: &str, variable: &str| -> u64 {
        let address = default_of(&config_of(workload), variable);
        address.rsplit(':').next().unwrap().parse().unwrap()
    };
    let vllm = documents("deploy/kubernetes/vllm-pod.yaml").remove(0);
    let engine = vllm["spec"]["containers"][0]["ports"][0]["containerPort"].as_u64();
    let mut of_agent = vec![port_of("inferscope-agent", "GATEWAY"), engine.unwrap()];
    of_agent.extend(API_SERVER);
    let of_gateway = ["JAEGER", "PROMETHEUS"].map(|it| port_of("inferscope-gateway", it));

    for (name, ports) in [
        ("inferscope-agent", of_agent),
        ("inferscope-gateway", of_gateway.to_vec()),
    ] {
        // Names, over both.
        let mut expected = BTreeSet::from([("UDP".to_owned(), 53), ("TCP".to_owned(), 53)]);
        expected.extend(ports.into_iter().map(|port| ("TCP".to_owned(), port)));

        assert_eq!(callable(name), expected, "{name}");
    }
    assert_eq!(of_kind("NetworkPolicy").len(), 2, "each is looked at above");
}
