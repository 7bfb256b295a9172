//! Stages of metrics and logs: one walk for all equals one pass per stage on structs.

use super::generate::KEYS;
use super::reference::{Counted, Op, When, apply, has_in, op, seldom, state, when};
use crate::Origin;
use crate::payload::json::tests::random::generate::{logs, metrics};
use crate::payload::metrics::MetricView;
use crate::payload::wire::{put_bytes, put_uint};
use crate::payload::*;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics, metric::Data};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;
use std::time::Instant;

/// A random stage.
#[derive(Debug, Clone)]
struct Plan {
    resource: (When, Vec<Op>),
    drop_resource: When,
    scope: (When, Vec<Op>),
    drop_scope: When,
    item: (When, Vec<Op>),
    drop: When,
    /// It acts on points of metrics whose names have an even length alone.
    picks_metrics: bool,
}

impl Plan {
    fn looks_at_items(&self) -> bool {
        !matches!((&self.item.0, &self.drop), (When::Never, When::Never))
    }

    fn picks(&self, metric: &str) -> bool {
        !self.picks_metrics || metric.len().is_multiple_of(2)
    }
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let ops = || (when(), vec(op(), 0..4));
    let blind = || Just(((When::Never, Vec::new()), When::Never));
    let items = prop_oneof![3 => (ops(), when()), 1 => blind()];
    let plan = (ops(), seldom(), ops(), seldom(), items, any::<bool>()).prop_map(
        |(resource, drop_resource, scope, drop_scope, (item, drop), picks_metrics)| Plan {
            resource,
            drop_resource,
            scope,
            drop_scope,
            item,
            drop,
            picks_metrics,
        },
    );
    vec(plan, 0..4)
}

/// Few keys, so that edits meet them.
fn meeting(attributes: &mut [KeyValue]) {
    for attribute in attributes {
        if let Some(key) = KEYS.get(attribute.key.len() % 8) {
            (*key).clone_into(&mut attribute.key);
        }
        attribute.key_strindex = 0; // Only profiles have it, and an edit writes the whole pair anew.
    }
}

fn metrics_request() -> impl Strategy<Value = ExportMetricsServiceRequest> {
    metrics().prop_map(|mut request| {
        for resource in &mut request.resource_metrics {
            resource
                .resource
                .iter_mut()
                .for_each(|about| meeting(&mut about.attributes));
            for scope in &mut resource.scope_metrics {
                scope.scope.iter_mut().for_each(|about| meeting(&mut about.attributes));
                for metric in &mut scope.metrics {
                    sift(metric, |attributes| {
                        meeting(attributes);
                        true
                    });
                }
            }
        }
        request
    })
}

fn logs_request() -> impl Strategy<Value = ExportLogsServiceRequest> {
    logs().prop_map(|mut request| {
        for resource in &mut request.resource_logs {
            resource
                .resource
                .iter_mut()
                .for_each(|about| meeting(&mut about.attributes));
            for scope in &mut resource.scope_logs {
                scope.scope.iter_mut().for_each(|about| meeting(&mut about.attributes));
                scope
                    .log_records
                    .iter_mut()
                    .for_each(|record| meeting(&mut record.attributes));
            }
        }
        request
    })
}

// ---- the plan as a stage ----

struct PlanStage {
    plan: Plan,
    scope: String,
    metric: String,
}

impl ItemStage for PlanStage {
    fn resource(&mut self, resource: ResourceView<'_>, edit: &mut AttributeEdit<'_>) {
        let has = |key: &str| resource.attr(key).is_some();
        if self.plan.resource.0.holds(&has, 1, "") {
            state(&self.plan.resource.1, edit);
        }
        if self.plan.drop_resource.holds(&has, 1, "") {
            edit.drop("resource");
        }
    }

    fn scope(&mut self, scope: ScopeView<'_>, edit: &mut AttributeEdit<'_>) {
        scope.name().clone_into(&mut self.scope);
        let has = |key: &str| scope.attr(key).is_some();
        if self.plan.scope.0.holds(&has, 1, &self.scope) {
            state(&self.plan.scope.1, edit);
        }
        if self.plan.drop_scope.holds(&has, 1, &self.scope) {
            edit.drop("scope");
        }
    }

    fn metric(&mut self, metric: MetricView<'_>) {
        metric.name().as_str().clone_into(&mut self.metric);
    }

    fn looks_at_items(&self) -> bool {
        self.plan.looks_at_items()
    }

