//! Which objects of a kind are watched.

use kube::api::{ListParams, VersionMatch, WatchParams};

/// How many objects one page of a list has, so that a large cluster is never held as one answer. Kubernetes' own clients
/// ask for as many.
const PAGE_SIZE: u32 = 500;

/// Seconds until the API server ends a watch, and the next begins where it ended. It bounds how long a connection that
/// died without a word goes unnoticed, and how long a replaced token is not used.
pub(crate) const WATCH_SECONDS: u32 = 120;

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
    /// A page of a list. `fresh` asks for nothing older than now.
    ///
    /// Objects of one node are asked for by an agent on each: the API server answers these from its cache, because from
    /// etcd it would read the whole cluster for every agent. A list of everything is asked for by few, and comes in pages.
    pub(crate) fn list(&self, token: Option<String>, fresh: bool) -> ListParams {
        let from_cache = self.fields.is_some() && !fresh && token.is_none();
        ListParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            // With a limit the crate leaves out the version, and the API server goes to etcd.
            limit: (!from_cache).then_some(PAGE_SIZE),
            continue_token: token,
            version_match: from_cache.then_some(VersionMatch::NotOlderThan),
            resource_version: from_cache.then(|| "0".to_owned()),
            ..ListParams::default()
        }
    }

    pub(crate) fn watch(&self) -> WatchParams {
        WatchParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            timeout: Some(WATCH_SECONDS),
            bookmarks: true,
            ..WatchParams::default()
        }
    }
}
