//! OTLP to Prometheus, value by value.

use super::oracle::{Count, absolute};
use super::otlp::*;
use super::*;
use crate::prometheus_series::Losses;
use crate::testing::Log;

const STALE: u64 = 0x7ff0_0000_0000_0002;

fn reasons(losses: &Losses) -> Vec<(&'static str, u64)> {
    losses
        .reasons
        .iter()
        .map(|(loss, count)| (loss.reason(), *count))
        .collect()
}

fn lines(yaml: &str, payload: &Payload) -> Vec<String> {
    let quiet = format!("disable_scope_info: true\ntarget_info: {{enabled: false}}\n{yaml}");
    translated(&quiet, payload).0.texts().into_iter().collect()
}

#[test]
fn a_gauge_has_name_unit_job_instance_and_scope() {
    let payload = of_service(vec![gauge(
        "hw.gpu.utilization",
        "1",
        vec![point(&[("gpu.id", "0")], 5, 0.5)],
    )]);

    let (written, _) = translated("", &payload);

    let series = written.one("hw_gpu_utilization_ratio");
    assert_eq!(
        series.text(),
        "hw_gpu_utilization_ratio{gpu_id=\"0\",instance=\"pod-1\",job=\"vllm\",\
         otel_scope_name=\"tests\",otel_scope_version=\"1.2\"}"
    );
    assert_eq!((series.samples[0].value, series.samples[0].timestamp), (0.5, ms(5)));
    assert_eq!(series.samples[0].start_timestamp, 0, "gauges have no start");
    let metadata = series.metadata.clone().unwrap();
    assert_eq!(
        metadata,
        (2, "What hw.gpu.utilization means.".to_owned(), "1".to_owned())
    );
}

#[test]
fn scope_labels_may_be_off() {
    let payload = of_service(vec![gauge("x", "", vec![point(&[], 1, 1.0)])]);

    assert_eq!(
        lines("", &payload),
        [format!("x{{instance=\"pod-1\",job=\"vllm\"}} 1 @{}", ms(1))]
    );
}

#[test]
fn a_job_is_namespace_and_name() {
    let service = [
        ("service.namespace", "llm"),
        ("service.name", "vllm"),
        ("service.instance.id", "p"),
    ];
    let payload = request(vec![resource(
        &service,
        vec![gauge("x", "", vec![point(&[("job", "mine")], 1, 1.0)])],
    )]);

    let (written, table) = translated("disable_scope_info: true", &payload);

    assert_eq!(written.one("x").text(), "x{instance=\"p\",job=\"llm/vllm\"}");
    assert_eq!(table.losses.overwritten_labels, 1);
}

#[test]
fn target_info_is_there_once_for_a_resource_and_holds_its_other_attributes() {
    let service = [
        ("service.name", "vllm"),
        ("service.instance.id", "p"),
        ("k8s.pod.name", "vllm-0"),
    ];
    let metrics = || {
        vec![
            gauge("x", "", vec![point(&[], 3, 1.0)]),
            gauge("y", "", vec![point(&[], 7, 1.0)]),
        ]
    };
    // The same resource twice, as after batching.
    let payload = request(vec![
        resource(&service, metrics()),
        resource(&service, vec![gauge("z", "", vec![point(&[], 7, 1.0)])]),
    ]);

    let (written, table) = translated("namespace: llm", &payload);

    let info = written.one("llm_target_info");
    assert_eq!(
        info.text(),
        "llm_target_info{instance=\"p\",job=\"vllm\",k8s_pod_name=\"vllm-0\"}"
    );
    assert_eq!(
        (info.samples.len(), info.samples[0].value, info.samples[0].timestamp),
        (1, 1.0, ms(7))
    );
    assert_eq!(table.losses.lost(), 0);
    let (without, _) = translated("target_info: {enabled: false}", &payload);
    assert!(without.series.iter().all(|series| series.name() != "target_info"));
}

