//! Where the tenant is written, and what stays as it came.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use pipeline::{Method, Origin};

use super::rig::{Rig, add_span, anyone, attribute, known, request, string, text, with_header};
use crate::actions::tests::trial;

const GATEWAY: &str = "gateway: { identities: [gateway], trusted_services: ['*'] }";

fn gateway() -> Origin {
    known(Method::Certificate, "gateway")
}

#[test]
fn the_tenant_stands_on_the_resource_and_no_item_repeats_it() {
    let mut rig = Rig::new("");
    let mut batch = request(&[], &[]);
    add_span(&mut batch, trial::span("plain", vec![attribute("a", string("b"))]));

    let seen = rig.run(&batch, &with_header(anyone(), "x-tenant-id", "acme"));

    assert_eq!(text(&seen.resource, "tenant.id").as_deref(), Some("acme"));
    assert_eq!(seen.on_span(0, "tenant.id"), None);
    assert_eq!(seen.on_span(0, "inferscope.tenant.source").as_deref(), Some("claim"));
    assert_eq!(seen.spans[1], [attribute("a", string("b"))], "no request");
}

#[test]
fn spans_of_one_resource_may_have_tenants_of_their_own() {
    let mut rig = Rig::new(GATEWAY);
    let mut batch = request(&[("tenant.id", string("acme"))], &[]);
    let beta = [("http.request.header.x-tenant-id", "beta"), ("gen_ai.system", "vllm")];
    let beta = beta.map(|(key, value)| attribute(key, string(value)));
    add_span(&mut batch, trial::span("other", beta.to_vec()));

    let seen = rig.run(&batch, &gateway());

    assert_eq!((seen.tenant(0).as_str(), seen.tenant(1).as_str()), ("acme", "beta"));
    assert_eq!(seen.on_span(1, "inferscope.tenant.source").as_deref(), Some("gateway"));
    assert_eq!(rig.counted("inferscope_tenant_conflicts", "item"), 0);
}

#[test]
fn a_batch_that_says_its_tenant_already_keeps_its_bytes() {
    let mut rig = Rig::new(GATEWAY);
    let mut batch = request(&[("tenant.id", string("acme"))], &[]);
    batch.resource_spans[0].scope_spans[0].spans = vec![trial::span("plain", Vec::new())];
    let traces = trial::traces(&batch);

    let out = rig.bytes(&traces, &gateway());

    assert_eq!(out.bytes().as_ptr(), traces.bytes().as_ptr());
}

#[test]
fn no_sender_marks_its_own_tenant_as_trusted() {
    let mut rig = Rig::new("");
    let marks = [
        ("inferscope.tenant.source", string("connection")),
        ("inferscope.tenant.trusted", string("true")),
        ("inferscope.tenant.claimed", string("x")),
    ];
    let mut batch = request(&marks, &marks);
    let on_span = marks.clone().map(|(key, value)| attribute(key, value));
    add_span(&mut batch, trial::span("plain", on_span.to_vec()));

    let seen = rig.run(&batch, &with_header(anyone(), "x-tenant-id", "acme"));

    assert_eq!(seen.marks(), ("claim".to_owned(), "false".to_owned()));
    assert_eq!(seen.on_span(0, "inferscope.tenant.claimed"), None);
    assert!(seen.spans[1].is_empty(), "{:?}", seen.spans[1]);
    assert_eq!(text(&seen.resource, "inferscope.tenant.trusted"), None);
}

#[test]
fn what_an_agent_does_not_trust_its_gateway_does_not_trust_either() {
    let claimed = Rig::new("").run(&request(&[], &[]), &with_header(anyone(), "x-tenant-id", "acme"));
    let mut batch = request(&[], &[]);
    let resource = batch.resource_spans[0].resource.as_mut().unwrap();
    resource.attributes.clone_from(&claimed.resource);
    batch.resource_spans[0].scope_spans[0].spans[0]
        .attributes
        .clone_from(&claimed.spans[0]);

    let seen = Rig::new(GATEWAY).run(&batch, &gateway());

    assert_eq!(seen.tenant(0), "acme");
    assert_eq!(seen.marks(), ("claim".to_owned(), "false".to_owned()));
}

/// What an agent has written onto a request.
fn marked(source: &str, trusted: bool, claimed: Option<&str>) -> Vec<(&'static str, Value)> {
    let mut marks = vec![
        ("inferscope.tenant.source", string(source)),
        ("inferscope.tenant.trusted", Value::BoolValue(trusted)),
    ];
    marks.extend(claimed.map(|claimed| ("inferscope.tenant.claimed", string(claimed))));
    marks
}

