//! `components`: what this build has.

use std::fmt::Write;
use std::process::ExitCode;

use pipeline::component::{About, Registry};
use receivers::engines::tables;

use crate::cli::{ComponentsArguments, ListFormat, say};
use crate::source;

/// Lists the components.
pub fn run(options: &ComponentsArguments) -> anyhow::Result<ExitCode> {
    let registry = source::registry();
    say(&match options.format {
        ListFormat::Yaml => yaml(&registry),
        ListFormat::Markdown => markdown(&registry),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The kinds in the order of a batch's way, each with its components.
fn kinds(registry: &Registry) -> [(&'static str, Vec<About>); 5] {
    [
        (
            "receivers",
            registry.receivers.values().map(|entry| entry.about).collect(),
        ),
        (
            "processors",
            registry.processors.values().map(|entry| entry.about).collect(),
        ),
        (
            "exporters",
            registry.exporters.values().map(|entry| entry.about).collect(),
        ),
        (
            "connectors",
            registry.connectors.values().map(|entry| entry.about).collect(),
        ),
        (
            "extensions",
            registry.extensions.values().map(|entry| entry.about).collect(),
        ),
    ]
}

/// As `otelcol components` prints it.
fn yaml(registry: &Registry) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!(
        "buildinfo:\n    command: inferscope\n    description: {:?}\n    version: {version}\n",
        env!("CARGO_PKG_DESCRIPTION")
    );
    for (kind, components) in kinds(registry) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{kind}:");
        for about in components {
            let _ = writeln!(
                text,
                "    - name: {}\n      module: inferscope/{kind} {version}\n      stability:",
                about.name
            );
            for signal in about.signals {
                let _ = writeln!(text, "        {signal}: {}", about.stability);
            }
            if about.signals.is_empty() {
                let _ = writeln!(text, "        extension: {}", about.stability);
            }
            if !about.aliases.is_empty() {
                let _ = writeln!(text, "      deprecated_names: [{}]", about.aliases.join(", "));
            }
        }
    }
    text
}

/// The table in the README.
fn markdown(registry: &Registry) -> String {
    let mut text = String::from("| component | kind | signals | stability | what it does |\n|---|---|---|---|---|\n");
    for (kind, components) in kinds(registry) {
        let kind = kind.trim_end_matches('s');
        for about in components {
            let folder = folder(kind, about.name);
            let signals: Vec<String> = about.signals.iter().map(ToString::to_string).collect();
            let signals = if signals.is_empty() {
                "–".to_owned()
            } else {
                signals.join(", ")
            };
            let _ = writeln!(
                text,
                "| [`{}`]({folder}/README.md) | {kind} | {signals} | {} | {} |",
                about.name, about.stability, about.summary
            );
        }
    }
    text
}

/// Where a component lives. Connectors are processors between pipelines and live with them; the receivers of engines
/// differ in a table only and share a folder.
fn folder(kind: &str, name: &str) -> String {
    let is_engine = || tables::ALL.iter().any(|profile| profile.name == name);
    match kind {
        "receiver" if is_engine() => "receivers/src/engines".to_owned(),
        "connector" => format!("processors/src/{name}"),
        kind => format!("{kind}s/src/{name}"),
    }
}
