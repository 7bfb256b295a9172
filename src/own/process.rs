//! What the process uses: time, memory, and its budget for batches.

use std::sync::Arc;

use pipeline::plan::World;
use pipeline::telemetry::MetricAbout;
use tikv_jemalloc_ctl::{epoch, stats};

const UPTIME: MetricAbout = MetricAbout {
    name: "otelcol_process_uptime",
    help: "Time since the process started.",
    unit: "s",
};
const CPU: MetricAbout = MetricAbout {
    name: "otelcol_process_cpu_seconds",
    help: "CPU time that the process has used, user and system.",
    unit: "s",
};
const RESIDENT: MetricAbout = MetricAbout {
    name: "otelcol_process_memory_rss",
    help: "Resident memory of the process.",
    unit: "By",
};
const BUDGET_USED: MetricAbout = MetricAbout {
    name: "inferscope_memory_budget_used",
    help: "Bytes of batches in flight, as charged at the door.",
    unit: "By",
};
const BUDGET_LIMIT: MetricAbout = MetricAbout {
    name: "inferscope_memory_budget_limit",
    help: "Bytes of batches that may be in flight.",
    unit: "By",
};
const BUDGET_REFUSED: MetricAbout = MetricAbout {
    name: "inferscope_memory_budget_refusals",
    help: "Requests that were refused because the memory budget was used up.",
    unit: "{request}",
};
const HEAP: MetricAbout = MetricAbout {
    name: "otelcol_process_runtime_heap_alloc_bytes",
    help: "Bytes that the program has allocated and not given back, as its allocator counts them.",
    unit: "By",
};
const MAPPED: MetricAbout = MetricAbout {
    name: "otelcol_process_runtime_total_sys_memory_bytes",
    help: "Bytes that the allocator has from the system.",
    unit: "By",
};

/// All of them, for the table of own metrics.
#[cfg(test)]
pub(super) const ALL: &[MetricAbout] = &[
    UPTIME,
    CPU,
    RESIDENT,
    HEAP,
    MAPPED,
    BUDGET_USED,
    BUDGET_LIMIT,
    BUDGET_REFUSED,
];

/// Linux reports CPU time in ticks of 1/100 s on every platform that Rust supports.
const TICKS_PER_SECOND: f64 = 100.0;

/// Lets all of it be read.
pub fn publish(world: &World) {
    let own = &world.telemetry;
    let clock = Arc::clone(&world.outside.clock);
    let started = clock.now();
    own.counter_probe(UPTIME, move || {
        clock.now().saturating_duration_since(started).as_secs_f64()
    });
    own.counter_probe(CPU, cpu_seconds);
    own.gauge_probe(RESIDENT, resident_bytes);
    own.gauge_probe(HEAP, || allocator_bytes(stats::allocated::read));
    own.gauge_probe(MAPPED, || allocator_bytes(stats::mapped::read));
    let budget = world.budget.clone();
    own.gauge_probe(BUDGET_USED, move || budget.used() as f64);
    let budget = world.budget.clone();
    own.gauge_probe(BUDGET_LIMIT, move || budget.limit() as f64);
    let budget = world.budget.clone();
    own.counter_probe(BUDGET_REFUSED, move || budget.refused() as f64);
}

/// What the allocator counts. It adds up its arenas only when the epoch is advanced.
fn allocator_bytes(read: fn() -> tikv_jemalloc_ctl::Result<usize>) -> f64 {
    let bytes = epoch::advance().and_then(|_| read());
    bytes.map_or(0.0, |bytes| bytes as f64)
}

fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is the program's name in parentheses and may hold spaces; user and system time are the
    // fourteenth and fifteenth (proc(5)).
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    ticks / TICKS_PER_SECOND
}

fn resident_bytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or_default();
    let kib = line
        .split_whitespace()
        .next()
        .and_then(|number| number.parse::<f64>().ok());
    kib.unwrap_or_default() * 1024.0
}
