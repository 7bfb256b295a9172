//! Each rule finds its own example and nothing else, and is silent about what is right.

use std::collections::BTreeSet;

use super::{ids, in_a_rule};
use crate::{Options, RULES, Report, lint_text, rules_as_markdown};

#[test]
fn every_rule_finds_its_wrong_example_and_not_its_right_one() {
    for rule in RULES.iter().filter(|rule| !rule.wrong.is_empty()) {
        let wrong = in_a_rule(rule.wrong);
        assert_eq!(ids(&wrong), [rule.id], "{}\n{}", rule.wrong, wrong.findings);
        let severities: Vec<_> = wrong.findings.iter().map(|finding| finding.severity).collect();
        assert_eq!(severities, [rule.severity]);

        let right = in_a_rule(rule.right);
        assert!(right.findings.is_empty(), "{}\n{}", rule.right, right.findings);
    }
}

#[test]
fn names_of_rules_are_unique() {
    let names: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();

    assert_eq!(names.len(), RULES.len());
}

#[test]
fn the_documentation_lists_the_rules() {
    let page = include_str!("../../../docs/lint-rules.md");

    assert!(
        page.contains(&rules_as_markdown()),
        "docs/lint-rules.md does not hold this list:\n{}",
        rules_as_markdown()
    );
}

#[test]
fn an_allowed_rule_is_not_applied() {
    let text = "groups: [{name: g, rules: [{alert: A, expr: up == 0}]}]";
    let options = Options {
        allowed: vec!["alert-without-for".to_owned()],
        ..Options::default()
    };

    assert_eq!(ids(&lint_text("a", text, &Options::default())), ["alert-without-for"]);
    assert!(lint_text("a", text, &options).findings.is_empty());
}

#[test]
fn a_comment_takes_a_rule_back_for_its_expression() {
    let query = "rate(DCGM_FI_DEV_THERMAL_VIOLATION[5m])";

    let allowed = format!("# lint-rules: allow not-exported, rate-of-gauge\n{query}");
    let other = format!("# lint-rules: allow rate-of-gauge\n{query}");
    let unknown = format!("# lint-rules: allow not-exportd\n{query}");

    assert!(in_a_rule(&allowed).findings.is_empty());
    assert_eq!(ids(&in_a_rule(&other)), ["not-exported"]);
    assert_eq!(ids(&in_a_rule(&unknown)), ["not-exported", "syntax"]);
}

#[test]
fn a_label_that_the_user_adds_is_known() {
    let text = "groups: [{name: g, rules: [{record: 'a:b', expr: sum by (tenant) (vllm:num_requests_running)}]}]";
    let options = Options {
        labels: vec!["tenant".to_owned()],
        ..Options::default()
    };

    assert_eq!(ids(&lint_text("a", text, &Options::default())), ["unknown-label"]);
    assert!(lint_text("a", text, &options).findings.is_empty());
}

/// A dashboard with one panel.
fn in_a_panel(expr: &str, unit: &str) -> Report {
    let panel = serde_json::json!({
        "panels": [{
            "title": "Panel",
            "fieldConfig": {"defaults": {"unit": unit}},
            "targets": [{"refId": "A", "expr": expr}],
        }],
    });
    let text = serde_json::to_string_pretty(&panel).unwrap();
    lint_text("dashboard.json", &text, &Options::default())
}

#[test]
fn a_panel_shows_values_in_the_unit_that_they_have() {
    let kv = "avg by (model_name) (vllm:kv_cache_usage_perc)";
    let triton = "rate(nv_inference_queue_duration_us[5m]) / rate(nv_inference_request_success[5m])";
    let ttft = "histogram_quantile(0.9, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket[$__rate_interval])))";

    for (expr, unit, expected) in [
        (kv, "percentunit", false),
        (kv, "percent", true),
        (triton, "s", true),
        (triton, "µs", false),
        (ttft, "s", false),
        (ttft, "ms", true),
        ("DCGM_FI_DEV_FB_USED", "bytes", true),
        ("DCGM_FI_DEV_FB_USED * 1024 * 1024", "bytes", false),
        ("DCGM_FI_DEV_FB_USED", "mbytes", false),
    ] {
        let report = in_a_panel(expr, unit);
        let expected: &[&str] = if expected { &["panel-unit"] } else { &[] };
        assert_eq!(ids(&report), expected, "{expr} in {unit}\n{}", report.findings);
    }
}

