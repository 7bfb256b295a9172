//! Time covered by intervals that may overlap.

/// How long at least one of the intervals lasts. Two engines that move the same KV cache at the same time spend that
/// time once.
pub(super) fn union(mut intervals: Vec<(u64, u64)>) -> u64 {
    intervals.sort_unstable();
    let mut covered = 0;
    let mut until = 0;
    for (start, end) in intervals {
        let start = start.max(until);
        if end > start {
            covered += end - start;
            until = end;
        }
    }
    covered
}
