//! What request spans said about each instance of an engine, for whoever scrapes that instance.
//!
//! Who reads request spans publishes them while anybody [listens](EngineRequests::has_listeners): it asks
//! [`EngineRequests::instance`] once for the resource of a batch, and tells the [`Instance`] about each request. Who scrapes
//! an engine takes a [`Seat`] for the target, and asks it which instances are its own: the rules are in [`matching`].

mod instance;
mod kept;
pub mod matching;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
mod window;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use instance::Clients;
pub use instance::{Instance, Request, Role};
pub use kept::Kept;
use matching::{Instances, Names, SenderFacts, TargetFacts, assign};
pub use window::{RING_SECONDS, Spans};

/// Instances that are remembered at once. Each takes about 30 KB, and a process that scrapes engines has some dozens of
/// them at most. Beyond them one that a target may want takes the place of the one that no target wants and that was
/// silent for longest.
pub const INSTANCES_MAX: usize = 256;

/// The longest resource of an instance, in bytes: it is remembered, and nobody has that much to say about an engine.
pub const RESOURCE_BYTES_MAX: usize = 8 * 1024;

/// How long no room is looked for after all instances were found to be wanted: a look goes over all of them and all
/// targets.
const FULL_NS: u64 = 1_000_000_000;

/// How long an instance may be silent before it is forgotten. A restarted engine often calls itself something new, and
/// as long as the former one is remembered an address alone does not tell them apart.
pub const SILENCE_MAX_NS: u64 = 600 * 1_000_000_000;

/// What request spans said about each instance; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct EngineRequests {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// How many targets the board has, for who only wants to know whether there are any.
    listeners: AtomicUsize,
    board: Mutex<Board>,
}

#[derive(Debug, Default)]
struct Board {
    /// Somebody reads request spans.
    is_fed: bool,
    instances: HashMap<Key, Arc<Instance>>,
    /// By number, which is that of a seat.
    targets: BTreeMap<u64, TargetFacts>,
    seats: u64,
    /// There is no room until then, in nanoseconds since 1970.
    full_until: u64,
    /// When an instance had no room last, or lost it.
    crowded: Option<u64>,
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
    shared: Arc<Shared>,
    number: u64,
}

/// Where the requests of an instance are told.
#[derive(Debug)]
pub struct Admitted {
    /// The instance, which is remembered from now on.
    pub instance: Arc<Instance>,
    /// Another one was forgotten for it.
    pub has_crowded_out: bool,
}

/// Why nobody is told about the requests of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAdmitted {
    /// Its resource is longer than [`RESOURCE_BYTES_MAX`].
    ResourceSize,
    /// There are [`INSTANCES_MAX`] others, and no target wants this one, or targets want all of those as well.
    Instances,
}

impl EngineRequests {
    /// Says that somebody reads request spans: a target about which nothing was said has no spans then.
    pub fn feed(&self) {
        self.board().is_fed = true;
    }

    /// Whether any target is scraped: if not, nothing that is told is ever asked for.
    #[inline]
    pub fn has_listeners(&self) -> bool {
        self.shared.listeners.load(Ordering::Relaxed) > 0
    }

    /// The instance that a resource is about. `now` is in nanoseconds since 1970.
    pub fn instance(&self, sender: &SenderFacts<'_>, now: u64) -> Result<Admitted, NotAdmitted> {
        if sender.resource.len() > RESOURCE_BYTES_MAX {
            return Err(NotAdmitted::ResourceSize);
        }
        // An IPv4 sender at an IPv6 door has another form of its address.
        let sender = &SenderFacts {
            client: sender.client.map(|client| client.to_canonical()),
            ..*sender
        };
        let key = Key::of(sender);
        let mut board = self.board();
        if let Some(known) = board.instances.get(&key) {
            let instance = Arc::clone(known);
            if instance.is_heard_from(sender.client, now) {
                board.assigned = None;
            }
            return Ok(Admitted {
                instance,
                has_crowded_out: false,
            });
        }
        let has_crowded_out = board.make_room(sender, now)?;
        let instance = Arc::new(Instance::new(sender, now));
        board.instances.insert(key, Arc::clone(&instance));
        board.assigned = None;
        Ok(Admitted {
            instance,
            has_crowded_out,
        })
    }

    /// A target is scraped from now on, until the seat is dropped.
    pub fn seat(&self, facts: TargetFacts) -> Seat {
        let mut board = self.board();
        board.seats += 1;
        let number = board.seats;
        board.targets.insert(number, facts);
        self.shared.targets_changed(&mut board);
        Seat {
            shared: Arc::clone(&self.shared),
            number,
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        locked(&self.shared.board)
    }
}

impl Shared {
    fn targets_changed(&self, board: &mut Board) {
        self.listeners.store(board.targets.len(), Ordering::Relaxed);
        (board.assigned, board.full_until) = (None, 0);
    }
}

impl Seat {
    /// The instances behind this target, as far as that is certain.
    pub fn instances(&self, now: u64) -> Instances {
        let mut board = locked(&self.shared.board);
        board.forget_silent(now);
        let Board {
            is_fed,
            instances,
            targets,
            assigned,
            crowded,
            ..
        } = &mut *board;
        let assigned = assigned.get_or_insert_with(|| assign(instances.values(), targets));
        match assigned.get(&self.number) {
            // One that is not remembered may be its own.
            Some(Instances::Nobody) if *is_fed && crowded.is_some() => Instances::Unmatched,
            Some(found) if *is_fed => found.clone(),
            _ => Instances::Unheard,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut board = locked(&self.shared.board);
        board.targets.remove(&self.number);
        self.shared.targets_changed(&mut board);
    }
}

impl Board {
    /// Makes room for an instance; says whether another one had to leave for it.
    fn make_room(&mut self, sender: &SenderFacts<'_>, now: u64) -> Result<bool, NotAdmitted> {
        if self.instances.len() < INSTANCES_MAX {
            return Ok(false);
        }
        self.crowded = Some(now);
        let (targets, clients) = (&self.targets, Clients::of(sender.client));
        let is_wanted = |names: Names<'_>, clients| targets.values().any(|target| target.is_about(names, clients));
        if now < self.full_until || !is_wanted(sender.names(), clients) {
            return Err(NotAdmitted::Instances);
        }
        let unwanted = self
            .instances
            .iter()
            .filter(|(_, instance)| !is_wanted(instance.facts().names(), instance.clients()));
        let idlest = unwanted.min_by_key(|(_, instance)| instance.heard());
        let Some(key) = idlest.map(|(key, _)| key.clone()) else {
            self.full_until = now.saturating_add(FULL_NS);
            return Err(NotAdmitted::Instances);
        };
        if let Some(instance) = self.instances.remove(&key) {
            instance.leave();
        }
        Ok(true)
    }

    fn forget_silent(&mut self, now: u64) {
        let before = self.instances.len();
        self.crowded = self
            .crowded
            .filter(|crowded| now.saturating_sub(*crowded) <= SILENCE_MAX_NS);
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
