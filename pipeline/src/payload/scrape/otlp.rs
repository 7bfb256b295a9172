//! From a scrape to OTLP ("Prometheus and OpenMetrics compatibility", "Prometheus Metric points to OTLP").

use super::{Family, Kind, Metric, Part, Scrape, Series, nanoseconds};
use crate::payload::encoded::EncodedAttributes;
use crate::payload::metrics::{
    Exemplar, Histogram, MetricHead, MetricShape, MetricsBuilder, Number, PointHead, Temporality,
};
use crate::payload::names::PROMETHEUS_TYPE;
use crate::payload::{SpanId, TraceId};

/// Labels that are not attributes of a point: the metric's name, and what the resource says.
const NOT_AT_POINTS: [&str; 3] = ["__name__", "job", "instance"];

impl Scrape {
    /// Tells all samples as points.
    pub(in crate::payload) fn write_otlp(&self, out: &mut MetricsBuilder) {
        let mut order: Vec<(u32, u32, u32)> = Vec::with_capacity(self.samples.len());
        for (at, sample) in self.samples.iter().enumerate() {
            let Some(series) = self.shape.series().get(sample.series as usize) else {
                continue;
            };
            if let Some(metric) = self
                .shape
                .metric_of(series.point)
                .filter(|_| series.part != Part::Resource)
            {
                order.push((metric, series.point, at as u32));
            }
        }
        order.sort_unstable();
        let mut teller = Teller {
            scrape: self,
            out,
            counts: Vec::new(),
            bounds: Vec::new(),
        };
        for metric in order.chunk_by(|one, next| one.0 == next.0) {
            teller.metric(metric);
        }
    }
}

/// Tells metrics.
struct Teller<'a> {
    scrape: &'a Scrape,
    out: &'a mut MetricsBuilder,
    /// Kept for their room.
    counts: Vec<u64>,
    bounds: Vec<f64>,
}

/// A point while its samples are put together.
#[derive(Default)]
struct Point {
    has_value: bool,
    value: f64,
    count: f64,
    sum: Option<f64>,
    /// Bounds or quantiles, with what was said of them.
    parts: Vec<(f64, f64)>,
    /// In milliseconds; the first own time counts for all.
    time: Option<i64>,
    exemplars: Vec<(Exemplar<'static>, EncodedAttributes)>,
    labels_of: Option<Series>,
}

impl Teller<'_> {
    fn metric(&mut self, samples: &[(u32, u32, u32)]) {
        let shape = &self.scrape.shape;
        let metric = samples.first().and_then(|(metric, ..)| shape.metric(*metric));
        let Some(metric) = metric else { return };
        let Some(group) = shape.group(metric.group) else {
            return;
        };
        let family = shape.families().get(metric.family as usize);
        let metadata = EncodedAttributes::new().with(PROMETHEUS_TYPE, metric.kind.name());
        let head = MetricHead {
            name: &metric.name,
            description: family.map_or("", |family| &family.help),
            unit: family.map_or("", |family| ucum(family)),
            metadata: (!metric.is_own).then_some(&metadata),
        };
        self.out.metric(&group.place, &head, shape_of(metric.kind));
        for point in samples.chunk_by(|one, next| one.1 == next.1) {
            let point = self.gather(point.iter().map(|(.., sample)| *sample));
            self.point(metric, &point);
        }
    }

    /// Puts the samples of a point together; what has ended counts only where nothing else is left of it.
    fn gather(&self, samples: impl Iterator<Item = u32>) -> Point {
        let (scrape, mut point, mut ended) = (self.scrape, Point::default(), Vec::new());
        for at in samples {
            let Some(sample) = scrape.samples.get(at as usize) else {
                continue;
            };
            let Some(series) = scrape.shape.series().get(sample.series as usize) else {
                continue;
            };
            let is_bare = !matches!(series.part, Part::Bucket(_) | Part::Quantile(_));
            if point.labels_of.is_none() || is_bare {
                point.labels_of = Some(*series);
            }
            if sample.value.to_bits() == super::STALE.to_bits() {
                ended.extend(part(series));
                continue;
            }
            point.has_value = true;
            point.take(series, sample.value);
            point.time = point.time.or_else(|| scrape.own_time(at));
            point.exemplars.extend(scrape.exemplars_of(at).map(exemplar));
        }
        if !point.has_value {
            point.parts = ended.into_iter().map(|bound| (bound, 0.0)).collect();
        }
        point.parts.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        point.parts.dedup_by(|(later, _), (earlier, _)| later == earlier);
        point
    }

