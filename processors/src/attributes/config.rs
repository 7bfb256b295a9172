//! What users write.

use config::{Report, Signal, Validate};

use super::select::Select;
use crate::actions::{self, Action};

/// What is done to the attributes of which items.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Items to act on; all without it.
    pub include: Option<Select>,
    /// Items to leave alone, of those included.
    pub exclude: Option<Select>,
    /// The actions, in order.
    pub actions: Vec<Action>,
}

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        actions::validate(&self.actions, "actions", report);
        for (path, select) in self.selections() {
            report.within(path, |report| select.validate(report));
        }
    }
}

impl Config {
    /// Reports what cannot choose items of this signal.
    pub(super) fn validate_for(&self, signal: Signal, report: &mut Report<'_>) {
        for (path, select) in self.selections() {
            report.within(path, |report| select.validate_for(signal, report));
        }
    }

    fn selections(&self) -> impl Iterator<Item = (&'static str, &Select)> {
        let selections = [("include", &self.include), ("exclude", &self.exclude)];
        selections
            .into_iter()
            .filter_map(|(path, select)| Some((path, select.as_ref()?)))
    }
}
