//! What parse and the stages mean, said with structs, one whole pass per stage.

use crate::payload::{
    AttrValue, AttributeEdit, Child, Edit, EmittedScope, EncodedAttributes, Limits, ResourceView, ScopeView,
};
use crate::payload::{SpanId, SpanKind, SpanStage, SpanView, Stamp};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use proptest::collection::vec;
use proptest::prelude::*;

use super::generate::key;

/// Takes out what parse rejects; says how many spans that were.
pub(super) fn without_bad_spans(request: &mut ExportTraceServiceRequest, limits: &Limits) -> u32 {
    let mut rejected = 0;
    let mut accepted = 0;
    sift(request, |span| {
        let keep = is_good(span, limits) && accepted < limits.spans;
        accepted += u32::from(keep);
        rejected += u32::from(!keep);
        keep
    });
    rejected
}

fn is_good(span: &Span, limits: &Limits) -> bool {
    let is_id = |id: &[u8], length| id.len() == length && id.iter().any(|&byte| byte != 0);
    let few = |attributes: &Vec<KeyValue>| attributes.len() <= limits.attributes as usize;
    is_id(&span.trace_id, 16)
        && is_id(&span.span_id, 8)
        && [0, 8].contains(&span.parent_span_id.len())
        && span
            .links
            .iter()
            .all(|link| [0, 16].contains(&link.trace_id.len()) && [0, 8].contains(&link.span_id.len()))
        && few(&span.attributes)
        && span.events.iter().all(|event| few(&event.attributes))
        && span.links.iter().all(|link| few(&link.attributes))
        && span.events.len() <= limits.events as usize
        && span.links.len() <= limits.links as usize
}

/// Keeps some spans; scopes and resources that lose their last span go.
fn sift(request: &mut ExportTraceServiceRequest, mut keep: impl FnMut(&Span) -> bool) {
    request.resource_spans.retain_mut(|resource| {
        let mut lost = false;
        resource.scope_spans.retain_mut(|scope| {
            let before = scope.spans.len();
            scope.spans.retain(&mut keep);
            lost |= scope.spans.len() < before;
            scope.spans.len() == before || !scope.spans.is_empty()
        });
        !lost || resource.scope_spans.iter().any(|scope| !scope.spans.is_empty())
    });
}

/// One thing that a test stage does to attributes.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Append(u8),
    Set(String, i64),
    SetText(String, String),
    Insert(String, bool),
    Delete(String),
}

/// When a test stage acts on a span.
#[derive(Debug, Clone)]
pub(super) enum When {
    Always,
    Never,
    /// By the last byte of the span id.
    EveryNth(u8),
    /// By an attribute, so that later stages see what earlier ones did.
    Has(String),
    /// By the scope, so that later stages see where children lie.
    ScopeIs(&'static str),
}

/// A random stage.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) name: &'static str,
    resource: (When, Vec<Op>),
    drop_resource: When,
    scope: (When, Vec<Op>),
    drop_scope: When,
    span: (When, Vec<Op>),
    emit: When,
    drop: When,
    hold: When,
}

const NAMES: [&str; 4] = [
    "inferscope/one",
    "inferscope/two",
    "inferscope/three",
    "inferscope/four",
];

pub(super) fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        any::<u8>().prop_map(Op::Append),
        (key(), any::<i64>()).prop_map(|(key, value)| Op::Set(key, value)),
        (key(), "[a-z]{0,200}").prop_map(|(key, value)| Op::SetText(key, value)),
        (key(), any::<bool>()).prop_map(|(key, value)| Op::Insert(key, value)),
        key().prop_map(Op::Delete),
    ]
}

pub(super) fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        3 => Just(When::Never),
        1 => Just(When::Always),
        2 => (2u8..5).prop_map(When::EveryNth),
        2 => key().prop_map(When::Has),
        1 => prop::sample::select(&NAMES[..]).prop_map(When::ScopeIs),
    ]
}

/// Rarely true of a whole resource or scope.
pub(super) fn seldom() -> impl Strategy<Value = When> {
    prop_oneof![8 => Just(When::Never), 1 => key().prop_map(When::Has)]
}

pub(super) fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let ops = || (when(), vec(op(), 0..4));
    let spans = (ops(), when(), when(), when());
    // Some look at resources and scopes alone, which the walk makes use of.
    let blind = || Just(((When::Never, Vec::new()), When::Never, When::Never, When::Never));
    let plan = (
        (ops(), seldom()),
        (ops(), seldom()),
        prop_oneof![3 => spans, 1 => blind()],
    );
    vec(plan, 0..=NAMES.len()).prop_map(|plans| {
        let named = plans.into_iter().zip(NAMES);
        named
            .map(|((resource, scope, (span, emit, drop, hold)), name)| Plan {
                name,
                resource: resource.0,
                drop_resource: resource.1,
                scope: scope.0,
                drop_scope: scope.1,
                span,
                emit,
                drop,
                hold,
            })
            .collect()
    })
}

