//! Our instruments as the SDK's: counters and gauges are read when it collects, histograms hand on what they observe.
//!
//! The SDK of this version takes numbers only through instruments of its own. Observable ones cost nothing between two
//! collections. It has no observable histogram, so these are recorded twice: they observe once for a batch.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Histogram, Meter};
use pipeline::telemetry::{Labels, MetricAbout, Metrics, Reading, Shape, Tap, Watch};

use crate::own::resource::TARGET_INFO;

/// Makes an instrument of the SDK for each of ours.
pub struct Bridge {
    meter: Meter,
    /// The instruments hold it in turn, for as long as the process lives.
    metrics: Metrics,
    /// Series of one metric share an instrument.
    histograms: Mutex<HashMap<&'static str, Histogram<f64>>>,
}

impl Bridge {
    /// Instruments of this meter for these metrics.
    pub fn new(meter: Meter, metrics: Metrics) -> Self {
        Self {
            meter,
            metrics,
            histograms: Mutex::default(),
        }
    }
}

impl Watch for Bridge {
    fn appeared(&self, about: MetricAbout, shape: Shape) {
        if about.name == TARGET_INFO.name {
            return; // What is pushed carries the resource itself.
        }
        let metrics = self.metrics.clone();
        let MetricAbout { name, help, unit } = about;
        match shape {
            Shape::Counter => {
                let counter = self.meter.u64_observable_counter(name);
                let read = move |seen: &dyn AsyncInstrument<u64>| observe(&metrics, name, seen, whole);
                counter
                    .with_description(help)
                    .with_unit(unit)
                    .with_callback(read)
                    .build();
            }
            Shape::FloatCounter => {
                let counter = self.meter.f64_observable_counter(name);
                let read = move |seen: &dyn AsyncInstrument<f64>| observe(&metrics, name, seen, broken);
                counter
                    .with_description(help)
                    .with_unit(unit)
                    .with_callback(read)
                    .build();
            }
            Shape::Gauge => {
                let gauge = self.meter.i64_observable_gauge(name);
                let read = move |seen: &dyn AsyncInstrument<i64>| observe(&metrics, name, seen, signed);
                gauge.with_description(help).with_unit(unit).with_callback(read).build();
            }
            Shape::FloatGauge => {
                let gauge = self.meter.f64_observable_gauge(name);
                let read = move |seen: &dyn AsyncInstrument<f64>| observe(&metrics, name, seen, broken);
                gauge.with_description(help).with_unit(unit).with_callback(read).build();
            }
            Shape::Histogram => {}
        }
    }

    fn tap(&self, about: MetricAbout, labels: &Labels, bounds: &[f64]) -> Option<Tap> {
        let mut histograms = self.histograms.lock().unwrap_or_else(PoisonError::into_inner);
        let histogram = histograms.entry(about.name).or_insert_with(|| {
            let histogram = self.meter.f64_histogram(about.name);
            let histogram = histogram.with_description(about.help).with_unit(about.unit);
            histogram.with_boundaries(bounds.to_vec()).build()
        });
        let (histogram, labels) = (histogram.clone(), attributes(labels));
        Some(Box::new(move |value| histogram.record(value, &labels)))
    }
}

fn observe<T>(metrics: &Metrics, name: &str, seen: &dyn AsyncInstrument<T>, number: fn(Reading) -> T) {
    metrics.read(name, |labels, reading| {
        seen.observe(number(reading), &attributes(labels));
    });
}

fn attributes(labels: &Labels) -> Vec<KeyValue> {
    let pairs = labels.iter();
    pairs
        .map(|(key, value)| KeyValue::new(key.to_string(), value.clone()))
        .collect()
}

// A metric has one shape, so each of these meets only its own kind of reading; the others are there for the compiler.

fn whole(reading: Reading) -> u64 {
    match reading {
        Reading::Count(count) => count,
        Reading::Level(level) => u64::try_from(level).unwrap_or(0),
        Reading::Float(number) => number as u64,
    }
}

fn signed(reading: Reading) -> i64 {
    match reading {
        Reading::Count(count) => i64::try_from(count).unwrap_or(i64::MAX),
        Reading::Level(level) => level,
        Reading::Float(number) => number as i64,
    }
}

fn broken(reading: Reading) -> f64 {
    match reading {
        Reading::Count(count) => count as f64,
        Reading::Level(level) => level as f64,
        Reading::Float(number) => number,
    }
}
