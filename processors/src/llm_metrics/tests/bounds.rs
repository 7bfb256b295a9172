//! Every bound: label sets, services, error types, long values, requests remembered; and values of the wrong kind.

use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use prost::Message;

use super::harness::{Desks, Metrics, Value, answer, bare, pair, parse, phase, request, request_of, text};

fn of_model(model: &str) -> Span {
    answer(&[
        ("gen_ai.request.model", text(model)),
        ("gen_ai.usage.input_tokens", Value::IntValue(1)),
    ])
}

fn sum(metrics: &Metrics, name: &str) -> i64 {
    metrics.of(name).into_iter().map(|key| metrics.total(key)).sum()
}

#[test]
fn a_bomb_of_labels_ends_in_one_overflow_and_every_total_stays_exact() {
    let mut desks = Desks::new("aggregation_cardinality_limit: 50");

    for batch in 0..20 {
        let spans = (0..500).map(|it| of_model(&format!("model-{}", batch * 500 + it)));
        desks.count_spans(spans.collect());
    }

    let metrics = desks.flush();
    assert_eq!(metrics.of("inferscope.requests").len(), 51);
    assert_eq!(sum(&metrics, "inferscope.requests"), 10_000);
    assert_eq!(sum(&metrics, "inferscope.request.tokens"), 10_000);
    let overflow = "inferscope.requests{otel.metric.overflow=true,outcome=ok,service.name=llm}";
    assert_eq!(metrics.total(overflow), 9_950);
    assert_eq!(
        desks.own("inferscope_connector_llm_metrics_overflowed_measurements"),
        9_950
    );
    assert_eq!(desks.own("inferscope_connector_llm_metrics_label_sets"), 50);
    // Who was there before keeps its series.
    desks.count_spans(vec![of_model("model-0")]);
    assert_eq!(
        desks
            .flush()
            .total("inferscope.requests{gen_ai.request.model=model-0,outcome=ok,service.name=llm}"),
        2
    );
}

#[test]
fn label_sets_are_bounded_over_all_services_and_room_comes_back_when_series_end() {
    let mut desks = Desks::new("{aggregation_cardinality_limit: 3, metrics_expiration: 1m}");
    let of_service =
        |service: &str| parse(&request_of(&[("service.name", text(service))], "", vec![answer(&[])]).encode_to_vec());
    for service in ["a", "b", "c", "d", "e"] {
        desks.count(&of_service(service));
    }
    let metrics = desks.flush();
    assert_eq!(
        metrics
            .of("inferscope.requests")
            .iter()
            .filter(|key| key.contains("overflow"))
            .count(),
        2
    );
    assert_eq!(sum(&metrics, "inferscope.requests"), 5);
    desks.wait(Duration::from_secs(60));
    desks.flush();

    desks.count(&of_service("d"));

    assert_eq!(
        desks.flush().of("inferscope.requests"),
        ["inferscope.requests{outcome=ok,service.name=d}"]
    );
}

#[test]
fn services_beyond_the_limit_share_a_series_that_names_none() {
    let mut desks = Desks::new("resource_metrics_cache_size: 4");

    for service in 0..100 {
        let resource = [("service.name", text(&format!("service-{service}")))];
        desks.count(&parse(&request_of(&resource, "", vec![answer(&[])]).encode_to_vec()));
    }

    let metrics = desks.flush();
    assert_eq!(metrics.of("inferscope.requests").len(), 5);
    assert_eq!(
        metrics.total("inferscope.requests{otel.metric.overflow=true,outcome=ok}"),
        96
    );
}

#[test]
fn types_of_errors_are_bounded_and_what_is_no_type_is_other() {
    let failed = |error_type: &str| {
        let mut span = answer(&[("error.type", text(error_type))]);
        span.status = Some(Status {
            code: 2,
            ..Status::default()
        });
        span
    };
    let mut desks = Desks::new("");
    desks.count_spans((0..100).map(|it| failed(&format!("type-{it}"))).collect());
    desks.count_spans(vec![failed(&"x".repeat(257)), failed("_OTHER")]);

    let metrics = desks.flush();

    assert_eq!(metrics.of("inferscope.requests").len(), 17);
    let other = "inferscope.requests{error.type=_OTHER,outcome=error,service.name=llm}";
    assert_eq!(metrics.total(other), 86);
    assert_eq!(sum(&metrics, "inferscope.requests"), 102);
}

