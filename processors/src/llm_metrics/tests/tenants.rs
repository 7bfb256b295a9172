//! Tenants: a label for a bounded number of them, and exact totals for all.

use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::harness::{Desks, Metrics, Value, answer, parse, request, request_of, text};

fn sum(metrics: &Metrics, name: &str) -> i64 {
    metrics.of(name).into_iter().map(|key| metrics.total(key)).sum()
}

fn of_tenant(tenant: &str, tokens: i64) -> Span {
    answer(&[
        ("tenant.id", text(tenant)),
        ("gen_ai.usage.input_tokens", Value::IntValue(tokens)),
    ])
}

fn requests_of(tenant: &str) -> String {
    format!("inferscope.requests{{outcome=ok,service.name=llm,tenant.id={tenant}}}")
}

#[test]
fn t1_the_total_over_all_tenants_is_the_total_without_tenants_however_many_there_are() {
    let mut desks = Desks::of("tenants_max: 5", 3);
    let mut without = Desks::new("");
    for round in 0..4 {
        for tenant in 0..50 {
            let spans = || vec![of_tenant(&format!("t{tenant}"), tenant + 1)];
            desks.count_at(
                (tenant as usize + round) % 3,
                &parse(&request("", spans()).encode_to_vec()),
            );
            let mut nameless = spans();
            nameless[0].attributes.retain(|it| it.key != "tenant.id");
            without.count_spans(nameless);
        }
    }

    let (metrics, total) = (desks.flush(), without.flush());

    assert_eq!(metrics.of("inferscope.requests").len(), 6);
    for name in ["inferscope.requests", "inferscope.request.tokens"] {
        assert_eq!(sum(&metrics, name), sum(&total, name), "{name}");
    }
    assert_eq!(metrics.total(&requests_of("t0")), 4);
    assert_eq!(metrics.total(&requests_of("_other")), 4 * 45);
    assert_eq!(
        desks.own("inferscope_connector_llm_metrics_other_tenants_measurements"),
        4 * 45
    );
}

#[test]
fn a_tenant_gets_series_of_its_own_when_those_of_another_have_ended() {
    let mut desks = Desks::new("{tenants_max: 1, metrics_expiration: 1m}");
    desks.count_spans(vec![of_tenant("a", 1)]);
    desks.count_spans(vec![of_tenant("b", 1)]);
    assert_eq!(desks.flush().total(&requests_of("_other")), 1);

    desks.wait(Duration::from_secs(61));
    desks.flush();
    desks.count_spans(vec![of_tenant("b", 1)]);

    assert_eq!(desks.flush().total(&requests_of("b")), 1);
}

#[test]
fn the_tenant_is_a_label_without_being_asked_for_and_comes_from_the_resource_too() {
    let mut desks = Desks::new("");
    let request = request_of(
        &[("service.name", text("llm")), ("tenant.id", text("acme"))],
        "",
        vec![answer(&[]), of_tenant("beta", 1)],
    );

    desks.count(&parse(&request.encode_to_vec()));

    let metrics = desks.flush();
    assert_eq!(metrics.total(&requests_of("acme")), 1);
    assert_eq!(metrics.total(&requests_of("beta")), 1);
}
