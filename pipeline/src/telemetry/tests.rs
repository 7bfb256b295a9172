use super::*;

const SENT: MetricAbout = MetricAbout {
    name: "otelcol_exporter_sent_spans",
    help: "Spans sent.",
    unit: "{span}",
};
const DURATION: MetricAbout = MetricAbout {
    name: "http_server_request_duration",
    help: "Time that a request took.",
    unit: "s",
};

#[test]
fn asking_twice_gives_the_same_counter() {
    let telemetry = Telemetry::default().with("exporter", "debug");

    telemetry.counter(SENT).add(2);
    telemetry.counter(SENT).add(3);

    assert_eq!(telemetry.counter(SENT).value(), 5);
}

#[test]
fn the_default_page_has_no_suffixes() {
    let telemetry = Telemetry::default();
    telemetry.with("exporter", "a\"b").counter(SENT).add(2);

    let page = telemetry.metrics().render(Suffixes::none());

    assert!(page.contains("# TYPE otelcol_exporter_sent_spans counter\n"), "{page}");
    assert!(
        page.contains("otelcol_exporter_sent_spans{exporter=\"a\\\"b\"} 2\n"),
        "{page}"
    );
}

#[test]
fn with_suffixes_a_counter_says_total_and_a_duration_says_seconds() {
    let telemetry = Telemetry::default();
    telemetry.counter(SENT).add(1);
    telemetry.histogram(DURATION, &[0.5, 1.0]).observe(0.7);

    let page = telemetry.metrics().render(Suffixes {
        units: true,
        types: true,
    });

    assert!(page.contains("otelcol_exporter_sent_spans_total 1\n"), "{page}");
    assert!(
        page.contains("http_server_request_duration_seconds_bucket{le=\"0.5\"} 0\n"),
        "{page}"
    );
    assert!(
        page.contains("http_server_request_duration_seconds_bucket{le=\"+Inf\"} 1\n"),
        "{page}"
    );
    assert!(
        page.contains("http_server_request_duration_seconds_sum 0.7\n"),
        "{page}"
    );
    assert!(
        page.contains("http_server_request_duration_seconds_count 1\n"),
        "{page}"
    );
}