impl When {
    pub(super) fn holds(&self, attributes: &dyn Fn(&str) -> bool, id: u8, scope: &str) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::EveryNth(n) => id.is_multiple_of(*n),
            Self::Has(key) => attributes(key),
            Self::ScopeIs(name) => scope == *name,
        }
    }
}

/// What a stage did to a batch, as both ways count it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) received: u64,
    pub(super) dropped: u64,
    pub(super) held: u64,
    pub(super) emitted: u64,
}

// ---- the plan as a stage ----

pub(super) struct PlanStage {
    plan: Plan,
    scope: String,
}

impl PlanStage {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            plan: plan.clone(),
            scope: String::new(),
        }
    }
}

pub(super) fn state(ops: &[Op], edit: &mut AttributeEdit<'_>) {
    for op in ops {
        match op {
            Op::Append(n) => {
                let attributes = EncodedAttributes::new()
                    .with(&fresh_key(*n), i64::from(*n))
                    .with(&fresh_key(*n), "x");
                edit.append(&attributes);
            }
            Op::Set(key, value) => edit.set(key, *value),
            Op::SetText(key, value) => edit.set(key, value.as_str()),
            Op::Insert(key, value) => edit.insert(key, *value),
            Op::Delete(key) => edit.delete(key),
        }
    }
}

impl SpanStage for PlanStage {
    fn resource(&mut self, resource: ResourceView<'_>, edit: &mut Edit<'_>) {
        let has = |key: &str| resource.attr(key).is_some();
        if self.plan.resource.0.holds(&has, 1, "") {
            state(&self.plan.resource.1, edit);
        }
        if self.plan.drop_resource.holds(&has, 1, "") {
            edit.drop("resource");
        }
    }

    fn scope(&mut self, scope: ScopeView<'_>, edit: &mut Edit<'_>) {
        self.scope = scope.name().to_owned();
        let has = |key: &str| scope.attr(key).is_some();
        if self.plan.scope.0.holds(&has, 1, &self.scope) {
            state(&self.plan.scope.1, edit);
        }
        if self.plan.drop_scope.holds(&has, 1, &self.scope) {
            edit.hold();
        }
    }

    fn looks_at_spans(&self) -> bool {
        let Plan {
            span: (span, _),
            emit,
            drop,
            hold,
            ..
        } = &self.plan;
        ![span, emit, drop, hold].iter().all(|when| matches!(when, When::Never))
    }

    fn span(&mut self, span: SpanView<'_>, edit: &mut Edit<'_>) {
        assert!(self.looks_at_spans(), "it is spared the spans");
        let id = span.span_id().0[7];
        let has = |key: &str| span.attr(key).is_some();
        if self.plan.span.0.holds(&has, id, &self.scope) {
            state(&self.plan.span.1, edit);
        }
        if self.plan.emit.holds(&has, id, &self.scope) {
            let attributes = EncodedAttributes::new().with("of", span.name());
            edit.emit(&Child {
                trace_id: span.trace_id(),
                span_id: child_id(span.span_id()),
                parent_span_id: span.span_id(),
                start: span.start(),
                end: span.end(),
                flags: span.flags(),
                trace_state: span.trace_state(),
                stamp: &Stamp::new(SpanKind::Internal, "child", &attributes),
            });
        }
        if self.plan.drop.holds(&has, id, &self.scope) {
            edit.drop("span");
        } else if self.plan.hold.holds(&has, id, &self.scope) {
            edit.hold();
        }
    }

    fn emitted_scope(&self) -> EmittedScope {
        EmittedScope {
            schema_url: "https://example.org/schema",
            ..EmittedScope::named(self.plan.name)
        }
    }
}

fn child_id(parent: SpanId) -> SpanId {
    let mut id = parent.0;
    id[0] = id[0].wrapping_add(1);
    id[7] = id[7].wrapping_add(1).max(1);
    SpanId(id)
}

fn fresh_key(n: u8) -> String {
    format!("fresh{n}")
}

// ---- the plan on structs ----

fn value(value: AttrValue<'_>) -> Option<AnyValue> {
    let value = match value {
        AttrValue::Str(text) => Value::StringValue(text.to_owned()),
        AttrValue::Text(text) => Value::StringValue(text.as_str().to_owned()),
        AttrValue::Int(number) => Value::IntValue(number),
        AttrValue::Bool(truth) => Value::BoolValue(truth),
        other => unreachable!("no plan writes {other:?}"),
    };
    Some(AnyValue { value: Some(value) })
}

fn pair(key: &str, of: AttrValue<'_>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: value(of),
        key_strindex: 0,
    }
}

fn set(attributes: &mut Vec<KeyValue>, key: &str, of: AttrValue<'_>) {
    let mut found = false;
    attributes.retain_mut(|pair| {
        if pair.key != key {
            return true;
        }
        pair.value = value(of);
        !std::mem::replace(&mut found, true)
    });
    if !found {
        attributes.push(pair(key, of));
    }
}

