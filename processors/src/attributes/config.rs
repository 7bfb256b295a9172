//! What users write.

use config::{Report, Validate};

use super::select::Select;
use crate::actions::{self, Action};

/// What is done to the attributes of which spans.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Spans to act on; all without it.
    pub include: Option<Select>,
    /// Spans to leave alone, of those included.
    pub exclude: Option<Select>,
    /// The actions, in order.
    pub actions: Vec<Action>,
}

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        actions::validate(&self.actions, "actions", report);
        for (path, select) in [("include", &self.include), ("exclude", &self.exclude)] {
            if let Some(select) = select {
                report.within(path, |report| select.validate(report));
            }
        }
    }
}
