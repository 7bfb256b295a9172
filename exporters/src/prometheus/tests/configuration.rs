use std::time::Duration;

use pipeline::component::Exporter;

use super::*;
use crate::prometheus_names::Strategy;
use crate::testing::remarks;

#[test]
fn the_collectors_own_example_loads_unchanged() {
    let yaml = "
endpoint: \"1.2.3.4:1234\"
tls:
  ca_file: \"/path/to/ca.pem\"
  cert_file: \"/path/to/cert.pem\"
  key_file: \"/path/to/key.pem\"
namespace: test-space
const_labels:
  label1: value1
  \"another label\": spaced value
send_timestamps: true
metric_expiration: 180m
enable_open_metrics: true
add_metric_suffixes: false
translation_strategy: \"UnderscoreEscapingWithoutSuffixes\"
resource_to_telemetry_conversion:
  enabled: true
";
    let config = config::<Prometheus>(yaml).unwrap();

    assert_eq!(config.server().endpoint, "1.2.3.4:1234");
    assert_eq!(config.rules().expiration, Duration::from_secs(180 * 60));
    assert_eq!(
        config.settings().names.strategy,
        Strategy::UnderscoreEscapingWithoutSuffixes
    );
    assert!(config.has_timestamps() && config.has_open_metrics());
}

#[test]
fn without_keys_it_does_what_the_collector_does() {
    let config = config::<Prometheus>("endpoint: localhost:8889").unwrap();

    assert_eq!(config.rules().expiration, Duration::from_secs(300));
    assert!(!config.has_timestamps() && !config.has_open_metrics());
    let settings = config.settings();
    assert_eq!(settings.names.strategy, Strategy::UnderscoreEscapingWithSuffixes);
    assert!(settings.has_scope_labels && settings.has_target_info);
    let delivery = Prometheus::delivery(&config);
    assert!(!delivery.sending_queue.enabled && !delivery.retry_on_failure.enabled);
}

#[test]
fn a_queue_is_there_if_asked_for_and_keeps_batches_in_order() {
    let yaml = "{endpoint: 'a:1', sending_queue: {queue_size: 7, num_consumers: 4}}";
    let queue = Prometheus::delivery(&config::<Prometheus>(yaml).unwrap()).sending_queue;

    assert_eq!((queue.enabled, queue.queue_size, queue.num_consumers), (true, 7, 1));
    assert!(remarks::<Prometheus>(yaml).contains("one after another"));
}

#[test]
fn what_cannot_work_is_refused_when_the_file_is_read() {
    for (yaml, expected) in [
        ("{}", "an endpoint is required"),
        ("endpoint: localhost", "endpoint"),
        (
            "{endpoint: 'a:1', metric_expiration: 0s}",
            "nothing would ever be shown",
        ),
        ("{endpoint: 'a:1', max_series: 0}", "at least 1"),
        ("{endpoint: 'a:1', const_labels: {__name__: x}}", "cannot be a label"),
        ("{endpoint: 'a:1', translation_strategy: Nonsense}", "NoTranslation"),
        ("{endpoint: 'a:1', auth: {authenticator: x}}", "not available yet"),
        ("{endpoint: 'a:1', middlewares: []}", "not available yet"),
        ("{endpoint: 'a:1', tls: {}}", "a server needs its certificate"),
        (
            "{endpoint: 'a:1', sending_queue: {storage: x}}",
            "a queue on disk is not available yet",
        ),
        ("{endpoint: 'a:1', metrics_path: /x}", "unknown key"),
    ] {
        let problems = config::<Prometheus>(yaml).unwrap_err();
        assert!(problems.contains(expected), "{yaml}: {problems}");
    }
}

#[test]
fn keys_without_effect_are_said_to_be_so() {
    for (key, why) in [
        ("max_request_body_size: 1", "without a body"),
        ("include_metadata: true", "without a body"),
        ("read_timeout: 1s", "without a body"),
        ("write_timeout: 1s", "does not read"),
        ("compression_algorithms: [gzip]", "without a body"),
        (
            "add_metric_suffixes: false\ntranslation_strategy: NoTranslation",
            "`translation_strategy` decides",
        ),
        (
            "resource_to_telemetry_conversion: {enabled: true}\nresource_constant_labels: {included: [a]}",
            "`resource_constant_labels` decides",
        ),
    ] {
        let said = remarks::<Prometheus>(&format!("endpoint: localhost:1\n{key}"));
        assert!(said.contains(why), "{key}: {said}");
    }
}
