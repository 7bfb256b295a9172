//! The labels of one series while they are put together.

use pipeline::payload::Value;

use super::losses::Losses;
use super::symbols::{Ref, Symbols};
use super::text::push_value;
use crate::prometheus_names::{Names, label_name};

pub(super) const NAME: &str = "__name__";

/// Labels by name; each name is there once.
#[derive(Debug, Default, Clone)]
pub(super) struct LabelSet {
    pub(super) labels: Vec<(Ref, Ref)>,
}

impl LabelSet {
    /// Sets a label, whatever it was; an empty value is no label.
    pub(super) fn set(&mut self, name: Ref, value: Ref) {
        match self.labels.iter().position(|(known, _)| *known == name) {
            Some(at) if value == 0 => {
                self.labels.swap_remove(at);
            }
            Some(at) => {
                if let Some((_, old)) = self.labels.get_mut(at) {
                    *old = value;
                }
            }
            None if value == 0 => {}
            None => self.labels.push((name, value)),
        }
    }

    pub(super) fn has(&self, name: Ref) -> bool {
        self.labels.iter().any(|(known, _)| *known == name)
    }

    /// Sorted by name, bytewise.
    pub(super) fn sort(&mut self, symbols: &Symbols) {
        self.labels
            .sort_unstable_by(|(a, _), (b, _)| symbols.text(*a).cmp(symbols.text(*b)));
    }

    /// Replaces the value of a label that is there.
    pub(super) fn replace(&mut self, name: Ref, value: Ref) {
        if let Some((_, old)) = self.labels.iter_mut().find(|(known, _)| *known == name) {
            *old = value;
        }
    }
}

/// Attributes on their way to labels: sorted by key, the first of several with one key.
#[derive(Debug, Default)]
pub(super) struct AttributeLabels {
    text: String,
}

impl AttributeLabels {
    /// Adds the attributes as labels. Keys that become the same label have their values joined with `;`, in the order of
    /// the keys (compatibility document, "Metric Attributes").
    pub(super) fn add(
        &mut self,
        attributes: &mut Vec<(&str, Value<'_>)>,
        set: &mut LabelSet,
        symbols: &mut Symbols,
        names: &Names,
        losses: &mut Losses,
    ) {
        attributes.sort_by_key(|(key, _)| *key);
        attributes.dedup_by_key(|(key, _)| *key);
        let before = set.labels.len();
        for (key, value) in attributes.iter() {
            let (label, is_fallback) = label_name(names, key);
            self.text.clear();
            push_value(&mut self.text, value);
            if self.text.is_empty() {
                continue; // Prometheus takes an empty value for no label.
            }
            if label == NAME {
                losses.overwritten_labels += 1;
                continue;
            }
            losses.fallback_names += u64::from(is_fallback);
            let name = symbols.intern(&label);
            let own = set.labels.get(before..).unwrap_or_default();
            let joined = own.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
            if let Some(first) = joined {
                let text = format!("{};{}", symbols.text(first), self.text);
                let value = symbols.intern(&text);
                set.replace(name, value);
            } else {
                let value = symbols.intern(&self.text);
                set.set(name, value);
            }
        }
    }
}
