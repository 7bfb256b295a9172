//! From points to OTLP.

use pipeline::payload::Place;
use pipeline::payload::metrics::{
    Exemplar, Histogram, MetricHead, MetricShape, MetricsBuilder, Number, PointHead, Temporality,
};

use super::super::exposition::Kind;
use super::Table;
use super::family::Family;
use super::point::{Metric, Point};

/// Points that could not be told, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Untold {
    /// Histograms and summaries without `_count`: nobody could say how many measurements they stand for.
    pub(in super::super) without_count: u64,
    /// Histograms whose buckets shrink, or count what cannot be counted.
    pub(in super::super) odd_buckets: u64,
    /// Points from before 1970.
    pub(in super::super) time: u64,
}

impl Untold {
    /// All of them.
    pub(in super::super) fn points(&self) -> u64 {
        self.without_count + self.odd_buckets + self.time
    }
}

/// Why one point is not told.
enum Unfit {
    WithoutCount,
    OddBuckets,
    Time,
}

impl Table {
    /// Tells the values of the page that was read last, and the end of every series that is not on it.
    pub(in super::super) fn emit(&mut self, out: &mut MetricsBuilder, now: u64) -> Untold {
        self.tell(out, now, Some(self.scrape))
    }

    /// Tells the end of every series: the target did not answer, or is gone.
    pub(in super::super) fn end_all(&mut self, out: &mut MetricsBuilder, now: u64) {
        self.tell(out, now, None);
        // What was read of a page that failed counts for nothing, and nothing else is worth keeping.
        let scrape = self.scrape;
        *self = Self::new();
        self.scrape = scrape;
    }

    fn tell(&mut self, out: &mut MetricsBuilder, now: u64, scrape: Option<u64>) -> Untold {
        let mut untold = Untold::default();
        let mut teller = Teller {
            out,
            now,
            counts: Vec::new(),
        };
        for group in &mut self.groups {
            for metric in &mut group.metrics {
                let Metric { points, .. } = metric;
                let mut points = std::mem::take(points);
                let mut is_open = false;
                for point in &mut points {
                    let has_value = Some(point.seen) == scrape;
                    if !has_value && !point.is_told {
                        continue;
                    }
                    match teller.prepare(metric.kind, point, has_value) {
                        Ok(time) => {
                            if !std::mem::replace(&mut is_open, true) {
                                teller.begin(&group.place, metric, self.families.get(&metric.family));
                            }
                            teller.point(metric.kind, point, has_value, time);
                            point.is_told = has_value && point.is_tracked;
                        }
                        Err(Unfit::WithoutCount) => untold.without_count += 1,
                        Err(Unfit::OddBuckets) => untold.odd_buckets += 1,
                        Err(Unfit::Time) => untold.time += 1,
                    }
                }
                metric.points = points;
            }
        }
        untold
    }
}

struct Teller<'a> {
    out: &'a mut MetricsBuilder,
    /// In nanoseconds.
    now: u64,
    /// Kept for its room.
    counts: Vec<u64>,
}

