//! Lists objects, watches from there, and begins anew where it must.
//!
//! The loop is our own and not that of `kube::runtime` (5.0): there a list that fails is repeated every second without end,
//! because the pause is forgotten whenever a list begins; a watch that is refused with 410 is asked for with the same version
//! for ever; a proxy that ends each watch at once is asked without a pause; and nothing says that a watch works again.

use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::{Stream, StreamExt, unfold};
use kube::Api;
use kube::api::WatchEvent;
use kube::core::Status;
use tokio::time::timeout;

use crate::pace::{Pace, WATCH_PAUSE};
use crate::selection::WATCH_SECONDS;
use crate::trouble::Trouble;
use crate::{Object, Selection};

/// How long a page of a list, or the answer to a watch, may take. The API server itself gives a list a minute; whoever
/// needs longer than this for 500 objects is asked again later.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a watch may be silent. The API server ends it before that, so its connection is dead.
const SILENCE_MAX: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 10);

const LIST: &str = "list";
const WATCH: &str = "watch";

/// What was heard of objects, each with its uid.
pub(crate) enum Heard<T> {
    /// A list begins; what an earlier one gave and did not finish counts for nothing.
    Begun,
    /// One of the list.
    Listed(String, T),
    /// The list has ended: there are no others.
    Whole,
    /// A watch works: nothing of it was an error so far, and what happens from now on is told.
    Open,
    /// It came or changed.
    Came(String, T),
    /// It went.
    Went(String, T),
    /// It is asked again after a pause.
    Failed(Trouble),
}

/// What is heard, without end. Dropping a wait for it loses nothing.
pub(crate) type Events<T> = Pin<Box<dyn Stream<Item = Heard<T>> + Send>>;

type Opened<K> = Pin<Box<dyn Stream<Item = kube::Result<WatchEvent<K>>> + Send>>;

struct Feed<K, T, F> {
    api: Api<K>,
    selection: Selection,
    keep: F,
    pace: Pace,
    stage: Stage<K, T>,
    /// The next list must be newer than what the API server may have in its cache.
    fresh: bool,
}

enum Stage<K, T> {
    /// Nothing is known.
    Empty,
    /// A page is to be told, and the one behind `token` to be asked for.
    Page {
        told: std::vec::IntoIter<(String, T)>,
        token: Option<String>,
        version: Option<String>,
    },
    /// Everything is known as of a version.
    Known { version: String },
    /// The API server tells what changes.
    Watching {
        version: String,
        stream: Opened<K>,
        /// It has told something that is no error, or nothing for a while.
        works: bool,
    },
}

pub(crate) fn events<K: Object, T: Send + 'static>(
    api: Api<K>,
    selection: &Selection,
    keep: impl Fn(K) -> T + Send + 'static,
) -> Events<T> {
    let feed = Feed {
        api,
        selection: selection.clone(),
        keep,
        pace: Pace::default(),
        stage: Stage::Empty,
        fresh: false,
    };
    Box::pin(unfold(feed, |mut feed| async {
        loop {
            if let Some(heard) = feed.step().await {
                return Some((heard, feed));
            }
        }
    }))
}

impl<K: Object, T: Send + 'static, F: Fn(K) -> T + Send + 'static> Feed<K, T, F> {
    async fn step(&mut self) -> Option<Heard<T>> {
        match std::mem::replace(&mut self.stage, Stage::Empty) {
            Stage::Empty => {
                self.pace.wait().await;
                self.stage = Stage::Page {
                    told: Vec::new().into_iter(),
                    token: None,
                    version: None,
                };
                Some(Heard::Begun)
            }
            Stage::Page {
                mut told,
                token,
                version,
            } => {
                if let Some((uid, object)) = told.next() {
                    self.stage = Stage::Page { told, token, version };
                    return Some(Heard::Listed(uid, object));
                }
                match version {
                    Some(version) if token.is_none() => {
                        self.fresh = false;
                        self.stage = Stage::Known { version };
                        Some(Heard::Whole)
                    }
                    _ => self.list(token).await,
                }
            }
            Stage::Known { version } => self.open(version).await,
            Stage::Watching { version, stream, works } => self.listen(version, stream, works).await,
        }
    }

    async fn list(&mut self, token: Option<String>) -> Option<Heard<T>> {
        let parameters = self.selection.list(token, self.fresh);
        let list = match timeout(ANSWER_TIMEOUT, self.api.list(&parameters)).await {
            Err(_) => return self.fail(Trouble::slow(LIST, ANSWER_TIMEOUT)),
            Ok(Err(error)) => return self.fail_of(LIST, &error),
            Ok(Ok(list)) => list,
        };
        let token = list.metadata.continue_.filter(|it| !it.is_empty());
        let version = list.metadata.resource_version.filter(|it| !it.is_empty());
        if token.is_none() && version.is_none() {
            return self.fail(Trouble::garbage(LIST, "the list has no resourceVersion"));
        }
        let told: Vec<_> = list.items.into_iter().map(|object| self.kept(object)).collect();
        self.stage = Stage::Page {
            told: told.into_iter(),
            token,
            version,
        };
        None
    }

