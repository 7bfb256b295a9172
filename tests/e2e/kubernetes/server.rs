//! A real API server with its etcd, on loopback, with users by token and rights by RBAC. There is no kubelet: the tests say
//! themselves what becomes of pods.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::api::Api;
use crate::doors::free_port;
use crate::patience::until;
use crate::peers::peer;
use crate::process::Process;
use crate::wire;

/// How long the two may take to start; both write everything they know to disk first.
const STARTUP_MAX: Duration = Duration::from_secs(120);

/// The user that may do everything, by its token.
pub(super) const ADMIN: &str = "admin-token";

/// Ends with the test.
pub(super) struct Cluster {
    folder: TempDir,
    etcd_port: u16,
    port: u16,
    server: Option<Process>,
    pub(super) api: Api,
    // Dropped last: the API server needs it until its end.
    _etcd: Process,
}

impl Cluster {
    /// One in which the user `agent` has this token, and the rights that the README of `k8s` asks for.
    pub(super) async fn start(agent_token: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let authority = write_keys(&folder);
        let (etcd, etcd_port) = start_etcd(folder.path());
        let ready = || async move { wire::get(etcd_port, "/health").await.filter(|it| it.status == 200) };
        until("etcd starts", STARTUP_MAX, ready).await;
        let api = Api::new(port, authority).await;
        let mut cluster = Self {
            folder,
            etcd_port,
            port,
            server: None,
            api,
            _etcd: etcd,
        };
        cluster.run(agent_token).await;
        cluster
            .allow("agent", &["pods", "namespaces", "nodes", "resourceslices"])
            .await;
        cluster
    }

    /// Starts the API server; the user `agent` has this token now.
    pub(super) async fn run(&mut self, agent_token: &str) {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let tokens = format!(
            "{ADMIN},admin,admin,system:masters\n{agent_token},agent,agent\nconfined-token,confined,confined\n"
        );
        fs::write(path("tokens.csv"), tokens).unwrap();
        let mut command = api_server(self.folder.path(), self.etcd_port, self.port);
        command
            .arg(format!("--tls-cert-file={}", path("server.crt")))
            .arg(format!("--tls-private-key-file={}", path("server.key")));
        let mut process = Process::start("kube-apiserver", &mut command);
        let api = &self.api;
        until("the API server is ready", STARTUP_MAX, || {
            assert!(process.has_ended().is_none(), "the API server ended");
            async move { api.is_ready().await.then_some(()) }
        })
        .await;
        self.server = Some(process);
    }

    /// Kills the API server.
    pub(super) fn kill(&mut self) {
        self.server = None;
    }

    /// Makes etcd forget everything that has happened.
    pub(super) async fn compact(&self) {
        let ask = |path: &'static str, body: Value| async move {
            let answer = wire::post(self.etcd_port, path, &[], body.to_string().as_bytes()).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            serde_json::from_slice::<Value>(&answer.body).unwrap()
        };
        let now = ask("/v3/kv/range", json!({"key": "AA=="})).await;
        let revision = now["header"]["revision"].as_str().unwrap();
        ask("/v3/kv/compaction", json!({"revision": revision, "physical": true})).await;
    }

    /// Where the API server is.
    pub(super) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The certificate of the authority that its own comes from.
    pub(super) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// A kubeconfig for a user whose token is read from a file; gives the paths of both.
    pub(super) fn kubeconfig(&self, token: &str) -> (PathBuf, PathBuf) {
        let (path, token_path) = (
            self.folder.path().join(format!("kubeconfig-{token}")),
            self.folder.path().join(format!("token-{token}")),
        );
        fs::write(&token_path, token).unwrap();
        let server = json!({
            "server": self.url(),
            "certificate-authority": self.authority(),
        });
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": server}],
            "users": [{"name": "test", "user": {"tokenFile": token_path}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        });
        fs::write(&path, config.to_string()).unwrap();
        (path, token_path)
    }

    /// Allows a user to read these kinds everywhere.
    pub(super) async fn allow(&self, user: &str, resources: &[&str]) {
        self.bind("", "Cluster", user, resources).await;
    }

    /// Allows a user to read these kinds in a namespace.
    pub(super) async fn allow_in(&self, namespace: &str, user: &str, resources: &[&str]) {
        self.bind(&format!("namespaces/{namespace}/"), "", user, resources)
            .await;
    }

    async fn bind(&self, place: &str, prefix: &str, user: &str, resources: &[&str]) {
        let group = "rbac.authorization.k8s.io";
        let rule = json!({"apiGroups": ["", "resource.k8s.io"], "resources": resources, "verbs": ["list", "watch"]});
        let role = json!({"metadata": {"name": user}, "rules": [rule]});
        let binding = json!({
            "metadata": {"name": user},
            "roleRef": {"apiGroup": group, "kind": format!("{prefix}Role"), "name": user},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        });
        let path = format!("/apis/{group}/v1/{place}{}", prefix.to_lowercase());
        self.api.create(&format!("{path}roles"), role).await;
        self.api.create(&format!("{path}rolebindings"), binding).await;
    }
}

