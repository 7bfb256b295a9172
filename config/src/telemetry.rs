//! `service.telemetry`: the logs, metrics and resource of the program itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::decode::Validate;
use crate::duration::Duration;
use crate::report::Report;
use crate::resource::Resource;
use crate::unread::Unread;

/// The block as a whole. Its defaults are the Collector's.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// The program's own log.
    pub logs: Logs,
    /// The program's own metrics.
    pub metrics: Metrics,
    /// Spans about the program itself; read, not produced yet.
    pub traces: Traces,
    /// Attributes of everything the program says about itself.
    pub resource: Resource,
}

impl Validate for Telemetry {
    fn validate(&self, report: &mut Report<'_>) {
        report.within("logs", |report| self.logs.validate(report));
        report.within("metrics", |report| self.metrics.validate(report));
        report.within("traces", |report| self.traces.validate(report));
        report.without_effect("resource::schema_url", "the schema of the own telemetry is fixed");
        report.without_effect(
            "resource::detectors",
            "no detectors run yet; write the attributes instead",
        );
    }
}

/// The program's own log.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logs {
    /// The least severe messages that are written.
    pub level: Level,
    /// How a message is written.
    pub encoding: Encoding,
    /// `stderr`, `stdout` or file paths.
    pub output_paths: Vec<String>,
    /// Where the log writes its own failures.
    pub error_output_paths: Vec<String>,
    /// Fields of every message.
    pub initial_fields: BTreeMap<String, serde_json::Value>,
    /// Caps repeated messages; none switches that off.
    pub sampling: Option<Sampling>,
    /// Messages say where in the code they come from. Kept for the Collector's files.
    pub development: bool,
    /// See `development`.
    pub disable_caller: bool,
    /// See `development`.
    pub disable_stacktrace: bool,
    /// Leaves the resource out of log lines.
    pub disable_zap_resource: bool,
    /// OTLP export of the own log; read, not done yet.
    pub processors: Vec<Unread>,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            level: Level::Info,
            encoding: Encoding::Console,
            output_paths: vec!["stderr".to_owned()],
            error_output_paths: vec!["stderr".to_owned()],
            initial_fields: BTreeMap::new(),
            sampling: Some(Sampling::default()),
            development: false,
            disable_caller: false,
            disable_stacktrace: false,
            disable_zap_resource: false,
            processors: Vec::new(),
        }
    }
}

impl Validate for Logs {
    fn validate(&self, report: &mut Report<'_>) {
        for key in ["output_paths", "error_output_paths"] {
            let paths = if key == "output_paths" {
                &self.output_paths
            } else {
                &self.error_output_paths
            };
            for (index, path) in paths.iter().enumerate() {
                let scheme = path.split_once("://").map(|(scheme, _)| scheme);
                if path.is_empty() || scheme.is_some_and(|scheme| scheme != "file") {
                    let help = "write stderr, stdout, a path or file:///path";
                    report.help(
                        &format!("{key}::{index}"),
                        format!("{path:?} is not a place to write to"),
                        help,
                    );
                }
            }
        }
        for key in [
            "development",
            "disable_caller",
            "disable_stacktrace",
            "disable_zap_resource",
        ] {
            report.without_effect(key, "it is about the Go logger");
        }
        report.without_effect("processors", "the own log is not exported yet");
        if let Some(sampling) = &self.sampling
            && sampling.enabled
            && sampling.tick.is_zero()
        {
            report.help(
                "sampling::tick",
                "must be longer than zero",
                "write 10s, or enabled: false",
            );
        }
    }
}

/// How severe a log message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Everything.
    Debug,
    /// What an operator may want to know.
    Info,
    /// What an operator should look at.
    Warn,
    /// What does not work.
    Error,
}

/// The Collector takes `INFO` as well as `info`, and three levels above error that end the Go process.
impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        match word.to_ascii_lowercase().as_str() {
            "debug" => Ok(Self::Debug),
            "info" | "" => Ok(Self::Info),
            "warn" => Ok(Self::Warn),
            "error" | "dpanic" | "panic" | "fatal" => Ok(Self::Error),
            _ => Err(serde::de::Error::unknown_variant(
                &word,
                &["debug", "info", "warn", "error"],
            )),
        }
    }
}

/// How a log message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// For people.
    Console,
    /// One object a line.
    Json,
}

/// At most `initial` equal messages in a `tick`, then every `thereafter`th.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sampling {
    /// Whether messages are capped at all.
    pub enabled: bool,
    /// The time in which messages are counted.
    pub tick: Duration,
    /// Messages of one text that are written in a tick.
    pub initial: u32,
    /// After those, one in so many; 0 for none.
    pub thereafter: u32,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            enabled: true,
            tick: Duration::from_secs(10),
            initial: 10,
            thereafter: 100,
        }
    }
}

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
                ..Prometheus::implicit()
            }];
        }
        let pulls = self.readers.iter().filter_map(|reader| reader.pull.as_ref());
        pulls.map(|pull| pull.exporter.prometheus.clone()).collect()
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
        if matches!(self.level, Detail::Basic | Detail::Detailed) {
            report.without_effect("level", "basic, normal and detailed show the same metrics");
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
    /// An export; read, not done yet.
    pub periodic: Option<Unread>,
}

impl MetricReader {
    fn default_pull() -> Self {
        Self {
            pull: Some(Pull {
                exporter: PullExporter {
                    prometheus: Prometheus::implicit(),
                },
            }),
            periodic: None,
        }
    }
}

impl Validate for MetricReader {
    fn validate(&self, report: &mut Report<'_>) {
        report.without_effect("periodic", "the own metrics are not exported yet; they can be scraped");
        let prometheus = "pull::exporter::prometheus";
        report.without_effect(
            &format!("{prometheus}::with_resource_constant_labels"),
            "all attributes of the resource are labels of target_info; join on it",
        );
        if self
            .pull
            .as_ref()
            .is_some_and(|pull| !pull.exporter.prometheus.without_scope_info)
        {
            report.without_effect(
                &format!("{prometheus}::without_scope_info"),
                "the own metrics have no instrumentation scopes",
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
    /// Which resource attributes become labels; read, all are in `target_info`.
    pub with_resource_constant_labels: Option<Unread>,
}

impl Default for Prometheus {
    /// What a reader means that somebody wrote: names with units and `_total`.
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 8888,
            without_scope_info: false,
            without_units: false,
            without_type_suffix: false,
            with_resource_constant_labels: None,
        }
    }
}

impl Prometheus {
    /// What the Collector opens when nobody wrote a reader: plain names, as dashboards of old expect them.
    fn implicit() -> Self {
        Self {
            without_scope_info: true,
            without_units: true,
            without_type_suffix: true,
            ..Self::default()
        }
    }
}

/// Spans about the program itself.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Traces {
    level: Option<Unread>,
    processors: Option<Unread>,
    propagators: Option<Unread>,
    sampler: Option<Unread>,
    limits: Option<Unread>,
}

impl Validate for Traces {
    fn validate(&self, report: &mut Report<'_>) {
        for key in ["level", "processors", "propagators", "sampler", "limits"] {
            report.without_effect(key, "spans about the program itself are not made yet");
        }
    }
}
