//! Explicit histograms, exemplars, ids, and how they are written.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use pipeline::payload::metrics::{MetricHead, MetricShape, MetricsBuilder, PointHead, Temporality};
use pipeline::payload::{EmittedScope, EncodedAttributes, Place, SpanId, TraceId};
use prost::Message;

use crate::aggregation::{
    BUCKETS_MAX, Exemplars, ExplicitHistogram, ExponentialHistogram, Measured, PointWriter, SCALE_MAX, instance_id,
    octave,
};

fn measured(value: f64, time: u64) -> Measured {
    Measured {
        value,
        time,
        trace_id: TraceId([time as u8; 16]),
        span_id: SpanId([time as u8; 8]),
    }
}

#[test]
fn an_upper_bound_is_inclusive() {
    let mut histogram = ExplicitHistogram::new(Arc::from([1.0, 2.0]));

    let buckets = [0.0, 1.0, 1.5, 2.0, 2.1, -3.0].map(|value| histogram.observe(value));

    assert_eq!(buckets, [Some(0), Some(0), Some(1), Some(1), Some(2), Some(0)]);
    assert_eq!(histogram.buckets(), [3, 2, 1]);
    assert_eq!(histogram.count(), 6);
    assert!((histogram.sum() - 3.6).abs() < 1e-12);
}

#[test]
fn what_would_spoil_the_sum_is_refused_and_counted() {
    let mut histogram = ExplicitHistogram::new(Arc::from([1.0]));

    assert_eq!(histogram.observe(f64::NAN), None);
    assert_eq!(histogram.observe(f64::INFINITY), None);

    assert_eq!((histogram.refused(), histogram.count()), (2, 0));
}

#[test]
fn a_merge_of_explicit_histograms_counts_both() {
    let bounds: Arc<[f64]> = Arc::from([1.0, 2.0]);
    let mut one = ExplicitHistogram::new(Arc::clone(&bounds));
    let mut other = ExplicitHistogram::new(bounds);
    one.observe_n(0.5, 3);
    other.observe(5.0);
    other.observe(f64::NAN);

    one.merge(&other);

    assert_eq!(one.buckets(), [3, 0, 1]);
    assert_eq!((one.count(), one.refused()), (4, 1));
    one.clear();
    assert_eq!((one.buckets(), one.count(), one.refused()), (&[0, 0, 0][..], 0, 0));
}

#[test]
fn of_each_bucket_the_latest_exemplar_is_kept_and_the_oldest_bucket_makes_room() {
    let mut exemplars = Exemplars::default();
    for (bucket, value, time) in [(0, 1.0, 5), (1, 2.0, 2), (0, 1.5, 7), (2, 9.0, 8)] {
        exemplars.offer(bucket, measured(value, time), 2);
    }

    let mut written = Vec::new();
    exemplars.write(9, &mut written);

    // Bucket 0 was begun first and left for bucket 2; the rest stands in the order of time.
    assert_eq!(written.iter().map(|it| it.time).collect::<Vec<_>>(), [2, 8]);
    exemplars.clear();
    assert!(exemplars.is_empty());
}

#[test]
fn exemplars_of_a_series_only_get_later_and_none_is_of_the_future() {
    const MS: u64 = 1_000_000;
    let mut exemplars = Exemplars::default();
    let mut told = |offered: &[(f64, u64)], now: u64| {
        for (value, time) in offered {
            exemplars.offer(octave(*value), measured(*value, *time), 5);
        }
        let mut written = Vec::new();
        exemplars.write(now, &mut written);
        exemplars.told(now);
        written.iter().map(|it| it.time).collect::<Vec<_>>()
    };

    let at = |ms: u64| ms * MS + 3;
    assert_eq!(told(&[(1.0, at(20)), (8.0, at(10))], at(100)), [at(10), at(20)]);
    // The span of the first came late; the second is within the millisecond that was told.
    let late = [(1.0, at(15)), (2.0, at(20) + 1), (4.0, at(21))];
    assert_eq!(told(&late, at(200)), [at(21)]);
    // A clock that is ahead does not end all exemplars.
    assert_eq!(told(&[(1.0, u64::MAX)], at(300)), [at(300)]);
    assert_eq!(told(&[(1.0, at(301))], at(400)), [at(301)]);
}

