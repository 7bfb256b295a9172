//! What was read from one page.

use std::collections::HashMap;

use pipeline::payload::scrape::{OwnTime, Sample, ScrapedExemplar};

use super::super::exposition::LabelPairs;
use super::Untold;

/// The values of the page that was read last.
#[derive(Debug, Default)]
pub(super) struct PageValues {
    pub(super) samples: Vec<Sample>,
    pub(super) times: Vec<OwnTime>,
    pub(super) exemplars: Vec<ScrapedExemplar>,
    /// The last exemplar of a series that does not say when it was: the same on the next page is the same measurement.
    timeless: HashMap<u32, ScrapedExemplar>,
    /// By number of the point, in nanoseconds.
    pub(super) starts: Vec<u64>,
    pub(super) has_starts: bool,
    pub(super) points: u32,
    /// Histograms and summaries with a value.
    pub(super) compound: Vec<u32>,
    /// Samples of series that were not told before.
    pub(super) unseen: usize,
    /// Series with own times get a stale marker when they vanish.
    pub(super) tracks_times: bool,
    pub(super) untold: Untold,
}

impl PageValues {
    pub(super) fn clear(&mut self) {
        self.samples.clear();
        self.times.clear();
        self.exemplars.clear();
        self.compound.clear();
        (self.points, self.unseen) = (0, 0);
        self.untold = Untold::default();
    }

    pub(super) fn clear_starts(&mut self) {
        if std::mem::take(&mut self.has_starts) {
            self.starts.fill(0);
        }
    }

    /// Gives the index of the sample.
    #[inline]
    pub(super) fn add(&mut self, series: u32, value: f64, time: Option<i64>) -> u32 {
        let sample = u32::try_from(self.samples.len()).unwrap_or(u32::MAX);
        self.samples.push(Sample { series, value });
        if let Some(time) = time {
            self.times.push(OwnTime { sample, time });
        }
        sample
    }

    /// Adds an exemplar of the last sample, which is of this series.
    pub(super) fn exemplar(&mut self, series: u32, value: f64, time: Option<i64>, labels: LabelPairs<'_>) {
        let Some(sample) = self.samples.len().checked_sub(1) else {
            return;
        };
        let owned = labels
            .into_iter()
            .map(|(name, value)| (name.into_owned(), value.into_owned()));
        let exemplar = ScrapedExemplar {
            sample: u32::try_from(sample).unwrap_or(u32::MAX),
            value,
            time,
            labels: owned.collect(),
        };
        let is_same = |before: &ScrapedExemplar| before.value == value && before.labels == exemplar.labels;
        if time.is_none() && self.timeless.get(&series).is_some_and(is_same) {
            return;
        }
        self.exemplars.push(exemplar);
    }

    /// Remembers the exemplars without a time when they are told, and not before: a page may be read twice.
    pub(super) fn note_timeless(&mut self) {
        for exemplar in self.exemplars.iter().filter(|exemplar| exemplar.time.is_none()) {
            if let Some(sample) = self.samples.get(exemplar.sample as usize) {
                self.timeless.insert(sample.series, exemplar.clone());
            }
        }
    }

    /// Since when a point counts; the first that says it counts.
    pub(super) fn start(&mut self, point: u32, seconds: f64) {
        if let Some(start) = self.starts.get_mut(point as usize).filter(|start| **start == 0)
            && seconds > 0.0
            && seconds.is_finite()
        {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Positive, and too much saturates.
            let nanoseconds = (seconds * 1e9) as u64;
            *start = nanoseconds;
            self.has_starts = true;
        }
    }
}
