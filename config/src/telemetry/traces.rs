//! Spans about the program's own work: where they are sent and how many of them.

use serde::Deserialize;

use super::metrics::Detail;
use super::otlp::PushExporter;
use crate::decode::Validate;
use crate::report::Report;
use crate::unread::Unread;

/// Spans about the program's own work. Without processors there are none.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Traces {
    /// `none` switches them off.
    pub level: Detail,
    /// Where they are sent.
    pub processors: Vec<SpanProcessor>,
    /// Kept for the Collector's files.
    pub propagators: Vec<Propagator>,
    /// How many are made; all if it is not written.
    pub sampler: Option<Sampler>,
    /// Kept for the Collector's files.
    pub limits: Option<Unread>,
}

/// How a trace goes on in another program. Own spans are whole traces, so nothing goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Propagator {
    /// W3C.
    TraceContext,
    /// Zipkin's.
    B3,
}

/// One way for spans to leave.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpanProcessor {
    /// Many at once.
    pub batch: Option<Batch>,
    /// Not supported; an error says so.
    pub simple: Option<Unread>,
}

/// Sends spans when there are enough of them or when it is time.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Batch {
    /// Milliseconds from one export to the next.
    pub schedule_delay: u64,
    /// Milliseconds that one export may take; of this and the exporter's own limit the smaller one counts.
    pub export_timeout: Option<u64>,
    /// Spans that may wait; more are dropped.
    pub max_queue_size: usize,
    /// Spans that leave at once.
    pub max_export_batch_size: usize,
    /// Where to.
    pub exporter: PushExporter,
}

/// Which spans are made. Exactly one key may be written.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sampler {
    /// All.
    #[serde(deserialize_with = "crate::present")]
    pub always_on: Option<Empty>,
    /// None.
    #[serde(deserialize_with = "crate::present")]
    pub always_off: Option<Empty>,
    /// What the parent says. Own spans have none, so `root` decides.
    #[serde(deserialize_with = "crate::present")]
    pub parent_based: Option<Box<ParentBased>>,
    /// A share.
    #[serde(deserialize_with = "crate::present")]
    pub trace_id_ratio_based: Option<Ratio>,
    /// Not supported; an error says so.
    pub jaeger_remote: Option<Unread>,
}

/// Nothing to write.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Empty {}

/// Samplers by what the parent says.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ParentBased {
    /// Where there is no parent; all if it is not written.
    pub root: Option<Sampler>,
    /// Never asked.
    pub remote_parent_sampled: Option<Unread>,
    /// Never asked.
    pub remote_parent_not_sampled: Option<Unread>,
    /// Never asked.
    pub local_parent_sampled: Option<Unread>,
    /// Never asked.
    pub local_parent_not_sampled: Option<Unread>,
}

/// A share of all traces.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ratio {
    /// Between 0 and 1.
    pub ratio: f64,
}

impl Default for Traces {
    fn default() -> Self {
        Self {
            level: Detail::Normal,
            processors: Vec::new(),
            propagators: Vec::new(),
            sampler: None,
            limits: None,
        }
    }
}

impl Default for Batch {
    /// What the SDKs do unless they are told otherwise.
    fn default() -> Self {
        Self {
            schedule_delay: 5_000,
            export_timeout: None,
            max_queue_size: 2_048,
            max_export_batch_size: 512,
            exporter: PushExporter::default(),
        }
    }
}

impl Default for Ratio {
    fn default() -> Self {
        Self { ratio: 1.0 }
    }
}

impl Traces {
    /// The ways for spans to leave; none if there are no own spans.
    pub fn batches(&self) -> Vec<&Batch> {
        if self.level == Detail::None {
            return Vec::new();
        }
        self.processors.iter().filter_map(|it| it.batch.as_ref()).collect()
    }

    /// The share of own spans that are made.
    pub fn share(&self) -> f64 {
        self.sampler.as_ref().map_or(1.0, Sampler::share)
    }
}

impl Sampler {
    fn share(&self) -> f64 {
        if self.always_off.is_some() {
            return 0.0;
        }
        if let Some(Ratio { ratio }) = &self.trace_id_ratio_based {
            return *ratio;
        }
        let root = self.parent_based.as_ref().and_then(|it| it.root.as_ref());
        root.map_or(1.0, Self::share)
    }
}

impl Validate for Traces {
    fn validate(&self, report: &mut Report<'_>) {
        for (index, processor) in self.processors.iter().enumerate() {
            report.within(&format!("processors::{index}"), |report| processor.validate(report));
        }
        if let Some(sampler) = &self.sampler {
            report.within("sampler", |report| sampler.validate(report));
        }
        report.without_effect(
            "propagators",
            "each own span is a trace of its own, which no other program goes on with",
        );
        report.without_effect("limits", "own spans have at most ten short attributes");
    }
}

impl Validate for SpanProcessor {
    fn validate(&self, report: &mut Report<'_>) {
        let help = "write batch: {exporter: {otlp: {protocol: grpc, endpoint: …}}}";
        if report.has("simple") {
            report.help("simple", "each span would hold up the export that it is about", help);
        } else if self.batch.is_none() {
            report.help("", "the processor does nothing", help);
        }
        if let Some(batch) = &self.batch {
            report.within("batch", |report| batch.validate(report));
        }
    }
}

impl Validate for Batch {
    fn validate(&self, report: &mut Report<'_>) {
        for (key, value) in [
            ("schedule_delay", self.schedule_delay),
            ("export_timeout", self.export_timeout.unwrap_or(1)),
            ("max_queue_size", self.max_queue_size as u64),
            ("max_export_batch_size", self.max_export_batch_size as u64),
        ] {
            if value == 0 {
                report.help(
                    key,
                    "must be at least 1",
                    "write a number, or delete the key for the default",
                );
            }
        }
        if self.max_export_batch_size > self.max_queue_size {
            let help = "write a smaller max_export_batch_size, or a larger max_queue_size";
            report.help("max_export_batch_size", "must not be more than max_queue_size", help);
        }
        report.within("exporter", |report| self.exporter.validate_for_spans(report));
    }
}

impl Validate for Sampler {
    fn validate(&self, report: &mut Report<'_>) {
        let help = "write one of always_on, always_off, parent_based and trace_id_ratio_based";
        if report.has("jaeger_remote") {
            report.help(
                "jaeger_remote",
                "how many own spans are made is not asked of a server",
                help,
            );
            return;
        }
        let written = [
            self.always_on.is_some(),
            self.always_off.is_some(),
            self.parent_based.is_some(),
            self.trace_id_ratio_based.is_some(),
        ];
        if written.into_iter().filter(|it| *it).count() != 1 {
            report.help("", "a sampler is exactly one of several", help);
        }
        if let Some(Ratio { ratio }) = &self.trace_id_ratio_based
            && !(0.0..=1.0).contains(ratio)
        {
            let help = "write a share, such as 0.1 for one in ten";
            report.help("trace_id_ratio_based::ratio", "must lie between 0 and 1", help);
        }
        if let Some(parent_based) = &self.parent_based {
            report.within("parent_based", |report| parent_based.validate(report));
        }
    }
}

impl Validate for ParentBased {
    fn validate(&self, report: &mut Report<'_>) {
        if let Some(root) = &self.root {
            report.within("root", |report| root.validate(report));
        }
        for key in [
            "remote_parent_sampled",
            "remote_parent_not_sampled",
            "local_parent_sampled",
            "local_parent_not_sampled",
        ] {
            report.without_effect(key, "own spans have no parents");
        }
    }
}