#[test]
fn target_info_needs_something_to_tell_and_something_to_join_by() {
    let nothing_to_tell = of_service(vec![gauge("x", "", vec![point(&[], 1, 1.0)])]);
    let nothing_to_join = request(vec![resource(
        &[("host", "a")],
        vec![gauge("x", "", vec![point(&[], 1, 1.0)])],
    )]);

    for payload in [nothing_to_tell, nothing_to_join] {
        let (written, _) = translated("", &payload);
        assert_eq!(written.series.len(), 1, "{:?}", written.texts());
    }
}

#[test]
fn keys_that_become_one_label_have_their_values_joined_in_the_order_of_the_keys() {
    let pairs = [("a_b", "3"), ("a.b", "2"), ("a-b", "1"), ("empty", "")];
    let payload = of_service(vec![gauge("x", "", vec![point(&pairs, 1, 1.0)])]);

    let expected = format!("x{{a_b=\"1;2;3\",instance=\"pod-1\",job=\"vllm\"}} 1 @{}", ms(1));
    assert_eq!(lines("", &payload), [expected]);
}

#[test]
fn external_labels_stand_behind_everything_else() {
    let payload = of_service(vec![gauge("x", "", vec![point(&[("region", "point")], 1, 1.0)])]);
    let yaml = "external_labels: {region: outside, my.cluster: c1, job: outside}";

    let expected = format!(
        "x{{instance=\"pod-1\",job=\"vllm\",my_cluster=\"c1\",region=\"point\"}} 1 @{}",
        ms(1)
    );
    assert_eq!(lines(yaml, &payload), [expected]);
}

#[test]
fn resource_attributes_become_labels_when_asked() {
    let service = [
        ("service.name", "vllm"),
        ("k8s.pod.name", "p"),
        ("k8s.node.name", "n"),
        ("model", "resource"),
    ];
    let payload = request(vec![resource(
        &service,
        vec![gauge("x", "", vec![point(&[("model", "point")], 1, 1.0)])],
    )]);

    let all = "resource_to_telemetry_conversion: {enabled: true, exclude_service_attributes: true}";
    let expected = "x{job=\"vllm\",k8s_node_name=\"n\",k8s_pod_name=\"p\",model=\"resource\"}";
    assert_eq!(lines(all, &payload), [format!("{expected} 1 @{}", ms(1))]);
    let some = "resource_constant_labels: {included: ['k8s.*'], excluded: ['*node*']}";
    let expected = "x{job=\"vllm\",k8s_pod_name=\"p\",model=\"point\"}";
    assert_eq!(lines(some, &payload), [format!("{expected} 1 @{}", ms(1))]);
    let service = "resource_to_telemetry_conversion: {enabled: true}";
    assert!(lines(service, &payload)[0].contains("service_name=\"vllm\""));
}

#[test]
fn a_histogram_has_cumulative_buckets_a_count_and_a_sum_if_it_was_sent() {
    let points = vec![buckets(&[], 1, &[0.5, 10.0], &[2, 3, 1], Some(20.5))];
    let payload = of_service(vec![histogram("ttft", "s", CUMULATIVE, points)]);
    let own = "instance=\"pod-1\",job=\"vllm\"";
    let at = ms(1);

    assert_eq!(
        lines("", &payload),
        [
            format!("ttft_seconds_bucket{{{own},le=\"+Inf\"}} 6 @{at}"),
            format!("ttft_seconds_bucket{{{own},le=\"0.5\"}} 2 @{at}"),
            format!("ttft_seconds_bucket{{{own},le=\"10\"}} 5 @{at}"),
            format!("ttft_seconds_count{{{own}}} 6 @{at}"),
            format!("ttft_seconds_sum{{{own}}} 20.5 @{at}"),
        ]
    );
    let points = vec![buckets(&[], 1, &[], &[], None)];
    let payload = of_service(vec![histogram("empty", "", CUMULATIVE, points)]);
    assert_eq!(
        lines("", &payload),
        [
            format!("empty_bucket{{{own},le=\"+Inf\"}} 0 @{at}"),
            format!("empty_count{{{own}}} 0 @{at}"),
        ]
    );
}

