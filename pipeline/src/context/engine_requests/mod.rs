//! What request spans said about each instance of an engine, for whoever scrapes that instance.
//!
//! Who reads request spans publishes them: it asks [`EngineRequests::instance`] once for the resource of a batch, and
//! tells the [`Instance`] about each request. Who scrapes an engine takes a [`Seat`] for the target, and asks it which
//! instances are its own: the rules are in [`matching`].

mod instance;
mod kept;
pub mod matching;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
mod window;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use instance::{Instance, Request, Role};
pub use kept::Kept;
use matching::{Instances, SenderFacts, TargetFacts, assign};
pub use window::{RING_SECONDS, Spans};

/// Instances that are remembered at once; the one that was silent for longest leaves first. Each takes about 30 KB, and
/// a process that scrapes engines has some dozens of them at most.
pub const INSTANCES_MAX: usize = 256;

/// How long an instance may be silent before it is forgotten. A restarted engine often calls itself something new, and
/// as long as the former one is remembered an address alone does not tell them apart.
pub const SILENCE_MAX_NS: u64 = 600 * 1_000_000_000;

/// What request spans said about each instance; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct EngineRequests {
    board: Arc<Mutex<Board>>,
}

#[derive(Debug, Default)]
struct Board {
    /// Somebody reads request spans.
    is_fed: bool,
    instances: HashMap<Key, Arc<Instance>>,
    /// By number, which is that of a seat.
    targets: BTreeMap<u64, TargetFacts>,
    seats: u64,
    /// Instances that had to leave before they were silent for long enough.
    crowded_out: u64,
    /// Whose instances are whose; worked out again when something about them has changed.
    assigned: Option<BTreeMap<u64, Instances>>,
}

/// What tells instances apart: the id that they give themselves; without one all that they say and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    said: Box<[u8]>,
    client: Option<IpAddr>,
}

/// A target in the eyes of [`EngineRequests`], for as long as it is scraped.
#[derive(Debug)]
pub struct Seat {
    board: Arc<Mutex<Board>>,
    number: u64,
}

impl EngineRequests {
    /// Says that somebody reads request spans: a target about which nothing was said has no spans then.
    pub fn feed(&self) {
        self.board().is_fed = true;
    }

    /// The instance that a resource is about, which is remembered from now on. `now` is in nanoseconds since 1970.
    pub fn instance(&self, sender: &SenderFacts<'_>, now: u64) -> Arc<Instance> {
        // An IPv4 sender at an IPv6 door has another form of its address.
        let sender = &SenderFacts {
            client: sender.client.map(|client| client.to_canonical()),
            ..*sender
        };
        let key = Key::of(sender);
        let mut board = self.board();
        if let Some(known) = board.instances.get(&key) {
            let known = Arc::clone(known);
            if known.is_heard_from(sender.client, now) {
                board.assigned = None;
            }
            return known;
        }
        board.make_room();
        let instance = Arc::new(Instance::new(sender, now));
        board.instances.insert(key, Arc::clone(&instance));
        board.assigned = None;
        instance
    }

    /// A target is scraped from now on, until the seat is dropped.
    pub fn seat(&self, facts: TargetFacts) -> Seat {
        let mut board = self.board();
        board.seats += 1;
        let number = board.seats;
        board.targets.insert(number, facts);
        board.assigned = None;
        Seat {
            board: Arc::clone(&self.board),
            number,
        }
    }

    /// How many instances are remembered.
    pub fn instances(&self) -> usize {
        self.board().instances.len()
    }

    /// Instances that made room for others since somebody asked: what was known about them is lost.
    pub fn take_crowded_out(&self) -> u64 {
        std::mem::take(&mut self.board().crowded_out)
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        locked(&self.board)
    }
}

impl Seat {
    /// The instances behind this target, as far as that is certain.
    pub fn instances(&self, now: u64) -> Instances {
        let mut board = locked(&self.board);
        board.forget_silent(now);
        let Board {
            is_fed,
            instances,
            targets,
            assigned,
            ..
        } = &mut *board;
        let assigned = assigned.get_or_insert_with(|| assign(instances.values(), targets));
        match assigned.get(&self.number) {
            Some(found) if *is_fed => found.clone(),
            _ => Instances::Unheard,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut board = locked(&self.board);
        board.targets.remove(&self.number);
        board.assigned = None;
    }
}

impl Board {
    /// The one that was silent for longest leaves where there is no room for another.
    fn make_room(&mut self) {
        if self.instances.len() < INSTANCES_MAX {
            return;
        }
        let idlest = self.instances.iter().min_by_key(|(_, instance)| instance.heard());
        if let Some(key) = idlest.map(|(key, _)| key.clone())
            && let Some(instance) = self.instances.remove(&key)
        {
            instance.leave();
            self.crowded_out += 1;
        }
    }

    fn forget_silent(&mut self, now: u64) {
        let before = self.instances.len();
        self.instances.retain(|_, instance| {
            let stays = now.saturating_sub(instance.heard()) <= SILENCE_MAX_NS;
            if !stays {
                instance.leave();
            }
            stays
        });
        if self.instances.len() != before {
            self.assigned = None;
        }
    }
}

impl Key {
    fn of(sender: &SenderFacts<'_>) -> Self {
        if sender.instance_id.is_empty() {
            return Self {
                said: sender.resource.into(),
                client: sender.client,
            };
        }
        Self {
            said: sender.instance_id.as_bytes().into(),
            client: None,
        }
    }
}

/// Every change under this lock is whole before anything can panic.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
