//! Files: what kind each is, and the queries in it.

use std::path::Path;

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
    read_text(&name, text, rank)
}

/// Reads a text, whose content says what it is.
pub(crate) fn read_text(name: &str, text: String, rank: usize) -> Result<File, Diagnostics> {
    let source = Source::new(name, with_whole_characters(text), rank);
    let root = Section::from_source(&source, SIZE)?;
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
    let error = Diagnostic::error(format!("{name}: neither rules nor a dashboard"));
    let help = "give Prometheus rule files (`groups:`), PrometheusRule objects, dashboards as Grafana exports them, or \
                Instrumentation objects of the OpenTelemetry operator";
    Err(error.help(help).into())
}

/// JSON with `\ud83d\ude80` written as the character that it means: YAML, of which JSON is a part otherwise, knows no
/// pairs of surrogates.
fn with_whole_characters(text: String) -> String {
    if !text.trim_start().starts_with('{') || !text.contains("\\u") {
        return text;
    }
    let mut whole = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        whole.push_str(before);
        let (written, length) = match pair(escape) {
            Some(character) => (Some(character), 12),
            // The character behind a backslash goes with it: it may be another backslash.
            None => (None, escape.char_indices().nth(2).map_or(escape.len(), |(end, _)| end)),
        };
        match written {
            Some(character) => whole.push(character),
            None => whole.push_str(escape.get(..length).unwrap_or_default()),
        }
        rest = escape.get(length..).unwrap_or_default();
    }
    whole.push_str(rest);
    whole
}

/// The character of two escapes that `text` begins with.
fn pair(text: &str) -> Option<char> {
    let unit = |from: usize| {
        let digits = text.get(from..from + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let units = [unit(0)?, unit(6).filter(|low| (0xDC00..0xE000).contains(low))?];
    char::decode_utf16(units).next()?.ok()
}

fn unreadable(name: &str, why: &str) -> Diagnostics {
    Diagnostic::error(format!("cannot read {name}: {why}")).into()
}
