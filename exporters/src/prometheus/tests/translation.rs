//! The rows of the compatibility document that a page shows.

use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{Metric, SummaryDataPoint};

use super::otlp::*;
use super::*;

fn one(yaml: &str, accept: &str, payload: &Payload) -> Vec<String> {
    let rig = Rig::quiet(yaml);
    rig.take(payload).unwrap();
    rig.samples(accept)
}

#[test]
fn name_unit_type_and_description_stand_above_the_series_once() {
    let rig = Rig::quiet("enable_open_metrics: true");
    let points = vec![point(&[("gpu.id", "0")], 5, 0.5), point(&[("gpu.id", "1")], 5, 1.0)];
    rig.take(&of_service(vec![gauge("hw.gpu.temperature", "Cel", points)]))
        .unwrap();

    let expected = "# HELP hw_gpu_temperature_celsius What hw.gpu.temperature means.\n\
                    # TYPE hw_gpu_temperature_celsius gauge\n\
                    # UNIT hw_gpu_temperature_celsius celsius\n\
                    hw_gpu_temperature_celsius{gpu_id=\"0\",instance=\"pod-1\",job=\"vllm\"} 0.5\n\
                    hw_gpu_temperature_celsius{gpu_id=\"1\",instance=\"pod-1\",job=\"vllm\"} 1\n";

    assert_eq!(rig.page(OPEN), format!("{expected}# EOF\n"));
    let text = expected.replace("# UNIT hw_gpu_temperature_celsius celsius\n", "");
    assert_eq!(rig.page(TEXT), text, "text has no units");
}

#[test]
fn a_counter_says_total_and_in_openmetrics_since_when() {
    let payload = of_service(vec![counter("vllm:prompt_tokens", "", vec![point(&[], 5, 17.0)])]);

    let rig = Rig::quiet("enable_open_metrics: true");
    rig.take(&payload).unwrap();

    let series = "{instance=\"pod-1\",job=\"vllm\"}";
    assert_eq!(rig.samples(TEXT), [format!("vllm:prompt_tokens_total{series} 17")]);
    assert_eq!(
        rig.samples(OPEN),
        [
            format!("vllm:prompt_tokens_total{series} 17"),
            format!("vllm:prompt_tokens_created{series} 1700000000.000"),
        ]
    );
    assert_eq!(rig.read(OPEN).family("vllm:prompt_tokens").kind, "counter");
    assert_eq!(rig.read(TEXT).family("vllm:prompt_tokens_total").kind, "counter");
}

#[test]
fn a_counter_without_its_suffix_is_of_unknown_type_in_openmetrics() {
    let rig = Rig::quiet("enable_open_metrics: true\nadd_metric_suffixes: false");
    rig.take(&of_service(vec![counter("calls", "", vec![point(&[], 5, 1.0)])]))
        .unwrap();

    assert_eq!(rig.read(OPEN).family("calls").kind, "unknown");
    assert_eq!(rig.read(TEXT).family("calls").kind, "counter");
}

#[test]
fn each_translation_strategy_names_metrics_as_the_collector_does() {
    let payload = of_service(vec![
        histogram(
            "gen_ai.server.time_to_first_token",
            "s",
            CUMULATIVE,
            vec![buckets(&[], 1, &[], &[1], None)],
        ),
        counter("hw.gpu.energy.consumed", "J", vec![point(&[], 1, 1.0)]),
    ]);
    for (strategy, names) in [
        (
            "UnderscoreEscapingWithSuffixes",
            [
                "gen_ai_server_time_to_first_token_seconds",
                "hw_gpu_energy_consumed_joules_total",
            ],
        ),
        (
            "UnderscoreEscapingWithoutSuffixes",
            ["gen_ai_server_time_to_first_token", "hw_gpu_energy_consumed"],
        ),
        (
            "NoUTF8EscapingWithSuffixes",
            [
                "gen_ai.server.time_to_first_token_seconds",
                "hw.gpu.energy.consumed_joules_total",
            ],
        ),
        (
            "NoTranslation",
            ["gen_ai.server.time_to_first_token", "hw.gpu.energy.consumed"],
        ),
    ] {
        let rig = Rig::quiet(&format!("translation_strategy: {strategy}"));
        rig.take(&payload).unwrap();

        assert_eq!(rig.read(UTF8).names(), names, "{strategy}");
    }
}

