//! A real API server of Kubernetes with its etcd, and what is put into it. There is no node: pods are what a test says.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{Method, Request, StatusCode};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::doors::free_port;
use crate::kubernetes::server::{api_server, start_etcd, write_account_keys};
use crate::patience::until;
use crate::process::Process;

/// How long both servers may take to start.
const STARTUP_MAX: Duration = Duration::from_secs(60);

/// Whose rights the agent has: those of its service account, and so those of the manifests.
const AGENT: &str = "system:serviceaccount:inferscope:inferscope-agent";

/// Ends with the test.
pub(crate) struct Cluster {
    client: Client,
    folder: TempDir,
    _api_server: Process,
    _etcd: Process,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (etcd, store) = start_etcd(folder.path());
        let port = free_port();
        let api_server = start_api_server(folder.path(), store, port);
        let certificate = folder.path().join("certificates/apiserver.crt");
        until("the API server makes its certificate", STARTUP_MAX, || {
            std::future::ready(certificate.exists().then_some(()))
        })
        .await;
        for user in ["admin", "agent"] {
            fs::write(
                folder.path().join(user),
                kubeconfig(port, &certificate, user).to_string(),
            )
            .unwrap();
        }
        let client = client(&folder.path().join("admin")).await;
        until("the API server is ready", STARTUP_MAX, || async {
            let asked = Request::get("/readyz").body(Vec::new()).unwrap();
            client.request_text(asked).await.ok().filter(|text| text == "ok")
        })
        .await;
        Self {
            client,
            folder,
            _api_server: api_server,
            _etcd: etcd,
        }
    }

    /// The file by which the agent finds it, with the rights of the agent's service account.
    pub(crate) fn kubeconfig_of_agent(&self) -> PathBuf {
        self.folder.path().join("agent")
    }

    /// Creates an object as a manifest has it, or only looks whether it could be.
    pub(crate) async fn create(&self, object: &Value, dry_run: bool) -> Result<Value, String> {
        let kind = object["kind"].as_str().unwrap();
        let path = path(object);
        // A namespace that a manifest brings along is there in a dry run of what lives in it.
        let how = if dry_run { "dryRun=All&" } else { "" };
        let path = format!("{path}?{how}fieldValidation=Strict");
        self.ask(Method::POST, &path, object)
            .await
            .map_err(|why| format!("{kind} {}: {why}", object["metadata"]["name"]))
    }

    /// Creates a pod that runs at an address, and gives its uid.
    pub(crate) async fn run_pod(&self, pod: &Value, address: &str) -> String {
        let created = self.create(pod, false).await.unwrap();
        let status = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": created["metadata"],
            "status": {
                "phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "hostIP": "10.0.0.1",
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        });
        let path = format!("{}/{}/status", path(pod), pod["metadata"]["name"].as_str().unwrap());
        self.ask(Method::PUT, &path, &status).await.unwrap();
        created["metadata"]["uid"].as_str().unwrap().to_owned()
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Result<Value, String> {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("content-type", "application/json");
        let request = request.body(serde_json::to_vec(body).unwrap()).unwrap();
        match self.client.request::<Value>(request).await {
            Ok(answer) => Ok(answer),
            Err(kube::Error::Api(why)) if why.code == StatusCode::NOT_FOUND.as_u16() => Err(format!("no {path}")),
            Err(why) => Err(why.to_string()),
        }
    }
}

/// Where objects of this kind are created.
fn path(object: &Value) -> String {
    let version = object["apiVersion"].as_str().unwrap();
    let kind = object["kind"].as_str().unwrap();
    let group = if version == "v1" {
        "api/v1".to_owned()
    } else {
        format!("apis/{version}")
    };
    let plural = match kind {
        "NetworkPolicy" => "networkpolicies".to_owned(),
        "RuntimeClass" => "runtimeclasses".to_owned(),
        _ => format!("{}s", kind.to_lowercase()),
    };
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("/{group}/namespaces/{namespace}/{plural}"),
        None => format!("/{group}/{plural}"),
    }
}

async fn client(kubeconfig: &Path) -> Client {
    let read = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}

/// YAML is JSON too.
fn kubeconfig(port: u16, certificate: &Path, user: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {
            "server": format!("https://127.0.0.1:{port}"), "certificate-authority": certificate,
        }}],
        "users": [{"name": user, "user": {"token": token(user)}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
    })
}

fn token(user: &str) -> String {
    format!("token-of-{user}")
}

fn start_api_server(folder: &Path, store: u16, port: u16) -> Process {
    write_account_keys(folder);
    let lines = format!(
        "{},admin,1,system:masters\n{},{AGENT},2,system:serviceaccounts\n",
        token("admin"),
        token("agent")
    );
    fs::write(folder.join("tokens.csv"), lines).unwrap();
    Process::start("kube-apiserver", &mut api_server(folder, store, port))
}
