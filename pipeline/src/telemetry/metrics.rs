//! All instruments of a process: found again by name and labels, read together, watched by who pushes them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use config::telemetry::Detail;

use super::{Counter, Gauge, Histogram, Labels, MetricAbout, OwnSpans, Tap, detail_of};

/// All instruments of this process; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Shared>);

#[derive(Default)]
struct Shared {
    families: Mutex<BTreeMap<&'static str, Family>>,
    /// Set once, before components are built. Until then it is what the Collector's default is.
    detail: OnceLock<Detail>,
    /// Set once, before components are built.
    watch: OnceLock<Arc<dyn Watch>>,
    /// Set once, before components are built.
    spans: OnceLock<Arc<dyn OwnSpans>>,
}

/// One metric name with all its label sets.
pub(super) struct Family {
    pub(super) about: MetricAbout,
    pub(super) series: Vec<(Labels, Instrument)>,
}

/// Reads a number when somebody asks for it.
type Probe = Arc<dyn Fn() -> f64 + Send + Sync>;

#[derive(Clone)]
pub(super) enum Instrument {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Histogram),
    GaugeProbe(Probe),
    CounterProbe(Probe),
}

/// What a metric is, for who must know it before there is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Whole numbers that only grow.
    Counter,
    /// Numbers that only grow and may be broken.
    FloatCounter,
    /// Whole numbers that go up and down.
    Gauge,
    /// Numbers that go up and down and may be broken.
    FloatGauge,
    /// Observations in buckets.
    Histogram,
}

/// What a series stands at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// Of a counter.
    Count(u64),
    /// Of a gauge.
    Level(i64),
    /// Of a probe.
    Float(f64),
}

/// Sees every metric that is there or appears, and what histograms observe.
pub trait Watch: Send + Sync {
    /// A metric has got its first series. Its numbers are had from [`Metrics::read`]. No lock is held meanwhile.
    fn appeared(&self, about: MetricAbout, shape: Shape);

    /// A series of a histogram has appeared. The tap is called with each observation; None where it is not wanted.
    fn tap(&self, about: MetricAbout, labels: &Labels, bounds: &[f64]) -> Option<Tap>;
}

impl Metrics {
    /// Says how much is shown. Once, before components are built; later calls change nothing.
    pub fn set_detail(&self, detail: Detail) {
        let _ = self.0.detail.set(detail);
    }

    /// How much is shown.
    pub fn detail(&self) -> Detail {
        *self.0.detail.get().unwrap_or(&Detail::Normal)
    }

    /// Whether a metric is shown at the level that was asked for.
    pub fn shows(&self, about: MetricAbout) -> bool {
        self.detail() >= detail_of(about.name)
    }

    /// Lets somebody make spans about the program's own work. Once, before components are built.
    pub fn set_spans(&self, spans: Arc<dyn OwnSpans>) {
        let _ = self.0.spans.set(spans);
    }

    pub(super) fn spans(&self) -> Option<&dyn OwnSpans> {
        self.0.spans.get().map(AsRef::as_ref)
    }

    /// Lets somebody see all metrics. Once, before components are built: a histogram does not repeat what it observed.
    pub fn watch(&self, watch: &Arc<dyn Watch>) {
        if self.0.watch.set(Arc::clone(watch)).is_err() {
            return;
        }
        let there: Vec<(MetricAbout, Vec<(Labels, Instrument)>)> = {
            let families = self.families();
            let there = families.values();
            there.map(|family| (family.about, family.series.clone())).collect()
        };
        for (about, series) in there {
            for (index, (labels, instrument)) in series.iter().enumerate() {
                self.show(watch.as_ref(), about, labels, instrument, index == 0);
            }
        }
    }

    /// Calls `take` with every series of a metric.
    pub fn read(&self, name: &str, mut take: impl FnMut(&Labels, Reading)) {
        let series = {
            let families = self.families();
            families
                .get(name)
                .map(|family| family.series.clone())
                .unwrap_or_default()
        };
        // Without the lock, because a probe may look at anything.
        for (labels, instrument) in &series {
            match instrument {
                Instrument::Counter(counter) => take(labels, Reading::Count(counter.value())),
                Instrument::Gauge(gauge) => take(labels, Reading::Level(gauge.value())),
                Instrument::GaugeProbe(read) | Instrument::CounterProbe(read) => take(labels, Reading::Float(read())),
                Instrument::Histogram(_) => {}
            }
        }
    }

    /// The names of all metrics that have a series, whatever the level.
    pub fn names(&self) -> Vec<&'static str> {
        self.families().keys().copied().collect()
    }

    pub(super) fn families(&self) -> MutexGuard<'_, BTreeMap<&'static str, Family>> {
        self.0.families.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn instrument(
        &self,
        about: MetricAbout,
        labels: &Labels,
        make: impl FnOnce() -> Instrument,
    ) -> Instrument {
        let (made, first) = {
            let mut families = self.families();
            let family = families.entry(about.name).or_insert_with(|| Family {
                about,
                series: Vec::new(),
            });
            if let Some((_, known)) = family.series.iter().find(|(known, _)| known == labels) {
                return known.clone();
            }
            let made = make();
            family.series.push((labels.clone(), made.clone()));
            (made, family.series.len() == 1)
        };
        if let Some(watch) = self.0.watch.get() {
            self.show(watch.as_ref(), about, labels, &made, first);
        }
        made
    }

    /// Shows a series to who watches. Without a lock, because watching reads.
    fn show(&self, watch: &dyn Watch, about: MetricAbout, labels: &Labels, instrument: &Instrument, first: bool) {
        if !self.shows(about) {
            return;
        }
        if first {
            watch.appeared(about, instrument.shape());
        }
        if let Instrument::Histogram(histogram) = instrument
            && let Some(tap) = watch.tap(about, labels, histogram.bounds())
        {
            histogram.tap(tap);
        }
    }
}

impl Instrument {
    pub(super) fn shape(&self) -> Shape {
        match self {
            Self::Counter(_) => Shape::Counter,
            Self::CounterProbe(_) => Shape::FloatCounter,
            Self::Gauge(_) => Shape::Gauge,
            Self::GaugeProbe(_) => Shape::FloatGauge,
            Self::Histogram(_) => Shape::Histogram,
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        write!(formatter, "{} metrics", families.len())
    }
}