#[test]
fn a_label_of_unreasonable_length_is_no_label() {
    let long = "x".repeat(1_025);
    let mut desks = Desks::new("dimensions: [{name: tenant.id, default: none}]");

    desks.count_spans(vec![answer(&[
        ("gen_ai.request.model", text(&long)),
        ("tenant.id", text(&long)),
    ])]);

    assert_eq!(
        desks.flush().of("inferscope.requests"),
        ["inferscope.requests{outcome=ok,service.name=llm,tenant.id=none}"]
    );
}

#[test]
fn the_id_of_a_request_never_becomes_a_label() {
    let mut desks = Desks::new("");

    desks.count_spans(vec![answer(&[("gen_ai.request.id", text("cmpl-secret"))])]);

    let metrics = desks.flush();
    assert!(
        !metrics
            .keys()
            .iter()
            .any(|key| key.contains("secret") || key.contains("request.id")),
        "{:?}",
        metrics.keys()
    );
}

fn sibling(request_id: &str, parent: u8, start: u64) -> Span {
    let mut span = bare(&[
        ("gen_ai.request.id", text(request_id)),
        ("gen_ai.latency.e2e", Value::DoubleValue(0.5)),
        ("gen_ai.usage.prompt_tokens", Value::IntValue(10)),
    ]);
    span.parent_span_id = if parent == 0 { Vec::new() } else { vec![parent; 8] };
    span.trace_id = vec![parent.max(start as u8).max(1); 16];
    span.start_time_unix_nano += start;
    span.end_time_unix_nano += start;
    span
}

fn counts(desks: &mut Desks) -> (i64, i64) {
    let metrics = desks.flush();
    (
        sum(&metrics, "inferscope.requests"),
        sum(&metrics, "inferscope.request.tokens"),
    )
}

#[test]
fn h5_siblings_without_a_parent_come_from_one_process_and_began_at_one_moment() {
    let mut desks = Desks::new("");
    // Three answers to one request, in traces of their own.
    let mut siblings = vec![sibling("id", 0, 0), sibling("id", 0, 0), sibling("id", 0, 0)];
    siblings[1].trace_id = vec![8; 16];
    siblings[2].trace_id = vec![9; 16];
    let of = |instance: &str, spans: Vec<Span>| {
        let resource = [("service.name", text("llm")), ("service.instance.id", text(instance))];
        parse(&request_of(&resource, "", spans).encode_to_vec())
    };
    desks.count(&of("one", siblings));
    assert_eq!(counts(&mut desks), (1, 10));

    // The client says the same id again later, or to another engine: another request.
    desks.count(&of("one", vec![sibling("id", 0, 256)]));
    desks.count(&of("other", vec![sibling("id", 0, 0)]));

    assert_eq!(counts(&mut desks), (3, 30));
}

#[test]
fn requests_without_an_id_are_one_each() {
    let mut desks = Desks::new("");

    desks.count_spans(vec![answer(&[]), answer(&[])]);

    assert_eq!(counts(&mut desks).0, 2);
}

#[test]
fn beyond_their_bound_the_oldest_requests_are_forgotten_and_that_is_counted() {
    let mut desks = Desks::new("recent_requests: {requests_max: 2}");
    desks.count_spans(vec![sibling("a", 1, 0), sibling("b", 1, 0), sibling("a", 1, 0)]);
    assert_eq!(counts(&mut desks), (2, 20));

    desks.count_spans(vec![sibling("c", 1, 0), sibling("a", 1, 0), sibling("c", 1, 0)]);

    assert_eq!(
        counts(&mut desks),
        (4, 40),
        "a was forgotten, so it counts as another request"
    );
    assert_eq!(desks.own("inferscope_connector_llm_metrics_forgotten_requests"), 2);
}

#[test]
fn a_request_is_remembered_for_its_window() {
    let mut desks = Desks::new("recent_requests: {window: 1m}");
    desks.count_spans(vec![sibling("a", 1, 0)]);
    desks.wait(Duration::from_secs(60));
    desks.count_spans(vec![sibling("a", 1, 0)]);
    assert_eq!(counts(&mut desks), (1, 10));
    desks.wait(Duration::from_secs(61));

    desks.count_spans(vec![sibling("a", 1, 0)]);

    assert_eq!(counts(&mut desks), (2, 20));
    assert_eq!(
        desks.own("inferscope_connector_llm_metrics_forgotten_requests"),
        0,
        "its time was over"
    );
}

