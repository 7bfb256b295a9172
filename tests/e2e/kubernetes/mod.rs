//! Spans get their pod and its tenant from a real API server, whatever becomes of the pod and of the server.

mod api;
pub(crate) mod server;

mod discovery;

use std::collections::BTreeMap;
use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use serde_json::Value;

use self::server::Cluster;
use crate::load::{request_of, span, text};
use crate::patience::{PATIENCE, until};
use crate::program::{self, Program};

/// How long until a change is known: pauses double up to half a minute, and chance adds as much again.
const CHANGE_MAX: Duration = Duration::from_secs(90);

/// How long until a token that was replaced is used: it is read again every minute.
const TOKEN_MAX: Duration = Duration::from_secs(180);

/// Attributes of a resource, as texts.
type Attributes = BTreeMap<String, String>;

/// The program beside a cluster, as a user with this token.
async fn beside(cluster: &Cluster, token: &str) -> Program {
    let (kubeconfig, _) = cluster.kubeconfig(token);
    let program = program::with("k8s.yaml").env("KUBECONFIG_OF_TEST", kubeconfig.display());
    program.start().await
}

/// Sends a span whose resource says this; gives what the resource says when it leaves.
async fn after(program: &Program, said: &[(&str, &str)]) -> Attributes {
    let said: Vec<KeyValue> = said.iter().map(|(key, value)| text(key, value)).collect();
    let mut one = span(0);
    one.name = format!("probe {:?}", one.span_id);
    let name = one.name.clone();
    let answer = program.send_http(&request_of(said, vec![one])).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let path = program.folder.path().join("traces.json");
    until("the span stands in the file", PATIENCE, || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        std::future::ready(resource_of(&text, &name))
    })
    .await
}

/// The resource of the span of this name.
fn resource_of(file: &str, name: &str) -> Option<Attributes> {
    let lines = file.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    for line in lines {
        for resource in line["resourceSpans"].as_array().into_iter().flatten() {
            let scopes = resource["scopeSpans"].as_array().into_iter().flatten();
            let mut spans = scopes.flat_map(|scope| scope["spans"].as_array().into_iter().flatten());
            if spans.any(|span| span["name"] == name) {
                let attributes = resource["resource"]["attributes"].as_array().into_iter().flatten();
                let pair = |it: &Value| {
                    Some((
                        it["key"].as_str()?.to_owned(),
                        it["value"]["stringValue"].as_str()?.to_owned(),
                    ))
                };
                return Some(attributes.filter_map(pair).collect());
            }
        }
    }
    None
}

/// Sends spans until one leaves with this attribute.
async fn until_it_says(
    program: &Program,
    said: &[(&str, &str)],
    key: &str,
    value: &str,
    limit: Duration,
) -> Attributes {
    let what = format!("a span says that {key} is {value}");
    until(&what, limit, || async {
        let attributes = after(program, said).await;
        (attributes.get(key).map(String::as_str) == Some(value)).then_some(attributes)
    })
    .await
}

