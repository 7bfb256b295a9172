//! What users write: one action.

use config::Report;
use serde::de::{self, Deserialize, Deserializer};

use super::from_context::ContextKey;
use super::literal::Literal;
use super::pattern::{compile, complaint, unnamed_groups};

/// One action on one attribute, or on those whose keys match a pattern.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Action {
    /// The attribute to act on.
    pub key: String,
    /// What to do; must be given.
    pub action: Option<Verb>,
    /// The value to write.
    pub value: Option<Literal>,
    /// The attribute whose value to write. Nothing is done where it is missing.
    pub from_attribute: String,
    /// What about the request to write: `metadata.<header>` or `client.address`. Nothing is done where it is missing.
    pub from_context: String,
    /// What to write where the source gives nothing.
    pub default_value: Option<Literal>,
    /// For `extract`: what to find in the value. For `delete` and `hash`: which keys to act on.
    pub pattern: String,
    /// For `convert`: the type that the value is to have.
    pub converted_type: Option<ConvertedType>,
}

/// What an action does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Writes where the key is missing.
    Insert,
    /// Writes where the key is there.
    Update,
    /// Writes either way.
    Upsert,
    /// Takes the attribute away.
    Delete,
    /// Replaces the value by its hash.
    Hash,
    /// Writes what a pattern finds in the value, to the keys that its groups are named after.
    Extract,
    /// Changes the type of the value where that is possible.
    Convert,
}

/// The type that a value is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConvertedType {
    /// A whole number.
    Int,
    /// A floating-point number.
    Double,
    /// Text.
    String,
}

const VERBS: [(Verb, &str); 7] = [
    (Verb::Insert, "insert"),
    (Verb::Update, "update"),
    (Verb::Upsert, "upsert"),
    (Verb::Delete, "delete"),
    (Verb::Hash, "hash"),
    (Verb::Extract, "extract"),
    (Verb::Convert, "convert"),
];

impl Verb {
    fn word(self) -> &'static str {
        VERBS
            .iter()
            .find(|(verb, _)| *verb == self)
            .map_or("", |(_, word)| word)
    }

    fn uses(self, key: &str) -> bool {
        match self {
            Self::Insert | Self::Update | Self::Upsert => {
                matches!(key, "value" | "from_attribute" | "from_context" | "default_value")
            }
            Self::Delete | Self::Hash | Self::Extract => key == "pattern",
            Self::Convert => key == "converted_type",
        }
    }
}

/// Both cases are read, as in the Collector.
impl<'de> Deserialize<'de> for Verb {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const WORDS: &[&str] = &["insert", "update", "upsert", "delete", "hash", "extract", "convert"];
        let word = String::deserialize(deserializer)?;
        let found = VERBS.iter().find(|(_, known)| known.eq_ignore_ascii_case(&word));
        found
            .map(|(verb, _)| *verb)
            .ok_or_else(|| de::Error::unknown_variant(&word, WORDS))
    }
}

/// Reports what is wrong with a list of actions that stands at `path`.
pub fn validate(actions: &[Action], path: &str, report: &mut Report<'_>) {
    if actions.is_empty() {
        report.help(
            path,
            "must hold at least one action",
            format!("write {path}: [{{key: k, value: v, action: upsert}}]"),
        );
    }
    for (index, action) in actions.iter().enumerate() {
        report.within(&format!("{path}::{index}"), |report| action.validate(report));
    }
}

impl Action {
    fn validate(&self, report: &mut Report<'_>) {
        let Some(verb) = self.action else {
            return report.help(
                "action",
                "is missing",
                "write action: with insert, update, upsert, delete, hash, extract or convert",
            );
        };
        for (key, given) in self.given() {
            if given && !verb.uses(key) {
                report.reject(key, format!("is not used by the action {}; delete it", verb.word()));
            }
        }
        let by_pattern = matches!(verb, Verb::Delete | Verb::Hash);
        if self.key.is_empty() && !by_pattern {
            report.help("key", "is missing", "name the attribute to act on");
        }
        match verb {
            Verb::Insert | Verb::Update | Verb::Upsert => self.validate_source(report),
            Verb::Delete | Verb::Hash => {
                if self.key.is_empty() && self.pattern.is_empty() {
                    report.help(
                        "key",
                        "is missing",
                        "name an attribute as key, or give a pattern for the keys",
                    );
                }
                self.validate_pattern(report);
            }
            Verb::Extract => self.validate_extract(report),
            Verb::Convert => {
                if self.converted_type.is_none() {
                    report.help("converted_type", "is missing", "write int, double or string");
                }
            }
        }
    }

    fn given(&self) -> [(&'static str, bool); 6] {
        [
            ("value", self.value.is_some()),
            ("from_attribute", !self.from_attribute.is_empty()),
            ("from_context", !self.from_context.is_empty()),
            ("default_value", self.default_value.is_some()),
            ("pattern", !self.pattern.is_empty()),
            ("converted_type", self.converted_type.is_some()),
        ]
    }

    fn validate_source(&self, report: &mut Report<'_>) {
        let given = self
            .given()
            .into_iter()
            .take(3)
            .filter(|(_, given)| *given)
            .map(|(key, _)| key);
        let sources: Vec<&str> = given.collect();
        if sources.is_empty() && self.default_value.is_none() {
            report.help(
                "",
                "has no value to write",
                "add value, from_attribute, from_context or default_value",
            );
        }
        if let [first, second, ..] = sources.as_slice() {
            report.reject(second, format!("stands beside {first}; keep one of them"));
        }
        if !self.from_context.is_empty()
            && let Err(problem) = self.from_context.parse::<ContextKey>()
        {
            report.reject("from_context", problem.to_string());
        }
    }

    fn validate_pattern(&self, report: &mut Report<'_>) {
        if let Err(error) = compile(&self.pattern) {
            report.reject("pattern", complaint(&error));
        }
    }

    fn validate_extract(&self, report: &mut Report<'_>) {
        if self.pattern.is_empty() {
            return report.help(
                "pattern",
                "is missing",
                "write a regular expression such as ^(?P<host>[^:]+):",
            );
        }
        let remedy = "name each group after the attribute to write, as in (?P<host>...); use (?:...) to group only";
        match compile(&self.pattern) {
            Err(error) => report.reject("pattern", complaint(&error)),
            Ok(regex) if regex.captures_len() <= 1 => report.help("pattern", "has no group to extract", remedy),
            Ok(regex) if unnamed_groups(&regex) > 0 => report.help("pattern", "has a group without a name", remedy),
            Ok(_) => {}
        }
    }
}
