//! `service.telemetry`: the logs, metrics, spans and resource of the program itself.

mod logs;
mod metrics;
mod otlp;
mod traces;

use serde::Deserialize;

use crate::decode::Validate;
use crate::report::Report;
use crate::resource::Resource;

pub use logs::{Encoding, Level, Logs, Sampling};
pub use metrics::{Detail, IncludeExclude, MetricReader, Metrics, Periodic, Prometheus, Pull, PullExporter};
pub use otlp::{Compression, Otlp, Protocol, PushExporter, Temporality};
pub use traces::{Batch, Sampler, SpanProcessor, Traces};

/// The block as a whole. Its defaults are the Collector's.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// The program's own log.
    pub logs: Logs,
    /// The program's own metrics.
    pub metrics: Metrics,
    /// Spans about the program's own work.
    pub traces: Traces,
    /// Attributes of everything the program says about itself.
    pub resource: Resource,
}

impl Validate for Telemetry {
    fn validate(&self, report: &mut Report<'_>) {
        report.within("logs", |report| self.logs.validate(report));
        report.within("metrics", |report| self.metrics.validate(report));
        report.within("traces", |report| self.traces.validate(report));
        report.without_effect("resource::schema_url", "the schema of the own telemetry is fixed");
        report.without_effect(
            "resource::detectors",
            "no detectors run yet; write the attributes instead",
        );
    }
}
