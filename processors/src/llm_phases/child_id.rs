//! Ids of made spans.

use pipeline::payload::{SpanId, TraceId};

use super::phase::Phase;

/// An odd constant with well-spread bits (2^64 divided by the golden ratio): multiples of it fill 64 bits evenly.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The id of a child: a hash of its trace, its parent, its phase and its place among children of that phase.
///
/// The same request decomposed again, by anybody, yields the same ids, so that a retry overwrites instead of doubling.
/// Different phases of one parent never collide, because everything after the seed is a bijection. Whoever chooses the
/// ids of a trace could aim at a collision inside that trace and would only spoil a trace of his own.
pub(super) fn child_id(trace: TraceId, parent: SpanId, phase: Phase, ordinal: u32) -> SpanId {
    let (high, low) = halves(trace);
    let parent_bits = u64::from_be_bytes(parent.0);
    let seed = mix(mix(mix(high ^ SPREAD).wrapping_add(low)).wrapping_add(parent_bits));
    // 256 children per phase keep the numbers apart; no layout comes near.
    let place = (phase.stable_number() << 8) | u64::from(ordinal & 0xff);
    let mut bits = mix(seed.wrapping_add(place.wrapping_mul(SPREAD)));
    while bits == 0 || bits == parent_bits {
        bits = mix(bits.wrapping_add(SPREAD));
    }
    SpanId(bits.to_be_bytes())
}

fn halves(trace: TraceId) -> (u64, u64) {
    let bits = u128::from_be_bytes(trace.0);
    ((bits >> 64) as u64, bits as u64)
}

/// Spreads every input bit over all output bits; a bijection (xor-shift and odd multipliers).
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
