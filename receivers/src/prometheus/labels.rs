//! A set of labels.

use std::collections::BTreeMap;

/// The name of a metric, as a label.
pub(super) const NAME: &str = "__name__";
/// Which scrape job a series comes from.
pub(super) const JOB: &str = "job";
/// Which target a series comes from.
pub(super) const INSTANCE: &str = "instance";

/// Where a target is, before relabelling and after it.
pub(super) const ADDRESS: &str = "__address__";

/// Labels by name. In Prometheus an empty label is the same as none, so there are no empty ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Labels(BTreeMap<String, String>);

impl Labels {
    /// The value of a label; empty for one that is not there.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Sets a label, or takes it away with an empty value.
    pub(super) fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        if value.is_empty() {
            self.0.remove(&name);
        } else {
            self.0.insert(name, value);
        }
    }

    /// Adds the labels of others that are not there yet.
    pub(super) fn add_missing(&mut self, others: &Self) {
        for (name, value) in others.iter() {
            if !self.0.contains_key(name) {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Takes a label away.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// Keeps the labels that a condition holds for.
    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| keep(name));
    }

    /// The labels in order of their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Labels {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(pairs: T) -> Self {
        let mut labels = Self::default();
        for (name, value) in pairs {
            labels.set(name, value);
        }
        labels
    }
}
