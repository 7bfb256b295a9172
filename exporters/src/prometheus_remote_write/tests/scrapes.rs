//! Scrapes, which are written without a way through OTLP.

use std::sync::Arc;

use pipeline::component::ExportError;
use pipeline::payload::metrics::MetricsPart;
use pipeline::payload::scrape::{
    Family, Group, Kind, Label, Metric, OwnTime, Part, STALE, Sample, Scrape, ScrapedExemplar, Shape,
};
use pipeline::payload::{EmittedScope, EncodedAttributes, Metrics, Place};
use proptest::prelude::*;

use super::otlp::{gauge, metrics_of, of_service, point};
use super::*;
use crate::testing::export;

/// A series of a test: family, type, part, labels beside name, job and instance.
type Told = (&'static str, Kind, Part, Vec<(&'static str, String)>);

/// The shape of a target with these series.
fn shape(instance: &str, told: &[Told]) -> Shape {
    let mut shape = Shape::default();
    let mut resource = EncodedAttributes::new();
    resource.push("service.name", "vllm");
    resource.push("service.instance.id", instance);
    let scope = EmittedScope {
        name: "",
        version: "",
        schema_url: "",
    };
    let group = shape.add_group(Group {
        place: Place::made(&resource, &scope),
    });
    let mut points: Vec<(&str, Vec<(&str, String)>, u32)> = Vec::new();
    for (name, kind, part, labels) in told {
        let point = match points.iter().find(|(known, of, _)| known == name && of == labels) {
            Some((.., point)) => *point,
            None => {
                let family = shape.add_family(Family {
                    name: (*name).to_owned(),
                    kind: *kind,
                    help: format!("What {name} is."),
                    unit: "seconds".to_owned(),
                });
                let metric = shape.add_metric(Metric {
                    group,
                    family,
                    name: (*name).to_owned(),
                    kind: *kind,
                    is_own: false,
                });
                let point = shape.add_point(metric, 10);
                points.push((name, labels.clone(), point));
                point
            }
        };
        let (suffix, own) = match part {
            Part::Bucket(bound) => ("_bucket", Some(("le", pipeline::payload::scrape::bound_text(*bound)))),
            Part::Quantile(share) => ("", Some(("quantile", share.to_string()))),
            Part::Count => ("_count", None),
            Part::Sum => ("_sum", None),
            _ => ("", None),
        };
        let mut all: Vec<(&str, String)> = labels.clone();
        all.extend(own);
        all.push(("__name__", format!("{name}{suffix}")));
        all.push(("job", "vllm".to_owned()));
        all.push(("instance", instance.to_owned()));
        all.sort();
        let labels: Vec<Label> = all
            .iter()
            .map(|(name, value)| Label {
                name: shape.add_text(name),
                value: shape.add_text(value),
            })
            .collect();
        shape.add_series(&labels, point, *part);
    }
    shape
}

/// A scrape with a value for each series, in order.
fn scrape(shape: &Arc<Shape>, time: i64, values: &[f64]) -> Scrape {
    let mut scrape = Scrape::new(Arc::clone(shape), time);
    scrape.samples = (0..)
        .zip(values)
        .map(|(series, value)| Sample { series, value: *value })
        .collect();
    let mut points: Vec<u32> = shape
        .series()
        .iter()
        .take(values.len())
        .map(|series| series.point)
        .collect();
    points.dedup();
    scrape.points = points.len() as u32;
    scrape
}

fn page() -> Vec<Told> {
    vec![
        (
            "vllm:requests",
            Kind::Gauge,
            Part::Value,
            vec![("engine", "0".to_owned())],
        ),
        ("tgi_request_count", Kind::Counter, Part::Value, Vec::new()),
        ("h", Kind::Histogram, Part::Bucket(1.0), Vec::new()),
        ("h", Kind::Histogram, Part::Bucket(f64::INFINITY), Vec::new()),
        ("h", Kind::Histogram, Part::Sum, Vec::new()),
        ("h", Kind::Histogram, Part::Count, Vec::new()),
    ]
}

