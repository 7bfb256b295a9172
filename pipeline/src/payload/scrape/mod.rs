//! What one scrape of a target gave, in the form in which it was read.
//!
//! A target shows the same series in the same order every time. So what does not change – names, labels, types – is
//! kept once in a [`Shape`], and a [`Scrape`] is little more than a value for each series. An exporter to Prometheus
//! knows the shape from the scrape before and reads nothing but values; to everybody else a scrape is the OTLP that it
//! turns into when it is asked for its bytes.

mod bound;
mod otlp;
mod shape;

use std::sync::Arc;

pub use bound::bound_text;
pub use shape::{Family, Group, Kind, Label, Metric, Part, Series, Shape};

/// The value that tells Prometheus that a series has ended; no measured value has these bits.
pub const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// The values of one scrape.
#[derive(Debug, Clone)]
pub struct Scrape {
    /// What the series are.
    pub shape: Arc<Shape>,
    /// When it was scraped, in milliseconds since 1970.
    pub time: i64,
    /// A value for each series that has one or has just ended; each series once.
    pub samples: Vec<Sample>,
    /// Times that differ from that of the scrape, in the order of the samples.
    pub times: Vec<OwnTime>,
    /// Since when the points of the shape count, in nanoseconds since 1970; 0 for not known, and nothing at all where no
    /// point says it.
    pub starts: Vec<u64>,
    /// In the order of the samples.
    pub exemplars: Vec<ScrapedExemplar>,
    /// Data points that the samples make in OTLP.
    pub points: u32,
}

/// The value of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Number of the series in the shape.
    pub series: u32,
    /// The value; [`STALE`] for a series that has ended.
    pub value: f64,
}

/// A sample that is not of the time of the scrape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnTime {
    /// Index of the sample.
    pub sample: u32,
    /// In milliseconds since 1970.
    pub time: i64,
}

/// A measurement that stands beside a sample.
#[derive(Debug, Clone, PartialEq)]
pub struct ScrapedExemplar {
    /// Index of the sample.
    pub sample: u32,
    /// What was measured.
    pub value: f64,
    /// When, in milliseconds since 1970; None for not said.
    pub time: Option<i64>,
    /// `trace_id` and whatever else there is.
    pub labels: Vec<(String, String)>,
}

impl Scrape {
    /// A scrape without samples.
    pub fn new(shape: Arc<Shape>, time: i64) -> Self {
        Self {
            shape,
            time,
            samples: Vec::new(),
            times: Vec::new(),
            starts: Vec::new(),
            exemplars: Vec::new(),
            points: 0,
        }
    }

    /// Bytes of memory that it takes as it is. The shape is its target's, which keeps it anyway.
    pub fn memory(&self) -> usize {
        let labels = |exemplar: &ScrapedExemplar| -> usize {
            let texts = exemplar.labels.iter();
            texts
                .map(|(name, value)| size_of::<(String, String)>() + name.len() + value.len())
                .sum()
        };
        size_of_val(&*self.samples)
            + size_of_val(&*self.times)
            + size_of_val(&*self.starts)
            + size_of_val(&*self.exemplars)
            + self.exemplars.iter().map(labels).sum::<usize>()
    }

    /// About as many bytes as it has in OTLP.
    pub fn size(&self) -> usize {
        /// Time, value and the tags around them.
        const SAMPLE_BYTES: usize = 24;
        /// Times, value, two ids and a label.
        const EXEMPLAR_BYTES: usize = 64;
        self.shape.heads_bytes() + self.samples.len() * SAMPLE_BYTES + self.exemplars.len() * EXEMPLAR_BYTES
    }

    /// Since when the point of a series counts, in nanoseconds since 1970; 0 where that is not known, or would be after
    /// the value itself.
    pub fn start(&self, series: &Series, time: i64) -> u64 {
        let start = self.starts.get(series.point as usize).copied().unwrap_or_default();
        match nanoseconds(time) {
            Some(time) if start <= time => start,
            _ => 0,
        }
    }
}

/// Nanoseconds of milliseconds since 1970; None for a time before.
pub(crate) fn nanoseconds(milliseconds: i64) -> Option<u64> {
    u64::try_from(milliseconds).ok()?.checked_mul(1_000_000)
}
