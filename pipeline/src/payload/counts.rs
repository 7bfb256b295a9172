//! What a stage did, for the books.

use super::edit::Verdict;
use super::signals::Traces;

/// What one stage did: `received + emitted = forwarded + held + dropped`, always.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StageCounts {
    /// Spans that reached the stage.
    pub received: u64,
    /// Spans that it made.
    pub emitted: u64,
    /// Spans that it keeps for later.
    pub held: u64,
    dropped: Vec<(&'static str, u64)>,
}

impl StageCounts {
    /// Spans that it took out, by reason.
    pub fn dropped(&self) -> impl Iterator<Item = (&'static str, &u64)> {
        self.dropped.iter().map(|(reason, spans)| (*reason, spans))
    }

    /// Spans that went on.
    pub fn forwarded(&self) -> u64 {
        let gone = self.held + self.dropped.iter().map(|(_, spans)| spans).sum::<u64>();
        (self.received + self.emitted).saturating_sub(gone)
    }

    /// Counts spans that are taken out.
    pub fn drop(&mut self, reason: &'static str, spans: u64) {
        match self.dropped.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, sum)) => *sum += spans,
            None => self.dropped.push((reason, spans)),
        }
    }

    pub(super) fn settle(&mut self, verdict: Verdict, spans: u64) {
        match verdict {
            Verdict::Keep => {}
            Verdict::Hold => self.held += spans,
            Verdict::Drop(reason) => self.drop(reason, spans),
        }
    }
}

/// Spans that a stage lets go after having held them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Released {
    /// What goes on; empty if every held span is dropped.
    pub traces: Traces,
    /// `received` are the spans that are held no longer; the rest is as for a batch.
    pub counts: StageCounts,
}
