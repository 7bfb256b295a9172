//! Cutting and joining lose nothing and keep the order.

use super::captures::captures;
use super::generate::request;
use super::items::sift;
use super::metrics::request as metrics_request;
use super::splice::{decoded, traces};
use crate::payload::*;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric::Data,
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

/// Every point with all that is said about it, in order.
fn flat_metrics(pieces: &[Metrics]) -> Vec<Vec<u8>> {
    let mut points = Vec::new();
    for piece in pieces {
        let request = ExportMetricsServiceRequest::decode(piece.bytes().clone()).unwrap();
        for mut resource in request.resource_metrics {
            for mut scope in std::mem::take(&mut resource.scope_metrics) {
                for mut metric in std::mem::take(&mut scope.metrics) {
                    let encoded = encoded_points(&metric);
                    sift(&mut metric, |_| false);
                    let about = [resource.encode_to_vec(), scope.encode_to_vec(), metric.encode_to_vec()].concat();
                    points.extend(encoded.into_iter().map(|point| [about.clone(), point].concat()));
                }
            }
        }
    }
    points
}

fn encoded_points(metric: &Metric) -> Vec<Vec<u8>> {
    fn encoded(points: &[impl prost::Message]) -> Vec<Vec<u8>> {
        points.iter().map(prost::Message::encode_to_vec).collect()
    }
    match metric.data.as_ref().unwrap() {
        Data::Gauge(data) => encoded(&data.data_points),
        Data::Sum(data) => encoded(&data.data_points),
        Data::Histogram(data) => encoded(&data.data_points),
        Data::ExponentialHistogram(data) => encoded(&data.data_points),
        Data::Summary(data) => encoded(&data.data_points),
    }
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
    fn pieces_of_metrics_are_within_the_limit_and_every_point_keeps_its_metric(
        request in metrics_request(), items in 0u32..4, bytes in prop_oneof![Just(0usize), 1usize..2_000],
    ) {
        let whole = Metrics::parse(request.encode_to_vec().into(), &Limits::default()).unwrap().payload;

        let pieces = whole.split(SplitLimit { items, bytes });

        prop_assert_eq!(flat_metrics(&pieces), flat_metrics(std::slice::from_ref(&whole)));
        prop_assert_eq!(flat_metrics(&[Metrics::concat(&pieces)]), flat_metrics(&[whole]));
        for piece in &pieces {
            let parsed = Metrics::parse(piece.bytes().clone(), &Limits::default()).unwrap();
            prop_assert_eq!((&parsed.payload, parsed.rejected), (piece, Rejected::default()));
            prop_assert!(items == 0 || piece.points() <= items);
            prop_assert!(bytes == 0 || piece.bytes().len() <= bytes || piece.points() == 1);
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
fn metrics_that_fit_into_a_piece_stay_whole_and_are_counted_by_points() {
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
fn a_metric_larger_than_a_piece_is_cut_between_its_points_and_each_part_keeps_its_head() {
    let point = |time_unix_nano| NumberDataPoint {
        time_unix_nano,
        ..NumberDataPoint::default()
    };
    let sum = Sum {
        data_points: (1..=5).map(point).collect(),
        aggregation_temporality: 2,
        is_monotonic: true,
    };
    let metric = Metric {
        name: "vllm:generation_tokens".to_owned(),
        unit: "{token}".to_owned(),
        data: Some(Data::Sum(sum)),
        ..Metric::default()
    };
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            scope_metrics: vec![ScopeMetrics {
                metrics: vec![metric],
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    };
    let whole = Metrics::parse(request.encode_to_vec().into(), &Limits::default())
        .unwrap()
        .payload;

    let pieces = whole.split(SplitLimit { items: 2, bytes: 0 });

    assert_eq!(pieces.iter().map(Metrics::points).collect::<Vec<_>>(), [2, 2, 1]);
    let mut times = Vec::new();
    for piece in &pieces {
        let request = ExportMetricsServiceRequest::decode(piece.bytes().clone()).unwrap();
        let metric = &request.resource_metrics[0].scope_metrics[0].metrics[0];
        let Some(Data::Sum(sum)) = &metric.data else {
            panic!("{metric:?}")
        };
        assert_eq!(
            (metric.name.as_str(), metric.unit.as_str()),
            ("vllm:generation_tokens", "{token}")
        );
        assert_eq!((sum.aggregation_temporality, sum.is_monotonic), (2, true));
        times.extend(sum.data_points.iter().map(|point| point.time_unix_nano));
    }
    assert_eq!(times, [1, 2, 3, 4, 5]);
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
