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
    pub(super) fn scrape(&mut self, now_ms: i64, points: &[Point]) -> Scrape {
        let scrape = self.tell(now_ms, points);
        let ends = scrape.samples.len() > points.len();
        if !ends && self.is_told.len() > points.len() * 2 + PAST_SERIES_MAX {
            // All that lives is in this scrape, so nothing is forgotten that is still to end.
            *self = Self::default();
            return self.tell(now_ms, points);
        }
        scrape
    }

    fn tell(&mut self, now_ms: i64, points: &[Point]) -> Scrape {
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

    fn series(&mut self, point: &Point) -> u32 {
        let mut labels = point.labels.clone();
        labels.sort();
        let key = (point.owner.clone(), point.name.clone(), labels.clone());
        if let Some(series) = self.series.get(&key) {
            return *series;
        }
        let metric = self.metric(point);
        let head_bytes = labels
            .iter()
            .map(|(name, value)| name.len() + value.len() + 10)
            .sum::<usize>()
            + 32;
        labels.push(("__name__".to_owned(), point.name.clone()));
        labels.push(("job".to_owned(), point.owner.job.clone()));
        labels.push(("instance".to_owned(), point.owner.instance.clone()));
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

#[cfg(test)]
mod tests {
    use pipeline::payload::scrape::{Kind, STALE};

    use super::{PAST_SERIES_MAX, Point, Told};

    fn point(device: usize) -> Point {
        Point {
            owner: super::Owner::default(),
            name: "up".to_owned(),
            kind: Kind::Gauge,
            help: "",
            unit: "",
            is_own: false,
            labels: vec![("device".to_owned(), device.to_string())],
            value: 1.0,
        }
    }

    #[test]
    fn a_series_ends_once_and_again_when_its_end_was_refused() {
        let mut told = Told::default();
        told.scrape(0, &[point(1)]);
        let is_end = |scrape: &super::Scrape| {
            let bits = scrape.samples.iter().map(|sample| sample.value.to_bits());
            bits.collect::<Vec<_>>() == [STALE.to_bits()]
        };

        assert!(is_end(&told.scrape(1, &[])));
        told.take_back();
        assert!(is_end(&told.scrape(2, &[])));
        assert!(told.scrape(3, &[]).samples.is_empty());
    }

    #[test]
    fn devices_that_come_and_go_do_not_fill_the_memory() {
        let mut told = Told::default();
        let mut largest = 0;

        for device in 0..PAST_SERIES_MAX * 4 {
            let scrape = told.scrape(0, &[point(device)]);
            assert_eq!(scrape.samples.len(), if device == 0 { 1 } else { 2 });
            told.scrape(0, &[point(device)]);
            largest = largest.max(told.is_told.len());
        }

        assert!(largest <= PAST_SERIES_MAX + 4, "{largest}");
    }
}
