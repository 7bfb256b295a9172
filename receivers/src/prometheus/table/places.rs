//! Where series lie in the shape of a target.

use std::collections::HashMap;

use pipeline::payload::scrape::{Family, Group, Kind, Label, Metric, Part, Shape};

use super::super::labels::{INSTANCE, JOB, Labels, NAME};
use super::super::rules::SeriesRules;
use super::family::Families;
use super::past::Past;
use super::resolve::Found;
use super::resource;

/// Finds what a shape has, and adds what it has not.
#[derive(Debug, Default)]
pub(super) struct Places {
    texts: HashMap<Box<str>, u32>,
    /// By their labels: where the same series is found again under another text.
    series: HashMap<Box<[Label]>, u32>,
    /// For a series whose type has changed: the numbers that it had, by the first of them, the present one last.
    renumbered: HashMap<u32, Vec<u32>>,
    points: HashMap<(u32, Box<[Label]>), u32>,
    metrics: HashMap<(u32, String, Kind), u32>,
    groups: HashMap<(String, String), u32>,
}

/// Where a series was found.
pub(super) enum Place {
    /// A series that has values. One with the same labels may have gone on until now, under another type.
    Series { number: u32, instead_of: Option<u32> },
    /// The start time of a point.
    Start(u32),
}

/// The shape of series that are on no page: one for each family, all with these labels. `is_own`: their names are those of
/// OpenTelemetry.
pub(in super::super) fn shape_of(
    told: impl Iterator<Item = Family>,
    labels: &Labels,
    rules: &SeriesRules,
    is_own: bool,
) -> Shape {
    let (mut shape, mut places, mut families) = (Shape::default(), Places::default(), Families::default());
    let mut point = labels.clone();
    let owner = (
        point.take(JOB).unwrap_or_default(),
        point.take(INSTANCE).unwrap_or_default(),
    );
    for family in told {
        let mut labels = labels.clone();
        labels.set(NAME, family.name.as_str());
        let found = Found {
            labels,
            owner: owner.clone(),
            metric: family.name.clone(),
            on_page: family.name.clone(),
            family: family.name.clone(),
            kind: family.kind,
            part: Some(Part::Value),
            point: point.clone(),
            is_own,
        };
        families.own(family, &mut shape);
        places.settle(&found, &mut shape, &mut families, rules);
    }
    shape
}

impl Places {
    /// The place of a series that was resolved, made where it is missing.
    pub(super) fn settle(
        &mut self,
        found: &Found,
        shape: &mut Shape,
        families: &mut Families,
        rules: &SeriesRules,
    ) -> Place {
        let group = self.group(&found.owner, shape, rules);
        if found.part == Some(Part::Resource) {
            let mut info = found.point.clone();
            info.take(NAME);
            let (job, instance) = &found.owner;
            shape.set_group(group, resource::group(job, instance, &info, rules));
        }
        let metric = self.metric(group, found, shape, families);
        let point = self.point(metric, found, shape);
        match found.part {
            None => Place::Start(point),
            Some(part) => self.series(&found.labels, point, part, shape),
        }
    }

    fn group(&mut self, owner: &(String, String), shape: &mut Shape, rules: &SeriesRules) -> u32 {
        if let Some(group) = self.groups.get(owner) {
            return *group;
        }
        let made: Group = resource::group(&owner.0, &owner.1, &Labels::default(), rules);
        let group = shape.add_group(made);
        self.groups.insert(owner.clone(), group);
        group
    }

    fn metric(&mut self, group: u32, found: &Found, shape: &mut Shape, families: &mut Families) -> u32 {
        let key = (group, found.metric.clone(), found.kind);
        if let Some(metric) = self.metrics.get(&key) {
            return *metric;
        }
        let family = families.number(&found.family, shape);
        let metric = shape.add_metric(Metric {
            group,
            family,
            name: found.metric.clone(),
            kind: found.kind,
            is_own: found.is_own,
        });
        self.metrics.insert(key, metric);
        metric
    }

    fn point(&mut self, metric: u32, found: &Found, shape: &mut Shape) -> u32 {
        let mut labels = found.point.clone();
        labels.take(NAME);
        let labels = self.labels(labels.iter(), shape);
        self.point_of(metric, labels, shape)
    }

