//! What a processor did, in the ledger and under the Collector's names.

use config::Signal;

use crate::Batch;
use crate::component::{Flow, REFUSED};
use crate::ledger::{Account, signal_name};
use crate::payload::{Released, StageCounts};
use crate::telemetry::{Counter, ItemFlow, ItemOutcome, MetricAbout, Telemetry};

pub(super) const INCOMING: MetricAbout = MetricAbout {
    name: "otelcol_processor_incoming_items",
    help: "Items that a processor was given.",
    unit: "{item}",
};
pub(super) const OUTGOING: MetricAbout = MetricAbout {
    name: "otelcol_processor_outgoing_items",
    help: "Items that a processor passed on.",
    unit: "{item}",
};

/// Why items ended that a processor had when it panicked.
const PANIC: &str = "panic";

/// The books of one stage in one lane. The account beneath adds up all lanes.
pub(super) struct Books {
    account: Account,
    incoming: Counter,
    outgoing: Counter,
    /// The same two under the names that all kinds of components share.
    consumed: Option<ItemFlow>,
    produced: Option<ItemFlow>,
    /// What the stage holds, as far as it said.
    held: i64,
    /// It panicked since, so it may hold less.
    in_doubt: bool,
}

impl Books {
    pub(super) fn new(account: Account, telemetry: &Telemetry, signal: Signal) -> Self {
        let telemetry = telemetry.with("otel_signal", signal_name(signal));
        Self {
            account,
            incoming: telemetry.counter(INCOMING),
            outgoing: telemetry.counter(OUTGOING),
            consumed: None,
            produced: None,
            held: 0,
            in_doubt: false,
        }
    }

    /// Counts under the shared names as well.
    pub(super) fn count(&mut self, consumed: Option<ItemFlow>, produced: Option<ItemFlow>) {
        (self.consumed, self.produced) = (consumed, produced);
    }

    /// A stage that looks at spans walked over a batch.
    pub(super) fn walked(&mut self, counts: &StageCounts) {
        self.received(counts.received, 0);
        self.hold(counts.held as i64);
        self.made_and_dropped(counts);
        self.forwarded(counts.forwarded());
    }

    /// A stage that looks at spans let go of some that it had held.
    pub(super) fn released(&mut self, released: &Released) {
        self.hold(-(released.counts.received as i64));
        self.made_and_dropped(&released.counts);
        self.forwarded(u64::from(released.traces.spans()));
    }

    /// A batch went by a stage that does nothing here.
    pub(super) fn passed(&self, items: u64) {
        self.received(items, 0);
        self.forwarded(items);
    }

    /// Writes down what a stage of batches was given and let go, and takes what it passed on. The rest it holds.
    pub(super) fn take(&mut self, flow: &mut Flow, received: u64) -> Vec<Batch> {
        let (mut left, mut refused) = (0, 0);
        for (reason, items) in flow.take_discarded() {
            self.account.discard(reason, items);
            left += items;
            refused += if reason == REFUSED { items } else { 0 };
        }
        self.received(received, refused.min(received));
        let forwarded = flow.take_forwarded();
        let items = forwarded
            .iter()
            .map(|batch| u64::from(batch.payload.items()))
            .sum::<u64>();
        self.forwarded(items);
        self.hold(received as i64 - (left + items) as i64);
        forwarded
    }

    /// The stage panicked. What it held may be gone; that is found out when it says that it holds nothing.
    pub(super) fn panicked(&mut self) {
        self.in_doubt = true;
    }

    /// Counts as lost what a stage that has panicked should hold but does not. `holds` asks it whether it holds anything.
    pub(super) fn find_losses(&mut self, holds: impl FnOnce() -> bool) {
        if !self.in_doubt || holds() {
            return;
        }
        self.in_doubt = false;
        let items = u64::try_from(self.held).unwrap_or(0);
        if items > 0 {
            tracing::error!(items, "items are lost: a processor that held them panicked");
            self.account.discard(PANIC, items);
            self.hold(-self.held);
        }
    }

    /// The processor was given items, some of which it did not take.
    fn received(&self, items: u64, failed: u64) {
        self.account.received.add(items);
        self.incoming.add(items);
        if let Some(consumed) = &self.consumed {
            consumed.add(ItemOutcome::Success, items - failed);
            consumed.add(ItemOutcome::Failure, failed);
        }
    }

    fn forwarded(&self, items: u64) {
        self.account.forwarded.add(items);
        self.outgoing.add(items);
        if let Some(produced) = &self.produced {
            produced.add(ItemOutcome::Success, items);
        }
    }

    fn hold(&mut self, items: i64) {
        self.held += items;
        self.account.held.add(items);
    }

    fn made_and_dropped(&self, counts: &StageCounts) {
        self.account.made.add(counts.emitted);
        for (reason, items) in counts.dropped() {
            self.account.discard(reason, *items);
        }
    }
}

/// Neighbours walked over a batch of `items` until one of them panicked; `counts` is how far they came.
///
/// What they held they hold. What one passed on and the next one received stands in both books; everything else that
/// was in the batch is lost where it was.
pub(super) fn walk_panicked(books: &mut [Books], counts: &[StageCounts], items: u64) {
    let reached_next = counts.iter().skip(1).map(|counts| counts.received).chain([0]);
    for (index, ((books, counts), reached_next)) in books.iter_mut().zip(counts).zip(reached_next).enumerate() {
        // Spans that the walk did not come to are lost in front of the first stage.
        let never_met = if index == 0 {
            items.saturating_sub(counts.received)
        } else {
            0
        };
        let forwarded = counts.forwarded().min(reached_next);
        let lost = never_met + counts.forwarded() - forwarded;
        let received = counts.received + never_met;
        books.received(received, lost.min(received));
        books.hold(counts.held as i64);
        books.made_and_dropped(counts);
        books.forwarded(forwarded);
        books.account.discard(PANIC, lost);
        books.panicked();
    }
}