#[test]
fn of_a_bucket_the_measurement_that_ended_last_is_kept_in_whatever_order_they_come() {
    let mut exemplars = Exemplars::default();
    exemplars.offer(0, measured(1.0, 9), 5);
    exemplars.offer(0, measured(1.5, 3), 5);

    let mut written = Vec::new();
    exemplars.write(10, &mut written);

    assert_eq!(written.iter().map(|it| it.time).collect::<Vec<_>>(), [9]);
}

#[test]
fn a_measurement_without_a_trace_is_no_exemplar() {
    let mut exemplars = Exemplars::default();
    let untraced = Measured {
        trace_id: TraceId::default(),
        ..measured(1.0, 1)
    };

    exemplars.offer(0, untraced, 5);
    exemplars.offer(0, measured(1.0, 1), 0);

    assert!(exemplars.is_empty());
}

#[test]
fn an_instance_id_has_the_form_of_a_random_uuid_and_stays_the_same() {
    let id = instance_id();

    let parts: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12], "{id}");
    assert_eq!(&id[14..15], "4", "{id}");
    assert!("89ab".contains(&id[19..20]), "{id}");
    assert_eq!(id, instance_id());
}

/// One point of each histogram as prost reads it.
fn written(write: impl Fn(&mut PointWriter, &mut MetricsBuilder, &PointHead<'_>), shape: MetricShape) -> Data {
    let scope = EmittedScope::named("inferscope/test");
    let place = Place::made(&EncodedAttributes::new(), &scope);
    let attributes = EncodedAttributes::new().with("k", "v");
    let head = PointHead {
        attributes: &attributes,
        start: 10,
        time: 20,
        has_no_value: false,
    };
    let mut builder = MetricsBuilder::new();
    builder.metric(&place, &MetricHead::default(), shape);
    write(&mut PointWriter::default(), &mut builder, &head);
    let bytes = builder.build().unwrap().bytes().clone();
    let mut request = ExportMetricsServiceRequest::decode(bytes).unwrap();
    let metric = request.resource_metrics[0].scope_metrics[0].metrics.remove(0);
    metric.data.unwrap()
}

#[test]
fn a_written_exponential_histogram_is_what_prost_reads() {
    let mut histogram = ExponentialHistogram::new(BUCKETS_MAX, SCALE_MAX);
    let mut exemplars = Exemplars::default();
    for value in [0.0, 0.25, 0.25, 8.0] {
        assert!(histogram.observe(value));
        exemplars.offer(octave(value), measured(value, 15), 5);
    }

    let data = written(
        |writer, out, head| writer.exponential(out, head, &histogram, &exemplars),
        MetricShape::ExponentialHistogram(Temporality::Cumulative),
    );

    let Data::ExponentialHistogram(data) = data else {
        panic!("{data:?}");
    };
    let point = &data.data_points[0];
    assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (10, 20));
    assert_eq!((point.count, point.zero_count, point.sum), (4, 1, Some(8.5)));
    let positive = point.positive.as_ref().unwrap();
    // 0.25 to 8 are five octaves; 160 buckets of 1/32 of an octave would leave no room for both ends.
    assert_eq!((point.scale, positive.offset), (4, -2 * 16 - 1));
    assert_eq!(positive.bucket_counts.len(), 5 * 16 + 1);
    assert_eq!((positive.bucket_counts[0], positive.bucket_counts[5 * 16]), (2, 1));
    assert_eq!(point.exemplars.len(), 3);
    assert_eq!(point.exemplars[0].trace_id, [15; 16]);
}

#[test]
fn a_written_explicit_histogram_is_what_prost_reads() {
    let mut histogram = ExplicitHistogram::new(Arc::from([1.0, 2.0]));
    histogram.observe(1.5);

    let data = written(
        |writer, out, head| writer.explicit(out, head, &histogram, &Exemplars::default()),
        MetricShape::Histogram(Temporality::Delta),
    );

    let Data::Histogram(data) = data else {
        panic!("{data:?}");
    };
    assert_eq!(data.aggregation_temporality, 1);
    let point = &data.data_points[0];
    assert_eq!(point.bucket_counts, [0, 1, 0]);
    assert_eq!(point.explicit_bounds, [1.0, 2.0]);
    assert_eq!((point.count, point.sum), (1, Some(1.5)));
    assert_eq!(point.attributes[0].key, "k");
}
