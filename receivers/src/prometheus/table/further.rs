//! Series that are told beside those of the page: what an engine says in the words of all engines, and other names that
//! were asked for.

use std::collections::HashMap;

use pipeline::payload::scrape::{Family, Kind, Part, Shape, bound_text};

use super::super::labels::{INSTANCE, JOB, Labels, NAME};
use super::super::rules::SeriesRules;
use super::family::Families;
use super::places::{Place, Places};
use super::resolve::Found;
use crate::engines::profile::{self, ALIAS_LABEL, Claim, Claims, Dialect, Scale};

/// All of them, of one target.
#[derive(Debug, Default)]
pub(super) struct Further {
    list: Vec<One>,
    claims: Claims,
    /// Parts of one point have one claim.
    by_point: HashMap<(u32, String), Claim>,
}

/// A series that another one tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct One {
    /// The series of the page.
    pub(super) from: u32,
    /// What it tells; nothing for a series that only claims its own name.
    pub(super) to: Option<u32>,
    claim: Claim,
    scale: Scale,
    part: Part,
}

/// What is needed to find a place for a series.
pub(super) struct Ground<'a> {
    pub(super) shape: &'a mut Shape,
    pub(super) places: &'a mut Places,
    pub(super) families: &'a mut Families,
    pub(super) rules: &'a SeriesRules,
}

impl Further {
    /// A series of the page is new: notes what it tells further.
    pub(super) fn learn(&mut self, dialect: &Dialect, found: &Found, from: u32, ground: &mut Ground<'_>) {
        let (Some(kind), Some(part)) = (kind(found.kind), found.part) else {
            return;
        };
        let own: Vec<(&str, &str)> = found.point.iter().filter(|(name, _)| *name != NAME).collect();
        let point = ground
            .shape
            .series()
            .get(from as usize)
            .map_or(u32::MAX, |series| series.point);
        if let Some(canonical) = dialect.canonical(&found.on_page, kind, &own) {
            let metric = canonical.metric;
            let claim = self.claim(point, metric.name, |claims| claims.enter(&canonical));
            let told = Found {
                metric: metric.name.to_owned(),
                on_page: metric.name.to_owned(),
                family: metric.name.to_owned(),
                kind: kind_of(metric.kind),
                part: Some(scaled(part, canonical.scale)),
                point: canonical.attributes().collect(),
                labels: Labels::default(),
                owner: found.owner.clone(),
                is_own: true,
            };
            ground.families.own(
                Family {
                    name: metric.name.to_owned(),
                    kind: told.kind,
                    help: metric.description.to_owned(),
                    unit: metric.unit.to_owned(),
                },
                ground.shape,
            );
            self.tell(told, (from, claim, canonical.scale), ground);
        }
        if !dialect.has_aliases() {
            return;
        }
        let claim = self.claim(point, &found.metric, |claims| {
            claims.enter_itself(&found.metric, own.iter().copied())
        });
        self.list.push(One {
            from,
            to: None,
            claim,
            scale: Scale::One,
            part,
        });
        for alias in dialect.aliases(&found.on_page, kind) {
            let claim = self.claim(point, &alias, |claims| claims.enter_alias(&alias, own.iter().copied()));
            let mut point = found.point.clone();
            point.set(ALIAS_LABEL, "1");
            let told = Found {
                metric: alias.clone(),
                on_page: alias,
                family: found.family.clone(),
                kind: found.kind,
                part: found.part,
                point,
                labels: Labels::default(),
                owner: found.owner.clone(),
                is_own: false,
            };
            self.tell(told, (from, claim, Scale::One), ground);
        }
    }

    fn tell(&mut self, mut told: Found, (from, claim, scale): (u32, Claim, Scale), ground: &mut Ground<'_>) {
        told.labels = all_labels(&told);
        let Some(part) = told.part else { return };
        let place = ground.places.settle(&told, ground.shape, ground.families, ground.rules);
        if let Place::Series { number, .. } = place {
            self.list.push(One {
                from,
                to: Some(number),
                claim,
                scale,
                part,
            });
        }
    }

    fn claim(&mut self, point: u32, name: &str, enter: impl FnOnce(&mut Claims) -> Claim) -> Claim {
        let claims = &mut self.claims;
        *self
            .by_point
            .entry((point, name.to_owned()))
            .or_insert_with(|| enter(claims))
    }

    /// What is told of a page on which these series are.
    pub(super) fn of_page(&mut self, is_on_page: impl Fn(u32) -> bool) -> Vec<One> {
        self.claims.begin();
        let present: Vec<One> = self.list.iter().copied().filter(|one| is_on_page(one.from)).collect();
        present.iter().for_each(|one| self.claims.present(one.claim));
        let told = present
            .into_iter()
            .filter(|one| one.to.is_some() && self.claims.wins(one.claim));
        told.collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl One {
    /// The value in the unit of what is told. Counts of measurements have none.
    pub(super) fn value(&self, value: f64) -> f64 {
        match self.part {
            Part::Value | Part::Sum | Part::Quantile(_) => self.scale.apply(value),
            Part::Count | Part::Bucket(_) | Part::Resource => value,
        }
    }
}

/// Every label of a series that is told, its name among them.
fn all_labels(told: &Found) -> Labels {
    let mut labels = told.point.clone();
    let (suffix, own) = match told.part {
        Some(Part::Bucket(bound)) => ("_bucket", Some(("le", bound_text(bound)))),
        Some(Part::Quantile(share)) => ("", Some(("quantile", bound_text(share)))),
        Some(Part::Count) => ("_count", None),
        Some(Part::Sum) => ("_sum", None),
        _ => ("", None),
    };
    if let Some((name, text)) = own {
        labels.set(name, text);
    }
    labels.set(NAME, format!("{}{suffix}", told.metric));
    labels.set(JOB, told.owner.0.as_str());
    labels.set(INSTANCE, told.owner.1.as_str());
    labels
}

fn scaled(part: Part, scale: Scale) -> Part {
    match part {
        Part::Bucket(bound) => Part::Bucket(scale.apply(bound)),
        part => part,
    }
}

fn kind(kind: Kind) -> Option<profile::Kind> {
    match kind {
        Kind::Gauge => Some(profile::Kind::Gauge),
        Kind::Counter => Some(profile::Kind::Counter),
        Kind::Histogram => Some(profile::Kind::Histogram),
        Kind::Summary => Some(profile::Kind::Summary),
        Kind::GaugeHistogram | Kind::Info | Kind::StateSet | Kind::Unknown => None,
    }
}

fn kind_of(kind: profile::Kind) -> Kind {
    match kind {
        profile::Kind::Gauge => Kind::Gauge,
        profile::Kind::Counter => Kind::Counter,
        profile::Kind::Histogram => Kind::Histogram,
        profile::Kind::Summary => Kind::Summary,
    }
}