    fn item(&mut self, item: ItemView<'_>, edit: &mut AttributeEdit<'_>) {
        assert!(self.looks_at_items(), "it is spared the items");
        if !self.plan.picks(&self.metric) {
            return;
        }
        let has = |key: &str| item.attrs().get(key).is_some();
        let id = item.attrs().count() as u8;
        if self.plan.item.0.holds(&has, id, &self.scope) {
            state(&self.plan.item.1, edit);
        }
        if self.plan.drop.holds(&has, id, &self.scope) {
            edit.drop("item");
        }
    }
}

fn boxed(plans: &[Plan]) -> Vec<Box<dyn ItemStage>> {
    let stage = |plan: &Plan| PlanStage {
        plan: plan.clone(),
        scope: String::new(),
        metric: String::new(),
    };
    plans.iter().map(|plan| Box::new(stage(plan)) as _).collect()
}

// ---- the plan on structs ----

/// Keeps some points of a metric.
pub(super) fn sift(metric: &mut Metric, mut keep: impl FnMut(&mut Vec<KeyValue>) -> bool) {
    match &mut metric.data {
        None => {}
        Some(Data::Gauge(data)) => data.data_points.retain_mut(|point| keep(&mut point.attributes)),
        Some(Data::Sum(data)) => data.data_points.retain_mut(|point| keep(&mut point.attributes)),
        Some(Data::Histogram(data)) => data.data_points.retain_mut(|point| keep(&mut point.attributes)),
        Some(Data::ExponentialHistogram(data)) => data.data_points.retain_mut(|point| keep(&mut point.attributes)),
        Some(Data::Summary(data)) => data.data_points.retain_mut(|point| keep(&mut point.attributes)),
    }
}

fn points_of(metric: &Metric) -> u64 {
    let mut points = 0;
    sift(&mut metric.clone(), |_| {
        points += 1;
        true
    });
    points
}

fn points_in(scope: &ScopeMetrics) -> u64 {
    scope.metrics.iter().map(points_of).sum()
}

fn points_below(resource: &ResourceMetrics) -> u64 {
    resource.scope_metrics.iter().map(points_in).sum()
}

/// One stage at work on structs.
struct Reference<'a> {
    plan: &'a Plan,
    counted: Counted,
}

impl<'a> Reference<'a> {
    fn of(plan: &'a Plan) -> Self {
        let counted = Counted::default();
        Self { plan, counted }
    }

    fn metrics(mut self, request: &mut ExportMetricsServiceRequest) -> Counted {
        request.resource_metrics.retain_mut(|resource| {
            let points = points_below(resource);
            if points == 0 || !self.resource(&mut resource.resource, points) {
                return points == 0;
            }
            resource.scope_metrics.retain_mut(|scope| {
                let points = points_in(scope);
                if points == 0 || !self.scope(&mut scope.scope, points) {
                    return points == 0;
                }
                let about = scope.scope.clone().unwrap_or_default().name;
                scope.metrics.retain_mut(|metric| {
                    let (name, points) = (metric.name.clone(), points_of(metric));
                    sift(metric, |attributes| self.item(&about, &name, attributes));
                    points == 0 || points_of(metric) > 0
                });
                points_in(scope) > 0
            });
            points_below(resource) > 0
        });
        self.counted
    }

    fn logs(mut self, request: &mut ExportLogsServiceRequest) -> Counted {
        request.resource_logs.retain_mut(|resource| {
            let records = resource
                .scope_logs
                .iter()
                .map(|scope| scope.log_records.len() as u64)
                .sum();
            if records == 0 || !self.resource(&mut resource.resource, records) {
                return records == 0;
            }
            resource.scope_logs.retain_mut(|scope| {
                let records = scope.log_records.len() as u64;
                if records == 0 || !self.scope(&mut scope.scope, records) {
                    return records == 0;
                }
                let about = scope.scope.clone().unwrap_or_default().name;
                scope
                    .log_records
                    .retain_mut(|record| self.item(&about, "", &mut record.attributes));
                !scope.log_records.is_empty()
            });
            resource.scope_logs.iter().any(|scope| !scope.log_records.is_empty())
        });
        self.counted
    }

    fn resource(&mut self, about: &mut Option<Resource>, items: u64) -> bool {
        let before = about.clone().unwrap_or_default().attributes;
        if self.plan.drop_resource.holds(&has_in(&before), 1, "") {
            return self.gone(items);
        }
        let mut edited = before.clone();
        if self.plan.resource.0.holds(&has_in(&before), 1, "") {
            apply(&self.plan.resource.1, &mut edited);
        }
        if edited != before {
            about.get_or_insert_default().attributes = edited;
        }
        true
    }

