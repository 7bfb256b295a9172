//! What users write.

use config::{Report, Validate};
use serde::Deserialize;

/// What becomes of facts that spans say under other names.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether the other names stay.
    pub normalize: Normalize,
}

/// Whether names that are not the standard's stay beside it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Normalize {
    /// They stay: a received attribute is never renamed or removed unless the configuration says so.
    #[default]
    Add,
    /// They go where their fact stands under the standard's name, but for those that say something of their own.
    Replace,
}

impl Validate for Config {
    fn validate(&self, _report: &mut Report<'_>) {}
}
