//! What is counted for one stream.

use std::sync::Arc;

use crate::aggregation::{Counted, Exemplars, ExplicitHistogram, ExponentialHistogram, Measured, SCALE_MAX, octave};

use super::Config;

/// The spans of one stream.
#[derive(Debug, Clone)]
pub(super) struct Count {
    /// How many there were.
    pub(super) spans: u64,
    /// How long they took.
    pub(super) durations: Durations,
    /// Some of them.
    pub(super) exemplars: Exemplars,
    exemplars_max: usize,
}

/// How long spans took.
#[derive(Debug, Clone)]
pub(super) enum Durations {
    /// Nobody asked.
    None,
    Explicit(ExplicitHistogram),
    Exponential(ExponentialHistogram),
}

impl Count {
    pub(super) fn new(durations: Durations, exemplars_max: usize) -> Self {
        Self {
            spans: 0,
            durations,
            exemplars: Exemplars::default(),
            exemplars_max,
        }
    }

    /// Counts a span that stands for so many.
    #[inline(always)]
    pub(super) fn add(&mut self, spans: u64, measured: Measured) {
        self.spans = self.spans.saturating_add(spans);
        let bucket = match &mut self.durations {
            Durations::Explicit(histogram) => histogram.observe_n(measured.value, spans).map(|it| it as i32),
            Durations::Exponential(histogram) => histogram
                .observe_n(measured.value, spans)
                .then(|| octave(measured.value)),
            Durations::None => Some(octave(measured.value)),
        };
        if let Some(bucket) = bucket
            && self.exemplars_max > 0
        {
            self.keep(bucket, measured);
        }
    }

    #[inline(never)]
    fn keep(&mut self, bucket: i32, measured: Measured) {
        self.exemplars.offer(bucket, measured, self.exemplars_max);
    }

    /// What a delta begins with.
    pub(super) fn clear(&mut self) {
        self.spans = 0;
        match &mut self.durations {
            Durations::None => {}
            Durations::Explicit(histogram) => histogram.clear(),
            Durations::Exponential(histogram) => histogram.clear(),
        }
        self.exemplars.clear();
    }
}

impl Counted for Count {
    fn absorb(&mut self, other: &mut Self) {
        self.spans = self.spans.saturating_add(other.spans);
        match (&mut self.durations, &other.durations) {
            (Durations::Explicit(histogram), Durations::Explicit(more)) => histogram.merge(more),
            (Durations::Exponential(histogram), Durations::Exponential(more)) => histogram.merge(more),
            // All streams of a metric are of one configuration.
            _ => {}
        }
        self.exemplars.merge(&other.exemplars, self.exemplars_max);
        other.clear();
    }

    fn measurements(&self) -> u64 {
        self.spans
    }
}

/// Makes empty histograms.
#[derive(Debug, Clone)]
pub(super) enum Ruler {
    None,
    Explicit(Arc<[f64]>),
    Exponential { buckets_max: u16 },
}

impl Ruler {
    pub(super) fn of(config: &Config) -> Self {
        let histogram = &config.histogram;
        if histogram.disable {
            return Self::None;
        }
        if let Some(exponential) = &histogram.exponential {
            return Self::Exponential {
                buckets_max: exponential.max_size,
            };
        }
        let explicit = histogram.explicit.clone().unwrap_or_default();
        let unit = histogram.unit.nanoseconds();
        let bounds = explicit.buckets.iter().map(|bound| bound.as_nanos() as f64 / unit);
        Self::Explicit(bounds.collect())
    }

    pub(super) fn durations(&self) -> Durations {
        match self {
            Self::None => Durations::None,
            Self::Explicit(bounds) => Durations::Explicit(ExplicitHistogram::new(Arc::clone(bounds))),
            Self::Exponential { buckets_max } => {
                Durations::Exponential(ExponentialHistogram::new(*buckets_max, SCALE_MAX))
            }
        }
    }
}
