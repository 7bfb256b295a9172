//! Which labels a series has, and what `target_info` says.

use super::otlp::*;
use super::*;
use crate::testing::Log;

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
