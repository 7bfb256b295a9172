//! Writes histograms as points.

use pipeline::payload::metrics::{self, Exemplar, MetricsBuilder, PointHead};

use super::{Exemplars, ExplicitHistogram, ExponentialHistogram};

/// Writes points of histograms; keeps the room that it needs for that.
#[derive(Debug, Default)]
pub struct PointWriter {
    buckets: Vec<u64>,
    exemplars: Vec<Exemplar<'static>>,
}

impl PointWriter {
    /// Writes a point with what an exponential histogram counted.
    pub fn exponential(
        &mut self,
        out: &mut MetricsBuilder,
        head: &PointHead<'_>,
        histogram: &ExponentialHistogram,
        exemplars: &Exemplars,
    ) {
        self.buckets.clear();
        self.buckets.extend(histogram.buckets());
        exemplars.write(head.time, &mut self.exemplars);
        let value = metrics::ExponentialHistogram {
            count: histogram.count(),
            sum: Some(histogram.sum()),
            scale: histogram.scale(),
            zero_count: histogram.zero_count(),
            zero_threshold: 0.0,
            positive: (histogram.offset(), &self.buckets),
            negative: (0, &[]),
        };
        out.exponential_histogram(head, &value, &self.exemplars);
    }

    /// Writes a point with what a histogram with explicit bounds counted.
    pub fn explicit(
        &mut self,
        out: &mut MetricsBuilder,
        head: &PointHead<'_>,
        histogram: &ExplicitHistogram,
        exemplars: &Exemplars,
    ) {
        exemplars.write(head.time, &mut self.exemplars);
        let value = metrics::Histogram {
            count: histogram.count(),
            sum: Some(histogram.sum()),
            bucket_counts: histogram.buckets(),
            bounds: histogram.bounds(),
        };
        out.histogram(head, &value, &self.exemplars);
    }

    /// Exemplars for a point of this time that is a number.
    pub fn exemplars(&mut self, now: u64, exemplars: &Exemplars) -> &[Exemplar<'static>] {
        exemplars.write(now, &mut self.exemplars);
        &self.exemplars
    }
}
