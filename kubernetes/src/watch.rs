//! Objects of one kind as the API server tells of them.

use std::collections::HashMap;
use std::fmt::Debug;

use futures_util::StreamExt;
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use crate::feed::{self, Events, Heard};
use crate::{Cluster, Selection, Trouble};

/// An object that can be watched.
pub trait Object: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static {}

impl<K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static> Object for K {}

/// What the API server told.
#[derive(Debug)]
pub enum Told<T> {
    /// Objects came, changed or went; those that went. Without any of it: a trouble is over.
    Changed(Vec<T>),
    /// It said no, or nothing. It is asked again, later and later; what was told before stays.
    Failed(Trouble),
}

/// Objects of one kind, as a part `T` of each is kept. There are as many as the cluster has.
pub struct Watch<T> {
    events: Events<T>,
    /// By uid.
    objects: HashMap<String, T>,
    /// A new list that is not whole yet.
    listed: HashMap<String, T>,
    is_complete: bool,
    trouble: Option<Trouble>,
}

impl<T: Send + 'static> Watch<T> {
    /// Watches objects of namespaces. `keep` takes what is needed of each.
    pub fn of_namespaces<K>(cluster: &Cluster, selection: &Selection, keep: impl Fn(K) -> T + Send + 'static) -> Self
    where
        K: Object + Resource<Scope = NamespaceResourceScope>,
    {
        let client = cluster.client.clone();
        let api = match &selection.namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        };
        Self::new(api, selection, keep)
    }

    /// Watches objects of the cluster. `keep` takes what is needed of each.
    pub fn of_cluster<K>(cluster: &Cluster, selection: &Selection, keep: impl Fn(K) -> T + Send + 'static) -> Self
    where
        K: Object,
    {
        Self::new(Api::all(cluster.client.clone()), selection, keep)
    }

    fn new<K: Object>(api: Api<K>, selection: &Selection, keep: impl Fn(K) -> T + Send + 'static) -> Self {
        Self {
            events: feed::events(api, selection, keep),
            objects: HashMap::new(),
            listed: HashMap::new(),
            is_complete: false,
            trouble: None,
        }
    }

    /// Waits for what the API server tells next. Dropping the wait loses nothing.
    pub async fn told(&mut self) -> Told<T> {
        loop {
            // There is always something next.
            let Some(heard) = self.events.next().await else {
                return std::future::pending().await;
            };
            match heard {
                Heard::Begun => self.listed.clear(),
                Heard::Listed(uid, object) => {
                    self.listed.insert(uid, object);
                }
                Heard::Whole => return Told::Changed(self.take_list()),
                Heard::Open => {
                    if self.trouble.take().is_some() {
                        return Told::Changed(Vec::new());
                    }
                }
                Heard::Came(uid, object) => {
                    self.trouble = None;
                    self.objects.insert(uid, object);
                    return Told::Changed(Vec::new());
                }
                Heard::Went(uid, object) => {
                    self.trouble = None;
                    self.objects.remove(&uid);
                    return Told::Changed(vec![object]);
                }
                Heard::Failed(trouble) => {
                    self.trouble = Some(trouble.clone());
                    return Told::Failed(trouble);
                }
            }
        }
    }

    /// Whether it was told of all objects at least once.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Why nothing is told at present; None where what is known is what there is.
    pub fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// All objects that there are, in no order.
    pub fn objects(&self) -> impl Iterator<Item = &T> {
        self.objects.values()
    }

    /// Whether an object with this uid is there.
    pub fn has(&self, uid: &str) -> bool {
        self.objects.contains_key(uid)
    }

    /// The list is whole: who is not in it has gone.
    fn take_list(&mut self) -> Vec<T> {
        let mut before = std::mem::replace(&mut self.objects, std::mem::take(&mut self.listed));
        before.retain(|uid, _| !self.objects.contains_key(uid));
        self.is_complete = true;
        before.into_values().collect()
    }
}
