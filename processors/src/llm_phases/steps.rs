//! Spans per step, folded into a few numbers.

use pipeline::payload::EncodedAttributes;

use super::output::in_seconds;

const COUNT: &str = "inferscope.steps.count";
const MIN: &str = "inferscope.steps.duration.min";
const MAX: &str = "inferscope.steps.duration.max";
const P99: &str = "inferscope.steps.duration.p99";

/// Writes what is left of steps with these lengths in nanoseconds: how many, the shortest, the longest, and the one that
/// 99 of 100 do not exceed.
pub(super) fn fold(mut lengths: Vec<u64>, out: &mut EncodedAttributes) {
    lengths.sort_unstable();
    let (Some(shortest), Some(longest)) = (lengths.first(), lengths.last()) else {
        return;
    };
    let rank = (lengths.len() * 99).div_ceil(100); // Nearest rank, counted from one.
    let p99 = lengths.get(rank.saturating_sub(1)).unwrap_or(longest);
    out.push(COUNT, i64::try_from(lengths.len()).unwrap_or(i64::MAX));
    out.push(MIN, in_seconds(*shortest));
    out.push(MAX, in_seconds(*longest));
    out.push(P99, in_seconds(*p99));
}