#[test]
fn what_an_agent_has_found_out_its_gateway_passes_on_as_found() {
    for (source, trusted) in [
        ("kubernetes", true),
        ("kubernetes", false),
        ("connection", true),
        ("claim", false),
        ("unknown", false),
    ] {
        let mut rig = Rig::new(GATEWAY);
        let batch = request(&[("tenant.id", string("acme"))], &marked(source, trusted, Some("beta")));
        let traces = trial::traces(&batch);

        let out = rig.bytes(&traces, &gateway());

        assert_eq!(out.bytes().as_ptr(), traces.bytes().as_ptr(), "{source}");
        // This process knows it from its gateway.
        assert_eq!(rig.counted("inferscope_tenant_resources", "gateway"), 1);
    }
}

#[test]
fn how_an_agent_knows_is_passed_on_by_nobody_who_has_not_listed_it_or_knows_better() {
    let batch = request(&[("tenant.id", string("acme"))], &marked("kubernetes", true, None));

    let stranger = Rig::new("").run(&batch, &anyone());
    assert_eq!(stranger.marks(), ("claim".to_owned(), "false".to_owned()));
    let other_service = "gateway: { identities: [gateway], trusted_services: [envoy] }";
    let not_believed = Rig::new(other_service).run(&batch, &gateway());
    assert_eq!(not_believed.marks(), ("unknown".to_owned(), "false".to_owned()));
    let header = Rig::new(GATEWAY).run(&batch, &with_header(gateway(), "x-tenant-id", "beta"));
    assert_eq!(header.tenant(0), "beta");
    assert_eq!(header.marks(), ("gateway".to_owned(), "true".to_owned()));
}

#[test]
fn marks_that_are_not_whole_are_written_anew() {
    let twice = [marked("kubernetes", true, None), marked("connection", true, None)].concat();
    let (source, trusted) = (twice[0].clone(), twice[1].clone());
    for marks in [
        marked("astrology", true, None),
        vec![source.clone()],
        vec![trusted],
        vec![("inferscope.tenant.source", Value::IntValue(2)), twice[1].clone()],
        twice,
    ] {
        let batch = request(&[("tenant.id", string("acme"))], &marks);

        let seen = Rig::new(GATEWAY).run(&batch, &gateway());

        assert_eq!(seen.marks(), ("gateway".to_owned(), "true".to_owned()), "{marks:?}");
    }
}

#[test]
fn what_this_process_made_keeps_the_tenants_that_it_says() {
    let mut rig = Rig::new("");
    let own = request(&[], &[("tenant.id", string("acme"))]);

    let seen = rig.run(&own, &Origin::default());

    assert_eq!(seen.tenant(0), "acme");
    assert_eq!(text(&seen.resource, "tenant.id"), None);
    assert_eq!(rig.counted("inferscope_tenant_resources", "own"), 1);
}

#[test]
fn metrics_and_logs_have_the_tenant_of_their_sender_and_their_claims_are_overwritten() {
    let rig = Rig::new("connection: {agent: acme}");
    let agent = known(Method::Certificate, "agent");
    let record = LogRecord {
        attributes: vec![attribute("tenant.id", string("beta"))],
        ..LogRecord::default()
    };
    let scope = ScopeLogs {
        log_records: vec![record],
        ..ScopeLogs::default()
    };
    let resource = ResourceLogs {
        scope_logs: vec![scope],
        ..ResourceLogs::default()
    };

    let metrics = rig.run_metrics(&trial::one_point(), &agent);
    let logs = rig.run_logs(
        &trial::logs(&ExportLogsServiceRequest {
            resource_logs: vec![resource],
        }),
        &agent,
    );

    let resource = metrics.resource_metrics[0].resource.as_ref().unwrap();
    assert_eq!(text(&resource.attributes, "tenant.id").as_deref(), Some("acme"));
    let Some(Data::Gauge(gauge)) = &metrics.resource_metrics[0].scope_metrics[0].metrics[0].data else {
        panic!("no gauge")
    };
    assert!(gauge.data_points[0].attributes.is_empty());
    let record = &logs.resource_logs[0].scope_logs[0].log_records[0];
    assert_eq!(record.attributes, [attribute("tenant.id", string("acme"))]);
    assert_eq!(rig.counted("inferscope_tenant_conflicts", "item"), 1);
}
