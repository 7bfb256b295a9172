//! The walk: resources, scopes, metrics, points.

use std::hash::RandomState;
use std::time::Instant;

use pipeline::payload::metrics::{Data, MetricView, MetricsPart, ResourceMetricsView, Temporality};
use pipeline::payload::scrape::bound_text;
use pipeline::payload::{Attrs, Metrics, Value};

use super::Settings;
use super::kept::HeadWriter;
use super::labels::{AttributeLabels, LabelSet, NAME};
use super::losses::Loss;
use super::read::FamilyView;
use super::resource::{ResourceLabels, scope_labels};
use super::streams::Streams;
use super::symbols::{Ref, Symbols};
use super::table::{Family, FamilyKind, NO_POINT, Sample, Stamp, Table};
use super::text::bound;
use crate::prometheus_names::{Kind, Names, Translated, legacy_label_name};

/// Turns batches into series; remembers deltas from one batch to the next.
#[derive(Debug)]
pub(crate) struct Translator {
    settings: Settings,
    /// One for all batches, so that a series has the same hash in each.
    hashing: RandomState,
    streams: Streams,
    attributes: AttributeLabels,
    warned: bool,
    /// Of the batch before: what it keeps, and its room.
    table: Option<Table>,
    /// Writes the heads of scraped series; None where all metrics go through OTLP.
    heads: Option<HeadWriter>,
}

/// Decides whether a metric may have its name and type; the points of one that may not are lost.
pub(crate) type Admit<'t> = dyn FnMut(FamilyView<'_>) -> bool + 't;

/// One pass over one batch.
pub(super) struct Pass<'t> {
    pub(super) settings: &'t Settings,
    pub(super) table: Table,
    pub(super) streams: &'t mut Streams,
    pub(super) now: Instant,
    attributes: &'t mut AttributeLabels,
    admit: &'t mut Admit<'t>,
    pub(super) external: Vec<(Ref, Ref)>,
    pub(super) known: Known,
}

/// Labels that every batch needs.
pub(super) struct Known {
    pub(super) name: Ref,
    job: Ref,
    instance: Ref,
}

/// Where a metric stands.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub(super) resource: &'p ResourceLabels<'p>,
    pub(super) scope: &'p LabelSet,
}

/// A metric's names.
pub(super) struct Head {
    /// Its number in the table's families.
    pub(super) family: u32,
    /// The name without the suffixes of single series.
    pub(super) name: String,
    /// It was scraped, and is written as the page has it.
    pub(super) is_scraped: bool,
}

impl Head {
    /// A bound or quantile as the text of its label: as Prometheus 3 scrapes it, or as the Collector translates it.
    pub(super) fn bound(&self, value: f64) -> String {
        if self.is_scraped {
            bound_text(value)
        } else {
            bound(value)
        }
    }
}

impl Translator {
    pub(crate) fn new(settings: Settings) -> Self {
        let streams = Streams::new(settings.streams_max, settings.stale_after);
        Self {
            settings,
            hashing: RandomState::new(),
            streams,
            attributes: AttributeLabels::default(),
            warned: false,
            table: None,
            heads: None,
        }
    }

    /// Takes scrapes as they are instead of as OTLP, and keeps what `heads` writes of their series.
    ///
    /// Not where attributes of the resource become labels or histograms become native ones: that needs whole points.
    pub(crate) fn take_scrapes(&mut self, heads: HeadWriter) {
        let needs_points = self.settings.to_native || !self.settings.promoted.included.is_empty();
        self.heads = (!needs_points).then_some(heads);
    }

    /// Gives a table back that is no longer needed: the next batch uses its room and what it knows.
    pub(crate) fn give_back(&mut self, table: Table) {
        self.table = Some(table);
    }

    /// The series of one batch.
    pub(crate) fn translate(&mut self, metrics: &Metrics, now: Instant) -> Table {
        self.translate_admitted(metrics, now, &mut |_| true)
    }

    /// The same without the metrics that `admit` refuses; it is asked for each before its points.
    pub(crate) fn translate_admitted(&mut self, metrics: &Metrics, now: Instant, admit: &mut Admit<'_>) -> Table {
        let mut table = self.empty_table();
        let external = external_labels(&self.settings, &mut table.symbols);
        let known = Known {
            name: table.symbols.intern(NAME),
            job: table.symbols.intern("job"),
            instance: table.symbols.intern("instance"),
        };
        let mut pass = Pass {
            settings: &self.settings,
            table,
            streams: &mut self.streams,
            now,
            attributes: &mut self.attributes,
            admit,
            external,
            known,
        };
        let is_whole = if self.heads.is_some() {
            pass.parts(metrics)
        } else {
            pass.walk(metrics.resources())
        };
        let mut table = pass.table;
        table.finish();
        if !is_whole && self.settings.has_target_info && !std::mem::replace(&mut self.warned, true) {
            tracing::warn!(
                "a resource has attributes and neither service.name nor service.instance.id: its series have no job and \
                 no instance, and no target_info says its attributes"
            );
        }
        table
    }

