//! The text page that Prometheus scrapes (exposition format 0.0.4).

use std::borrow::Cow;
use std::fmt::Write;

use super::metrics::Instrument;
use super::{MetricAbout, Metrics, Shape};

/// Keys with values, in the order in which they are written.
pub type Labels = Vec<(Cow<'static, str>, String)>;

/// Says who the process is; its labels are the resource, so it takes no others.
const TARGET_INFO: &str = "target_info";

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
        self.render_with(suffixes, &Labels::new())
    }

    /// Writes the page with labels that every series carries.
    pub fn render_with(&self, suffixes: Suffixes, everywhere: &Labels) -> String {
        let families = self.families();
        let mut page = String::with_capacity(families.len() * 256);
        for family in families.values().filter(|family| self.shows(family.about)) {
            let Some((_, first)) = family.series.first() else {
                continue;
            };
            let name = full_name(family.about, first.shape(), suffixes);
            // Writing to a String cannot fail.
            let _ = writeln!(page, "# HELP {name} {}", escape_help(family.about.help));
            let _ = writeln!(page, "# TYPE {name} {}", kind(first.shape()));
            for (labels, instrument) in &family.series {
                let mut labels = label_set(labels);
                if name != TARGET_INFO {
                    labels.extend(label_set(everywhere));
                }
                write_series(&mut page, &name, &labels, instrument);
            }
        }
        page
    }
}

fn kind(shape: Shape) -> &'static str {
    match shape {
        Shape::Counter | Shape::FloatCounter => "counter",
        Shape::Gauge | Shape::FloatGauge => "gauge",
        Shape::Histogram => "histogram",
    }
}

fn full_name(about: MetricAbout, shape: Shape, suffixes: Suffixes) -> String {
    let mut name = legal(about.name);
    let unit = match about.unit {
        "s" => "_seconds",
        "By" => "_bytes",
        _ => "", // Annotations in braces and the unit 1 have no suffix.
    };
    if suffixes.units && !name.ends_with(unit) {
        name.push_str(unit);
    }
    if suffixes.types && kind(shape) == "counter" && !name.ends_with("_total") {
        name.push_str("_total");
    }
    name
}

/// Names and keys as this format can have them: what is neither letter nor digit is an underscore.
fn legal(name: &str) -> String {
    name.replace(|it: char| !it.is_ascii_alphanumeric() && it != ':', "_")
}

fn write_series(page: &mut String, name: &str, labels: &[String], instrument: &Instrument) {
    let set = braces(labels, None);
    let _ = match instrument {
        Instrument::Counter(counter) => writeln!(page, "{name}{set} {}", counter.value()),
        Instrument::Gauge(gauge) => writeln!(page, "{name}{set} {}", gauge.value()),
        Instrument::GaugeProbe(read) | Instrument::CounterProbe(read) => writeln!(page, "{name}{set} {}", read()),
        Instrument::Histogram(histogram) => {
            let (buckets, sum, count) = histogram.read();
            for (bound, below) in buckets {
                let set = braces(labels, Some(&bound.to_string()));
                let _ = writeln!(page, "{name}_bucket{set} {below}");
            }
            let all = braces(labels, Some("+Inf"));
            writeln!(
                page,
                "{name}_bucket{all} {count}\n{name}_sum{set} {sum}\n{name}_count{set} {count}"
            )
        }
    };
}

fn label_set(labels: &Labels) -> Vec<String> {
    let written = labels
        .iter()
        .map(|(key, value)| format!("{}=\"{}\"", legal(key), escape_value(value)));
    written.collect()
}

fn braces(labels: &[String], bound: Option<&str>) -> String {
    let bound = bound.map(|bound| format!("le=\"{bound}\""));
    let all: Vec<&str> = labels.iter().chain(&bound).map(String::as_str).collect();
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