#[test]
fn buckets_that_contradict_each_other_are_dropped_and_counted() {
    let mut short = buckets(&[("n", "1")], 1, &[1.0, 2.0], &[1, 1], None);
    short.count = 2;
    let falling = buckets(&[("n", "2")], 1, &[2.0, 1.0], &[1, 1, 1], None);
    let twice = buckets(&[("n", "3")], 1, &[1.0, 1.0], &[1, 1, 1], None);
    let nan = buckets(&[("n", "4")], 1, &[f64::NAN], &[1, 1], None);
    let payload = of_service(vec![histogram("x", "", CUMULATIVE, vec![short, falling, twice, nan])]);

    let (written, table) = translated("", &payload);

    assert_eq!(written.series, []);
    assert_eq!(
        (reasons(&table.losses), table.losses.lost()),
        (vec![("invalid_histogram", 4)], 4)
    );
}

#[test]
fn a_histogram_may_become_a_native_one_with_custom_buckets() {
    let points = vec![buckets(
        &[],
        1,
        &[1.0, 2.0, 3.0, 4.0, 5.0, f64::INFINITY],
        &[2, 0, 0, 0, 7, 1, 0],
        Some(9.0),
    )];
    let payload = of_service(vec![histogram("x", "", CUMULATIVE, points)]);

    let (written, _) = translated("convert_explicit_histograms_to_nhcb: true", &payload);

    let native = &written.one("x").histograms[0];
    assert_eq!((native.schema, native.sum, native.timestamp), (-53, 9.0, ms(1)));
    assert_eq!(native.start_timestamp, ms(0));
    assert_eq!(native.count, Some(Count::Int(10)));
    assert_eq!(native.custom_values, [1.0, 2.0, 3.0, 4.0, 5.0]);
    let counts = absolute(&native.positive_spans, &native.positive_deltas);
    assert_eq!(counts, [(0, 2), (4, 7), (5, 1)].into());
    assert_eq!(written.series.len(), 1);
    let both = "convert_explicit_histograms_to_nhcb: true\nkeep_classic_histograms: true";
    let (written, _) = translated(both, &payload);
    assert_eq!(written.series.len(), 1 + 6 + 2, "{:?}", written.texts());
}

fn exponential_point(
    scale: i32,
    offset: i32,
    counts: &[u64],
) -> opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint {
    use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;
    use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
    let side = |counts: &[u64]| Buckets {
        offset,
        bucket_counts: counts.to_vec(),
    };
    ExponentialHistogramDataPoint {
        start_time_unix_nano: at(0),
        time_unix_nano: at(1),
        count: counts.iter().sum::<u64>() + 3,
        sum: Some(10.0),
        scale,
        zero_count: 2,
        zero_threshold: 0.25,
        positive: Some(side(counts)),
        negative: Some(side(&[1])),
        ..ExponentialHistogramDataPoint::default()
    }
}

#[test]
fn an_exponential_histogram_becomes_a_native_one() {
    let payload = of_service(vec![exponential(
        "x",
        "s",
        CUMULATIVE,
        vec![exponential_point(3, -2, &[4, 0, 0, 0, 5])],
    )]);

    let (written, _) = translated("", &payload);

    let native = &written.one("x_seconds").histograms[0];
    assert_eq!((native.schema, native.zero_threshold, native.sum), (3, 0.25, 10.0));
    assert_eq!(native.count, Some(Count::Int(12)));
    // OTLP's bucket -2 is Prometheus' bucket -1: it is numbered by its end.
    let positive = absolute(&native.positive_spans, &native.positive_deltas);
    assert_eq!(positive, [(-1, 4), (3, 5)].into());
    assert_eq!(native.positive_spans.len(), 2, "a wide gap begins another span");
    assert_eq!(
        absolute(&native.negative_spans, &native.negative_deltas),
        [(-1, 1)].into()
    );
}

