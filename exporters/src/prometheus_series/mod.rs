//! Metrics as the series of Prometheus, in one pass over the views: what both exporters to Prometheus share.

mod exemplar;
mod histogram;
mod kept;
mod labels;
mod legacy;
mod losses;
mod native;
mod options;
mod points;
mod read;
mod resource;
mod scrape;
mod span;
mod streams;
mod symbols;
mod table;
mod text;
mod translate;

pub(crate) use kept::{HeadWriter, KeptHead};
pub(crate) use losses::Losses;
pub(crate) use native::{Buckets, NativeHistogram, Shape, ZERO_THRESHOLD};
pub(crate) use options::{ConstantLabels, Conversion, DeltaToCumulative};
pub(crate) use read::{ExemplarView, FamilyView, SeriesView, Values};
pub(crate) use span::Span;
pub(crate) use symbols::{Ref, Symbols};
pub(crate) use table::{Family, FamilyKind, NO_POINT, STALE, Sample, Series, Stamp, Table};
pub(crate) use text::bound;
pub(crate) use translate::Translator;

use std::time::Duration;

use crate::prometheus_names::Names;

/// How metrics become series.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Settings {
    pub(crate) names: Names,
    /// Added to every series that does not have them; names are made legal.
    pub(crate) external_labels: Vec<(String, String)>,
    /// Resource attributes that become labels of every series.
    pub(crate) promoted: Promotion,
    pub(crate) has_target_info: bool,
    pub(crate) has_scope_labels: bool,
    /// Histograms with explicit bounds become native ones with custom buckets.
    pub(crate) to_native: bool,
    /// And stay classic ones as well.
    pub(crate) keeps_classic: bool,
    pub(crate) streams_max: usize,
    pub(crate) stale_after: Duration,
}

/// Which resource attributes become labels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Promotion {
    /// Patterns with `*` and `?`.
    pub(crate) included: Vec<String>,
    pub(crate) excluded: Vec<String>,
}

impl Promotion {
    pub(crate) fn takes(&self, key: &str) -> bool {
        let any = |patterns: &[String]| {
            patterns
                .iter()
                .any(|pattern| matches(pattern.as_bytes(), key.as_bytes()))
        };
        any(&self.included) && !any(&self.excluded)
    }
}

/// Whether a text fits a pattern in which `*` stands for any text and `?` for one byte.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern_at, mut text_at) = (0, 0);
    // Where to go on when the text after the last `*` turned out not to fit.
    let mut retry: Option<(usize, usize)> = None;
    while text_at < text.len() {
        match pattern.get(pattern_at) {
            Some(b'*') => {
                retry = Some((pattern_at + 1, text_at));
                pattern_at += 1;
            }
            Some(letter) if *letter == b'?' || text.get(text_at) == Some(letter) => {
                pattern_at += 1;
                text_at += 1;
            }
            _ => {
                let Some((after_star, from)) = retry else { return false };
                retry = Some((after_star, from + 1));
                (pattern_at, text_at) = (after_star, from + 1);
            }
        }
    }
    pattern.iter().skip(pattern_at).all(|letter| *letter == b'*')
}