    fn scope(&mut self, about: &mut Option<InstrumentationScope>, items: u64) -> bool {
        let before = about.clone().unwrap_or_default();
        if self.plan.drop_scope.holds(&has_in(&before.attributes), 1, &before.name) {
            return self.gone(items);
        }
        let mut edited = before.attributes.clone();
        if self.plan.scope.0.holds(&has_in(&before.attributes), 1, &before.name) {
            apply(&self.plan.scope.1, &mut edited);
        }
        if edited != before.attributes {
            about.get_or_insert_default().attributes = edited;
        }
        true
    }

    fn item(&mut self, scope: &str, metric: &str, attributes: &mut Vec<KeyValue>) -> bool {
        self.counted.received += 1;
        if !self.plan.looks_at_items() || !self.plan.picks(metric) {
            return true;
        }
        let before = attributes.clone();
        let (has, id) = (has_in(&before), before.len() as u8);
        if self.plan.item.0.holds(&has, id, scope) {
            apply(&self.plan.item.1, attributes);
        }
        let dropped = self.plan.drop.holds(&has, id, scope);
        self.counted.dropped += u64::from(dropped);
        !dropped
    }

    fn gone(&mut self, items: u64) -> bool {
        self.counted.received += items;
        self.counted.dropped += items;
        false
    }
}

// ---- both ----

