//! What users write: nothing.

use config::Validate;

/// There is nothing to configure.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

impl Validate for Config {}