fn translator(yaml: &str, protocol: Protocol) -> Translator {
    let mut translator = Translator::new(settings(yaml));
    translator.take_scrapes(protocol.heads());
    translator
}

/// What a request with all series says.
fn request(table: &Table, protocol: Protocol) -> Written {
    let shards = shard::deal(table, 1);
    let encoded = encode(table, shards[0].rest(), protocol, usize::MAX, &mut Room::default());
    assert_eq!(encoded.items, shards[0].rest().len());
    let mut written = oracle::decode_with_spare_symbols(&encoded.body, protocol == Protocol::V2);
    oracle::check(&written);
    written.series.sort_by(|a, b| a.labels.cmp(&b.labels));
    written
}

#[test]
fn a_scrape_is_the_series_of_the_page_in_both_protocols() {
    let shape = Arc::new(shape("a:1", &page()));
    let mut values = scrape(&shape, 5_000, &[3.0, 7.0, 1.0, 2.0, 9.5, 2.0]);
    values.starts = vec![0, 4_000_000_000, 4_500_000_000];
    let metrics = Metrics::scraped([values]).unwrap();

    for protocol in [Protocol::V1, Protocol::V2] {
        let mut translator = translator("", protocol);
        // The second time everything is known.
        for _ in 0..2 {
            let table = translator.translate(&metrics, now());
            let written = request(&table, protocol);

            let texts: Vec<String> = written.series.iter().map(oracle::Series::text).collect();
            assert_eq!(
                texts,
                [
                    r#"h_bucket{instance="a:1",job="vllm",le="+Inf"}"#,
                    r#"h_bucket{instance="a:1",job="vllm",le="1.0"}"#,
                    r#"h_count{instance="a:1",job="vllm"}"#,
                    r#"h_sum{instance="a:1",job="vllm"}"#,
                    r#"tgi_request_count{instance="a:1",job="vllm"}"#,
                    r#"vllm:requests{engine="0",instance="a:1",job="vllm"}"#,
                ]
            );
            let said: Vec<(f64, i64)> = written
                .series
                .iter()
                .map(|it| (it.samples[0].value, it.samples[0].timestamp))
                .collect();
            assert_eq!(
                said,
                [
                    (2.0, 5_000),
                    (1.0, 5_000),
                    (2.0, 5_000),
                    (9.5, 5_000),
                    (7.0, 5_000),
                    (3.0, 5_000)
                ]
            );
            if protocol == Protocol::V2 {
                let starts: Vec<i64> = written.series.iter().map(|it| it.samples[0].start_timestamp).collect();
                assert_eq!(starts, [4_500, 4_500, 4_500, 4_500, 4_000, 0]);
                let (kind, help, unit) = written.series[0].metadata.clone().unwrap();
                assert_eq!((kind, &*help, &*unit), (3, "What h is.", "seconds"));
            }
            translator.give_back(table);
        }
    }
}

#[test]
fn two_scrapes_of_one_target_are_one_series_with_two_values() {
    let shape = Arc::new(shape("a:1", &page()));
    let scrapes = [2_000, 1_000].map(|time| scrape(&shape, time, &[time as f64; 6]));
    let metrics = Metrics::scraped(scrapes).unwrap();

    for protocol in [Protocol::V1, Protocol::V2] {
        let written = request(&translator("", protocol).translate(&metrics, now()), protocol);

        assert_eq!(written.series.len(), 6);
        let times = |it: &oracle::Series| it.samples.iter().map(|sample| sample.timestamp).collect::<Vec<_>>();
        assert!(
            written.series.iter().all(|it| times(it) == [1_000, 2_000]),
            "{written:?}"
        );
    }
}

