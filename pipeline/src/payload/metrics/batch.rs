//! A batch of metrics: OTLP as it arrived, scrapes as they were read, or both in a row.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::ResourceMetrics;
use super::builder::MetricsBuilder;
use crate::payload::error::ParseError;
use crate::payload::limits::{Limits, Parsed};
use crate::payload::schema;
use crate::payload::scrape::Scrape;
use crate::payload::signals;
use crate::payload::split::{self, SplitLimit};

/// Metrics. Each is its own OTLP bytes, or what a scrape gave: that turns into OTLP once somebody asks for the bytes.
///
/// Cloning counts a reference; bytes and scrapes are shared.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    form: Form,
    points: u32,
}

#[derive(Debug, Clone)]
enum Form {
    Otlp(Bytes),
    Parts(Arc<Parts>),
}

#[derive(Debug)]
struct Parts {
    list: Vec<MetricsPart>,
    /// Of all parts together.
    size: usize,
    /// What the scrapes among them take as they are.
    scrapes: usize,
    /// Made when it is first asked for.
    otlp: OnceLock<Bytes>,
}

/// A part of a batch, in the form in which it came.
#[derive(Debug, Clone)]
pub enum MetricsPart {
    /// An export request.
    Otlp(Metrics),
    /// The values of one scrape.
    Scrape(Arc<Scrape>),
}

impl Metrics {
    /// Reads an export request, the only place that can fail. Bytes that are in order stay the same `Bytes`.
    pub fn parse(bytes: Bytes, limits: &Limits) -> Result<Parsed<Self>, ParseError> {
        let parsed = signals::parse(&schema::METRICS, bytes, limits, limits.data_points)?;
        Ok(parsed.map(|(bytes, points)| Self::trusted(bytes, points)))
    }

    /// Wraps bytes that this program made or has checked before.
    pub(in crate::payload) fn trusted(bytes: Bytes, points: u32) -> Self {
        Self {
            form: Form::Otlp(bytes),
            points,
        }
    }

    /// What scrapes gave; none without a point.
    pub fn scraped(scrapes: impl IntoIterator<Item = Scrape>) -> Option<Self> {
        let parts = scrapes.into_iter().filter(|scrape| scrape.points > 0);
        let batch = Self::of(parts.map(|scrape| MetricsPart::Scrape(Arc::new(scrape))).collect());
        (!batch.is_empty()).then_some(batch)
    }

    fn of(list: Vec<MetricsPart>) -> Self {
        let points = list.iter().fold(0, |sum: u32, part| sum.saturating_add(part.points()));
        let parts = Parts {
            size: list.iter().map(MetricsPart::size).sum(),
            scrapes: list.iter().map(MetricsPart::scrape_memory).sum(),
            list,
            otlp: OnceLock::new(),
        };
        Self {
            form: Form::Parts(Arc::new(parts)),
            points,
        }
    }

    /// The export request.
    pub fn bytes(&self) -> &Bytes {
        match &self.form {
            Form::Otlp(bytes) => bytes,
            Form::Parts(parts) => parts.otlp.get_or_init(|| parts.otlp()),
        }
    }

    /// About as many bytes as the export request has, without making it.
    pub fn size(&self) -> usize {
        match &self.form {
            Form::Otlp(bytes) => bytes.len(),
            Form::Parts(parts) => parts.size,
        }
    }

    /// Bytes of memory that it takes once somebody has asked for its bytes: scrapes stay beside them, because another
    /// exporter may still want those.
    pub fn memory(&self) -> usize {
        match &self.form {
            Form::Otlp(bytes) => bytes.len(),
            Form::Parts(parts) => parts.size + parts.scrapes,
        }
    }

    /// Number of data points.
    pub fn points(&self) -> u32 {
        self.points
    }

    /// Whether there is no item in it. Resources without items count as nothing.
    pub fn is_empty(&self) -> bool {
        self.points == 0
    }

