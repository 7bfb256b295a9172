//! What an engine's page says about requests beside what their spans say, told as a scrape of its own.

use std::sync::Arc;

use http::Uri;
use pipeline::context::engine_requests::EngineRequests;
use pipeline::context::engine_requests::matching::TargetFacts;
use pipeline::payload::scrape::{Family, Kind, STALE, Sample, Scrape, Shape};

use super::counts::Counts;
use super::labels::Labels;
use super::rules::SeriesRules;
use super::table::shape_of;
use crate::engines::profile::{self, Dialect, ENGINE_ATTRIBUTE};
use crate::engines::requests::{Requests, TOLD};

/// Compares the pages of one target with request spans. For a target whose engine is not known it does nothing.
#[derive(Debug)]
pub(super) struct Comparison {
    requests: Option<Requests>,
    shape: Arc<Shape>,
    /// Whether metrics of all engines are wanted at all.
    is_canonical: bool,
    /// What had a value last, and is to be told when it has none.
    is_told: [bool; TOLD.len()],
    /// The same before the last scrape.
    was_told: [bool; TOLD.len()],
}

impl Comparison {
    pub(super) fn new(rules: &SeriesRules, url: &Uri, known: &EngineRequests) -> Self {
        let mut comparison = Self {
            requests: None,
            shape: Arc::default(),
            is_canonical: false,
            is_told: Default::default(),
            was_told: Default::default(),
        };
        if let Some(dialect) = rules.dialect.filter(|dialect| dialect.profile.has_requests()) {
            let facts = TargetFacts::of(|name| rules.target.get(name), url.host().unwrap_or_default());
            let seat = known.seat(facts);
            comparison.requests = Some(Requests::new(seat, dialect.profile, dialect.spans_within));
            comparison.shape = Arc::new(shape(rules, &dialect));
            comparison.is_canonical = dialect.canonical;
        }
        comparison
    }

    /// Compares a page, which gets exemplars, and tells what came of it.
    pub(super) fn tell(&mut self, page: &mut Scrape, counts: &Counts) -> Scrape {
        let Some(requests) = &mut self.requests else {
            return Scrape::new(Arc::clone(&self.shape), page.time);
        };
        let compared = requests.read(page);
        if let Some(unused) = compared.unused {
            counts.unused_spans(unused.word());
        }
        let values = if self.is_canonical {
            compared.values
        } else {
            Default::default()
        };
        let mut scrape = self.scrape(page.time, values);
        scrape.starts = compared.starts.to_vec();
        scrape
    }

    /// Tells that nothing is known any more.
    pub(super) fn end(&mut self, now: i64) -> Scrape {
        if let Some(requests) = &mut self.requests {
            requests.lose_sight();
        }
        self.scrape(now, Default::default())
    }

    /// The last scrape did not arrive: what it should have ended is still to be ended.
    pub(super) fn take_back(&mut self) {
        for (is_told, was_told) in self.is_told.iter_mut().zip(self.was_told) {
            *is_told |= was_told;
        }
    }

    fn scrape(&mut self, now: i64, values: [Option<f64>; TOLD.len()]) -> Scrape {
        let mut scrape = Scrape::new(Arc::clone(&self.shape), now);
        self.was_told = self.is_told;
        for ((series, value), is_told) in (0_u32..).zip(values).zip(&mut self.is_told) {
            let was_told = std::mem::replace(is_told, value.is_some());
            let value = value.or_else(|| was_told.then_some(STALE));
            scrape.samples.extend(value.map(|value| Sample { series, value }));
        }
        scrape.points = u32::try_from(scrape.samples.len()).unwrap_or(u32::MAX);
        scrape
    }
}

/// A series for each thing that is told, with the labels of the target and the engine's name.
fn shape(rules: &SeriesRules, dialect: &Dialect) -> Shape {
    let mut labels: Labels = rules.target.clone();
    rules.add_external(&mut labels);
    labels.set(ENGINE_ATTRIBUTE, dialect.profile.name);
    let families = TOLD.iter().map(|metric| Family {
        name: metric.name.to_owned(),
        kind: match metric.kind {
            profile::Kind::Counter => Kind::Counter,
            _ => Kind::Gauge,
        },
        help: metric.description.to_owned(),
        unit: metric.unit.to_owned(),
    });
    shape_of(families, &labels, rules, true)
}
