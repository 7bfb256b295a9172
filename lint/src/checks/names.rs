//! Names that no exporter has.

use config::Diagnostic;

use super::Case;
use crate::knowledge::{Former, Kind, Known, Part, Table};
use crate::promql::Selector;

/// What an alias of the `vllm` receiver is marked with: names of old dashboards on purpose.
const ALIAS: &str = "inferscope_alias";

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Diagnostic>) {
    for (_, selector) in case.expr.selectors() {
        let Some(name) = selector.name.as_deref() else {
            continue;
        };
        let is_alias = selector.matchers.iter().any(|matcher| matcher.label == ALIAS);
        if !is_alias && !case.recorded.contains_key(name) {
            findings.extend(name_finding(case, selector, name));
        }
    }
}

fn name_finding(case: &Case<'_>, selector: &Selector, name: &str) -> Option<Diagnostic> {
    let at = |id, what: String| case.finding(id, &what, &selector.name_span);
    match case.knowledge.look(name) {
        Known::Foreign => None,
        Known::Series(family, _) if family.is_off => {
            let note = family.note.as_deref().unwrap_or("tell the exporter to export it");
            let source = case.knowledge.source(&family.name);
            Some(at("not-exported", format!("{source} leaves `{name}` out by default")).help(note))
        }
        Known::Series(..) => None,
        Known::Suffix(family, part) => {
            let (what, help) = suffix(&family.name, family.kind, part, family.note.as_deref());
            Some(at("histogram-name", what).help(help))
        }
        Known::Former(former, table) => Some(former_finding(case, selector, name, former, table)),
        Known::Mistaken { right } => Some(mistaken(case, selector, name, &right)),
        Known::Missing { table, nearest } => {
            let what = format!("{} has no metric `{name}`, so this never returns data", table.source);
            let help = match nearest {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => {
                    "look the name up on the exporter's page; if a recording rule stores it, name that file as well"
                        .to_owned()
                }
            };
            Some(at("unknown-metric", what).help(help))
        }
    }
}

/// A name with an underscore for a colon, which may be old or misspelt besides.
fn mistaken(case: &Case<'_>, selector: &Selector, name: &str, right: &str) -> Diagnostic {
    let prefix = right.split(':').next().unwrap_or_default();
    let colon = format!("names of {prefix} have a colon: `{prefix}:…`, not `{prefix}_…`");
    let at = |id, what: String| case.finding(id, &what, &selector.name_span);
    match case.knowledge.look(right) {
        Known::Former(former, table) => {
            let (what, help) = described(right, former, table);
            let id = former_rule(former);
            at(id, format!("`{name}` never returns data: {colon}, and {what}")).help(help)
        }
        Known::Suffix(family, part) => {
            let (what, help) = suffix(&family.name, family.kind, part, family.note.as_deref());
            at(
                "histogram-name",
                format!("`{name}` never returns data: {colon}, and {what}"),
            )
            .help(help)
        }
        Known::Missing { nearest, .. } => {
            let help = nearest.map_or("look the name up on the engine's page".to_owned(), |nearest| {
                format!("did you mean `{nearest}`?")
            });
            at(
                "unknown-metric",
                format!("`{name}` never returns data: {colon}, and there is no `{right}`"),
            )
            .help(help)
        }
        _ => {
            let help = match prefix {
                "vllm" => format!(
                    "write `{right}`; where the query cannot be changed, the receiver `vllm` tells both names with \
                     `aliases: [underscores]`"
                ),
                _ => format!("write `{right}`"),
            };
            at("wrong-prefix", format!("`{name}` never returns data: {colon}")).help(help)
        }
    }
}

fn former_finding(case: &Case<'_>, selector: &Selector, name: &str, former: &Former, table: &Table) -> Diagnostic {
    let (what, help) = described(name, former, table);
    let id = former_rule(former);
    case.finding(id, &format!("this never returns data: {what}"), &selector.name_span)
        .help(help)
}

fn former_rule(former: &Former) -> &'static str {
    match former.now {
        Some(_) => "renamed-metric",
        None => "removed-metric",
    }
}

/// What became of a name, and what to write.
fn described(name: &str, former: &Former, table: &Table) -> (String, String) {
    let suffix = name.strip_prefix(former.name.as_str()).unwrap_or_default();
    let source = table.source.split_whitespace().next().unwrap_or_default();
    let what = match &former.until {
        Some(version) => format!("{source} {version} no longer has `{name}`"),
        None => format!("{source} has no `{name}`"),
    };
    let help = match (&former.now, &former.note) {
        (Some(now), None) => format!("write `{now}{suffix}`"),
        (Some(now), Some(note)) => format!("write `{now}{suffix}` ({note})"),
        (None, note) => note.clone().unwrap_or_default(),
    };
    (what, help)
}

/// The series that a family does not have, and those that it has.
fn suffix(name: &str, kind: Kind, part: Part, note: Option<&str>) -> (String, String) {
    if kind == Kind::Native {
        let written = match part {
            Part::Bucket => "_bucket",
            Part::Sum => "_sum",
            _ => "_count",
        };
        let what = format!("`{name}` is a native histogram and has no series `{name}{written}`");
        let help = match part {
            Part::Bucket => format!("write histogram_quantile(0.95, sum(rate({name}[5m]))), without `le`"),
            Part::Sum => format!("write histogram_sum(rate({name}[5m]))"),
            _ => format!("write histogram_count(rate({name}[5m]))"),
        };
        let unless = "with `histograms: {…: {kind: explicit}}` it is a classic one; then pass --allow histogram-name";
        return (what, format!("{help}; {unless}"));
    }
    let note = note.map_or(String::new(), |note| format!(" ({note})"));
    let what = format!("`{name}` is a histogram{note} and has no series of that name");
    let help = format!(
        "its series are `{name}_bucket`, `{name}_sum` and `{name}_count`; where Prometheus keeps it as a native histogram, \
         pass --allow histogram-name"
    );
    (what, help)
}
