//! Metrics that are merged and cut: every point stays, in order, with its metric, scope and resource.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use proptest::prelude::*;

use super::*;
use crate::actions::tests::random;

fn encoded(points: &mut Vec<impl Message>) -> Vec<Vec<u8>> {
    points.drain(..).map(|point| point.encode_to_vec()).collect()
}

/// Takes the points out of a metric, so that its head is left.
fn points_of(metric: &mut Metric) -> Vec<Vec<u8>> {
    match &mut metric.data {
        None => Vec::new(),
        Some(Data::Gauge(data)) => encoded(&mut data.data_points),
        Some(Data::Sum(data)) => encoded(&mut data.data_points),
        Some(Data::Histogram(data)) => encoded(&mut data.data_points),
        Some(Data::ExponentialHistogram(data)) => encoded(&mut data.data_points),
        Some(Data::Summary(data)) => encoded(&mut data.data_points),
    }
}

/// Every point with all that is said about it.
fn flat(payload: &Payload) -> Vec<Vec<u8>> {
    let request = ExportMetricsServiceRequest::decode(payload.bytes().clone()).unwrap();
    let mut flat = Vec::new();
    for mut resource in request.resource_metrics {
        for mut scope in std::mem::take(&mut resource.scope_metrics) {
            for mut metric in std::mem::take(&mut scope.metrics) {
                let points = points_of(&mut metric);
                let about = [resource.encode_to_vec(), scope.encode_to_vec(), metric.encode_to_vec()].concat();
                flat.extend(points.into_iter().map(|point| [about.clone(), point].concat()));
            }
        }
    }
    flat
}

proptest! {
    #[test]
    fn merged_and_cut_metrics_are_the_points_that_arrived(
        requests in proptest::collection::vec(random::metrics(), 1..6), size in 1..12u32, room in 0..4u32,
    ) {
        let config = Config { send_batch_size: size, send_batch_max_size: size + room, ..Config::default() };
        let mut bench = Bench::of(&config);
        let (mut given, mut sent) = (Vec::new(), Vec::new());

        for request in requests {
            let payload = Payload::parse(Signal::Metrics, request.encode_to_vec().into(), &Limits::default());
            let payload = payload.unwrap().payload;
            given.extend(flat(&payload));
            sent.extend(bench.give(payload, Origin::default()).0);
        }
        sent.extend(bench.drain());

        for batch in &sent {
            prop_assert_eq!(flat(&batch.payload).len() as u32, batch.payload.items());
            prop_assert!(batch.payload.items() <= config.send_batch_max_size);
        }
        let sent: Vec<Vec<u8>> = sent.iter().flat_map(|batch| flat(&batch.payload)).collect();
        prop_assert_eq!(sent, given);
    }
}
