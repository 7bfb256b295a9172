//! What the processor counts about its own work.

use pipeline::telemetry::{Counter, MetricAbout, Telemetry};

/// Resources by what became of them.
pub(super) const RESOURCES: MetricAbout = MetricAbout {
    name: "inferscope_processor_k8s_attributes_resources",
    help: "Resources by result: attributed, silent (neither the resource nor the connection says which pod), unknown \
           (no such pod is known), ambiguous (the address of a node or of several pods), excluded.",
    unit: "{resource}",
};

pub(super) struct Meters {
    pub(super) attributed: Counter,
    pub(super) silent: Counter,
    pub(super) unknown: Counter,
    pub(super) ambiguous: Counter,
    pub(super) excluded: Counter,
}

impl Meters {
    pub(super) fn new(telemetry: &Telemetry) -> Self {
        let result = |word| telemetry.with("result", word).counter(RESOURCES);
        Self {
            attributed: result("attributed"),
            silent: result("silent"),
            unknown: result("unknown"),
            ambiguous: result("ambiguous"),
            excluded: result("excluded"),
        }
    }
}
