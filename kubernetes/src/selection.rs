//! Which objects of a kind are watched.

use kube::runtime::watcher;

/// How many objects one page of a list has. The API server builds a page at a time, so this bounds what a list costs
/// both sides; Kubernetes' own clients ask for as many.
const PAGE_SIZE: u32 = 500;

/// Which objects of a kind are watched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Those of this namespace; of all where it is not said.
    pub namespace: Option<String>,
    /// A label selector, as `kubectl -l` takes it.
    pub labels: Option<String>,
    /// A field selector, such as `spec.nodeName=node-a`.
    pub fields: Option<String>,
}

impl Selection {
    pub(crate) fn watcher(&self) -> watcher::Config {
        let mut config = watcher::Config::default().any_semantic().page_size(PAGE_SIZE);
        if let Some(labels) = &self.labels {
            config = config.labels(labels);
        }
        if let Some(fields) = &self.fields {
            config = config.fields(fields);
        }
        config
    }
}
