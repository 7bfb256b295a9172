//! A target as it is found, before relabelling.

use std::sync::Arc;

use super::super::config::TargetGroup;
use super::super::labels::{ADDRESS, Labels};

/// A target before relabelling.
///
/// Labels that several targets have are there once: a list may have a hundred thousand targets, and in a cluster each
/// has dozens of labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Found {
    /// The labels of this target alone; its address is one of them.
    own: Labels,
    /// Those of what it belongs to. Where several have a label, the first counts, and the target's own before all.
    shared: Vec<Arc<Labels>>,
}

impl Found {
    /// A target with labels of its own and of what it belongs to.
    pub(super) fn new(own: Labels, shared: Vec<Arc<Labels>>) -> Self {
        Self { own, shared }
    }

    /// All targets of some groups.
    pub(in super::super) fn all(groups: &[TargetGroup]) -> Vec<Self> {
        let mut found = Vec::new();
        for group in groups {
            let shared: Labels = group.labels.iter().collect();
            let shared = Arc::new(shared);
            let of_group = |address: &String| {
                let own = Labels::from_iter([(ADDRESS, address.as_str())]);
                Self::new(own, vec![Arc::clone(&shared)])
            };
            found.extend(group.targets.iter().map(of_group));
        }
        found
    }

    /// The address, for words about this target.
    pub(in super::super) fn address(&self) -> &str {
        self.own.get(ADDRESS)
    }

    /// All labels.
    pub(in super::super) fn labels(&self) -> Labels {
        let mut labels = self.own.clone();
        for shared in &self.shared {
            labels.add_missing(shared);
        }
        labels
    }
}
