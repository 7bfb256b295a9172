//! The shipped rules and dashboards before a real promtool, and the command that judges those of others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::peers::peer;
use crate::program;
use crate::released;
use crate::wire;

const VALID: &str = include_str!("../../lint/tests/promql/valid.txt");
const INVALID: &str = include_str!("../../lint/tests/promql/invalid.txt");

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

fn promtool(arguments: &[&str], files: &[PathBuf]) -> Output {
    let mut command = Command::new(peer("promtool-3.8.1"));
    command.arg("--enable-feature=promql-experimental-functions");
    command.args(arguments).args(files).output().unwrap()
}

fn written(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .concat()
}

/// A rule file that records each of these expressions.
fn recording(path: &Path, expressions: &[String]) {
    let rules: Vec<serde_json::Value> = expressions
        .iter()
        .enumerate()
        .map(|(index, expr)| serde_json::json!({"record": format!("a:b{index}"), "expr": expr}))
        .collect();
    let file = serde_json::json!({"groups": [{"name": "g", "rules": rules}]});
    fs::write(path, file.to_string()).unwrap();
}

fn expressions(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with("## "));
    lines.map(str::to_owned).collect()
}

#[test]
fn promtool_finds_nothing_in_the_shipped_rules() {
    let checked = promtool(
        &["check", "rules", "--lint=all", "--lint-fatal"],
        &files("deploy/prometheus/rules"),
    );

    assert!(checked.status.success(), "{}", written(&checked));
}

#[test]
fn the_shipped_rules_do_what_their_tests_say() {
    let tested = promtool(&["test", "rules"], &files("deploy/prometheus/tests"));

    assert!(tested.status.success(), "{}", written(&tested));
}

#[test]
fn prometheus_reads_every_query_of_the_shipped_dashboards() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queries.yaml");
    let queries = files("deploy/grafana")
        .into_iter()
        .flat_map(|path| lint::queries_of(&path).unwrap());
    let filled: Vec<String> = queries
        .map(|query| {
            query.filled(|name| match name {
                "__rate_interval" => "5m".to_owned(),
                _ => ".*".to_owned(),
            })
        })
        .collect();
    assert!(filled.len() > 80);
    recording(&path, &filled);

    let checked = promtool(&["check", "rules", "--lint=none"], &[path]);

    assert!(checked.status.success(), "{}", written(&checked));
}

#[test]
fn what_the_linter_can_read_prometheus_can_read_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let valid = folder.path().join("valid.yaml");
    recording(&valid, &expressions(VALID));
    let checked = promtool(&["check", "rules", "--lint=none"], &[valid]);
    assert!(checked.status.success(), "{}", written(&checked));

    for (index, expr) in expressions(INVALID).into_iter().enumerate() {
        let path = folder.path().join(format!("invalid{index}.yaml"));
        recording(&path, std::slice::from_ref(&expr));
        let checked = promtool(&["check", "rules", "--lint=none"], &[path]);
        assert!(!checked.status.success(), "Prometheus reads {expr}");
    }
}

fn lint_rules(arguments: &[&str]) -> Output {
    let mut command = Command::new(released::program());
    command
        .arg("lint-rules")
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap()
}

#[test]
fn lint_rules_is_silent_about_the_shipped_files() {
    let shipped = [files("deploy/prometheus/rules"), files("deploy/grafana")].concat();
    let shipped: Vec<&str> = shipped.iter().map(|path| path.to_str().unwrap()).collect();

    let output = lint_rules(&shipped);

    assert_eq!(written(&output), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn lint_rules_finds_what_is_wrong_with_the_rules_of_the_public_guides() {
    let guides = "lint/tests/guides/rules.yaml";

    let text = lint_rules(&[guides]);
    let json = lint_rules(&["--format", "json", guides]);

    assert_eq!(text.status.code(), Some(1));
    let shown = written(&text);
    assert!(
        shown.contains("error[wrong-prefix]: record \"ai:tokens_per_second\""),
        "{shown}"
    );
    assert!(
        shown.contains("= help: write `vllm:generation_tokens_total`;"),
        "{shown}"
    );
    assert_eq!(json.status.code(), Some(1));
    let findings: Vec<serde_json::Value> = String::from_utf8(json.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(findings.len() > 20);
    for finding in &findings {
        assert_eq!(finding["file"], guides);
        assert!(finding["rule"].is_string() && finding["line"].is_u64(), "{finding}");
    }
}

#[test]
fn lint_rules_says_which_file_it_could_not_read() {
    let missing = lint_rules(&["nowhere.yaml", "lint/tests/guides/rules.yaml"]);
    let other = lint_rules(&["Cargo.toml"]);
    let unknown = lint_rules(&["--allow", "no-such-rule", "Cargo.toml"]);

    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("nowhere.yaml"));
    assert!(!missing.stdout.is_empty(), "the other file is judged all the same");
    assert_eq!(other.status.code(), Some(2));
    assert!(written(&unknown).contains("there is no rule \"no-such-rule\""));
}

#[test]
fn lint_rules_lists_queries_for_other_programs() {
    let output = lint_rules(&["--queries", "deploy/grafana/engine.json"]);

    assert!(output.status.success());
    let queries: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(queries.len() > 20);
    assert!(
        queries
            .iter()
            .all(|query| query["title"].is_string() && query["expr"].is_string())
    );
}

/// The linter's table of own metrics against the page itself.
#[tokio::test]
async fn lint_rules_knows_every_metric_of_the_programs_own_page() {
    let mut program = program::with("nop.yaml").start().await;
    let answer = wire::get(program.metrics, "/metrics")
        .await
        .expect("the page of own metrics answers");
    let page = String::from_utf8(answer.body.to_vec()).unwrap();
    program.stop().await;
    let series: Vec<String> = page
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line[..line.rfind(' ').unwrap()].to_owned())
        .collect();
    assert!(series.len() > 30);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.yaml");
    recording(&path, &series);

    let output = lint_rules(&[path.to_str().unwrap()]);

    assert_eq!(written(&output), "");
}
