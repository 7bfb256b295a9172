//! Points as samples, by kind of metric.

use pipeline::payload::metrics::{NumberPointView, Points, SummaryPointView, Temporality};

use super::labels::LabelSet;
use super::losses::Loss;
use super::streams::Total;
use super::table::{STALE, Sample, Stamp, measured, milliseconds};
use super::translate::{Head, Pass, Place};

/// One point on its way: which it is and when it was.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub(super) point: u32,
    pub(super) stamp: Stamp,
}

impl Pass<'_> {
    pub(super) fn next(&mut self, start: u64, time: u64) -> At {
        At {
            point: self.table.losses.next_point(),
            stamp: Stamp {
                time: milliseconds(time),
                start: milliseconds(start),
            },
        }
    }

    pub(super) fn gauges(&mut self, place: Place<'_>, head: &Head, points: Points<'_, NumberPointView<'_>>) -> u64 {
        let mut latest = 0;
        for point in points {
            latest = latest.max(point.time());
            let at = self.next(0, point.time());
            let value = if point.has_no_value() {
                f64::from_bits(STALE)
            } else if let Some(value) = point.value() {
                measured(value.as_f64())
            } else {
                self.table.losses.lose_for(at.point, Loss::NoValue);
                continue;
            };
            let mut labels = self.labels(place, point.attrs(), None);
            self.sample(at, &mut labels, &head.name, head, value);
        }
        latest
    }

    pub(super) fn sums(
        &mut self,
        place: Place<'_>,
        head: &Head,
        points: Points<'_, NumberPointView<'_>>,
        temporality: Temporality,
        monotonic: bool,
    ) -> u64 {
        let mut latest = 0;
        for point in points {
            latest = latest.max(point.time());
            let start = if monotonic { point.start() } else { 0 };
            let mut at = self.next(start, point.time());
            // A delta that may fall has no total to start from (compatibility document, "Sums").
            if temporality == Temporality::Unspecified || (temporality == Temporality::Delta && !monotonic) {
                self.table.losses.lose_for(at.point, Loss::Temporality);
                continue;
            }
            let mut labels = self.labels(place, point.attrs(), None);
            let value = match point.value() {
                _ if point.has_no_value() => {
                    self.forget(temporality, &labels, head);
                    f64::from_bits(STALE)
                }
                Some(value) if temporality == Temporality::Delta => {
                    let delta = Total::Number(value.as_f64());
                    let times = (point.start(), point.time());
                    match self.accumulate(&mut at, &labels, head, times, delta) {
                        Some(Total::Number(total)) => measured(total),
                        _ => continue,
                    }
                }
                Some(value) => measured(value.as_f64()),
                None => {
                    self.table.losses.lose_for(at.point, Loss::NoValue);
                    continue;
                }
            };
            let series = self.sample(at, &mut labels, &head.name, head, value);
            if let Some(series) = series.filter(|_| monotonic) {
                for exemplar in point.exemplars() {
                    self.exemplar(series, exemplar, at.stamp.time);
                }
            }
        }
        latest
    }

    pub(super) fn summaries(&mut self, place: Place<'_>, head: &Head, points: Points<'_, SummaryPointView<'_>>) -> u64 {
        let mut latest = 0;
        for point in points {
            latest = latest.max(point.time());
            let at = self.next(point.start(), point.time());
            let stale = point.has_no_value().then_some(f64::from_bits(STALE));
            let mut labels = self.labels(place, point.attrs(), None);
            let sum = stale.unwrap_or_else(|| measured(point.sum()));
            self.sample(at, &mut labels, &format!("{}_sum", head.name), head, sum);
            let count = stale.unwrap_or(point.count() as f64);
            self.sample(at, &mut labels, &format!("{}_count", head.name), head, count);
            let quantile = self.table.symbols.intern("quantile");
            let mut labels = self.labels(place, point.attrs(), Some(quantile));
            for (share, value) in point.quantiles() {
                let text = self.table.symbols.intern(&head.bound(share));
                labels.replace(quantile, text);
                let value = stale.unwrap_or_else(|| measured(value));
                self.sample(at, &mut labels, &head.name, head, value);
            }
        }
        latest
    }

    pub(super) fn sample(&mut self, at: At, labels: &mut LabelSet, name: &str, head: &Head, value: f64) -> Option<u32> {
        let Some(series) = self.series(labels, name, head, false) else {
            self.table.losses.lose_for(at.point, Loss::Conflict);
            return None;
        };
        self.table.samples.push(Sample {
            series,
            point: at.point,
            stamp: at.stamp,
            value,
        });
        Some(series)
    }

    /// Adds a delta to its stream; None, and the point lost, where that cannot be.
    pub(super) fn accumulate(
        &mut self,
        at: &mut At,
        labels: &LabelSet,
        head: &Head,
        times: (u64, u64),
        delta: Total,
    ) -> Option<Total> {
        let key = self.stream_key(labels, head);
        match self.streams.add(&key, times, self.now, delta) {
            Ok((start, total)) => {
                at.stamp.start = milliseconds(start);
                Some(total.clone())
            }
            Err(loss) => {
                self.table.losses.lose_for(at.point, loss);
                None
            }
        }
    }

    pub(super) fn forget(&mut self, temporality: Temporality, labels: &LabelSet, head: &Head) {
        if temporality == Temporality::Delta {
            let key = self.stream_key(labels, head);
            self.streams.forget(&key);
        }
    }

    /// What makes a stream: the name and the labels. 0xff is in no UTF-8, so nothing runs together.
    fn stream_key(&self, labels: &LabelSet, head: &Head) -> Vec<u8> {
        let mut key = head.name.as_bytes().to_vec();
        for (name, value) in &labels.labels {
            for part in [*name, *value] {
                key.push(0xff);
                key.extend_from_slice(self.table.symbols.text(part).as_bytes());
            }
        }
        key
    }
}