    fn point(&mut self, metric: &Metric, point: &Point) {
        let scrape = self.scrape;
        let time = point.time.unwrap_or(scrape.time);
        let nanos = nanoseconds(time).unwrap_or_default();
        let attributes = point
            .labels_of
            .map_or_else(EncodedAttributes::new, |series| scrape.attributes(&series));
        let start = point.labels_of.filter(|_| point.has_value);
        let head = PointHead {
            attributes: &attributes,
            start: start.map_or(0, |series| scrape.start(&series, time)),
            time: nanos,
            has_no_value: !point.has_value,
        };
        let exemplars = point.exemplars.iter().map(|(exemplar, attributes)| Exemplar {
            time: if exemplar.time == 0 { nanos } else { exemplar.time },
            attributes: (!attributes.is_empty()).then_some(attributes),
            ..*exemplar
        });
        let exemplars: Vec<Exemplar<'_>> = exemplars.collect();
        match metric.kind {
            Kind::Histogram => {
                self.fill(point);
                let value = Histogram {
                    count: whole(point.count),
                    sum: point.sum,
                    bucket_counts: &self.counts,
                    bounds: &self.bounds,
                };
                self.out.histogram(&head, &value, &exemplars);
            }
            Kind::Summary => {
                let sum = point.sum.unwrap_or_default();
                self.out.summary(&head, whole(point.count), sum, &point.parts);
            }
            _ => {
                let value = point.has_value.then_some(Number::Double(point.value));
                self.out.number(&head, value, &exemplars);
            }
        }
    }

    /// Counts on a page include the buckets below; in OTLP each counts for itself.
    fn fill(&mut self, point: &Point) {
        self.counts.clear();
        self.bounds.clear();
        let finite = || point.parts.iter().filter(|(bound, _)| *bound != f64::INFINITY);
        let mut below = 0;
        for cumulative in finite().map(|(_, cumulative)| *cumulative).chain([point.count]) {
            let cumulative = whole(cumulative);
            self.counts.push(cumulative.saturating_sub(below));
            below = cumulative;
        }
        self.bounds.extend(finite().map(|(bound, _)| *bound));
    }
}

impl Point {
    fn take(&mut self, series: &Series, value: f64) {
        match series.part {
            Part::Value => self.value = value,
            Part::Count => self.count = value,
            Part::Sum => self.sum = Some(value),
            Part::Bucket(bound) | Part::Quantile(bound) => self.parts.push((bound, value)),
            Part::Resource => {}
        }
    }
}

impl Scrape {
    /// The time of a sample, if it is not that of the scrape.
    pub fn own_time(&self, sample: u32) -> Option<i64> {
        let at = self.times.binary_search_by_key(&sample, |own| own.sample).ok()?;
        self.times.get(at).map(|own| own.time)
    }

    fn exemplars_of(&self, sample: u32) -> impl Iterator<Item = &super::ScrapedExemplar> {
        let first = self.exemplars.partition_point(|exemplar| exemplar.sample < sample);
        let from = self.exemplars.get(first..).unwrap_or_default();
        from.iter().take_while(move |exemplar| exemplar.sample == sample)
    }

    fn attributes(&self, series: &Series) -> EncodedAttributes {
        let own = match series.part {
            Part::Bucket(_) => "le",
            Part::Quantile(_) => "quantile",
            _ => "",
        };
        let mut attributes = EncodedAttributes::new();
        for label in self.shape.labels_of(series) {
            let name = self.shape.text(label.name);
            if !NOT_AT_POINTS.contains(&name) && name != own {
                attributes.push(name, self.shape.text(label.value));
            }
        }
        attributes
    }
}

fn part(series: &Series) -> Option<f64> {
    match series.part {
        Part::Bucket(bound) | Part::Quantile(bound) => Some(bound),
        _ => None,
    }
}

/// An exemplar with its own attributes; a time of 0 is that of its point.
fn exemplar(scraped: &super::ScrapedExemplar) -> (Exemplar<'static>, EncodedAttributes) {
    let mut exemplar = Exemplar {
        value: Number::Double(scraped.value),
        time: scraped.time.and_then(nanoseconds).unwrap_or_default(),
        trace_id: None,
        span_id: None,
        attributes: None,
    };
    let mut attributes = EncodedAttributes::new();
    for (name, value) in &scraped.labels {
        match name.as_str() {
            "trace_id" if value.parse::<TraceId>().is_ok() => exemplar.trace_id = value.parse().ok(),
            "span_id" if value.parse::<SpanId>().is_ok() => exemplar.span_id = value.parse().ok(),
            _ => attributes.push(name, value),
        }
    }
    (exemplar, attributes)
}

fn shape_of(kind: Kind) -> MetricShape {
    let sum = |monotonic| MetricShape::Sum {
        temporality: Temporality::Cumulative,
        monotonic,
    };
    match kind {
        Kind::Counter => sum(true),
        Kind::Info | Kind::StateSet => sum(false),
        Kind::Histogram => MetricShape::Histogram(Temporality::Cumulative),
        Kind::Summary => MetricShape::Summary,
        Kind::Gauge | Kind::GaugeHistogram | Kind::Unknown => MetricShape::Gauge,
    }
}

/// A count. Whoever made the scrape left out points with counts that are none.
fn whole(count: f64) -> u64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Not negative, and too much saturates.
    let whole = count as u64;
    whole
}

/// A family's unit as OTLP writes it: `OpenMetrics`' base units in UCUM, any other word as it stands.
fn ucum(family: &Family) -> &str {
    match family.unit.as_str() {
        "seconds" => "s",
        "bytes" => "By",
        "joules" => "J",
        "grams" => "g",
        "meters" => "m",
        "ratios" | "ratio" => "1",
        "volts" => "V",
        "amperes" => "A",
        "celsius" => "Cel",
        other => other,
    }
}
