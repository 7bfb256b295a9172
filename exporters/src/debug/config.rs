//! The configuration.

use config::{Report, Validate};
use serde::Deserialize;

/// What users write.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How much of each batch is shown.
    pub verbosity: Verbosity,
    /// Batches shown in each second before sampling begins.
    pub sampling_initial: u64,
    /// Of the batches after those every so many-th is shown; 1 shows all, 0 none.
    pub sampling_thereafter: u64,
    /// Through the program's own log, or straight to `output_paths`.
    pub use_internal_logger: bool,
    /// `stdout`, `stderr` or files; used where the internal logger is not.
    pub output_paths: Vec<String>,
}

/// How much of each batch is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verbosity {
    /// One line with counts.
    #[default]
    Basic,
    /// One more line for each item.
    Normal,
    /// Every field of every item.
    Detailed,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            verbosity: Verbosity::Basic,
            sampling_initial: 2,
            sampling_thereafter: 1,
            use_internal_logger: true,
            output_paths: vec!["stdout".to_owned()],
        }
    }
}

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        if self.use_internal_logger {
            report.without_effect(
                "output_paths",
                "the internal logger is used; set `use_internal_logger: false`",
            );
        } else if self.output_paths.is_empty() {
            report.help(
                "output_paths",
                "there is nowhere to write to",
                "write `output_paths: [stdout]`",
            );
        }
        if self.output_paths.iter().any(String::is_empty) {
            report.reject(
                "output_paths",
                "a path is empty; write `stdout`, `stderr` or the name of a file",
            );
        }
    }
}
