//! Ids of made spans.

use pipeline::payload::{SpanId, TraceId};

use super::phase::Phase;

/// An odd constant with well-spread bits (2^64 divided by the golden ratio): multiples of it fill 64 bits evenly.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The ids of the children of one span: hashes of its trace, itself, a phase and a place among children of that phase.
///
/// The same request decomposed again, by anybody, yields the same ids, so that a retry overwrites instead of doubling.
/// Different phases of one parent never collide, because everything after the seed is a bijection. Whoever chooses the
/// ids of a trace could aim at a collision inside that trace and would only spoil a trace of his own.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChildIds {
    /// What they have in common.
    seed: u64,
    parent: u64,
}

impl ChildIds {
    /// Of the children of this span.
    #[inline]
    pub(super) fn of(trace: TraceId, parent: SpanId) -> Self {
        let (high, low) = halves(trace);
        let parent = u64::from_be_bytes(parent.0);
        Self {
            seed: mix(mix(mix(high ^ SPREAD).wrapping_add(low)).wrapping_add(parent)),
            parent,
        }
    }

    /// The id of one of them.
    #[inline]
    pub(super) fn child(self, phase: Phase, ordinal: u32) -> SpanId {
        // 256 children per phase keep the numbers apart; no layout comes near.
        let place = (phase.stable_number() << 8) | u64::from(ordinal & 0xff);
        let mut bits = mix(self.seed.wrapping_add(place.wrapping_mul(SPREAD)));
        while bits == 0 || bits == self.parent {
            bits = mix(bits.wrapping_add(SPREAD));
        }
        SpanId(bits.to_be_bytes())
    }
}

#[inline]
fn halves(trace: TraceId) -> (u64, u64) {
    let bits = u128::from_be_bytes(trace.0);
    ((bits >> 64) as u64, bits as u64)
}

/// Spreads every input bit over all output bits; a bijection (xor-shift and odd multipliers).
#[inline]
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
