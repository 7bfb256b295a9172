//! One walk over a batch for all stages of a pipeline.
//!
//! The outcome is as if the stages had walked one after the other, each over the whole batch: per item the stages come
//! in order, each sees the item as the earlier ones left it; children come after all spans of their resource, stage by
//! stage, and meet only the stages behind the one that made them. Where no stage looks at single items, none is visited.

use super::counts::StageCounts;
use super::edit::{Children, Pending, Verdict};
use super::metrics::Metrics;
use super::pass::Pass;
use super::schema::{self, Message};
use super::signals::{Logs, Traces};
use super::splice::{Level, Splice};
use super::stage::{BatchContext, ItemStage, SpanStage, Visitor};
use bytes::Bytes;

/// A buffer that grew beyond this in one batch is given back: one odd batch must not hold memory for ever. The children
/// of a thousand requests take one MiB, and giving that back after every batch would cost more than writing them.
pub(super) const KEPT_BYTES_MAX: usize = 4 << 20;

/// What a walk makes of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Walked<P = Traces> {
    /// What goes on; the same `Bytes` if no stage stated an edit. Nothing if every item was dropped or held.
    pub left: Option<P>,
    /// What each stage did, beginning with the one at `from`.
    pub counts: Vec<StageCounts>,
}

impl<P> Walked<P> {
    /// The same about another form of the batch.
    pub(crate) fn map<Q>(self, form: impl FnOnce(P) -> Q) -> Walked<Q> {
        Walked {
            left: self.left.map(form),
            counts: self.counts,
        }
    }
}

/// What the walk keeps per stage.
#[derive(Debug, Default)]
pub(super) struct Seat {
    pub(super) children: Children,
    /// What the stage said about the resource at hand; nothing while it has not met it.
    pub(super) resource: Option<Verdict>,
    pub(super) scope: Option<Verdict>,
    /// Whether it has met the metric at hand. Always, where there are no metrics.
    pub(super) knows_metric: bool,
    pub(super) counts: StageCounts,
    pub(super) looks_at_items: bool,
}

/// The buffers of a walk. A lane owns one and uses it for batch after batch, so that walking allocates only the output.
#[derive(Debug, Default)]
pub struct Walk {
    pub(super) resource: Level,
    pub(super) scope: Level,
    pub(super) metric: Level,
    /// The gauge, sum or histogram in the metric.
    pub(super) data: Level,
    /// The `ScopeSpans` of a made scope without its spans, so that its view knows the schema.
    pub(super) made_shell: Vec<u8>,
    /// The current item as the earlier stages left it.
    pub(super) here: Vec<u8>,
    pub(super) next: Vec<u8>,
    pub(super) pending: Pending,
    pub(super) seats: Vec<Seat>,
    /// Output per 256 bytes of input in the batch before: the next one will be much alike.
    growth: usize,
}

impl Walk {
    /// A walk without history.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs the stages from index `from` on over a batch.
    pub fn run(
        &mut self,
        traces: &Traces,
        stages: &mut [Box<dyn SpanStage>],
        from: usize,
        context: &BatchContext<'_>,
    ) -> Walked {
        let (bytes, spans) = (traces.bytes(), traces.spans());
        let walked = self.walk(&schema::SCOPE_SPANS, bytes, spans, stages, from, context);
        walked.map(|left| left.map_or_else(|| traces.clone(), |(bytes, spans)| Traces::trusted(bytes, spans)))
    }

    /// The same for metrics.
    pub fn run_metrics(
        &mut self,
        metrics: &Metrics,
        stages: &mut [Box<dyn ItemStage>],
        from: usize,
        context: &BatchContext<'_>,
    ) -> Walked<Metrics> {
        let (bytes, points) = (metrics.bytes(), metrics.points());
        let walked = self.walk(&schema::SCOPE_METRICS, bytes, points, stages, from, context);
        walked.map(|left| left.map_or_else(|| metrics.clone(), |(bytes, points)| Metrics::trusted(bytes, points)))
    }

    /// The same for logs.
    pub fn run_logs(
        &mut self,
        logs: &Logs,
        stages: &mut [Box<dyn ItemStage>],
        from: usize,
        context: &BatchContext<'_>,
    ) -> Walked<Logs> {
        let (bytes, records) = (logs.bytes(), logs.records());
        let walked = self.walk(&schema::SCOPE_LOGS, bytes, records, stages, from, context);
        walked.map(|left| left.map_or_else(|| logs.clone(), |(bytes, records)| Logs::trusted(bytes, records)))
    }

    /// Walks over a request with so many items, whose scopes look like `schema`. What is left is no bytes where they are
    /// the same.
    fn walk<S: Visitor + ?Sized>(
        &mut self,
        schema: &'static Message,
        input: &[u8],
        items: u32,
        stages: &mut [Box<S>],
        from: usize,
        context: &BatchContext<'_>,
    ) -> Walked<Option<(Bytes, u32)>> {
        self.start(stages.len());
        for (stage, seat) in stages.iter_mut().zip(&mut self.seats).skip(from) {
            stage.batch(context);
            seat.looks_at_items = stage.looks_at_items();
        }
        let expected = input.len() + input.len() / 8 + input.len() / 256 * self.growth.saturating_sub(256);
        let mut pass = Pass {
            input,
            schema,
            metric: &[],
            stages,
            from,
            walk: self,
            splice: Splice::new(input, expected),
            kept: 0,
            lost: 0,
        };
        pass.request(items);
        let (kept, lost, splice) = (pass.kept, pass.lost, pass.splice);
        let left = if splice.is_untouched() {
            Some(None)
        } else {
            let out = splice.finish();
            self.growth = (out.len() * 256).checked_div(input.len()).unwrap_or_default();
            (kept > 0 || lost == 0).then(|| Some((exactly(out), kept)))
        };
        self.shrink();
        let seats = self.seats.iter_mut().skip(from);
        Walked {
            left,
            counts: seats.map(|seat| std::mem::take(&mut seat.counts)).collect(),
        }
    }

    /// What each stage did until one of them panicked, beginning with the one at `from`.
    pub(crate) fn interrupted(self, from: usize) -> Vec<StageCounts> {
        self.seats.into_iter().skip(from).map(|seat| seat.counts).collect()
    }

    /// Forgets what a batch before this one may have left behind if a stage panicked in it.
    fn start(&mut self, stages: usize) {
        self.pending.clear();
        self.seats.resize_with(stages, Seat::default);
        for seat in &mut self.seats {
            seat.children.clear();
            seat.counts = StageCounts::default();
            seat.knows_metric = true;
        }
    }

    fn shrink(&mut self) {
        self.pending.forget_patches_beyond(KEPT_BYTES_MAX);
        for buffer in self.buffers() {
            if buffer.capacity() > KEPT_BYTES_MAX {
                *buffer = Vec::new();
            }
        }
    }

    /// All that a batch can make grow, but for the list of patches.
    pub(super) fn buffers(&mut self) -> impl Iterator<Item = &mut Vec<u8>> {
        let seats = self.seats.iter_mut().map(|seat| &mut seat.children.spans);
        let levels = [&mut self.resource, &mut self.scope].map(Level::buffer);
        let own = [&mut self.here, &mut self.next, &mut self.made_shell];
        seats.chain(levels).chain(own).chain(self.pending.buffers())
    }
}

/// Hands the output over. A batch may wait long in a queue that counts its length, so slack is given back.
fn exactly(mut out: Vec<u8>) -> Bytes {
    if out.capacity() > out.len() + out.len() / 8 {
        out.shrink_to_fit();
    }
    Bytes::from(out)
}