/// Values of every kind, for keys that want another.
fn hostile() -> Vec<Value> {
    let list = || vec![pair("", text("x")).value.unwrap()];
    vec![
        text("0.125"),
        text(""),
        Value::BoolValue(true),
        Value::IntValue(-1),
        Value::IntValue(i64::MIN),
        Value::IntValue(i64::MAX),
        Value::DoubleValue(f64::NAN),
        Value::DoubleValue(f64::INFINITY),
        Value::DoubleValue(-0.5),
        Value::DoubleValue(1e300),
        Value::DoubleValue(-0.0),
        Value::BytesValue(vec![0xff, 0]),
        Value::ArrayValue(ArrayValue { values: list() }),
        Value::ArrayValue(ArrayValue {
            values: vec![pair("", Value::IntValue(1)).value.unwrap()],
        }),
        Value::KvlistValue(KeyValueList {
            values: vec![pair("x", text("y"))],
        }),
    ]
}

#[test]
fn values_of_any_kind_leave_one_request_and_finite_sums() {
    let keys: Vec<&str> = crate::llm_metrics::dictionary::ROWS
        .iter()
        .flat_map(|(_, keys)| keys.iter().copied())
        .chain([
            "gen_ai.request.id",
            "error.type",
            "bootstrap_room",
            "inferscope.tenant.class",
            "tenant.id",
        ])
        .chain([
            "inferscope.request.outcome",
            "inferscope.phase.queue.duration",
            "inferscope.phase.queue.source",
        ])
        .collect();
    for key in keys {
        for value in hostile() {
            for from in ["spans", "attributes"] {
                let mut desks = Desks::new(&format!("{{dimensions: [{{name: tenant.id}}], phases_from: {from}}}"));
                let span = answer(&[(key, value.clone()), ("gen_ai.latency.e2e", Value::DoubleValue(0.5))]);
                desks.count_spans(vec![span]);

                let metrics = desks.flush();
                let what = format!("{key}: {value:?}");
                assert_eq!(sum(&metrics, "inferscope.requests"), 1, "{what}");
                for name in ["gen_ai.server.request.duration", "gen_ai.server.time_to_first_token"] {
                    for key in metrics.of(name) {
                        let sum = metrics.histogram(key).sum.unwrap();
                        assert!((0.0..=1.001).contains(&sum), "{what}: {key} is {sum}");
                    }
                }
            }
        }
    }
}

#[test]
fn many_bad_attributes_and_absurd_tokens_break_nothing() {
    let mut span = answer(&[("gen_ai.usage.input_tokens", Value::IntValue(i64::MAX))]);
    for _ in 0..60 {
        span.attributes.push(pair("gen_ai.latency.e2e", text("soon")));
        span.attributes
            .push(pair("gen_ai.latency.time_in_queue", Value::DoubleValue(-1.0)));
    }
    let mut desks = Desks::new("");
    desks.count_spans(vec![span; 10]);
    desks.count_spans(vec![answer(&[("gen_ai.usage.input_tokens", Value::IntValue(7))])]);

    let metrics = desks.flush();

    assert_eq!(
        sum(&metrics, "inferscope.request.tokens"),
        7,
        "a total that one sender cannot spoil"
    );
    let own = |reason: &str| {
        desks.own(&format!(
            "inferscope_connector_llm_metrics_unusable_values{{reason=\"{reason}\"}}"
        ))
    };
    assert_eq!((own("wrong_type"), own("negative"), own("too_long")), (600, 600, 10));
}

#[test]
fn phases_of_unknown_words_or_negative_lengths_are_counted_as_unusable() {
    let mut backwards = phase("queue", "measured", 0);
    backwards.end_time_unix_nano -= 1;
    let mut wordless = phase("queue", "measured", 1);
    wordless.attributes.pop();
    let mut desks = Desks::new("");

    desks.count_spans(vec![
        phase("lunch", "measured", 1),
        phase("queue", "guessed", 1),
        wordless,
        backwards,
    ]);

    assert_eq!(desks.flush().of("inferscope.request.phase.duration"), [""; 0]);
    let own = |reason: &str| {
        desks.own(&format!(
            "inferscope_connector_llm_metrics_unusable_values{{reason=\"{reason}\"}}"
        ))
    };
    assert_eq!((own("unknown_word"), own("backwards")), (3, 1));
}

#[test]
fn a_request_that_ends_before_it_starts_has_no_duration_and_counts_all_the_same() {
    let mut span = answer(&[("gen_ai.latency.time_to_first_token", Value::DoubleValue(0.5))]);
    span.end_time_unix_nano = span.start_time_unix_nano - 1;
    let mut desks = Desks::new("");

    desks.count_spans(vec![span]);

    let metrics = desks.flush();
    assert_eq!(metrics.of("gen_ai.server.request.duration"), [""; 0]);
    assert_eq!(
        metrics.of("gen_ai.server.time_to_first_token"),
        [""; 0],
        "there is no room for it"
    );
    assert_eq!(sum(&metrics, "inferscope.requests"), 1);
    assert_eq!(
        desks.own("inferscope_connector_llm_metrics_unusable_values{reason=\"backwards\"}"),
        1
    );
}