fn get<'a>(attributes: &'a Attributes, key: &str) -> &'a str {
    attributes.get(key).map(String::as_str).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_span_gets_its_pod_by_uid_name_container_and_connection_as_long_as_there_may_be_spans_of_it() {
    let cluster = Cluster::start("agent-token").await;
    cluster.api.furnish().await;
    let uid = cluster.api.run_pod("llama-0", "node-a", "10.1.0.7").await;
    cluster.api.run_pod("llama-1", "node-b", "127.0.0.1").await;
    let mut program = beside(&cluster, "agent-token").await;

    let by_uid = [("k8s.pod.uid", uid.as_str())];
    let ways = [
        by_uid.to_vec(),
        vec![("k8s.pod.name", "llama-0"), ("k8s.namespace.name", "inference")],
        vec![("container.id", "llama-0-c0ffee")],
    ];
    for said in &ways {
        let attributes = after(&program, said).await;
        assert_eq!(get(&attributes, "k8s.pod.uid"), uid, "{said:?}");
        assert_eq!(get(&attributes, "k8s.node.name"), "node-a");
        assert_eq!(
            get(&attributes, "k8s.node.uid"),
            cluster.api.uid("/api/v1/nodes/node-a").await
        );
        assert_eq!(
            get(&attributes, "k8s.cluster.uid"),
            cluster.api.uid("/api/v1/namespaces/kube-system").await
        );
        assert_eq!(get(&attributes, "container.image.tag"), "v0.32.0");
        assert_eq!((get(&attributes, "version"), get(&attributes, "team")), ("one", "nlp"));
    }
    let by_connection = after(&program, &[]).await;
    assert_eq!(get(&by_connection, "k8s.pod.name"), "llama-1");
    assert_eq!(get(&by_connection, "tenant.id"), "nlp", "{by_connection:?}");

    cluster.api.relabel("llama-0", "two").await;
    until_it_says(&program, &by_uid, "version", "two", PATIENCE).await;

    // It moves: another pod of the same name on another node.
    cluster.api.delete_pod("llama-0").await;
    let moved = cluster.api.run_pod("llama-0", "node-b", "10.1.0.9").await;
    let by_name = [("k8s.pod.name", "llama-0"), ("k8s.namespace.name", "inference")];
    let attributes = until_it_says(&program, &by_name, "k8s.pod.uid", &moved, PATIENCE).await;
    assert_eq!(get(&attributes, "k8s.node.name"), "node-b");

    // Late spans of the pod that went are still its own.
    let late = after(&program, &by_uid).await;
    assert_eq!(
        (get(&late, "k8s.pod.uid"), get(&late, "k8s.node.name")),
        (uid.as_str(), "node-a")
    );
    assert_eq!(get(&late, "version"), "two");
    let page = program.metrics().await;
    assert_eq!(page.sum("inferscope_k8s_gone_pods", &[]), 1);
    assert_eq!(page.sum("inferscope_k8s_objects", &[("kind", "pod")]), 2);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_is_killed_and_has_forgotten_what_happened_is_followed_again() {
    let mut cluster = Cluster::start("agent-token").await;
    cluster.api.furnish().await;
    let uid = cluster.api.run_pod("llama-0", "node-a", "10.1.0.7").await;
    let mut program = beside(&cluster, "agent-token").await;
    let by_uid = [("k8s.pod.uid", uid.as_str())];
    until_it_says(&program, &by_uid, "k8s.node.name", "node-a", PATIENCE).await;

    cluster.kill();
    let troubled = || async {
        let page = program.metrics().await;
        (page.sum("inferscope_k8s_watches_in_trouble", &[]) == 3).then_some(())
    };
    until("the program notices", CHANGE_MAX, troubled).await;
    let meanwhile = after(&program, &by_uid).await;
    assert_eq!(get(&meanwhile, "k8s.node.name"), "node-a", "the last map stays");

    // While the program hears nothing, pods come and go, and etcd forgets what happened.
    program.process.signal(rustix::process::Signal::STOP);
    cluster.run("agent-token").await;
    let second = cluster.api.run_pod("llama-1", "node-b", "10.1.0.8").await;
    cluster.api.delete_pod("llama-0").await;
    cluster.compact().await;
    cluster.kill();
    cluster.run("agent-token").await;
    program.process.signal(rustix::process::Signal::CONT);

    until_it_says(
        &program,
        &[("k8s.pod.uid", &second)],
        "k8s.node.name",
        "node-b",
        CHANGE_MAX,
    )
    .await;
    let late = after(&program, &by_uid).await;
    assert_eq!(
        get(&late, "k8s.node.name"),
        "node-a",
        "it went unseen, and is remembered"
    );
    let healthy = || async {
        let page = program.metrics().await;
        (page.sum("inferscope_k8s_watches_in_trouble", &[]) == 0).then_some(page)
    };
    let page = until("all is well again", CHANGE_MAX, healthy).await;
    let failures = |reason| {
        page.sum(
            "inferscope_k8s_watch_failures_total",
            &[("kind", "pod"), ("reason", reason)],
        )
    };
    assert!(failures("unreachable") >= 1);
    assert!(failures("expired") >= 1, "410 was not seen");
    assert_eq!(page.sum("inferscope_k8s_gone_pods", &[]), 1);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expired_is_replaced_by_the_one_in_its_file() {
    let mut cluster = Cluster::start("first-token").await;
    cluster.api.furnish().await;
    let (kubeconfig, token_path) = cluster.kubeconfig("first-token");
    let program = program::with("k8s.yaml").env("KUBECONFIG_OF_TEST", kubeconfig.display());
    let mut program = program.start().await;
    cluster.kill();
    cluster.run("second-token").await;
    let refused = || async {
        let page = program.metrics().await;
        let refused = page.sum("inferscope_k8s_watch_failures_total", &[("reason", "unauthorized")]);
        (refused > 0).then_some(())
    };
    until("the first token is refused", CHANGE_MAX, refused).await;

    std::fs::write(token_path, "second-token").unwrap();

    let uid = cluster.api.run_pod("llama-0", "node-a", "10.1.0.7").await;
    until_it_says(&program, &[("k8s.pod.uid", &uid)], "k8s.node.name", "node-a", TOKEN_MAX).await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_see_nodes_knows_pods_and_is_told_which_rule_is_missing() {
    let cluster = Cluster::start("agent-token").await;
    cluster.api.furnish().await;
    cluster.allow("confined", &["pods", "namespaces"]).await;
    let uid = cluster.api.run_pod("llama-0", "node-a", "10.1.0.7").await;

    let mut program = beside(&cluster, "confined-token").await;

    let attributes = after(&program, &[("k8s.pod.uid", &uid)]).await;
    assert_eq!(
        (get(&attributes, "k8s.node.name"), get(&attributes, "team")),
        ("node-a", "nlp")
    );
    assert_eq!(get(&attributes, "k8s.node.uid"), "");
    let log = program.process.written();
    assert!(
        log.contains(r#"verb \"list\" on the resource \"nodes\""#)
            || log.contains(r#"verb "list" on the resource "nodes""#),
        "{log}"
    );
    assert_eq!(
        log.matches("labels, annotations and uids of nodes are not known")
            .count(),
        1,
        "said once"
    );
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_knows_the_pods_and_devices_of_its_node_alone() {
    let cluster = Cluster::start("agent-token").await;
    cluster.api.furnish().await;
    let here = cluster.api.run_pod("llama-0", "node-a", "10.1.0.7").await;
    let there = cluster.api.run_pod("llama-1", "node-b", "10.1.0.8").await;
    for node in ["node-a", "node-b"] {
        cluster
            .api
            .offer_gpu(node, "GPU-0fc3eda5-e98b-a25b-5b0d-cf5c855d1448")
            .await;
    }

    let (kubeconfig, _) = cluster.kubeconfig("agent-token");
    let program = program::with("k8s.yaml")
        .env("KUBECONFIG_OF_TEST", kubeconfig.display())
        .env("NODE_OF_TEST", "node-a");
    let mut program = program.start().await;

    assert_eq!(
        get(&after(&program, &[("k8s.pod.uid", &here)]).await, "k8s.pod.name"),
        "llama-0"
    );
    assert_eq!(
        get(&after(&program, &[("k8s.pod.uid", &there)]).await, "k8s.pod.name"),
        ""
    );
    let page = program.metrics().await;
    for kind in ["pod", "node", "resourceslice"] {
        assert_eq!(page.sum("inferscope_k8s_objects", &[("kind", kind)]), 1, "{kind}");
    }
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_confined_to_a_namespace_knows_its_pods_and_tenants_by_its_name() {
    let cluster = Cluster::start("agent-token").await;
    cluster.api.furnish().await;
    cluster.allow_in("inference", "confined", &["pods"]).await;
    cluster.api.run_pod("llama-0", "node-a", "127.0.0.1").await;

    let (kubeconfig, _) = cluster.kubeconfig("confined-token");
    let program = program::with("k8s.yaml")
        .env("KUBECONFIG_OF_TEST", kubeconfig.display())
        .env("NAMESPACES_OF_TEST", "[inference]");
    let mut program = program.start().await;

    let attributes = after(&program, &[]).await;
    assert_eq!(get(&attributes, "k8s.pod.name"), "llama-0");
    assert_eq!(
        (get(&attributes, "tenant.id"), get(&attributes, "team")),
        ("inference", "")
    );
    let log = program.process.written();
    assert!(!log.contains("\twarn\t"), "what is expected is no warning: {log}");
    program.stop().await;
}
