//! An agent that shows its gateway who it is, by each authenticator and each protocol.

use std::path::Path;
use std::time::Duration;

use pipeline::plan::Running;
use tempfile::TempDir;

use super::{free_port, read, send, start};

/// Both listeners ask the same authenticator.
fn gateway(grpc: u16, http: u16, authenticator: &str, out: &Path) -> String {
    format!(
        "
extensions:
  bearertokenauth: {{identities: {{agent: token-of-agent}}}}
  basicauth: {{htpasswd: {{inline: 'agent:password-of-agent'}}}}
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: '127.0.0.1:{grpc}', auth: {{authenticator: {authenticator}}}}}
      http: {{endpoint: '127.0.0.1:{http}', auth: {{authenticator: {authenticator}}}}}
processors:
  tenant: {{connection: {{agent: acme}}}}
exporters:
  file: {{path: '{}'}}
service:
  extensions: [bearertokenauth, basicauth]
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], processors: [tenant], exporters: [file]}}}}
",
        out.display()
    )
}

/// What it is answered it answers.
fn agent(port: u16, extension: &str, exporter: &str) -> String {
    let id = extension.split(':').next().unwrap_or_default();
    format!(
        "
extensions:
  {extension}
receivers:
  otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:{port}'}}}}}}
exporters:
  {exporter}
    auth: {{authenticator: {id}}}
    sending_queue: {{wait_for_result: true}}
    retry_on_failure: {{enabled: false}}
service:
  extensions: [{id}]
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [{}]}}}}
",
        exporter.split(':').next().unwrap_or_default()
    )
}

/// Two programs and what arrives.
struct Rig {
    gateway: Running,
    grpc: u16,
    http: u16,
    folder: TempDir,
}

impl Rig {
    async fn start(authenticator: &str) -> Self {
        let (grpc, http) = (free_port(), free_port());
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out.json");
        Self {
            gateway: start(&gateway(grpc, http, authenticator, &out)).await.0,
            grpc,
            http,
            folder,
        }
    }

    fn exporters(&self) -> [String; 2] {
        [
            format!(
                "otlp_grpc:\n    endpoint: '127.0.0.1:{}'\n    tls: {{insecure: true}}",
                self.grpc
            ),
            format!("otlp_http:\n    endpoint: 'http://127.0.0.1:{}'", self.http),
        ]
    }

    /// What an agent that is configured like this answers to somebody who sends it a span.
    async fn answer(&self, extension: &str, exporter: &str) -> String {
        let port = free_port();
        let (agent, _) = start(&agent(port, extension, exporter)).await;
        let answer = send(port, "", ("", "", "")).await;
        agent.stop(Duration::from_secs(10)).await;
        answer
    }

