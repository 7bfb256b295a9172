//! Batches of metrics that this program has measured or scraped.

use bytes::Bytes;

use super::Metrics;
use super::point::{NO_RECORDED_VALUE, Number};
use super::view::{Temporality, field};
use crate::payload::builder::{OpenPlace, Place};
use crate::payload::encoded::EncodedAttributes;
use crate::payload::ids::{SpanId, TraceId};
use crate::payload::view::shell;
use crate::payload::wire::{LEN, OpenLength, put_bytes, put_fixed64, put_tag, put_uint, put_varint, varint_len};

/// What is said about a metric beside its points.
#[derive(Debug, Clone, Copy, Default)]
pub struct MetricHead<'a> {
    /// Name of the metric.
    pub name: &'a str,
    /// What it means.
    pub description: &'a str,
    /// Its unit, in UCUM.
    pub unit: &'a str,
    /// Such as the type in Prometheus; none as a rule.
    pub metadata: Option<&'a EncodedAttributes>,
}

/// The kinds of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricShape {
    /// Values as they are at a time.
    Gauge,
    /// Totals.
    Sum {
        /// Since when they count.
        temporality: Temporality,
        /// Whether they only grow.
        monotonic: bool,
    },
    /// Counts by explicit bounds.
    Histogram(Temporality),
    /// Counts by powers of a base.
    ExponentialHistogram(Temporality),
    /// Quantiles.
    Summary,
}

impl MetricShape {
    fn field(self) -> u32 {
        match self {
            Self::Gauge => field::GAUGE,
            Self::Sum { .. } => field::SUM,
            Self::Histogram(_) => field::HISTOGRAM,
            Self::ExponentialHistogram(_) => field::EXPONENTIAL_HISTOGRAM,
            Self::Summary => field::SUMMARY,
        }
    }
}

/// What is said about a point beside its value.
#[derive(Debug, Clone, Copy)]
pub struct PointHead<'a> {
    /// What it is a point of.
    pub attributes: &'a EncodedAttributes,
    /// Since when it counts, in nanoseconds since 1970; 0 for not said.
    pub start: u64,
    /// When the value was so, in nanoseconds since 1970.
    pub time: u64,
    /// There is no value here: the series is stale.
    pub has_no_value: bool,
}

/// A histogram with explicit bounds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Histogram<'a> {
    /// How many measurements there were.
    pub count: u64,
    /// Their sum, if it is known.
    pub sum: Option<f64>,
    /// Measurements in each bucket, not summed up; one more than there are bounds.
    pub bucket_counts: &'a [u64],
    /// Upper bounds, inclusive.
    pub bounds: &'a [f64],
}

/// An exponential histogram.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExponentialHistogram<'a> {
    /// How many measurements there were.
    pub count: u64,
    /// Their sum, if it is known.
    pub sum: Option<f64>,
    /// The base is 2^(2^-scale).
    pub scale: i32,
    /// Measurements in the zero bucket.
    pub zero_count: u64,
    /// How far the zero bucket reaches.
    pub zero_threshold: f64,
    /// Index of the first bucket above zero, and the counts from there.
    pub positive: (i32, &'a [u64]),
    /// The same below zero.
    pub negative: (i32, &'a [u64]),
}

/// One measurement with the trace in which it was made.
#[derive(Debug, Clone, Copy)]
pub struct Exemplar<'a> {
    /// What was measured.
    pub value: Number,
    /// When, in nanoseconds since 1970.
    pub time: u64,
    /// The trace, if one is known.
    pub trace_id: Option<TraceId>,
    /// The span, if one is known.
    pub span_id: Option<SpanId>,
    /// Attributes that the point does not have.
    pub attributes: Option<&'a EncodedAttributes>,
}

/// Builds a batch of metrics in the order in which they are added; neighbours in one place share its head.
#[derive(Debug, Default)]
pub struct MetricsBuilder {
    out: Vec<u8>,
    points: u32,
    place: Option<OpenPlace>,
    metric: Option<OpenMetric>,
}

#[derive(Debug)]
struct OpenMetric {
    metric: OpenLength,
    data: OpenLength,
    shape: MetricShape,
}

impl MetricsBuilder {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a metric; the points that follow are its points.
    pub fn metric(&mut self, place: &Place, head: &MetricHead<'_>, shape: MetricShape) {
        self.close_metric();
        if self.place.as_ref().is_none_or(|open| open.place() != place) {
            self.close_place();
            self.place = Some(OpenPlace::begin(&mut self.out, place));
        }
        let out = &mut self.out;
        let metric = OpenLength::begin(out, shell::CONTENT);
        put_text(out, field::NAME, head.name);
        put_text(out, field::DESCRIPTION, head.description);
        put_text(out, field::UNIT, head.unit);
        if let Some(metadata) = head.metadata {
            metadata.write(out, field::METADATA);
        }
        let data = OpenLength::begin(out, shape.field());
        self.metric = Some(OpenMetric { metric, data, shape });
    }

