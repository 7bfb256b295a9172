//! Findings point at the word that is wrong, whatever the file does with quotes and line breaks.

use crate::{Options, lint_text};

/// What is under the caret of the only finding.
fn pointed_at(text: &str) -> String {
    let report = lint_text("file", text, &Options::default());
    assert!(report.unreadable.is_empty(), "{}", report.unreadable);
    assert_eq!(report.findings.len(), 1, "{}", report.findings);
    let finding = report.findings.iter().next().unwrap();
    finding.origin.as_ref().unwrap().text().to_owned()
}

fn in_yaml(expr: &str) -> String {
    format!("groups:\n  - name: g\n    rules:\n      - record: a:b\n        expr: {expr}\n")
}

#[test]
fn the_word_is_found_in_every_style_of_yaml() {
    for expr in [
        "sum(vllm_num_requests_waiting) > 5",
        "'sum(vllm_num_requests_waiting{a=''b''}) > 5'",
        "\"sum(\\n vllm_num_requests_waiting{instance=\\\"b\\\"}) > 5\"",
        "|\n          sum(\n            vllm_num_requests_waiting\n          ) > 5",
        ">-\n          sum(\n          vllm_num_requests_waiting\n          ) > 5",
        "sum(\n          vllm_num_requests_waiting) > 5",
    ] {
        let text = in_yaml(expr).replace("{a=''b''}", "{instance=''b''}");
        assert_eq!(pointed_at(&text), "vllm_num_requests_waiting", "{text}");
    }
}

#[test]
fn the_word_is_found_in_json() {
    let text = "{\"panels\": [{\"title\": \"Wait\\u003c5\", \"targets\": [\n\
                {\"expr\": \"sum(up{job=\\\"\\u003ca\\\"}) or\\n sum(vllm_num_requests_waiting)\"}]}]}";

    assert_eq!(pointed_at(text), "vllm_num_requests_waiting");
}

#[test]
fn a_finding_in_a_file_of_one_line_shows_its_query_alone() {
    let panels = "{\"title\": \"empty\"},".repeat(1_000);
    let text = format!(
        "{{\"panels\": [{panels}{{\"title\": \"Waiting\", \"targets\": [{{\"refId\": \"A\", \"expr\": \
         \"sum(vllm_num_requests_waiting)\"}}]}}]}}"
    );

    let shown = lint_text("board.json", &text, &Options::default())
        .findings
        .render(false);

    assert_eq!(
        shown,
        r#"error[wrong-prefix]: panel "Waiting", query A: `vllm_num_requests_waiting` never returns data: names of vllm have a colon: `vllm:…`, not `vllm_…`
 --> board.json (panel "Waiting", query A):1:5
  |
1 | sum(vllm_num_requests_waiting)
  |     ^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write `vllm:num_requests_waiting`; where the query cannot be changed, the receiver `vllm` tells both names with `aliases: [underscores]`
"#
    );
}

#[test]
fn a_finding_says_what_where_why_and_what_instead() {
    let text = in_yaml("rate(node_gpu_hourly_cost[1h])");

    let shown = lint_text("rules.yaml", &text, &Options::default())
        .findings
        .render(false);

    assert_eq!(
        shown,
        r#"error[rate-of-gauge]: record "a:b": `node_gpu_hourly_cost` is a gauge, and `rate` takes every fall for a restart
 --> rules.yaml:5:15
  |
5 |         expr: rate(node_gpu_hourly_cost[1h])
  |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: for its mean write avg_over_time(node_gpu_hourly_cost[…]), for its change delta(node_gpu_hourly_cost[…])
"#
    );
}