    /// The tenants of all spans that have arrived.
    async fn tenants(self) -> Vec<String> {
        self.gateway.stop(Duration::from_secs(10)).await;
        let text = std::fs::read_to_string(self.folder.path().join("out.json")).unwrap_or_default();
        let mut tenants = Vec::new();
        for line in text.lines() {
            super::collect(&serde_json::from_str(line).unwrap(), &mut tenants);
        }
        tenants
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_known_to_its_gateway_by_a_token_or_a_password_over_grpc_and_http() {
    for (authenticator, right, wrong) in [
        (
            "bearertokenauth",
            "bearertokenauth/own: {token: token-of-agent}",
            "bearertokenauth/own: {token: token-of-nobody}",
        ),
        (
            "basicauth",
            "basicauth/own: {client_auth: {username: agent, password: password-of-agent}}",
            "basicauth/own: {client_auth: {username: agent, password: wrong-password}}",
        ),
    ] {
        let rig = Rig::start(authenticator).await;
        for exporter in rig.exporters() {
            let answer = rig.answer(right, &exporter).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{exporter}\n{answer}");

            let answer = rig.answer(wrong, &exporter).await;
            assert!(
                answer.starts_with("HTTP/1.1 400"),
                "it is permanent: {exporter}\n{answer}"
            );
            let id = wrong.split(':').next().unwrap();
            assert!(answer.contains("the credentials are not known"), "{answer}");
            assert!(answer.contains(&format!("are those of \\\"{id}\\\"")), "{answer}");
            assert!(
                !answer.contains("nobody") && !answer.contains("wrong-password"),
                "{answer}"
            );
        }
        assert_eq!(rig.tenants().await, ["acme", "acme"], "{authenticator}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_may_have_its_credentials_in_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let token = file("token", "token-of-agent\n");
    let (user, password) = (file("user", "agent\n"), file("password", "password-of-agent\n"));
    for (authenticator, extension) in [
        ("bearertokenauth", format!("bearertokenauth: {{filename: '{token}'}}")),
        (
            "basicauth",
            format!("basicauth: {{client_auth: {{username_file: '{user}', password_file: '{password}'}}}}"),
        ),
    ] {
        let rig = Rig::start(authenticator).await;
        for exporter in rig.exporters() {
            let answer = rig.answer(&extension, &exporter).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{exporter}\n{answer}");
        }
        assert_eq!(rig.tenants().await, ["acme", "acme"], "{authenticator}");
    }
}

#[test]
fn an_extension_that_shows_nothing_is_found_before_anything_starts() {
    let exporter = "otlp_grpc:\n    endpoint: 'localhost:4317'";
    for extension in [
        "basicauth: {htpasswd: {inline: 'agent:password'}}",
        "bearertokenauth: {identities: {agent: token-of-agent}}",
        "health_check: {}",
    ] {
        let read = read(&agent(4318, extension, exporter));
        let said = read.diagnostics.render(false);
        assert!(
            read.plan.is_none() && said.contains("is no client authenticator"),
            "{said}"
        );
        assert!(
            said.contains("use basicauth with client_auth, or bearertokenauth"),
            "{said}"
        );
    }
    let unknown = agent(
        4318,
        "basicauth/own: {client_auth: {username: a, password: b}}",
        exporter,
    );
    let read = read(&unknown.replace("authenticator: basicauth/own", "authenticator: basicauth/other"));
    let said = read.diagnostics.render(false);
    assert!(said.contains("no extension basicauth/other runs"), "{said}");

    let client = "basicauth: {client_auth: {username: a, password: b}}";
    let yaml = gateway(4317, 4318, "basicauth", Path::new("out.json"));
    let yaml = yaml.replace("basicauth: {htpasswd: {inline: 'agent:password-of-agent'}}", client);
    let said = super::read(&yaml).diagnostics.render(false);
    assert!(said.contains("`basicauth` does not authenticate senders"), "{said}");
}

#[test]
fn the_scrape_job_for_our_own_metrics_is_one_that_prometheus_takes() {
    let readme = include_str!("../../deploy/kubernetes/README.md");
    let job = readme
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    assert!(job.starts_with("scrape_configs:"));
    let indented: String = job.lines().map(|line| format!("      {line}\n")).collect();
    let yaml = format!(
        "receivers:\n  prometheus:\n    config:\n{indented}exporters: {{nop: {{}}}}\nservice: {{pipelines: {{metrics: \
         {{receivers: [prometheus], exporters: [nop]}}}}}}\n"
    );
    let read = read(&yaml);
    assert!(read.diagnostics.is_empty(), "{}", read.diagnostics.render(false));
    let manifests = [
        include_str!("../../deploy/kubernetes/agent.yaml"),
        include_str!("../../deploy/kubernetes/gateway.yaml"),
    ];
    for manifest in manifests {
        assert!(manifest.contains("{name: metrics, containerPort: 8888}"));
        assert!(manifest.contains("app.kubernetes.io/name: inferscope"));
    }
}

#[test]
fn the_examples_of_the_readmes_are_valid() {
    for readme in [
        include_str!("../../extensions/src/basicauth/README.md"),
        include_str!("../../extensions/src/bearertokenauth/README.md"),
    ] {
        let whole: Vec<&str> = readme
            .split("```yaml\n")
            .skip(1)
            .filter_map(|rest| rest.split("```").next())
            .filter(|yaml| yaml.contains("service:"))
            .collect();
        assert_eq!(whole.len(), 2, "one for senders, one for exporters");
        for yaml in whole {
            let read = read(yaml);
            assert!(read.diagnostics.is_empty(), "{}", read.diagnostics.render(false));
            assert!(yaml.contains("auth: {authenticator: "));
        }
    }
}
