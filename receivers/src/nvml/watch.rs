//! Keeps a thread at the library, and gives up the one that does not come back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pipeline::component::{Health, Stop};
use tokio::time::sleep;

use super::desk::Desk;
use super::session::Errand;

/// Threads that may be inside the library at once: one that works, and those that did not come back. A driver that holds
/// three holds any number.
const THREADS_MAX: usize = 3;

/// Why there is nothing at first.
const NOT_YET: &str = "the library has not answered yet";
/// Why there is nothing any more, until another thread has an answer.
const LATE: &str = "the thread at the library does not come back from a call";
const PANICKED: &str = "the thread at the library panicked";

/// How often the thread is looked after; well below any time-out.
const LOOK: Duration = Duration::from_millis(100);

/// The thread at the library, whichever it is now.
#[derive(Clone)]
pub(super) struct Watch {
    errand: Errand,
    timeout: Duration,
    health: Health,
    component: String,
    desk: Arc<Mutex<Arc<Desk>>>,
    threads: Arc<AtomicUsize>,
}

/// Counts a thread for as long as it is there, even if it panics.
struct Alive(Arc<AtomicUsize>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Watch {
    pub(super) fn new(errand: Errand, timeout: Duration, health: Health, component: String) -> Self {
        Self {
            errand,
            timeout,
            health,
            component,
            desk: Arc::new(Mutex::new(Desk::new(NOT_YET))),
            threads: Arc::default(),
        }
    }

    /// Where the thread leaves what it hears.
    pub(super) fn desk(&self) -> Arc<Desk> {
        Arc::clone(&self.desk.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks after the thread until it is stopped.
    pub(super) async fn run(self, stop: Stop) {
        let mut alive = self.begin(NOT_YET);
        let (mut said, mut why) = (None, NOT_YET);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = sleep(LOOK) => {}
            }
            let desk = self.desk();
            let late = desk
                .in_call_for(self.errand.clock.now())
                .is_some_and(|it| it > self.timeout);
            // A thread that is no longer there has panicked: its desk says nothing new.
            let is_gone = alive.as_ref().is_some_and(|alive| Arc::strong_count(alive) == 1);
            if late || is_gone {
                why = if late { LATE } else { PANICKED };
                self.give_up(&desk, why);
                alive = None;
            }
            if alive.is_none() && self.threads.load(Ordering::SeqCst) < THREADS_MAX {
                alive = self.begin(why);
            }
            self.say(&mut said);
        }
        self.desk().abandon();
        self.health.recovered(&self.component);
    }

    /// A new thread at a new desk. The value that comes back is held by the thread, too, while it is there.
    fn begin(&self, why: &str) -> Option<Arc<()>> {
        let desk = self.fresh(why);
        let held = Arc::new(());
        self.threads.fetch_add(1, Ordering::SeqCst);
        let counted = Alive(Arc::clone(&self.threads));
        let (errand, own, held_there) = (self.errand.clone(), Arc::clone(&desk), Arc::clone(&held));
        let thread = std::thread::Builder::new().name("nvml".to_owned()).spawn(move || {
            let _counted = counted;
            let _held = held_there;
            errand.run(&own);
        });
        if let Err(why) = thread {
            tracing::warn!(%why, "no thread for the GPUs");
            return None;
        }
        *self.desk.lock().unwrap_or_else(PoisonError::into_inner) = desk;
        Some(held)
    }

    /// Leaves a thread alone with its desk. It may still write there; the new one says why there is nothing.
    fn give_up(&self, desk: &Desk, why: &str) {
        desk.abandon();
        self.errand.counts.abandoned.add(1);
        let empty = self.fresh(why);
        *self.desk.lock().unwrap_or_else(PoisonError::into_inner) = empty;
    }

    /// A desk with the events of the one before that were not told yet.
    fn fresh(&self, why: &str) -> Arc<Desk> {
        let desk = Desk::new(why);
        let (xids, dropped) = self.desk().take_xids();
        xids.into_iter().for_each(|xid| desk.add_xid(xid));
        self.errand.counts.dropped.add(dropped);
        desk
    }

    /// Tells how the library is, and says it once when that changes.
    fn say(&self, said: &mut Option<String>) {
        let found = self.desk().answering();
        let answering = found.as_ref().map_or(0, |(_, answering)| *answering);
        self.errand.counts.up.set(i64::from(found.is_ok()));
        self.errand
            .counts
            .devices
            .set(i64::try_from(answering).unwrap_or(i64::MAX));
        match found {
            Err(why) if said.as_ref() != Some(&why) => {
                tracing::warn!(%why, "no GPUs are sampled");
                self.health.trouble(&self.component, why.as_str());
                *said = Some(why);
            }
            Ok((devices, _)) if said.is_some() => {
                tracing::info!(devices, "GPUs are sampled");
                self.health.recovered(&self.component);
                *said = None;
            }
            _ => {}
        }
    }
}
