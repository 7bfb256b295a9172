//! Whatever arrives: what leaves keeps the rules, in both protocols, however it is cut.

use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogramDataPoint, Metric, NumberDataPoint, number_data_point,
};
use proptest::prelude::*;

use super::otlp::*;
use super::*;
use crate::prometheus_remote_write::proto::Holds;

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c._]{0,3}",
        "[0-9é日 _.:-]{0,3}",
        Just("__name__".to_owned()),
        Just("job".to_owned()),
        Just("le".to_owned())
    ]
}

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec((key(), "[a-b日\"]{0,2}"), 0..6)
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

fn points() -> impl Strategy<Value = Vec<NumberDataPoint>> {
    let one = (pairs(), 0..4_u64, value(), any::<bool>()).prop_map(|(pairs, seconds, value, has_exemplar)| {
        let pairs: Vec<(&str, &str)> = pairs
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        let mut one = point(&pairs, seconds, 0.0);
        one.value = Some(number_data_point::Value::AsDouble(value));
        if has_exemplar {
            one.exemplars = vec![traced(1.0, seconds, &pairs)];
        }
        one
    });
    prop::collection::vec(one, 0..8)
}

fn metric() -> impl Strategy<Value = Metric> {
    let name = prop_oneof!["[a-b.:_0-9]{0,4}", Just("日".to_owned())];
    let unit = prop_oneof![Just(""), Just("s"), Just("1"), Just("By/s"), Just("{x}"), Just("é/é")];
    let counts = prop::collection::vec(0..5_u64, 0..5);
    (name, unit, points(), 0..5, pairs(), counts).prop_map(|(name, unit, points, kind, pairs, counts)| {
        let pairs: Vec<(&str, &str)> = pairs
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        let bounds: Vec<f64> = (1..counts.len()).map(|at| at as f64).collect();
        let mut explicit = buckets(&pairs, 1, &bounds, &counts, Some(1.0));
        explicit.exemplars = vec![traced(1.5, 1, &pairs)];
        match kind {
            0 => gauge(&name, unit, points),
            1 => counter(&name, unit, points),
            2 => sum(&name, unit, DELTA, true, points),
            3 => histogram(&name, unit, CUMULATIVE, vec![explicit]),
            _ => histogram(&name, unit, DELTA, vec![explicit]),
        }
    })
}

fn payload() -> impl Strategy<Value = Payload> {
    let one = (pairs(), prop::collection::vec(metric(), 0..5)).prop_map(|(pairs, metrics)| {
        let pairs: Vec<(&str, &str)> = pairs
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        let mut all = vec![("service.name", "s")];
        all.extend(pairs);
        resource(&all, metrics)
    });
    prop::collection::vec(one, 0..3).prop_map(request)
}

fn yaml() -> impl Strategy<Value = String> {
    let strategy = prop_oneof![
        Just("UnderscoreEscapingWithSuffixes"),
        Just("UnderscoreEscapingWithoutSuffixes"),
        Just("NoUTF8EscapingWithSuffixes"),
        Just("NoTranslation")
    ];
    (strategy, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(strategy, native, all, collapse)| {
        format!(
            "translation_strategy: {strategy}\nconvert_explicit_histograms_to_nhcb: {native}\n\
             collapse_underscores: {collapse}\nresource_to_telemetry_conversion: {{enabled: {all}}}\n\
             external_labels: {{cluster: c, a.b: x}}"
        )
    })
}

fn table(yaml: &str, payload: &Payload) -> Table {
    Translator::new(settings(yaml)).translate(&metrics_of(payload), now())
}

