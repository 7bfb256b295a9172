//! `docs/telemetry.md` lists every own metric, from the constants in the code.
#![cfg_attr(not(feature = "own-otlp"), allow(dead_code, unused_imports))] // The table is that of the whole program.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use config::Kind;
use config::telemetry::Detail;
use pipeline::component::About;
use pipeline::telemetry::{MetricAbout, Suffixes, detail_of, of_pipelines};

use super::inbox::PATIENCE;
use super::rig::{Rig, free_port, send_all};
use crate::own::{process, resource};
use crate::source;

const BEGIN: &str = "<!-- written by the test src/own/tests/table.rs; UPDATE_EXPECT=1 writes it anew -->\n";
const END: &str = "<!-- end -->\n";

/// The metrics by where they come from.
fn groups() -> Vec<(String, Vec<MetricAbout>)> {
    let mut process = process::ALL.to_vec();
    process.push(resource::TARGET_INFO);
    #[cfg(feature = "own-otlp")]
    process.push(crate::own::push::FAILURES);
    let mut groups = vec![
        ("The process".to_owned(), process),
        ("Every component of a pipeline".to_owned(), of_pipelines()),
    ];
    let registry = source::registry();
    let abouts = |kind, of: Vec<About>| of.into_iter().map(move |about| (kind, about));
    let components = abouts(Kind::Receiver, registry.receivers.values().map(|it| it.about).collect())
        .chain(abouts(
            Kind::Processor,
            registry.processors.values().map(|it| it.about).collect(),
        ))
        .chain(abouts(
            Kind::Exporter,
            registry.exporters.values().map(|it| it.about).collect(),
        ))
        .chain(abouts(
            Kind::Connector,
            registry.connectors.values().map(|it| it.about).collect(),
        ))
        .chain(abouts(
            Kind::Extension,
            registry.extensions.values().map(|it| it.about).collect(),
        ));
    for (kind, about) in components.filter(|(_, about)| !about.metrics.is_empty()) {
        groups.push((format!("{kind} `{}`", about.name), about.metrics.to_vec()));
    }
    groups
}

fn table() -> String {
    let mut text = String::new();
    for (group, metrics) in groups() {
        let _ = write!(
            text,
            "\n### {group}\n\n| metric | unit | from level | meaning |\n|---|---|---|---|\n"
        );
        let sorted: BTreeMap<&str, &MetricAbout> = metrics.iter().map(|about| (about.name, about)).collect();
        for about in sorted.values() {
            let level = match detail_of(about.name) {
                Detail::None | Detail::Basic => "basic",
                Detail::Normal => "normal",
                Detail::Detailed => "detailed",
            };
            let unit = if about.unit.is_empty() {
                "–".to_owned()
            } else {
                format!("`{}`", about.unit)
            };
            let _ = writeln!(
                text,
                "| `{}` | {unit} | {level} | {} |",
                about.name,
                about.help.replace('|', "\\|")
            );
        }
    }
    text.push('\n');
    text
}

#[cfg(feature = "own-otlp")]
#[test]
fn the_page_of_the_documentation_lists_every_metric_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/telemetry.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the mark where the table begins");
    let (written, after) = rest.split_once(END).expect("the mark where the table ends");

    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", table())).unwrap();
        return;
    }

    assert_eq!(written, table(), "UPDATE_EXPECT=1 writes it anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_under_load_shows_is_listed() {
    let (otlp, own) = (free_port(), free_port());
    let rig = Rig::start(&format!(
        r#"
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}, http: {{endpoint: "127.0.0.1:{otlp}"}}}}}}}}
processors: {{batch: {{timeout: 10ms}}, memory_limiter: {{check_interval: 1s, limit_mib: 512}}, llm_phases: }}
exporters: {{nop: }}
connectors: {{forward: }}
service:
  pipelines:
    traces/in: {{receivers: [otlp], processors: [memory_limiter, llm_phases], exporters: [forward]}}
    traces: {{receivers: [forward], processors: [batch], exporters: [nop]}}
    metrics: {{receivers: [otlp], exporters: [nop]}}
    logs: {{receivers: [otlp], exporters: [nop]}}
  telemetry:
    metrics:
      level: detailed
      readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {own}}}}}}}}}]
"#
    ))
    .await;
    send_all(otlp).await;
    let shown = rig.world.telemetry.metrics().names();
    let page = rig.world.telemetry.metrics().render(Suffixes::none());
    rig.stop(PATIENCE).await;

    let listed: Vec<&str> = groups()
        .iter()
        .flat_map(|(_, metrics)| metrics.iter().map(|it| it.name).collect::<Vec<_>>())
        .collect();
    assert!(page.lines().count() > 100);
    let missing: Vec<_> = shown.iter().filter(|name| !listed.contains(*name)).collect();
    assert!(missing.is_empty(), "these are in no list: {missing:?}");
}
