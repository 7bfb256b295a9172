//! Histograms of both kinds as classic series or as native histograms.

use pipeline::payload::Attrs;
use pipeline::payload::metrics::{BucketsView, ExponentialPointView, HistogramPointView, Points, Temporality};

use super::losses::Loss;
use super::native::{NativeHistogram, SCHEMA_CUSTOM, Shape};
use super::points::At;
use super::streams::{Explicit, Exponential, Total};
use super::table::{STALE, measured};
use super::translate::{Head, Pass, Place};

/// What a point of either kind says beside its measurements.
#[derive(Clone, Copy)]
struct About<'a> {
    attributes: Attrs<'a>,
    times: (u64, u64),
    temporality: Temporality,
    is_stale: bool,
}

impl Pass<'_> {
    /// What a point comes to since its series began; None, and the point lost, where that is not known.
    fn total(&mut self, place: Place<'_>, head: &Head, at: &mut At, about: About<'_>, told: Total) -> Option<Total> {
        match about.temporality {
            Temporality::Cumulative => Some(told),
            Temporality::Unspecified => {
                self.table.losses.lose_for(at.point, Loss::Temporality);
                None
            }
            Temporality::Delta => {
                let labels = self.labels(place, about.attributes, None);
                if !about.is_stale {
                    return self.accumulate(at, &labels, head, about.times, told);
                }
                self.forget(about.temporality, &labels, head);
                Some(told)
            }
        }
    }

    pub(super) fn histograms(
        &mut self,
        place: Place<'_>,
        head: &Head,
        points: Points<'_, HistogramPointView<'_>>,
        temporality: Temporality,
    ) -> u64 {
        let mut latest = 0;
        for point in points {
            latest = latest.max(point.time());
            let mut at = self.next(point.start(), point.time());
            let value = Explicit {
                count: point.count(),
                sum: point.sum(),
                counts: point.bucket_counts().collect(),
                bounds: point.bounds().collect(),
            };
            let is_stale = point.has_no_value();
            let about = About {
                attributes: point.attrs(),
                times: (point.start(), point.time()),
                temporality,
                is_stale,
            };
            let total = Total::Explicit(value);
            let Some(Total::Explicit(mut value)) = self.total(place, head, &mut at, about, total) else {
                continue;
            };
            if !is_stale && let Err(loss) = value.check_bounds() {
                self.table.losses.lose_for(at.point, loss);
                continue;
            }
            if self.settings.to_native {
                self.custom(place, head, at, point, &value);
            }
            if !self.settings.to_native || self.settings.keeps_classic {
                value.without_infinite_bound();
                self.classic(place, head, at, point, &value);
            }
        }
        latest
    }

    /// `_bucket`, `_count` and `_sum`.
    fn classic(&mut self, place: Place<'_>, head: &Head, at: At, point: HistogramPointView<'_>, value: &Explicit) {
        let stale = point.has_no_value().then_some(f64::from_bits(STALE));
        let attributes = point.attrs();
        let mut labels = self.labels(place, attributes, None);
        if value.sum.is_some() || stale.is_some() {
            let sum = stale.unwrap_or_else(|| measured(value.sum.unwrap_or_default()));
            self.sample(at, &mut labels, &format!("{}_sum", head.name), head, sum);
        }
        let below: Vec<u64> = value
            .counts
            .iter()
            .scan(0_u64, |total, count| {
                *total = total.saturating_add(*count);
                Some(*total)
            })
            .collect();
        // Where the two disagree, the count that keeps the buckets rising.
        let count = value.count.max(below.last().copied().unwrap_or_default());
        let count = stale.unwrap_or(count as f64);
        self.sample(at, &mut labels, &format!("{}_count", head.name), head, count);

        let le = self.table.symbols.intern("le");
        let mut labels = self.labels(place, attributes, Some(le));
        let name = format!("{}_bucket", head.name);
        let mut buckets: Vec<(f64, u32)> = Vec::with_capacity(value.bounds.len() + 1);
        let infinite = (f64::INFINITY, count);
        let finite = value.finite_bounds().iter().enumerate().map(|(index, upper)| {
            let total = below.get(index).copied().unwrap_or_default();
            (*upper, stale.unwrap_or(total as f64))
        });
        for (upper, total) in finite.chain([infinite]) {
            let text = self.table.symbols.intern(&head.bound(upper));
            labels.replace(le, text);
            if let Some(series) = self.sample(at, &mut labels, &name, head, total) {
                buckets.push((upper, series));
            }
        }
        for exemplar in point.exemplars() {
            let value = exemplar.value().map_or(f64::NAN, |value| value.as_f64());
            // Bounds rise. What is no number is in no bucket.
            let bucket = buckets.partition_point(|(upper, _)| *upper < value);
            if let Some((_, series)) = buckets.get(bucket).filter(|_| !value.is_nan()) {
                self.exemplar(*series, exemplar, at.stamp.time);
            }
        }
    }

    /// One native histogram with custom buckets.
    fn custom(&mut self, place: Place<'_>, head: &Head, at: At, point: HistogramPointView<'_>, value: &Explicit) {
        let shape = if point.has_no_value() {
            Ok(Shape::stale(SCHEMA_CUSTOM))
        } else {
            Shape::custom(value)
        };
        let series = self.native(place, head, at, point.attrs(), shape);
        for exemplar in point.exemplars() {
            if let Some(series) = series {
                self.exemplar(series, exemplar, at.stamp.time);
            }
        }
    }

    pub(super) fn exponentials(
        &mut self,
        place: Place<'_>,
        head: &Head,
        points: Points<'_, ExponentialPointView<'_>>,
        temporality: Temporality,
    ) -> u64 {
        let mut latest = 0;
        for point in points {
            latest = latest.max(point.time());
            let mut at = self.next(point.start(), point.time());
            let value = exponential(point);
            let is_stale = point.has_no_value();
            let about = About {
                attributes: point.attrs(),
                times: (point.start(), point.time()),
                temporality,
                is_stale,
            };
            let total = Total::Exponential(value);
            let Some(Total::Exponential(value)) = self.total(place, head, &mut at, about, total) else {
                continue;
            };
            let shape = if is_stale {
                Ok(Shape::stale(0))
            } else {
                Shape::exponential(&value)
            };
            let series = self.native(place, head, at, point.attrs(), shape);
            for exemplar in point.exemplars() {
                if let Some(series) = series {
                    self.exemplar(series, exemplar, at.stamp.time);
                }
            }
        }
        latest
    }

    fn native(
        &mut self,
        place: Place<'_>,
        head: &Head,
        at: At,
        attributes: Attrs<'_>,
        shape: Result<Shape, Loss>,
    ) -> Option<u32> {
        let mut labels = self.labels(place, attributes, None);
        let placed = shape.and_then(|shape| {
            let series = self.series(&mut labels, &head.name, head, true);
            Ok((series.ok_or(Loss::Conflict)?, shape))
        });
        match placed {
            Ok((series, shape)) => {
                self.table.histograms.push(NativeHistogram {
                    series,
                    point: at.point,
                    stamp: at.stamp,
                    shape,
                });
                Some(series)
            }
            Err(loss) => {
                self.table.losses.lose_for(at.point, loss);
                None
            }
        }
    }
}

fn exponential(point: ExponentialPointView<'_>) -> Exponential {
    let side = |buckets: BucketsView<'_>| (buckets.offset(), buckets.counts().collect());
    Exponential {
        count: point.count(),
        sum: point.sum(),
        scale: point.scale(),
        zero_count: point.zero_count(),
        zero_threshold: point.zero_threshold(),
        positive: side(point.positive()),
        negative: side(point.negative()),
    }
}
