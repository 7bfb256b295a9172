//! What we ship says what it means.

use std::path::{Path, PathBuf};

use crate::{Options, lint, queries_of};

/// The rule files and dashboards of `deploy/`.
fn shipped() -> Vec<PathBuf> {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    let mut paths: Vec<PathBuf> = ["prometheus/rules", "grafana"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(deploy.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "yaml" || it == "json"))
        .collect();
    paths.sort();
    paths
}

#[test]
fn shipped_rules_and_dashboards_have_no_findings() {
    let paths = shipped();

    let report = lint(&paths, &Options::default());

    assert!(report.unreadable.is_empty(), "{}", report.unreadable);
    assert!(report.findings.is_empty(), "{}", report.findings);
    assert!(paths.len() >= 7, "{paths:?}");
    assert!(report.queries >= 100, "only {} queries were read", report.queries);
}

#[test]
fn every_query_of_a_dashboard_is_named() {
    let dashboards = shipped().into_iter().filter(|path| path.extension().is_some_and(|it| it == "json"));

    for query in dashboards.flat_map(|path| queries_of(&path).unwrap()) {
        assert!(!query.title.contains("\"\""), "{}: a panel without a title", query.file());
    }
}
