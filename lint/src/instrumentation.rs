//! Instrumentation objects of the OpenTelemetry operator: the protocol must fit the port.

use config::{Diagnostic, Section};

use crate::file::File;

/// The port on which OTLP over gRPC is expected.
const GRPC_PORT: &str = ":4317";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";

/// Languages whose SDKs the operator injects, and which send protobuf over HTTP unless told otherwise.
const OVER_HTTP: &[&str] = &["python", "dotnet", "java", "nodejs", "go"];

/// Reads the `spec` of one.
pub(crate) fn read(spec: &Section) -> File {
    let mut findings = Vec::new();
    let shared = spec.get("env");
    let endpoint = spec.nearest("exporter").get("endpoint");
    let says_protocol = |section: &Section| variable(section.get("env").as_ref(), PROTOCOL).is_some();
    let is_said = variable(shared.as_ref(), PROTOCOL).is_some();
    let languages: Vec<(String, Section)> = spec
        .entries()
        .into_iter()
        .filter(|(key, value)| OVER_HTTP.contains(&key.as_str()) && value.is_map())
        .collect();
    let is_said_everywhere =
        is_said || (!languages.is_empty() && languages.iter().all(|(_, section)| says_protocol(section)));
    let common = endpoint.into_iter().chain(variable(shared.as_ref(), ENDPOINT));
    findings.extend(common.filter(|_| !is_said_everywhere).filter_map(|it| finding(&it)));
    for (_, section) in &languages {
        let own = variable(section.get("env").as_ref(), ENDPOINT);
        findings.extend(
            own.filter(|_| !is_said && !says_protocol(section))
                .and_then(|it| finding(&it)),
        );
    }
    let queries = Vec::new();
    File { queries, findings }
}

/// The value of a variable in a list of names and values.
fn variable(list: Option<&Section>, name: &str) -> Option<Section> {
    let items = list.map(Section::items).unwrap_or_default();
    let item = items
        .into_iter()
        .find(|item| item.get("name").as_ref().and_then(Section::text) == Some(name))?;
    item.get("value")
}

fn finding(endpoint: &Section) -> Option<Diagnostic> {
    endpoint
        .text()
        .filter(|text| text.trim_end_matches('/').ends_with(GRPC_PORT))?;
    let message = "SDKs that send protobuf over HTTP by default will post to a port that is meant for gRPC";
    let help = format!("add `{PROTOCOL}: grpc` to `env`, or send to the port for HTTP, usually 4318");
    Some(
        Diagnostic::error(message)
            .at(endpoint.origin())
            .help(help)
            .rule("otlp-port"),
    )
}