    fn point_of(&mut self, metric: u32, labels: Box<[Label]>, shape: &mut Shape) -> u32 {
        /// Tags, lengths and times around the attributes.
        const HEAD_BYTES: usize = 32;
        let key = (metric, labels);
        if let Some(point) = self.points.get(&key) {
            return *point;
        }
        let length = |label: &Label| shape.text(label.name).len() + shape.text(label.value).len() + 10;
        let bytes = key.1.iter().map(length).sum::<usize>();
        let point = shape.add_point(metric, HEAD_BYTES + bytes);
        self.points.insert(key, point);
        point
    }

    fn series(&mut self, labels: &Labels, point: u32, part: Part, shape: &mut Shape) -> Place {
        let labels = self.labels(labels.iter(), shape);
        let Some(first) = self.series.get(&labels).copied() else {
            let number = shape.add_series(&labels, point, part);
            self.series.insert(labels, number);
            return Place::Series {
                number,
                instead_of: None,
            };
        };
        let is_same = |number: &u32| {
            let series = shape.series().get(*number as usize);
            series.is_some_and(|series| series.point == point && series.part == part)
        };
        if !self.renumbered.contains_key(&first) && is_same(&first) {
            return Place::Series {
                number: first,
                instead_of: None,
            };
        }
        let numbers = self.renumbered.entry(first).or_insert_with(|| vec![first]);
        let present = numbers.last().copied();
        let known = numbers.iter().position(is_same);
        let number = match known {
            Some(at) => numbers.remove(at),
            None => shape.add_series(&labels, point, part),
        };
        numbers.push(number);
        Place::Series {
            number,
            instead_of: present.filter(|present| *present != number),
        }
    }

    /// Job and instance by the number of a resource.
    pub(super) fn owners(&self) -> HashMap<u32, &(String, String)> {
        self.groups.iter().map(|(owner, group)| (*group, owner)).collect()
    }

    /// The labels of each point.
    pub(super) fn points(&self) -> HashMap<u32, &[Label]> {
        let points = self.points.iter();
        points.map(|((_, labels), point)| (*point, &**labels)).collect()
    }

    /// Gives a place to a series of a shape that is given up; nothing for one whose place there is not known. What
    /// pages have said since about its resource, its family or its type is not changed.
    pub(super) fn take_over(
        &mut self,
        number: u32,
        past: &Past<'_>,
        shape: &mut Shape,
        families: &mut Families,
    ) -> Option<u32> {
        let series = past.shape.series().get(number as usize)?;
        let text = |label: &Label| (past.shape.text(label.name), past.shape.text(label.value));
        let labels = self.labels(past.shape.labels_of(series).iter().map(text), shape);
        if let Some(first) = self.series.get(&labels) {
            return self
                .renumbered
                .get(first)
                .map_or(Some(first), |numbers| numbers.last())
                .copied();
        }
        let metric = past.shape.metric(past.shape.metric_of(series.point)?)?;
        let owner = *past.owners.get(&metric.group)?;
        let group = match self.groups.get(owner) {
            Some(group) => *group,
            None => {
                let group = shape.add_group(past.shape.group(metric.group)?.clone());
                self.groups.insert(owner.clone(), group);
                group
            }
        };
        let key = (group, metric.name.clone(), metric.kind);
        let metric = match self.metrics.get(&key) {
            Some(metric) => *metric,
            None => {
                let family = past.shape.families().get(metric.family as usize)?;
                let family = families.of_the_past(family, shape);
                let metric = shape.add_metric(Metric {
                    group,
                    family,
                    ..metric.clone()
                });
                self.metrics.insert(key, metric);
                metric
            }
        };
        let of_point = past.points.get(&series.point)?.iter().map(text);
        let of_point = self.labels(of_point, shape);
        let point = self.point_of(metric, of_point, shape);
        let number = shape.add_series(&labels, point, series.part);
        self.series.insert(labels, number);
        Some(number)
    }

    /// A set of labels, which is in the order of its names.
    fn labels<'a>(&mut self, labels: impl Iterator<Item = (&'a str, &'a str)>, shape: &mut Shape) -> Box<[Label]> {
        let label = |(name, value)| Label {
            name: self.text(name, shape),
            value: self.text(value, shape),
        };
        labels.map(label).collect()
    }

    fn text(&mut self, text: &str, shape: &mut Shape) -> u32 {
        if let Some(number) = self.texts.get(text) {
            return *number;
        }
        let number = shape.add_text(text);
        self.texts.insert(text.into(), number);
        number
    }
}
