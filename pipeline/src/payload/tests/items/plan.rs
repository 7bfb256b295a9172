//! Random stages of metrics and logs: what they do as stages and what that means on structs.

use crate::payload::json::tests::random::generate::{logs, metrics};
use crate::payload::metrics::MetricView;
use crate::payload::tests::generate::KEYS;
use crate::payload::tests::reference::{Counted, Op, When, apply, has_in, op, seldom, state, when};
use crate::payload::{AttributeEdit, ItemStage, ItemView, ResourceView, ScopeView};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics, metric::Data};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::collection::vec;
use proptest::prelude::*;

/// A random stage.
#[derive(Debug, Clone)]
pub(super) struct Plan {
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

pub(super) fn plans() -> impl Strategy<Value = Vec<Plan>> {
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

pub(super) fn metrics_request() -> impl Strategy<Value = ExportMetricsServiceRequest> {
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

pub(super) fn logs_request() -> impl Strategy<Value = ExportLogsServiceRequest> {
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

pub(super) fn boxed(plans: &[Plan]) -> Vec<Box<dyn ItemStage>> {
    let stage = |plan: &Plan| PlanStage {
        plan: plan.clone(),
        scope: String::new(),
        metric: String::new(),
    };
    plans.iter().map(|plan| Box::new(stage(plan)) as _).collect()
}

// ---- the plan on structs ----

/// Keeps some points of a metric.
pub(in crate::payload::tests) fn sift(metric: &mut Metric, mut keep: impl FnMut(&mut Vec<KeyValue>) -> bool) {
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

pub(super) fn points_below(resource: &ResourceMetrics) -> u64 {
    resource.scope_metrics.iter().map(points_in).sum()
}

/// One stage at work on structs.
pub(super) struct Reference<'a> {
    plan: &'a Plan,
    counted: Counted,
}

impl<'a> Reference<'a> {
    pub(super) fn of(plan: &'a Plan) -> Self {
        let counted = Counted::default();
        Self { plan, counted }
    }

    pub(super) fn metrics(mut self, request: &mut ExportMetricsServiceRequest) -> Counted {
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

    pub(super) fn logs(mut self, request: &mut ExportLogsServiceRequest) -> Counted {
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
