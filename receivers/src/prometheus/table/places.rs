//! Where series lie in the shape of a target.

use std::collections::HashMap;

use pipeline::payload::scrape::{Family, Group, Kind, Label, Metric, Part, Shape};

use super::super::labels::{INSTANCE, JOB, Labels, NAME};
use super::super::rules::SeriesRules;
use super::family::Families;
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
        /// Tags, lengths and times around the attributes.
        const HEAD_BYTES: usize = 32;
        let mut labels = found.point.clone();
        labels.take(NAME);
        let bytes = labels
            .iter()
            .map(|(name, value)| name.len() + value.len() + 10)
            .sum::<usize>();
        let key = (metric, self.labels(&labels, shape));
        if let Some(point) = self.points.get(&key) {
            return *point;
        }
        let point = shape.add_point(metric, HEAD_BYTES + bytes);
        self.points.insert(key, point);
        point
    }

    fn series(&mut self, labels: &Labels, point: u32, part: Part, shape: &mut Shape) -> Place {
        let labels = self.labels(labels, shape);
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

    fn labels(&mut self, labels: &Labels, shape: &mut Shape) -> Box<[Label]> {
        let mut label = |(name, value)| Label {
            name: self.text(name, shape),
            value: self.text(value, shape),
        };
        // A set of labels is in the order of its names.
        labels.iter().map(&mut label).collect()
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
