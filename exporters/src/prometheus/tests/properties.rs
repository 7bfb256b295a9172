//! Whatever arrives: every page is valid, and what is on it is what was brought.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogramDataPoint, Metric, NumberDataPoint, SummaryDataPoint,
};
use proptest::prelude::*;

use super::otlp::*;
use super::*;

const STRATEGIES: [&str; 4] = [
    "UnderscoreEscapingWithSuffixes",
    "UnderscoreEscapingWithoutSuffixes",
    "NoUTF8EscapingWithSuffixes",
    "NoTranslation",
];

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c._]{0,3}",
        "[0-9é日 _.:\"-]{0,3}",
        Just("__name__".to_owned()),
        Just("job".to_owned()),
        Just("le".to_owned()),
        Just("quantile".to_owned())
    ]
}

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec((key(), "[a-b日\"\\\\\n]{0,3}"), 0..5)
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect()
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        Just(f64::NAN),
        Just(f64::from_bits(0x7ff0_0000_0000_0002)),
        Just(-0.0),
        Just(f64::INFINITY)
    ]
}

fn numbers() -> impl Strategy<Value = Vec<NumberDataPoint>> {
    let one = (pairs(), 0..4_u64, value(), 0..8_u8).prop_map(|(pairs, seconds, value, chance)| {
        let pairs = borrowed(&pairs);
        if chance == 0 {
            return stale(&pairs, seconds);
        }
        let mut one = point(&pairs, seconds, value);
        if chance < 4 {
            one.exemplars = vec![traced(1.0, seconds, &pairs)];
        }
        one
    });
    prop::collection::vec(one, 0..6)
}

/// Few names, so that metrics of different kinds meet, and their series with them.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ab]",
        "[ab](_total|_count|_sum|_bucket|_created|_info|_gsum|.total|_seconds)",
        "[a-b.:_0-9]{0,4}",
        Just("日".to_owned()),
        Just("target_info".to_owned())
    ]
}

fn kind_told() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        4 => Just(""),
        1 => Just("unknown"),
        1 => Just("info"),
        1 => Just("stateset"),
        1 => Just("gaugehistogram"),
        1 => Just("counter")
    ]
}

/// Parts that a metric of any kind is made of.
type Parts = (Vec<NumberDataPoint>, Vec<(String, String)>, Vec<u64>, u64, bool);

fn data(name: &str, unit: &str, kind: u8, (points, pairs, counts, seconds, has_sum): Parts) -> Metric {
    let pairs = borrowed(&pairs);
    let bounds: Vec<f64> = (1..counts.len()).map(|at| at as f64 * 1.5 - 3.0).collect();
    let mut explicit = buckets(&pairs, seconds, &bounds, &counts, has_sum.then_some(1.0));
    explicit.exemplars = vec![traced(1.5, seconds, &pairs)];
    explicit.flags = u32::from(counts.len() == 2);
    let side = Buckets {
        offset: counts.len() as i32 * 7 - 20,
        bucket_counts: counts.clone(),
    };
    let total: u64 = counts.iter().sum();
    let native = ExponentialHistogramDataPoint {
        attributes: attributes(&pairs),
        time_unix_nano: at(seconds),
        count: if has_sum { total * 2 + 1 } else { total },
        sum: has_sum.then_some(4.0),
        zero_count: u64::from(has_sum),
        scale: seconds as i32 * 4 - 5,
        positive: Some(side.clone()),
        negative: has_sum.then_some(side),
        exemplars: explicit.exemplars.clone(),
        ..ExponentialHistogramDataPoint::default()
    };
    let quantiles = (0..counts.len()).map(|at| ValueAtQuantile {
        quantile: at as f64 / 4.0,
        value: at as f64,
    });
    let of_quantiles = SummaryDataPoint {
        attributes: attributes(&pairs),
        time_unix_nano: at(seconds),
        count: total,
        sum: 2.0,
        quantile_values: quantiles.collect(),
        ..SummaryDataPoint::default()
    };
    match kind {
        0 | 1 => gauge(name, unit, points),
        2 => counter(name, unit, points),
        3 => sum(name, unit, DELTA, true, points),
        4 => sum(name, unit, CUMULATIVE, false, points),
        5 => histogram(name, unit, CUMULATIVE, vec![explicit]),
        6 => histogram(name, unit, DELTA, vec![explicit]),
        7 => summary(name, unit, vec![of_quantiles]),
        8 => exponential(name, unit, DELTA, vec![native]),
        _ => exponential(name, unit, CUMULATIVE, vec![native]),
    }
}

