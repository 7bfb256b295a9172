//! A node with engines, each with a GPU, an agent and a gateway: all as deploy/configs says, only the addresses are
//! those of the test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use inferscope_nvml_sim::Stage;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::cluster::Cluster;
use super::kubelet::{Given, Kubelet};
use super::manifests;
use crate::doors::free_port;
use crate::jaeger::server::Jaeger;
use crate::patience::PATIENCE;
use crate::process::Process;
use crate::program::SHUTDOWN_MAX;
use crate::prometheus::server::{Prometheus, Version};
use crate::prometheus::target::{Page, Target};
use crate::released;

pub(super) const NODE: &str = "node-a";

/// An engine in a pod with a GPU.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    pub(super) namespace: String,
    pub(super) pod: String,
    /// Where it sends from, and is scraped.
    pub(super) address: String,
    /// Where it is not the namespace, a label of that says so.
    pub(super) tenant: String,
    pub(super) gpu: String,
    /// The GPU takes as much all the time, so that energy is power times length.
    pub(super) power_w: f64,
    /// Whether it has the label of those that are scraped.
    pub(super) is_scraped: bool,
}

impl Engine {
    /// The only one of its kind in a namespace.
    pub(super) fn new(namespace: &str, number: u8, power_w: f64) -> Self {
        Self {
            namespace: namespace.to_owned(),
            pod: format!("vllm-{number}"),
            address: format!("127.0.0.{}", number + 1),
            tenant: namespace.to_owned(),
            gpu: format!("GPU-00000000-0000-4000-8000-{number:012x}"),
            power_w,
            is_scraped: true,
        }
    }

    /// What makes ids of a capture its own.
    pub(super) fn id_mask(&self) -> u8 {
        *self.pod.as_bytes().last().unwrap()
    }
}

/// GPUs as an engine each uses them.
fn scenario(engines: &[Engine]) -> String {
    let gpus = engines.iter().map(|engine| {
        format!(
            "  - {{uuid: {}, load: 0.9, power: {}, memory_used: 72_000_000_000}}\n",
            engine.gpu, engine.power_w
        )
    });
    format!("gpus:\n{}", gpus.collect::<String>())
}

/// Everything that runs; it ends with the test.
pub(super) struct Rig {
    pub(super) jaeger: Jaeger,
    pub(super) prometheus: Prometheus,
    pub(super) agent: Inferscope,
    pub(super) gateway: Inferscope,
    /// Uids of the pods of the engines.
    pub(super) uids: Vec<String>,
    pub(super) page: Page,
    _target: Target,
    _cluster: Cluster,
    _kubelet: Kubelet,
    _folder: TempDir,
}

/// The program in one of its roles.
pub(super) struct Inferscope {
    pub(super) process: Process,
    pub(super) grpc: u16,
    pub(super) http: u16,
}

impl Rig {
    pub(super) async fn start(engines: &[Engine]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let page = Page::of_vllm("metrics-13-final.prom");
        let target = Target::everywhere(page.clone()).await;
        let cluster = Cluster::start().await;
        let uids = fill(&cluster, engines, target.port).await;
        let socket = folder.path().join("kubelet.sock");
        let kubelet = Kubelet::start(&socket, &engines.iter().map(given).collect::<Vec<_>>());
        let scenario = folder.path().join("scenario.yaml");
        std::fs::write(&scenario, self::scenario(engines)).unwrap();
        make_certificates(folder.path());

        let jaeger = Jaeger::start().await;
        let prometheus = Prometheus::start(Version::V3, &[]).await;
        let variables = [
            ("TLS_FOLDER", tls(folder.path(), "gateway")),
            ("JAEGER", format!("127.0.0.1:{}", jaeger.otlp_grpc)),
            ("PROMETHEUS", format!("127.0.0.1:{}", prometheus.port())),
            ("FLUSH_INTERVAL", "1s".to_owned()),
        ];
        let gateway = Inferscope::start("gateway", &variables).await;
        let variables = [
            ("TLS_FOLDER", tls(folder.path(), "agent")),
            ("GATEWAY", format!("127.0.0.1:{}", gateway.grpc)),
            ("K8S_NODE_NAME", NODE.to_owned()),
            ("KUBERNETES_AUTH", "kubeConfig".to_owned()),
            ("KUBECONFIG", cluster.kubeconfig_of_agent().display().to_string()),
            ("KUBELET_SOCKET", socket.display().to_string()),
            ("NVML_LIBRARY", Stage::built().display().to_string()),
            ("INFERSCOPE_NVML_SCENARIO", scenario.display().to_string()),
        ];
        let agent = Inferscope::start("agent", &variables).await;
        Self {
            jaeger,
            prometheus,
            agent,
            gateway,
            uids,
            page,
            _target: target,
            _cluster: cluster,
            _kubelet: kubelet,
            _folder: folder,
        }
    }
}

