//! Rules that change labels.

use std::fmt;

use config::{Report, Validate};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use super::super::relabel::Rule;

/// One rule. What it does is in `relabel`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RelabelConfig {
    /// The labels whose values are looked at.
    pub source_labels: Vec<String>,
    /// What stands between their values.
    pub separator: String,
    /// What the whole value must match.
    #[serde(deserialize_with = "text")]
    pub regex: String,
    /// Divides the hash.
    pub modulus: u64,
    /// The label that is set.
    pub target_label: String,
    /// What it is set to; `$1` is the first group.
    #[serde(deserialize_with = "text")]
    pub replacement: String,
    /// What is done.
    pub action: Action,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Sets a label to the replacement, if the value matches.
    #[default]
    Replace,
    /// Keeps only what matches.
    Keep,
    /// Drops what matches.
    Drop,
    /// Keeps only what has the value in the target label.
    KeepEqual,
    /// Drops what has the value in the target label.
    DropEqual,
    /// Sets a label to the hash of the value.
    HashMod,
    /// Copies labels whose names match to names made of them.
    LabelMap,
    /// Takes away labels whose names match.
    LabelDrop,
    /// Takes away labels whose names do not match.
    LabelKeep,
    /// Sets a label to the value in small letters.
    Lowercase,
    /// Sets a label to the value in capitals.
    Uppercase,
}

impl Default for RelabelConfig {
    fn default() -> Self {
        Self {
            source_labels: Vec::new(),
            separator: ";".to_owned(),
            regex: "(.*)".to_owned(),
            modulus: 0,
            target_label: String::new(),
            replacement: "$1".to_owned(),
            action: Action::Replace,
        }
    }
}

impl Validate for RelabelConfig {
    fn validate(&self, report: &mut Report<'_>) {
        use Action::{DropEqual, HashMod, KeepEqual, LabelDrop, LabelKeep, Lowercase, Replace, Uppercase};
        if let Err(problem) = Rule::new(self) {
            report.reject("regex", problem);
        }
        let sets = [Replace, HashMod, Lowercase, Uppercase, KeepEqual, DropEqual].contains(&self.action);
        if sets && self.target_label.is_empty() {
            report.reject("", "this action needs a target_label");
        }
        if self.action == HashMod && self.modulus == 0 {
            report.reject("modulus", "hashmod needs a modulus of 1 or more");
        }
        let default = Self {
            action: self.action,
            ..Self::default()
        };
        let names_only = Self {
            regex: self.regex.clone(),
            ..default.clone()
        };
        if [LabelDrop, LabelKeep].contains(&self.action) && *self != names_only {
            report.reject(
                "",
                "labeldrop and labelkeep look at names only: they take a regex and nothing else",
            );
        }
        let values_only = Self {
            source_labels: self.source_labels.clone(),
            target_label: self.target_label.clone(),
            ..default
        };
        if [KeepEqual, DropEqual].contains(&self.action) && *self != values_only {
            report.reject(
                "",
                "keepequal and dropequal take source_labels and target_label and nothing else",
            );
        }
    }
}

/// Text, or a scalar as it is written: `regex: true` without quotes stands in the rules that everybody copies, and the YAML
/// reader of Prometheus takes it for text.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    deserializer.deserialize_any(Text)
}

struct Text;

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<String, E> {
        Ok(value.to_string())
    }
}
