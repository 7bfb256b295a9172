//! Objects of one kind as the API server tells of them.

use std::collections::HashMap;
use std::fmt::Debug;
use std::pin::Pin;

use futures_util::{Stream, StreamExt};
use kube::core::NamespaceResourceScope;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use crate::{Cluster, Selection};

/// An object that can be watched.
pub trait Object: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static {}

impl<K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static> Object for K {}

/// What the API server told.
#[derive(Debug)]
pub enum Told<T> {
    /// Objects came, changed or went; those that went.
    Changed(Vec<T>),
    /// It said no, or nothing. It is asked again, later and later; what was told before stays.
    Failed(Trouble),
}

/// Why the API server's objects are not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// One of a few words, for a metric: `unauthorized`, `forbidden`, `expired`, `refused` or `unreachable`.
    pub reason: &'static str,
    /// What happened, for a log.
    pub words: String,
}

/// Objects of one kind, as a part `T` of each is kept.
pub struct Watch<T> {
    events: Pin<Box<dyn Stream<Item = watch::Result<Event<(String, T)>>> + Send>>,
    objects: HashMap<String, T>,
    /// A new list that is not whole yet.
    listed: HashMap<String, T>,
    is_complete: bool,
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
        let kept = move |object: K| (object.meta().uid.clone().unwrap_or_default(), keep(object));
        let events = watch(api, selection.watcher())
            .default_backoff()
            .map(move |event| event.map(|event| kept_of(event, &kept)));
        Self {
            events: Box::pin(events),
            objects: HashMap::new(),
            listed: HashMap::new(),
            is_complete: false,
        }
    }

    /// Waits for what the API server tells next. Dropping the wait loses nothing.
    pub async fn told(&mut self) -> Told<T> {
        loop {
            let Some(event) = self.events.next().await else {
                return std::future::pending().await;
            };
            match event {
                Ok(Event::Apply((uid, object))) => {
                    self.objects.insert(uid, object);
                    return Told::Changed(Vec::new());
                }
                Ok(Event::Delete((uid, object))) => {
                    self.objects.remove(&uid);
                    return Told::Changed(vec![object]);
                }
                Ok(Event::Init) => self.listed.clear(),
                Ok(Event::InitApply((uid, object))) => {
                    self.listed.insert(uid, object);
                }
                Ok(Event::InitDone) => return Told::Changed(self.take_list()),
                Err(error) => return Told::Failed(Trouble::of(&error)),
            }
        }
    }

    /// Whether it was told of all objects at least once.
    pub fn is_complete(&self) -> bool {
        self.is_complete
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

fn kept_of<K, T>(event: Event<K>, kept: &impl Fn(K) -> (String, T)) -> Event<(String, T)> {
    match event {
        Event::Apply(object) => Event::Apply(kept(object)),
        Event::Delete(object) => Event::Delete(kept(object)),
        Event::Init => Event::Init,
        Event::InitApply(object) => Event::InitApply(kept(object)),
        Event::InitDone => Event::InitDone,
    }
}

impl Trouble {
    fn of(error: &watcher::Error) -> Self {
        let status = match error {
            watcher::Error::InitialListFailed(kube::Error::Api(status))
            | watcher::Error::WatchStartFailed(kube::Error::Api(status))
            | watcher::Error::WatchFailed(kube::Error::Api(status))
            | watcher::Error::WatchError(status) => Some(status.code),
            _ => None,
        };
        let reason = match status {
            Some(401) => "unauthorized",
            Some(403) => "forbidden",
            Some(410) => "expired",
            Some(_) => "refused",
            None => "unreachable",
        };
        Self {
            reason,
            words: chain(error),
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !words.contains(&said) {
            words.push_str(": ");
            words.push_str(&said);
        }
        cause = error.source();
    }
    words
}
