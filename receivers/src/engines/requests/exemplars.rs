//! Exemplars for the engine's own histograms: the trace of a request that was counted in a bucket.

use std::sync::Arc;

use pipeline::context::engine_requests::{Instance, Kept, Role};
use pipeline::payload::scrape::{Scrape, ScrapedExemplar};

use super::roles::{Histogram, Places, Roles};

/// Gives each bucket the newest request that fits and is newer than the one that it was given before: Prometheus takes
/// no exemplar that is older than the last one of its series.
#[derive(Debug)]
pub(super) struct Exemplars {
    /// The newest that was given to any series that is no longer known, in milliseconds since 1970.
    floor: i64,
    /// The newest that was given at all.
    newest: i64,
    /// Filled anew for every role.
    kept: Vec<Kept>,
}

impl Default for Exemplars {
    fn default() -> Self {
        Self {
            floor: i64::MIN,
            newest: i64::MIN,
            kept: Vec::new(),
        }
    }
}

impl Exemplars {
    /// The series have other numbers from now on, and nobody knows what was given to each.
    pub(super) fn start_anew(&mut self) {
        self.floor = self.newest;
    }

    /// Adds exemplars to a page. False where spans could not be used because a role has several series that count.
    pub(super) fn attach(
        &mut self,
        scrape: &mut Scrape,
        roles: &mut Roles,
        instances: &[Arc<Instance>],
        places: &mut Places,
    ) -> bool {
        let own = scrape.exemplars.len();
        let mut is_certain = true;
        for role in Role::ALL {
            self.kept.clear();
            instances.iter().for_each(|it| it.kept(role, &mut self.kept));
            match roles.in_use(role, &scrape.samples, places) {
                Ok(Some(histogram)) => self.fill(histogram, scrape, own, places),
                Ok(None) => {}
                Err(_) => is_certain &= self.kept.is_empty(),
            }
        }
        // Those of a scrape are in the order of the samples.
        scrape.exemplars.sort_by_key(|exemplar| exemplar.sample);
        is_certain
    }

    /// Fills the buckets of a histogram. The page itself has so many exemplars, which stand in front.
    fn fill(&mut self, histogram: &mut Histogram, scrape: &mut Scrape, own: usize, places: &mut Places) {
        // The newest comes first, so that the first that fits is the one that is wanted.
        self.kept.sort_unstable_by_key(|kept| std::cmp::Reverse(kept.end));
        for kept in &self.kept {
            let value = histogram.in_unit(kept.duration);
            let time = i64::try_from(kept.end / 1_000_000).unwrap_or(i64::MAX);
            let Some(at) = histogram.bucket_of(value) else { continue };
            let Some(bucket) = histogram.buckets.get_mut(at) else {
                continue;
            };
            if time <= bucket.told.max(self.floor) {
                continue;
            }
            let Some(sample) = bucket.sample(&scrape.samples, places) else {
                continue;
            };
            let of_page = scrape.exemplars.get(..own).unwrap_or_default();
            if let Some(of_page) = of_page.iter().find(|exemplar| exemplar.sample == sample) {
                bucket.told = of_page.time.unwrap_or(scrape.time).max(bucket.told);
                continue;
            }
            bucket.told = time;
            self.newest = self.newest.max(time);
            scrape.exemplars.push(ScrapedExemplar {
                sample,
                value,
                time: Some(time),
                labels: vec![
                    ("trace_id".to_owned(), kept.trace_id.to_string()),
                    ("span_id".to_owned(), kept.span_id.to_string()),
                ],
            });
        }
    }
}
