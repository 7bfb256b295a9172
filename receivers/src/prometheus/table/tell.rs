//! From the samples of a page to a scrape: what has ended is added, what makes no point is left out.

use std::collections::HashMap;
use std::sync::Arc;

use pipeline::payload::scrape::{OwnTime, Part, STALE, Sample, Scrape};

use super::Table;
use super::fitness::{Fitness, Unfit};

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

impl Table {
    /// Tells the values of the page that was read last, and the end of every series that is not on it. Times are in
    /// milliseconds.
    pub(in super::super) fn tell(&mut self, now: i64) -> (Scrape, Untold) {
        self.leave_out_unfit();
        if !self.further.is_empty() {
            self.tell_further();
        }
        let is_as_before = self.page.unseen == 0 && self.told == Some(self.page.samples.len());
        if !is_as_before {
            self.end_what_is_gone();
        }
        let page = &mut self.page;
        page.note_timeless();
        let mut scrape = Scrape::new(Arc::clone(&self.shape), now);
        let room = Vec::with_capacity(page.samples.len());
        scrape.samples = std::mem::replace(&mut page.samples, room);
        scrape.times = std::mem::take(&mut page.times);
        scrape.exemplars = std::mem::take(&mut page.exemplars);
        if page.has_starts {
            scrape.starts.clone_from(&page.starts);
        }
        scrape.points = page.points;
        (scrape, std::mem::take(&mut page.untold))
    }

    /// Tells the end of every series: the target did not answer, or is gone. Afterwards nothing is known.
    pub(in super::super) fn end_all(&mut self, now: i64) -> Scrape {
        self.page.clear();
        self.turn += 1;
        self.end_what_is_gone();
        let mut scrape = Scrape::new(Arc::clone(&self.shape), now);
        scrape.samples = std::mem::take(&mut self.page.samples);
        scrape.points = self.page.points;
        self.forget_all();
        scrape
    }

    /// Tells what the series of this page tell further.
    fn tell_further(&mut self) {
        let (turn, series) = (self.turn, &self.series);
        let is_seen = |number: u32| series.get(number as usize).is_some_and(|state| state.seen == turn);
        for one in self.further.of_page(is_seen) {
            let (Some(to), Some(from)) = (one.to, self.series.get(one.from as usize).copied()) else {
                continue;
            };
            let Some(state) = self.series.get_mut(to as usize).filter(|state| state.seen != turn) else {
                continue;
            };
            state.seen = turn;
            let value = self
                .page
                .samples
                .get(from.sample as usize)
                .map(|sample| one.value(sample.value));
            let time = self
                .page
                .times
                .binary_search_by_key(&from.sample, |own| own.sample)
                .ok();
            let time = time.and_then(|at| self.page.times.get(at)).map(|own| own.time);
            if let Some(value) = value {
                self.place_value(to, value, time);
                self.copy_start(one.from, to);
            }
        }
    }

    /// What is told further counts since when its origin does.
    fn copy_start(&mut self, from: u32, to: u32) {
        let point = |series: u32| {
            self.shape
                .series()
                .get(series as usize)
                .map(|series| series.point as usize)
        };
        let (Some(from), Some(to)) = (point(from), point(to)) else {
            return;
        };
        let start = self.page.starts.get(from).copied().unwrap_or_default();
        if let Some(place) = self.page.starts.get_mut(to) {
            *place = start;
        }
    }