/// etcd with its data in this folder, and the port on which it is asked.
pub(crate) fn start_etcd(folder: &Path) -> (Process, u16) {
    let (port, peer_port) = (free_port(), free_port());
    let (client, peer_url) = (
        format!("http://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{peer_port}"),
    );
    let mut command = Command::new(peer("etcd-3.6.5"));
    command
        .arg(format!("--data-dir={}", folder.join("etcd").display()))
        .arg(format!("--listen-client-urls={client}"))
        .arg(format!("--advertise-client-urls={client}"))
        .arg(format!("--listen-peer-urls={peer_url}"))
        .arg(format!("--initial-advertise-peer-urls={peer_url}"))
        .arg(format!("--initial-cluster=default={peer_url}"))
        // Nothing here outlives the test.
        .arg("--unsafe-no-fsync");
    (Process::start("etcd", &mut command), port)
}

/// An API server on this port, with users as `tokens.csv` of the folder has them and the keys of `write_account_keys`.
/// Unless it is told otherwise it makes a certificate of its own, in `certificates`.
pub(crate) fn api_server(folder: &Path, etcd_port: u16, port: u16) -> Command {
    let path = |name: &str| folder.join(name).display().to_string();
    let mut command = Command::new(peer("kube-apiserver-1.36.3"));
    command
        .arg(format!("--etcd-servers=http://127.0.0.1:{etcd_port}"))
        .arg(format!("--secure-port={port}"))
        .arg(format!("--cert-dir={}", path("certificates")))
        .arg(format!("--service-account-signing-key-file={}", path("accounts.key")))
        .arg(format!("--service-account-key-file={}", path("accounts.pub")))
        .arg(format!("--token-auth-file={}", path("tokens.csv")))
        .args([
            "--bind-address=127.0.0.1",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/24",
            // Pods need no service account here, which a controller would have to make.
            "--disable-admission-plugins=ServiceAccount",
        ]);
    command
}

/// The key that signs tokens of service accounts.
pub(crate) fn write_account_keys(folder: &Path) {
    let accounts = KeyPair::generate().unwrap();
    fs::write(folder.join("accounts.key"), accounts.serialize_pem()).unwrap();
    fs::write(folder.join("accounts.pub"), accounts.public_key_pem()).unwrap();
}

/// An authority with a certificate for the API server, and the key that signs tokens of service accounts. Gives the authority's
/// own certificate.
fn write_keys(folder: &TempDir) -> Vec<u8> {
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    write("ca.crt", authority.pem());
    write("server.crt", server.signed_by(&key, &authority).unwrap().pem());
    write("server.key", key.serialize_pem());
    write_account_keys(folder.path());
    authority.der().to_vec()
}
