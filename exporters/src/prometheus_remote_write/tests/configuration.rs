use std::time::Duration;

use super::*;
use crate::prometheus_names::Strategy;
use crate::testing::remarks;
use pipeline::component::Exporter;

#[test]
fn the_client_may_stand_at_the_top_or_below_http() {
    let flat = config::<PrometheusRemoteWrite>("endpoint: http://a:1\ntimeout: 9s").unwrap();
    let nested = config::<PrometheusRemoteWrite>("http:\n  endpoint: http://a:1\n  timeout: 9s").unwrap();

    for config in [flat, nested] {
        assert_eq!(config.client().endpoint, "http://a:1");
        assert_eq!(*config.timeout(), Duration::from_secs(9));
    }
}

#[test]
fn what_cannot_work_is_refused_when_the_file_is_read() {
    for (yaml, expected) in [
        ("{}", "an endpoint is required"),
        ("http: {}", "an endpoint is required"),
        (
            "{endpoint: 'http://a:1', http: {endpoint: 'http://b:1'}}",
            "in one place",
        ),
        ("endpoint: prometheus:9090", "not an HTTP URL"),
        ("endpoint: 'http://u:p@a:1'", "put them in `headers`"),
        (
            "{endpoint: 'http://a:1', wal: {directory: /tmp/x}}",
            "a queue on disk is not available yet",
        ),
        (
            "{endpoint: 'http://a:1', wal: }",
            "a queue on disk is not available yet",
        ),
        (
            "{endpoint: 'http://a:1', auth: {authenticator: ''}}",
            "not the name of an extension",
        ),
        (
            "{http: {endpoint: 'http://a:1', auth: }}",
            "not the name of an extension",
        ),
        (
            "{http: {endpoint: 'http://a:1'}, auth: {authenticator: x}}",
            "is not looked at beside `http`",
        ),
        (
            "{endpoint: 'http://a:1', compression: gzip}",
            "always compressed with snappy",
        ),
        (
            "{endpoint: 'http://a:1', external_labels: {__name__: x}}",
            "external label",
        ),
        ("{endpoint: 'http://a:1', max_batch_size_bytes: 0}", "at least 1"),
        (
            "{endpoint: 'http://a:1', remote_write_queue: {num_consumers: 0}}",
            "at least 1",
        ),
        (
            "{endpoint: 'http://a:1', protobuf_message: prometheus.v3}",
            "protobuf_message",
        ),
        (
            "{endpoint: 'http://a:1', translation_strategy: Shouting}",
            "translation_strategy",
        ),
        (
            "{endpoint: 'http://a:1', include_metadata_keys: [tenant]}",
            "not available",
        ),
        ("{endpoint: 'http://a:1', external_label: {a: b}}", "external_labels"),
    ] {
        let problem = config::<PrometheusRemoteWrite>(yaml).expect_err(yaml);
        assert!(problem.contains(expected), "{yaml}\n{problem}");
    }
}

#[test]
fn defaults_are_the_collectors() {
    let config = config::<PrometheusRemoteWrite>("endpoint: http://a:1").unwrap();
    let delivery = PrometheusRemoteWrite::delivery(&config);

    assert_eq!((config.shards(), config.protocol()), (5, Protocol::V1));
    assert_eq!(delivery.sending_queue.queue_size, 10_000);
    assert_eq!(
        delivery.sending_queue.num_consumers, 1,
        "one batch after another keeps the order"
    );
    assert_eq!(
        config.settings().names.strategy,
        Strategy::UnderscoreEscapingWithSuffixes
    );
    assert!(config.settings().has_target_info && config.settings().has_scope_labels);
}

#[test]
fn suffixes_are_off_when_either_key_says_so_and_the_newer_key_wins() {
    let strategy = |yaml| settings(yaml).names.strategy;

    assert_eq!(
        strategy("add_metric_suffixes: false"),
        Strategy::UnderscoreEscapingWithoutSuffixes
    );
    let both = "{add_metric_suffixes: false, translation_strategy: NoUTF8EscapingWithSuffixes}";
    let both = both.trim_matches(['{', '}']).replace(", ", "\n");
    assert_eq!(strategy(&both), Strategy::NoUTF8EscapingWithSuffixes);
}

#[test]
fn keys_without_effect_are_pointed_out() {
    for (yaml, expected) in [
        (
            "send_metadata: true\nprotobuf_message: io.prometheus.write.v2.Request",
            "every series has its metadata",
        ),
        ("translation_strategy: NoTranslation", "no UTF-8 names"),
        (
            "add_metric_suffixes: false\ntranslation_strategy: NoTranslation",
            "decides",
        ),
        ("keep_classic_histograms: true", "all of them are classic"),
    ] {
        let said = remarks::<PrometheusRemoteWrite>(&format!("endpoint: http://a:1\n{yaml}"));
        assert!(said.contains(expected), "{yaml}\n{said}");
    }
}