#[test]
fn an_exponential_histogram_that_is_too_fine_becomes_coarser_and_one_too_coarse_is_dropped() {
    let fine = of_service(vec![exponential(
        "x",
        "",
        CUMULATIVE,
        vec![exponential_point(10, -3, &[1, 2, 3, 4, 5])],
    )]);
    let (written, _) = translated("", &fine);
    let native = &written.one("x").histograms[0];
    assert_eq!(native.schema, 8);
    // Indices -3 to 1 divided by four are -1, -1, -1, 0, 0; plus one.
    assert_eq!(
        absolute(&native.positive_spans, &native.positive_deltas),
        [(0, 6), (1, 9)].into()
    );

    let coarse = of_service(vec![exponential(
        "x",
        "",
        CUMULATIVE,
        vec![exponential_point(-5, 0, &[1])],
    )]);
    let (written, table) = translated("", &coarse);
    assert_eq!(
        (written.series.len(), reasons(&table.losses)),
        (0, vec![("unsupported_scale", 1)])
    );

    let mut wrong = exponential_point(0, 0, &[1]);
    wrong.count = 99;
    let (written, table) = translated("", &of_service(vec![exponential("x", "", CUMULATIVE, vec![wrong])]));
    assert_eq!(
        (written.series.len(), reasons(&table.losses)),
        (0, vec![("invalid_histogram", 1)])
    );
}

#[test]
fn a_summary_has_quantiles_a_sum_and_a_count() {
    use opentelemetry_proto::tonic::metrics::v1::SummaryDataPoint;
    use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
    let quantile_values = vec![
        ValueAtQuantile {
            quantile: 0.5,
            value: 3.0,
        },
        ValueAtQuantile {
            quantile: 1.0,
            value: f64::NAN,
        },
    ];
    let points = vec![SummaryDataPoint {
        start_time_unix_nano: at(0),
        time_unix_nano: at(1),
        count: 4,
        sum: 12.0,
        quantile_values,
        ..SummaryDataPoint::default()
    }];
    let payload = of_service(vec![summary("gc", "s", points)]);
    let own = "instance=\"pod-1\",job=\"vllm\"";

    assert_eq!(
        lines("", &payload),
        [
            format!("gc_seconds_count{{{own}}} 4 @{}", ms(1)),
            format!("gc_seconds_sum{{{own}}} 12 @{}", ms(1)),
            format!("gc_seconds{{{own},quantile=\"0.5\"}} 3 @{}", ms(1)),
            format!("gc_seconds{{{own},quantile=\"1\"}} NaN @{}", ms(1)),
        ]
    );
    let (written, _) = translated("", &payload);
    let starts = written.series.iter().map(|series| series.samples[0].start_timestamp);
    assert!(starts.into_iter().all(|start| start == ms(0)));
}

#[test]
fn a_point_without_a_recorded_value_makes_all_its_series_stale() {
    let mut gone = buckets(&[], 2, &[1.0], &[], None);
    gone.flags = 1;
    let mut native_gone = exponential_point(0, 0, &[]);
    (native_gone.flags, native_gone.count) = (1, 0);
    let payload = of_service(vec![
        gauge("g", "", vec![stale(&[], 2)]),
        counter("c", "", vec![stale(&[], 2)]),
        histogram("h", "", CUMULATIVE, vec![gone]),
        exponential("e", "", CUMULATIVE, vec![native_gone]),
    ]);

    let (written, table) = translated("target_info: {enabled: false}", &payload);

    let values: Vec<u64> = written
        .series
        .iter()
        .map(|series| {
            series
                .samples
                .first()
                .map_or_else(|| series.histograms[0].sum, |it| it.value)
        })
        .map(f64::to_bits)
        .collect();
    assert_eq!(values, vec![STALE; 1 + 1 + 4 + 1], "{:?}", written.texts());
    let native = &written.one("e").histograms[0];
    assert_eq!((native.count, native.positive_spans.len()), (Some(Count::Int(0)), 0));
    assert_eq!(table.losses.lost(), 0);
}