#[test]
fn a_namespace_stands_in_front_of_all_names_and_const_labels_on_all_series() {
    let yaml = "namespace: test-space\nconst_labels: {label1: value1, 'another label': spaced value}";
    let service = [("service.name", "vllm"), ("service.instance.id", "p"), ("pod", "x")];
    let payload = request(vec![resource(&service, vec![gauge("x", "", vec![point(&[], 1, 1.0)])])]);

    assert_eq!(
        one(yaml, TEXT, &payload),
        [
            "test_space_target_info{another_label=\"spaced value\",instance=\"p\",job=\"vllm\",label1=\"value1\",pod=\"x\"} 1",
            "test_space_x{another_label=\"spaced value\",instance=\"p\",job=\"vllm\",label1=\"value1\"} 1",
        ]
    );
}

#[test]
fn scope_labels_are_there_unless_they_are_off() {
    let payload = of_service(vec![gauge("x", "", vec![point(&[], 1, 1.0)])]);

    let rig = Rig::new("");
    rig.take(&payload).unwrap();

    assert_eq!(
        rig.samples(TEXT),
        ["x{instance=\"pod-1\",job=\"vllm\",otel_scope_name=\"tests\",otel_scope_version=\"1.2\"} 1"]
    );
    assert_eq!(one("", TEXT, &payload), ["x{instance=\"pod-1\",job=\"vllm\"} 1"]);
}

#[test]
fn a_resource_has_one_target_info_and_a_new_one_takes_its_place() {
    let of = |version: &str, seconds| {
        let service = [
            ("service.name", "vllm"),
            ("service.instance.id", "p"),
            ("version", version),
        ];
        request(vec![resource(
            &service,
            vec![gauge("x", "", vec![point(&[], seconds, 1.0)])],
        )])
    };
    let rig = Rig::quiet("");
    rig.take(&of("1", 1)).unwrap();
    rig.take(&of("2", 2)).unwrap();

    assert_eq!(
        rig.samples(TEXT)[0],
        "target_info{instance=\"p\",job=\"vllm\",version=\"2\"} 1",
        "a join with two of them would fail"
    );
    assert_eq!(rig.samples(TEXT).len(), 2);
    rig.take(&of("1", 1)).unwrap_err();
    assert_eq!(
        rig.counted("inferscope_prometheus_dropped_points", "out_of_order"),
        1,
        "the gauge; an older target_info is no loss"
    );
}

#[test]
fn resource_attributes_become_labels_where_that_is_asked_for() {
    let service = [
        ("service.name", "vllm"),
        ("service.instance.id", "p"),
        ("k8s.pod.name", "pod"),
        ("k8s.node.name", "node"),
    ];
    let payload = request(vec![resource(&service, vec![gauge("x", "", vec![point(&[], 1, 1.0)])])]);
    let labels = |yaml: &str| {
        let lines = one(yaml, TEXT, &payload);
        lines.into_iter().find(|line| line.starts_with("x{")).unwrap()
    };

    assert_eq!(
        labels("resource_to_telemetry_conversion: {enabled: true, exclude_service_attributes: true}"),
        "x{instance=\"p\",job=\"vllm\",k8s_node_name=\"node\",k8s_pod_name=\"pod\"} 1"
    );
    assert_eq!(
        labels("resource_constant_labels: {included: ['k8s.pod.*']}"),
        "x{instance=\"p\",job=\"vllm\",k8s_pod_name=\"pod\"} 1"
    );
    assert_eq!(
        labels("resource_constant_labels: {excluded: ['service.*', '*node*']}"),
        "x{instance=\"p\",job=\"vllm\",k8s_pod_name=\"pod\"} 1",
        "excluding alone includes the rest"
    );
}

#[test]
fn a_histogram_is_one_metric_with_rising_buckets_sum_and_count() {
    let point = buckets(&[("model", "a")], 5, &[0.25, 1.0, 2.5], &[1, 2, 0, 4], Some(9.5));
    let rig = Rig::quiet("enable_open_metrics: true");
    rig.take(&of_service(vec![histogram("ttft", "s", CUMULATIVE, vec![point])]))
        .unwrap();

    let series = "instance=\"pod-1\",job=\"vllm\",model=\"a\"";
    assert_eq!(
        rig.samples(TEXT),
        [
            format!("ttft_seconds_bucket{{{series},le=\"0.25\"}} 1"),
            format!("ttft_seconds_bucket{{{series},le=\"1\"}} 3"),
            format!("ttft_seconds_bucket{{{series},le=\"2.5\"}} 3"),
            format!("ttft_seconds_bucket{{{series},le=\"+Inf\"}} 7"),
            format!("ttft_seconds_sum{{{series}}} 9.5"),
            format!("ttft_seconds_count{{{series}}} 7"),
        ]
    );
    let open = rig.samples(OPEN);
    assert_eq!(open[1], format!("ttft_seconds_bucket{{{series},le=\"1.0\"}} 3"));
    assert_eq!(open[6], format!("ttft_seconds_created{{{series}}} 1700000000.000"));
}

