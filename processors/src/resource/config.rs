//! What users write.

use config::{Report, Validate};

use crate::actions::{self, Action};

/// What is done to the attributes of resources.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The actions, in order.
    pub attributes: Vec<Action>,
}

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        actions::validate(&self.attributes, "attributes", report);
    }
}
