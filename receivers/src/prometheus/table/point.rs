//! Points, and the metrics and resources that they belong to.

use std::collections::HashMap;

use pipeline::payload::names::{
    PROMETHEUS_TYPE, SERVER_ADDRESS, SERVER_PORT, SERVICE_INSTANCE_ID, SERVICE_NAME, URL_SCHEME,
};
use pipeline::payload::{EmittedScope, EncodedAttributes, Place, SpanId, TraceId};

use super::super::exposition::{Exemplar, Kind, Sample};
use super::super::labels::Labels;
use super::super::rules::SeriesRules;

/// No instrumentation library made what is scraped. A name here would come out as labels, `otel_scope_name` and its
/// like, that the same page has not when Prometheus scrapes it.
const SCOPE: EmittedScope = EmittedScope {
    name: "",
    version: "",
    schema_url: "",
};

/// What a series says of its point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Role {
    /// The value.
    Value,
    /// How many measurements there were.
    Count,
    /// Their sum.
    Sum,
    /// How many measurements were at or below a bound.
    Bucket(f64),
    /// The value at a quantile.
    Quantile(f64),
    /// Since when it counts.
    Created,
    /// Nothing: it describes the target.
    Resource,
}

/// Where a point stands in a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) group: u32,
    pub(super) metric: u32,
    pub(super) point: u32,
}

/// The metrics of one job and instance: one resource.
#[derive(Debug)]
pub(super) struct Group {
    job: String,
    instance: String,
    pub(super) place: Place,
    pub(super) metrics: Vec<Metric>,
    index: HashMap<(String, Kind), u32>,
}

/// A metric with its points.
#[derive(Debug)]
pub(super) struct Metric {
    pub(super) name: String,
    /// Its family on the page, which knows description and unit.
    pub(super) family: String,
    pub(super) kind: Kind,
    /// The kind, as OTLP keeps it.
    pub(super) metadata: EncodedAttributes,
    pub(super) points: Vec<Point>,
    index: HashMap<Box<[u8]>, u32>,
}

/// A point, from scrape to scrape.
#[derive(Debug, Default)]
pub(super) struct Point {
    pub(super) attributes: EncodedAttributes,
    /// The scrape that it was last mentioned in; what is below belongs to that.
    touched: u64,
    /// The scrape that it last had a value in.
    pub(super) seen: u64,
    /// The last thing that was told of it was a value, and it is to be told when that is no longer so.
    pub(super) is_told: bool,
    /// It gets a stale marker when it vanishes.
    pub(super) is_tracked: bool,
    /// Its own time, in milliseconds.
    pub(super) timestamp: Option<i64>,
    /// Since when it counts, in seconds.
    pub(super) created: Option<f64>,
    pub(super) value: Option<f64>,
    pub(super) count: Option<f64>,
    pub(super) sum: Option<f64>,
    /// Bounds or quantiles, with what was said of them.
    pub(super) parts: Vec<(f64, f64)>,
    pub(super) exemplars: Vec<KeptExemplar>,
    /// The bounds or quantiles that were told last: a stale marker names them again.
    pub(super) told_bounds: Vec<f64>,
}

/// An exemplar until the end of the page.
#[derive(Debug)]
pub(super) struct KeptExemplar {
    pub(super) value: f64,
    pub(super) timestamp: Option<i64>,
    pub(super) trace_id: Option<TraceId>,
    pub(super) span_id: Option<SpanId>,
    pub(super) attributes: EncodedAttributes,
}

impl Group {
    pub(super) fn new(job: String, instance: String, rules: &SeriesRules) -> Self {
        let mut group = Self {
            job,
            instance,
            place: Place::default(),
            metrics: Vec::new(),
            index: HashMap::new(),
        };
        group.describe(&Labels::default(), rules);
        group
    }

    /// Makes the resource, with what `target_info` says about it.
    pub(super) fn describe(&mut self, labels: &Labels, rules: &SeriesRules) {
        let attributes = resource(&self.job, &self.instance, rules.scheme);
        let own: Vec<String> = attributes.attrs().map(|(key, _)| key.as_str().to_owned()).collect();
        let mut attributes = attributes;
        for (name, value) in labels.iter().filter(|(name, _)| !own.iter().any(|key| key == name)) {
            // What the target's own labels say is said at the points.
            if rules.target.get(name) != value {
                attributes.push(name, value);
            }
        }
        self.place = Place::made(&attributes, &SCOPE);
    }

    /// The point with these labels, made where it is missing: indices of metric and point.
    pub(super) fn spot(&mut self, name: String, family: String, kind: Kind, labels: &Labels) -> (u32, u32) {
        let next = u32::try_from(self.metrics.len()).unwrap_or(u32::MAX);
        let key = (name, kind);
        let at = match self.index.get(&key) {
            Some(at) => *at,
            None => {
                self.metrics.push(Metric::new(key.0.clone(), family, kind));
                self.index.insert(key, next);
                next
            }
        };
        let point = self
            .metrics
            .get_mut(at as usize)
            .map_or(0, |metric| metric.spot(labels));
        (at, point)
    }
}

