//! What `validate` warns of when all of a file can be used and hardly means what was meant.

use super::read;

/// A file with these listeners, this tenant and these processors.
fn file(listeners: &str, tenant: &str, processors: &str) -> String {
    format!(
        "
extensions:
  bearertokenauth: {{identities: {{acme: token-of-acme}}}}
  k8s: {{}}
receivers:
  otlp: {{protocols: {{{listeners}}}}}
  nvml: {{}}
processors:
  tenant: {{{tenant}}}
  batch: {{}}
  k8s_attributes: {{}}
  llm_phases: {{}}
  gpu_context: {{}}
exporters:
  debug: {{}}
connectors:
  forward: {{}}
service:
  extensions: [bearertokenauth, k8s]
  pipelines:
    traces/front: {{receivers: [otlp], processors: [{processors}], exporters: [forward]}}
    traces: {{receivers: [forward], processors: [tenant, k8s_attributes, llm_phases, gpu_context], exporters: [debug]}}
    metrics: {{receivers: [nvml], processors: [batch], exporters: [debug]}}
"
    )
}

fn said(yaml: &str) -> String {
    let read = read(yaml);
    let text = read.diagnostics.render(false);
    assert!(read.plan.is_some(), "{text}");
    text
}

const AUTH: &str = "auth: {authenticator: bearertokenauth}";

#[test]
fn a_file_in_which_all_fits_is_read_without_a_word() {
    let both = format!("grpc: {{{AUTH}}}, http: {{{AUTH}}}");
    assert_eq!(said(&file(&both, "connection: {acme: acme}", "llm_phases")), "");
}

#[test]
fn credentials_that_come_in_plain_text_are_warned_about_where_others_can_listen() {
    let both = |endpoint: &str| {
        let listener = |port: u16| format!("{{endpoint: '{endpoint}:{port}', {AUTH}}}");
        format!("grpc: {}, http: {}", listener(4317), listener(4318))
    };
    let said_of = |endpoint: &str| said(&file(&both(endpoint), "connection: {acme: acme}", "llm_phases"));

    let reachable = said_of("0.0.0.0");
    let times = reachable
        .matches("senders show their credentials in plain text")
        .count();
    assert_eq!(times, 2, "{reachable}");
    for here in ["localhost", "127.0.0.1", "[::1]"] {
        assert_eq!(said_of(here), "");
    }
}

#[test]
fn an_authenticator_that_nobody_asks_is_warned_about() {
    let said = said(&file("grpc: ", "", "llm_phases"));

    assert!(
        said.contains("warning: extensions::bearertokenauth: no listener names it"),
        "{said}"
    );
    assert!(
        said.contains("write `auth: {authenticator: bearertokenauth}` below grpc and below http"),
        "{said}"
    );
    let unused = file("grpc: ", "", "llm_phases").replace(
        "bearertokenauth: {identities: {acme: token-of-acme}}",
        "bearertokenauth: {}\n  basicauth: {client_auth: {username: a, password: b}}",
    );
    let unused = unused.replace("bearertokenauth: {}", "bearertokenauth: {token: x}");
    let said = super::warnings::said(&unused.replace("extensions: [", "extensions: [basicauth, "));
    assert!(
        said.contains("extensions::bearertokenauth: no listener and no exporter names it"),
        "{said}"
    );
    assert!(said.contains("extensions::basicauth: no exporter names it"), "{said}");
}

#[test]
fn a_door_that_stays_open_beside_a_guarded_one_is_warned_about() {
    for (listeners, open, guarded) in [
        (format!("grpc: {{{AUTH}}}, http: "), "http", "grpc"),
        (format!("grpc: {{}}, http: {{{AUTH}}}"), "grpc", "http"),
    ] {
        let said = said(&file(&listeners, "", "llm_phases"));

        let expected = format!(
            "warning: receivers::otlp::protocols::{open}: lets in everybody, while {guarded} asks `bearertokenauth`"
        );
        assert!(said.contains(&expected), "{said}");
        assert!(said.contains("as well, or delete"), "{said}");
    }
    let mutual = "tls: {cert_file: a, key_file: b, client_ca_file: c}";
    let said = said(&file(
        &format!("grpc: {{{AUTH}}}, http: {{{mutual}}}"),
        "",
        "llm_phases",
    ));
    assert_eq!(said, "", "certificates are asked for there");
}

#[test]
fn identities_that_nobody_makes_sure_of_are_warned_about() {
    let expected = "processors::tenant: no listener in front of it makes sure of its senders";
    for tenant in ["connection: {acme: acme}", "gateway: {identities: [acme]}"] {
        let said = said(&file("grpc: ", tenant, "llm_phases"));
        assert!(said.contains(expected), "{said}");
        assert!(said.contains("`client_ca_file` below their tls"), "{said}");
    }
    for listener in [AUTH, "tls: {cert_file: a, key_file: b, client_ca_file: c}"] {
        let said = said(&file(
            &format!("grpc: {{{listener}}}"),
            "connection: {acme: acme}",
            "llm_phases",
        ));
        assert!(!said.contains(expected), "{said}");
    }
    assert!(!said(&file("grpc: ", "", "llm_phases")).contains(expected));
}

#[test]
fn processors_that_look_at_senders_are_warned_about_behind_batch() {
    let said_of = |processors: &str| said(&file(&format!("grpc: {{{AUTH}}}"), "", processors));
    let behind = said_of("batch");
    for name in ["tenant", "k8s_attributes", "gpu_context"] {
        let expected = format!("warning: processors::{name}: stands behind `batch`: what was merged");
        assert!(behind.contains(&expected), "{behind}");
    }
    assert!(
        behind.contains("name `batch` after it in each of its pipelines"),
        "{behind}"
    );
    let moved = file(&format!("grpc: {{{AUTH}}}"), "", "llm_phases")
        .replace("gpu_context], exporters", "gpu_context, batch], exporters");
    assert_eq!(said(&moved), "");
    let moved = moved
        .replace("[tenant, k8s_attributes,", "[tenant, batch, k8s_attributes,")
        .replace("gpu_context, batch]", "gpu_context]");
    let said = said(&moved);
    assert!(
        said.contains("k8s_attributes: stands behind") && !said.contains("tenant: stands behind"),
        "{said}"
    );
}

#[test]
fn what_a_component_takes_and_is_no_secret_is_printed() {
    let yaml = file("grpc: ", "headers: [x-team]", "llm_phases");
    let read = read(&yaml.replace(
        "bearertokenauth: {",
        "bearertokenauth: {scheme: Token, filename: /run/token, ",
    ));
    let printed = config::print(
        read.document.as_ref().unwrap(),
        config::Mode::Redacted,
        config::Format::Yaml,
    );

    for shown in ["- x-team", "scheme: Token", "filename: /run/token"] {
        assert!(printed.contains(shown), "{printed}");
    }
    assert!(
        printed.contains("acme: \"[REDACTED]\"") && !printed.contains("token-of-acme"),
        "{printed}"
    );
}
