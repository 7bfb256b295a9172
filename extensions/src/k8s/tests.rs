mod objects;
mod server;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ::config::{Diagnostics, Kind as ComponentKind, Section};
use kubernetes::testing::Fault;
use kubernetes::{Access, Trouble};
use pipeline::context::pods::{Clues, Pod};
use pipeline::testing::contract;
use serde_json::json;
use tokio::time::Instant;

use super::gone::{GONE_MAX, Gone};
use super::kind::Kind;
use super::meters::{COMPLETE, FORGOTTEN, GONE, LEFT_OUT, OBJECTS, PUBLICATIONS, TROUBLED};
use super::*;

/// Variables that a test sets; there are no files.
struct Variables(BTreeMap<&'static str, &'static str>);

impl Environment for Variables {
    fn var(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|it| (*it).to_owned())
    }

    fn read_file(&self, _: &str) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

fn variables<const N: usize>(of: [(&'static str, &'static str); N]) -> Variables {
    Variables(of.into())
}

fn read(yaml: &str) -> Result<Config, String> {
    let section = Section::from_yaml("test.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    let config = ::config::decode(&section, &mut diagnostics);
    config.ok_or_else(|| diagnostics.render(false))
}

/// A pod as the API server tells of it.
fn pod(name: &str, node: &str, ip: &str) -> serde_json::Value {
    json!({
        "metadata": {"name": name, "namespace": "inference", "labels": {"app": "llama"}},
        "spec": {"nodeName": node, "containers": [{"name": "vllm", "image": "vllm/vllm-openai:v0.32.0"}]},
        "status": {
            "phase": "Running",
            "podIPs": [{"ip": ip}],
            "containerStatuses": [{"name": "vllm", "containerID": format!("containerd://{name}-c0ffee"), "restartCount": 2}],
        },
    })
}

#[test]
fn it_keeps_the_contract_of_components() {
    contract::contract::<K8s>();
}

#[test]
fn what_cannot_work_is_refused_with_a_remedy() {
    for (yaml, words) in [
        ("auth_type: none", "write `serviceAccount` in a pod"),
        ("auth_type: tls", "auth_type"),
        ("context: staging", "write `auth_type: kubeConfig`"),
        ("{node: a, node_from_env_var: NODE}", "given twice"),
        ("namespaces: [a, a]", "twice"),
        ("wait: 6m", "at most 5m"),
    ] {
        let said = read(yaml).unwrap_err();
        assert!(said.contains(words), "{yaml}: {said}");
    }
    let many: Vec<String> = (0..101).map(|number| format!("n{number}")).collect();
    let said = read(&format!("namespaces: [{}]", many.join(", "))).unwrap_err();
    assert!(said.contains("more than 100 names"), "{said}");
    assert_eq!(read("").unwrap(), Config::default());
}

#[test]
fn the_kubeconfig_is_looked_for_as_kubectl_does() {
    let path = |yaml: &str, environment: &Variables| match read(yaml).unwrap().access(environment) {
        Ok(Access::Kubeconfig { path, .. }) => path.display().to_string(),
        Ok(Access::ServiceAccount) => "service account".to_owned(),
        Err(unfit) => unfit.to_string(),
    };
    let home = variables([("HOME", "/home/me")]);
    let both = variables([("HOME", "/home/me"), ("KUBECONFIG", "/etc/kube")]);

    assert_eq!(path("", &both), "service account");
    assert_eq!(path("{auth_type: kubeConfig, kubeconfig: /mine}", &both), "/mine");
    assert_eq!(path("auth_type: kubeConfig", &both), "/etc/kube");
    assert_eq!(path("auth_type: kubeConfig", &home), "/home/me/.kube/config");
    assert!(path("auth_type: kubeConfig", &variables([])).contains("write where"));
    let several = variables([("KUBECONFIG", "/a:/b")]);
    assert!(path("auth_type: kubeConfig", &several).contains("several files"));
}

#[test]
fn the_node_is_named_or_in_a_variable_that_must_be_set() {
    let node = |yaml: &str, environment: &Variables| read(yaml).unwrap().node(environment);
    let environment = variables([("NODE", "node-a"), ("EMPTY", "")]);

    assert_eq!(node("", &environment).unwrap(), None);
    assert_eq!(node("node: node-b", &environment).unwrap().as_deref(), Some("node-b"));
    let from_variable = node("node_from_env_var: NODE", &environment).unwrap();
    assert_eq!(from_variable.as_deref(), Some("node-a"));
    let unset = node("node_from_env_var: EMPTY", &environment).unwrap_err();
    assert!(unset.to_string().contains("spec.nodeName"), "{unset}");
}

#[test]
fn pods_that_went_are_remembered_for_their_time_and_the_first_leave_first() {
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(7);
    let now = Instant::now();
    let mut gone = Gone::new(Duration::from_secs(120));
    let named = |name: &str| Pod {
        name: name.to_owned(),
        ..Pod::default()
    };

    assert!(!gone.add(&named("first"), wall, now));
    assert!(!gone.add(&named("second"), wall, now + Duration::from_secs(60)));
    gone.forget(now + Duration::from_secs(120));

    let left: Vec<&Arc<Pod>> = gone.pods().collect();
    assert_eq!(
        (left.len(), left[0].name.as_str(), left[0].gone_at),
        (1, "second", Some(wall))
    );
    assert_eq!(gone.next_at(), Some(now + Duration::from_secs(180)));
    for number in 1..GONE_MAX {
        assert!(!gone.add(&named(&number.to_string()), wall, now + Duration::from_secs(61)));
    }
    assert!(gone.add(&named("one too many"), wall, now + Duration::from_secs(62)));
    assert_eq!(gone.len(), GONE_MAX);
    assert!(gone.pods().all(|it| it.name != "second"));
}

#[test]
fn without_a_grace_period_nobody_is_remembered() {
    let now = Instant::now();
    let mut gone = Gone::new(Duration::ZERO);

    gone.add(&Pod::default(), SystemTime::UNIX_EPOCH, now);

    assert_eq!(gone.len(), 0);
}

#[test]
fn a_missing_rule_is_named_in_the_words_of_rbac() {
    let nodes = said::rule(Kind::Node, None, "list");
    assert!(
        nodes.contains("ClusterRole") && nodes.contains(r#""list" on the resource "nodes""#),
        "{nodes}"
    );
    let pods = said::rule(Kind::Pod, Some("inference"), "watch");
    assert!(pods.contains(r#"a Role in the namespace "inference""#), "{pods}");
    let slices = said::rule(Kind::ResourceSlice, None, "list");
    assert!(slices.contains(r#""resource.k8s.io""#), "{slices}");
}