#[test]
fn deltas_are_added_up_from_batch_to_batch() {
    let mut translator = Translator::new(settings("disable_scope_info: true"));
    let mut delta = |seconds: u64, value: f64| {
        let mut one = point(&[], seconds, value);
        one.start_time_unix_nano = at(seconds - 1);
        let payload = of_service(vec![sum("calls", "", DELTA, true, vec![one])]);
        through(&mut translator, &payload)
    };

    for (seconds, value, total) in [(1, 5.0, 5.0), (2, 7.0, 12.0), (4, 1.0, 13.0)] {
        let (written, _) = delta(seconds, value);
        let sample = written.one("calls_total").samples[0];
        assert_eq!((sample.value, sample.start_timestamp), (total, ms(0)));
    }
    // Again, or late: it is in the total already, or nobody knows.
    let (written, table) = delta(2, 7.0);
    assert_eq!(
        (written.series.len(), reasons(&table.losses)),
        (0, vec![("out_of_order", 1)])
    );
}

#[test]
fn delta_histograms_of_both_kinds_are_added_up() {
    let mut translator = Translator::new(settings("disable_scope_info: true"));
    let mut last = Written::default();
    for seconds in 1..=3 {
        let explicit = buckets(&[], seconds, &[1.0, 2.0], &[1, 0, seconds], Some(2.0));
        let mut fine = exponential_point(8 - seconds as i32, 0, &[8, 8, 8, 8]);
        fine.time_unix_nano = at(seconds);
        let payload = of_service(vec![
            histogram("h", "", DELTA, vec![explicit]),
            exponential("e", "", DELTA, vec![fine]),
        ]);
        last = through(&mut translator, &payload).0;
    }

    let value = |name: &str, le: &str| {
        let found = last.series.iter().find(|it| it.name() == name && it.label("le") == le);
        found.unwrap().samples[0].value
    };
    assert_eq!(
        (
            value("h_bucket", "1"),
            value("h_bucket", "2"),
            value("h_bucket", "+Inf")
        ),
        (3.0, 3.0, 9.0)
    );
    assert_eq!((value("h_count", ""), value("h_sum", "")), (9.0, 6.0));
    let native = &last.one("e").histograms[0];
    assert_eq!(
        (native.schema, native.count, native.sum),
        (5, Some(Count::Int(105)), 30.0)
    );
    // Scales 7, 6 and 5: four buckets become one, two and four.
    let positive = absolute(&native.positive_spans, &native.positive_deltas);
    assert_eq!(positive, [(1, 32 + 16 + 8), (2, 16 + 8), (3, 8), (4, 8)].into());
}

#[test]
fn other_bounds_begin_again() {
    let mut translator = Translator::new(settings(""));
    for (seconds, bounds, total) in [(1, [1.0, 2.0], 3.0), (2, [1.0, 2.0], 6.0), (3, [1.0, 4.0], 3.0)] {
        let mut one = buckets(&[], seconds, &bounds, &[1, 1, 1], None);
        one.start_time_unix_nano = at(seconds - 1);
        let payload = of_service(vec![histogram("h", "", DELTA, vec![one])]);
        let (written, _) = through(&mut translator, &payload);
        let sample = written.one("h_count").samples[0];
        assert_eq!(sample.value, total);
        assert_eq!(sample.start_timestamp, if seconds < 3 { ms(0) } else { ms(2) });
    }
}

#[test]
fn streams_of_deltas_are_bounded() {
    let mut translator = Translator::new(settings("delta_to_cumulative: {max_streams: 2}"));
    let points = ["a", "b", "c"].map(|name| point(&[("n", name)], 1, 1.0)).to_vec();
    let payload = of_service(vec![sum("x", "", DELTA, true, points)]);

    let (written, table) = through(&mut translator, &payload);

    assert_eq!(
        (written.series.len(), reasons(&table.losses)),
        (2, vec![("too_many_streams", 1)])
    );
}

#[test]
fn a_sum_without_a_start_to_count_from_is_dropped_and_counted() {
    let payload = of_service(vec![
        sum("falls", "", DELTA, false, vec![point(&[], 1, 1.0)]),
        sum("unspecified", "", 0, true, vec![point(&[], 1, 1.0)]),
        sum("up_down", "", CUMULATIVE, false, vec![point(&[], 1, -1.0)]),
    ]);

    let (written, table) = translated("target_info: {enabled: false}", &payload);

    assert_eq!(written.series.len(), 1);
    assert_eq!(
        written.one("up_down").metadata.as_ref().unwrap().0,
        2,
        "a sum that falls is a gauge"
    );
    assert_eq!(
        (reasons(&table.losses), table.losses.lost()),
        (vec![("unsupported_temporality", 2)], 2)
    );
}

