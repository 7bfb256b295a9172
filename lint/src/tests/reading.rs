//! Which queries are found in which files.

use crate::file::read_text;
use crate::{Options, Purpose, Query, lint_text};

fn queries(text: &str) -> Vec<Query> {
    read_text("file", text.to_owned(), 0).unwrap().queries
}

fn titles_and_expressions(text: &str) -> Vec<(String, String)> {
    queries(text)
        .into_iter()
        .map(|query| (query.title, query.expr))
        .collect()
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn a_dashboard_gives_queries_of_panels_rows_variables_and_annotations() {
    let board = r#"{
        "title": "Board",
        "annotations": {"list": [{"name": "Restarts", "enable": true, "expr": "changes(process_start_time_seconds[1m]) > 0"}]},
        "templating": {"list": [
            {"name": "model", "type": "query", "query": {"query": "label_values(vllm:num_requests_running{job=\"a\"}, model_name)"}},
            {"name": "up", "type": "query", "query": "query_result(up == 1)"},
            {"name": "static", "type": "custom", "query": "1m,5m"},
            {"name": "all", "type": "query", "query": "label_values(job)"}
        ]},
        "panels": [
            {"title": "A", "targets": [{"refId": "A", "expr": "up"}, {"refId": "B", "expr": "down"}]},
            {"type": "row", "title": "Row", "panels": [{"title": "Nested", "targets": [{"expr": "nested"}]}]},
            {"title": "Logs", "datasource": {"type": "loki"}, "targets": [{"expr": "{app=\"a\"} |= \"x\""}]},
            {"title": "Empty", "targets": [{"expr": ""}]}
        ],
        "rows": [{"title": "Old", "panels": [{"title": "Older", "targets": [{"expr": "older"}]}]}]
    }"#;

    assert_eq!(
        titles_and_expressions(board),
        owned(&[
            ("variable \"model\"", "vllm:num_requests_running{job=\"a\"}"),
            ("variable \"up\"", "up == 1"),
            ("annotation \"Restarts\"", "changes(process_start_time_seconds[1m]) > 0"),
            ("panel \"A\", query A", "up"),
            ("panel \"A\", query B", "down"),
            ("panel \"Nested\"", "nested"),
            ("panel \"Older\"", "older"),
        ])
    );
}

#[test]
fn a_dashboard_of_the_second_schema_is_read() {
    let board = r#"{"kind": "Dashboard", "spec": {"elements": {"panel-1": {"kind": "Panel", "spec": {
        "title": "Waiting",
        "data": {"spec": {"queries": [{"spec": {"refId": "A", "query": {"group": "prometheus", "datasource": {"name": "p"},
            "spec": {"expr": "sum(vllm:num_requests_waiting)"}}}}]}}
    }}}}}"#;

    assert_eq!(
        titles_and_expressions(board),
        owned(&[("panel \"Waiting\"", "sum(vllm:num_requests_waiting)")])
    );
}

#[test]
fn rules_are_read_from_files_and_from_objects_of_the_operator() {
    let rules =
        "groups: [{name: g, rules: [{record: a, expr: up}, {alert: B, expr: down, for: 1m}, {record: c, expr: 1}]}]";
    let object = format!("apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec: {{{rules}}}");
    let expected = owned(&[("record \"a\"", "up"), ("alert \"B\"", "down"), ("record \"c\"", "1")]);

    assert_eq!(titles_and_expressions(rules), expected);
    assert_eq!(titles_and_expressions(&object), expected);
    assert!(matches!(queries(rules)[1].purpose, Purpose::Alert { waits: true, .. }));
}

#[test]
fn a_rule_that_prometheus_would_refuse_is_found() {
    let rules = "groups: [{name: g, rules: [{expr: up}, {record: a}, {record: a, alert: b, expr: up}]}]";

    let report = lint_text("rules.yaml", rules, &Options::default());

    assert_eq!(
        super::ids(&report),
        ["syntax", "syntax", "syntax"],
        "{}",
        report.findings
    );
}

#[test]
fn a_file_that_is_something_else_is_said_to_be() {
    for text in ["a: b", "[]", "hello", "{\"a\": 1", "groups:\n\t- x"] {
        let report = lint_text("file", text, &Options::default());
        assert!(report.unreadable.has_errors(), "{text}");
        assert!(report.findings.is_empty(), "{text}");
    }
}

#[test]
fn json_with_tabs_and_pairs_of_surrogates_is_read() {
    let board = "{\n\t\"title\": \"\\ud83d\\ude80\",\n\t\"panels\": [\n\t\t{\"title\": \"A\", \"targets\": [{\"expr\": \"up\"}]}\n\t]\n}";

    assert_eq!(titles_and_expressions(board), owned(&[("panel \"A\"", "up")]));
}

#[test]
fn a_query_gives_its_selectors_without_ranges() {
    let board = r#"{"panels": [{"title": "A", "targets": [
        {"expr": "sum(rate(a{x=~\"$x\"}[$__rate_interval] offset 1m)) / on () (b or {__name__=~\"c.*\"})"}]}]}"#;

    let selectors = queries(board)[0].filled_selectors(|_| "1".to_owned());

    let expected = ["a{x=~\"1\"}", "b", "{__name__=~\"c.*\"}"].map(str::to_owned);
    assert_eq!(selectors, Some(expected.to_vec()));
}

#[test]
fn with_bool_no_comparison_leaves_series_out() {
    let alert = |expr: &str| format!("groups: [{{name: g, rules: [{{alert: A, expr: '{expr}'}}]}}]");
    for (expr, expected) in [
        ("up == 0", "up == bool 0"),
        ("up == bool 0", "up == bool 0"),
        (
            "(a > 1) and b >= on (c) 2 * d != 3",
            "(a > bool 1) and b >= bool on (c) 2 * d != bool 3",
        ),
        ("a{b!=\"c\"} + 1", "a{b!=\"c\"} + 1"),
    ] {
        assert_eq!(queries(&alert(expr))[0].with_bool().as_deref(), Some(expected));
    }
}

#[test]
fn variables_are_filled_in_by_name() {
    let board = r#"{"panels": [{"title": "A", "targets": [
        {"expr": "sum by (job) (rate(a_total{model=~\"$model\", x=~\"${x:regex}\", y=\"[[y]]\", z=\"$1\"}[$__rate_interval]))"}]}]}"#;

    let filled = queries(board)[0].filled(|name| format!("<{name}>"));

    assert_eq!(
        filled,
        "sum by (job) (rate(a_total{model=~\"<model>\", x=~\"<x>\", y=\"<y>\", z=\"$1\"}[<__rate_interval>]))"
    );
}
