//! Scrapes as series: as the page has them, without the way through OTLP.

use pipeline::payload::scrape::{self, Metric, Part, Scrape, Series, Shape};

use super::kept::{Learned, TargetSeries};
use super::labels::{LabelSet, NAME};
use super::symbols::Ref;
use super::table::{NO_POINT, Sample, Stamp, milliseconds};
use super::text::bound;
use super::translate::Pass;
use crate::prometheus_names::{Kind, label_name, legal_metric_name};

impl Pass<'_> {
    /// Adds the values of a scrape. Where `is_alone`, nothing but scrapes is in the batch.
    pub(super) fn scrape(&mut self, scrape: &Scrape, is_alone: bool) {
        let series_of = self.table.kept.series_of(&scrape.shape);
        let first = self.table.losses.begin_scrape(scrape.shape.points(), scrape.points);
        self.table.reserve(scrape.samples.len());
        let is_plain = is_alone && scrape.times.is_empty();
        let done = if is_plain {
            self.table.kept_run(scrape, &series_of, first)
        } else {
            0
        };
        let mut times = scrape.times.iter().peekable();
        let rest = scrape.samples.get(done..).unwrap_or_default();
        for (at, sample) in (done as u32..).zip(rest) {
            let own_time = times.next_if(|own| own.sample == at).map(|own| own.time);
            let time = own_time.unwrap_or(scrape.time);
            let Some(series) = series_of.get(sample.series as usize) else {
                continue;
            };
            let start = scrape.starts.get(series.point as usize);
            let start = start.map_or(0, |start| milliseconds(*start));
            let sample = Sample {
                series: 0, // Its place, which is found there.
                point: series.point_from(first),
                stamp: Stamp {
                    time,
                    start: if start <= time { start } else { 0 },
                },
                value: sample.value,
            };
            let place = self.table.kept_value(series.number, is_alone, sample);
            if let (Some(place), Some(_)) = (place, own_time) {
                self.table.has_own_time(place);
            }
        }
        self.scraped_exemplars(scrape, &series_of);
        self.table.kept.give_back(&scrape.shape, series_of);
    }

    /// Translates the labels of series that the shape did not have before. All shapes of a batch come before their values:
    /// two may have a series in common.
    pub(super) fn learn(&mut self, shape: &Shape) {
        let known = self.table.kept.known(shape);
        if known == shape.series().len() {
            return self.table.kept.mark(shape, &mut self.table.symbols);
        }
        let texts = self.table.kept.texts(shape, &mut self.table.symbols).to_vec();
        for series in shape.series().get(known..).unwrap_or_default() {
            let metric = shape.metric_of(series.point).and_then(|metric| shape.metric(metric));
            let family = metric.map_or(u32::MAX, |metric| metric.family);
            let own = metric
                .filter(|metric| metric.is_own)
                .map(|metric| self.own_name(shape, metric));
            let labels = self.series_labels(shape, series, &texts, own.as_deref());
            let hash = self.table.hash(&labels);
            let point = if series.part == Part::Resource {
                NO_POINT
            } else {
                series.point
            };
            let table = &mut self.table;
            let names = &self.settings.names;
            table.kept.learn(
                shape,
                (Learned { labels, family, point }, hash),
                (&mut table.families, &mut table.labels, &mut table.symbols),
                |name| own.clone().unwrap_or_else(|| names.scraped(name)),
            );
        }
        self.table.kept.learned(shape);
        self.table.kept.mark(shape, &mut self.table.symbols);
    }

    /// The labels of a series: those of the page, in the characters that the names may have, and the external ones.
    fn series_labels(&mut self, shape: &Shape, series: &Series, texts: &[Ref], own: Option<&str>) -> Vec<(Ref, Ref)> {
        let mut set = LabelSet::default();
        for label in shape.labels_of(series) {
            let (name, value) = (shape.text(label.name), shape.text(label.value));
            let symbol = |number: u32| texts.get(number as usize).copied().unwrap_or_default();
            if name == NAME {
                let metric = match own {
                    Some(own) => format!("{own}{}", suffix(series.part)),
                    None => self.settings.names.scraped(value),
                };
                let metric = self.table.symbols.intern(&metric);
                set.set(self.known.name, metric);
                continue;
            }
            if let Some(bound) = own.and_then(|_| bound_of(series.part, name)) {
                let (label, bound) = (self.table.symbols.intern(name), self.table.symbols.intern(&bound));
                set.set(label, bound);
                continue;
            }
            let (legal, is_fallback) = label_name(&self.settings.names, name);
            self.table.losses.fallback_names += u64::from(is_fallback);
            let legal = if legal == name {
                symbol(label.name)
            } else {
                self.table.symbols.intern(&legal)
            };
            self.table.losses.overwritten_labels += u64::from(set.has(legal));
            set.set(legal, symbol(label.value));
        }
        for (name, value) in &self.external {
            if !set.has(*name) {
                set.set(*name, *value);
            }
        }
        set.sort(&self.table.symbols);
        set.labels
    }

    /// The name of a metric that is not on the page, as the OTLP of it would have.
    fn own_name(&mut self, shape: &Shape, metric: &Metric) -> String {
        let unit = shape
            .families()
            .get(metric.family as usize)
            .map_or("", |family| &family.unit);
        let kind = match metric.kind {
            scrape::Kind::Gauge => Kind::Gauge,
            scrape::Kind::Counter => Kind::Counter,
            _ => Kind::Other,
        };
        let translated = self.settings.names.metric(&metric.name, unit, kind);
        self.table.losses.fallback_names += u64::from(translated.is_fallback);
        translated.name
    }

    fn scraped_exemplars(&mut self, scrape: &Scrape, series_of: &[TargetSeries]) {
        for exemplar in &scrape.exemplars {
            let sample = scrape.samples.get(exemplar.sample as usize);
            let series = sample.and_then(|sample| series_of.get(sample.series as usize));
            let place = series.and_then(|series| self.table.place_of(series.number));
            let Some(place) = place else { continue };
            let own_time = || scrape.own_time(exemplar.sample).unwrap_or(scrape.time);
            let time = exemplar.time.unwrap_or_else(own_time);
            let labels = exemplar
                .labels
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()));
            self.exemplar_of_texts(place, labels.collect(), exemplar.value, time);
        }
    }
}

fn suffix(part: Part) -> &'static str {
    match part {
        Part::Bucket(_) => "_bucket",
        Part::Count => "_count",
        Part::Sum => "_sum",
        Part::Value | Part::Quantile(_) | Part::Resource => "",
    }
}

/// The text of a bound, if that is what this label says.
fn bound_of(part: Part, label: &str) -> Option<String> {
    match part {
        Part::Bucket(value) if label == "le" => Some(bound(value)),
        Part::Quantile(value) if label == "quantile" => Some(bound(value)),
        _ => None,
    }
}

impl crate::prometheus_names::Names {
    /// The name of a scraped metric: as on the page, because that is the name that dashboards know, but for characters
    /// that are not allowed.
    pub(crate) fn scraped(&self, name: &str) -> String {
        let prefixed = self.prefixed(name);
        if self.strategy.keeps_utf8() {
            prefixed
        } else {
            legal_metric_name(&prefixed)
        }
    }
}