#[test]
fn a_histogram_without_a_sum_has_none_and_in_openmetrics_no_count_either() {
    let rig = Rig::quiet("enable_open_metrics: true");
    let point = buckets(&[], 5, &[1.0], &[1, 1], None);
    rig.take(&of_service(vec![histogram("h", "", CUMULATIVE, vec![point])]))
        .unwrap();

    let names = |accept| -> Vec<String> { rig.read(accept).samples().map(|it| it.name.clone()).collect() };

    assert_eq!(names(TEXT), ["h_bucket", "h_bucket", "h_count"]);
    assert_eq!(names(OPEN), ["h_bucket", "h_bucket", "h_created"]);
}

#[test]
fn a_histogram_below_zero_has_no_sum_in_openmetrics() {
    let rig = Rig::quiet("enable_open_metrics: true");
    let point = buckets(&[], 5, &[-1.0, 1.0], &[1, 1, 0], Some(-2.0));
    rig.take(&of_service(vec![histogram("h", "", CUMULATIVE, vec![point])]))
        .unwrap();

    assert!(rig.page(TEXT).contains("h_sum{instance=\"pod-1\",job=\"vllm\"} -2\n"));
    assert!(!rig.page(OPEN).contains("h_sum"));
    rig.read(OPEN);
}

#[test]
fn a_summary_has_quantiles_sum_and_count() {
    let mut point = SummaryDataPoint {
        time_unix_nano: at(5),
        count: 3,
        sum: 6.5,
        ..SummaryDataPoint::default()
    };
    for (quantile, value) in [(0.5, 2.0), (1.0, 4.0)] {
        point.quantile_values.push(ValueAtQuantile { quantile, value });
    }
    let rig = Rig::quiet("enable_open_metrics: true");
    rig.take(&of_service(vec![summary("rpc", "", vec![point])])).unwrap();

    let series = "instance=\"pod-1\",job=\"vllm\"";
    assert_eq!(
        rig.samples(TEXT),
        [
            format!("rpc{{{series},quantile=\"0.5\"}} 2"),
            format!("rpc{{{series},quantile=\"1\"}} 4"),
            format!("rpc_sum{{{series}}} 6.5"),
            format!("rpc_count{{{series}}} 3"),
        ]
    );
    assert_eq!(rig.samples(OPEN)[1], format!("rpc{{{series},quantile=\"1.0\"}} 4"));
}

#[test]
fn deltas_are_added_up() {
    let rig = Rig::quiet("");
    for (seconds, value) in [(1, 3.0), (2, 4.0)] {
        let mut delta = point(&[], seconds, value);
        delta.start_time_unix_nano = at(seconds - 1);
        rig.take(&of_service(vec![sum("calls", "", DELTA, true, vec![delta])]))
            .unwrap();
    }
    let gauge_of_deltas = of_service(vec![sum("open", "", DELTA, false, vec![point(&[], 1, 1.0)])]);

    rig.take(&gauge_of_deltas).unwrap_err();

    assert_eq!(rig.samples(TEXT), ["calls_total{instance=\"pod-1\",job=\"vllm\"} 7"]);
    assert_eq!(
        rig.counted("inferscope_prometheus_dropped_points", "unsupported_temporality"),
        1
    );
}

#[test]
fn attributes_with_one_name_have_their_values_joined() {
    let payload = of_service(vec![gauge("x", "", vec![point(&[("a.b", "1"), ("a_b", "2")], 1, 1.0)])]);

    assert_eq!(
        one("", TEXT, &payload),
        ["x{a_b=\"1;2\",instance=\"pod-1\",job=\"vllm\"} 1"]
    );
}

#[test]
fn exemplars_are_in_openmetrics_only_on_counters_and_the_bucket_that_they_fell_into() {
    let mut point_of = point(&[], 5, 17.0);
    point_of.exemplars = vec![traced(1.5, 4, &[("user.id", "u")])];
    let mut histogram_of = buckets(&[], 5, &[1.0, 2.0], &[0, 1, 0], Some(1.5));
    histogram_of.exemplars = vec![traced(1.5, 4, &[])];
    let mut gauge_of = point(&[], 5, 1.0);
    gauge_of.exemplars = vec![traced(1.0, 4, &[])];
    let rig = Rig::quiet("enable_open_metrics: true");
    rig.take(&of_service(vec![
        counter("calls", "", vec![point_of]),
        histogram("h", "", CUMULATIVE, vec![histogram_of]),
        gauge("g", "", vec![gauge_of]),
    ]))
    .unwrap();

    let ids = "span_id=\"abababababababab\",trace_id=\"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd\"";
    let with: Vec<String> = rig
        .samples(OPEN)
        .into_iter()
        .filter(|line| line.contains(" # "))
        .collect();
    assert_eq!(
        with,
        [
            format!(
                "calls_total{{instance=\"pod-1\",job=\"vllm\"}} 17 # {{{},user_id=\"u\"}} 1.5 1700000004.000",
                ids
            ),
            format!("h_bucket{{instance=\"pod-1\",job=\"vllm\",le=\"2.0\"}} 1 # {{{ids}}} 1.5 1700000004.000"),
        ]
    );
    assert!(!rig.page(TEXT).contains("trace_id"));
}

