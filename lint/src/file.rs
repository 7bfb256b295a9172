//! Files: what kind each is, and the queries in it.

use std::path::Path;
use std::sync::Arc;

use config::{Diagnostic, Diagnostics, Section, Size, Source};

use crate::query::Query;
use crate::{dashboard, instrumentation, rules_file};

/// The largest file that is read. The largest public dashboards have 600 KiB and 25,000 values.
const SIZE: Size = Size {
    bytes_max: 8 * 1024 * 1024,
    values_max: 500_000,
};

/// What a file holds.
pub(crate) struct File {
    pub(crate) queries: Vec<Query>,
    /// What is wrong with it apart from its queries.
    pub(crate) findings: Vec<Diagnostic>,
}

/// The queries of a Prometheus rule file or a Grafana dashboard, in the order of the file.
pub fn queries_of(path: &Path) -> Result<Vec<Query>, Diagnostics> {
    Ok(read(path, 0)?.queries)
}

/// Reads a file; `rank` is its place on the command line.
pub(crate) fn read(path: &Path, rank: usize) -> Result<File, Diagnostics> {
    let name = path.display().to_string();
    let text = std::fs::read(path).map_err(|error| unreadable(&name, &error.to_string()))?;
    let text = String::from_utf8(text).map_err(|_| unreadable(&name, "it is not UTF-8"))?;
    read_text(&Source::new(name, text, rank))
}

/// Reads a text, whose content says what it is.
pub(crate) fn read_text(source: &Arc<Source>) -> Result<File, Diagnostics> {
    let root = Section::from_source(source, SIZE)?;
    let kind = root.get("kind");
    let kind = kind.as_ref().and_then(Section::text);
    let spec = root.get("spec");
    match (kind, spec) {
        (Some("PrometheusRule"), Some(spec)) => return Ok(rules_file::read(&spec)),
        (Some("Instrumentation"), Some(spec)) => return Ok(instrumentation::read(&spec)),
        _ => {}
    }
    if root.get("groups").is_some() {
        return Ok(rules_file::read(&root));
    }
    let queries = dashboard::read(&root);
    let is_dashboard = ["panels", "rows", "dashboard", "templating", "elements"];
    if !queries.is_empty() || is_dashboard.iter().any(|key| root.get(key).is_some()) {
        let findings = Vec::new();
        return Ok(File { queries, findings });
    }
    let error = Diagnostic::error(format!("{}: neither rules nor a dashboard", source.name()));
    let help = "give Prometheus rule files (`groups:`), PrometheusRule objects, dashboards as Grafana exports them, or \
                Instrumentation objects of the OpenTelemetry operator";
    Err(error.help(help).into())
}

fn unreadable(name: &str, why: &str) -> Diagnostics {
    Diagnostic::error(format!("cannot read {name}: {why}")).into()
}
