//! Which attributes the points of each metric have, and how they are written.

use pipeline::payload::{EncodedAttributes, RawValue, ScopeView, SpanKind, StatusCode, Text, names};

use super::Config;
use super::dimensions::{
    Dimensions, INSTANCE_ID, SAMPLING_METHOD, SCOPE_NAME, SCOPE_VERSION, SPAN_KIND, SPAN_NAME, STATUS_CODE,
};
use super::values::Values;
use crate::aggregation::instance_id;

const KINDS: [&str; 7] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
    "", // A kind that OTLP does not name yet, as the Collector writes it.
];
const STATUSES: [&str; 4] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR", ""];

/// One of the lists of dimensions, and where its names stand among all of them.
#[derive(Debug, Clone, Default)]
pub(super) struct List {
    pub(super) dimensions: Dimensions,
    first: usize,
}

/// What the configuration says about attributes, ready for use.
#[derive(Debug)]
pub(super) struct Layout {
    has_service_name: bool,
    has_span_name: bool,
    /// Kind, status and who counts, by kind and status: they have few values and are encoded once.
    said: Vec<[EncodedAttributes; STATUSES.len()]>,
    scopes: Vec<String>,
    pub(super) has_sampling_method: bool,
    /// Of every metric.
    pub(super) shared: List,
    /// Of `calls`, `duration` and `events` beside those.
    pub(super) calls: List,
    pub(super) durations: List,
    pub(super) events: List,
    /// The names of all four, in this order.
    pub(super) names: Vec<String>,
    pub(super) has_globs: bool,
}

impl Layout {
    pub(super) fn of(config: &Config) -> Self {
        let has = |name: &str| !config.exclude_dimensions.iter().any(|excluded| excluded == name);
        let said = |kind: &&str| {
            STATUSES.map(|status| {
                let said = [(SPAN_KIND, *kind), (STATUS_CODE, status), (INSTANCE_ID, instance_id())];
                let mut encoded = EncodedAttributes::new();
                for (name, value) in said.into_iter().filter(|(name, _)| has(name)) {
                    encoded.push(name, value);
                }
                encoded
            })
        };
        let mut names = Vec::new();
        let mut list = |dimensions: &[super::config::Dimension]| {
            let dimensions = Dimensions::of(dimensions);
            let first = names.len();
            names.extend(dimensions.named.iter().map(|it| it.name.clone()));
            List { dimensions, first }
        };
        let shared = list(&config.dimensions);
        let calls = list(&config.calls_dimensions);
        let durations = list(if config.histogram.disable {
            &[]
        } else {
            &config.histogram.dimensions
        });
        let events = list(if config.events.enabled {
            &config.events.dimensions
        } else {
            &[]
        });
        let lists = [&shared, &calls, &durations, &events];
        Self {
            has_service_name: has(names::SERVICE_NAME),
            has_span_name: has(SPAN_NAME),
            said: KINDS.iter().map(said).collect(),
            scopes: config.include_instrumentation_scope.clone(),
            has_sampling_method: config.enable_metrics_sampling_method,
            has_globs: lists.iter().any(|list| !list.dimensions.globs.is_empty()),
            shared,
            calls,
            durations,
            events,
            names,
        }
    }

    /// What all spans of a resource and a scope have in common.
    pub(super) fn place(&self, service: Option<RawValue<'_>>, scope: ScopeView<'_>, out: &mut EncodedAttributes) {
        out.clear();
        if let Some(service) = service.filter(|_| self.has_service_name) {
            out.push(names::SERVICE_NAME, service);
        }
        if self.scopes.is_empty() {
            return; // Names of scopes are looked at only where somebody asks for them.
        }
        let name = scope.name();
        if !name.is_empty() && self.scopes.iter().any(|listed| listed == name) {
            out.push(SCOPE_NAME, name);
            if !scope.version().is_empty() {
                out.push(SCOPE_VERSION, scope.version());
            }
        }
    }

    /// What a span says about itself, behind what its place says.
    #[inline]
    pub(super) fn span(
        &self,
        name: Text<'_>,
        (kind, status): (SpanKind, StatusCode),
        is_extrapolated: bool,
        out: &mut EncodedAttributes,
    ) {
        if self.has_span_name {
            out.push(SPAN_NAME, name);
        }
        let kind = match kind {
            SpanKind::Other(_) => KINDS.len() - 1,
            known => known.number() as usize,
        };
        let status = match status {
            StatusCode::Unset => 0,
            StatusCode::Ok => 1,
            StatusCode::Error => 2,
            StatusCode::Other(_) => 3,
        };
        if let Some(said) = self.said.get(kind).and_then(|kind| kind.get(status)) {
            out.extend(said);
        }
        if self.has_sampling_method {
            let method = if is_extrapolated { "extrapolated" } else { "counted" };
            out.push(SAMPLING_METHOD, method);
        }
    }

    /// The attributes of a list; `values` in the order of precedence. `beside` stands on the same point already.
    #[inline]
    pub(super) fn list(&self, list: &List, beside: Option<&List>, values: &[&Values<'_>], out: &mut EncodedAttributes) {
        for (position, named) in (list.first..).zip(&list.dimensions.named) {
            match values.iter().find_map(|values| values.named(position)) {
                Some(value) => out.push(&named.name, value),
                None => out.extend(&named.default),
            }
        }
        if !list.dimensions.globs.is_empty() {
            Self::matching(list, beside, values, out);
        }
    }

    /// The attributes whose names a pattern of the list matches, in the order of their names.
    #[cold]
    fn matching(list: &List, beside: Option<&List>, values: &[&Values<'_>], out: &mut EncodedAttributes) {
        let matches = |list: &List, key: &[u8]| list.dimensions.globs.iter().any(|glob| glob.is_match(key));
        let mut found: Vec<_> = values.iter().flat_map(|values| values.all()).copied().collect();
        found.retain(|(key, _)| {
            matches(list, key.as_bytes()) && !beside.is_some_and(|beside| matches(beside, key.as_bytes()))
        });
        // The sort is stable, so of several values under one name the first in precedence comes first.
        found.sort_by_key(|(key, _)| *key);
        found.dedup_by_key(|(key, _)| *key);
        for (key, value) in found {
            out.push(key.as_str(), value);
        }
    }
}