#[test]
fn an_exemplar_stays_until_another_takes_its_place() {
    let mut first = point(&[], 5, 17.0);
    first.exemplars = vec![traced(1.5, 4, &[])];
    let rig = Rig::quiet("enable_open_metrics: true");
    rig.take(&of_service(vec![counter("calls", "", vec![first])])).unwrap();
    rig.take(&of_service(vec![counter("calls", "", vec![point(&[], 6, 18.0)])]))
        .unwrap();

    let calls = rig.read(OPEN).family("calls").samples[0].clone();

    assert_eq!(
        (calls.value, calls.exemplar.unwrap().time.as_deref()),
        (18.0, Some("1700000004.000"))
    );
}

#[test]
fn an_exemplar_of_more_than_128_characters_keeps_its_trace_only_and_is_counted() {
    let long = "x".repeat(70);
    let mut point_of = point(&[], 5, 17.0);
    point_of.exemplars = vec![traced(1.5, 4, &[("user.id", &long)])];
    let rig = Rig::quiet("enable_open_metrics: true");
    rig.take(&of_service(vec![counter("calls", "", vec![point_of])]))
        .unwrap();

    let exemplar = rig.read(OPEN).family("calls").samples[0].exemplar.clone().unwrap();

    assert_eq!(exemplar.labels.keys().collect::<Vec<_>>(), ["span_id", "trace_id"]);
    assert_eq!(rig.counted("inferscope_prometheus_cut_exemplars", ""), 1);
}

#[test]
fn the_type_that_a_scraped_metric_had_decides() {
    let told = |mut metric: Metric, kind: &str| {
        metric.metadata = attributes(&[("prometheus.type", kind)]);
        metric
    };
    let gauge_of = |name: &str, pairs: &[(&str, &str)]| gauge(name, "", vec![point(pairs, 1, 1.0)]);
    let point_of = || buckets(&[], 1, &[1.0], &[1, 1], Some(1.0));
    let rig = Rig::quiet("enable_open_metrics: true");
    rig.take(&of_service(vec![
        told(gauge_of("a", &[]), "unknown"),
        told(gauge_of("b_info", &[]), "info"),
        told(gauge_of("c", &[("c", "on")]), "stateset"),
        told(histogram("d", "", CUMULATIVE, vec![point_of()]), "gaugehistogram"),
        told(gauge_of("e", &[]), "stateset"),
    ]))
    .unwrap();

    let kinds = |accept| -> Vec<(String, String)> {
        let families = rig.read(accept).families.into_iter();
        families.map(|family| (family.name, family.kind)).collect()
    };
    let pairs = |all: [(&str, &str); 5]| all.map(|(a, b)| (a.to_owned(), b.to_owned()));

    assert_eq!(
        kinds(OPEN),
        pairs([
            ("a", "unknown"),
            ("b", "info"),
            ("c", "stateset"),
            ("d", "gaugehistogram"),
            ("e", "gauge")
        ]),
        "a state set has a label of its own name"
    );
    assert_eq!(
        kinds(TEXT),
        pairs([
            ("a", "untyped"),
            ("b_info", "gauge"),
            ("c", "gauge"),
            ("d", "histogram"),
            ("e", "gauge")
        ])
    );
}

#[test]
fn timestamps_are_there_only_if_asked_for() {
    let payload = of_service(vec![gauge("x", "", vec![point(&[], 5, 1.0)])]);
    let yaml = "send_timestamps: true\nenable_open_metrics: true";

    assert_eq!(one("", TEXT, &payload), ["x{instance=\"pod-1\",job=\"vllm\"} 1"]);
    assert_eq!(
        one(yaml, TEXT, &payload),
        ["x{instance=\"pod-1\",job=\"vllm\"} 1 1700000005000"]
    );
    assert_eq!(
        one(yaml, OPEN, &payload),
        ["x{instance=\"pod-1\",job=\"vllm\"} 1 1700000005.000"]
    );
}