#[test]
fn units_are_followed_through_arithmetic_and_recorded_rules() {
    for (expr, expected) in [
        ("vllm:kv_cache_usage_perc * 100 > 90", None),
        ("vllm:kv_cache_usage_perc * 100 > 0.9", Some("share-threshold")),
        ("100 * max(vllm:kv_cache_usage_perc) > 90", None),
        ("90 < max(vllm:kv_cache_usage_perc)", Some("share-threshold")),
        (
            "max_over_time(vllm:kv_cache_usage_perc[5m]) > 95",
            Some("share-threshold"),
        ),
        ("sum(vllm:kv_cache_usage_perc) > 3", None),
        ("DCGM_FI_DEV_GPU_UTIL > 0.9", Some("share-threshold")),
        ("DCGM_FI_DEV_GPU_UTIL < 30", None),
        (
            "sum(node_gpu_hourly_cost) / (sum(rate(vllm:generation_tokens_total[1h])) * 3600) * 1e6",
            None,
        ),
        ("sum(avg_over_time(node_gpu_hourly_cost[24h])) * 24", None),
        (
            "rate(vllm:e2e_request_latency_seconds_sum[5m]) / rate(vllm:e2e_request_latency_seconds_count[5m]) > 5",
            None,
        ),
        (
            "rate(nv_inference_request_duration_us[5m]) / rate(nv_inference_request_success[5m]) > 500000",
            None,
        ),
        (
            "histogram_quantile(0.9, sum by (le) (rate(sglang:kv_transfer_latency_ms_bucket[5m]))) > \
             histogram_quantile(0.9, sum by (le) (rate(sglang:queue_time_seconds_bucket[5m])))",
            Some("unit-mismatch"),
        ),
        (
            "histogram_quantile(0.95, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket[5m]))) > 500",
            Some("threshold-unit"),
        ),
        ("DCGM_FI_DEV_FB_USED / nv_gpu_memory_total_bytes", Some("unit-mismatch")),
        ("DCGM_FI_DEV_FB_USED * 1024 * 1024 / nv_gpu_memory_total_bytes", None),
    ] {
        let report = in_a_rule(expr);
        let expected: Vec<&str> = expected.into_iter().collect();
        assert_eq!(ids(&report), expected, "{expr}\n{}", report.findings);
    }

    let recorded = "groups: [{name: g, rules: [
        {record: 'kv:percent', expr: 'vllm:kv_cache_usage_perc * 100'},
        {record: 'ttft:p99', expr: 'histogram_quantile(0.99, sum by (le, instance) (rate(vllm:time_to_first_token_seconds_bucket[5m])))'},
        {alert: A, for: 5m, expr: 'kv:percent > 0.9'},
        {alert: B, for: 5m, expr: 'avg(ttft:p99) > 1'},
        {alert: C, for: 5m, expr: 'kv:percent > 90 and ttft:p99 > 1'}]}]";
    let report = lint_text("rules.yaml", recorded, &Options::default());
    assert_eq!(
        ids(&report),
        ["average-of-quantiles", "share-threshold"],
        "{}",
        report.findings
    );
}

