//! The program's own metrics, under the Collector's names, and the hook for spans about its own work.
//!
//! A component asks its [`Telemetry`] for an instrument once, when it is built, and then only adds to it: an atomic
//! add, no lock. The page for Prometheus is written by [`Metrics::render`]; who pushes the metrics elsewhere
//! [watches](Watch) them. The crate knows no SDK: the program brings one where the configuration asks for it.

mod flow;
mod instrument;
mod level;
mod metrics;
mod render;
mod span;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use config::telemetry::Detail;

pub use flow::{ItemFlow, ItemOutcome, ItemSide, PIPELINE_ID, SIGNAL_OUTPUT};
pub use instrument::{Counter, Gauge, Histogram, Tap};
pub use level::detail_of;
pub use metrics::{Metrics, Reading, Shape, Watch};
pub use render::{Labels, Suffixes};
pub use span::{OwnSpan, OwnSpans, SpanValue};

use metrics::Instrument;

/// What a metric is called and means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricAbout {
    /// The full name without unit and type suffix, such as `otelcol_exporter_sent_spans`. Dots are underscores on the
    /// page for Prometheus.
    pub name: &'static str,
    /// What it counts, as a sentence.
    pub help: &'static str,
    /// The unit in UCUM, such as `s`, `By` or `{span}`.
    pub unit: &'static str,
}

/// A component's way to its instruments: the process's metrics and the labels that name the component.
#[derive(Debug, Clone, Default)]
pub struct Telemetry {
    metrics: Metrics,
    labels: Labels,
}

/// What pipelines count whatever the components are; components list their own in `ABOUT`.
pub fn of_pipelines() -> Vec<MetricAbout> {
    let edges = flow::ALL.into_iter();
    let processors = crate::lane::METRICS.iter().copied();
    let exporters = crate::delivery::metrics();
    edges
        .chain(processors)
        .chain(exporters)
        .chain(crate::ledger::METRICS)
        .collect()
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

    /// The value of a label, such as the name of the component.
    pub fn label(&self, label: &str) -> Option<&str> {
        let found = self.labels.iter().find(|(key, _)| key == label);
        found.map(|(_, value)| value.as_str())
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

    /// A gauge that is read when the metrics are.
    pub fn gauge_probe(&self, about: MetricAbout, read: impl Fn() -> f64 + Send + Sync + 'static) {
        self.instrument(about, || Instrument::GaugeProbe(std::sync::Arc::new(read)));
    }

    /// A counter that is read when the metrics are.
    pub fn counter_probe(&self, about: MetricAbout, read: impl Fn() -> f64 + Send + Sync + 'static) {
        self.instrument(about, || Instrument::CounterProbe(std::sync::Arc::new(read)));
    }

    /// The metrics of the whole process.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Whether the configuration asks for everything that can be measured, at some cost.
    pub fn is_detailed(&self) -> bool {
        self.metrics.detail() >= Detail::Detailed
    }

    /// Who makes spans about the program's own work; None, as a rule, where nobody asked for them.
    pub fn spans(&self) -> Option<&dyn OwnSpans> {
        self.metrics.spans()
    }

    fn instrument(&self, about: MetricAbout, make: impl FnOnce() -> Instrument) -> Instrument {
        self.metrics.instrument(about, &self.labels, make)
    }
}
