//! One span for each attempt to export, where the configuration asks for own spans.

use std::time::{Instant, SystemTime};

use super::counts::ErrorType;
use crate::Batch;
use crate::component::{ExportError, Setup};
use crate::ledger::signal_name;
use crate::telemetry::{OwnSpan, SpanValue};

/// An attempt that is under way.
pub(super) struct Attempt {
    number: u64,
    wall: SystemTime,
    began: Instant,
}

impl Attempt {
    /// None where nobody asked for spans.
    pub(super) fn begin(setup: &Setup, number: u64) -> Option<Self> {
        setup.telemetry.spans().map(|_| Self {
            number,
            wall: setup.outside.clock.wall(),
            began: setup.outside.clock.now(),
        })
    }

    /// Tells how it ended, under the name and with the attributes that the Collector's exporters use.
    pub(super) fn end(self, setup: &Setup, name: &str, batch: &Batch, error: Option<&ExportError>, is_ending: bool) {
        let (Some(spans), Some(signal)) = (setup.telemetry.spans(), setup.signal) else {
            return;
        };
        let items = u64::from(batch.payload.items());
        let failed = error.map_or(0, |error| error.failed_of(items));
        let words = error.map(ToString::to_string);
        let mut attributes = vec![
            ("exporter", SpanValue::Text(name)),
            ("data_type", SpanValue::Text(signal_name(signal))),
            ("items.sent", SpanValue::Number(items - failed)),
            ("items.failed", SpanValue::Number(failed)),
            (
                "inferscope.payload.bytes",
                SpanValue::Number(batch.payload.size() as u64),
            ),
            ("inferscope.attempt", SpanValue::Number(self.number)),
        ];
        if let Some(error) = error {
            attributes.push(("error.type", SpanValue::Text(ErrorType::of(error, is_ending).name())));
            attributes.push(("error.permanent", SpanValue::Truth(error.is_permanent())));
        }
        spans.record(OwnSpan {
            name: format!("exporter/{name}/{}", signal_name(signal)),
            began: self.wall,
            took: setup.outside.clock.now().saturating_duration_since(self.began),
            attributes,
            error: words.as_deref(),
        });
    }
}
