//! Names of series that were made for UTF-8, in the characters that remote write 1.0 allows.

use std::collections::{HashMap, HashSet};

use super::kept::NOT_KEPT;
use super::labels::NAME;
use super::losses::Loss;
use super::span::Span;
use super::symbols::{Ref, Symbols};
use super::table::Table;
use crate::prometheus_names::{Underscores, legacy_label_name, legal_metric_name};

impl Table {
    /// Renames everything that classic Prometheus does not know. Series keep their numbers; of two that become the same,
    /// the later is dropped and its points are lost.
    pub(crate) fn make_legal(&mut self, underscores: Underscores) {
        let name = self.symbols.intern(NAME);
        let mut legal = Legal {
            names: HashMap::new(),
            underscores,
        };
        let mut labels = Vec::with_capacity(self.labels.len());
        let mut seen: HashSet<Vec<(Ref, Ref)>> = HashSet::new();
        let mut losers = Vec::new();
        self.kept.spoil();
        for series in &mut self.series {
            series.kept = NOT_KEPT;
            let old = self.labels.get(series.labels.range()).unwrap_or_default();
            let new = legal.labels(old, name, &mut self.symbols);
            series.labels = Span::from(labels.len()..labels.len() + new.len());
            labels.extend_from_slice(&new);
            series.is_dropped = !seen.insert(new);
            if series.is_dropped {
                losers.push((series.is_native, series.values));
            }
        }
        for exemplar in &mut self.exemplars {
            let old = self.labels.get(exemplar.labels.range()).unwrap_or_default();
            let new = legal.labels(old, name, &mut self.symbols);
            exemplar.labels = Span::from(labels.len()..labels.len() + new.len());
            labels.extend_from_slice(&new);
        }
        for family in &mut self.families {
            let text = legal_metric_name(self.symbols.text(family.name));
            family.name = self.symbols.intern(&text);
        }
        self.labels = labels;
        for (is_native, values) in losers {
            for at in values.range() {
                let point = if is_native {
                    self.histograms.get(at).map(|it| it.point)
                } else {
                    self.samples.get(at).map(|it| it.point)
                };
                if let Some(point) = point {
                    self.losses.lose_for(point, Loss::Duplicate);
                }
            }
        }
    }
}

/// Legal names that were found already.
struct Legal {
    names: HashMap<Ref, Ref>,
    underscores: Underscores,
}

impl Legal {
    /// Legal labels, sorted; values of labels that become one are joined with `;`.
    fn labels(&mut self, old: &[(Ref, Ref)], name: Ref, symbols: &mut Symbols) -> Vec<(Ref, Ref)> {
        let mut new: Vec<(Ref, Ref)> = Vec::with_capacity(old.len());
        for (label, value) in old.iter().copied() {
            if label == name {
                let text = legal_metric_name(symbols.text(value));
                new.push((label, symbols.intern(&text)));
                continue;
            }
            let legal = self.name(label, symbols);
            match new.iter().position(|(known, _)| *known == legal) {
                Some(at) => {
                    if let Some((_, first)) = new.get_mut(at) {
                        let joined = format!("{};{}", symbols.text(*first), symbols.text(value));
                        *first = symbols.intern(&joined);
                    }
                }
                None => new.push((legal, value)),
            }
        }
        new.sort_unstable_by(|(a, _), (b, _)| symbols.text(*a).cmp(symbols.text(*b)));
        new
    }

    fn name(&mut self, label: Ref, symbols: &mut Symbols) -> Ref {
        if let Some(legal) = self.names.get(&label) {
            return *legal;
        }
        let text = legacy_label_name(symbols.text(label), self.underscores).0.into_owned();
        let legal = symbols.intern(&text);
        self.names.insert(label, legal);
        legal
    }
}