    /// The parts, in order.
    pub fn parts(&self) -> impl Iterator<Item = MetricsPart> + '_ {
        let (whole, list) = match &self.form {
            Form::Otlp(_) => (Some(MetricsPart::Otlp(self.clone())), None),
            Form::Parts(parts) => (None, Some(&parts.list)),
        };
        whole.into_iter().chain(list.into_iter().flatten().cloned())
    }

    /// Whether this is a clone of the other.
    pub fn is_clone_of(&self, other: &Self) -> bool {
        match (&self.form, &other.form) {
            (Form::Otlp(one), Form::Otlp(two)) => one.as_ptr() == two.as_ptr() && one.len() == two.len(),
            (Form::Parts(one), Form::Parts(two)) => Arc::ptr_eq(one, two),
            _ => false,
        }
    }

    /// Looks into the batch.
    pub fn resources(&self) -> ResourceMetrics<'_> {
        ResourceMetrics::of(self.bytes())
    }

    /// All of them in one: appending serialized requests yields a request, and scrapes stay what they are.
    pub fn concat(batches: &[Self]) -> Self {
        if let [only] = batches {
            return only.clone();
        }
        if batches.iter().any(|batch| matches!(batch.form, Form::Parts(_))) {
            return Self::of(batches.iter().flat_map(Self::parts).collect());
        }
        let mut bytes = Vec::with_capacity(batches.iter().map(Self::size).sum());
        batches.iter().for_each(|batch| bytes.extend_from_slice(batch.bytes()));
        let points = batches
            .iter()
            .fold(0, |sum: u32, batch| sum.saturating_add(batch.points));
        Self::trusted(bytes.into(), points)
    }

    /// Cuts into pieces within the limit, in order. An item that is too large alone stands alone.
    pub fn split(&self, max: SplitLimit) -> Vec<Self> {
        if max.admits(self.points, self.size()) {
            return vec![self.clone()];
        }
        match &self.form {
            Form::Otlp(bytes) => cut(bytes, max),
            Form::Parts(parts) => parts.split(max),
        }
    }
}

fn cut(bytes: &Bytes, max: SplitLimit) -> Vec<Metrics> {
    let pieces = split::split(&schema::METRICS, bytes, max).into_iter();
    pieces.map(|(bytes, points)| Metrics::trusted(bytes, points)).collect()
}

impl Parts {
    fn otlp(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(self.size);
        for part in &self.list {
            match part {
                MetricsPart::Otlp(otlp) => bytes.extend_from_slice(otlp.bytes()),
                MetricsPart::Scrape(scrape) => {
                    let mut out = MetricsBuilder::new();
                    scrape.write_otlp(&mut out);
                    debug_assert_eq!(out.points(), scrape.points, "a scrape knows its points");
                    bytes.extend(out.build().iter().flat_map(|metrics| metrics.bytes().iter().copied()));
                }
            }
        }
        Bytes::from(bytes)
    }

    /// Whole parts together as far as the limit admits; a part that is too large alone is cut as OTLP.
    fn split(&self, max: SplitLimit) -> Vec<Metrics> {
        let mut pieces = Vec::new();
        let mut together: Vec<MetricsPart> = Vec::new();
        let (mut points, mut size) = (0_u32, 0);
        for part in &self.list {
            let (more_points, more_size) = (points.saturating_add(part.points()), size + part.size());
            if !max.admits(more_points, more_size) && !together.is_empty() {
                pieces.push(Metrics::of(std::mem::take(&mut together)));
                (points, size) = (0, 0);
            }
            if max.admits(part.points(), part.size()) {
                (points, size) = (points + part.points(), size + part.size());
                together.push(part.clone());
            } else {
                let alone = Metrics::of(vec![part.clone()]);
                pieces.extend(cut(alone.bytes(), max));
            }
        }
        if !together.is_empty() {
            pieces.push(Metrics::of(together));
        }
        pieces
    }
}

impl MetricsPart {
    /// Number of data points.
    pub fn points(&self) -> u32 {
        match self {
            Self::Otlp(otlp) => otlp.points,
            Self::Scrape(scrape) => scrape.points,
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Otlp(otlp) => otlp.size(),
            Self::Scrape(scrape) => scrape.size(),
        }
    }

    fn scrape_memory(&self) -> usize {
        match self {
            Self::Otlp(otlp) => otlp.memory() - otlp.size(),
            Self::Scrape(scrape) => scrape.memory(),
        }
    }
}

impl Default for Form {
    fn default() -> Self {
        Self::Otlp(Bytes::new())
    }
}

/// Batches are equal when they say the same in OTLP.
impl PartialEq for Metrics {
    fn eq(&self, other: &Self) -> bool {
        self.points == other.points && self.bytes() == other.bytes()
    }
}

impl Eq for Metrics {}
