//! Rule files of Prometheus.

use config::{Diagnostic, Section};

use crate::file::File;
use crate::query::{Purpose, Query};

/// Reads `groups: [{rules: […]}]`.
pub(crate) fn read(root: &Section) -> File {
    let mut file = File {
        queries: Vec::new(),
        findings: Vec::new(),
    };
    for group in root.get("groups").iter().flat_map(Section::items) {
        for rule in group.get("rules").iter().flat_map(Section::items) {
            match query(&rule) {
                Ok(query) => file.queries.push(query),
                Err(finding) => file.findings.push(finding),
            }
        }
    }
    file
}

fn query(rule: &Section) -> Result<Query, Diagnostic> {
    let text = |key: &str| rule.get(key).and_then(|value| value.text().map(str::to_owned));
    let incomplete = |what: &str| {
        let finding = Diagnostic::error(format!("{what}; Prometheus refuses the whole file"));
        finding.at(rule.origin()).rule("syntax")
    };
    let purpose = match (text("alert"), text("record")) {
        (Some(name), None) => Purpose::Alert {
            name,
            waits: ["for", "keep_firing_for"].iter().any(|key| rule.get(key).is_some()),
        },
        (None, Some(name)) => Purpose::Record { name },
        _ => return Err(incomplete("a rule has either `alert` or `record`")),
    };
    let title = match &purpose {
        Purpose::Alert { name, .. } => format!("alert {name:?}"),
        Purpose::Record { name } => format!("record {name:?}"),
        _ => String::new(),
    };
    let Some(section) = rule.get("expr").filter(|expr| !expr.is_null()) else {
        return Err(incomplete(&format!("{title} has no `expr`")));
    };
    // A rule may be a plain number, which YAML gives as one.
    let expr = section.text().unwrap_or_else(|| section.origin().text()).to_owned();
    Ok(Query::new(title, expr, purpose, &section))
}
