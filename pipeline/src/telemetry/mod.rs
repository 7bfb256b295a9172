//! The program's own metrics, under the Collector's names.
//!
//! A component asks its [`Telemetry`] for an instrument once, when it is built, and then only adds to it: an atomic
//! add, no lock. The page for Prometheus is written by [`Metrics::render`].

mod instrument;
mod render;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

pub use instrument::{Counter, Gauge, Histogram};
pub use render::Suffixes;

/// What a metric is called and means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricAbout {
    /// The full name without unit and type suffix, such as `otelcol_exporter_sent_spans`.
    pub name: &'static str,
    /// What it counts, as a sentence.
    pub help: &'static str,
    /// The unit in UCUM, such as `s`, `By` or `{span}`.
    pub unit: &'static str,
}

/// All instruments of this process.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    families: Arc<Mutex<BTreeMap<&'static str, Family>>>,
}

/// One metric name with all its label sets.
struct Family {
    about: MetricAbout,
    series: Vec<(Labels, Instrument)>,
}

type Labels = Vec<(Cow<'static, str>, String)>;

/// Reads a gauge when somebody asks for it.
type Probe = Arc<dyn Fn() -> f64 + Send + Sync>;

#[derive(Clone)]
enum Instrument {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Histogram),
    /// Read when the page is written.
    GaugeProbe(Probe),
    CounterProbe(Probe),
}

/// A component's way to its instruments: the process's metrics and the labels that name the component.
#[derive(Debug, Clone, Default)]
pub struct Telemetry {
    metrics: Metrics,
    labels: Labels,
}

impl Telemetry {
    /// Instruments without labels.
    pub fn new(metrics: Metrics) -> Self {
        Self {
            metrics,
            labels: Labels::new(),
        }
    }

    /// The same with one more label.
    pub fn with(&self, label: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        let label = label.into();
        let mut labels = self.labels.clone();
        labels.retain(|(key, _)| *key != label);
        labels.push((label, value.into()));
        Self {
            metrics: self.metrics.clone(),
            labels,
        }
    }

    /// A number that only grows. Asking twice gives the same counter.
    pub fn counter(&self, about: MetricAbout) -> Counter {
        let made = self.instrument(about, || Instrument::Counter(Counter::default()));
        if let Instrument::Counter(counter) = made {
            counter
        } else {
            Counter::default()
        }
    }

    /// A number that goes up and down.
    pub fn gauge(&self, about: MetricAbout) -> Gauge {
        let made = self.instrument(about, || Instrument::Gauge(Gauge::default()));
        if let Instrument::Gauge(gauge) = made {
            gauge
        } else {
            Gauge::default()
        }
    }

    /// Observations in buckets with these upper bounds.
    pub fn histogram(&self, about: MetricAbout, bounds: &[f64]) -> Histogram {
        let made = self.instrument(about, || Instrument::Histogram(Histogram::new(bounds)));
        if let Instrument::Histogram(histogram) = made {
            histogram
        } else {
            Histogram::new(bounds)
        }
    }

    /// A gauge that is read when the page is written.
    pub fn gauge_probe(&self, about: MetricAbout, read: impl Fn() -> f64 + Send + Sync + 'static) {
        self.instrument(about, || Instrument::GaugeProbe(Arc::new(read)));
    }

    /// A counter that is read when the page is written.
    pub fn counter_probe(&self, about: MetricAbout, read: impl Fn() -> f64 + Send + Sync + 'static) {
        self.instrument(about, || Instrument::CounterProbe(Arc::new(read)));
    }

    /// The metrics of the whole process.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn instrument(&self, about: MetricAbout, make: impl FnOnce() -> Instrument) -> Instrument {
        let mut families = self.metrics.families.lock().unwrap_or_else(PoisonError::into_inner);
        let family = families.entry(about.name).or_insert_with(|| Family {
            about,
            series: Vec::new(),
        });
        if let Some((_, known)) = family.series.iter().find(|(labels, _)| *labels == self.labels) {
            return known.clone();
        }
        let made = make();
        family.series.push((self.labels.clone(), made.clone()));
        made
    }
}

impl std::fmt::Debug for Family {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} ({} series)", self.about.name, self.series.len())
    }
}

#[cfg(test)]
mod tests {
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
}