/// The resource of a target (Prometheus and OpenTelemetry compatibility, "Resource attributes").
pub(in super::super) fn resource(job: &str, instance: &str, scheme: &str) -> EncodedAttributes {
    let mut attributes = EncodedAttributes::new();
    let (host, port) = match instance.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|letter| letter.is_ascii_digit()) => (host, port),
        _ => (instance, ""),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    for (key, value) in [
        (SERVICE_NAME, job),
        (SERVICE_INSTANCE_ID, instance),
        (SERVER_ADDRESS, host),
        (SERVER_PORT, port),
        (URL_SCHEME, scheme),
    ] {
        if !value.is_empty() {
            attributes.push(key, value);
        }
    }
    attributes
}

/// The place of what is told about a target itself.
pub(in super::super) fn place(job: &str, instance: &str, scheme: &str) -> Place {
    Place::made(&resource(job, instance, scheme), &SCOPE)
}

/// The type in Prometheus, as OTLP keeps it in the metadata of a metric.
pub(in super::super) fn metadata(kind: Kind) -> EncodedAttributes {
    EncodedAttributes::new().with(PROMETHEUS_TYPE, kind.name())
}

impl Metric {
    fn new(name: String, family: String, kind: Kind) -> Self {
        Self {
            name,
            family,
            kind,
            metadata: metadata(kind),
            points: Vec::new(),
            index: HashMap::new(),
        }
    }

    fn spot(&mut self, labels: &Labels) -> u32 {
        let mut key = Vec::new();
        for (name, value) in labels.iter() {
            // No text has this byte, so it parts the texts.
            for text in [name, value] {
                key.extend_from_slice(text.as_bytes());
                key.push(0xff);
            }
        }
        if let Some(at) = self.index.get(key.as_slice()) {
            return *at;
        }
        let mut attributes = EncodedAttributes::new();
        labels.iter().for_each(|(name, value)| attributes.push(name, value));
        let at = u32::try_from(self.points.len()).unwrap_or(u32::MAX);
        self.points.push(Point {
            attributes,
            ..Point::default()
        });
        self.index.insert(key.into(), at);
        at
    }
}

impl Point {
    /// Takes what a sample says of the point; false if that was said before in this scrape.
    pub(super) fn take(&mut self, role: Role, sample: &Sample<'_>, scrape: u64, rules: &SeriesRules) -> bool {
        if self.touched != scrape {
            self.begin(scrape);
        }
        let place = match role {
            Role::Value => &mut self.value,
            Role::Count => &mut self.count,
            Role::Sum => &mut self.sum,
            Role::Created => {
                self.created.get_or_insert(sample.value);
                return true;
            }
            Role::Bucket(bound) | Role::Quantile(bound) => {
                self.parts.push((bound, sample.value));
                self.note(sample, scrape, rules);
                return true;
            }
            Role::Resource => return true,
        };
        if place.is_some() {
            return false;
        }
        *place = Some(sample.value);
        self.note(sample, scrape, rules);
        true
    }

    fn begin(&mut self, scrape: u64) {
        self.touched = scrape;
        (self.value, self.count, self.sum) = (None, None, None);
        (self.timestamp, self.created) = (None, None);
        self.parts.clear();
        self.exemplars.clear();
    }

    fn note(&mut self, sample: &Sample<'_>, scrape: u64, rules: &SeriesRules) {
        self.seen = scrape;
        let timestamp = sample.timestamp.filter(|_| rules.honor_timestamps);
        self.timestamp = self.timestamp.or(timestamp);
        self.is_tracked = self.timestamp.is_none() || rules.track_timestamps;
        if let Some(exemplar) = &sample.exemplar {
            self.exemplars.extend(KeptExemplar::of(exemplar));
        }
    }
}

impl KeptExemplar {
    /// None for one whose labels are wrong: it is a side remark, for which Prometheus does not give up a page either.
    fn of(exemplar: &Exemplar<'_>) -> Option<Self> {
        let mut kept = Self {
            value: exemplar.value,
            timestamp: exemplar.timestamp,
            trace_id: None,
            span_id: None,
            attributes: EncodedAttributes::new(),
        };
        for (name, value) in exemplar.labels().ok()? {
            match &*name {
                "trace_id" if value.parse::<TraceId>().is_ok() => kept.trace_id = value.parse().ok(),
                "span_id" if value.parse::<SpanId>().is_ok() => kept.span_id = value.parse().ok(),
                _ => kept.attributes.push(&name, &*value),
            }
        }
        Some(kept)
    }
}