/// All requests of a table, cut at `bytes_max`, put together again.
fn cut(table: &Table, protocol: Protocol, bytes_max: usize, shards: usize) -> Written {
    let is_v2 = protocol == Protocol::V2;
    let mut all = Written {
        is_v2,
        ..Written::default()
    };
    for shard in shard::deal(table, shards) {
        let mut rest = shard.rest();
        while !rest.is_empty() {
            let encoded = encode(table, rest, protocol, bytes_max, &mut Room::default());
            assert!(encoded.items > 0);
            assert!(encoded.body.len() <= bytes_max || encoded.items == 1);
            let part = oracle::decode(&encoded.body, is_v2);
            oracle::check(&part);
            let count = |count: fn(&oracle::Series) -> usize| part.series.iter().map(count).sum::<usize>() as u64;
            let holds = Holds {
                samples: count(|it| it.samples.len()),
                histograms: count(|it| it.histograms.len()),
                exemplars: count(|it| it.exemplars.len()),
            };
            assert_eq!(encoded.holds, holds);
            all.series.extend(part.series);
            rest = &rest[encoded.items..];
        }
    }
    all.series.sort_by(|a, b| a.labels.cmp(&b.labels));
    all
}

/// NaN is not equal to itself.
fn shown(written: &Written) -> String {
    format!("{:?}", written.series)
}

fn side() -> impl Strategy<Value = Buckets> {
    let offset = prop_oneof![-300..300_i32, any::<i32>()];
    (offset, prop::collection::vec(0..4_u64, 0..400))
        .prop_map(|(offset, bucket_counts)| Buckets { offset, bucket_counts })
}

fn exponential_points() -> impl Strategy<Value = Vec<ExponentialHistogramDataPoint>> {
    let scale = prop_oneof![-4..=20_i32, any::<i32>()];
    let one = (scale, side(), side(), 0..3_u64).prop_map(|(scale, positive, negative, zero_count)| {
        let sides = positive.bucket_counts.iter().chain(&negative.bucket_counts);
        ExponentialHistogramDataPoint {
            count: sides.sum::<u64>() + zero_count,
            scale,
            zero_count,
            positive: Some(positive),
            negative: Some(negative),
            ..ExponentialHistogramDataPoint::default()
        }
    });
    prop::collection::vec(one, 1..5).prop_map(|mut points| {
        for (number, point) in (1..).zip(&mut points) {
            point.time_unix_nano = at(number);
        }
        points
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_the_buckets_a_native_histogram_holds_every_measurement(
        points in exponential_points(), temporality in 1..=2_i32
    ) {
        let counts: Vec<u64> = points.iter().map(|point| point.count).collect();
        let payload = of_service(vec![exponential("e", "", temporality, points.clone())]);
        let (written, table) = translated("", &payload);

        // The oracle checks that buckets and counts agree; here, that points are counted or lost, and deltas add up.
        let histograms: Vec<&oracle::Histogram> = written.series.iter().flat_map(|series| &series.histograms).collect();
        prop_assert_eq!(histograms.len() as u64 + table.losses.lost(), points.len() as u64);
        if temporality == DELTA && table.losses.lost() == 0 {
            let totals: Vec<u64> = counts.iter().scan(0, |total, count| { *total += count; Some(*total) }).collect();
            let is = histograms.iter().map(|it| it.count).collect::<Vec<_>>();
            prop_assert_eq!(is, totals.into_iter().map(|it| Some(oracle::Count::Int(it))).collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_request_keeps_the_rules_and_cutting_changes_nothing(
        payload in payload(), yaml in yaml(), bytes_max in 1..2_000_usize, shards in 1..7_usize
    ) {
        let utf8 = table(&yaml, &payload);
        let whole = cut(&utf8, Protocol::V2, usize::MAX, 1);
        prop_assert_eq!(shown(&whole), shown(&cut(&utf8, Protocol::V2, bytes_max, shards)));

        let mut legal = utf8;
        legal.make_legal(settings(&yaml).names.underscores);
        let whole = cut(&legal, Protocol::V1, usize::MAX, 1);
        oracle::check(&whole);
        prop_assert_eq!(shown(&whole), shown(&cut(&legal, Protocol::V1, bytes_max, shards)));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(parsed) = Payload::parse(config::Signal::Metrics, bytes.into(), &pipeline::payload::Limits::default()) {
            let _ = table("", &parsed.payload);
        }
    }
}
