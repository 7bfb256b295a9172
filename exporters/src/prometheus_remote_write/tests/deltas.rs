//! Sums and histograms that say what was added since the point before.

use super::histograms::exponential_point;
use super::oracle::{Count, absolute};
use super::otlp::*;
use super::*;

#[test]
fn deltas_are_added_up_from_batch_to_batch() {
    let mut translator = Translator::new(settings("disable_scope_info: true"));
    let mut delta = |seconds: u64, value: f64| {
        let mut one = point(&[], seconds, value);
        one.start_time_unix_nano = at(seconds - 1);
        let payload = of_service(vec![sum("calls", "", DELTA, true, vec![one])]);
        through(&mut translator, &payload)
    };

    for (seconds, value, total) in [(1, 5.0, 5.0), (2, 7.0, 12.0), (4, 1.0, 13.0)] {
        let (written, _) = delta(seconds, value);
        let sample = written.one("calls_total").samples[0];
        assert_eq!((sample.value, sample.start_timestamp), (total, ms(0)));
    }
    // Again, or late: it is in the total already, or nobody knows.
    let (written, table) = delta(2, 7.0);
    assert_eq!(
        (written.series.len(), reasons(&table.losses)),
        (0, vec![("out_of_order", 1)])
    );
}

#[test]
fn delta_histograms_of_both_kinds_are_added_up() {
    let mut translator = Translator::new(settings("disable_scope_info: true"));
    let mut last = Written::default();
    for seconds in 1..=3 {
        let explicit = buckets(&[], seconds, &[1.0, 2.0], &[1, 0, seconds], Some(2.0));
        let mut fine = exponential_point(8 - seconds as i32, 0, &[8, 8, 8, 8]);
        fine.time_unix_nano = at(seconds);
        let payload = of_service(vec![
            histogram("h", "", DELTA, vec![explicit]),
            exponential("e", "", DELTA, vec![fine]),
        ]);
        last = through(&mut translator, &payload).0;
    }

    let value = |name: &str, le: &str| {
        let found = last.series.iter().find(|it| it.name() == name && it.label("le") == le);
        found.unwrap().samples[0].value
    };
    assert_eq!(
        (
            value("h_bucket", "1"),
            value("h_bucket", "2"),
            value("h_bucket", "+Inf")
        ),
        (3.0, 3.0, 9.0)
    );
    assert_eq!((value("h_count", ""), value("h_sum", "")), (9.0, 6.0));
    let native = &last.one("e").histograms[0];
    assert_eq!(
        (native.schema, native.count, native.sum),
        (5, Some(Count::Int(105)), 30.0)
    );
    // Scales 7, 6 and 5: four buckets become one, two and four.
    let positive = absolute(&native.positive_spans, &native.positive_deltas);
    assert_eq!(positive, [(1, 32 + 16 + 8), (2, 16 + 8), (3, 8), (4, 8)].into());
}

#[test]
fn other_bounds_begin_again() {
    let mut translator = Translator::new(settings(""));
    for (seconds, bounds, total) in [(1, [1.0, 2.0], 3.0), (2, [1.0, 2.0], 6.0), (3, [1.0, 4.0], 3.0)] {
        let mut one = buckets(&[], seconds, &bounds, &[1, 1, 1], None);
        one.start_time_unix_nano = at(seconds - 1);
        let payload = of_service(vec![histogram("h", "", DELTA, vec![one])]);
        let (written, _) = through(&mut translator, &payload);
        let sample = written.one("h_count").samples[0];
        assert_eq!(sample.value, total);
        assert_eq!(sample.start_timestamp, if seconds < 3 { ms(0) } else { ms(2) });
    }
}

#[test]
fn streams_of_deltas_are_bounded() {
    let mut translator = Translator::new(settings("delta_to_cumulative: {max_streams: 2}"));
    let points = ["a", "b", "c"].map(|name| point(&[("n", name)], 1, 1.0)).to_vec();
    let payload = of_service(vec![sum("x", "", DELTA, true, points)]);

    let (written, table) = through(&mut translator, &payload);

    assert_eq!(
        (written.series.len(), reasons(&table.losses)),
        (2, vec![("too_many_streams", 1)])
    );
}

#[test]
fn a_sum_without_a_start_to_count_from_is_dropped_and_counted() {
    let payload = of_service(vec![
        sum("falls", "", DELTA, false, vec![point(&[], 1, 1.0)]),
        sum("unspecified", "", 0, true, vec![point(&[], 1, 1.0)]),
        sum("up_down", "", CUMULATIVE, false, vec![point(&[], 1, -1.0)]),
    ]);

    let (written, table) = translated("target_info: {enabled: false}", &payload);

    assert_eq!(written.series.len(), 1);
    assert_eq!(
        written.one("up_down").metadata.as_ref().unwrap().0,
        2,
        "a sum that falls is a gauge"
    );
    assert_eq!(
        (reasons(&table.losses), table.losses.lost()),
        (vec![("unsupported_temporality", 2)], 2)
    );
}