#[test]
fn the_resource_speaks_where_the_span_is_silent() {
    let resource = [
        ("service.namespace", text("prod")),
        ("service.name", text("llm")),
        ("gen_ai.request.model", text("of-resource")),
        ("k8s.pod.label.llm-d.ai/model", text("of-label")),
        ("team", text("acme")),
        ("host.name", text("node-1")),
    ];
    let spans = vec![
        answer(&[]),
        answer(&[("gen_ai.request.model", text("of-span")), ("team", Value::IntValue(7))]),
    ];
    let mut desks = Desks::new("dimensions: [{name: team}, {name: region, default: eu}]");

    desks.count(&parse(&request_of(&resource, "", spans).encode_to_vec()));

    assert_eq!(
        desks.flush().of("inferscope.requests"),
        [
            "inferscope.requests{gen_ai.request.model=of-resource,outcome=ok,region=eu,service.name=llm,\
             service.namespace=prod,team=acme}",
            "inferscope.requests{gen_ai.request.model=of-span,outcome=ok,region=eu,service.name=llm,\
             service.namespace=prod,team=7}",
        ]
    );
}

#[test]
fn metrics_and_logs_are_nothing_to_count() {
    let mut desks = Desks::new("");

    desks.count(&parse(&request("", Vec::new()).encode_to_vec()));

    assert_eq!(desks.flush(), Metrics::default());
}

#[test]
fn phases_that_look_alike_are_told_apart_by_what_they_say_of_themselves() {
    let labelled = |mut span: Span| {
        span.attributes.push(pair("gen_ai.request.model", text("own")));
        span
    };
    let mut retracted = phase("queue", "measured", 1);
    retracted.attributes = vec![pair("inferscope.phase.retracted", Value::BoolValue(true))];
    let mut desks = Desks::new("");
    for _ in 0..3 {
        desks.count_spans(vec![
            phase("queue", "measured", 1),
            phase("decode", "measured", 1),
            labelled(phase("queue", "measured", 1)),
            phase("queue", "inferred", 1),
            retracted.clone(),
            phase("queue", "measured", 1),
        ]);
    }

    let metrics = desks.flush();

    let count = |labels: &str| {
        metrics
            .histogram(&format!("inferscope.request.phase.duration{{{labels}}}"))
            .count
    };
    assert_eq!(
        count("inferscope.phase.source=measured,inferscope.phase=queue,service.name=llm"),
        6
    );
    assert_eq!(
        count("inferscope.phase.source=measured,inferscope.phase=decode,service.name=llm"),
        3
    );
    assert_eq!(
        count("inferscope.phase.source=inferred,inferscope.phase=queue,service.name=llm"),
        3
    );
    let own = "gen_ai.request.model=own,inferscope.phase.source=measured,inferscope.phase=queue,service.name=llm";
    assert_eq!(count(own), 3);
    assert_eq!(metrics.of("inferscope.request.phase.duration").len(), 4);
    assert_eq!(desks.own("inferscope_connector_llm_metrics_spans{kind=\"phase\"}"), 15);
    assert_eq!(
        desks.own("inferscope_connector_llm_metrics_spans{kind=\"retracted\"}"),
        3
    );
}

#[test]
fn fields_in_an_unusual_order_say_the_same() {
    let usual = request("", vec![phase("queue", "measured", 7), phase("queue", "measured", 9)]).encode_to_vec();
    let usual = parse(&usual);
    let mut unusual = Vec::new();
    for span in usual.resources().flat_map(|it| it.scopes()).flat_map(|it| it.spans()) {
        let rest = span.opening().rest().bytes();
        let opened = &span.bytes()[..span.bytes().len() - rest.len()];
        let turned = [rest, opened].concat();
        unusual.extend([vec![0x12, turned.len() as u8], turned].concat());
    }
    assert!(unusual.len() < 0x4000);
    let length = |bytes: &[u8]| [(bytes.len() & 0x7f) as u8 | 0x80, (bytes.len() >> 7) as u8];
    let scope = [&[0x12][..], &length(&unusual), &unusual].concat();
    let turned = parse(&[&[0x0a][..], &length(&scope), &scope].concat());
    assert_eq!(turned.spans(), 2);
    let mut desks = Desks::new("");
    for _ in 0..2 {
        desks.count(&turned);
    }

    let metrics = desks.flush();

    let key = "inferscope.request.phase.duration{inferscope.phase.source=measured,inferscope.phase=queue}";
    assert_eq!(
        (metrics.histogram(key).count, metrics.histogram(key).sum),
        (4, Some(0.032))
    );
}
