//! The series of a batch as others read them: texts instead of numbers of symbols.

use super::labels::NAME;
use super::native::NativeHistogram;
use super::table::{FamilyKind, Sample, Series, Table};

/// What is said about all series of one metric.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FamilyView<'t> {
    pub(crate) name: &'t str,
    pub(crate) help: &'t str,
    /// As OTLP writes it.
    pub(crate) unit: &'t str,
    pub(crate) kind: FamilyKind,
}

/// A series that has values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SeriesView<'t> {
    table: &'t Table,
    series: &'t Series,
}

/// The values of a series, in the order of their times.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Values<'t> {
    Numbers(&'t [Sample]),
    Natives(&'t [NativeHistogram]),
}

/// A measurement with the trace in which it was made.
#[derive(Debug, Clone)]
pub(crate) struct ExemplarView<'t> {
    /// Sorted by name.
    pub(crate) labels: Vec<(&'t str, &'t str)>,
    pub(crate) value: f64,
    /// Milliseconds since 1970.
    pub(crate) time: i64,
}

impl Table {
    /// The series that have values, once [`Table::finish`] has run.
    pub(crate) fn views(&self) -> impl Iterator<Item = SeriesView<'_>> {
        let with_values = self.series.iter().filter(|series| !series.values.is_empty());
        with_values.map(|series| SeriesView { table: self, series })
    }
}

impl<'t> SeriesView<'t> {
    /// The metric that it belongs to.
    pub(crate) fn family(&self) -> Option<FamilyView<'t>> {
        let family = self.table.families.get(self.series.family as usize)?;
        let symbols = &self.table.symbols;
        Some(FamilyView {
            name: symbols.text(family.name),
            help: symbols.text(family.help),
            unit: symbols.text(family.unit),
            kind: family.kind,
        })
    }

    /// The metric's name with the suffix of this series, such as `_bucket`.
    pub(crate) fn name(&self) -> &'t str {
        let mut labels = self.all_labels();
        labels.find(|(name, _)| *name == NAME).map_or("", |(_, value)| value)
    }

    /// Labels without the name, sorted.
    pub(crate) fn labels(&self) -> impl Iterator<Item = (&'t str, &'t str)> {
        self.all_labels().filter(|(name, _)| *name != NAME)
    }

    pub(crate) fn values(&self) -> Values<'t> {
        let values = self.series.values.range();
        if self.series.is_native {
            Values::Natives(self.table.histograms.get(values).unwrap_or_default())
        } else {
            Values::Numbers(self.table.samples.get(values).unwrap_or_default())
        }
    }

    /// In the order of their times.
    pub(crate) fn exemplars(&self) -> impl Iterator<Item = ExemplarView<'t>> {
        let table = self.table;
        let own = table.exemplars.get(self.series.exemplars.range()).unwrap_or_default();
        own.iter().map(|exemplar| ExemplarView {
            labels: table.texts(table.labels_at(exemplar)).collect(),
            value: exemplar.value,
            time: exemplar.time,
        })
    }

    fn all_labels(&self) -> impl Iterator<Item = (&'t str, &'t str)> {
        self.table.texts(self.table.labels_of(self.series))
    }
}

impl Table {
    fn texts<'t>(&'t self, labels: &'t [(u32, u32)]) -> impl Iterator<Item = (&'t str, &'t str)> {
        let text = |at| self.symbols.text(at);
        labels.iter().map(move |(name, value)| (text(*name), text(*value)))
    }
}
