//! What of a batch does not become series, and why.

/// Why a data point, or a part of one, is not in the series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Loss {
    /// A delta that cannot be accumulated, or no temporality at all.
    Temporality,
    /// More streams of deltas than are remembered.
    TooManyStreams,
    /// A delta with more buckets than a stream can hold.
    TooManyBuckets,
    /// A delta that lies before what was accumulated.
    OutOfOrder,
    /// Buckets that contradict each other.
    InvalidHistogram,
    /// An exponential histogram coarser than Prometheus knows.
    Scale,
    /// No value, and no flag that says so.
    NoValue,
    /// Another value of the same series at the same time.
    Duplicate,
    /// A series that is a number here and a native histogram there.
    Conflict,
}

impl Loss {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Temporality => "unsupported_temporality",
            Self::TooManyStreams => "too_many_streams",
            Self::TooManyBuckets => "too_many_buckets",
            Self::OutOfOrder => "out_of_order",
            Self::InvalidHistogram => "invalid_histogram",
            Self::Scale => "unsupported_scale",
            Self::NoValue => "no_value",
            Self::Duplicate => "duplicate",
            Self::Conflict => "type_conflict",
        }
    }
}

/// Which data points are lost, whole or in part, and what else did not go as written.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    /// One for each data point, and for every point that a scrape might have had.
    lost: Vec<bool>,
    points: u64,
    pub(crate) reasons: Vec<(Loss, u64)>,
    /// The same value of a series twice: nothing is lost.
    pub(crate) repeated: u64,
    /// Names of which nothing was left but hexadecimal.
    pub(crate) fallback_names: u64,
    /// Attributes whose label is needed for something else.
    pub(crate) overwritten_labels: u64,
    /// Exemplars that lost their attributes because all labels together were too long.
    pub(crate) cut_exemplars: u64,
}

impl Losses {
    /// Begins the next data point.
    pub(crate) fn next_point(&mut self) -> u32 {
        self.lost.push(false);
        self.points += 1;
        (self.lost.len() - 1) as u32
    }

    /// Begins the points of a scrape: `all` may be, `told` are. Gives the number of the first.
    pub(super) fn begin_scrape(&mut self, all: usize, told: u32) -> u32 {
        let first = self.lost.len() as u32;
        self.lost.resize(self.lost.len() + all, false);
        self.points += u64::from(told);
        first
    }

    /// Something of this point will not arrive. True if it was whole until now.
    pub(crate) fn lose(&mut self, point: u32) -> bool {
        self.lost
            .get_mut(point as usize)
            .is_some_and(|lost| !std::mem::replace(lost, true))
    }

    /// The same, with the reason to be counted.
    pub(crate) fn lose_for(&mut self, point: u32, loss: Loss) {
        self.lose(point);
        match self.reasons.iter_mut().find(|(known, _)| *known == loss) {
            Some((_, count)) => *count += 1,
            None => self.reasons.push((loss, 1)),
        }
    }

    /// Points of which something is lost.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.iter().filter(|lost| **lost).count() as u64
    }

    /// Points of which nothing is lost and that are not among these.
    pub(crate) fn whole_without(&self, others: impl Iterator<Item = u32>) -> u64 {
        let mut lost = self.lost.clone();
        for point in others {
            if let Some(lost) = lost.get_mut(point as usize) {
                *lost = true;
            }
        }
        let lost = lost.iter().filter(|lost| **lost).count() as u64;
        self.points.saturating_sub(lost)
    }

    /// All points.
    pub(crate) fn points(&self) -> u64 {
        self.points
    }
}
