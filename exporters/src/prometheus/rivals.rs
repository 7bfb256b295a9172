//! Metrics whose series would have the same names.

use super::store::Store;
use crate::prometheus_series::FamilyKind;

/// What is behind the name of a metric in the names of its series.
fn suffixes(kind: FamilyKind) -> &'static [&'static str] {
    match kind {
        FamilyKind::Histogram => &["_bucket", "_count", "_sum"],
        FamilyKind::GaugeHistogram => &["_bucket", "_count", "_sum", "_gcount", "_gsum"],
        FamilyKind::Summary => &["_count", "_sum"],
        _ => &[],
    }
}

impl Store {
    /// The metric that has a series whose name a metric of this name and kind would have as well.
    pub(super) fn rival(&self, name: &str, kind: FamilyKind) -> Option<String> {
        let of_ours = suffixes(kind).iter().map(|suffix| format!("{name}{suffix}"));
        let mut taken = of_ours.filter(|series| self.families.contains_key(series.as_str()));
        taken.next().or_else(|| self.owner(name).map(str::to_owned))
    }

    /// Whether a metric of that name, or a series of one, is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.families.contains_key(name) || self.owner(name).is_some()
    }

    /// The metric that has a series of this name with a suffix.
    fn owner<'n>(&self, series: &'n str) -> Option<&'n str> {
        let (at, _) = series.char_indices().rfind(|(_, letter)| *letter == '_')?;
        let (name, suffix) = series.split_at(at);
        let family = self.families.get(name)?;
        suffixes(family.kind).contains(&suffix).then_some(name)
    }
}