    async fn open(&mut self, version: String) -> Option<Heard<T>> {
        self.pace.wait().await;
        let parameters = self.selection.watch();
        match timeout(ANSWER_TIMEOUT, self.api.watch(&parameters, &version)).await {
            Ok(Ok(stream)) => {
                self.pace.opened();
                self.stage = Stage::Watching {
                    version,
                    stream: Box::pin(stream),
                    works: false,
                };
                None
            }
            Ok(Err(error)) => {
                // As a rule 410 is told on the watch; a proxy may pass it on as the answer. 504 is a version of the future: the
                // API server has lost what it knew.
                let is_of_no_use = matches!(&error, kube::Error::Api(status) if matches!(status.code, 410 | 504));
                if !is_of_no_use {
                    self.stage = Stage::Known { version };
                }
                self.fail_of(WATCH, &error)
            }
            Err(_) => {
                self.stage = Stage::Known { version };
                self.fail(Trouble::slow(WATCH, ANSWER_TIMEOUT))
            }
        }
    }

    async fn listen(&mut self, version: String, mut stream: Opened<K>, works: bool) -> Option<Heard<T>> {
        let patience = if works { SILENCE_MAX } else { WATCH_PAUSE };
        match timeout(patience, stream.next()).await {
            Ok(Some(Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)))) => {
                self.changed(object, stream, Heard::Came)
            }
            Ok(Some(Ok(WatchEvent::Deleted(object)))) => self.changed(object, stream, Heard::Went),
            Ok(Some(Ok(WatchEvent::Bookmark(bookmark)))) => {
                self.works(bookmark.metadata.resource_version, stream);
                (!works).then_some(Heard::Open)
            }
            Ok(Some(Ok(WatchEvent::Error(status)))) => {
                self.fresh = true;
                self.fail_with(Trouble::said(WATCH, &status), retry_after(&status))
            }
            // Whatever was in the line is lost, so everything is listed anew.
            Ok(Some(Err(error @ (kube::Error::SerdeError(_) | kube::Error::Api(_))))) => self.fail_of(WATCH, &error),
            // A connection that breaks loses nothing: the next watch begins where it broke.
            Ok(Some(Err(error))) => {
                self.stage = Stage::Known { version };
                self.fail_of(WATCH, &error)
            }
            Ok(None) => {
                self.stage = Stage::Known { version };
                None
            }
            Err(_) if !works => {
                self.works(version, stream);
                Some(Heard::Open)
            }
            Err(_) => {
                self.stage = Stage::Known { version };
                self.fail(Trouble::slow(WATCH, SILENCE_MAX))
            }
        }
    }

    fn works(&mut self, version: String, stream: Opened<K>) {
        self.pace.succeeded();
        self.stage = Stage::Watching {
            version,
            stream,
            works: true,
        };
    }

    fn changed(&mut self, object: K, stream: Opened<K>, heard: fn(String, T) -> Heard<T>) -> Option<Heard<T>> {
        let version = object.meta().resource_version.clone().unwrap_or_default();
        if version.is_empty() {
            return self.fail(Trouble::garbage(WATCH, "an object has no resourceVersion"));
        }
        self.works(version, stream);
        let (uid, object) = self.kept(object);
        Some(heard(uid, object))
    }

    fn kept(&self, object: K) -> (String, T) {
        (object.meta().uid.clone().unwrap_or_default(), (self.keep)(object))
    }

    fn fail_of(&mut self, verb: &'static str, error: &kube::Error) -> Option<Heard<T>> {
        let after = match error {
            kube::Error::Api(status) => {
                self.fresh |= status.code == 410;
                retry_after(status)
            }
            _ => None,
        };
        self.fail_with(Trouble::of(verb, error), after)
    }

    fn fail(&mut self, trouble: Trouble) -> Option<Heard<T>> {
        self.fail_with(trouble, None)
    }

    fn fail_with(&mut self, trouble: Trouble, after: Option<Duration>) -> Option<Heard<T>> {
        self.pace.failed(after);
        Some(Heard::Failed(trouble))
    }
}

fn retry_after(status: &Status) -> Option<Duration> {
    let seconds = status.details.as_ref()?.retry_after_seconds;
    (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)))
}