    /// Adds a point of a gauge or a sum.
    pub fn number(&mut self, head: &PointHead<'_>, value: Option<Number>, exemplars: &[Exemplar<'_>]) {
        self.point(|out| {
            put_head(out, head, 7);
            match value {
                Some(Number::Double(value)) => put_fixed64(out, 4, value.to_bits()),
                Some(Number::Int(value)) => put_fixed64(out, 6, value as u64),
                None => {}
            }
            put_exemplars(out, 5, exemplars);
            put_flags(out, head, 8);
        });
    }

    /// Adds a point of a histogram.
    pub fn histogram(&mut self, head: &PointHead<'_>, value: &Histogram<'_>, exemplars: &[Exemplar<'_>]) {
        self.point(|out| {
            put_head(out, head, 9);
            put_fixed64(out, 4, value.count);
            put_double(out, 5, value.sum);
            put_packed_fixed64(out, 6, value.bucket_counts.iter().copied());
            put_packed_fixed64(out, 7, value.bounds.iter().map(|bound| bound.to_bits()));
            put_exemplars(out, 8, exemplars);
            put_flags(out, head, 10);
        });
    }

    /// Adds a point of an exponential histogram.
    pub fn exponential_histogram(
        &mut self,
        head: &PointHead<'_>,
        value: &ExponentialHistogram<'_>,
        exemplars: &[Exemplar<'_>],
    ) {
        self.point(|out| {
            put_head(out, head, 1);
            put_fixed64(out, 4, value.count);
            put_double(out, 5, value.sum);
            put_uint(out, 6, zigzag(value.scale));
            put_fixed64(out, 7, value.zero_count);
            put_buckets(out, 8, value.positive);
            put_buckets(out, 9, value.negative);
            put_flags(out, head, 10);
            put_exemplars(out, 11, exemplars);
            put_fixed64(out, 14, value.zero_threshold.to_bits());
        });
    }

    /// Adds a point of a summary; quantiles are from 0 to 1.
    pub fn summary(&mut self, head: &PointHead<'_>, count: u64, sum: f64, quantiles: &[(f64, f64)]) {
        self.point(|out| {
            put_head(out, head, 7);
            put_fixed64(out, 4, count);
            put_fixed64(out, 5, sum.to_bits());
            for (quantile, value) in quantiles {
                put_tag(out, 6, LEN);
                put_varint(out, 18); // Two tags, two numbers of eight bytes.
                put_fixed64(out, 1, quantile.to_bits());
                put_fixed64(out, 2, value.to_bits());
            }
            put_flags(out, head, 8);
        });
    }

    /// Points so far.
    pub fn points(&self) -> u32 {
        self.points
    }

    /// The batch; none without a point.
    pub fn build(mut self) -> Option<Metrics> {
        self.close_metric();
        self.close_place();
        (self.points > 0).then(|| Metrics::trusted(Bytes::from(self.out), self.points))
    }

    /// Writes a point, if a metric was begun.
    fn point(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        debug_assert!(self.metric.is_some(), "a point belongs to a metric");
        let open = OpenLength::begin(&mut self.out, field::POINTS);
        write(&mut self.out);
        open.close(&mut self.out);
        self.points = self.points.saturating_add(1);
    }

    fn close_metric(&mut self) {
        let Some(OpenMetric { metric, data, shape }) = self.metric.take() else {
            return;
        };
        let out = &mut self.out;
        match shape {
            MetricShape::Sum { temporality, monotonic } => {
                put_uint(out, field::TEMPORALITY, temporality.number());
                put_uint(out, field::MONOTONIC, u64::from(monotonic));
            }
            MetricShape::Histogram(temporality) | MetricShape::ExponentialHistogram(temporality) => {
                put_uint(out, field::TEMPORALITY, temporality.number());
            }
            MetricShape::Gauge | MetricShape::Summary => {}
        }
        data.close(out);
        metric.close(out);
    }

    fn close_place(&mut self) {
        if let Some(place) = self.place.take() {
            place.close(&mut self.out);
        }
    }
}

fn put_text(out: &mut Vec<u8>, number: u32, text: &str) {
    if !text.is_empty() {
        put_bytes(out, number, text.as_bytes());
    }
}

fn put_double(out: &mut Vec<u8>, number: u32, value: Option<f64>) {
    if let Some(value) = value {
        put_fixed64(out, number, value.to_bits());
    }
}

fn put_head(out: &mut Vec<u8>, head: &PointHead<'_>, attributes: u32) {
    head.attributes.write(out, attributes);
    if head.start != 0 {
        put_fixed64(out, 2, head.start);
    }
    put_fixed64(out, 3, head.time);
}

fn put_flags(out: &mut Vec<u8>, head: &PointHead<'_>, number: u32) {
    if head.has_no_value {
        put_uint(out, number, NO_RECORDED_VALUE);
    }
}

fn put_packed_fixed64(out: &mut Vec<u8>, number: u32, values: impl ExactSizeIterator<Item = u64>) {
    put_tag(out, number, LEN);
    put_varint(out, values.len() as u64 * 8);
    values.for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}

fn put_buckets(out: &mut Vec<u8>, number: u32, (offset, counts): (i32, &[u64])) {
    if counts.is_empty() {
        return;
    }
    let open = OpenLength::begin(out, number);
    put_uint(out, 1, zigzag(offset));
    put_tag(out, 2, LEN);
    put_varint(out, counts.iter().map(|count| varint_len(*count) as u64).sum());
    counts.iter().for_each(|count| put_varint(out, *count));
    open.close(out);
}

fn put_exemplars(out: &mut Vec<u8>, number: u32, exemplars: &[Exemplar<'_>]) {
    for exemplar in exemplars {
        let open = OpenLength::begin(out, number);
        put_fixed64(out, 2, exemplar.time);
        match exemplar.value {
            Number::Double(value) => put_fixed64(out, 3, value.to_bits()),
            Number::Int(value) => put_fixed64(out, 6, value as u64),
        }
        if let Some(SpanId(id)) = &exemplar.span_id {
            put_bytes(out, 4, id);
        }
        if let Some(TraceId(id)) = &exemplar.trace_id {
            put_bytes(out, 5, id);
        }
        if let Some(attributes) = exemplar.attributes {
            attributes.write(out, 7);
        }
        open.close(out);
    }
}

/// Signed numbers of the wire type `sint32`.
fn zigzag(value: i32) -> u64 {
    u64::from((value << 1 ^ value >> 31) as u32)
}
