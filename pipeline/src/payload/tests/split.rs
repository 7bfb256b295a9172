//! Cutting and joining lose nothing and keep the order.

use super::captures::captures;
use super::generate::request;
use super::splice::{decoded, traces};
use crate::payload::*;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric::Data,
};
use proptest::prelude::*;
use prost::Message as _;

/// Every span with the resource and scope that it lies in, in order.
fn flat(requests: &[ExportTraceServiceRequest]) -> Vec<Vec<u8>> {
    let mut spans = Vec::new();
    for resource in requests.iter().flat_map(|request| &request.resource_spans) {
        for scope in &resource.scope_spans {
            for span in &scope.spans {
                let mut about = resource
                    .resource
                    .as_ref()
                    .map(|about| about.encode_to_vec())
                    .unwrap_or_default();
                about.extend_from_slice(resource.schema_url.as_bytes());
                about.extend(
                    scope
                        .scope
                        .as_ref()
                        .map(|about| about.encode_to_vec())
                        .unwrap_or_default(),
                );
                about.extend_from_slice(scope.schema_url.as_bytes());
                about.extend(span.encode_to_vec());
                spans.push(about);
            }
        }
    }
    spans
}

fn flat_of(pieces: &[Traces]) -> Vec<Vec<u8>> {
    flat(&pieces.iter().map(|piece| decoded(piece.bytes())).collect::<Vec<_>>())
}

fn pieces_are_within(pieces: &[Traces], max: SplitLimit) {
    for piece in pieces {
        let parsed = Traces::parse(piece.bytes().clone(), &Limits::default()).unwrap();
        assert_eq!((&parsed.payload, parsed.rejected), (piece, Rejected::default()));
        assert!(max.items == 0 || piece.spans() <= max.items);
        assert!(max.bytes == 0 || piece.bytes().len() <= max.bytes || piece.spans() == 1);
        assert!(piece.spans() > 0, "an empty envelope tells nobody anything");
    }
}

proptest! {
    #[test]
    fn pieces_are_within_the_limit_and_together_the_whole(
        request in request(true), items in 0u32..4, bytes in prop_oneof![Just(0usize), 1usize..2_000],
    ) {
        let whole = traces(&request);
        let max = SplitLimit { items, bytes };

        let pieces = whole.split(max);

        prop_assert_eq!(flat_of(&pieces), flat(&[request]));
        if pieces != [whole] {
            pieces_are_within(&pieces, max);
        }
    }

    #[test]
    fn joining_is_appending(first in request(true), second in request(true)) {
        let joined = Traces::concat(&[traces(&first), traces(&second)]);

        let mut expected = first;
        expected.resource_spans.extend(second.resource_spans);
        prop_assert_eq!(decoded(joined.bytes()).encode_to_vec(), expected.encode_to_vec());
        prop_assert_eq!(joined.spans(), traces(&expected).spans());
    }

    #[test]
    fn what_was_cut_can_be_joined_again(request in request(true), items in 1u32..4) {
        let pieces = traces(&request).split(SplitLimit { items, bytes: 0 });

        prop_assert_eq!(flat_of(&[Traces::concat(&pieces)]), flat(&[request]));
    }
}

#[test]
fn captures_are_cut_and_joined_without_loss() {
    for capture in captures() {
        let whole = Traces::parse(capture.bytes.into(), &Limits::default()).unwrap().payload;
        for max in [SplitLimit { items: 1, bytes: 0 }, SplitLimit { items: 0, bytes: 1_500 }] {
            let pieces = whole.split(max);

            pieces_are_within(&pieces, max);
            assert_eq!(flat_of(&pieces), flat_of(std::slice::from_ref(&whole)));
        }
    }
}

#[test]
fn a_batch_within_the_limit_stays_the_same_bytes() {
    let whole = Traces::parse(captures().remove(0).bytes.into(), &Limits::default())
        .unwrap()
        .payload;

    let pieces = whole.split(SplitLimit::default());

    assert_eq!(pieces.len(), 1);
    assert_eq!(pieces[0].bytes().as_ptr(), whole.bytes().as_ptr());
}

#[test]
fn metrics_are_cut_between_metrics_and_counted_by_points() {
    let gauge = |points| Metric {
        name: "g".to_owned(),
        data: Some(Data::Gauge(Gauge {
            data_points: vec![NumberDataPoint::default(); points],
        })),
        ..Metric::default()
    };
    let scope = ScopeMetrics {
        metrics: vec![gauge(2), gauge(3), gauge(0), gauge(1)],
        ..ScopeMetrics::default()
    };
    let resource = ResourceMetrics {
        scope_metrics: vec![scope],
        ..ResourceMetrics::default()
    };
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![resource],
    };
    let parsed = Metrics::parse(request.encode_to_vec().into(), &Limits::default()).unwrap();
    assert_eq!((parsed.payload.points(), parsed.rejected), (6, Rejected::default()));

    let pieces = Payload::Metrics(parsed.payload).split(SplitLimit { items: 3, bytes: 0 });

    assert_eq!(pieces.iter().map(Payload::items).collect::<Vec<_>>(), [2, 3, 1]);
    let joined = Payload::concat(&pieces).unwrap();
    let metrics: usize = ExportMetricsServiceRequest::decode(joined.bytes().clone())
        .unwrap()
        .resource_metrics
        .iter()
        .flat_map(|resource| &resource.scope_metrics)
        .map(|scope| scope.metrics.len())
        .sum();
    assert_eq!(metrics, 4);
}

#[test]
fn logs_are_cut_between_records() {
    let record = |n| LogRecord {
        time_unix_nano: n,
        ..LogRecord::default()
    };
    let scope = ScopeLogs {
        log_records: (0..5).map(record).collect(),
        ..ScopeLogs::default()
    };
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs: vec![scope],
            ..ResourceLogs::default()
        }],
    };
    let logs = Logs::parse(request.encode_to_vec().into(), &Limits::default())
        .unwrap()
        .payload;

    let pieces = logs.split(SplitLimit { items: 2, bytes: 0 });

    assert_eq!(pieces.iter().map(Logs::records).collect::<Vec<_>>(), [2, 2, 1]);
}

#[test]
fn batches_of_several_signals_do_not_join() {
    let parts = [Payload::Traces(Traces::default()), Payload::Logs(Logs::default())];

    assert_eq!(Payload::concat(&parts), None);
    assert_eq!(Payload::concat(&[]), None);
}
