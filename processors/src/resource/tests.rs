#![allow(clippy::unwrap_used, clippy::expect_used)]

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1 as proto;
use pipeline::Origin;
use pipeline::payload::Payload;
use pipeline::testing::contract;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::actions::tests::reference::{self, sorted};
use crate::actions::tests::{golden, random, trial};

#[tokio::test]
async fn the_contract_holds() {
    let payload = || Payload::Traces(trial::traces(&trial::resource_with(&[("a", Value::BoolValue(true))])));
    contract::processor::<Resource>(vec![payload(), payload()]).await;
    contract::processor::<Resource>(vec![
        Payload::Metrics(trial::one_point()),
        Payload::Metrics(trial::one_point()),
    ])
    .await;
}

#[test]
fn every_case_is_as_written() {
    golden::play::<Resource>("resource", 1);
}

#[test]
fn a_resource_that_stays_as_it_is_keeps_its_bytes() {
    let config =
        trial::decoded::<Config>("attributes: [{key: a, value: 1, action: insert}, {key: b, action: delete}]").unwrap();
    let traces = trial::traces(&trial::resource_with(&[("a", Value::BoolValue(true))]));

    let out = trial::walk_bytes(&mut trial::stage::<Resource>(&config), &traces, &Origin::default());

    assert_eq!(out.bytes().as_ptr(), traces.bytes().as_ptr());
}

fn put_in_order(resource: &mut Option<proto::Resource>) {
    let resource = resource.get_or_insert_default();
    resource.attributes = sorted(std::mem::take(&mut resource.attributes));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn spliced_and_decoded_it_is_what_the_actions_mean(
        actions in vec(random::action(), 1..6),
        request in random::request(),
        origin in random::origin(),
    ) {
        let out = trial::run::<Resource>(&Config { attributes: actions.clone() }, &request, &origin);

        let mut expected = request;
        for resource in &mut expected.resource_spans {
            // A resource without spans passes every stage by.
            if resource.scope_spans.iter().any(|scope| !scope.spans.is_empty()) {
                let attributes = &mut resource.resource.get_or_insert_default().attributes;
                reference::apply(&actions, Hash::Sha256, &origin, attributes);
            }
        }
        let comparable = |mut request: ExportTraceServiceRequest| {
            request.resource_spans.iter_mut().for_each(|it| put_in_order(&mut it.resource));
            request
        };
        prop_assert_eq!(comparable(out), comparable(expected));
    }

    #[test]
    fn resources_of_metrics_are_changed_as_those_of_spans_are(
        actions in vec(random::action(), 1..6),
        request in random::metrics(),
        origin in random::origin(),
    ) {
        let out = trial::run_metrics::<Resource>(&Config { attributes: actions.clone() }, &request, &origin);

        let mut expected = request;
        for resource in &mut expected.resource_metrics {
            let mut metrics = resource.scope_metrics.iter_mut().flat_map(|scope| &mut scope.metrics);
            if metrics.any(|metric| !reference::of_points(metric).is_empty()) {
                let attributes = &mut resource.resource.get_or_insert_default().attributes;
                reference::apply(&actions, Hash::Sha256, &origin, attributes);
            }
        }
        let comparable = |mut request: ExportMetricsServiceRequest| {
            request.resource_metrics.iter_mut().for_each(|it| put_in_order(&mut it.resource));
            request
        };
        prop_assert_eq!(comparable(out), comparable(expected));
    }

    #[test]
    fn resources_of_logs_are_changed_as_those_of_spans_are(
        actions in vec(random::action(), 1..6),
        request in random::logs(),
        origin in random::origin(),
    ) {
        let out = trial::run_logs::<Resource>(&Config { attributes: actions.clone() }, &request, &origin);

        let mut expected = request;
        for resource in &mut expected.resource_logs {
            if resource.scope_logs.iter().any(|scope| !scope.log_records.is_empty()) {
                let attributes = &mut resource.resource.get_or_insert_default().attributes;
                reference::apply(&actions, Hash::Sha256, &origin, attributes);
            }
        }
        let comparable = |mut request: ExportLogsServiceRequest| {
            request.resource_logs.iter_mut().for_each(|it| put_in_order(&mut it.resource));
            request
        };
        prop_assert_eq!(comparable(out), comparable(expected));
    }
}
