//! One walk over a batch for all stages of a pipeline.
//!
//! The outcome is as if the stages had walked one after the other, each over the whole batch: per span the stages come
//! in order, each sees the span as the earlier ones left it; children come after all spans of their resource, stage by
//! stage, and meet only the stages behind the one that made them.

use super::counts::StageCounts;
use super::edit::{Children, Pending, Verdict};
use super::pass::Pass;
use super::signals::Traces;
use super::splice::{Level, Splice};
use super::stage::{BatchContext, SpanStage};
use bytes::Bytes;

/// A buffer that grew beyond this in one batch is given back: one odd batch must not hold memory for ever. The children
/// of a thousand requests take one MiB, and giving that back after every batch would cost more than writing them.
pub(super) const KEPT_BYTES_MAX: usize = 4 << 20;

/// What a walk makes of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Walked {
    /// What goes on; the same `Bytes` if no stage stated an edit. Nothing if every span was dropped or held.
    pub traces: Option<Traces>,
    /// What each stage did, beginning with the one at `from`.
    pub counts: Vec<StageCounts>,
}

/// Whether a stage has seen the current resource or scope, and what it said about it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) enum Meeting {
    #[default]
    NotYet,
    Met,
    /// Every span in it goes.
    Refused(Verdict),
}

/// What the walk keeps per stage.
#[derive(Debug, Default)]
pub(super) struct Seat {
    pub(super) children: Children,
    pub(super) resource: Meeting,
    pub(super) scope: Meeting,
    pub(super) counts: StageCounts,
    pub(super) looks_at_spans: bool,
}

/// The buffers of a walk. A lane owns one and uses it for batch after batch, so that walking allocates only the output.
#[derive(Debug, Default)]
pub struct Walk {
    pub(super) resource: Level,
    pub(super) scope: Level,
    /// The `ScopeSpans` of a made scope without its spans, so that its view knows the schema.
    pub(super) made_shell: Vec<u8>,
    /// The current span as the earlier stages left it.
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
        self.start(stages.len());
        for (stage, seat) in stages.iter_mut().zip(&mut self.seats).skip(from) {
            stage.batch(context);
            seat.looks_at_spans = stage.looks_at_spans();
        }
        let input: &[u8] = traces.bytes();
        let expected = input.len() + input.len() / 8 + input.len() / 256 * self.growth.saturating_sub(256);
        let mut pass = Pass {
            input,
            stages,
            from,
            walk: self,
            splice: Splice::new(input, expected),
            kept: 0,
            lost: 0,
        };
        pass.request();
        let (kept, lost, splice) = (pass.kept, pass.lost, pass.splice);
        let traces = if splice.is_untouched() {
            Some(traces.clone())
        } else {
            let out = splice.finish();
            self.growth = (out.len() * 256).checked_div(input.len()).unwrap_or_default();
            Some(Traces::trusted(exactly(out), kept))
        };
        self.shrink();
        let counts = self
            .seats
            .iter_mut()
            .skip(from)
            .map(|seat| std::mem::take(&mut seat.counts))
            .collect();
        Walked {
            traces: traces.filter(|_| kept > 0 || lost == 0),
            counts,
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
