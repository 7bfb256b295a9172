//! From an API server to series, over real sockets.

use pipeline::plan::World;
use serde_json::json;

use super::super::super::super::tests::rig::{Rig, Site};
use super::api_server::{ApiServer, PODS};
use super::pod;

/// What everybody writes: pods are scraped where their annotations say so.
const ANNOTATED: &str = "relabel_configs: [\
    {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape], action: keep, regex: true}, \
    {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_path], action: replace, target_label: __metrics_path__, regex: (.+)}, \
    {source_labels: [__address__, __meta_kubernetes_pod_annotation_prometheus_io_port], action: replace, \
     regex: '([^:]+)(?::\\d+)?;(\\d+)', replacement: '$1:$2', target_label: __address__}, \
    {action: labelmap, regex: __meta_kubernetes_pod_label_(.+)}, \
    {source_labels: [__meta_kubernetes_namespace], target_label: namespace}, \
    {source_labels: [__meta_kubernetes_pod_name], target_label: instance}]";

fn annotated(name: &str, site: &Site) -> serde_json::Value {
    // The port that is declared is not the one of the page.
    let mut pod = pod(name, "127.0.0.1", 1);
    let port = site.address.port().to_string();
    pod["metadata"]["annotations"] =
        json!({"prometheus.io/scrape": "true", "prometheus.io/port": port, "prometheus.io/path": "/page"});
    pod["metadata"]["labels"] = json!({"app.kubernetes.io/name": "vllm"});
    pod
}

async fn start(server: &std::sync::Arc<ApiServer>, more: &str) -> Rig {
    let address = server.listen().await;
    let job = format!(
        "{{job_name: j, kubernetes_sd_configs: [{{role: pod, api_server: 'http://{address}/', {more}}}], {ANNOTATED}}}"
    );
    Rig::start(&job).await
}

/// Values of `a` of this pod, in order.
fn values(rig: &Rig, pod: &str) -> Vec<Option<f64>> {
    let told = rig.told();
    let of_pod = told.iter().filter(|point| point.name == "a" && point.instance == pod);
    of_pod.map(|point| point.value).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_is_scraped_while_its_annotations_say_so_and_ends_with_it() {
    let (site, other) = (Site::page("a 1\n").await, Site::page("a 2\n").await);
    let server = ApiServer::with("{}");
    server.put(PODS, annotated("vllm-0", &site));
    server.put(PODS, pod("other", "127.0.0.1", other.address.port()));
    let mut rig = start(&server, "authorization: {credentials: secret}").await;

    rig.until("a scrape", |rig| !values(rig, "vllm-0").is_empty()).await;
    assert!(site.heads()[0].starts_with("get /page "));

    server.put(PODS, annotated("vllm-1", &other));
    rig.until("a scrape of the new pod", |rig| !values(rig, "vllm-1").is_empty())
        .await;

    let mut silenced = annotated("vllm-0", &site);
    silenced["metadata"]["annotations"]["prometheus.io/scrape"] = json!("false");
    server.put(PODS, silenced);
    rig.until("its end", |rig| values(rig, "vllm-0").last() == Some(&None))
        .await;

    server.delete(PODS, "llm", "vllm-1");
    rig.until("the end of a pod", |rig| values(rig, "vllm-1").last() == Some(&None))
        .await;
    assert!(values(&rig, "other").is_empty());
    let requests = server.requests();
    assert!(
        requests
            .iter()
            .all(|head| head.contains("authorization: bearer secret"))
    );
    assert!(requests[0].starts_with("get /api/v1/pods?"), "{}", requests[0]);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_go_on_while_the_api_server_is_down() {
    let site = Site::page("a 1\n").await;
    let server = ApiServer::with("{}");
    server.put(PODS, annotated("vllm-0", &site));
    let mut rig = start(&server, "").await;
    rig.until("a scrape", |rig| !values(rig, "vllm-0").is_empty()).await;

    server.refuse("/", Some(503));
    let failed = [
        "inferscope_discovery_failures",
        "mechanism=\"kubernetes\"",
        "reason=\"refused\"",
    ];
    rig.until("failures", |rig| rig.metric(&failed) >= 2.0).await;
    let before = values(&rig, "vllm-0").len();

    rig.until("more scrapes", |rig| values(rig, "vllm-0").len() >= before + 2)
        .await;
    assert!(!values(&rig, "vllm-0").contains(&None));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kubeconfig_file_says_which_server_it_is() {
    let site = Site::page("a 1\n").await;
    let server = ApiServer::with("{}");
    server.put(PODS, annotated("vllm-0", &site));
    let address = server.listen().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: 'http://{address}'}}}}]\n\
         users: [{{name: u, user: {{token: from-file}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n"
    );
    std::fs::write(&file, text).unwrap();
    let job = format!(
        "{{job_name: j, kubernetes_sd_configs: [{{role: pod, kubeconfig_file: '{}', namespaces: {{names: [llm]}}}}], {ANNOTATED}}}",
        file.display()
    );

    let mut rig = Rig::in_front_of(&job, World::system(), true).await;

    rig.until("a scrape", |rig| !values(rig, "vllm-0").is_empty()).await;
    let request = server.requests()[0].clone();
    assert!(request.starts_with("get /api/v1/namespaces/llm/pods?"), "{request}");
    assert!(request.contains("authorization: bearer from-file"), "{request}");
    rig.stop().await;
}
