//! A device and its samples.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use arc_swap::ArcSwap;

use super::samples::{Samples, Window};
use super::{Fast, Slow};

/// A GPU, or a MIG instance of one.
#[derive(Debug)]
pub struct Gpu {
    /// What does not change while it is there.
    pub about: About,
    /// Shared with handles of the same device that were published before.
    history: ArcSwap<History>,
}

/// What was sampled of a device, for who asks often. That of a device that was published stays its history for ever.
#[derive(Debug)]
pub struct History {
    /// Held for one sample or one window at a time.
    samples: RwLock<Samples>,
    settled_until: AtomicU64,
}

/// What does not change while a device is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// `GPU-…`, or `MIG-…` of an instance.
    pub uuid: String,
    /// The driver's index; of an instance that of its GPU.
    pub index: u32,
    /// The number in `/dev/nvidia0`, which the index need not be.
    pub minor: Option<u32>,
    /// Product name.
    pub model: String,
    /// `00000000:18:00.0`.
    pub pci_bus_id: String,
    /// Set for a MIG instance.
    pub mig: Option<Mig>,
}

/// What makes a device a MIG instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mig {
    /// UUID of the GPU that it is a part of.
    pub parent: String,
    /// The GPU instance's number, where the driver tells.
    pub gpu_instance: Option<u32>,
    /// Compute slices of the instance.
    pub slices: u32,
    /// `1g.10gb`.
    pub profile: String,
}

impl Gpu {
    /// A device without samples.
    pub fn new(about: About) -> Arc<Self> {
        let history = ArcSwap::from_pointee(History::new());
        Arc::new(Self { about, history })
    }

    /// The same device of which more is known now; both handles add to one history.
    pub fn known_better(&self, about: About) -> Arc<Self> {
        let history = ArcSwap::new(self.history.load_full());
        Arc::new(Self { about, history })
    }

    /// Adds what is sampled often.
    pub fn add_fast(&self, sample: &Fast) {
        self.history.load().add(|samples| samples.add_fast(sample));
    }

    /// Adds what is sampled less often.
    pub fn add_slow(&self, sample: &Slow) {
        self.history.load().add(|samples| samples.add_slow(sample));
    }

    /// What the device did in a window; see [`History::window`].
    pub fn window(&self, from: u64, to: u64) -> Option<Window> {
        self.history.load().window(from, to)
    }

    /// Energy of a window in joules, as far as it is known.
    pub fn energy_j(&self, from: u64, to: u64) -> Option<f64> {
        self.history.load().read().energy_j(from, to)
    }

    /// Until when no later sample changes what a window says; 0 before the first.
    pub fn settled_until(&self) -> u64 {
        self.history.load().settled_until()
    }

    /// What was sampled of it.
    pub fn history(&self) -> Arc<History> {
        self.history.load_full()
    }

    /// Samples that were not taken, because their time was before that of the newest.
    pub fn ignored(&self) -> u64 {
        self.history.load().read().ignored
    }

    /// Memory of the samples.
    pub fn bytes_len(&self) -> usize {
        self.history.load().read().bytes_len()
    }

    /// Goes on where another handle of the same device has begun: both add to one history from here on.
    pub(super) fn continue_from(&self, before: &Self) {
        self.history.store(before.history.load_full());
    }
}

// Nothing under the lock waits or can panic, so a poisoned one is as good as another.
impl History {
    fn new() -> Self {
        Self {
            samples: RwLock::new(Samples::new()),
            settled_until: AtomicU64::new(0),
        }
    }

    fn add(&self, sample: impl FnOnce(&mut Samples)) {
        let mut samples = self.samples.write().unwrap_or_else(PoisonError::into_inner);
        sample(&mut samples);
        // Under the lock, so that whoever sees it finds at least these samples.
        self.settled_until.store(samples.settled_until(), Ordering::Release);
    }

    /// What the device did in a window, times in nanoseconds since 1970. Nothing where no sample speaks for any part of
    /// it, so that what nobody saw never looks like a measurement.
    pub fn window(&self, from: u64, to: u64) -> Option<Window> {
        self.read().window(from, to)
    }

    /// Until when no later sample changes what a window says; 0 before the first.
    #[inline]
    pub fn settled_until(&self) -> u64 {
        self.settled_until.load(Ordering::Acquire)
    }

    fn read(&self) -> RwLockReadGuard<'_, Samples> {
        self.samples.read().unwrap_or_else(PoisonError::into_inner)
    }
}