#[test]
fn of_two_targets_with_the_same_labels_the_first_counts_and_the_other_is_told() {
    let one = Arc::new(shape("a:1", &page()));
    let other = Arc::new(shape("a:1", &page()));
    let mut translator = translator("", Protocol::V2);

    for _ in 0..2 {
        let metrics = Metrics::scraped([scrape(&one, 5, &[1.0; 6]), scrape(&other, 5, &[2.0; 6])]).unwrap();
        let table = translator.translate(&metrics, now());
        let written = request(&table, Protocol::V2);

        assert_eq!(written.series.len(), 6);
        assert!(
            written
                .series
                .iter()
                .all(|it| it.samples.len() == 1 && it.samples[0].value == 1.0)
        );
        assert_eq!((table.losses.points(), table.losses.lost()), (6, 3));
        translator.give_back(table);
    }
}

#[test]
fn a_scrape_and_otlp_in_one_batch_do_not_double_a_series() {
    let shape = Arc::new(shape("a:1", &page()));
    let scraped = Metrics::scraped([scrape(&shape, 1_000, &[1.0; 6])]).unwrap();
    let otlp = metrics_of(&of_service(vec![gauge("x", "", vec![point(&[], 1, 2.0)])]));
    // The scrape again, as OTLP: every series is there twice, with one value.
    let again = Metrics::parse(scraped.bytes().clone(), &pipeline::payload::Limits::default())
        .unwrap()
        .payload;
    let metrics = Metrics::concat(&[otlp, scraped, again]);
    assert_eq!(
        metrics
            .parts()
            .filter(|part| matches!(part, MetricsPart::Scrape(_)))
            .count(),
        1
    );

    for protocol in [Protocol::V1, Protocol::V2] {
        let table = translator("target_info: {enabled: false}", protocol).translate(&metrics, now());
        let written = request(&table, protocol);

        assert_eq!(written.series.len(), 7);
        assert!(written.series.iter().all(|it| it.samples.len() == 1));
        assert_eq!((table.losses.repeated, table.losses.lost()), (6, 0));
    }
}

#[test]
fn a_series_that_has_ended_has_the_marker_and_its_own_time_counts() {
    let shape = Arc::new(shape("a:1", &page()));
    let mut values = scrape(&shape, 5_000, &[STALE, 1.0, STALE, STALE, STALE, STALE]);
    values.times = vec![OwnTime { sample: 1, time: 4_321 }];
    let metrics = Metrics::scraped([values]).unwrap();

    let written = request(&translator("", Protocol::V2).translate(&metrics, now()), Protocol::V2);

    let of = |name: &str| {
        let found = written.series.iter().find(|it| it.label("__name__") == name).unwrap();
        (found.samples[0].value.to_bits(), found.samples[0].timestamp)
    };
    assert_eq!(of("vllm:requests"), (0x7ff0_0000_0000_0002, 5_000));
    assert_eq!(of("h_sum"), (0x7ff0_0000_0000_0002, 5_000));
    assert_eq!(of("tgi_request_count"), (1.0_f64.to_bits(), 4_321));
}

