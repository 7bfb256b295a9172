//! What an engine's page says about requests, beside what their spans said: exemplars for its histograms, how many of
//! the finished requests have a span, and how many were given up after their first token.

mod aborted;
mod completeness;
mod exemplars;
mod roles;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use pipeline::context::engine_requests::matching::Instances;
use pipeline::context::engine_requests::{Instance, Seat};
use pipeline::payload::scrape::Scrape;

use self::aborted::{Aborted, Counts};
use self::completeness::Completeness;
pub(crate) use self::completeness::SPANS_WITHIN_MAX;
use self::exemplars::Exemplars;
use self::roles::{Count, Places, Roles};
use super::metrics;
use super::profile::{Metric, Profile};

/// What is told beside the page, in this order.
pub(crate) const TOLD: [Metric; 3] = metrics::COMPARED;

/// How a scrape was compared with spans.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Compared {
    /// By the order of [`TOLD`]; none where it is not known.
    pub(crate) values: [Option<f64>; TOLD.len()],
    /// Since when they count, in nanoseconds since 1970; 0 for not known.
    pub(crate) starts: [u64; TOLD.len()],
    /// Why the spans of this target could not be used, or not all of them.
    pub(crate) unused: Option<Unused>,
}

/// Why spans could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unused {
    /// They may be of several targets.
    Ambiguous,
    /// There are some, and nothing says whose they are.
    Unmatched,
    /// They are this target's, and it has several series that they may belong to.
    Series,
}

impl Unused {
    /// The word in this receiver's own metrics.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Ambiguous => "ambiguous",
            Self::Unmatched => "unmatched",
            Self::Series => "series",
        }
    }
}

/// The requests of one target.
#[derive(Debug)]
pub(crate) struct Requests {
    seat: Seat,
    roles: Roles,
    exemplars: Exemplars,
    completeness: Completeness,
    aborted: Aborted,
    traced: Traced,
}

impl Requests {
    /// Those of a target whose engine has this table. Spans come so late at most.
    pub(crate) fn new(seat: Seat, profile: &'static Profile, spans_within: Duration) -> Self {
        Self {
            seat,
            roles: Roles::new(profile),
            exemplars: Exemplars::default(),
            completeness: Completeness::new(spans_within),
            aborted: Aborted::default(),
            traced: Traced::default(),
        }
    }

    /// Compares a page with spans: it gets exemplars, and what the comparison says is given back.
    pub(crate) fn read(&mut self, scrape: &mut Scrape) -> Compared {
        let now = u64::try_from(scrape.time).unwrap_or_default().saturating_mul(1_000_000);
        if !self.roles.learn(&scrape.shape) {
            self.exemplars.start_anew();
        }
        let mut places = Places::default();
        let mut count = |of: Count| self.roles.count(of, &scrape.samples, &mut places);
        let finished = count(Count::Finished);
        let counts = Counts {
            first_tokens: count(Count::FirstTokens),
            ended: count(Count::Ended),
            running: count(Count::Running),
            waiting: count(Count::Waiting),
            preemptions: count(Count::Preemptions),
            since: self.roles.first_tokens_since(scrape),
        };
        let aborted = (!self.roles.counts_aborts())
            .then(|| self.aborted.read(&counts))
            .flatten();
        let instances = self.seat.instances(now);
        let (mut unused, known): (_, &[Arc<Instance>]) = match &instances {
            Instances::Known(known) => (None, known),
            Instances::Nobody | Instances::Unheard => (None, &[]),
            Instances::Ambiguous => (Some(Unused::Ambiguous), &[]),
            Instances::Unmatched => (Some(Unused::Unmatched), &[]),
        };
        let is_certain = matches!(instances, Instances::Known(_) | Instances::Nobody);
        let share = self.completeness.read(now, finished, known).filter(|_| is_certain);
        if !known.is_empty() && !self.exemplars.attach(scrape, &mut self.roles, known, &mut places) {
            unused = Some(Unused::Series);
        }
        #[allow(clippy::cast_precision_loss)] // Nobody sees as many requests as a double can count.
        let traced = is_certain.then(|| self.traced.read(known, now) as f64);
        Compared {
            values: [traced, share, aborted],
            starts: [self.traced.since, 0, counts.since],
            unused,
        }
    }

    /// The target did not answer: what its page says next may be about another process.
    pub(crate) fn lose_sight(&mut self) {
        self.completeness.start_anew();
    }
}

/// Request spans of a target. Its instances come and go, and each counts from zero.
#[derive(Debug, Default)]
struct Traced {
    total: u64,
    /// When counting began.
    since: u64,
    /// How many each had shown before.
    before: Vec<(Arc<Instance>, u64)>,
}

impl Traced {
    fn read(&mut self, instances: &[Arc<Instance>], now: u64) -> u64 {
        if self.since == 0 {
            self.since = now;
        }
        for instance in instances {
            let requests = instance.requests();
            match self.before.iter_mut().find(|(known, _)| Arc::ptr_eq(known, instance)) {
                Some((_, before)) => self.total += requests.saturating_sub(std::mem::replace(before, requests)),
                None => {
                    self.total += requests;
                    self.before.push((Arc::clone(instance), requests));
                }
            }
        }
        self.before.retain(|(instance, _)| !instance.has_left());
        self.total
    }
}
