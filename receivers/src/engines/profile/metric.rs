//! Metrics in the words of all engines.

/// What a family is, on the page and in OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A value that only grows: a monotonic cumulative sum.
    Counter,
    /// A histogram with the page's own buckets.
    Histogram,
    /// Quantiles. They cannot be merged, so no metric of all engines is one.
    Summary,
}

impl Kind {
    /// As in Prometheus.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        }
    }

    /// A name as tables have it: counters without `_total`, which not all engines write.
    pub(super) fn without_suffix(self, name: &str) -> &str {
        match self {
            Self::Counter => name.strip_suffix("_total").unwrap_or(name),
            _ => name,
        }
    }
}

/// A metric that says the same for all engines that have it.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name in OTLP.
    pub name: &'static str,
    /// Its unit, in UCUM.
    pub unit: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// What it is called among people who run engines.
    pub role: &'static str,
    /// What it says, in one sentence.
    pub description: &'static str,
}

/// The way from a unit to another. Divisors stay divisors: `9 / 1000` is 0.009 and `9 * 0.001` is not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scale {
    /// The same unit.
    One,
    /// Into a smaller one.
    Times(f64),
    /// Into a larger one.
    Per(f64),
}

impl Scale {
    /// A value, a sum or a bound in the other unit. Infinity, NaN and zero stay what they are.
    pub fn apply(self, value: f64) -> f64 {
        match self {
            Self::One => value,
            Self::Times(factor) => value * factor,
            Self::Per(divisor) => value / divisor,
        }
    }

    /// The way back.
    pub fn undo(self, value: f64) -> f64 {
        match self {
            Self::One => value,
            Self::Times(factor) => value / factor,
            Self::Per(divisor) => value * divisor,
        }
    }
}
