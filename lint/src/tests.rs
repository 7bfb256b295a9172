mod guides;
mod knowledge;
mod places;
mod promql;
mod reading;
mod rules;
mod shipped;

use config::Diagnostic;

use crate::{Options, Report, lint_text};

/// What is found in a rule file with this expression alone.
fn in_a_rule(expr: &str) -> Report {
    let expr = serde_json::to_string(expr).unwrap();
    let text = format!("groups: [{{name: g, rules: [{{record: a:b, expr: {expr}}}]}}]");
    let report = lint_text("rules.yaml", &text, &Options::default());
    assert!(report.unreadable.is_empty(), "{}", report.unreadable);
    report
}

fn ids(report: &Report) -> Vec<&'static str> {
    let mut ids: Vec<&str> = report.findings.iter().filter_map(|finding| finding.rule).collect();
    ids.sort_unstable();
    ids
}

/// What users read of a finding.
fn words(finding: &Diagnostic) -> String {
    format!("{}\n{}", finding.message, finding.help.as_deref().unwrap_or_default())
}
