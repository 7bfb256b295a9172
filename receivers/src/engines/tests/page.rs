//! The pages in the fixtures, read just far enough for asking the tables about them.

use std::collections::BTreeMap;

use super::super::profile::{Kind, Profile};
use super::super::tables::{DCGM, RAY_SERVE, SGLANG, TGI, TRITON, VLLM};

/// A series of a page: of a histogram or summary one for all of its parts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) labels: Vec<(String, String)>,
    /// The value; of a histogram the sum.
    pub(super) value: f64,
    /// Upper bounds of a histogram.
    pub(super) bounds: Vec<f64>,
}

impl Series {
    pub(super) fn labels(&self) -> Vec<(&str, &str)> {
        self.labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }
}

/// A page of an engine.
pub(super) struct Page {
    pub(super) file: &'static str,
    pub(super) profile: &'static Profile,
    pub(super) families: BTreeMap<String, Kind>,
    pub(super) series: Vec<Series>,
}

/// Whether a page came from a running engine, its file and its table.
const PAGES: &[(&str, &Profile)] = &[
    ("vllm-0.32.0/metrics/metrics-01-idle-before-first-request.prom", &VLLM),
    ("vllm-0.32.0/metrics/metrics-02-after-sequential.prom", &VLLM),
    ("vllm-0.32.0/metrics/metrics-13-final.prom", &VLLM),
    ("vllm-from-source/metrics-0.11.2.prom", &VLLM),
    ("vllm-from-source/metrics-0.32.0-optional.prom", &VLLM),
    ("llm-d-inference-sim-from-source/metrics.prom", &VLLM),
    ("sglang-from-source/metrics-0.5.23.prom", &SGLANG),
    ("sglang-from-source/metrics-older.prom", &SGLANG),
    ("tgi-from-source/metrics.prom", &TGI),
    ("triton-from-source/metrics.prom", &TRITON),
    ("triton-from-source/metrics-vllm-backend.prom", &TRITON),
    ("ray-serve-from-source/metrics.prom", &RAY_SERVE),
    ("dcgm-exporter-from-source/metrics.prom", &DCGM),
];

pub(super) fn all() -> Vec<Page> {
    PAGES.iter().map(|(file, profile)| Page::read(file, profile)).collect()
}

pub(super) fn page(part: &str) -> Page {
    let (file, profile) = PAGES.iter().find(|(file, _)| file.contains(part)).unwrap();
    Page::read(file, profile)
}

pub(super) fn text(file: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/engines/");
    std::fs::read_to_string(format!("{folder}{file}")).unwrap()
}

impl Page {
    fn read(file: &'static str, profile: &'static Profile) -> Self {
        let mut page = Self {
            file,
            profile,
            families: BTreeMap::new(),
            series: Vec::new(),
        };
        for line in text(file).lines() {
            if let Some(typed) = line.strip_prefix("# TYPE ") {
                let (name, kind) = typed.split_once(' ').unwrap();
                let kind = match kind {
                    "gauge" => Kind::Gauge,
                    "counter" => Kind::Counter,
                    "histogram" => Kind::Histogram,
                    "summary" => Kind::Summary,
                    other => panic!("{other}"),
                };
                page.families.insert(name.to_owned(), kind);
            } else if !line.starts_with('#') {
                page.sample(line);
            }
        }
        page
    }

    fn sample(&mut self, line: &str) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let value: f64 = value.parse().unwrap();
        let (sample, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = labels
            .trim_end_matches('}')
            .split("\",")
            .filter(|label| !label.is_empty());
        let mut labels: Vec<(String, String)> = labels
            .map(|label| {
                let (name, value) = label.split_once("=\"").unwrap();
                (name.to_owned(), value.trim_end_matches('"').to_owned())
            })
            .collect();
        let of = |name: &str| self.families.get(name).copied();
        let parts = ["_bucket", "_sum", "_count"];
        let part = parts.iter().find(|part| {
            let family = sample.strip_suffix(*part).and_then(of);
            matches!(family, Some(Kind::Histogram | Kind::Summary))
        });
        let name = part.map_or(sample, |part| sample.strip_suffix(part).unwrap());
        let kind = of(name).unwrap_or_else(|| panic!("{}: {line}", self.file));
        let bound = labels.iter().find(|(name, _)| name == "le" && kind == Kind::Histogram);
        let bound: Option<f64> = bound.map(|(_, bound)| bound.parse().unwrap());
        let told_apart_by = match kind {
            Kind::Histogram => "le",
            Kind::Summary => "quantile",
            _ => "",
        };
        labels.retain(|(name, _)| name != told_apart_by);
        let same = |series: &&mut Series| series.name == name && series.labels == labels;
        if !self.series.iter_mut().any(|series| same(&series)) {
            self.series.push(Series {
                name: name.to_owned(),
                kind,
                labels: labels.clone(),
                value: 0.0,
                bounds: Vec::new(),
            });
        }
        let series = self.series.iter_mut().find(same).unwrap();
        series.bounds.extend(bound);
        if part.is_none_or(|part| *part == "_sum") {
            series.value = value;
        }
    }
}