impl Teller<'_> {
    fn begin(&mut self, place: &Place, metric: &Metric, family: Option<&Family>) {
        let shape = match metric.kind {
            Kind::Counter => MetricShape::Sum {
                temporality: Temporality::Cumulative,
                monotonic: true,
            },
            Kind::Info | Kind::StateSet => MetricShape::Sum {
                temporality: Temporality::Cumulative,
                monotonic: false,
            },
            Kind::Histogram => MetricShape::Histogram(Temporality::Cumulative),
            Kind::Summary => MetricShape::Summary,
            Kind::Gauge | Kind::GaugeHistogram | Kind::Unknown => MetricShape::Gauge,
        };
        let head = MetricHead {
            name: &metric.name,
            description: family.map_or("", |family| &family.help),
            unit: family.map_or("", Family::unit),
            metadata: Some(&metric.metadata),
        };
        self.out.metric(place, &head, shape);
    }

    /// Makes a point ready to be told and says its time, or why it cannot be told.
    fn prepare(&mut self, kind: Kind, point: &mut Point, has_value: bool) -> Result<u64, Unfit> {
        if !has_value {
            return Ok(self.now);
        }
        let time = match point.timestamp {
            None => self.now,
            Some(milliseconds) => nanoseconds(milliseconds).ok_or(Unfit::Time)?,
        };
        match kind {
            Kind::Histogram => self.fill_buckets(point)?,
            Kind::Summary => {
                let count = point.count.ok_or(Unfit::WithoutCount)?;
                whole(count).ok_or(Unfit::OddBuckets)?;
                sort(&mut point.parts);
                point.told_bounds.clear();
                point
                    .told_bounds
                    .extend(point.parts.iter().map(|(quantile, _)| *quantile));
            }
            _ => {}
        }
        Ok(time)
    }

    /// Counts on a page include the buckets below; in OTLP each counts for itself.
    fn fill_buckets(&mut self, point: &mut Point) -> Result<(), Unfit> {
        let count = point.count.ok_or(Unfit::WithoutCount)?;
        sort(&mut point.parts);
        self.counts.clear();
        let mut below = 0;
        let finite = point.parts.iter().filter(|(bound, _)| *bound != f64::INFINITY);
        for cumulative in finite.map(|(_, cumulative)| *cumulative).chain([count]) {
            let cumulative = whole(cumulative).ok_or(Unfit::OddBuckets)?;
            self.counts
                .push(cumulative.checked_sub(below).ok_or(Unfit::OddBuckets)?);
            below = cumulative;
        }
        let bounds = point.parts.iter().map(|(bound, _)| *bound);
        point.told_bounds.clear();
        point.told_bounds.extend(bounds.filter(|bound| *bound != f64::INFINITY));
        Ok(())
    }

    /// Tells a point that is prepared.
    fn point(&mut self, kind: Kind, point: &Point, has_value: bool, time: u64) {
        let head = head(point, has_value, time);
        let exemplars = exemplars(point, has_value, time);
        let count = point.count.filter(|_| has_value).and_then(whole).unwrap_or_default();
        match kind {
            Kind::Histogram => {
                if !has_value {
                    self.counts.clear();
                    self.counts.resize(point.told_bounds.len() + 1, 0);
                }
                let value = Histogram {
                    count,
                    sum: point.sum.filter(|_| has_value),
                    bucket_counts: &self.counts,
                    bounds: &point.told_bounds,
                };
                self.out.histogram(&head, &value, &exemplars);
            }
            Kind::Summary if has_value => {
                self.out
                    .summary(&head, count, point.sum.unwrap_or_default(), &point.parts);
            }
            Kind::Summary => {
                let quantiles: Vec<(f64, f64)> = point.told_bounds.iter().map(|quantile| (*quantile, 0.0)).collect();
                self.out.summary(&head, 0, 0.0, &quantiles);
            }
            _ => {
                let value = point.value.filter(|_| has_value).map(Number::Double);
                self.out.number(&head, value, &exemplars);
            }
        }
    }
}

fn head(point: &Point, has_value: bool, time: u64) -> PointHead<'_> {
    PointHead {
        attributes: &point.attributes,
        start: start(point, has_value, time),
        time,
        has_no_value: !has_value,
    }
}

/// Since when a point counts; 0 where nobody says so, or where it would be after its own value.
fn start(point: &Point, has_value: bool, time: u64) -> u64 {
    let created = point
        .created
        .filter(|seconds| has_value && *seconds > 0.0 && seconds.is_finite());
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Positive, and too much saturates.
    let start = created.map_or(0, |seconds| (seconds * 1e9) as u64);
    if start <= time { start } else { 0 }
}

fn exemplars(point: &Point, has_value: bool, time: u64) -> Vec<Exemplar<'_>> {
    if !has_value {
        return Vec::new();
    }
    let exemplars = point.exemplars.iter().map(|kept| Exemplar {
        value: Number::Double(kept.value),
        time: kept.timestamp.and_then(nanoseconds).unwrap_or(time),
        trace_id: kept.trace_id,
        span_id: kept.span_id,
        attributes: (!kept.attributes.is_empty()).then_some(&kept.attributes),
    });
    exemplars.collect()
}

/// By bound; of two with one bound the first on the page counts.
fn sort(parts: &mut Vec<(f64, f64)>) {
    parts.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    parts.dedup_by(|(later, _), (earlier, _)| later == earlier);
}

/// A count; None for what cannot be one.
fn whole(count: f64) -> Option<u64> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Not negative, and too much saturates.
    (count >= 0.0 && count.is_finite()).then_some(count as u64)
}

fn nanoseconds(milliseconds: i64) -> Option<u64> {
    u64::try_from(milliseconds).ok()?.checked_mul(1_000_000)
}
