//! Objects of one kind, as far as targets need them.

use std::collections::BTreeMap;

use ::kubernetes::{Told, Trouble, Watch};

use super::around::ByName;
use super::endpoint_slice::EndpointSlice;
use super::endpoints::Endpoints;
use super::meta::Namespace;
use super::node::Node;
use super::pod::Pod;
use super::service::Service;

/// Objects of one kind; none where the kind is not needed.
pub(super) struct Kind<T> {
    name: &'static str,
    watch: Option<Watch<T>>,
    /// Trouble is logged once, until it is over.
    is_down: bool,
}

/// What was heard of objects.
pub(super) enum Heard {
    /// They changed.
    Change {
        /// The kind, where there was trouble with it before.
        again: Option<&'static str>,
    },
    /// They are not told; the old ones stay.
    Trouble {
        /// The kind.
        kind: &'static str,
        /// Why.
        why: Trouble,
        /// Whether this is the first time.
        is_new: bool,
    },
}

/// An object with a namespace and a name.
pub(super) trait Named {
    /// Both; of what is in no namespace that one is empty.
    fn key(&self) -> (&str, &str);
}

impl<T: Named + Send + 'static> Kind<T> {
    /// Objects that are watched, if they are; `name` is that of the kind, for words.
    pub(super) fn new(name: &'static str, watch: Option<Watch<T>>) -> Self {
        Self {
            name,
            watch,
            is_down: false,
        }
    }

    /// Waits for news; for ever where nothing is watched. Dropping the wait loses nothing.
    pub(super) async fn heard(&mut self) -> Heard {
        let Some(watch) = &mut self.watch else {
            return std::future::pending().await;
        };
        match watch.told().await {
            Told::Changed(_) => {
                // A list alone is no end of a trouble: it may be the watch that is forbidden.
                let is_over = watch.trouble().is_none() && std::mem::take(&mut self.is_down);
                Heard::Change {
                    again: is_over.then_some(self.name),
                }
            }
            Told::Failed(why) => Heard::Trouble {
                kind: self.name,
                // One that is expired is none: everything is listed anew.
                is_new: why.reason != Trouble::EXPIRED && !std::mem::replace(&mut self.is_down, true),
                why,
            },
        }
    }

    /// Whether all of them are known, as far as they are needed.
    pub(super) fn is_complete(&self) -> bool {
        self.watch.as_ref().is_none_or(Watch::is_complete)
    }

    /// All of them, in order.
    pub(super) fn by_name(&self) -> ByName<'_, T> {
        let all = self.watch.iter().flat_map(Watch::objects);
        all.map(|object| (object.key(), object)).collect()
    }

    /// The same for what is in no namespace.
    pub(super) fn by_plain_name(&self) -> BTreeMap<&str, &T> {
        let all = self.watch.iter().flat_map(Watch::objects);
        all.map(|object| (object.key().1, object)).collect()
    }
}

impl Named for Pod {
    fn key(&self) -> (&str, &str) {
        (&self.namespace, &self.name)
    }
}

impl Named for Service {
    fn key(&self) -> (&str, &str) {
        (&self.namespace, &self.name)
    }
}

impl Named for Endpoints {
    fn key(&self) -> (&str, &str) {
        (&self.namespace, &self.name)
    }
}

impl Named for EndpointSlice {
    fn key(&self) -> (&str, &str) {
        (&self.namespace, &self.name)
    }
}

impl Named for Node {
    fn key(&self) -> (&str, &str) {
        ("", &self.name)
    }
}

impl Named for Namespace {
    fn key(&self) -> (&str, &str) {
        ("", &self.name)
    }
}
