//! `kubernetes_sd_configs`: objects of a cluster as targets.
//!
//! Names, values and the way that they are put together are Prometheus' (3.8, `discovery/kubernetes`). Objects are
//! watched, so that a target comes and goes with its object; of each only what makes labels is kept.

mod around;
mod backing;
mod endpoint_slice;
mod endpoints;
mod kind;
mod meta;
mod node;
mod objects;
mod pod;
mod server;
mod service;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::kubernetes::{Cluster, Trouble};
use pipeline::component::{BuildError, Setup};
use tokio::time::{Instant, sleep_until};

use super::super::config::{KubernetesSd, KubernetesSdConfig};
use super::super::counts::Counts;
use super::{TARGETS_MAX, Teller};
use kind::Heard;
use objects::Objects;

/// How long changes are collected before they are told: one of a deployment comes as dozens, milliseconds apart. A pod
/// that goes away is told stale by so much later.
const SETTLE: Duration = Duration::from_millis(100);

/// The least time from one telling to the next. Each looks at all targets and relabels them; in a large cluster where
/// something changes all the time that must not take a core.
const PACE: Duration = Duration::from_secs(1);

/// Where the pod that we are finds the name of its namespace.
const OWN_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// Finds targets in a cluster.
pub(super) struct Finder {
    cluster: Cluster,
    config: KubernetesSd,
    /// The namespaces to look at, each once; None is all of them.
    namespaces: Vec<Option<String>>,
}

impl Finder {
    /// Reads the credentials. Nothing is asked yet.
    pub(super) async fn new(config: &KubernetesSdConfig, setup: &Setup) -> Result<Self, BuildError> {
        Ok(Self {
            cluster: server::cluster(config, setup).await?,
            namespaces: namespaces(&config.own, setup).await?,
            config: config.own.clone(),
        })
    }
}

async fn namespaces(config: &KubernetesSd, setup: &Setup) -> Result<Vec<Option<String>>, BuildError> {
    let mut names = config.namespaces.names.clone();
    if config.namespaces.own_namespace {
        let storage = Arc::clone(&setup.outside.storage);
        let read = tokio::task::spawn_blocking(move || storage.read(Path::new(OWN_NAMESPACE))).await;
        let read = read.map_err(|_| BuildError::new("the namespace was not read, because the program ends"))?;
        let read = read.map_err(|why| {
            BuildError::new(format!(
                "own_namespace: {OWN_NAMESPACE}: {why}\nwrite the namespace in `names`"
            ))
        })?;
        let name = String::from_utf8_lossy(&read).trim().to_owned();
        if name.is_empty() {
            return Err(BuildError::new(format!("own_namespace: {OWN_NAMESPACE} is empty")));
        }
        names.push(name);
    }
    names.sort_unstable();
    names.dedup();
    // As in Prometheus an empty name is that of all namespaces, which has the others in it.
    if names.iter().all(|name| !name.is_empty()) && !names.is_empty() {
        Ok(names.into_iter().map(Some).collect())
    } else {
        Ok(vec![None])
    }
}

/// Tells the targets in a cluster whenever they change.
pub(super) async fn watch(finder: Arc<Finder>, counts: Counts, mut teller: Teller) {
    let mut objects = Objects::watch(&finder.cluster, &finder.config, &finder.namespaces);
    let mut pace = Pace::default();
    let mut is_over = false;
    loop {
        tokio::select! {
            biased;
            () = pace.turn() => {
                let Some(found) = objects.found() else { continue };
                if found.len() > TARGETS_MAX {
                    counts.unfound("kubernetes", "too_many_targets");
                    if !std::mem::replace(&mut is_over, true) {
                        let (receiver, job, targets) = (counts.receiver(), counts.job(), found.len());
                        tracing::error!(receiver, job, targets, TARGETS_MAX, "a cluster has too many targets; the old ones stay");
                    }
                    continue;
                }
                is_over = false;
                if !teller.tell(found).await {
                    return;
                }
            }
            heard = objects.heard() => match heard {
                Heard::Change { again } => {
                    if let Some(kind) = again {
                        let (receiver, job) = (counts.receiver(), counts.job());
                        tracing::info!(receiver, job, kind, "the API server tells of these objects again");
                    }
                    pace.note();
                }
                Heard::Trouble { kind, why, is_new } => trouble(kind, &why, is_new, &counts),
            },
        }
    }
}

fn trouble(kind: &str, why: &Trouble, is_new: bool, counts: &Counts) {
    let (receiver, job) = (counts.receiver(), counts.job());
    // A watch that fell behind is begun anew with a list, as the protocol wants it: nothing is missing.
    if why.reason == Trouble::EXPIRED {
        tracing::debug!(receiver, job, kind, why = %why.words, "a watch has expired");
        return;
    }
    counts.unfound("kubernetes", why.reason);
    if is_new {
        let (reason, why) = (why.reason, &why.words);
        tracing::warn!(receiver, job, kind, reason, %why, "the API server does not tell of these objects; the old targets stay");
    }
}

/// When changes are told.
#[derive(Default)]
struct Pace {
    due: Option<Instant>,
    last: Option<Instant>,
}

impl Pace {
    /// There is a change to tell.
    fn note(&mut self) {
        let settled = Instant::now() + SETTLE;
        let paced = self.last.map_or(settled, |last| last + PACE);
        self.due.get_or_insert(settled.max(paced));
    }

    /// Waits until it is time to tell; for ever where there is nothing to tell.
    async fn turn(&mut self) {
        let Some(due) = self.due else {
            return std::future::pending().await;
        };
        sleep_until(due).await;
        self.due = None;
        self.last = Some(due);
    }
}
