//! What the connector counts about its own work.

use pipeline::telemetry::{Counter, Gauge, MetricAbout, Telemetry};

/// All of them, for the tables.
pub(super) const METRICS: &[MetricAbout] = &[SPANS, STREAMS, SOURCES, OVERFLOWED, NEGATIVE, EXPIRED];

const SPANS: MetricAbout = MetricAbout {
    name: "inferscope_connector_span_metrics_spans",
    help: "Spans that were counted.",
    unit: "{span}",
};
const STREAMS: MetricAbout = MetricAbout {
    name: "inferscope_connector_span_metrics_streams",
    help: "Sets of attributes that were counted at the last flush.",
    unit: "{stream}",
};
const SOURCES: MetricAbout = MetricAbout {
    name: "inferscope_connector_span_metrics_resources",
    help: "Resources that were counted at the last flush.",
    unit: "{resource}",
};
const OVERFLOWED: MetricAbout = MetricAbout {
    name: "inferscope_connector_span_metrics_overflowed",
    help: "Measurements that found no room for a stream of their own and were counted in an overflow stream.",
    unit: "{measurement}",
};
const NEGATIVE: MetricAbout = MetricAbout {
    name: "inferscope_connector_span_metrics_negative_durations",
    help: "Spans that ended before they began; they were counted as taking no time.",
    unit: "{span}",
};
const EXPIRED: MetricAbout = MetricAbout {
    name: "inferscope_connector_span_metrics_ended_streams",
    help: "Streams that ended, because nothing came for too long or their resource made room for another.",
    unit: "{stream}",
};

#[derive(Clone)]
pub(super) struct Meters {
    pub(super) spans: Counter,
    pub(super) streams: Gauge,
    pub(super) sources: Gauge,
    pub(super) overflowed: Counter,
    pub(super) negative: Counter,
    pub(super) ended: Counter,
}

impl Meters {
    pub(super) fn of(telemetry: &Telemetry) -> Self {
        Self {
            spans: telemetry.counter(SPANS),
            streams: telemetry.gauge(STREAMS),
            sources: telemetry.gauge(SOURCES),
            overflowed: telemetry.counter(OVERFLOWED),
            negative: telemetry.counter(NEGATIVE),
            ended: telemetry.counter(EXPIRED),
        }
    }
}