#[test]
fn exemplars_go_to_their_bucket_with_trace_and_span() {
    let mut one = buckets(&[], 5, &[1.0, 2.0], &[1, 1, 1], None);
    one.exemplars = vec![
        traced(1.5, 4, &[("k", "v"), ("trace_id", "forged")]),
        traced(1.2, 3, &[("long", &"x".repeat(90))]),
    ];
    let mut total = point(&[], 5, 3.0);
    total.exemplars = vec![traced(1.0, 4, &[])];
    let mut level = point(&[], 5, 3.0);
    level.exemplars = vec![traced(1.0, 4, &[])];
    let payload = of_service(vec![
        histogram("h", "", CUMULATIVE, vec![one]),
        counter("c", "", vec![total]),
        gauge("g", "", vec![level]),
    ]);

    let (written, _) = translated("", &payload);

    let with: Vec<&str> = written
        .series
        .iter()
        .filter(|it| !it.exemplars.is_empty())
        .map(|it| it.name())
        .collect();
    assert_eq!(with, ["c_total", "h_bucket"], "none on gauges");
    let bucket = written.series.iter().find(|it| it.label("le") == "2").unwrap();
    let (trace, span) = ("cd".repeat(16), "ab".repeat(8));
    let ids = [("span_id".to_owned(), span), ("trace_id".to_owned(), trace)];
    assert_eq!((bucket.exemplars[0].value, bucket.exemplars[0].timestamp), (1.2, ms(3)));
    assert_eq!(bucket.exemplars[0].labels, ids, "attributes that do not fit leave");
    assert_eq!(bucket.exemplars[1].labels[0], ("k".to_owned(), "v".to_owned()));
    assert_eq!(bucket.exemplars[1].labels[1..], ids);
}

#[test]
fn the_type_of_a_scraped_metric_comes_back() {
    let mut unknown = gauge("u", "", vec![point(&[], 1, 1.0)]);
    unknown.metadata = attributes(&[("prometheus.type", "unknown")]);
    let mut info = sum("build_info", "", CUMULATIVE, false, vec![point(&[], 1, 1.0)]);
    info.metadata = attributes(&[("prometheus.type", "info")]);
    let payload = of_service(vec![unknown, info]);

    let (written, _) = translated("", &payload);

    assert_eq!(written.one("u").metadata.as_ref().unwrap().0, 0);
    assert_eq!(written.one("build_info").metadata.as_ref().unwrap().0, 6);
}

#[test]
fn of_two_values_at_one_time_the_first_stays_and_the_other_is_counted() {
    let points = vec![
        point(&[], 2, 1.0),
        point(&[], 1, 7.0),
        point(&[], 2, 9.0),
        point(&[], 2, 1.0),
    ];
    let payload = of_service(vec![gauge("x", "", points)]);

    let (written, table) = translated("", &payload);

    let samples: Vec<(i64, f64)> = written
        .one("x")
        .samples
        .iter()
        .map(|it| (it.timestamp, it.value))
        .collect();
    assert_eq!(samples, [(ms(1), 7.0), (ms(2), 1.0)]);
    assert_eq!(
        (reasons(&table.losses), table.losses.repeated),
        (vec![("duplicate", 1)], 1)
    );
    assert_eq!(table.losses.lost(), 1);
}

#[test]
fn values_of_every_kind_are_text_as_in_the_collector() {
    use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value};
    let value = |key: &str, value: Value| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    };
    let list = ArrayValue {
        values: vec![
            AnyValue {
                value: Some(Value::StringValue("a\"b".to_owned())),
            },
            AnyValue {
                value: Some(Value::IntValue(1)),
            },
        ],
    };
    let mut one = point(&[], 1, 1.0);
    one.attributes = vec![
        value("bool", Value::BoolValue(true)),
        value("bytes", Value::BytesValue(b"hello".to_vec())),
        value("int", Value::IntValue(-7)),
        value("large", Value::DoubleValue(1e21)),
        value("list", Value::ArrayValue(list)),
        value("small", Value::DoubleValue(1e-9)),
        value("whole", Value::DoubleValue(2.0)),
    ];
    let payload = of_service(vec![gauge("x", "", vec![one])]);

    let (written, _) = translated("", &payload);

    let series = written.one("x");
    let labels = ["bool", "bytes", "int", "large", "list", "small", "whole"].map(|name| series.label(name));
    assert_eq!(
        labels,
        ["true", "aGVsbG8=", "-7", "1e+21", "[\"a\\\"b\",1]", "1e-9", "2"]
    );
}

