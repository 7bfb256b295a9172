//! Relabelling: rules that look at labels, change them, and drop what they do not want.
//!
//! The semantics are Prometheus'. Expressions are anchored at both ends and a dot matches a line break; a value is
//! that of all source labels with a separator between them; a label that is set to nothing is gone.

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

use md5::{Digest, Md5};
use regex::Regex;

use super::config::{Action, RelabelConfig};
use super::labels::Labels;

/// Largest compiled expression: the default of the library, which a list of a thousand names does not reach.
const REGEX_BYTES_MAX: usize = 10 * 1024 * 1024;

/// One rule, ready to be applied.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    source_labels: Vec<String>,
    separator: String,
    regex: Regex,
    modulus: u64,
    target_label: String,
    replacement: String,
    action: Action,
}

/// All rules of one list; none for a list with a bad expression, which validation has refused.
pub(super) fn rules(configs: &[RelabelConfig]) -> Result<Vec<Rule>, String> {
    configs.iter().map(Rule::new).collect()
}

/// Applies rules in order; false when one of them drops what has these labels.
pub(super) fn apply(rules: &[Rule], labels: &mut Labels) -> bool {
    rules.iter().all(|rule| rule.apply(labels))
}

impl Rule {
    /// Compiles a rule.
    pub(super) fn new(config: &RelabelConfig) -> Result<Self, String> {
        let regex = regex::RegexBuilder::new(&format!("^(?s:{})$", config.regex))
            .size_limit(REGEX_BYTES_MAX)
            .build()
            .map_err(|error| format!("{:?} is not a regular expression: {error}", config.regex))?;
        Ok(Self {
            source_labels: config.source_labels.clone(),
            separator: config.separator.clone(),
            regex,
            modulus: config.modulus,
            target_label: config.target_label.clone(),
            replacement: config.replacement.clone(),
            action: config.action,
        })
    }

    fn apply(&self, labels: &mut Labels) -> bool {
        let values: Vec<&str> = self.source_labels.iter().map(|name| labels.get(name)).collect();
        let value = values.join(&self.separator);
        match self.action {
            Action::Keep => return self.regex.is_match(&value),
            Action::Drop => return !self.regex.is_match(&value),
            Action::KeepEqual => return labels.get(&self.target_label) == value,
            Action::DropEqual => return labels.get(&self.target_label) != value,
            Action::Replace => self.replace(&value, labels),
            Action::HashMod => labels.set(&self.target_label, self.hash(&value)),
            Action::Lowercase => labels.set(&self.target_label, value.to_lowercase()),
            Action::Uppercase => labels.set(&self.target_label, value.to_uppercase()),
            Action::LabelMap => self.map(labels),
            Action::LabelDrop => labels.retain(|name| !self.regex.is_match(name)),
            Action::LabelKeep => labels.retain(|name| self.regex.is_match(name)),
        }
        true
    }

    fn replace(&self, value: &str, labels: &mut Labels) {
        let Some(groups) = self.regex.captures(value) else {
            return;
        };
        let (mut target, mut replacement) = (String::new(), String::new());
        groups.expand(&self.target_label, &mut target);
        groups.expand(&self.replacement, &mut replacement);
        // A name that a group made empty is no name.
        if !target.is_empty() {
            labels.set(target, replacement);
        }
    }

    fn map(&self, labels: &mut Labels) {
        let mut mapped = Vec::new();
        for (name, value) in labels.iter() {
            if let Some(groups) = self.regex.captures(name) {
                let mut target = String::new();
                groups.expand(&self.replacement, &mut target);
                mapped.push((target, value.to_owned()));
            }
        }
        for (name, value) in mapped.into_iter().filter(|(name, _)| !name.is_empty()) {
            labels.set(name, value);
        }
    }

    /// The last eight bytes of the MD5 of the value, most significant first, modulo the modulus.
    fn hash(&self, value: &str) -> String {
        let digest: [u8; 16] = Md5::digest(value.as_bytes()).into();
        let [.., a, b, c, d, e, f, g, h] = digest;
        let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        number.checked_rem(self.modulus).unwrap_or_default().to_string()
    }
}
