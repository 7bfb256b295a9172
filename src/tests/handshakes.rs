//! TLS between an agent and its gateway that comes to nothing: both say why.

use std::path::Path;
use std::time::Duration;

use pipeline::telemetry::Suffixes;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::{free_port, send, start};

/// Writes a root (`NAME-ca.pem`) and a certificate for `localhost` with its key (`NAME.pem`, `NAME.key`).
fn papers(folder: &Path, name: &str) {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let write = |file: String, text: String| std::fs::write(folder.join(file), text).unwrap();
    write(format!("{name}-ca.pem"), ca.pem());
    write(format!("{name}.pem"), params.signed_by(&key, &ca).unwrap().pem());
    write(format!("{name}.key"), key.serialize_pem());
}

/// What an agent answers whose exporter has this configuration.
async fn answer(exporter: &str, tls: &str) -> String {
    let port = free_port();
    let id = exporter.split(':').next().unwrap_or_default();
    let yaml = format!(
        "
receivers:
  otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:{port}'}}}}}}
exporters:
  {exporter}
    tls: {{{tls}}}
    sending_queue: {{wait_for_result: true}}
    retry_on_failure: {{enabled: false}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [{id}]}}}}
"
    );
    let (agent, _) = start(&yaml).await;
    let answer = send(port, "", ("", "", "")).await;
    agent.stop(Duration::from_secs(10)).await;
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_is_refused_is_explained_on_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let at = |file: &str| folder.path().join(file).display().to_string();
    papers(folder.path(), "ours");
    papers(folder.path(), "others");
    let (grpc, http) = (free_port(), free_port());
    let tls = format!(
        "tls: {{cert_file: '{}', key_file: '{}', client_ca_file: '{}'}}",
        at("ours.pem"),
        at("ours.key"),
        at("ours-ca.pem")
    );
    let (gateway, world) = start(&format!(
        "
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:{grpc}', {tls}}}, http: {{endpoint: '127.0.0.1:{http}', {tls}}}}}}}
exporters: {{nop: {{}}}}
service:
  pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}
  telemetry: {{metrics: {{level: none}}}}
"
    ))
    .await;
    let exporters = [
        format!("otlp_grpc:\n    endpoint: 'localhost:{grpc}'"),
        format!("otlp_http:\n    endpoint: 'https://localhost:{http}'"),
        format!("otlp_http:\n    endpoint: 'https://localhost:{http}'\n    force_attempt_http2: false"),
    ];
    let trusts = format!("ca_file: '{}'", at("ours-ca.pem"));
    let shows = |name: &str| {
        let files = [at(&format!("{name}.pem")), at(&format!("{name}.key"))];
        format!("cert_file: '{}', key_file: '{}'", files[0], files[1])
    };
    let cases = [
        (trusts.clone(), "set tls::cert_file and tls::key_file"),
        (
            format!("{trusts}, {}", shows("others")),
            "must be issued by its client_ca_file",
        ),
        (shows("ours"), "set tls::ca_file to the authority"),
    ];
    for exporter in &exporters {
        let welcome = answer(exporter, &format!("{trusts}, {}", shows("ours"))).await;
        assert!(welcome.starts_with("HTTP/1.1 200"), "{exporter}\n{welcome}");
        for (tls, remedy) in &cases {
            let answer = answer(exporter, tls).await;
            assert!(answer.starts_with("HTTP/1.1 503"), "{exporter} {tls}\n{answer}");
            assert!(answer.contains(remedy), "{exporter} {tls}\n{answer}");
        }
    }

    let page = world.telemetry.metrics().render(Suffixes::none());
    for reason in ["no_certificate", "bad_certificate", "refused_by_client"] {
        for transport in ["grpc", "http"] {
            let counted = page.lines().any(|line| {
                let says = |part: &str| line.contains(part);
                says("inferscope_tls_refused_handshakes{")
                    && says(&format!("reason=\"{reason}\""))
                    && says(&format!("transport=\"{transport}\""))
                    && !line.ends_with(" 0")
            });
            assert!(counted, "{reason} {transport}\n{page}");
        }
    }
    gateway.stop(Duration::from_secs(10)).await;
}
