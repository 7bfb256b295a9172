//! What the benches measure: the request that every figure in `README.md` is about, and the counting of allocations.

mod request;

pub use request::{metrics_request, request};

use stats_alloc::{Region, StatsAlloc};
use std::alloc::System;

/// Rounds of one measurement. The first one, which fills buffers, comes before and does not count.
const ROUNDS: u32 = 10;

/// What the command line asks for: `<bench> <what> <spans>`.
pub struct Task {
    /// The part to be measured.
    pub what: String,
    /// Spans of the request; points of one of metrics.
    pub spans: u32,
}

impl Task {
    /// Reads the command line; without arguments, `default` at 1,000 spans.
    pub fn from_args(default: &str) -> Self {
        let mut args = std::env::args().skip(1);
        let what = args.next().unwrap_or_else(|| default.to_owned());
        let spans = args.next().and_then(|spans| spans.parse().ok()).unwrap_or(1_000);
        Self { what, spans }
    }

    /// Runs the measured function and prints what it cost in allocations.
    ///
    /// Under callgrind, `measured` is what collects: see `count.sh`.
    #[allow(clippy::print_stdout)] // Printing is what a bench is for.
    pub fn measure(&self, allocator: &StatsAlloc<System>, mut work: impl FnMut() -> u64) {
        let mut check = work();
        let region = Region::new(allocator);
        for _ in 0..ROUNDS {
            check = check.wrapping_add(measured(&mut work));
        }
        let change = region.change();
        let per_round = |count: usize| count as f64 / f64::from(ROUNDS);
        println!(
            "{} spans={} rounds={ROUNDS} allocations/round={} reallocations/round={} bytes/round={} check={check:x}",
            self.what,
            self.spans,
            per_round(change.allocations),
            per_round(change.reallocations),
            per_round(change.bytes_allocated),
        );
    }
}

/// The function that callgrind collects in, with everything that it calls.
#[inline(never)]
pub fn measured(work: &mut dyn FnMut() -> u64) -> u64 {
    work()
}
