//! The configuration.

use config::{Report, Unread, Validate};
use serde::Deserialize;

/// What users write.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The file.
    pub path: String,
    /// Begins a new file when this one is large; absent: one file for ever.
    #[serde(deserialize_with = "config::present")]
    pub rotation: Option<Rotation>,
    /// JSON lines, or protobuf messages with their length.
    pub format: Format,
    /// Whether each record is compressed.
    pub compression: Compression,
    /// Keeps what is in the file at the start. With `rotation` it is kept in any case.
    pub append: bool,
    /// Makes the directory of the file, and those above it, where they are missing.
    pub create_directory: bool,
    directory_permissions: Option<Unread>,
    flush_interval: Option<Unread>,
    encoding: Option<Unread>,
    group_by: Option<GroupBy>,
}

/// When a new file begins and which old ones stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rotation {
    /// A file that would grow beyond this is put aside.
    pub max_megabytes: u32,
    /// Files put aside longer ago than this are removed; 0 for never.
    pub max_days: u32,
    /// Files put aside that are kept; 0 for all.
    pub max_backups: u32,
    localtime: bool,
}

/// What a record is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One line of OTLP/JSON.
    #[default]
    Json,
    /// An OTLP protobuf message behind its length.
    Proto,
}

/// Whether each record is compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// As it is.
    #[default]
    #[serde(alias = "")]
    None,
    /// RFC 8878.
    Zstd,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GroupBy {
    enabled: bool,
    resource_attribute: Option<Unread>,
    max_open_files: Option<Unread>,
}

impl Default for Rotation {
    fn default() -> Self {
        Self {
            max_megabytes: 100,
            max_days: 0,
            max_backups: 100,
            localtime: false,
        }
    }
}

impl Rotation {
    /// The size that a file may have.
    pub(super) fn bytes_max(self) -> u64 {
        u64::from(self.max_megabytes) * 1024 * 1024
    }
}

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        if self.path.is_empty() {
            report.help("path", "a path is required", "write `path: ./traces.json`");
        }
        if let Some(rotation) = &self.rotation {
            if rotation.max_megabytes == 0 {
                report.reject("rotation::max_megabytes", "must be at least 1");
            }
            if rotation.localtime {
                report.notice(
                    "rotation::localtime",
                    "has no effect: names of old files carry the time in UTC",
                );
            }
        }
        if self.encoding.is_some() {
            report.reject(
                "encoding",
                "encoding extensions are not available; use `format: json` or `format: proto`",
            );
        }
        if self.group_by.as_ref().is_some_and(|group_by| group_by.enabled) {
            report.help(
                "group_by",
                "one file for each value of an attribute is not available yet",
                "delete `group_by`, or use one pipeline and one file exporter for each group",
            );
        }
        report.without_effect(
            "flush_interval",
            "every batch is handed to the operating system at once",
        );
        report.without_effect(
            "directory_permissions",
            "directories get the permissions that the umask leaves",
        );
    }
}
