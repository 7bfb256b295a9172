//! The text page that Prometheus scrapes (exposition format 0.0.4).

use std::fmt::Write;
use std::sync::PoisonError;

use super::{Instrument, Labels, MetricAbout, Metrics};

/// Which suffixes metric names carry. The Collector's default page has none; a `readers:` block of one's own has both
/// unless `without_units` and `without_type_suffix` say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suffixes {
    /// `_seconds`, `_bytes`.
    pub units: bool,
    /// `_total` on counters.
    pub types: bool,
}

impl Suffixes {
    /// Bare names, as the Collector's default reader writes them.
    pub fn none() -> Self {
        Self {
            units: false,
            types: false,
        }
    }
}

impl Metrics {
    /// Writes the page.
    pub fn render(&self, suffixes: Suffixes) -> String {
        let families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = String::with_capacity(families.len() * 256);
        for family in families.values() {
            let Some((_, first)) = family.series.first() else {
                continue;
            };
            let name = full_name(family.about, first.kind(), suffixes);
            // Writing to a String cannot fail.
            let _ = writeln!(page, "# HELP {name} {}", escape_help(family.about.help));
            let _ = writeln!(page, "# TYPE {name} {}", first.kind());
            for (labels, instrument) in &family.series {
                write_series(&mut page, &name, labels, instrument);
            }
        }
        page
    }
}

impl Instrument {
    fn kind(&self) -> &'static str {
        match self {
            Self::Counter(_) | Self::CounterProbe(_) => "counter",
            Self::Gauge(_) | Self::GaugeProbe(_) => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

fn full_name(about: MetricAbout, kind: &str, suffixes: Suffixes) -> String {
    let mut name = about.name.to_owned();
    let unit = match about.unit {
        "s" => "_seconds",
        "By" => "_bytes",
        _ => "", // Annotations in braces and the unit 1 have no suffix.
    };
    if suffixes.units && !name.ends_with(unit) {
        name.push_str(unit);
    }
    if suffixes.types && kind == "counter" && !name.ends_with("_total") {
        name.push_str("_total");
    }
    name
}

fn write_series(page: &mut String, name: &str, labels: &Labels, instrument: &Instrument) {
    let set = label_set(labels, None);
    let _ = match instrument {
        Instrument::Counter(counter) => writeln!(page, "{name}{set} {}", counter.value()),
        Instrument::Gauge(gauge) => writeln!(page, "{name}{set} {}", gauge.value()),
        Instrument::GaugeProbe(read) | Instrument::CounterProbe(read) => writeln!(page, "{name}{set} {}", read()),
        Instrument::Histogram(histogram) => {
            let (buckets, sum, count) = histogram.read();
            for (bound, below) in buckets {
                let set = label_set(labels, Some(&bound.to_string()));
                let _ = writeln!(page, "{name}_bucket{set} {below}");
            }
            let all = label_set(labels, Some("+Inf"));
            writeln!(
                page,
                "{name}_bucket{all} {count}\n{name}_sum{set} {sum}\n{name}_count{set} {count}"
            )
        }
    };
}

fn label_set(labels: &Labels, bound: Option<&str>) -> String {
    let written = labels
        .iter()
        .map(|(key, value)| format!("{key}=\"{}\"", escape_value(value)));
    let bound = bound.map(|bound| format!("le=\"{bound}\""));
    let all: Vec<String> = written.chain(bound).collect();
    if all.is_empty() {
        String::new()
    } else {
        format!("{{{}}}", all.join(","))
    }
}

fn escape_value(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn escape_help(help: &str) -> String {
    help.replace('\\', "\\\\").replace('\n', "\\n")
}
