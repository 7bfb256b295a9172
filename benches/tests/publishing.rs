//! Telling others about a request costs no allocation once its instance is known.

use std::alloc::System;

use pipeline::context::engine_requests::matching::SenderFacts;
use pipeline::context::engine_requests::{EngineRequests, Request, Role};
use pipeline::payload::{SpanId, TraceId};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const NOW: u64 = 1_700_000_000_000_000_000;

#[test]
fn a_request_of_a_known_instance_is_published_without_an_allocation() {
    let sender = SenderFacts {
        instance_id: "vllm-0",
        ..SenderFacts::default()
    };
    let admitted = EngineRequests::default().instance(&sender, NOW);
    let instance = admitted.expect("there is room").instance;

    let round = |_| {
        let region = Region::new(ALLOCATOR);
        for at in 0..1_000 {
            let request = Request {
                end: NOW + at * 1_000_000,
                trace_id: TraceId([1; 16]),
                span_id: SpanId(at.to_be_bytes()),
                durations: [Some(at * 1_000_000); Role::ALL.len()],
            };
            instance.saw(&request, NOW + at * 1_000_000);
        }
        let change = region.change();
        change.allocations + change.reallocations
    };
    // The thread that waits for the test may allocate something in one of them, but not in all.
    let fewest = (0..20).map(round).min();

    assert_eq!(instance.requests(), 20_000);
    assert_eq!(fewest, Some(0));
}
