//! What happens to every series of one target.

use std::sync::Arc;

use super::labels::Labels;
use super::relabel::Rule;
use crate::engines::profile::Dialect;

/// What happens to every series of one target, before it is looked at.
#[derive(Debug, Clone)]
pub(super) struct SeriesRules {
    /// The labels of the target, `job` and `instance` among them.
    pub(super) target: Labels,
    /// What its resource says beside them.
    pub(super) resource: Labels,
    /// `http` or `https`.
    pub(super) scheme: &'static str,
    /// Whether the page's labels win over the target's.
    pub(super) honor_labels: bool,
    /// Whether the page's timestamps count.
    pub(super) honor_timestamps: bool,
    /// Whether a series with its own timestamps is told to be stale when it vanishes.
    pub(super) track_timestamps: bool,
    /// `metric_relabel_configs`, shared by all targets of a job.
    pub(super) relabel: Arc<[Rule]>,
    /// Labels for series that do not have them.
    pub(super) external: Arc<Labels>,
    /// `sample_limit`; 0 for none, as with the others.
    pub(super) samples_max: u64,
    /// `label_limit`.
    pub(super) labels_max: u64,
    /// `label_name_length_limit`.
    pub(super) name_bytes_max: u64,
    /// `label_value_length_limit`.
    pub(super) value_bytes_max: u64,
    /// What the metrics mean, where the engine is known.
    pub(super) dialect: Option<Dialect>,
}

impl SeriesRules {
    /// Gives a page's labels those of the target. Where both have one, the page's is kept under another name, or wins.
    pub(super) fn merge(&self, labels: &mut Labels) {
        for (name, value) in self.target.iter() {
            let own = labels.get(name);
            if own.is_empty() {
                labels.set(name, value);
            } else if !self.honor_labels {
                let own = own.to_owned();
                let mut exported = format!("exported_{name}");
                // Prometheus goes on until the name is free.
                while !labels.get(&exported).is_empty() || !self.target.get(&exported).is_empty() {
                    exported.insert_str(0, "exported_");
                }
                labels.set(exported, own);
                labels.set(name, value);
            }
        }
    }

    /// Adds the external labels.
    pub(super) fn add_external(&self, labels: &mut Labels) {
        labels.add_missing(&self.external);
    }

    /// What is wrong with the labels of a series, name included.
    pub(super) fn check(&self, labels: &Labels) -> Result<(), String> {
        let beyond = |length: usize, limit: u64| limit > 0 && length as u64 > limit;
        let name = labels.get(super::labels::NAME);
        if beyond(labels.len(), self.labels_max) {
            return Err(format!(
                "a series of {name} has {} labels; label_limit is {}",
                labels.len(),
                self.labels_max
            ));
        }
        for (key, value) in labels.iter() {
            if beyond(key.len(), self.name_bytes_max) {
                return Err(format!(
                    "a label name of {name} has {} bytes; label_name_length_limit is {}",
                    key.len(),
                    self.name_bytes_max
                ));
            }
            if beyond(value.len(), self.value_bytes_max) {
                return Err(format!(
                    "the label {key} of {name} has {} bytes; label_value_length_limit is {}",
                    value.len(),
                    self.value_bytes_max
                ));
            }
        }
        Ok(())
    }
}
