//! One memory budget for the whole process, taken in bytes before a body is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How long a refused sender is asked to wait: long enough to drain a queue, short enough not to lose the moment.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The budget where no `memory_limiter` sets one. A node agent is given a few hundred MiB as a rule; a process that
/// needs more says so in its configuration.
pub const DEFAULT_LIMIT_BYTES: u64 = 256 * 1024 * 1024;

/// Bytes that all batches of this process may hold together.
///
/// Receivers take a [`Credit`] before they read a body and pass it on with the batch; it flows back when the last
/// holder of the bytes drops it. No credit means refusal with a retry delay: memory is bounded at the door.
#[derive(Debug, Clone)]
pub struct Budget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit: AtomicU64,
    /// Whether somebody has set the limit; before that it is the built-in one.
    limited: AtomicBool,
    used: AtomicU64,
    refused: AtomicU64,
}

/// Bytes of the budget that a batch holds; dropping the last share gives them back.
#[derive(Debug)]
#[must_use = "a credit that is dropped no longer covers the bytes it was taken for"]
pub struct Credit {
    shared: Arc<Shared>,
    bytes: AtomicU64,
    /// Credits of the batches that were merged into this one; held, never read.
    _joined: Vec<Arc<Credit>>,
}

/// The budget is used up; the sender should come back later, unless what it sends is larger than the whole budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.words())]
pub struct Exhausted {
    /// Bytes that the batch needs at once.
    pub needed: u64,
    /// Bytes in flight when the credit was refused.
    pub used: u64,
    /// The limit they were held against.
    pub limit: u64,
    /// What to tell the sender.
    pub retry_after: Duration,
}

impl Exhausted {
    /// Whether the batch would not fit even if nothing else were in flight.
    pub fn is_hopeless(&self) -> bool {
        self.needed > self.limit
    }

    fn words(&self) -> String {
        let Self {
            needed,
            used,
            limit,
            retry_after,
        } = self;
        if self.is_hopeless() {
            return format!(
                "the batch needs {needed} bytes of memory and there are {limit} in all; send smaller batches or raise \
                 memory_limiter's limit"
            );
        }
        format!(
            "memory limit reached: {used} of {limit} bytes are in flight; retry in {} s or raise memory_limiter's limit",
            retry_after.as_secs_f32()
        )
    }
}

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: u64) -> Self {
        let shared = Shared {
            limit: AtomicU64::new(limit),
            limited: AtomicBool::new(false),
            used: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Changes the limit; credits that are out stay out.
    pub fn set_limit(&self, bytes: u64) {
        self.shared.limit.store(bytes, Ordering::Relaxed);
    }

    /// Sets the limit, or lowers one that was set before: of several limiters the tightest counts. Says whether this
    /// one changed anything.
    pub fn tighten(&self, bytes: u64) -> bool {
        if self.shared.limited.swap(true, Ordering::Relaxed) {
            return self.shared.limit.fetch_min(bytes, Ordering::Relaxed) > bytes;
        }
        self.shared.limit.store(bytes, Ordering::Relaxed);
        true
    }

    /// The limit in bytes.
    pub fn limit(&self) -> u64 {
        self.shared.limit.load(Ordering::Relaxed)
    }

    /// Bytes in flight.
    pub fn used(&self) -> u64 {
        self.shared.used.load(Ordering::Relaxed)
    }

    /// How many times a credit was refused since the start.
    pub fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::Relaxed)
    }

    /// Takes `bytes`, or says why not.
    pub fn admit(&self, bytes: u64) -> Result<Credit, Exhausted> {
        if self.shared.take(bytes) {
            return Ok(Credit::new(&self.shared, bytes));
        }
        Err(self.shared.exhausted(bytes))
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(DEFAULT_LIMIT_BYTES)
    }
}

impl Shared {
    fn take(&self, bytes: u64) -> bool {
        let limit = self.limit.load(Ordering::Relaxed);
        let within = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= limit);
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, within)
            .is_ok()
    }

    fn exhausted(&self, needed: u64) -> Exhausted {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let (used, limit) = (self.used.load(Ordering::Relaxed), self.limit.load(Ordering::Relaxed));
        Exhausted {
            needed,
            used,
            limit,
            retry_after: RETRY_AFTER,
        }
    }
}

impl Credit {
    /// A credit of no bytes, for batches that this process made from bytes already accounted for.
    pub fn none(budget: &Budget) -> Self {
        Self::new(&budget.shared, 0)
    }

