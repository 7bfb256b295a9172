//! Targets that are not written in the configuration: lists in files and lists on servers.
//!
//! Each list is asked for by a task of its own in its own interval, so that a server that does not answer delays
//! neither the others nor the end of the job.

mod files;
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
use server::Server;

/// Most targets of one list. Each costs a task, a table of its series and a connection, so a longer list is rather a
/// fault of whoever wrote it; a job that really has more is written as several.
const TARGETS_MAX: usize = 100_000;

/// The lists of a job.
pub(super) struct Lists {
    files: Vec<FileSdConfig>,
    servers: Vec<Arc<Server>>,
    storage: Arc<dyn Storage>,
    counts: Counts,
}

/// The lists of a job while it runs.
pub(super) struct Discovery {
    changes: mpsc::Receiver<Change>,
    /// What each list said last.
    groups: Vec<Vec<TargetGroup>>,
    /// They end when this is dropped.
    _tasks: JoinSet<()>,
}

/// A list says something new.
struct Change {
    list: usize,
    groups: Vec<TargetGroup>,
}

impl Lists {
    pub(super) fn new(job: &Job, counts: &Counts, setup: &Setup) -> Result<Self, BuildError> {
        let mut servers = Vec::new();
        for server in &job.http_sd_configs {
            servers.push(Arc::new(Server::new(server, setup)?));
        }
        Ok(Self {
            files: job.file_sd_configs.clone(),
            servers,
            storage: Arc::clone(&setup.outside.storage),
            counts: counts.clone(),
        })
    }
}

impl Discovery {
    /// Begins to ask for the lists.
    pub(super) fn start(lists: &Lists) -> Self {
        // One change at a time: while targets come and go, the lists wait.
        let (out, changes) = mpsc::channel(1);
        let mut tasks = JoinSet::new();
        let mut groups = Vec::new();
        let mut begin = |task: BoxFuture<'static, ()>| {
            tasks.spawn(task);
            groups.push(Vec::new());
        };
        for (list, config) in lists.files.iter().enumerate() {
            let (storage, counts) = (Arc::clone(&lists.storage), lists.counts.clone());
            begin(Box::pin(watch_files(
                list,
                config.clone(),
                storage,
                counts,
                out.clone(),
            )));
        }
        for (at, server) in lists.servers.iter().enumerate() {
            let list = lists.files.len() + at;
            let (server, counts) = (Arc::clone(server), lists.counts.clone());
            begin(Box::pin(watch_server(list, server, counts, out.clone())));
        }
        Self {
            changes,
            groups,
            _tasks: tasks,
        }
    }

    /// Waits until a list says something new; for ever where there are no lists.
    pub(super) async fn changed(&mut self) {
        let Some(Change { list, groups }) = self.changes.recv().await else {
            return std::future::pending().await;
        };
        if let Some(place) = self.groups.get_mut(list) {
            *place = groups;
        }
    }

    /// What the lists say now.
    pub(super) fn groups(&self) -> impl Iterator<Item = &TargetGroup> {
        self.groups.iter().flatten()
    }
}

async fn watch_files(
    list: usize,
    config: FileSdConfig,
    storage: Arc<dyn Storage>,
    counts: Counts,
    out: mpsc::Sender<Change>,
) {
    let (mut files, mut told) = (Files::new(&config.files), Vec::new());
    loop {
        files.refresh(&storage, &counts).await;
        if !tell(list, files.groups(), &mut told, &out).await {
            return;
        }
        sleep(config.refresh_interval.get()).await;
    }
}

async fn watch_server(list: usize, server: Arc<Server>, counts: Counts, out: mpsc::Sender<Change>) {
    let (mut told, mut is_down) = (Vec::new(), false);
    loop {
        match server.list().await {
            Ok(groups) => {
                if std::mem::take(&mut is_down) {
                    tracing::info!(url = %server.url(), "targets are listed again");
                }
                if !tell(list, groups, &mut told, &out).await {
                    return;
                }
            }
            Err(failure) => {
                counts.unfound("http", failure.reason);
                if !std::mem::replace(&mut is_down, true) {
                    let (reason, why) = (failure.reason, &failure.words);
                    tracing::warn!(url = %server.url(), reason, %why, "targets are not listed; the old ones stay");
                }
            }
        }
        sleep(server.interval()).await;
    }
}

/// Tells what a list says where that is new; false when nobody listens any more.
async fn tell(list: usize, groups: Vec<TargetGroup>, told: &mut Vec<TargetGroup>, out: &mpsc::Sender<Change>) -> bool {
    if groups == *told {
        return true;
    }
    told.clone_from(&groups);
    out.send(Change { list, groups }).await.is_ok()
}

/// How many targets some groups have.
fn targets(groups: &[TargetGroup]) -> usize {
    groups.iter().map(|group| group.targets.len()).sum()
}
