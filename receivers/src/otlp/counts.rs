//! What a receiver counts, under the Collector's names.

use config::Signal;
use pipeline::context::authenticators::Unauthenticated;
use pipeline::payload::{RejectReason, Rejected};
use pipeline::telemetry::{Counter, MetricAbout, Telemetry};

use crate::taken::{ACCEPTED_POINTS, ACCEPTED_RECORDS, REFUSED_POINTS, REFUSED_RECORDS};

macro_rules! per_signal {
    ($($name:ident = $metric:literal, $help:literal, $unit:literal;)*) => {
        $(const $name: MetricAbout = MetricAbout { name: $metric, help: $help, unit: $unit };)*
    };
}
per_signal! {
    ACCEPTED_SPANS = "otelcol_receiver_accepted_spans", "Spans taken into the pipelines.", "{span}";
    REFUSED_SPANS = "otelcol_receiver_refused_spans", "Spans that the pipelines did not take.", "{span}";
    FAILED_SPANS = "otelcol_receiver_failed_spans", "Spans rejected alone, or lost by a fault of ours.", "{span}";
    FAILED_POINTS = "otelcol_receiver_failed_metric_points", "Data points rejected alone, or lost by a fault of ours.", "{datapoint}";
    FAILED_RECORDS = "otelcol_receiver_failed_log_records", "Log records rejected alone, or lost by a fault of ours.", "{record}";
    REQUESTS = "otelcol_receiver_requests", "Requests, by outcome: success, refused or failure.", "{request}";
    UNAUTHENTICATED = "inferscope_receiver_unauthenticated_requests", "Requests of senders that nobody knows, by reason: missing, malformed, wrong or busy.", "{request}";
    REJECTED_ITEMS = "inferscope_receiver_rejected_items", "Items rejected alone, by reason.", "{item}";
    REPAIRED_TEXTS = "inferscope_receiver_repaired_texts", "Texts whose invalid UTF-8 was replaced.", "{text}";
}

/// All of them, for the component table.
pub(super) const ALL: &[MetricAbout] = &[
    ACCEPTED_SPANS,
    ACCEPTED_POINTS,
    ACCEPTED_RECORDS,
    REFUSED_SPANS,
    REFUSED_POINTS,
    REFUSED_RECORDS,
    FAILED_SPANS,
    FAILED_POINTS,
    FAILED_RECORDS,
    REQUESTS,
    UNAUTHENTICATED,
    net::server::REFUSED_HANDSHAKES,
    REJECTED_ITEMS,
    REPAIRED_TEXTS,
];

/// The items of one signal that came by one transport.
pub(super) struct ItemCounts {
    pub(super) accepted: Counter,
    pub(super) refused: Counter,
    pub(super) failed: Counter,
    repaired: Counter,
    telemetry: Telemetry,
}

/// The requests that came by one transport.
pub(super) struct RequestCounts {
    pub(super) success: Counter,
    pub(super) refused: Counter,
    pub(super) failure: Counter,
}

impl ItemCounts {
    pub(super) fn new(signal: Signal, transport: &'static str, telemetry: &Telemetry) -> Self {
        let telemetry = telemetry.with("transport", transport);
        let (accepted, refused, failed) = match signal {
            Signal::Traces => (ACCEPTED_SPANS, REFUSED_SPANS, FAILED_SPANS),
            Signal::Metrics => (ACCEPTED_POINTS, REFUSED_POINTS, FAILED_POINTS),
            Signal::Logs => (ACCEPTED_RECORDS, REFUSED_RECORDS, FAILED_RECORDS),
        };
        Self {
            accepted: telemetry.counter(accepted),
            refused: telemetry.counter(refused),
            failed: telemetry.counter(failed),
            repaired: telemetry.counter(REPAIRED_TEXTS),
            telemetry,
        }
    }

    /// Counts what parsing took out or mended.
    pub(super) fn reject(&self, rejected: &Rejected) {
        self.repaired.add(rejected.repaired.into());
        self.failed.add(rejected.items.into());
        for (reason, items) in rejected.by_reason() {
            // Bad items are rare, so the counter is looked up and not kept.
            self.telemetry
                .with("reason", label(reason))
                .counter(REJECTED_ITEMS)
                .add(items.into());
        }
    }
}

impl RequestCounts {
    pub(super) fn new(transport: &'static str, telemetry: &Telemetry) -> Self {
        let telemetry = telemetry.with("transport", transport);
        let counter = |outcome: &str| telemetry.with("outcome", outcome).counter(REQUESTS);
        Self {
            success: counter("success"),
            refused: counter("refused"),
            failure: counter("failure"),
        }
    }
}

/// The requests by one transport that a guard did not let in.
pub(super) struct GuardCounts(Telemetry);

impl GuardCounts {
    pub(super) fn new(transport: &'static str, telemetry: &Telemetry) -> Self {
        Self(telemetry.with("transport", transport))
    }

    pub(super) fn turned_away(&self, why: Unauthenticated) {
        self.0.with("reason", why.word()).counter(UNAUTHENTICATED).add(1);
    }
}

fn label(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::TraceId => "trace_id",
        RejectReason::SpanId => "span_id",
        RejectReason::ParentSpanId => "parent_span_id",
        RejectReason::LinkedId => "linked_id",
        RejectReason::Attributes(_) => "attributes",
        RejectReason::Events(_) => "events",
        RejectReason::Links(_) => "links",
        RejectReason::Depth(_) => "depth",
        RejectReason::Items(_) => "items",
        RejectReason::DecodedBytes(_) => "decoded_bytes",
    }
}