fn metric() -> impl Strategy<Value = Metric> {
    let unit = prop_oneof![Just(""), Just("s"), Just("1"), Just("By/s"), Just("{x}"), Just("é/é")];
    let parts = (
        numbers(),
        pairs(),
        prop::collection::vec(0..5_u64, 0..5),
        0..4_u64,
        any::<bool>(),
    );
    (name(), unit, 0..10_u8, parts, kind_told(), "[a\n\"\\\\ ]{0,3}").prop_map(
        |(name, unit, kind, parts, told, help)| {
            let mut metric = data(&name, unit, kind, parts);
            metric.metadata = attributes(&[("prometheus.type", told)]);
            metric.description = help;
            metric
        },
    )
}

fn payload() -> impl Strategy<Value = Payload> {
    let one = (pairs(), prop::collection::vec(metric(), 0..6), any::<bool>()).prop_map(|(pairs, metrics, is_known)| {
        let mut pairs = borrowed(&pairs);
        if is_known {
            pairs.extend([("service.name", "vllm"), ("service.instance.id", "p")]);
        }
        resource(&pairs, metrics)
    });
    prop::collection::vec(one, 0..3).prop_map(request)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_page_is_valid_whatever_was_brought(
        batches in prop::collection::vec((payload(), 0..200_u64), 1..5),
        strategy in 0..4_usize,
        max_series in prop_oneof![Just(1_000_u32), Just(7)],
        has_timestamps in any::<bool>(),
    ) {
        let rig = Rig::new(&format!(
            "enable_open_metrics: true\nsend_timestamps: {has_timestamps}\nmax_series: {max_series}\n\
             translation_strategy: {}",
            STRATEGIES[strategy]
        ));
        for (batch, seconds) in &batches {
            let result = rig.take(batch);
            for accept in [TEXT, OPEN, UTF8, "text/plain;version=1.0.0;escaping=allow-utf-8"] {
                rig.read(accept);
            }
            // What is said to be lost is counted, and nothing is lost unsaid.
            let dropped: u64 = rig.counted("inferscope_prometheus_dropped_points", "");
            prop_assert!(result.is_ok() || dropped > 0 || batch.items() == 0);
            rig.advance(*seconds);
        }
    }

    #[test]
    fn what_is_on_a_page_is_the_last_that_was_brought(
        batches in prop::collection::vec(prop::collection::vec((0..3_usize, 0..4_u8, any::<i32>(), prop::collection::vec(0..9_u64, 3)), 1..8), 1..5)
    ) {
        let rig = Rig::quiet("enable_open_metrics: true");
        let mut expected: BTreeMap<String, f64> = BTreeMap::new();
        for (seconds, batch) in (1_u64..).zip(&batches) {
            let mut metrics = Vec::new();
            let mut seen = Vec::new();
            for (kind, pod, value, counts) in batch {
                if seen.contains(&(kind, pod)) {
                    continue; // Two values at one time are another test's business.
                }
                seen.push((kind, pod));
                let pod = pod.to_string();
                let pairs = [("pod", pod.as_str())];
                let mut expect = |series: &str, le: Option<&str>, value: f64| {
                    let mut labels = BTreeMap::from([("instance", "pod-1"), ("job", "vllm"), ("pod", &pod)]);
                    labels.extend(le.map(|le| ("le", le)));
                    expected.insert(format!("{series}{labels:?}"), value);
                };
                metrics.push(match kind {
                    0 => {
                        expect("g", None, f64::from(*value));
                        gauge("g", "", vec![point(&pairs, seconds, f64::from(*value))])
                    }
                    1 => {
                        expect("c_total", None, f64::from(*value));
                        expect("c_created", None, 1_700_000_000.0);
                        counter("c", "", vec![point(&pairs, seconds, f64::from(*value))])
                    }
                    _ => {
                        let total: u64 = counts.iter().sum();
                        expect("h_bucket", Some("0.5"), counts[0] as f64);
                        expect("h_bucket", Some("2.0"), (counts[0] + counts[1]) as f64);
                        expect("h_bucket", Some("+Inf"), total as f64);
                        expect("h_count", None, total as f64);
                        expect("h_sum", None, f64::from(*value));
                        expect("h_created", None, 1_700_000_000.0);
                        let point = buckets(&pairs, seconds, &[0.5, 2.0], counts, Some(f64::from(*value)));
                        histogram("h", "", CUMULATIVE, vec![point])
                    }
                });
            }
            rig.take(&of_service(metrics)).unwrap();

            prop_assert_eq!(rig.read(OPEN).values(), expected.clone());
        }
    }
}
