//! Views and builder of metrics against prost, in both directions.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1 as proto;
use opentelemetry_proto::tonic::metrics::v1::{exemplar, metric, number_data_point, summary_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::prelude::*;
use prost::Message;

use crate::payload::metrics::{
    Data, Exemplar, ExemplarView, ExponentialHistogram, Histogram, MetricHead, MetricShape, MetricView, MetricsBuilder,
    Number, PointHead, Temporality,
};
use crate::payload::{Attrs, EmittedScope, EncodedAttributes, Limits, Metrics, Place, Value};

const SCOPE: EmittedScope = EmittedScope {
    name: "inferscope/tests",
    version: "1",
    schema_url: "",
};

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

fn double() -> impl Strategy<Value = f64> {
    // NaN is no f64 equal to itself; the special values below are enough.
    prop_oneof![
        any::<i32>().prop_map(f64::from),
        Just(0.0),
        Just(f64::INFINITY),
        Just(1e-300)
    ]
}

fn pairs() -> impl Strategy<Value = Vec<KeyValue>> {
    prop::collection::btree_map("[a-z]{1,4}", "[a-zA-Z0-9é]{0,200}", 0..4)
        .prop_map(|map| map.iter().map(|(key, value)| attribute(key, value)).collect())
}

fn exemplars() -> impl Strategy<Value = Vec<proto::Exemplar>> {
    let one = (
        any::<u64>(),
        prop::option::of(1..=u8::MAX),
        any::<bool>(),
        any::<i64>(),
        double(),
        pairs(),
    );
    let one = one.prop_map(|(time, id, whole, int, double, pairs)| proto::Exemplar {
        filtered_attributes: pairs,
        time_unix_nano: time,
        span_id: id.map_or_else(Vec::new, |id| vec![id; 8]),
        trace_id: id.map_or_else(Vec::new, |id| vec![id; 16]),
        value: Some(if whole {
            exemplar::Value::AsInt(int)
        } else {
            exemplar::Value::AsDouble(double)
        }),
    });
    prop::collection::vec(one, 0..3)
}

fn number_point() -> impl Strategy<Value = proto::NumberDataPoint> {
    let value = prop_oneof![
        any::<i64>().prop_map(|value| Some(number_data_point::Value::AsInt(value))),
        double().prop_map(|value| Some(number_data_point::Value::AsDouble(value))),
        Just(None),
    ];
    (pairs(), any::<u64>(), any::<u64>(), value, exemplars(), 0..2u32).prop_map(
        |(attributes, start, time, value, exemplars, flags)| proto::NumberDataPoint {
            attributes,
            start_time_unix_nano: start,
            time_unix_nano: time,
            exemplars,
            flags,
            value,
        },
    )
}

fn histogram_point() -> impl Strategy<Value = proto::HistogramDataPoint> {
    let buckets = prop::collection::vec((any::<u64>(), double()), 0..5);
    (
        pairs(),
        any::<u64>(),
        buckets,
        prop::option::of(double()),
        exemplars(),
        0..2u32,
    )
        .prop_map(|(attributes, count, buckets, sum, exemplars, flags)| {
            let (mut bucket_counts, explicit_bounds): (Vec<u64>, Vec<f64>) = buckets.into_iter().unzip();
            bucket_counts.push(count);
            proto::HistogramDataPoint {
                attributes,
                start_time_unix_nano: 1,
                time_unix_nano: count,
                count,
                sum,
                bucket_counts,
                explicit_bounds,
                exemplars,
                flags,
                min: None,
                max: None,
            }
        })
}

fn exponential_point() -> impl Strategy<Value = proto::ExponentialHistogramDataPoint> {
    let buckets = || {
        let some = (any::<i32>(), prop::collection::vec(any::<u64>(), 1..5));
        prop::option::of(some.prop_map(
            |(offset, bucket_counts)| proto::exponential_histogram_data_point::Buckets { offset, bucket_counts },
        ))
    };
    (
        pairs(),
        any::<u64>(),
        any::<i32>(),
        buckets(),
        buckets(),
        double(),
        exemplars(),
    )
        .prop_map(
            |(attributes, count, scale, positive, negative, zero_threshold, exemplars)| {
                proto::ExponentialHistogramDataPoint {
                    attributes,
                    start_time_unix_nano: 1,
                    time_unix_nano: 2,
                    count,
                    sum: Some(zero_threshold),
                    scale,
                    zero_count: count / 2,
                    positive,
                    negative,
                    flags: 0,
                    exemplars,
                    min: None,
                    max: None,
                    zero_threshold,
                }
            },
        )
}

fn summary_point() -> impl Strategy<Value = proto::SummaryDataPoint> {
    (
        pairs(),
        any::<u64>(),
        double(),
        prop::collection::vec((double(), double()), 0..4),
    )
        .prop_map(|(attributes, count, sum, quantiles)| proto::SummaryDataPoint {
            attributes,
            start_time_unix_nano: 0,
            time_unix_nano: 7,
            count,
            sum,
            quantile_values: quantiles
                .into_iter()
                .map(|(quantile, value)| summary_data_point::ValueAtQuantile { quantile, value })
                .collect(),
            flags: 0,
        })
}

fn data() -> impl Strategy<Value = metric::Data> {
    fn some<S: Strategy>(point: S) -> impl Strategy<Value = Vec<S::Value>> {
        prop::collection::vec(point, 1..3)
    }
    prop_oneof![
        some(number_point()).prop_map(|data_points| metric::Data::Gauge(proto::Gauge { data_points })),
        (some(number_point()), 0..3i32, any::<bool>()).prop_map(
            |(data_points, aggregation_temporality, is_monotonic)| {
                metric::Data::Sum(proto::Sum {
                    data_points,
                    aggregation_temporality,
                    is_monotonic,
                })
            }
        ),
        (some(histogram_point()), 0..3i32).prop_map(|(data_points, aggregation_temporality)| {
            metric::Data::Histogram(proto::Histogram {
                data_points,
                aggregation_temporality,
            })
        }),
        (some(exponential_point()), 0..3i32).prop_map(|(data_points, aggregation_temporality)| {
            metric::Data::ExponentialHistogram(proto::ExponentialHistogram {
                data_points,
                aggregation_temporality,
            })
        }),
        some(summary_point()).prop_map(|data_points| metric::Data::Summary(proto::Summary { data_points })),
    ]
}

pub(super) fn request() -> impl Strategy<Value = ExportMetricsServiceRequest> {
    let metric = (
        "[a-z.]{1,12}",
        "[a-z ]{0,12}",
        prop_oneof![Just(""), Just("s"), Just("By")],
        pairs(),
        data(),
    );
    let metric = metric.prop_map(|(name, description, unit, metadata, data)| proto::Metric {
        name,
        description,
        unit: unit.to_owned(),
        metadata,
        data: Some(data),
    });
    let resource = (pairs(), prop::collection::vec(metric, 1..4));
    prop::collection::vec(resource, 1..3).prop_map(|resources| ExportMetricsServiceRequest {
        resource_metrics: resources
            .into_iter()
            .map(|(attributes, metrics)| proto::ResourceMetrics {
                resource: Some(Resource {
                    attributes,
                    ..Resource::default()
                }),
                scope_metrics: vec![proto::ScopeMetrics {
                    scope: Some(InstrumentationScope {
                        name: SCOPE.name.to_owned(),
                        version: SCOPE.version.to_owned(),
                        ..InstrumentationScope::default()
                    }),
                    metrics,
                    schema_url: String::new(),
                }],
                schema_url: String::new(),
            })
            .collect(),
    })
}

/// Everything that the views say, built anew.
fn rebuilt(metrics: &Metrics) -> Metrics {
    let mut builder = MetricsBuilder::new();
    for resource in metrics.resources() {
        for scope in resource.scopes() {
            let place = Place::made(&copied(resource.resource().attrs()), &SCOPE);
            assert_eq!(
                (scope.scope().name(), scope.scope().version()),
                (SCOPE.name, SCOPE.version)
            );
            scope.metrics().for_each(|metric| rebuild(&mut builder, &place, metric));
        }
    }
    builder.build().expect("there are points")
}

fn rebuild(builder: &mut MetricsBuilder, place: &Place, metric: MetricView<'_>) {
    let metadata = copied(metric.metadata());
    let head = MetricHead {
        name: metric.name().as_str(),
        description: metric.description().as_str(),
        unit: metric.unit().as_str(),
        metadata: Some(&metadata),
    };
    macro_rules! points {
        ($points:expr, $shape:expr, |$head:ident, $point:ident| $add:expr) => {{
            builder.metric(place, &head, $shape);
            for $point in $points {
                let attributes = copied($point.attrs());
                let $head = PointHead {
                    attributes: &attributes,
                    start: $point.start(),
                    time: $point.time(),
                    has_no_value: $point.has_no_value(),
                };
                $add
            }
        }};
    }
    match metric.data() {
        Data::None => panic!("every metric has data here"),
        Data::Gauge(points) => points!(points, MetricShape::Gauge, |head, point| {
            with_exemplars(point.exemplars(), |exemplars| {
                builder.number(&head, point.value(), exemplars);
            });
        }),
        Data::Sum {
            points,
            temporality,
            monotonic,
        } => points!(points, MetricShape::Sum { temporality, monotonic }, |head, point| {
            with_exemplars(point.exemplars(), |exemplars| {
                builder.number(&head, point.value(), exemplars);
            });
        }),
        Data::Histogram { points, temporality } => {
            points!(points, MetricShape::Histogram(temporality), |head, point| {
                let (counts, bounds): (Vec<u64>, Vec<f64>) =
                    (point.bucket_counts().collect(), point.bounds().collect());
                let value = Histogram {
                    count: point.count(),
                    sum: point.sum(),
                    bucket_counts: &counts,
                    bounds: &bounds,
                };
                with_exemplars(point.exemplars(), |exemplars| {
                    builder.histogram(&head, &value, exemplars);
                });
            });
        }
        Data::ExponentialHistogram { points, temporality } => {
            points!(points, MetricShape::ExponentialHistogram(temporality), |head, point| {
                let positive: Vec<u64> = point.positive().counts().collect();
                let negative: Vec<u64> = point.negative().counts().collect();
                let value = ExponentialHistogram {
                    count: point.count(),
                    sum: point.sum(),
                    scale: point.scale(),
                    zero_count: point.zero_count(),
                    zero_threshold: point.zero_threshold(),
                    positive: (point.positive().offset(), &positive),
                    negative: (point.negative().offset(), &negative),
                };
                with_exemplars(point.exemplars(), |exemplars| {
                    builder.exponential_histogram(&head, &value, exemplars);
                });
            });
        }
        Data::Summary(points) => points!(points, MetricShape::Summary, |head, point| {
            let quantiles: Vec<(f64, f64)> = point.quantiles().collect();
            builder.summary(&head, point.count(), point.sum(), &quantiles);
        }),
    }
}

fn copied(attrs: Attrs<'_>) -> EncodedAttributes {
    let mut copy = EncodedAttributes::new();
    for (key, value) in attrs {
        let Value::Str(text) = value else {
            panic!("every value is a text here");
        };
        copy.push(key.as_str(), text);
    }
    copy
}

fn with_exemplars<'a>(views: impl Iterator<Item = ExemplarView<'a>>, add: impl FnOnce(&[Exemplar<'_>])) {
    let views: Vec<ExemplarView<'_>> = views.collect();
    let attributes: Vec<EncodedAttributes> = views.iter().map(|view| copied(view.attrs())).collect();
    let exemplars: Vec<Exemplar<'_>> = views
        .iter()
        .zip(&attributes)
        .map(|(view, attributes)| Exemplar {
            value: view.value().expect("every exemplar has a value here"),
            time: view.time(),
            trace_id: view.trace_id(),
            span_id: view.span_id(),
            attributes: Some(attributes),
        })
        .collect();
    add(&exemplars);
}

fn points(request: &ExportMetricsServiceRequest) -> usize {
    let metrics = request
        .resource_metrics
        .iter()
        .flat_map(|resource| &resource.scope_metrics)
        .flat_map(|scope| &scope.metrics);
    metrics
        .map(|metric| match metric.data.as_ref().unwrap() {
            metric::Data::Gauge(data) => data.data_points.len(),
            metric::Data::Sum(data) => data.data_points.len(),
            metric::Data::Histogram(data) => data.data_points.len(),
            metric::Data::ExponentialHistogram(data) => data.data_points.len(),
            metric::Data::Summary(data) => data.data_points.len(),
        })
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The views read everything and the builder writes everything: prost sees the same request after both.
    #[test]
    fn what_views_read_and_the_builder_writes_is_what_prost_wrote(request in request()) {
        let bytes = Bytes::from(request.encode_to_vec());
        let metrics = Metrics::parse(bytes, &Limits::default()).unwrap().payload;
        prop_assert_eq!(metrics.points() as usize, points(&request));

        let rebuilt = rebuilt(&metrics);

        prop_assert_eq!(rebuilt.points(), metrics.points());
        let decoded = ExportMetricsServiceRequest::decode(rebuilt.bytes().clone()).unwrap();
        // Neighbours in one place share its head.
        prop_assert_eq!(flat(decoded), flat(request));
        // What the builder wrote is in order: parse takes the bytes as they are.
        let again = Metrics::parse(rebuilt.bytes().clone(), &Limits::default()).unwrap();
        prop_assert_eq!(again.rejected.items, 0);
        prop_assert_eq!(again.payload.bytes().as_ptr(), rebuilt.bytes().as_ptr());
    }
}

/// Each metric with its resource.
fn flat(request: ExportMetricsServiceRequest) -> Vec<(Option<Resource>, proto::Metric)> {
    let mut all = Vec::new();
    for resource in request.resource_metrics {
        for scope in resource.scope_metrics {
            all.extend(
                scope
                    .metrics
                    .into_iter()
                    .map(|metric| (resource.resource.clone(), metric)),
            );
        }
    }
    all
}

#[test]
fn numbers_that_are_not_packed_are_read_as_well() {
    // Two bucket counts one by one, as proto2 encoders may write them.
    let mut point = vec![0x31];
    point.extend_from_slice(&7u64.to_le_bytes());
    point.push(0x31);
    point.extend_from_slice(&9u64.to_le_bytes());
    let mut data = vec![1 << 3 | 2, point.len() as u8];
    data.extend_from_slice(&point);
    let mut metric = vec![9 << 3 | 2, data.len() as u8];
    metric.extend_from_slice(&data);
    let mut scope = vec![2 << 3 | 2, metric.len() as u8];
    scope.extend_from_slice(&metric);
    let mut resource = vec![2 << 3 | 2, scope.len() as u8];
    resource.extend_from_slice(&scope);
    let mut request = vec![1 << 3 | 2, resource.len() as u8];
    request.extend_from_slice(&resource);

    let metrics = Metrics::parse(Bytes::from(request), &Limits::default())
        .unwrap()
        .payload;
    let metric = metrics
        .resources()
        .next()
        .unwrap()
        .scopes()
        .next()
        .unwrap()
        .metrics()
        .next()
        .unwrap();
    let Data::Histogram {
        mut points,
        temporality,
    } = metric.data()
    else {
        panic!("{metric:?}");
    };

    assert_eq!(temporality, Temporality::Unspecified);
    assert_eq!(points.next().unwrap().bucket_counts().collect::<Vec<_>>(), [7, 9]);
}

#[test]
fn whole_numbers_become_floating_point() {
    assert_eq!(Number::Int(-3).as_f64().to_bits(), (-3.0f64).to_bits());
    assert_eq!(Number::Double(0.5).as_f64().to_bits(), 0.5f64.to_bits());
}
