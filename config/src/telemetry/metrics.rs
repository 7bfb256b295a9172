//! The program's own metrics: how much is measured, who reads them and where they are sent.

use serde::{Deserialize, Deserializer};

use super::otlp::PushExporter;
use crate::decode::Validate;
use crate::report::Report;
use crate::unread::Unread;

/// The program's own metrics.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// How much is measured.
    pub level: Detail,
    /// The address of the Prometheus endpoint, in the form of Collectors before 0.123.
    pub address: Option<String>,
    /// Who reads the metrics.
    pub readers: Vec<MetricReader>,
    /// Not supported; an error says so.
    pub views: Option<Unread>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            level: Detail::Normal,
            address: None,
            readers: vec![MetricReader::default_pull()],
            views: None,
        }
    }
}

impl Metrics {
    /// The Prometheus endpoints to open: the legacy address if there is one, else those of the readers.
    pub fn prometheus(&self) -> Vec<Prometheus> {
        if self.level == Detail::None {
            return Vec::new();
        }
        let legacy = self.address.as_deref().and_then(|address| address.rsplit_once(':'));
        if let Some((host, port)) = legacy
            && let Ok(port) = port.parse()
        {
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            return vec![Prometheus {
                host,
                port,
                ..Prometheus::default()
            }];
        }
        let pulls = self.readers.iter().filter_map(|reader| reader.pull.as_ref());
        pulls.map(|pull| pull.exporter.prometheus.clone()).collect()
    }

    /// The exports at intervals. The legacy address puts the readers out of use, as it does for the endpoints.
    pub fn periodic(&self) -> Vec<&Periodic> {
        if self.level == Detail::None || self.address.is_some() {
            return Vec::new();
        }
        self.readers
            .iter()
            .filter_map(|reader| reader.periodic.as_ref())
            .collect()
    }
}

impl Validate for Metrics {
    fn validate(&self, report: &mut Report<'_>) {
        if report.has("views") {
            let help = "delete the key; choose what is shown where the metrics are read";
            report.help("views", "views of the own metrics are not supported", help);
        }
        if let Some(address) = &self.address {
            let port = address.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
            if !matches!(port, Some(Ok(_))) {
                report.help(
                    "address",
                    format!("{address:?} has no port"),
                    "write host:port, such as localhost:8888",
                );
            }
            if report.has("readers") {
                report.warn(
                    "readers",
                    "not used, because the older key `address` is written as well",
                );
            } else {
                let remedy = "new Collectors write readers: [{pull: {exporter: {prometheus: {host: …, port: …}}}}]";
                report.notice("address", format!("this is the older form, and still works\n{remedy}"));
            }
        }
        if self.level != Detail::None && self.readers.is_empty() && self.address.is_none() {
            let problem = "collector telemetry metrics reader should exist when metric level is not none";
            report.help(
                "readers",
                problem,
                "delete the key for the default reader on localhost:8888, or write level: none",
            );
        }
        for (index, reader) in self.readers.iter().enumerate() {
            report.within(&format!("readers::{index}"), |report| reader.validate(report));
        }
    }
}

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Nothing.
    None,
    /// The essentials.
    Basic,
    /// What dashboards use.
    Normal,
    /// Everything.
    Detailed,
}

impl<'de> Deserialize<'de> for Detail {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        match word.to_ascii_lowercase().as_str() {
            "none" => Ok(Self::None),
            "basic" => Ok(Self::Basic),
            "normal" | "" => Ok(Self::Normal),
            "detailed" => Ok(Self::Detailed),
            _ => Err(serde::de::Error::unknown_variant(
                &word,
                &["none", "basic", "normal", "detailed"],
            )),
        }
    }
}

/// One reader of the own metrics: a Prometheus endpoint, or an export at intervals.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricReader {
    /// An endpoint that is read.
    pub pull: Option<Pull>,
    /// An export at intervals.
    pub periodic: Option<Periodic>,
}

/// An export at intervals.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Periodic {
    /// Milliseconds from one export to the next.
    pub interval: u64,
    /// Milliseconds that one export may take; of this and the exporter's own limit the smaller one counts.
    pub timeout: Option<u64>,
    /// Where to.
    pub exporter: PushExporter,
}

impl Default for Periodic {
    /// What the SDKs do unless they are told otherwise.
    fn default() -> Self {
        Self {
            interval: 60_000,
            timeout: None,
            exporter: PushExporter::default(),
        }
    }
}

impl Validate for Periodic {
    fn validate(&self, report: &mut Report<'_>) {
        for key in ["interval", "timeout"] {
            let value = if key == "interval" {
                Some(self.interval)
            } else {
                self.timeout
            };
            if value == Some(0) {
                report.help(key, "must be longer than zero", "write milliseconds, such as 10000");
            }
        }
        report.within("exporter", |report| self.exporter.validate_for_metrics(report));
    }
}

impl MetricReader {
    fn default_pull() -> Self {
        Self {
            pull: Some(Pull {
                exporter: PullExporter {
                    prometheus: Prometheus::default(),
                },
            }),
            periodic: None,
        }
    }
}

impl Validate for MetricReader {
    fn validate(&self, report: &mut Report<'_>) {
        if let Some(periodic) = &self.periodic {
            report.within("periodic", |report| periodic.validate(report));
        }
        if self.pull.is_some() && self.periodic.is_some() {
            report.help(
                "",
                "one reader cannot be two",
                "write two entries of the list, one with pull and one with periodic",
            );
        }
        if self.pull.is_none() && self.periodic.is_none() {
            report.help(
                "",
                "the reader reads nothing",
                "write pull: {exporter: {prometheus: {host: localhost, port: 8888}}}",
            );
        }
    }
}

/// An endpoint that is read.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pull {
    /// In which format.
    pub exporter: PullExporter,
}

/// The formats of a [`Pull`] endpoint.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PullExporter {
    /// The Prometheus text format.
    pub prometheus: Prometheus,
}

/// A Prometheus endpoint. The three switches decide the names, which existing dashboards depend on.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Prometheus {
    /// The address to listen on.
    pub host: String,
    /// The port to listen on.
    pub port: u16,
    /// Leaves out the `otel_scope_*` labels.
    pub without_scope_info: bool,
    /// Leaves out the unit at the end of names.
    pub without_units: bool,
    /// Leaves out `_total`.
    pub without_type_suffix: bool,
    /// Which attributes of the resource become labels of every series; none if it is not written.
    pub with_resource_constant_labels: Option<IncludeExclude>,
}

/// Chooses keys: those that are included, or all, without those that are excluded.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IncludeExclude {
    /// Only these; all if there are none.
    pub included: Vec<String>,
    /// Not these.
    pub excluded: Vec<String>,
}

impl IncludeExclude {
    /// Whether a key is chosen.
    pub fn chooses(&self, key: &str) -> bool {
        let has = |list: &[String]| list.iter().any(|it| it == key);
        (self.included.is_empty() || has(&self.included)) && !has(&self.excluded)
    }
}

impl Default for Prometheus {
    /// Plain names, as dashboards of old expect them, whether a reader is written or not: who changes the port does not want
    /// other names. Newer Collectors do so too (opentelemetry-collector#13867); in older ones a reader that was written had all suffixes.
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 8888,
            without_scope_info: true,
            without_units: true,
            without_type_suffix: true,
            with_resource_constant_labels: None,
        }
    }
}
