//! Spans per step, folded into a few numbers.

use pipeline::payload::{EncodedAttributes, names};

use super::output::in_seconds;

/// Writes what is left of steps with these lengths in nanoseconds: how many, the shortest, the longest, and the one that
/// 99 of 100 do not exceed.
pub(super) fn fold(mut lengths: Vec<u64>, out: &mut EncodedAttributes) {
    lengths.sort_unstable();
    let (Some(shortest), Some(longest)) = (lengths.first(), lengths.last()) else {
        return;
    };
    let rank = (lengths.len() * 99).div_ceil(100); // Nearest rank, counted from one.
    let p99 = lengths.get(rank.saturating_sub(1)).unwrap_or(longest);
    out.push(
        names::INFERSCOPE_STEPS_COUNT,
        i64::try_from(lengths.len()).unwrap_or(i64::MAX),
    );
    out.push(names::INFERSCOPE_STEPS_DURATION_MIN, in_seconds(*shortest));
    out.push(names::INFERSCOPE_STEPS_DURATION_MAX, in_seconds(*longest));
    out.push(names::INFERSCOPE_STEPS_DURATION_P99, in_seconds(*p99));
}
