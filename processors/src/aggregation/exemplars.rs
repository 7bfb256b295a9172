//! A few measurements with the traces in which they were made.

use pipeline::payload::metrics::{Exemplar, Number};
use pipeline::payload::{SpanId, TraceId};

/// One measurement with its trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// What was measured.
    pub value: f64,
    /// When, in nanoseconds since 1970.
    pub time: u64,
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
}

/// The latest measurement of each bucket, as far as there is room: what is slow is as visible as what is usual. They
/// belong to the points of one flush and are told with it.
///
/// Spans come late and out of order, and Prometheus takes no exemplar that is older than the last one of its series: what
/// is not later than all that were told is not kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exemplars {
    /// The millisecond after the last one that was told; Prometheus looks no closer.
    from: u64,
    /// With the bucket of each; the one that has been there longest stands first.
    held: Vec<(i32, Measured)>,
}

impl Exemplars {
    /// Keeps a measurement in place of the last of its bucket; if that is a new bucket and there are `most` already,
    /// in place of the oldest. One without a trace leads nowhere and is not kept.
    #[inline]
    pub fn offer(&mut self, bucket: i32, measured: Measured, most: usize) {
        if most == 0 || measured.trace_id.is_zero() || milliseconds(measured.time) < self.from {
            return;
        }
        if let Some((_, same)) = self.held.iter_mut().find(|(held, _)| *held == bucket) {
            if measured.time >= same.time {
                *same = measured;
            }
            return;
        }
        if self.held.len() < most {
            self.held.reserve_exact(most - self.held.len());
        } else {
            self.held.remove(0);
        }
        self.held.push((bucket, measured));
    }

    /// Takes over what another one kept; the other's are taken to be later.
    pub fn merge(&mut self, other: &Self, most: usize) {
        for (bucket, measured) in &other.held {
            self.offer(*bucket, *measured, most);
        }
    }

    /// Forgets them and keeps the room.
    pub fn clear(&mut self) {
        self.held.clear();
    }

    /// They were told at this time: only later ones will follow.
    pub fn told(&mut self, now: u64) {
        let times = self
            .held
            .iter()
            .map(|(_, measured)| milliseconds(measured.time.min(now)));
        self.from = times.max().map_or(self.from, |last| self.from.max(last + 1));
        self.clear();
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// In the order of their times, as Prometheus wants them. None is later than `now`, which a clock that is ahead could
    /// make it: after that one, no other would be taken.
    pub fn write(&self, now: u64, out: &mut Vec<Exemplar<'static>>) {
        out.clear();
        out.extend(self.held.iter().map(|(_, measured)| Exemplar {
            value: Number::Double(measured.value),
            time: measured.time.min(now),
            trace_id: Some(measured.trace_id),
            span_id: (!measured.span_id.is_zero()).then_some(measured.span_id),
            attributes: None,
        }));
        // At the same time, the lower value first.
        out.sort_by(|one, other| {
            let times = milliseconds(one.time).cmp(&milliseconds(other.time));
            times.then_with(|| one.value.as_f64().total_cmp(&other.value.as_f64()))
        });
    }
}

fn milliseconds(nanoseconds: u64) -> u64 {
    nanoseconds / 1_000_000
}

/// Which exemplars of an exponential histogram compete: those of one octave. Its own buckets move with its scale.
pub fn octave(value: f64) -> i32 {
    (value.to_bits() >> 52) as i32
}
