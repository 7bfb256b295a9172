//! The rules, each with an example of what it finds and of what to write instead.

use std::fmt::Write;

use config::Severity;

/// One thing that a query can do wrong.
#[derive(Debug)]
pub struct Rule {
    /// Its name in findings and behind `--allow`.
    pub id: &'static str,
    /// Errors can never give what was meant; warnings hardly do.
    pub severity: Severity,
    /// What is wrong, in a sentence.
    pub summary: &'static str,
    /// An expression that breaks it, and it alone; empty where a whole file is needed.
    pub wrong: &'static str,
    /// The same as it was meant.
    pub right: &'static str,
}

const fn error(id: &'static str, summary: &'static str, wrong: &'static str, right: &'static str) -> Rule {
    Rule {
        id,
        severity: Severity::Error,
        summary,
        wrong,
        right,
    }
}

const fn warning(id: &'static str, summary: &'static str, wrong: &'static str, right: &'static str) -> Rule {
    Rule {
        id,
        severity: Severity::Warning,
        summary,
        wrong,
        right,
    }
}

/// All rules.
pub const RULES: &[Rule] = &[
    error(
        "syntax",
        "The expression cannot be read, or a function gets what it does not take.",
        "sum(rate(vllm:generation_tokens_total[5m])",
        "sum(rate(vllm:generation_tokens_total[5m]))",
    ),
    error(
        "wrong-prefix",
        "The exporter's names begin differently: vLLM, SGLang and llama.cpp write a colon, which no translation turns into an underscore.",
        "sum(vllm_num_requests_waiting)",
        "sum(vllm:num_requests_waiting)",
    ),
    error(
        "renamed-metric",
        "The metric has another name, since a version or always.",
        "max(vllm:gpu_cache_usage_perc)",
        "max(vllm:kv_cache_usage_perc)",
    ),
    error(
        "removed-metric",
        "No exporter has this metric (any more), and no other metric took its place alone.",
        "sum(rate(vllm:request_failure_total[5m]))",
        "sum(rate(vllm:request_success_total{finished_reason=\"error\"}[5m]))",
    ),
    error(
        "unknown-metric",
        "The name begins like those of an exporter that has no such family.",
        "sum(vllm:num_request_runing)",
        "sum(vllm:num_requests_running)",
    ),
    warning(
        "not-exported",
        "The exporter leaves this metric out unless it is told otherwise.",
        "DCGM_FI_DEV_FB_USED / DCGM_FI_DEV_FB_TOTAL",
        "DCGM_FI_DEV_FB_USED / (DCGM_FI_DEV_FB_USED + DCGM_FI_DEV_FB_FREE + DCGM_FI_DEV_FB_RESERVED)",
    ),
    error(
        "histogram-name",
        "A classic histogram has series with `_bucket`, `_sum` and `_count` only, a native one only a series without; a histogram may end in `_total`.",
        "rate(vllm:iteration_tokens_total[5m])",
        "rate(vllm:iteration_tokens_total_sum[5m]) / rate(vllm:iteration_tokens_total_count[5m])",
    ),
    error(
        "quantile-without-buckets",
        "`histogram_quantile` is asked about something that has no buckets.",
        "histogram_quantile(0.95, ttft_seconds)",
        "histogram_quantile(0.95, sum by (le) (rate(ttft_seconds_bucket[5m])))",
    ),
    warning(
        "quantile-without-rate",
        "Buckets count since the process started; without `rate` the quantile hardly moves after a day.",
        "histogram_quantile(0.95, sum by (le) (vllm:time_to_first_token_seconds_bucket))",
        "histogram_quantile(0.95, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket[5m])))",
    ),
    error(
        "quantile-without-le",
        "The aggregation drops `le`, and without it buckets are no histogram.",
        "histogram_quantile(0.95, sum by (model_name) (rate(vllm:time_to_first_token_seconds_bucket[5m])))",
        "histogram_quantile(0.95, sum by (le, model_name) (rate(vllm:time_to_first_token_seconds_bucket[5m])))",
    ),
    error(
        "quantile-out-of-range",
        "A quantile lies between 0 and 1; beyond them the result is infinite.",
        "histogram_quantile(95, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket[5m])))",
        "histogram_quantile(0.95, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket[5m])))",
    ),
    error(
        "rate-of-gauge",
        "`rate`, `irate` and `increase` take every fall of a gauge for a restart and add it up.",
        "rate(node_gpu_hourly_cost[1h])",
        "avg_over_time(node_gpu_hourly_cost[1h])",
    ),
    warning(
        "delta-of-counter",
        "`delta`, `deriv` and their like do not know that counters restart at zero.",
        "delta(vllm:num_preemptions_total[5m])",
        "increase(vllm:num_preemptions_total[5m])",
    ),
    warning(
        "counter-without-rate",
        "Counters are compared or divided as they stand: since each process started, however long ago.",
        "sum(vllm:prefix_cache_hits_total) / sum(vllm:prefix_cache_queries_total)",
        "sum(rate(vllm:prefix_cache_hits_total[5m])) / sum(rate(vllm:prefix_cache_queries_total[5m]))",
    ),
    warning(
        "unknown-label",
        "The metric has no such label, unless the scrape configuration adds it (then name it with `--label`).",
        "avg by (gpu, kubernetes_node) (DCGM_FI_DEV_GPU_UTIL)",
        "avg by (gpu, Hostname) (DCGM_FI_DEV_GPU_UTIL)",
    ),
    error(
        "unknown-label-value",
        "The label never has this value.",
        "sum(rate(vllm:request_success_total{finished_reason=\"failed\"}[5m]))",
        "sum(rate(vllm:request_success_total{finished_reason=\"error\"}[5m]))",
    ),
    error(
        "unit-mismatch",
        "Quantities in different units meet: an hour and a second, bytes and mebibytes, milliseconds and seconds.",
        "sum(node_gpu_hourly_cost) / sum(rate(vllm:generation_tokens_total[1h])) * 1000000",
        "sum(node_gpu_hourly_cost) / 3600 / sum(rate(vllm:generation_tokens_total[1h])) * 1000000",
    ),
    error(
        "share-threshold",
        "A share from 0 to 1 is compared with a percentage, or the other way round.",
        "max(vllm:kv_cache_usage_perc) > 90",
        "max(vllm:kv_cache_usage_perc) > 0.9",
    ),
    warning(
        "threshold-unit",
        "The threshold looks like seconds where the metric has milli- or microseconds, or the other way round.",
        "histogram_quantile(0.95, sum by (le) (rate(nv_inference_first_response_histogram_ms_bucket[5m]))) > 0.5",
        "histogram_quantile(0.95, sum by (le) (rate(nv_inference_first_response_histogram_ms_bucket[5m]))) > 500",
    ),
    warning(
        "panel-unit",
        "The panel shows the values in another unit than they have.",
        "",
        "",
    ),
    error(
        "used-over-free",
        "What is used over what is free is no share: it exceeds 0.9 when 47 % are used, and 1 when half is.",
        "DCGM_FI_DEV_FB_USED / DCGM_FI_DEV_FB_FREE > 0.9",
        "DCGM_FI_DEV_FB_USED / (DCGM_FI_DEV_FB_USED + DCGM_FI_DEV_FB_FREE) > 0.9",
    ),
    warning(
        "below-first-bucket",
        "The threshold lies within the histogram's first bucket, where the quantile is a guess; histograms that `llm_metrics` makes from spans can tell.",
        "histogram_quantile(0.5, sum by (le) (rate(vllm:request_queue_time_seconds_bucket[5m]))) > 0.1",
        "histogram_quantile(0.5, sum(rate(inferscope_request_phase_duration_seconds{inferscope_phase=\"queue\"}[5m]))) > 0.1",
    ),
    warning(
        "average-of-quantiles",
        "Quantiles cannot be averaged or added: the mean of two p99 is the p99 of nothing.",
        "avg(histogram_quantile(0.99, sum by (le, model_name) (rate(vllm:time_to_first_token_seconds_bucket[5m]))))",
        "histogram_quantile(0.99, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket[5m])))",
    ),
    warning(
        "temperature-is-not-throttling",
        "An alert about throttling looks at the temperature, which says neither that clocks were lowered nor that they were not.",
        "",
        "",
    ),
    warning(
        "alert-without-for",
        "The alert fires at the first evaluation, on a single scrape.",
        "",
        "",
    ),
    warning(
        "otlp-port",
        "An SDK that sends protobuf over HTTP is pointed at the port for gRPC.",
        "",
        "",
    ),
];

/// The rule with this name.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

/// The list as it stands in the documentation.
pub fn rules_as_markdown() -> String {
    let mut text = String::new();
    for rule in RULES {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "### {} ({})\n\n{}\n", rule.id, rule.severity, rule.summary);
        if !rule.wrong.is_empty() {
            let _ = writeln!(
                text,
                "```promql\n# wrong\n{}\n# right\n{}\n```\n",
                rule.wrong, rule.right
            );
        }
    }
    text
}