#[test]
fn native_and_classic_histograms_are_told_apart() {
    for (expr, expected) in [
        (
            "histogram_quantile(0.95, sum by (gen_ai_request_model) (rate(gen_ai_server_time_to_first_token_seconds[5m])))",
            "",
        ),
        (
            "histogram_quantile(0.95, sum by (le) (rate(gen_ai_server_time_to_first_token_seconds_bucket[5m])))",
            "histogram-name",
        ),
        (
            "rate(gen_ai_server_request_duration_seconds_count[5m])",
            "histogram-name",
        ),
        ("histogram_count(rate(gen_ai_server_request_duration_seconds[5m]))", ""),
        (
            "histogram_quantile(0.95, rate(vllm:time_to_first_token_seconds[5m]))",
            "histogram-name",
        ),
        (
            "histogram_count(rate(vllm:time_to_first_token_seconds_count[5m]))",
            "histogram-name",
        ),
        (
            "histogram_quantile(0.95, gen_ai_server_time_to_first_token_seconds)",
            "quantile-without-rate",
        ),
        ("histogram_quantile(0.95, sum(rate(my_app_latency[5m])))", ""),
        ("histogram_quantile(0.95, my_app:latency_bucket:rate5m)", ""),
        (
            "histogram_quantile(0.95, sum without (le) (rate(my_app_bucket[5m])))",
            "quantile-without-le",
        ),
        (
            "histogram_quantile(0.95, sum without (instance) (rate(my_app_bucket[5m])))",
            "",
        ),
        ("max(max_over_time(vllm:iteration_tokens_total[5m]))", "histogram-name"),
    ] {
        let report = in_a_rule(expr);
        let expected: Vec<&str> = Some(expected).filter(|it| !it.is_empty()).into_iter().collect();
        assert_eq!(ids(&report), expected, "{expr}\n{}", report.findings);
    }
}

#[test]
fn functions_get_the_types_that_they_are_made_for() {
    for (expr, expected) in [
        ("rate(vllm:num_requests_running[5m])", "rate-of-gauge"),
        ("increase(up[5m])", "rate-of-gauge"),
        ("delta(vllm:num_requests_running[5m])", ""),
        ("deriv(vllm:generation_tokens_total[5m])", "delta-of-counter"),
        ("sum(rate(vllm:num_requests_running))", "syntax"),
        ("sum(vllm:num_requests_running[5m])", "syntax"),
        ("abs(vllm:num_requests_running[5m])", "syntax"),
        ("sum(vllm:num_preemptions_total) > 10", "counter-without-rate"),
        ("sum(increase(vllm:num_preemptions_total[1h])) > 10", ""),
        ("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS > 0", ""),
        ("sum(vllm:generation_tokens_total)", ""),
        ("raet(vllm:generation_tokens_total[5m])", "syntax"),
    ] {
        let report = in_a_rule(expr);
        let expected: Vec<&str> = Some(expected).filter(|it| !it.is_empty()).into_iter().collect();
        assert_eq!(ids(&report), expected, "{expr}\n{}", report.findings);
    }
}

#[test]
fn labels_are_followed_through_joins_and_aggregations() {
    for (expr, expected) in [
        ("sum by (model) (vllm:num_requests_running)", "unknown-label"),
        ("sum by (job, instance, namespace) (vllm:num_requests_running)", ""),
        ("sum by (engine) (vllm:admission_rejections_total)", "unknown-label"),
        (
            "sum by (model_name) (sum by (engine) (vllm:num_requests_running))",
            "unknown-label",
        ),
        (
            "sum by (le) (rate(gen_ai_server_request_duration_seconds[5m]))",
            "unknown-label",
        ),
        ("vllm:num_requests_running{model=\"llama\"}", "unknown-label"),
        ("vllm:num_requests_running{model=\"\"}", ""),
        (
            "sum by (foo) (label_replace(vllm:num_requests_running, \"foo\", \"$1\", \"instance\", \"(.*):.*\"))",
            "",
        ),
        (
            "sum by (team) (vllm:num_requests_running * on (pod) group_left (team) my_pod_info)",
            "",
        ),
        (
            "DCGM_FI_DEV_GPU_UTIL * on (pod, gpu_name) group_left () DCGM_FI_DEV_GPU_TEMP",
            "unknown-label unknown-label",
        ),
        ("sum by (label_team) (kube_pod_labels)", ""),
        ("rate(vllm:request_success_total{finished_reason=~\"err.*\"}[5m])", ""),
        ("count_values(\"version\", DCGM_FI_DEV_GPU_TEMP)", ""),
    ] {
        let report = in_a_rule(expr);
        assert_eq!(ids(&report).join(" "), expected, "{expr}\n{}", report.findings);
    }
}
