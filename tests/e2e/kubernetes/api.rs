//! What the tests ask of the API server, as its administrator: plain JSON over TLS.

use http::{Method, Request};
use kube::config::AuthInfo;
use kube::{Client, Config};
use serde_json::{Value, json};

use super::server::ADMIN;

const PODS: &str = "/api/v1/namespaces/inference/pods";

pub(super) struct Api {
    client: Client,
}

impl Api {
    pub(super) async fn new(port: u16, authority: Vec<u8>) -> Self {
        let mut config = Config::new(format!("https://127.0.0.1:{port}").parse().unwrap());
        config.root_cert = Some(vec![authority]);
        config.auth_info = AuthInfo {
            token: Some(ADMIN.to_owned().into()),
            ..AuthInfo::default()
        };
        Self {
            client: Client::try_from(config).unwrap(),
        }
    }

    pub(super) async fn is_ready(&self) -> bool {
        let request = Request::get("/readyz").body(Vec::new()).unwrap();
        self.client.request_text(request).await.is_ok()
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Value {
        let kind = match method {
            Method::PATCH => "application/merge-patch+json",
            _ => "application/json",
        };
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        let request = request.body(body.to_string().into_bytes()).unwrap();
        self.client
            .request::<Value>(request)
            .await
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Creates an object.
    pub(super) async fn create(&self, path: &str, object: Value) -> Value {
        self.ask(Method::POST, path, object).await
    }

    /// Changes parts of an object.
    pub(super) async fn change(&self, path: &str, parts: Value) {
        self.ask(Method::PATCH, path, parts).await;
    }

    /// Deletes an object.
    pub(super) async fn delete(&self, path: &str) {
        self.ask(Method::DELETE, path, json!({})).await;
    }

    /// A namespace that is called `inference` and belongs to a team, and two nodes.
    pub(super) async fn furnish(&self) {
        let namespace = json!({"metadata": {"name": "inference", "labels": {"example.com/team": "nlp"}}});
        self.create("/api/v1/namespaces", namespace).await;
        for name in ["node-a", "node-b"] {
            self.create("/api/v1/nodes", json!({"metadata": {"name": name}})).await;
        }
    }

    /// A pod that runs on a node and has an address, as a kubelet would say; gives its uid.
    pub(super) async fn run_pod(&self, name: &str, node: &str, ip: &str) -> String {
        let container = json!({"name": "vllm", "image": "vllm/vllm-openai:v0.32.0"});
        let pod = json!({
            "metadata": {"name": name, "labels": {"version": "one"}},
            "spec": {"nodeName": node, "containers": [container]},
        });
        let made = self.create(PODS, pod).await;
        let status = json!({"status": {
            "phase": "Running",
            "podIP": ip,
            "podIPs": [{"ip": ip}],
            "startTime": "2026-01-01T00:00:00Z",
            "containerStatuses": [{
                "name": "vllm", "containerID": format!("containerd://{name}-c0ffee"), "image": "vllm/vllm-openai:v0.32.0",
                "imageID": "", "ready": true, "restartCount": 0, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
            }],
        }});
        self.ask(Method::PATCH, &format!("{PODS}/{name}/status"), status).await;
        made["metadata"]["uid"].as_str().unwrap().to_owned()
    }

    /// A GPU of a node that pods can claim, as its driver would say.
    pub(super) async fn offer_gpu(&self, node: &str, uuid: &str) {
        let slice = json!({
            "metadata": {"name": format!("{node}-gpu")},
            "spec": {
                "driver": "gpu.nvidia.com",
                "nodeName": node,
                "pool": {"name": node, "generation": 1, "resourceSliceCount": 1},
                "devices": [{"name": "gpu-0", "attributes": {"uuid": {"string": uuid}}}],
            },
        });
        self.create("/apis/resource.k8s.io/v1/resourceslices", slice).await;
    }

    /// Changes the label `version` of a pod.
    pub(super) async fn relabel(&self, name: &str, version: &str) {
        let labels = json!({"metadata": {"labels": {"version": version}}});
        self.ask(Method::PATCH, &format!("{PODS}/{name}"), labels).await;
    }

    /// Deletes a pod at once.
    pub(super) async fn delete_pod(&self, name: &str) {
        let at_once = json!({"gracePeriodSeconds": 0});
        self.ask(Method::DELETE, &format!("{PODS}/{name}"), at_once).await;
    }

    /// The uid of an object.
    pub(super) async fn uid(&self, path: &str) -> String {
        let found = self.ask(Method::GET, path, Value::Null).await;
        found["metadata"]["uid"].as_str().unwrap().to_owned()
    }
}
