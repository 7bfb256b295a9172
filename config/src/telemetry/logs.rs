//! The program's own log.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::decode::Validate;
use crate::duration::Duration;
use crate::report::Report;
use crate::unread::Unread;

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
        if self.error_output_paths != ["stderr"] {
            let why = "where the log cannot be written, standard error says so";
            report.without_effect("error_output_paths", why);
        }
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