    fn empty_table(&mut self) -> Table {
        let known = self.table.take().filter(|table| !table.kept.is_worn(&table.symbols));
        let mut table = known.unwrap_or_else(|| Table::new(self.hashing.clone()));
        table.begin();
        table.kept.write_with(self.heads);
        table
    }
}

fn external_labels(settings: &Settings, symbols: &mut Symbols) -> Vec<(Ref, Ref)> {
    let labels = settings.external_labels.iter();
    let labels = labels.filter(|(_, value)| !value.is_empty());
    let mut interned = |(name, value): &(String, String)| (symbols.intern(name), symbols.intern(value));
    labels.map(&mut interned).collect()
}

impl Pass<'_> {
    /// Scrapes first: what is kept of their series lies in front of everything else.
    fn parts(&mut self, metrics: &Metrics) -> bool {
        let is_alone = metrics.parts().all(|part| matches!(part, MetricsPart::Scrape(_)));
        for part in metrics.parts() {
            if let MetricsPart::Scrape(scrape) = part {
                self.learn(&scrape.shape);
            }
        }
        for part in metrics.parts() {
            if let MetricsPart::Scrape(scrape) = part {
                self.scrape(&scrape, is_alone);
            }
        }
        metrics.parts().fold(true, |is_whole, part| match part {
            MetricsPart::Otlp(otlp) => self.walk(otlp.resources()) && is_whole,
            MetricsPart::Scrape(_) => is_whole,
        })
    }

    /// False if some resource says something that its series lose.
    fn walk<'m>(&mut self, resources: impl Iterator<Item = ResourceMetricsView<'m>>) -> bool {
        let mut is_whole = true;
        for one in resources {
            let mut resource = ResourceLabels::of(one.resource().attrs(), self.settings, &mut self.table.symbols);
            is_whole &= !resource.is_lost();
            for scope in one.scopes() {
                let labels = scope_labels(scope, self.settings, &mut self.table.symbols, &mut self.table.losses);
                for metric in scope.metrics() {
                    let place = Place {
                        resource: &resource,
                        scope: &labels,
                    };
                    let latest = self.metric(place, metric);
                    resource.saw(latest);
                }
            }
            if self.settings.has_target_info {
                self.target_info(&resource);
            }
        }
        is_whole
    }

    /// Gives the time of the latest point.
    fn metric(&mut self, place: Place<'_>, metric: MetricView<'_>) -> u64 {
        let data = metric.data();
        let Some(head) = self.head(metric, &data) else {
            self.refuse(data);
            return 0;
        };
        match data {
            Data::None => 0,
            Data::Gauge(points) => self.gauges(place, &head, points),
            Data::Sum {
                points,
                temporality,
                monotonic,
            } => self.sums(place, &head, points, temporality, monotonic),
            Data::Histogram { points, temporality } => self.histograms(place, &head, points, temporality),
            Data::ExponentialHistogram { points, temporality } => self.exponentials(place, &head, points, temporality),
            Data::Summary(points) => self.summaries(place, &head, points),
        }
    }

    /// The points of a metric that cannot have its name.
    fn refuse(&mut self, data: Data<'_>) {
        let points = match data {
            Data::None => 0,
            Data::Gauge(points) | Data::Sum { points, .. } => points.count(),
            Data::Histogram { points, .. } => points.count(),
            Data::ExponentialHistogram { points, .. } => points.count(),
            Data::Summary(points) => points.count(),
        };
        for _ in 0..points {
            let point = self.table.losses.next_point();
            self.table.losses.lose_for(point, Loss::Conflict);
        }
    }

    /// None for a metric that is not admitted.
    fn head(&mut self, metric: MetricView<'_>, data: &Data<'_>) -> Option<Head> {
        let (kind, family_kind) = match data {
            Data::Gauge(_) => (Kind::Gauge, FamilyKind::Gauge),
            Data::Sum {
                monotonic: true,
                temporality: Temporality::Cumulative | Temporality::Delta,
                ..
            } => (Kind::Counter, FamilyKind::Counter),
            Data::Sum { .. } => (Kind::Other, FamilyKind::Gauge),
            Data::Histogram { .. } | Data::ExponentialHistogram { .. } => (Kind::Other, FamilyKind::Histogram),
            Data::Summary(_) => (Kind::Other, FamilyKind::Summary),
            Data::None => (Kind::Other, FamilyKind::Unknown),
        };
        let told = metric.metadata().get("prometheus.type");
        let family_kind = told
            .and_then(|value| told_kind(value.as_str()?, data))
            .unwrap_or(family_kind);
        let unit = metric.unit().as_str();
        let translated = match told {
            // What was scraped keeps the name that it has there.
            Some(_) => Translated {
                name: self.settings.names.scraped(metric.name().as_str()),
                is_fallback: false,
            },
            None => self.settings.names.metric(metric.name().as_str(), unit, kind),
        };
        let help = metric.description().as_str();
        let view = FamilyView {
            name: &translated.name,
            help,
            unit,
            kind: family_kind,
        };
        if !(self.admit)(view) {
            return None;
        }
        self.table.losses.fallback_names += u64::from(translated.is_fallback);
        let symbols = &mut self.table.symbols;
        let family = Family {
            name: symbols.intern(&translated.name),
            help: symbols.intern(help),
            unit: symbols.intern(unit),
            kind: family_kind,
        };
        Some(Head {
            family: self.family(family),
            name: translated.name,
            is_scraped: told.is_some(),
        })
    }

    fn family(&mut self, family: Family) -> u32 {
        // The same metric in several scopes and resources follows itself as a rule.
        if self.table.families.last() != Some(&family) {
            self.table.families.push(family);
        }
        (self.table.families.len() - 1) as u32
    }

    /// The labels of a point without its name, sorted with a place for the name and for `extra`.
    pub(super) fn labels(&mut self, place: Place<'_>, attributes: Attrs<'_>, extra: Option<Ref>) -> LabelSet {
        // The resource's come first: of several values under one key the first counts.
        let mut all = place.resource.promoted.clone();
        all.extend(attributes.map(|(key, value)| (key.as_str(), value)));
        self.labels_of(place, &mut all, extra)
    }

    /// Attributes alone as labels, not sorted.
    pub(super) fn attribute_labels(&mut self, attributes: &mut Vec<(&str, Value<'_>)>) -> LabelSet {
        let Table { symbols, losses, .. } = &mut self.table;
        let mut set = LabelSet::default();
        self.attributes
            .add(attributes, &mut set, symbols, &self.settings.names, losses);
        set
    }

    fn labels_of(&mut self, place: Place<'_>, attributes: &mut Vec<(&str, Value<'_>)>, extra: Option<Ref>) -> LabelSet {
        let mut set = self.attribute_labels(attributes);
        let Table { symbols, losses, .. } = &mut self.table;
        let own = [
            (self.known.job, place.resource.job),
            (self.known.instance, place.resource.instance),
        ];
        let own = own.into_iter().filter(|(_, value)| *value != 0);
        for (name, value) in place.scope.labels.iter().copied().chain(own) {
            losses.overwritten_labels += u64::from(set.has(name));
            set.set(name, value);
        }
        for (name, value) in &self.external {
            if !set.has(*name) {
                set.set(*name, *value);
            }
        }
        for name in extra.into_iter().chain([self.known.name]) {
            losses.overwritten_labels += u64::from(set.has(name));
            // Any value but the empty one holds the place.
            set.set(name, name);
        }
        set.sort(symbols);
        set
    }

    /// The series with this name; None, and the point lost, where it cannot be.
    pub(super) fn series(&mut self, labels: &mut LabelSet, name: &str, head: &Head, is_native: bool) -> Option<u32> {
        let name = self.table.symbols.intern(name);
        labels.replace(self.known.name, name);
        self.table.series(&labels.labels, head.family, is_native)
    }

    /// `target_info`: what a resource says about itself, once (compatibility document, "Resource Attributes").
    fn target_info(&mut self, resource: &ResourceLabels<'_>) {
        let Some(time) = resource.latest() else { return };
        if resource.others.is_empty() || !resource.is_identified() {
            return;
        }
        let name = self.settings.names.prefixed("target_info");
        let symbols = &mut self.table.symbols;
        let family = Family {
            name: symbols.intern(&name),
            help: symbols.intern("Target metadata"),
            unit: 0,
            kind: FamilyKind::Gauge,
        };
        let head = Head {
            family: self.family(family),
            name,
            is_scraped: false,
        };
        let nothing = LabelSet::default();
        let place = Place {
            resource,
            scope: &nothing,
        };
        let mut labels = self.labels_of(place, &mut resource.others.clone(), None);
        if let Some(series) = self.series(&mut labels, &head.name, &head, false) {
            self.table.samples.push(Sample {
                series,
                point: NO_POINT,
                stamp: Stamp { time, start: 0 },
                value: 1.0,
            });
        }
    }
}

/// The type that the metric had where it was scraped, if it can be one of these points.
fn told_kind(told: &str, data: &Data<'_>) -> Option<FamilyKind> {
    let kind = match told {
        "unknown" => FamilyKind::Unknown,
        "gauge" => FamilyKind::Gauge,
        "counter" => FamilyKind::Counter,
        "info" => FamilyKind::Info,
        "stateset" => FamilyKind::StateSet,
        "gaugehistogram" => FamilyKind::GaugeHistogram,
        _ => return None,
    };
    let is_number = matches!(data, Data::Gauge(_) | Data::Sum { .. });
    (is_number == (kind != FamilyKind::GaugeHistogram)).then_some(kind)
}

impl Settings {
    /// External labels with legal names, for [`Settings::external_labels`].
    pub(crate) fn legal_labels(names: &Names, labels: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
        let legal = |(name, value): (String, String)| {
            if names.strategy.keeps_utf8() {
                (name, value)
            } else {
                (legacy_label_name(&name, names.underscores).0.into_owned(), value)
            }
        };
        labels.map(legal).collect()
    }
}