impl Inferscope {
    /// Starts it with `deploy/configs/<role>.yaml` and waits until it is ready.
    async fn start(role: &'static str, variables: &[(&str, String)]) -> Self {
        let [grpc, http, health, metrics] = [(); 4].map(|()| free_port());
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new(released::program());
        command
            .arg("--config")
            .arg(root.join(format!("deploy/configs/{role}.yaml")));
        command.env("OTLP_GRPC", format!("127.0.0.1:{grpc}"));
        // The gateway has no such door; pods of the test have addresses of their own.
        command.env("OTLP_HTTP", format!("0.0.0.0:{http}"));
        command.env("HEALTH", format!("127.0.0.1:{health}"));
        command
            .env("METRICS_HOST", "127.0.0.1")
            .env("METRICS_PORT", metrics.to_string());
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let mut process = Process::start(role, &mut command);
        process.writes("everything is ready", PATIENCE).await;
        Self { process, grpc, http }
    }

    /// Ends it as Kubernetes does.
    pub(super) async fn stop(&mut self) {
        self.process.signal(rustix::process::Signal::TERM);
        let status = self.process.ends(SHUTDOWN_MAX).await;
        assert!(status.success(), "ended with {status}");
    }

    pub(super) fn written(&self) -> String {
        self.process.written()
    }
}

/// What there is in the cluster: the rights of the agent as the manifests have them, a node, and the engines on it. Gives
/// the uids of their pods.
async fn fill(cluster: &Cluster, engines: &[Engine], port: u16) -> Vec<String> {
    let rights = ["Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding"];
    for document in manifests::applied()
        .iter()
        .filter(|it| rights.contains(&it["kind"].as_str().unwrap()))
    {
        cluster.create(document, false).await.unwrap();
    }
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}});
    cluster.create(&node, false).await.unwrap();
    let namespaces: BTreeMap<&str, &Engine> = engines.iter().map(|it| (it.namespace.as_str(), it)).collect();
    for (name, engine) in namespaces {
        let labels = if engine.tenant == name {
            json!({})
        } else {
            json!({"inferscope.io/tenant": engine.tenant})
        };
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
        cluster.create(&namespace, false).await.unwrap();
    }
    let mut uids = Vec::new();
    for engine in engines {
        uids.push(cluster.run_pod(&pod(engine, port), &engine.address).await);
    }
    uids
}

/// The example of the manifests, on this node.
fn pod(engine: &Engine, port: u16) -> Value {
    let mut pod = manifests::documents("vllm-pod").remove(0);
    pod["metadata"]["name"] = engine.pod.as_str().into();
    pod["metadata"]["namespace"] = engine.namespace.as_str().into();
    pod["spec"]["nodeName"] = NODE.into();
    pod["spec"]["containers"][0]["ports"][0]["containerPort"] = port.into();
    if !engine.is_scraped {
        pod["metadata"]["labels"] = json!({});
    }
    pod
}

fn given(engine: &Engine) -> Given {
    Given {
        namespace: engine.namespace.clone(),
        pod: engine.pod.clone(),
        device: engine.gpu.clone(),
    }
}

/// As `deploy/kubernetes` says.
fn make_certificates(folder: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kubernetes/certificates.sh");
    let made = Command::new("sh").arg(script).arg(folder.join("tls")).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn tls(folder: &Path, role: &str) -> String {
    let path: PathBuf = folder.join("tls").join(format!("inferscope-{role}"));
    path.display().to_string()
}
