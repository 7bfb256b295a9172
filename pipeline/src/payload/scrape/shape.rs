//! What does not change from scrape to scrape.

use std::sync::Arc;

use crate::payload::builder::Place;

/// The series of one target: labels, types and how they belong together.
///
/// A shape only grows, so a series keeps its number for as long as the shape has the same [`identity`](Self::identity).
/// Texts are kept once; labels are pairs of their numbers.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    identity: Arc<()>,
    texts: Vec<Arc<str>>,
    labels: Vec<Label>,
    series: Vec<Series>,
    /// The metric of each point.
    points: Vec<u32>,
    metrics: Vec<Arc<Metric>>,
    groups: Vec<Arc<Group>>,
    families: Vec<Arc<Family>>,
    /// Grows whenever a family says something else than before.
    families_version: u32,
    heads_bytes: usize,
}

/// A label: the numbers of its two texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// Number of the name.
    pub name: u32,
    /// Number of the value.
    pub value: u32,
}

/// One series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Series {
    labels_start: u32,
    labels_count: u32,
    /// The point in OTLP that it is a part of.
    pub point: u32,
    /// Which part.
    pub part: Part,
}

/// What a series says of its point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Part {
    /// The value.
    Value,
    /// How many measurements there were.
    Count,
    /// Their sum.
    Sum,
    /// How many measurements were at or below a bound.
    Bucket(f64),
    /// The value at a quantile.
    Quantile(f64),
    /// It describes the target, and is no point in OTLP but attributes of the resource.
    Resource,
}

/// The points of one name and type in one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Number of the resource.
    pub group: u32,
    /// Number of its family on the page.
    pub family: u32,
    /// Its name in OTLP.
    pub name: String,
    /// Its type.
    pub kind: Kind,
}

/// A job and instance: one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The resource, for OTLP.
    pub place: Place,
}

/// What a page says about a family.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Family {
    /// Its name on the page.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// Its description.
    pub help: String,
    /// Its unit, as the word that the page uses.
    pub unit: String,
}

/// The types of Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts in buckets that only grow.
    Histogram,
    /// Counts in buckets as they are now.
    GaugeHistogram,
    /// Quantiles.
    Summary,
    /// Text in labels.
    Info,
    /// Which of several states is on.
    StateSet,
    /// Nobody said; `untyped` in the text format.
    #[default]
    Unknown,
}

impl Kind {
    /// The word for it; OpenMetrics' and Prometheus' own where both have one.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
            Self::Unknown => "unknown",
        }
    }
}

impl Shape {
    /// Stays alive for as long as series keep their numbers.
    pub fn identity(&self) -> &Arc<()> {
        &self.identity
    }

    /// All texts, by number.
    pub fn texts(&self) -> &[Arc<str>] {
        &self.texts
    }

    /// All series, by number.
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// The labels of a series, sorted by name; the metric's name is one of them.
    pub fn labels_of(&self, series: &Series) -> &[Label] {
        let start = series.labels_start as usize;
        self.labels
            .get(start..start + series.labels_count as usize)
            .unwrap_or_default()
    }

    /// The text with this number; empty for one that was never given.
    pub fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", |text| text)
    }

    /// How many points there are.
    pub fn points(&self) -> usize {
        self.points.len()
    }

    /// The number of the metric of a point.
    pub fn metric_of(&self, point: u32) -> Option<u32> {
        self.points.get(point as usize).copied()
    }

    /// The metric with this number.
    pub fn metric(&self, number: u32) -> Option<&Metric> {
        self.metrics.get(number as usize).map(|metric| &**metric)
    }

    /// The resource with this number.
    pub fn group(&self, number: u32) -> Option<&Group> {
        self.groups.get(number as usize).map(|group| &**group)
    }

    /// All families, by number.
    pub fn families(&self) -> &[Arc<Family>] {
        &self.families
    }

    /// Grows whenever a family says something else than before.
    pub fn families_version(&self) -> u32 {
        self.families_version
    }

    pub(super) fn heads_bytes(&self) -> usize {
        self.heads_bytes
    }

    /// Adds a text and gives its number.
    pub fn add_text(&mut self, text: &str) -> u32 {
        self.texts.push(Arc::from(text));
        last(self.texts.len())
    }

    /// Adds a series and gives its number; its labels are sorted by the texts of their names.
    pub fn add_series(&mut self, labels: &[Label], point: u32, part: Part) -> u32 {
        let labels_start = u32::try_from(self.labels.len()).unwrap_or(u32::MAX);
        self.labels.extend_from_slice(labels);
        self.series.push(Series {
            labels_start,
            labels_count: u32::try_from(labels.len()).unwrap_or(u32::MAX),
            point,
            part,
        });
        last(self.series.len())
    }

    /// Adds a point, whose head has about this many bytes in OTLP, and gives its number.
    pub fn add_point(&mut self, metric: u32, head_bytes: usize) -> u32 {
        self.heads_bytes += head_bytes;
        self.points.push(metric);
        last(self.points.len())
    }

    /// Adds a metric and gives its number.
    pub fn add_metric(&mut self, metric: Metric) -> u32 {
        self.metrics.push(Arc::new(metric));
        last(self.metrics.len())
    }

    /// Adds a resource and gives its number.
    pub fn add_group(&mut self, group: Group) -> u32 {
        self.groups.push(Arc::new(group));
        last(self.groups.len())
    }

    /// Describes a resource anew.
    pub fn set_group(&mut self, number: u32, group: Group) {
        if let Some(place) = self.groups.get_mut(number as usize) {
            *place = Arc::new(group);
        }
    }

    /// Adds a family and gives its number.
    pub fn add_family(&mut self, family: Family) -> u32 {
        self.families.push(Arc::new(family));
        last(self.families.len())
    }

    /// Says what a family means now; nothing happens where that is what it said before.
    pub fn set_family(&mut self, number: u32, family: Family) {
        if let Some(place) = self
            .families
            .get_mut(number as usize)
            .filter(|known| ***known != family)
        {
            *place = Arc::new(family);
            self.families_version += 1;
        }
    }
}

/// The number of the last of this many things. Nothing here has four thousand million of anything.
fn last(count: usize) -> u32 {
    u32::try_from(count - 1).unwrap_or(u32::MAX)
}
