//! Flushes: what grows, what starts anew, what ends.

use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use super::harness::{Desks, Metrics, Point, Value, answer, phase, text};

const MINUTE: Duration = Duration::from_secs(60);

fn of_model(model: &str) -> Vec<Span> {
    vec![answer(&[
        ("gen_ai.request.model", text(model)),
        ("gen_ai.usage.input_tokens", Value::IntValue(5)),
    ])]
}

fn failed_of_model(model: &str) -> Vec<Span> {
    let mut span = answer(&[("gen_ai.request.model", text(model)), ("error.type", text("timeout"))]);
    span.status = Some(Status {
        code: 2,
        ..Status::default()
    });
    vec![span]
}

const REQUESTS_OF_A: &str = "inferscope.requests{gen_ai.request.model=a,outcome=ok,service.name=llm}";

#[test]
fn totals_grow_from_one_start_and_are_told_again_when_nothing_came() {
    let mut desks = Desks::new("");
    desks.count_spans(of_model("a"));
    let first = desks.flush();
    desks.wait(MINUTE);
    let silent = desks.flush();
    desks.count_spans(of_model("a"));
    desks.wait(MINUTE);

    let third = desks.flush();

    let key = "gen_ai.server.request.duration{gen_ai.request.model=a,service.name=llm}";
    let of = |metrics: &Metrics| {
        (
            metrics.histogram(key).count,
            metrics.histogram(key).start_time_unix_nano,
        )
    };
    let start = of(&first).1;
    assert_eq!(
        (of(&first), of(&silent), of(&third)),
        ((1, start), (1, start), (2, start))
    );
    assert_eq!((first.total(REQUESTS_OF_A), third.total(REQUESTS_OF_A)), (1, 2));
    assert_eq!(first.histogram(key).exemplars.len(), 1);
    assert_eq!(silent.histogram(key).exemplars.len(), 0, "an exemplar is told once");
}

#[test]
fn differences_start_where_the_last_ended_and_nothing_is_told_when_nothing_came() {
    let mut desks = Desks::new("aggregation_temporality: AGGREGATION_TEMPORALITY_DELTA");
    desks.count_spans([of_model("a"), of_model("b"), vec![phase("queue", "measured", 5)]].concat());
    let first = desks.flush();
    let first_end = desks.moment.wall;
    desks.wait(MINUTE);
    desks.count_spans(of_model("a"));
    let second = desks.flush();
    desks.wait(MINUTE);

    let third = desks.flush();

    let key = "gen_ai.server.request.duration{gen_ai.request.model=a,service.name=llm}";
    assert_eq!((first.total(REQUESTS_OF_A), second.total(REQUESTS_OF_A)), (1, 1));
    assert_eq!(second.histogram(key).count, 1);
    assert_eq!(second.histogram(key).start_time_unix_nano, first_end);
    assert!(first.keys().iter().any(|key| key.contains("model=b")));
    assert!(
        second.keys().iter().all(|key| key.contains("model=a")),
        "{:?}",
        second.keys()
    );
    assert_eq!(third, Metrics::default());
}

#[test]
fn series_to_which_nothing_is_added_end_and_say_so() {
    let mut desks = Desks::new("metrics_expiration: 5m");
    desks.count_spans([of_model("a"), of_model("b")].concat());
    let before = desks.flush();
    desks.wait(4 * MINUTE);
    desks.count_spans(of_model("b"));
    desks.wait(MINUTE);

    let ending = desks.flush();
    let after = desks.flush();

    let of_a = |metrics: &Metrics| -> Vec<Point> {
        let points = metrics.points.iter().filter(|(key, _)| key.contains("model=a"));
        points.map(|(_, point)| point.clone()).collect()
    };
    assert!(of_a(&before).iter().all(|point| *point != Point::Ended));
    assert_eq!(of_a(&ending), vec![Point::Ended; of_a(&before).len()]);
    assert_eq!(of_a(&after), []);
    assert_eq!(desks.own("inferscope_connector_llm_metrics_label_sets"), 1);
    assert!(after.keys().iter().any(|key| key.contains("model=b")));
}