    /// Adds a marker for every series that had a value before and has none now, and notes those that have one.
    fn end_what_is_gone(&mut self) {
        let (turn, page) = (self.turn, &mut self.page);
        let values = page.samples.len();
        for (number, state) in self.series.iter_mut().enumerate() {
            if state.seen == turn {
                continue;
            }
            if std::mem::take(&mut state.is_told) {
                let series = u32::try_from(number).unwrap_or(u32::MAX);
                page.samples.push(Sample { series, value: STALE });
            }
        }
        for sample in page.samples.get(..values).unwrap_or_default() {
            if let Some(state) = self.series.get_mut(sample.series as usize) {
                state.is_told = true;
                // A page that was read by its pattern has begun none, and its points are counted already.
                if let Some(fitness) = self.points.get_mut(state.point as usize) {
                    fitness.begin(turn);
                }
            }
        }
        for sample in page.samples.get(values..).unwrap_or_default() {
            let Some(series) = self.shape.series().get(sample.series as usize) else {
                continue;
            };
            page.points += match series.part {
                Part::Resource => 0,
                Part::Value => 1,
                _ => {
                    let fitness = self.points.get_mut(series.point as usize);
                    u32::from(fitness.is_some_and(|fitness| fitness.begin(turn)))
                }
            };
        }
        for OwnTime { sample, .. } in page.times.iter().filter(|_| !page.tracks_times) {
            let sample = page.samples.get(*sample as usize);
            if let Some(state) = sample.and_then(|sample| self.series.get_mut(sample.series as usize)) {
                state.is_told = false;
            }
        }
        self.told = Some(self.series.iter().filter(|state| state.is_told).count());
        self.is_as_arrived = false;
    }

    /// Leaves out the parts of points that are none, as if they were not on the page: their series end.
    fn leave_out_unfit(&mut self) {
        let mut buckets = self.unordered_buckets();
        let mut unfit = HashMap::new();
        for point in &self.page.compound {
            let fitness = self.points.get(*point as usize);
            let why = fitness.and_then(|fitness| fitness.judge(|| buckets.remove(point).unwrap_or_default()));
            unfit.extend(why.map(|why| (*point, why)));
        }
        self.leave_out(&unfit);
    }

    /// Bounds with counts of histograms whose bounds do not rise from line to line. They are gathered in one go: a page
    /// may have a hundred thousand of them.
    fn unordered_buckets(&self) -> HashMap<u32, Vec<(f64, f64)>> {
        let is_unordered = |point: &&u32| self.points.get(**point as usize).is_some_and(Fitness::is_unordered);
        let unordered = self.page.compound.iter().filter(is_unordered);
        let mut buckets: HashMap<u32, Vec<(f64, f64)>> = unordered.map(|point| (*point, Vec::new())).collect();
        if buckets.is_empty() {
            return buckets;
        }
        for sample in &self.page.samples {
            if let Some(series) = self.shape.series().get(sample.series as usize)
                && let Part::Bucket(bound) = series.part
                && bound != f64::INFINITY
                && let Some(of_point) = buckets.get_mut(&series.point)
            {
                of_point.push((bound, sample.value));
            }
        }
        buckets
    }

    fn leave_out(&mut self, unfit: &HashMap<u32, Unfit>) {
        if unfit.is_empty() {
            return;
        }
        let (page, shape) = (&mut self.page, &self.shape);
        unfit.values().for_each(|why| page.untold.add(*why));
        page.points = page
            .points
            .saturating_sub(u32::try_from(unfit.len()).unwrap_or(u32::MAX));
        page.unseen += 1; // What is told has to be looked at.
        for point in unfit.keys() {
            if let Some(fitness) = self.points.get_mut(*point as usize) {
                *fitness = Fitness::default();
            }
        }
        let is_fit = |sample: &Sample| {
            let series = shape.series().get(sample.series as usize);
            series.is_none_or(|series| !unfit.contains_key(&series.point))
        };
        // New places of the samples that stay.
        let mut stay = 0;
        let places: Vec<Option<u32>> = page
            .samples
            .iter()
            .map(|sample| {
                is_fit(sample).then(|| {
                    stay += 1;
                    stay - 1
                })
            })
            .collect();
        for sample in page.samples.iter().filter(|sample| !is_fit(sample)) {
            if let Some(state) = self.series.get_mut(sample.series as usize) {
                state.seen = 0;
            }
        }
        let place = |old: u32| places.get(old as usize).copied().flatten();
        page.samples.retain(is_fit);
        for (at, sample) in (0_u32..).zip(&page.samples) {
            if let Some(state) = self.series.get_mut(sample.series as usize) {
                state.sample = at;
            }
        }
        page.times
            .retain_mut(|own| place(own.sample).map(|new| own.sample = new).is_some());
        page.exemplars
            .retain_mut(|kept| place(kept.sample).map(|new| kept.sample = new).is_some());
    }
}
