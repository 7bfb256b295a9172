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

/// What a span says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said<'a> {
    pub(super) name: Text<'a>,
    pub(super) kind: SpanKind,
    pub(super) status: StatusCode,
    /// It stands for others that its sampler dropped.
    pub(super) is_extrapolated: bool,
}

impl Said<'_> {
    /// Its place in [`KINDS`].
    fn kind(&self) -> usize {
        match self.kind {
            SpanKind::Other(_) => KINDS.len() - 1,
            known => known.number() as usize,
        }
    }

    /// Its place in [`STATUSES`].
    fn status(&self) -> usize {
        match self.status {
            StatusCode::Unset => 0,
            StatusCode::Ok => 1,
            StatusCode::Error => 2,
            StatusCode::Other(_) => 3,
        }
    }
}

/// What the configuration says about attributes, ready for use.
#[derive(Debug)]
pub(super) struct Layout {
    has_service_name: bool,
    has_span_name: bool,
    has_kind: bool,
    has_status: bool,
    has_instance: bool,
    /// Kind, status and who counts, by kind and status: they have few values and are encoded once.
    said: Vec<[EncodedAttributes; STATUSES.len()]>,
    /// The place of a span tells streams of one resource apart.
    has_places: bool,
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
    /// A bit for each length that one of them has, so that most attributes are passed by without a comparison.
    lengths: u64,
    pub(super) has_globs: bool,
}

/// Whether all spans of a resource, as the configuration tells resources apart, have one service.
fn tells_services_apart(config: &Config) -> bool {
    let keys = &config.resource_metrics_key_attributes;
    !config.add_resource_attributes || keys.is_empty() || keys.iter().any(|key| key == names::SERVICE_NAME)
}

/// A part of a key that may be missing.
#[inline]
fn put_sized(out: &mut Vec<u8>, part: Option<&[u8]>) {
    // No part is as long as that: batches are smaller.
    let length = part.map_or(u32::MAX, |part| part.len() as u32);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(part.unwrap_or_default());
}

fn length_bit(name: &[u8]) -> u64 {
    1 << (name.len() % 64)
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
            has_kind: has(SPAN_KIND),
            has_status: has(STATUS_CODE),
            has_instance: has(INSTANCE_ID),
            said: KINDS.iter().map(said).collect(),
            has_places: !config.include_instrumentation_scope.is_empty() || !tells_services_apart(config),
            scopes: config.include_instrumentation_scope.clone(),
            has_sampling_method: config.enable_metrics_sampling_method,
            has_globs: lists.iter().any(|list| !list.dimensions.globs.is_empty()),
            shared,
            calls,
            durations,
            events,
            lengths: names
                .iter()
                .fold(0, |lengths, name| lengths | length_bit(name.as_bytes())),
            names,
        }
    }

    /// Who counts, for points that say nothing else.
    pub(super) fn counted_by(&self) -> EncodedAttributes {
        let mut counted_by = EncodedAttributes::new();
        if self.has_instance {
            counted_by.push(INSTANCE_ID, instance_id());
        }
        counted_by
    }

    /// Whether any attribute of spans, events or resources is a dimension.
    #[inline]
    pub(super) fn asks_for_attributes(&self) -> bool {
        self.has_globs || !self.names.is_empty()
    }

    /// Whether an attribute of this name could be asked for by name.
    #[inline]
    pub(super) fn may_name(&self, key: &[u8]) -> bool {
        self.lengths & length_bit(key) != 0
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

    /// The attributes of a point; `values` in the order of precedence.
    pub(super) fn point(
        &self,
        place: &EncodedAttributes,
        said: &Said<'_>,
        lists: [&List; 2],
        values: &[&Values<'_>],
        out: &mut EncodedAttributes,
    ) {
        out.clear();
        out.extend(place);
        if self.has_span_name {
            out.push(SPAN_NAME, said.name);
        }
        if let Some(encoded) = self.said.get(said.kind()).and_then(|kind| kind.get(said.status())) {
            out.extend(encoded);
        }
        if self.has_sampling_method {
            let method = if said.is_extrapolated {
                "extrapolated"
            } else {
                "counted"
            };
            out.push(SAMPLING_METHOD, method);
        }
        let [shared, own] = lists;
        Self::list(shared, None, values, out);
        Self::list(own, Some(shared), values, out);
    }

    /// What tells points of one resource apart, in fewer bytes than their attributes: two spans have the same key if
    /// and only if they have the same attributes. Not with patterns, which may find anything.
    #[inline]
    pub(super) fn key(
        &self,
        place: &EncodedAttributes,
        said: &Said<'_>,
        lists: [&List; 2],
        values: &[&Values<'_>],
        out: &mut Vec<u8>,
    ) {
        debug_assert!(!self.has_globs, "patterns find attributes that are not in the key");
        out.clear();
        let kind = if self.has_kind { said.kind() as u8 } else { 0 };
        let status = if self.has_status { said.status() as u8 } else { 0 };
        let method = u8::from(self.has_sampling_method && said.is_extrapolated);
        out.extend_from_slice(&[kind, status, method]);
        if self.has_places {
            put_sized(out, Some(place.framed()));
        }
        for list in lists {
            for position in (list.first..).take(list.dimensions.named.len()) {
                let value = values.iter().find_map(|values| values.named(position));
                put_sized(out, value.map(RawValue::bytes));
            }
        }
        // Last, so that it needs no length.
        if self.has_span_name {
            out.extend_from_slice(said.name.as_bytes());
        }
    }

    /// The attributes of a list; `values` in the order of precedence. `beside` stands on the same point already.
    fn list(list: &List, beside: Option<&List>, values: &[&Values<'_>], out: &mut EncodedAttributes) {
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