    /// A credit for bytes that this process made itself, over the limit if need be.
    pub fn of(bytes: u64, budget: &Budget) -> Self {
        let credit = Self::none(budget);
        credit.grow(bytes);
        credit
    }

    /// One credit for a batch that was merged from several.
    pub fn join(credits: Vec<Arc<Self>>, budget: &Budget) -> Self {
        Self {
            shared: Arc::clone(&budget.shared),
            bytes: AtomicU64::new(0),
            _joined: credits,
        }
    }

    /// The bytes this credit covers, without those of credits that were joined.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Grows to `bytes` while a body is read, or shrinks to what it came to. Growing beyond the limit is refused and
    /// changes nothing.
    pub fn resize(&mut self, bytes: u64) -> Result<(), Exhausted> {
        let more = bytes.saturating_sub(self.bytes());
        if !self.shared.take(more) {
            return Err(self.shared.exhausted(bytes));
        }
        let less = self.bytes().saturating_sub(bytes);
        self.shared.used.fetch_sub(less, Ordering::Relaxed);
        *self.bytes.get_mut() = bytes;
        Ok(())
    }

    /// Charges what a pipeline itself added to a batch, over the limit if need be: a batch that was let in is never
    /// refused half-way, the next one at the door is.
    pub fn grow(&self, more: u64) {
        self.shared.used.fetch_add(more, Ordering::Relaxed);
        self.bytes.fetch_add(more, Ordering::Relaxed);
    }

    /// Sets the charge to what a component holds by itself, over the limit if need be.
    pub fn set(&mut self, bytes: u64) {
        let more = bytes.saturating_sub(self.bytes());
        let less = self.bytes().saturating_sub(bytes);
        self.shared.used.fetch_add(more, Ordering::Relaxed);
        self.shared.used.fetch_sub(less, Ordering::Relaxed);
        *self.bytes.get_mut() = bytes;
    }

    fn new(shared: &Arc<Shared>, bytes: u64) -> Self {
        Self {
            shared: Arc::clone(shared),
            bytes: AtomicU64::new(bytes),
            _joined: Vec::new(),
        }
    }
}

impl Drop for Credit {
    fn drop(&mut self) {
        self.shared.used.fetch_sub(self.bytes(), Ordering::Relaxed);
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn a_credit_flows_back_when_it_is_dropped() {
        let budget = Budget::new(100);

        let credit = budget.admit(70).expect("fits");

        assert_eq!(budget.used(), 70);
        drop(credit);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn of_several_limiters_the_tightest_counts() {
        let budget = Budget::default();

        budget.tighten(DEFAULT_LIMIT_BYTES);
        budget.tighten(4 * DEFAULT_LIMIT_BYTES);
        assert_eq!(budget.limit(), DEFAULT_LIMIT_BYTES);

        budget.tighten(1_000);
        assert_eq!(budget.limit(), 1_000);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_counted() {
        let budget = Budget::new(100);
        let _held = budget.admit(70).expect("fits");

        let refusal = budget.admit(31).expect_err("does not fit");

        assert_eq!((refusal.needed, refusal.used, refusal.limit), (31, 70, 100));
        assert!(!refusal.is_hopeless());
        assert_eq!((budget.used(), budget.refused()), (70, 1));
    }

    #[test]
    fn what_can_never_fit_is_told_so() {
        let refusal = Budget::new(100).admit(101).expect_err("does not fit");

        assert!(refusal.is_hopeless());
        assert!(refusal.to_string().contains("send smaller batches"), "{refusal}");
    }

    #[test]
    fn a_joined_credit_holds_its_parts() {
        let budget = Budget::new(100);
        let parts = vec![
            Arc::new(budget.admit(30).expect("fits")),
            Arc::new(budget.admit(40).expect("fits")),
        ];

        let joined = Credit::join(parts, &budget);

        assert_eq!(budget.used(), 70);
        drop(joined);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_credit_grows_while_a_body_is_read_and_shrinks_to_what_it_came_to() {
        let budget = Budget::new(100);
        let mut credit = budget.admit(10).expect("fits");

        credit.resize(90).expect("fits");
        assert!(credit.resize(101).is_err());
        credit.resize(20).expect("shrinks");

        assert_eq!((credit.bytes(), budget.used()), (20, 20));
    }

    #[test]
    fn a_batch_that_grew_is_charged_even_over_the_limit() {
        let budget = Budget::new(100);
        let credit = budget.admit(90).expect("fits");

        credit.grow(150);

        assert_eq!(budget.used(), 240);
        assert!(budget.admit(1).is_err());
        drop(credit);
        assert_eq!(budget.used(), 0);
    }
}
