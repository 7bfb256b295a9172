//! Who gets which part of a device's energy.
//!
//! Pure arithmetic. Every request that runs on a device has work with a weight, and energy at any moment is shared by
//! weight. Energy is shared once and in the order of time: the ledger keeps how much a weight of one has earned since it
//! began, so that a piece of work costs two looks at that sum, however many others ran beside it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Work that waits for its time; more than that many pieces, and new ones get no share.
const EVENTS_MAX: usize = 200_000;

/// Nobody asks for a share of what ended longer ago: longer than any span waits here.
const UNCLAIMED_NS_MAX: u64 = 600_000_000_000;

/// A piece of work: part of a request that does the same all the time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Work {
    /// Begin, in nanoseconds since 1970.
    pub(super) from: u64,
    /// End.
    pub(super) to: u64,
    /// Cost per second in any unit, the same for all work on a device.
    pub(super) weight: f64,
}

/// A request: the ids of its trace and its span.
pub(super) type Owner = [u8; 24];

/// Pieces of one request that are told apart. Engines show one prefill and one decode; more than that are pieces of
/// attempts that were taken back.
const PIECES_MAX: usize = 4;

/// What is known of a request's share.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Account {
    /// Joules so far.
    pub(super) joules: f64,
    /// Part of its work came after the energy of that time had been shared.
    pub(super) is_late: bool,
    /// When its last work ends.
    ends: u64,
    /// When each piece of work began: a span that comes twice changes nothing.
    begins: [u64; PIECES_MAX],
}

/// The energy of one device.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Energy is shared until here; 0 before the first time.
    until: u64,
    /// What a weight of one has earned.
    per_weight: f64,
    /// Weights of the work at this moment, and how many pieces that is.
    weight: f64,
    running: usize,
    /// Begins and ends of work that are still to come.
    events: BinaryHeap<Reverse<Event>>,
    accounts: HashMap<Owner, Account>,
    /// When to look for accounts that nobody closed.
    forget_at: u64,
    /// Joules that were shared, and those of times without work.
    pub(super) shared_j: f64,
    pub(super) idle_j: f64,
}

/// Ordered by time; at one moment ends come before begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    at: u64,
    begins: bool,
    owner: Owner,
    weight_bits: u64,
}

impl Ledger {
    /// Work of a request. What lies before the energy that is shared already gets nothing of it.
    pub(super) fn add(&mut self, owner: Owner, work: Work) {
        if work.from >= work.to || !(work.weight.is_finite() && work.weight > 0.0) {
            return;
        }
        let account = self.accounts.entry(owner).or_default();
        if account.begins.contains(&work.from) {
            return;
        }
        match account.begins.iter_mut().find(|begin| **begin == 0) {
            Some(begin) => *begin = work.from,
            None => {
                account.is_late = true; // It would get less than its share.
                return;
            }
        }
        account.ends = account.ends.max(work.to);
        if work.from < self.until || self.events.len() >= EVENTS_MAX {
            account.is_late = true;
        }
        if work.to <= self.until || self.events.len() >= EVENTS_MAX {
            return;
        }
        let event = |at, begins| {
            Reverse(Event {
                at,
                begins,
                owner,
                weight_bits: work.weight.to_bits(),
            })
        };
        self.events.push(event(work.from.max(self.until), true));
        self.events.push(event(work.to, false));
    }

    /// Shares the energy until this moment. `energy` tells what the device used in a window, in joules.
    pub(super) fn advance(&mut self, to: u64, energy: impl Fn(u64, u64) -> f64) {
        if self.until == 0 {
            // What was before the first time is nobody's.
            self.until = self.events.peek().map_or(to, |Reverse(first)| first.at.min(to));
        }
        while let Some(Reverse(event)) = self.events.peek().copied().filter(|Reverse(event)| event.at <= to) {
            self.events.pop();
            self.go_to(event.at, &energy);
            let weight = f64::from_bits(event.weight_bits);
            let earned = weight * self.per_weight;
            if event.begins {
                self.weight += weight;
                self.running += 1;
            } else {
                self.weight -= weight;
                self.running -= 1;
            }
            if let Some(account) = self.accounts.get_mut(&event.owner) {
                account.joules += if event.begins { -earned } else { earned };
            }
            if self.running == 0 {
                self.rest();
            }
        }
        self.go_to(to, &energy);
        if self.until >= self.forget_at {
            // Of a request whose own span never came nobody asks for the share.
            let oldest = self.until.saturating_sub(UNCLAIMED_NS_MAX);
            self.accounts.retain(|_, account| account.ends >= oldest);
            self.forget_at = self.until + UNCLAIMED_NS_MAX;
        }
    }

    /// Until when energy is shared.
    pub(super) fn until(&self) -> u64 {
        self.until
    }

    /// Closes a request's account. Work of it that is still to come earns nothing for anybody who could be asked.
    pub(super) fn close(&mut self, owner: Owner) -> Option<Account> {
        self.accounts.remove(&owner)
    }

    fn go_to(&mut self, to: u64, energy: &impl Fn(u64, u64) -> f64) {
        if to <= self.until {
            return;
        }
        let used = energy(self.until, to);
        if self.running > 0 && self.weight > 0.0 {
            self.per_weight += used / self.weight;
            self.shared_j += used;
        } else {
            self.idle_j += used;
        }
        self.until = to;
    }

    /// With nobody at work the sums begin anew, so that what rounding has left in them never grows.
    fn rest(&mut self) {
        self.weight = 0.0;
        // Only closed work is left, so nobody's account refers to the sum.
        self.per_weight = 0.0;
    }
}
