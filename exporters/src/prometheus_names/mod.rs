//! OpenTelemetry names as Prometheus names.
//!
//! Shared by everything that speaks Prometheus. The rules are those of the compatibility document ("Prometheus and
//! OpenMetrics Compatibility"); where the Collector's exporters differ, the default is the Collector's, because
//! dashboards were built on its output.

mod label;
mod metric;
#[cfg(test)]
mod tests;
mod unit;

use serde::Deserialize;

pub(crate) use label::{label_name, legacy_label_name};
pub(crate) use metric::legal_metric_name;
pub(crate) use unit::unit_word;

/// How names are translated; the values are the Collector's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(crate) enum Strategy {
    /// Every character that classic Prometheus does not know becomes `_`; unit and type are appended.
    #[default]
    UnderscoreEscapingWithSuffixes,
    /// The same without unit and type.
    UnderscoreEscapingWithoutSuffixes,
    /// Characters stay as they are; unit and type are appended.
    NoUTF8EscapingWithSuffixes,
    /// Names stay as they are.
    NoTranslation,
}

impl Strategy {
    /// Whether names may hold what classic Prometheus does not know.
    pub(crate) fn keeps_utf8(self) -> bool {
        matches!(self, Self::NoUTF8EscapingWithSuffixes | Self::NoTranslation)
    }
}

/// What runs of characters that a label name cannot have become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Underscores {
    /// One `_` for each, as the Collector's exporters do.
    #[default]
    Kept,
    /// One `_` for all, as the compatibility document says.
    Collapsed,
}

/// What decides about a metric's suffix beside its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Gets `_ratio` for the unit `1`.
    Gauge,
    /// Gets `_total`.
    Counter,
    /// Everything else.
    Other,
}

/// The translation that a configuration asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Names {
    pub(crate) strategy: Strategy,
    pub(crate) underscores: Underscores,
    /// In front of every metric name; empty for none.
    pub(crate) namespace: String,
}

impl Names {
    /// As both exporters to Prometheus are configured; `translation_strategy` says more than `add_metric_suffixes`.
    pub(crate) fn configured(
        translation_strategy: Option<Strategy>,
        add_metric_suffixes: Option<bool>,
        collapse_underscores: bool,
        namespace: &str,
    ) -> Self {
        let strategy = match (translation_strategy, add_metric_suffixes) {
            (Some(strategy), _) => strategy,
            (None, Some(false)) => Strategy::UnderscoreEscapingWithoutSuffixes,
            (None, _) => Strategy::default(),
        };
        let underscores = if collapse_underscores {
            Underscores::Collapsed
        } else {
            Underscores::Kept
        };
        Self {
            strategy,
            underscores,
            namespace: namespace.to_owned(),
        }
    }
}

/// A translated name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Translated {
    pub(crate) name: String,
    /// Nothing of the name was left, so it is written in hexadecimal.
    pub(crate) is_fallback: bool,
}

/// The name in hexadecimal behind a word, for a name that has no legal character: the data is kept, and two such names
/// stay two.
fn fallback(word: &str, name: &str) -> Translated {
    use std::fmt::Write;
    let mut text = format!("{word}_");
    for byte in name.as_bytes() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Translated {
        name: text,
        is_fallback: true,
    }
}