#[test]
fn what_no_flush_has_told_yet_is_told_before_its_series_end() {
    for yaml in [
        "metrics_expiration: 5m",
        "{metrics_expiration: 5m, aggregation_temporality: AGGREGATION_TEMPORALITY_DELTA}",
    ] {
        let mut desks = Desks::new(yaml);
        desks.count_spans(of_model("a"));
        // The pipelines behind were full for that long.
        desks.wait(6 * MINUTE);

        let told = desks.flush();

        assert_eq!(told.total(REQUESTS_OF_A), 1, "{yaml}");
    }
}

#[test]
fn a_service_that_is_silent_ends_as_a_whole_and_may_come_back() {
    let mut desks = Desks::new("metrics_expiration: 5m");
    desks.count_spans(of_model("a"));
    desks.flush();
    desks.wait(5 * MINUTE);
    let ending = desks.flush();
    assert!(ending.points.values().all(|point| *point == Point::Ended));
    assert_eq!(desks.flush(), Metrics::default());

    desks.count_spans(of_model("a"));

    assert_eq!(desks.flush().total(REQUESTS_OF_A), 1);
}

#[test]
fn what_is_counted_at_several_desks_is_told_as_one() {
    let (mut one, mut three) = (Desks::new(""), Desks::of("", 3));
    for round in 0..4 {
        for desk in 0..3 {
            let spans = [
                of_model("a"),
                of_model("b"),
                vec![phase("queue", "measured", round + 1)],
            ]
            .concat();
            let traces = super::harness::parse(&prost::Message::encode_to_vec(&super::harness::request("", spans)));
            one.count(&traces);
            three.count_at(desk, &traces);
        }
        let (mut one, mut three) = (one.flush(), three.flush());
        for point in one.points.values_mut().chain(three.points.values_mut()) {
            if let Point::Exponential(point) = point {
                point.exemplars.clear(); // The latest; which desk is read last is not said.
                point.sum = point.sum.map(|sum| (sum * 1e9).round());
            }
        }
        assert_eq!(one, three);
    }
}

#[test]
fn when_the_process_stops_every_series_ends_once() {
    for buckets in ["{}", "histograms: {request_duration: {kind: explicit}}"] {
        let mut desks = Desks::new(buckets);
        desks.count_spans([of_model("a"), of_model("b")].concat());
        let last = desks.flush();

        let over = desks.end();

        assert_eq!(over.keys(), last.keys());
        assert!(over.points.values().all(|point| *point == Point::Ended), "{over:?}");
        assert_eq!(desks.end(), Metrics::default());
    }
}

#[test]
fn differences_need_no_end_when_the_process_stops() {
    let mut desks = Desks::new("aggregation_temporality: AGGREGATION_TEMPORALITY_DELTA");
    desks.count_spans(of_model("a"));
    desks.flush();

    assert_eq!(desks.end(), Metrics::default());
}

#[test]
fn every_new_series_begins_with_nothing_also_where_others_of_its_labels_are_old() {
    let mut desks = Desks::new("{}");
    let start = desks.moment.wall;
    desks.count_spans(of_model("a"));
    desks.wait(MINUTE);
    let first = desks.flush();
    let flushed = desks.moment.wall;
    desks.count_spans(of_model("a"));
    desks.count_spans(failed_of_model("a"));
    desks.wait(MINUTE);
    let second = desks.flush();

    assert_eq!(
        first.began.keys().collect::<Vec<_>>(),
        first.points.keys().collect::<Vec<_>>()
    );
    assert!(first.began.values().all(|began| *began == start));
    let new: Vec<_> = second
        .points
        .keys()
        .filter(|key| !first.points.contains_key(*key))
        .collect();
    assert!(new.iter().any(|key| key.contains("error.type=")), "{new:?}");
    assert_eq!(second.began.keys().collect::<Vec<_>>(), new);
    // They have the start of their labels and were nothing until the flush before.
    assert!(second.began.values().all(|began| *began == flushed + 1_000_000));
}