#[test]
fn exemplars_of_a_page_keep_their_labels() {
    let shape = Arc::new(shape("a:1", &page()));
    let mut values = scrape(&shape, 5_000, &[1.0; 6]);
    let labels = [("trace_id", "0af7651916cd43dd8448eb211c80319c"), ("user", "u")];
    values.exemplars = vec![ScrapedExemplar {
        sample: 2,
        value: 0.5,
        time: Some(4_999),
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    }];
    let metrics = Metrics::scraped([values]).unwrap();

    for protocol in [Protocol::V1, Protocol::V2] {
        let written = request(&translator("", protocol).translate(&metrics, now()), protocol);

        let bucket = written.series.iter().find(|it| it.label("le") == "1.0").unwrap();
        assert_eq!(bucket.exemplars.len(), 1);
        assert_eq!((bucket.exemplars[0].value, bucket.exemplars[0].timestamp), (0.5, 4_999));
        assert_eq!(
            bucket.exemplars[0].labels,
            labels.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}

#[test]
fn labels_that_a_receiver_of_1_0_does_not_know_are_written_in_letters_that_it_knows() {
    let series: Vec<Told> = vec![("a.b", Kind::Gauge, Part::Value, vec![("x.y", "z".to_owned())])];
    let shape = Arc::new(shape("a:1", &series));
    let metrics = Metrics::scraped([scrape(&shape, 5, &[1.0])]).unwrap();
    let yaml = "namespace: ns\nexternal_labels: {cluster: eu}";

    let written = request(&translator(yaml, Protocol::V1).translate(&metrics, now()), Protocol::V1);
    let kept = format!("{yaml}\ntranslation_strategy: NoTranslation");
    let utf8 = request(
        &translator(&kept, Protocol::V2).translate(&metrics, now()),
        Protocol::V2,
    );

    assert_eq!(
        written.series[0].text(),
        r#"ns_a_b{cluster="eu",instance="a:1",job="vllm",x_y="z"}"#
    );
    assert_eq!(
        utf8.series[0].text(),
        r#"ns_a.b{cluster="eu",instance="a:1",job="vllm",x.y="z"}"#
    );
}

#[test]
fn a_target_that_is_read_anew_is_known_again() {
    let mut translator = translator("", Protocol::V2);
    let mut is_known = |others: usize| {
        let shapes: Vec<_> = (0..=others).map(|_| Arc::new(shape("a:1", &page()))).collect();
        let scrapes = shapes.iter().map(|shape| scrape(shape, 5, &[1.0; 6]));
        let table = translator.translate(&Metrics::scraped(scrapes).unwrap(), now());
        let (is_known, series) = (table.has_known(), table.series.len());
        translator.give_back(table);
        (is_known, series)
    };

    // Where the target is there twice at the same time, its series are looked up.
    assert_eq!(
        [is_known(0), is_known(0), is_known(1)],
        [(true, 6), (true, 6), (false, 6)]
    );
}

#[test]
fn what_many_targets_leave_behind_is_forgotten() {
    let mut translator = translator("", Protocol::V2);
    let mut most = 0;
    for number in 0..30 {
        let told: Vec<Told> = (0..2_000)
            .map(|series| ("a", Kind::Gauge, Part::Value, vec![("n", format!("{number}-{series}"))]))
            .collect();
        let shape = Arc::new(shape(&format!("a:{number}"), &told));
        let metrics = Metrics::scraped([scrape(&shape, 5, &vec![1.0; 2_000])]).unwrap();
        let table = translator.translate(&metrics, now());
        most = most.max(table.symbols.len());
        translator.give_back(table);
    }

    // Of 60,000 texts alone, as many are kept as belong to 10,000 series that are gone and a few more.
    assert!(most < 16_000, "{most}");
}

#[test]
fn a_request_that_is_cut_small_does_not_carry_the_texts_of_all_series() {
    const SERIES: usize = 400;
    let long = "x".repeat(100);
    let told: Vec<Told> = (0..SERIES)
        .map(|series| ("a", Kind::Gauge, Part::Value, vec![("n", format!("{long}-{series}"))]))
        .collect();
    let shape = Arc::new(shape("a:1", &told));
    let metrics = Metrics::scraped([scrape(&shape, 5, &[1.0; SERIES])]).unwrap();
    let table = translator("", Protocol::V2).translate(&metrics, now());
    let shards = shard::deal(&table, 1);
    let items = shards[0].rest();

    // A request has a quarter of the series at least, though all texts together are longer than it may be.
    let cut = encode(&table, items, Protocol::V2, 20_000, &mut Room::default());
    let one = encode(&table, &items[..1], Protocol::V2, usize::MAX, &mut Room::default());

    assert!(cut.body.len() <= 20_000 && cut.items > SERIES / 4, "{}", cut.items);
    assert!(one.body.len() < 500, "{}", one.body.len());
    for request in [cut, one] {
        oracle::check(&oracle::decode_with_spare_symbols(&request.body, true));
    }
}

/// Which of a target's series have a value at a turn.
fn turns() -> impl Strategy<Value = Vec<(usize, Vec<bool>)>> {
    prop::collection::vec((0..3_usize, prop::collection::vec(any::<bool>(), 6)), 1..8)
}

proptest! {
    #[test]
    fn scrapes_are_written_as_they_are_through_otlp(turns in turns(), is_v2: bool) {
        let protocol = if is_v2 { Protocol::V2 } else { Protocol::V1 };
        let shapes: Vec<Arc<Shape>> = ["a:1", "b:1", "c:1"].map(|it| Arc::new(shape(it, &page()))).into();
        let yaml = "target_info: {enabled: false}";
        let (mut direct, mut through) = (translator(yaml, protocol), Translator::new(settings(yaml)));

        for (turn, (target, shown)) in (1_i64..).zip(turns) {
            let mut values = scrape(&shapes[target], turn * 1_000, &[1.0, 2.0, 1.0, 4.0, 9.0, 4.0]);
            // A histogram is there as a whole or not at all.
            let is_shown = |sample: &Sample| shown[(sample.series as usize).min(2)];
            values.samples.retain(is_shown);
            values.points = shown[..3].iter().filter(|it| **it).count() as u32;
            let Some(metrics) = Metrics::scraped([values]) else { continue };

            let table = direct.translate(&metrics, now());
            let one = request(&table, protocol);
            prop_assert_eq!(table.losses.points(), u64::from(metrics.points()));
            direct.give_back(table);
            let table = through.translate(&metrics, now());
            let other = request(&table, protocol);
            through.give_back(table);

            prop_assert_eq!(one.texts(), other.texts());
        }
    }
}

#[tokio::test]
async fn a_value_with_a_time_of_its_own_that_is_refused_takes_only_its_like_with_it() {
    // As Prometheus does it: one value that is too old, and nothing of the request is kept.
    let destination = Destination::start(|request| {
        let written = oracle::read(request);
        let mut samples = written.series.iter().flat_map(|it| &it.samples);
        if samples.any(|sample| sample.timestamp < 1_000) {
            return Answer::http(400).saying("too old sample");
        }
        taken(&written)
    })
    .await;
    let shape = Arc::new(shape("a:1", &page()));
    let mut values = scrape(&shape, 5_000, &[1.0; 6]);
    values.times = vec![OwnTime { sample: 1, time: 321 }];
    let metrics = Payload::Metrics(Metrics::scraped([values]).unwrap());

    let result = export(&writer(destination.address, &[]), &metrics).await;

    let sizes: Vec<usize> = written(&destination).iter().map(|it| it.series.len()).collect();
    assert_eq!(sizes, [5, 1]);
    let is_partly = matches!(&result, Err(ExportError::Partial { rejected: 1, .. }));
    assert!(is_partly, "{result:?}");
}

#[test]
fn values_with_times_of_their_own_share_requests_with_those_as_old_and_with_few() {
    const SERIES: usize = 1_200;
    let told: Vec<Told> = (0..SERIES)
        .map(|at| ("a", Kind::Gauge, Part::Value, vec![("n", at.to_string())]))
        .collect();
    let shape = Arc::new(shape("a:1", &told));
    let mut values = scrape(&shape, 9_000, &[1.0; SERIES]);
    // The later on the page, the older; every tenth has no time.
    let own = (0..SERIES as u32).filter(|at| at % 10 != 0);
    let own = own.map(|sample| OwnTime {
        sample,
        time: i64::from(5_000 - sample),
    });
    values.times = own.collect();
    let mut translator = translator("", Protocol::V1);
    let table = translator.translate(&Metrics::scraped([values]).unwrap(), now());

    let mut shards = shard::deal(&table, 1);
    let (mut sizes, mut times) = (Vec::new(), Vec::new());
    assert_eq!(shards[0].ahead(Protocol::V2).len(), SERIES);
    while !shards[0].rest().is_empty() {
        let items = shards[0].ahead(Protocol::V1);
        sizes.push(items.len());
        times.extend(items.iter().map(|item| table.samples[item.values.start()].stamp.time));
        let count = items.len();
        shards[0].settle(count);
    }

    assert_eq!(sizes, [120, 500, 500, 80]);
    assert!(times[..120].iter().all(|time| *time == 9_000));
    assert!(times[120..].is_sorted(), "{times:?}");
}
