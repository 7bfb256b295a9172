//! What a resource and a scope add to the labels of their series.

use pipeline::payload::metrics::ScopeMetricsView;
use pipeline::payload::{Attrs, Value};

use super::Settings;
use super::labels::LabelSet;
use super::losses::Losses;
use super::symbols::{Ref, Symbols};
use super::table::milliseconds;
use super::text::push_value;
use crate::prometheus_names::label_name;

const SERVICE_NAME: &str = "service.name";
const SERVICE_NAMESPACE: &str = "service.namespace";
const SERVICE_INSTANCE_ID: &str = "service.instance.id";

/// The attributes that become `job` and `instance`.
pub(crate) const IDENTIFYING: [&str; 3] = [SERVICE_NAME, SERVICE_NAMESPACE, SERVICE_INSTANCE_ID];

/// What a resource adds to the labels of its series.
#[derive(Debug)]
pub(super) struct ResourceLabels<'a> {
    /// 0 where the resource does not say.
    pub(super) job: Ref,
    pub(super) instance: Ref,
    /// Attributes that stand on every point.
    pub(super) promoted: Vec<(&'a str, Value<'a>)>,
    /// Attributes of `target_info`.
    pub(super) others: Vec<(&'a str, Value<'a>)>,
    /// The time of its latest point.
    latest: u64,
}

impl<'a> ResourceLabels<'a> {
    pub(super) fn of(attributes: Attrs<'a>, settings: &Settings, symbols: &mut Symbols) -> Self {
        let text = |key| {
            let mut text = String::new();
            if let Some(value) = attributes.get(key) {
                push_value(&mut text, &value);
            }
            text
        };
        let (namespace, name) = (text(SERVICE_NAMESPACE), text(SERVICE_NAME));
        let job = match (name.is_empty(), namespace.is_empty()) {
            (true, _) => 0,
            (false, true) => symbols.intern(&name),
            (false, false) => symbols.intern(&format!("{namespace}/{name}")),
        };
        let instance = symbols.intern(&text(SERVICE_INSTANCE_ID));
        let all = || attributes.map(|(key, value)| (key.as_str(), value));
        Self {
            job,
            instance,
            promoted: all().filter(|(key, _)| settings.promoted.takes(key)).collect(),
            others: all().filter(|(key, _)| !IDENTIFYING.contains(key)).collect(),
            latest: 0,
        }
    }

    /// Whether its series can be joined with its `target_info`.
    pub(super) fn is_identified(&self) -> bool {
        self.job != 0 || self.instance != 0
    }

    /// Whether it says something that series lose: without `job` and `instance` no `target_info` says it for them. Metrics
    /// that are about no resource, such as those of a connector, have none and miss nothing.
    pub(super) fn is_lost(&self) -> bool {
        !self.is_identified() && !self.others.is_empty()
    }

    pub(super) fn saw(&mut self, time: u64) {
        self.latest = self.latest.max(time);
    }

    /// When `target_info` is told; None without points.
    pub(super) fn latest(&self) -> Option<i64> {
        (self.latest > 0).then(|| milliseconds(self.latest))
    }
}

/// `otel_scope_*`: which instrumentation made the metrics.
pub(super) fn scope_labels(
    scope: ScopeMetricsView<'_>,
    settings: &Settings,
    symbols: &mut Symbols,
    losses: &mut Losses,
) -> LabelSet {
    let mut set = LabelSet::default();
    if !settings.has_scope_labels {
        return set;
    }
    let mut text = String::new();
    for (key, value) in scope.scope().attrs() {
        // The compatibility document keeps these three for the scope itself.
        if ["name", "version", "schema_url"].contains(&key.as_str()) {
            continue;
        }
        text.clear();
        push_value(&mut text, &value);
        let key = format!("otel_scope_{}", key.as_str());
        let (name, is_fallback) = label_name(&settings.names, &key);
        losses.fallback_names += u64::from(is_fallback);
        let (name, value) = (symbols.intern(&name), symbols.intern(&text));
        if !set.has(name) {
            set.set(name, value);
        }
    }
    for (label, value) in [
        ("otel_scope_name", scope.scope().name()),
        ("otel_scope_version", scope.scope().version()),
        ("otel_scope_schema_url", scope.schema_url().as_str()),
    ] {
        let (name, value) = (symbols.intern(label), symbols.intern(value));
        set.set(name, value);
    }
    set
}
