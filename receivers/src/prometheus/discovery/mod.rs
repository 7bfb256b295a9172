//! Targets that are not written in the configuration: lists in files, lists on servers, objects of a cluster.
//!
//! Each list is asked for by a task of its own in its own interval, so that a server that does not answer delays
//! neither the others nor the end of the job.

mod files;
mod found;
#[cfg(feature = "k8s")]
mod kubernetes;
mod server;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use pipeline::component::{BuildError, Setup};
use pipeline::outside::Storage;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::config::{FileSdConfig, Job, TargetGroup};
use super::counts::Counts;
use files::Files;
pub(super) use files::paths;
pub(super) use found::Found;
#[cfg(feature = "k8s")]
use kubernetes::Finder;
use server::Server;

/// Most targets of one list. Each costs a task, a table of its series and a connection, so a longer list is rather a
/// fault of whoever wrote it; a job that really has more is written as several.
const TARGETS_MAX: usize = 100_000;

/// The lists of a job.
pub(super) struct Lists {
    files: Vec<FileSdConfig>,
    servers: Vec<Arc<Server>>,
    #[cfg(feature = "k8s")]
    clusters: Vec<Arc<Finder>>,
    storage: Arc<dyn Storage>,
    counts: Counts,
}

/// The lists of a job while it runs.
pub(super) struct Discovery {
    changes: mpsc::Receiver<Change>,
    /// What each list said last.
    found: Vec<Arc<Vec<Found>>>,
    /// They end when this is dropped.
    _tasks: JoinSet<()>,
}

/// A list says something new.
struct Change {
    list: usize,
    found: Arc<Vec<Found>>,
}

impl Lists {
    pub(super) async fn new(job: &Job, counts: &Counts, setup: &Setup) -> Result<Self, BuildError> {
        let mut servers = Vec::new();
        for server in &job.http_sd_configs {
            servers.push(Arc::new(Server::new(server, setup)?));
        }
        #[cfg(feature = "k8s")]
        let mut clusters = Vec::new();
        // Without the feature the configuration is refused.
        #[cfg(feature = "k8s")]
        for cluster in &job.kubernetes_sd_configs {
            clusters.push(Arc::new(Finder::new(cluster, setup).await?));
        }
        Ok(Self {
            files: job.file_sd_configs.clone(),
            servers,
            #[cfg(feature = "k8s")]
            clusters,
            storage: Arc::clone(&setup.outside.storage),
            counts: counts.clone(),
        })
    }

    /// The tasks that ask for the lists, each with its number.
    fn tasks(&self, out: &mpsc::Sender<Change>) -> Vec<BoxFuture<'static, ()>> {
        let mut tasks: Vec<BoxFuture<'static, ()>> = Vec::new();
        for config in &self.files {
            let (storage, counts) = (Arc::clone(&self.storage), self.counts.clone());
            let teller = Teller::new(tasks.len(), out);
            tasks.push(Box::pin(watch_files(config.clone(), storage, counts, teller)));
        }
        for server in &self.servers {
            let teller = Teller::new(tasks.len(), out);
            let watch = watch_server(Arc::clone(server), self.counts.clone(), teller);
            tasks.push(Box::pin(watch));
        }
        #[cfg(feature = "k8s")]
        for finder in &self.clusters {
            let teller = Teller::new(tasks.len(), out);
            let watch = kubernetes::watch(Arc::clone(finder), self.counts.clone(), teller);
            tasks.push(Box::pin(watch));
        }
        tasks
    }
}

impl Discovery {
    /// Begins to ask for the lists.
    pub(super) fn start(lists: &Lists) -> Self {
        // One change at a time: while targets come and go, the lists wait.
        let (out, changes) = mpsc::channel(1);
        let tasks: JoinSet<()> = lists.tasks(&out).into_iter().collect();
        Self {
            changes,
            found: vec![Arc::default(); tasks.len()],
            _tasks: tasks,
        }
    }

    /// Waits until a list says something new; for ever where there are no lists.
    pub(super) async fn changed(&mut self) {
        let Some(Change { list, found }) = self.changes.recv().await else {
            return std::future::pending().await;
        };
        if let Some(place) = self.found.get_mut(list) {
            *place = found;
        }
    }

    /// What the lists say now.
    pub(super) fn found(&self) -> impl Iterator<Item = &Found> {
        self.found.iter().flat_map(|found| found.iter())
    }
}

/// Where a list tells what it has.
struct Teller {
    list: usize,
    told: Arc<Vec<Found>>,
    out: mpsc::Sender<Change>,
}

impl Teller {
    fn new(list: usize, out: &mpsc::Sender<Change>) -> Self {
        Self {
            list,
            told: Arc::default(),
            out: out.clone(),
        }
    }

    /// Tells what the list says where that is new; false when nobody listens any more.
    async fn tell(&mut self, found: Vec<Found>) -> bool {
        if found == *self.told {
            return true;
        }
        self.told = Arc::new(found);
        let change = Change {
            list: self.list,
            found: Arc::clone(&self.told),
        };
        self.out.send(change).await.is_ok()
    }
}

async fn watch_files(config: FileSdConfig, storage: Arc<dyn Storage>, counts: Counts, mut teller: Teller) {
    let mut files = Files::new(&config.files);
    loop {
        files.refresh(&storage, &counts).await;
        if !teller.tell(Found::all(&files.groups())).await {
            return;
        }
        sleep(config.refresh_interval.get()).await;
    }
}

async fn watch_server(server: Arc<Server>, counts: Counts, mut teller: Teller) {
    let mut is_down = false;
    loop {
        match server.list().await {
            Ok(groups) => {
                if std::mem::take(&mut is_down) {
                    let (receiver, job) = (counts.receiver(), counts.job());
                    tracing::info!(receiver, job, url = %server.url(), "targets are listed again");
                }
                if !teller.tell(Found::all(&groups)).await {
                    return;
                }
            }
            Err(failure) => {
                counts.unfound("http", failure.reason);
                if !std::mem::replace(&mut is_down, true) {
                    let (reason, why) = (failure.reason, &failure.words);
                    let (receiver, job) = (counts.receiver(), counts.job());
                    tracing::warn!(receiver, job, url = %server.url(), reason, %why, "targets are not listed; the old ones stay");
                }
            }
        }
        sleep(server.interval()).await;
    }
}

/// How many targets some groups have.
fn targets(groups: &[TargetGroup]) -> usize {
    groups.iter().map(|group| group.targets.len()).sum()
}
