//! What the public guides tell people to paste.

use std::collections::BTreeMap;

use super::{ids, in_a_rule, words};
use crate::{Options, lint_text};

const QUERIES: &str = include_str!("../../tests/guides/queries.txt");
const RULES: &str = include_str!("../../tests/guides/rules.yaml");
const FINDINGS: &str = include_str!("../../tests/guides/rules.findings");
const INSTRUMENTATION: &str = include_str!("../../tests/guides/instrumentation.yaml");

#[test]
fn every_query_of_the_public_guides_gets_its_verdict() {
    let mut cases: Vec<(&str, Vec<(&str, &str)>)> = Vec::new();
    for line in QUERIES.lines() {
        if let Some(expr) = line.strip_prefix("? ") {
            cases.push((expr, Vec::new()));
        } else if let Some(verdict) = line.strip_prefix("! ") {
            cases.last_mut().unwrap().1.push(verdict.split_once(' ').unwrap());
        }
    }
    assert_eq!(cases.len(), 23);

    for (expr, mut verdicts) in cases {
        let report = in_a_rule(expr);
        verdicts.sort_unstable();
        let expected: Vec<&str> = verdicts.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids(&report), expected, "{expr}\n{}", report.findings);
        for (id, said) in verdicts {
            let is_said = report
                .findings
                .iter()
                .any(|finding| finding.rule == Some(id) && words(finding).contains(said));
            assert!(is_said, "{expr} must say {said:?}\n{}", report.findings);
        }
    }
}

#[test]
fn every_rule_of_the_public_guides_gets_its_verdict() {
    let report = lint_text("rules.yaml", RULES, &Options::default());

    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for finding in &report.findings {
        let name = finding.message.split('"').nth(1).unwrap();
        found.entry(name).or_default().push(finding.rule.unwrap());
    }
    let found: BTreeMap<&str, String> = found
        .into_iter()
        .map(|(name, mut ids)| {
            ids.sort_unstable();
            (name, ids.join(" "))
        })
        .collect();
    let expected: BTreeMap<&str, String> = FINDINGS
        .lines()
        .map(|line| line.rsplit_once(": ").unwrap())
        .map(|(name, ids)| (name, ids.to_owned()))
        .collect();
    assert_eq!(found, expected, "{}", report.findings);
    assert_eq!(report.queries, 30);
}

#[test]
fn an_auto_instrumentation_that_posts_to_the_grpc_port_is_found() {
    let report = lint_text("instrumentation.yaml", INSTRUMENTATION, &Options::default());
    let lines: Vec<usize> = report
        .findings
        .iter()
        .map(|it| it.origin.as_ref().unwrap().line())
        .collect();
    assert_eq!(ids(&report), ["otlp-port", "otlp-port"], "{}", report.findings);
    assert_eq!(lines, [7, 12]);

    let over_http = INSTRUMENTATION.replace(":4317", ":4318");
    assert!(
        lint_text("instrumentation.yaml", &over_http, &Options::default())
            .findings
            .is_empty()
    );

    let said = "  env:\n    - {name: OTEL_EXPORTER_OTLP_PROTOCOL, value: grpc}\n";
    let over_grpc = INSTRUMENTATION.replace("  propagators", &format!("{said}  propagators"));
    let report = lint_text("instrumentation.yaml", &over_grpc, &Options::default());
    assert!(report.findings.is_empty(), "{}", report.findings);
}
