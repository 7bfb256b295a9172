//! From what devices said to a scrape: series once, values each time, and a marker where a series ends.

use std::collections::HashMap;
use std::sync::Arc;

use pipeline::payload::names::{SERVICE_INSTANCE_ID, SERVICE_NAME};
use pipeline::payload::scrape::{Family, Group, Kind, Label, Metric, Part, STALE, Sample, Scrape, Shape};
use pipeline::payload::{EmittedScope, EncodedAttributes, Place};

/// Series that are no more, beside as many as there are: then all are learned anew.
const PAST_SERIES_MAX: usize = 256;

/// Who tells a series: `job` and `instance`, and the resource that they make.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Owner {
    pub(super) job: String,
    pub(super) instance: String,
}

/// A series with its value now.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    pub(super) owner: Owner,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    pub(super) unit: &'static str,
    /// Its name is one of OpenTelemetry's.
    pub(super) is_own: bool,
    pub(super) labels: Vec<(String, String)>,
    pub(super) value: f64,
}

/// All series so far.
#[derive(Debug, Default)]
pub(super) struct Told {
    shape: Arc<Shape>,
    texts: HashMap<String, u32>,
    series: HashMap<(Owner, String, Vec<(String, String)>), u32>,
    metrics: HashMap<(Owner, String), u32>,
    groups: HashMap<Owner, u32>,
    /// By series: the last thing that was told of it was a value.
    is_told: Vec<bool>,
    /// The same before the last scrape, which may not have arrived.
    was_told: Vec<bool>,
}

impl Told {
    /// What there is to tell now. Series that had a value and have none now end.
    pub(super) fn scrape(&mut self, now_ms: i64, points: Vec<Point>) -> Scrape {
        let living = self.is_told.iter().filter(|is_told| **is_told).count();
        if living == 0 && self.is_told.len() > points.len() * 2 + PAST_SERIES_MAX {
            *self = Self::default();
        }
        self.was_told.clone_from(&self.is_told);
        let mut samples: Vec<Sample> = Vec::with_capacity(points.len());
        let mut is_told = vec![false; self.is_told.len()];
        for point in points {
            let value = point.value;
            let series = self.series(point);
            let at = series as usize;
            is_told.resize(is_told.len().max(at + 1), false);
            // Two devices with one name, which no honest library has: the first counts.
            if !std::mem::replace(&mut is_told[at], true) {
                samples.push(Sample { series, value });
            }
        }
        for (series, was_told) in (0_u32..).zip(&self.was_told) {
            if *was_told && !is_told[series as usize] {
                samples.push(Sample { series, value: STALE });
            }
        }
        self.is_told = is_told;
        let mut scrape = Scrape::new(Arc::clone(&self.shape), now_ms);
        scrape.points = u32::try_from(samples.len()).unwrap_or(u32::MAX);
        scrape.samples = samples;
        scrape
    }

    /// The last scrape did not arrive: what it should have ended is still to be ended.
    pub(super) fn take_back(&mut self) {
        for (is_told, was_told) in self.is_told.iter_mut().zip(&self.was_told) {
            *is_told |= was_told;
        }
    }

    fn series(&mut self, mut point: Point) -> u32 {
        point.labels.sort();
        let key = (point.owner.clone(), point.name.clone(), point.labels.clone());
        if let Some(series) = self.series.get(&key) {
            return *series;
        }
        let metric = self.metric(&point);
        let mut labels = point.labels;
        let head_bytes = labels.iter().map(|(name, value)| name.len() + value.len() + 10).sum::<usize>() + 32;
        labels.push(("__name__".to_owned(), point.name));
        labels.push(("job".to_owned(), point.owner.job));
        labels.push(("instance".to_owned(), point.owner.instance));
        labels.sort();
        let labels: Vec<Label> = labels
            .iter()
            .map(|(name, value)| Label {
                name: self.text(name),
                value: self.text(value),
            })
            .collect();
        let shape = Arc::make_mut(&mut self.shape);
        let point = shape.add_point(metric, head_bytes);
        let series = shape.add_series(&labels, point, Part::Value);
        self.series.insert(key, series);
        series
    }

    fn metric(&mut self, point: &Point) -> u32 {
        let key = (point.owner.clone(), point.name.clone());
        if let Some(metric) = self.metrics.get(&key) {
            return *metric;
        }
        let group = self.group(&point.owner);
        let shape = Arc::make_mut(&mut self.shape);
        let family = shape.add_family(Family {
            name: point.name.clone(),
            kind: point.kind,
            help: point.help.to_owned(),
            unit: point.unit.to_owned(),
        });
        let metric = shape.add_metric(Metric {
            group,
            family,
            name: point.name.clone(),
            kind: point.kind,
            is_own: point.is_own,
        });
        self.metrics.insert(key, metric);
        metric
    }

    fn group(&mut self, owner: &Owner) -> u32 {
        if let Some(group) = self.groups.get(owner) {
            return *group;
        }
        let group = Arc::make_mut(&mut self.shape).add_group(Group { place: place(owner) });
        self.groups.insert(owner.clone(), group);
        group
    }

    fn text(&mut self, text: &str) -> u32 {
        if let Some(number) = self.texts.get(text) {
            return *number;
        }
        let number = Arc::make_mut(&mut self.shape).add_text(text);
        self.texts.insert(text.to_owned(), number);
        number
    }
}

/// The resource of an owner. Without the name of a scope, which would come out as labels that dashboards do not expect.
pub(super) fn place(owner: &Owner) -> Place {
    let resource = EncodedAttributes::new()
        .with(SERVICE_NAME, owner.job.as_str())
        .with(SERVICE_INSTANCE_ID, owner.instance.as_str());
    let scope = EmittedScope {
        name: "",
        version: "",
        schema_url: "",
    };
    Place::made(&resource, &scope)
}