#[test]
fn a_number_and_a_native_histogram_cannot_be_one_series() {
    let payload = of_service(vec![
        gauge("x", "", vec![point(&[], 1, 1.0)]),
        exponential("x", "", CUMULATIVE, vec![exponential_point(0, 0, &[1])]),
    ]);

    let (written, table) = translated("", &payload);

    assert_eq!(written.one("x").samples.len(), 1);
    assert_eq!(reasons(&table.losses), [("type_conflict", 1)]);
}

#[test]
fn patterns_of_keys_know_stars_and_question_marks() {
    use crate::prometheus_series::Promotion;
    let takes = |pattern: &str, key: &str| {
        let included = vec![pattern.to_owned()];
        let excluded = vec!["*.secret".to_owned()];
        Promotion { included, excluded }.takes(key)
    };
    for (pattern, key, expected) in [
        ("*", "k8s.pod.name", true),
        ("k8s.*", "k8s.pod.name", true),
        ("k8s.*.name", "k8s.pod.name", true),
        ("k8s.*.uid", "k8s.pod.name", false),
        ("*pod*", "k8s.pod.name", true),
        ("k8s.po?.name", "k8s.pod.name", true),
        ("k8s.p?.name", "k8s.pod.name", false),
        ("k8s", "k8s.pod.name", false),
        ("*", "k8s.secret", false),
        ("", "", true),
    ] {
        assert_eq!(takes(pattern, key), expected, "{pattern} {key}");
    }
}

#[test]
fn only_a_resource_with_something_to_lose_is_warned_of() {
    let warns = |attributes: &[(&str, &str)], yaml: &str| {
        let one = gauge("x", "", vec![point(&[("service.name", "a label")], 1, 1.0)]);
        let log = Log::listen();
        translated(yaml, &request(vec![resource(attributes, vec![one])]));
        log.text().contains("WARN")
    };

    assert!(!warns(&[], ""), "metrics of a connector are about no resource");
    assert!(!warns(&[("service.name", "a"), ("zone", "b")], ""));
    assert!(warns(&[("zone", "b")], ""), "nobody can tell the zone of its series");
    assert!(!warns(&[("zone", "b")], "target_info: {enabled: false}"));
}

#[test]
fn an_exemplar_on_a_bound_belongs_below_it_and_one_that_is_no_number_to_no_bucket() {
    let bounds: Vec<f64> = (1..=50).map(f64::from).collect();
    let mut counts = vec![1; 50];
    counts.push(1);
    let mut one = buckets(&[], 9, &bounds, &counts, Some(1.0));
    let values = [0.5, 1.0, 1.5, 50.0, 50.5, f64::INFINITY, f64::NAN];
    one.exemplars = values.iter().map(|value| traced(*value, 4, &[])).collect();

    let (written, _) = translated("", &of_service(vec![histogram("h", "", CUMULATIVE, vec![one])]));

    let mut found: Vec<(String, f64)> = Vec::new();
    for series in &written.series {
        let of_series = series
            .exemplars
            .iter()
            .map(|it| (series.label("le").to_owned(), it.value));
        found.extend(of_series);
    }
    found.sort_by(|one, other| one.1.total_cmp(&other.1));
    let expected = [
        ("1", 0.5),
        ("1", 1.0),
        ("2", 1.5),
        ("50", 50.0),
        ("+Inf", 50.5),
        ("+Inf", f64::INFINITY),
    ];
    assert_eq!(found, expected.map(|(le, value)| (le.to_owned(), value)));
}
