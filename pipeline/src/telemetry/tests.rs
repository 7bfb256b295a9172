use std::sync::{Arc, Mutex};

use config::{Id, Kind, Signal};

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

#[test]
fn dots_of_names_and_keys_are_underscores_on_the_page() {
    let telemetry = Telemetry::default();
    let about = MetricAbout {
        name: "otelcol.receiver.produced.items",
        ..SENT
    };
    telemetry.with("error.type", "a.b").counter(about).add(1);

    let page = telemetry.metrics().render(Suffixes::none());

    assert!(
        page.contains("otelcol_receiver_produced_items{error_type=\"a.b\"} 1\n"),
        "{page}"
    );
}

#[test]
fn a_label_for_every_series_stands_on_all_but_the_one_that_is_the_resource() {
    let telemetry = Telemetry::default();
    telemetry.counter(SENT).add(1);
    let info = MetricAbout {
        name: "target_info",
        ..SENT
    };
    telemetry.with("service.name", "a").gauge_probe(info, || 1.0);

    let everywhere = vec![("zone".into(), "b".to_owned())];
    let page = telemetry.metrics().render_with(Suffixes::none(), &everywhere);

    assert!(page.contains("otelcol_exporter_sent_spans{zone=\"b\"} 1\n"), "{page}");
    assert!(page.contains("target_info{service_name=\"a\"} 1\n"), "{page}");
}

#[test]
fn what_a_level_does_not_show_is_counted_and_left_out() {
    let telemetry = Telemetry::default();
    telemetry.metrics().set_detail(Detail::Basic);
    let sizes = MetricAbout {
        name: "otelcol_processor_batch_batch_send_size",
        ..SENT
    };

    telemetry.histogram(sizes, &[1.0]).observe(1.0);
    telemetry.counter(SENT).add(1);
    let page = telemetry.metrics().render(Suffixes::none());

    assert!(!page.contains("batch_send_size"), "{page}");
    assert!(page.contains("otelcol_exporter_sent_spans 1\n"), "{page}");
}

/// Writes down what it sees.
#[derive(Default)]
struct Watcher {
    appeared: Mutex<Vec<(&'static str, Shape)>>,
    observed: Arc<Mutex<Vec<f64>>>,
}

impl Watch for Watcher {
    fn appeared(&self, about: MetricAbout, shape: Shape) {
        self.appeared.lock().unwrap().push((about.name, shape));
    }

    fn tap(&self, _about: MetricAbout, _labels: &Labels, _bounds: &[f64]) -> Option<Tap> {
        let observed = Arc::clone(&self.observed);
        Some(Box::new(move |value| observed.lock().unwrap().push(value)))
    }
}

#[test]
fn who_watches_sees_what_is_there_and_what_appears_once_each() {
    let (telemetry, watcher) = (Telemetry::default(), Arc::new(Watcher::default()));
    telemetry.with("exporter", "a").counter(SENT).add(2);

    let watch: Arc<dyn Watch> = watcher.clone();
    telemetry.metrics().watch(&watch);
    telemetry.with("exporter", "b").counter(SENT).add(3);
    telemetry.histogram(DURATION, &[1.0]).observe(0.5);

    let seen = watcher.appeared.lock().unwrap().clone();
    assert_eq!(seen, [(SENT.name, Shape::Counter), (DURATION.name, Shape::Histogram)]);
    assert_eq!(*watcher.observed.lock().unwrap(), [0.5]);
    let mut readings = Vec::new();
    telemetry.metrics().read(SENT.name, |labels, reading| {
        readings.push((labels[0].1.clone(), reading));
    });
    let expected = [("a".to_owned(), Reading::Count(2)), ("b".to_owned(), Reading::Count(3))];
    assert_eq!(readings, expected);
}

#[test]
fn items_at_an_edge_are_counted_by_how_they_fared() {
    let telemetry = Telemetry::default();
    let id: Id = "otlp/a".parse().unwrap();
    let flow = |side| {
        let receiver = (Kind::Receiver, &id);
        ItemFlow::new(telemetry.metrics(), receiver, Signal::Logs, side, None)
    };

    let produced = flow(ItemSide::Produced).unwrap();
    produced.add(ItemOutcome::Success, 2);
    produced.add(ItemOutcome::Refused, 1);
    produced.add(ItemOutcome::Failure, 0);
    let page = telemetry.metrics().render(Suffixes::none());

    let labels = "otelcol_component_kind=\"receiver\",otelcol_component_id=\"otlp/a\",otelcol_signal=\"logs\"";
    for (outcome, items) in [("success", 2), ("refused", 1)] {
        let line =
            format!("otelcol_receiver_produced_items{{{labels},otelcol_component_outcome=\"{outcome}\"}} {items}\n");
        assert!(page.contains(&line), "{page}");
    }
    assert!(!page.contains("failure"), "{page}");
    assert!(flow(ItemSide::Consumed).is_none(), "a receiver is given nothing");
}
