//! What we ship says what it means, is tested, and has a reason to be looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use config::Section;
use serde_json::Value;

use crate::{Options, Purpose, lint, queries_of};

fn in_deploy(folder: &str) -> Vec<PathBuf> {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    let entries = std::fs::read_dir(deploy.join(folder)).unwrap();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "yaml" || it == "json"))
        .collect();
    paths.sort();
    paths
}

fn dashboards() -> Vec<(PathBuf, Value)> {
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let board = serde_json::from_str(&text).unwrap();
        (path, board)
    };
    in_deploy("grafana").into_iter().map(read).collect()
}

#[test]
fn shipped_rules_and_dashboards_have_no_findings() {
    let paths = [in_deploy("prometheus/rules"), in_deploy("grafana")].concat();

    let report = lint(&paths, &Options::default());

    assert!(report.unreadable.is_empty(), "{}", report.unreadable);
    assert!(report.findings.is_empty(), "{}", report.findings);
    assert!(paths.len() >= 8, "{paths:?}");
    assert!(report.queries >= 150, "only {} queries were read", report.queries);
}

#[test]
fn every_alert_is_tested_firing_and_not_firing() {
    let mut tested: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
    for path in in_deploy("prometheus/tests") {
        let text = std::fs::read_to_string(&path).unwrap();
        let root = Section::from_yaml(&path.display().to_string(), &text).unwrap();
        let tests = root.get("tests").unwrap().items();
        for alert in tests.iter().flat_map(|test| test.nearest("alert_rule_test").items()) {
            let name = alert.get("alertname").unwrap().text().unwrap().to_owned();
            let fires = !alert.get("exp_alerts").unwrap().items().is_empty();
            tested.entry(name).or_default().insert(fires);
        }
    }

    let mut alerts = 0;
    for query in in_deploy("prometheus/rules")
        .iter()
        .flat_map(|path| queries_of(path).unwrap())
    {
        if let Purpose::Alert { name, .. } = &query.purpose {
            alerts += 1;
            let outcomes = tested.get(name).cloned().unwrap_or_default();
            assert_eq!(outcomes, BTreeSet::from([false, true]), "{name}");
        }
    }
    assert!(alerts >= 20, "only {alerts} alerts were found");
}

#[test]
fn every_panel_has_a_purpose_a_unit_and_a_place_of_its_own() {
    let mut boards = BTreeSet::new();
    for (path, board) in dashboards() {
        let shown = path.display();
        assert!(boards.insert(board["uid"].as_str().unwrap().to_owned()), "{shown}");
        assert!(board["schemaVersion"].as_u64().unwrap() >= 39, "{shown}");
        let mut ids = BTreeSet::new();
        let mut taken = BTreeSet::new();
        for panel in board["panels"].as_array().unwrap() {
            let title = panel["title"].as_str().unwrap();
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{shown}: {title}");
            let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
            for x in side("x")..side("x") + side("w") {
                for y in side("y")..side("y") + side("h") {
                    assert!(x < 24 && taken.insert((x, y)), "{shown}: {title} lies on another");
                }
            }
            if panel["type"] == "row" {
                continue;
            }
            let description = panel["description"].as_str().unwrap();
            assert!(description.len() > 25, "{shown}: {title}");
            let unit = panel["fieldConfig"]["defaults"]["unit"].as_str();
            let unit = unit.or(panel["options"]["yAxis"]["unit"].as_str());
            assert!(
                unit.is_some_and(|unit| !unit.is_empty()),
                "{shown}: {title} has no unit"
            );
            for target in panel["targets"].as_array().unwrap() {
                assert_eq!(target["datasource"]["uid"], "${datasource}", "{shown}: {title}");
            }
        }
    }
    assert!(boards.len() >= 4, "{boards:?}");
}

#[test]
fn variables_of_dashboards_are_declared() {
    for (path, board) in dashboards() {
        let declared: BTreeSet<&str> = board["templating"]["list"]
            .as_array()
            .unwrap()
            .iter()
            .map(|variable| variable["name"].as_str().unwrap())
            .collect();
        assert!(declared.contains("datasource"), "{}", path.display());

        for query in queries_of(&path).unwrap() {
            let used = std::cell::RefCell::new(BTreeSet::new());
            query.filled(|name| {
                used.borrow_mut().insert(name.to_owned());
                String::new()
            });
            for name in used.into_inner().iter().filter(|name| !name.starts_with("__")) {
                assert!(declared.contains(name.as_str()), "{}: ${name}", query.title);
            }
        }
    }
}
