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
/// belong to the points of one flush and are cleared with it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exemplars {
    /// With the bucket of each; the one that has been there longest stands first.
    held: Vec<(i32, Measured)>,
}

impl Exemplars {
    /// Keeps a measurement in place of the last of its bucket; if that is a new bucket and there are `most` already,
    /// in place of the oldest. One without a trace leads nowhere and is not kept.
    #[inline]
    pub fn offer(&mut self, bucket: i32, measured: Measured, most: usize) {
        if most == 0 || measured.trace_id.is_zero() {
            return;
        }
        if let Some((_, same)) = self.held.iter_mut().find(|(held, _)| *held == bucket) {
            *same = measured;
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

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// In the order of their times, as Prometheus wants them.
    pub fn write(&self, out: &mut Vec<Exemplar<'static>>) {
        out.clear();
        out.extend(self.held.iter().map(|(_, measured)| Exemplar {
            value: Number::Double(measured.value),
            time: measured.time,
            trace_id: Some(measured.trace_id),
            span_id: (!measured.span_id.is_zero()).then_some(measured.span_id),
            attributes: None,
        }));
        out.sort_by_key(|exemplar| exemplar.time);
    }
}

/// Which exemplars of an exponential histogram compete: those of one octave. Its own buckets move with its scale.
pub fn octave(value: f64) -> i32 {
    (value.to_bits() >> 52) as i32
}