fn with_context<T>(run: impl FnOnce(&BatchContext<'_>) -> T) -> T {
    let origin = Origin::default();
    run(&BatchContext {
        now: Instant::now(),
        origin: &origin,
    })
}

fn run_metrics(metrics: &Metrics, stages: &mut [Box<dyn ItemStage>]) -> Walked<Metrics> {
    with_context(|context| Walk::new().run_metrics(metrics, stages, 0, context))
}

fn metrics_of(bytes: Vec<u8>) -> Metrics {
    let parsed = Metrics::parse(bytes.into(), &Limits::default()).unwrap();
    assert_eq!(parsed.rejected, Rejected::default());
    parsed.payload
}

fn logs_of(bytes: Vec<u8>) -> Logs {
    let parsed = Logs::parse(bytes.into(), &Limits::default()).unwrap();
    assert_eq!(parsed.rejected, Rejected::default());
    parsed.payload
}

fn counted(counts: &StageCounts) -> Counted {
    Counted {
        received: counts.received,
        dropped: counts.dropped().map(|(_, items)| items).sum(),
        held: counts.held,
        emitted: counts.emitted,
    }
}

proptest! {
    #[test]
    fn one_walk_over_metrics_equals_one_pass_per_stage(request in metrics_request(), plans in plans()) {
        let metrics = metrics_of(request.encode_to_vec());
        let mut expected = request;

        let walked = run_metrics(&metrics, &mut boxed(&plans));

        for (plan, counts) in plans.iter().zip(&walked.counts) {
            prop_assert_eq!(counted(counts), Reference::of(plan).metrics(&mut expected), "{:?}", plan);
        }
        let points = expected.resource_metrics.iter().map(points_below).sum::<u64>();
        match walked.left {
            Some(left) => {
                let decoded = ExportMetricsServiceRequest::decode(left.bytes().clone()).unwrap();
                prop_assert_eq!(decoded.encode_to_vec(), expected.encode_to_vec(), "{:#?}\n{:#?}", decoded, expected);
                prop_assert_eq!(u64::from(left.points()), points);
                prop_assert_eq!(metrics_of(left.bytes().to_vec()), left);
            }
            None => prop_assert!(points == 0 && !metrics.is_empty()),
        }
    }

    #[test]
    fn one_walk_over_logs_equals_one_pass_per_stage(request in logs_request(), plans in plans()) {
        let logs = logs_of(request.encode_to_vec());
        let mut expected = request;

        let walked = with_context(|context| Walk::new().run_logs(&logs, &mut boxed(&plans), 0, context));

        for (plan, counts) in plans.iter().zip(&walked.counts) {
            prop_assert_eq!(counted(counts), Reference::of(plan).logs(&mut expected), "{:?}", plan);
        }
        let scopes = expected.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
        let records = scopes.map(|scope| scope.log_records.len() as u32).sum::<u32>();
        match walked.left {
            Some(left) => {
                let decoded = ExportLogsServiceRequest::decode(left.bytes().clone()).unwrap();
                prop_assert_eq!(decoded.encode_to_vec(), expected.encode_to_vec());
                prop_assert_eq!(left.records(), records);
                prop_assert_eq!(logs_of(left.bytes().to_vec()), left);
            }
            None => prop_assert!(records == 0 && !logs.is_empty()),
        }
    }

    #[test]
    fn stages_that_change_nothing_leave_the_same_bytes(metrics in metrics_request(), logs in logs_request()) {
        let (metrics, logs) = (metrics_of(metrics.encode_to_vec()), logs_of(logs.encode_to_vec()));
        let mut stages: Vec<Box<dyn ItemStage>> = vec![Box::new(Look), Box::new(Look)];

        let same = run_metrics(&metrics, &mut stages).left.unwrap();
        let logs_too = with_context(|context| Walk::new().run_logs(&logs, &mut stages, 0, context)).left.unwrap();

        prop_assert_eq!(same.bytes().as_ptr(), metrics.bytes().as_ptr());
        prop_assert_eq!(logs_too.bytes().as_ptr(), logs.bytes().as_ptr());
    }
}

/// Reads everything and deletes what is not there.
struct Look;

impl ItemStage for Look {
    fn item(&mut self, item: ItemView<'_>, edit: &mut AttributeEdit<'_>) {
        if let ItemView::Record(record) = item {
            _ = (record.body(), record.severity_text(), record.severity_number());
        }
        edit.delete("not there");
        edit.append(&EncodedAttributes::new());
    }
}

/// Gives every item an attribute.
struct Mark;

impl ItemStage for Mark {
    fn item(&mut self, _item: ItemView<'_>, edit: &mut AttributeEdit<'_>) {
        edit.set("mark", true);
    }
}

/// A message with a field that no message of OTLP has.
fn odd(body: &[u8]) -> Vec<u8> {
    let mut odd = body.to_vec();
    put_uint(&mut odd, 500, 7);
    odd
}

fn framed(number: u32, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_bytes(&mut out, number, body);
    out
}

/// One metric of this kind, whose point has the attribute `k`, and fields that nobody knows at every level.
fn odd_metric(data: u32, attributes: u32) -> Vec<u8> {
    let pair = [framed(1, b"k"), framed(2, &framed(1, b"v"))].concat();
    let data = framed(data, &odd(&framed(1, &odd(&framed(attributes, &pair)))));
    let metric = framed(2, &odd(&[framed(1, b"m"), data].concat()));
    framed(1, &odd(&framed(2, &odd(&metric))))
}

#[test]
fn points_of_every_kind_are_marked_and_fields_that_nobody_knows_survive_at_every_level() {
    for (data, attributes) in [(5, 7), (7, 7), (9, 9), (10, 1), (11, 7)] {
        let metrics = metrics_of(odd_metric(data, attributes));

        let out = run_metrics(&metrics, &mut [Box::new(Mark)]).left.unwrap();

        let bytes: &[u8] = out.bytes();
        let unknown = odd(&[]);
        let survived = bytes.windows(unknown.len()).filter(|window| *window == unknown).count();
        assert_eq!(survived, 5, "data {data}");
        let request = ExportMetricsServiceRequest::decode(bytes).unwrap();
        let mut metric = request.resource_metrics[0].scope_metrics[0].metrics[0].clone();
        let mut keys = Vec::new();
        sift(&mut metric, |attributes| {
            keys.extend(attributes.iter().map(|pair| pair.key.clone()));
            true
        });
        assert_eq!(
            (metric.name.as_str(), keys),
            ("m", vec!["k".to_owned(), "mark".to_owned()])
        );
    }
}

#[test]
fn what_a_log_record_says_is_read_for_stages() {
    struct Read;
    impl ItemStage for Read {
        fn item(&mut self, item: ItemView<'_>, edit: &mut AttributeEdit<'_>) {
            let ItemView::Record(record) = item else {
                panic!("no point is here")
            };
            let read = format!(
                "{:?} {} {:?}",
                record.severity_text(),
                record.severity_number(),
                record.body()
            );
            edit.set("read", read.as_str());
        }
    }
    let record = opentelemetry_proto::tonic::logs::v1::LogRecord {
        severity_number: 17,
        severity_text: "ERROR".to_owned(),
        body: Some(opentelemetry_proto::tonic::common::v1::AnyValue {
            value: Some(opentelemetry_proto::tonic::common::v1::any_value::Value::IntValue(5)),
        }),
        ..Default::default()
    };
    let request = framed(1, &framed(2, &framed(2, &record.encode_to_vec())));

    let out = with_context(|context| Walk::new().run_logs(&logs_of(request), &mut [Box::new(Read)], 0, context));

    let out = out.left.unwrap();
    let request = ExportLogsServiceRequest::decode(out.bytes().clone()).unwrap();
    let attributes = &request.resource_logs[0].scope_logs[0].log_records[0].attributes;
    assert_eq!(
        attributes[0].value,
        Some(opentelemetry_proto::tonic::common::v1::AnyValue {
            value: Some(opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue(
                "\"ERROR\" 17 Int(5)".to_owned()
            )),
        })
    );
}