pub(super) fn apply(ops: &[Op], attributes: &mut Vec<KeyValue>) {
    for op in ops {
        match op {
            Op::Append(n) => {
                attributes.push(pair(&fresh_key(*n), i64::from(*n).into()));
                attributes.push(pair(&fresh_key(*n), "x".into()));
            }
            Op::Set(key, value) => set(attributes, key, (*value).into()),
            Op::SetText(key, value) => set(attributes, key, value.into()),
            Op::Insert(key, value) if attributes.iter().any(|pair| pair.key == *key) => _ = value,
            Op::Insert(key, value) => attributes.push(pair(key, (*value).into())),
            Op::Delete(key) => attributes.retain(|pair| pair.key != *key),
        }
    }
}

pub(super) fn has_in(attributes: &[KeyValue]) -> impl Fn(&str) -> bool + '_ {
    |key| attributes.iter().any(|pair| pair.key == key)
}

impl Plan {
    /// Runs the stage over the whole batch, alone.
    pub(super) fn run(&self, request: &mut ExportTraceServiceRequest) -> Counted {
        let mut counted = Counted::default();
        request.resource_spans.retain_mut(|resource| {
            let before = spans_in(resource);
            if before > 0 {
                self.run_resource(resource, &mut counted);
            }
            before == 0 || spans_in(resource) > 0
        });
        counted
    }

    fn run_resource(&self, resource: &mut ResourceSpans, counted: &mut Counted) {
        let attributes = resource
            .resource
            .as_ref()
            .map(|resource| resource.attributes.clone())
            .unwrap_or_default();
        let mut edited = attributes.clone();
        if self.resource.0.holds(&has_in(&attributes), 1, "") {
            apply(&self.resource.1, &mut edited);
        }
        if self.drop_resource.holds(&has_in(&attributes), 1, "") {
            let spans = spans_in(resource);
            counted.received += spans;
            counted.dropped += spans;
            resource.scope_spans.clear();
            return;
        }
        if resource.resource.is_some() || !edited.is_empty() {
            resource.resource.get_or_insert_with(Resource::default).attributes = edited;
        }
        let mut children = Vec::new();
        resource.scope_spans.retain_mut(|scope| {
            let before = scope.spans.len();
            if before > 0 {
                self.run_scope(scope, &mut children, counted);
            }
            before == 0 || !scope.spans.is_empty()
        });
        if !children.is_empty() {
            counted.emitted += children.len() as u64;
            resource.scope_spans.push(self.emitted(children));
        }
    }

    fn run_scope(&self, scope: &mut ScopeSpans, children: &mut Vec<Span>, counted: &mut Counted) {
        let about = scope.scope.clone().unwrap_or_default();
        let has = has_in(&about.attributes);
        let mut edited = about.attributes.clone();
        if self.scope.0.holds(&has, 1, &about.name) {
            apply(&self.scope.1, &mut edited);
        }
        counted.received += scope.spans.len() as u64;
        if self.drop_scope.holds(&has, 1, &about.name) {
            counted.held += scope.spans.len() as u64;
            scope.spans.clear();
            return;
        }
        if scope.scope.is_some() || !edited.is_empty() {
            scope.scope.get_or_insert_with(InstrumentationScope::default).attributes = edited;
        }
        scope.spans.retain_mut(|span| {
            let id = span.span_id[7];
            let seen = span.clone();
            let has = has_in(&seen.attributes);
            if self.span.0.holds(&has, id, &about.name) {
                apply(&self.span.1, &mut span.attributes);
            }
            if self.emit.holds(&has, id, &about.name) {
                children.push(child_of(&seen));
            }
            let dropped = self.drop.holds(&has, id, &about.name);
            let held = !dropped && self.hold.holds(&has, id, &about.name);
            counted.dropped += u64::from(dropped);
            counted.held += u64::from(held);
            !dropped && !held
        });
    }

    fn emitted(&self, spans: Vec<Span>) -> ScopeSpans {
        let scope = InstrumentationScope {
            name: self.name.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        ScopeSpans {
            scope: Some(scope),
            spans,
            schema_url: "https://example.org/schema".to_owned(),
        }
    }
}

fn spans_in(resource: &ResourceSpans) -> u64 {
    resource.scope_spans.iter().map(|scope| scope.spans.len() as u64).sum()
}

fn child_of(span: &Span) -> Span {
    let id = SpanId(span.span_id.as_slice().try_into().unwrap());
    Span {
        trace_id: span.trace_id.clone(),
        span_id: child_id(id).0.to_vec(),
        parent_span_id: span.span_id.clone(),
        trace_state: span.trace_state.clone(),
        name: "child".to_owned(),
        kind: 1,
        start_time_unix_nano: span.start_time_unix_nano,
        end_time_unix_nano: span.end_time_unix_nano,
        flags: span.flags,
        attributes: vec![pair("of", span.name.as_str().into())],
        ..Span::default()
    }
}
