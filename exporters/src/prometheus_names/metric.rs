//! Names of metrics.

use super::unit::UnitWords;
use super::{Kind, Names, Strategy, Translated, fallback};

impl Names {
    /// The metric's name in Prometheus, without the suffixes of single series such as `_bucket`.
    pub(crate) fn metric(&self, name: &str, unit: &str, kind: Kind) -> Translated {
        let translated = match self.strategy {
            Strategy::UnderscoreEscapingWithSuffixes => self.escaped_with_suffixes(name, unit, kind),
            Strategy::UnderscoreEscapingWithoutSuffixes => self.escaped(name),
            Strategy::NoUTF8EscapingWithSuffixes => with_suffixes(self.prefixed(name), unit, kind),
            Strategy::NoTranslation => self.prefixed(name),
        };
        if translated.is_empty() {
            return fallback("metric", name);
        }
        Translated {
            name: translated,
            is_fallback: false,
        }
    }

    /// The name of a metric that is not translated but stands in the namespace, such as `target_info`.
    pub(crate) fn prefixed(&self, name: &str) -> String {
        if self.namespace.is_empty() {
            return name.to_owned();
        }
        let namespace = if self.strategy.keeps_utf8() {
            self.namespace.clone()
        } else {
            legacy_metric_name(&self.namespace)
        };
        format!("{namespace}_{name}")
    }

    /// Everything between letters, digits and colons separates words, and words are joined by one `_` each.
    fn escaped_with_suffixes(&self, name: &str, unit: &str, kind: Kind) -> String {
        let mut words = words(name, |letter| letter == ':');
        if words.is_empty() {
            return String::new();
        }
        let units = UnitWords::of(unit).escaped();
        for word in [&units.main, &units.per] {
            if !word.is_empty() && !words.contains(&word.as_str()) {
                words.push(word);
            }
        }
        let suffix = suffix(unit, kind);
        if !suffix.is_empty() {
            words.retain(|word| *word != suffix); // The word moves to the end.
            words.push(suffix);
        }
        not_a_digit_first(self.prefixed(&words.join("_")))
    }

    /// Runs of `_` stay, everything else that is illegal becomes one `_`.
    fn escaped(&self, name: &str) -> String {
        let escaped = legacy_metric_name(name);
        if escaped.is_empty() {
            return escaped;
        }
        if self.namespace.is_empty() {
            return escaped;
        }
        not_a_digit_first(self.prefixed(&words(name, |letter| matches!(letter, ':' | '_')).join("_")))
    }
}

/// A name that was written for UTF-8 in the characters of classic Prometheus: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
pub(crate) fn legal_metric_name(name: &str) -> String {
    let legal = legacy_metric_name(name);
    if legal.is_empty() {
        fallback("metric", name).name
    } else {
        legal
    }
}

/// The same; empty where nothing is left.
fn legacy_metric_name(name: &str) -> String {
    not_a_digit_first(words(name, |letter| matches!(letter, ':' | '_')).join("_"))
}

fn words(name: &str, is_legal: impl Fn(char) -> bool) -> Vec<&str> {
    name.split(|letter: char| !letter.is_ascii_alphanumeric() && !is_legal(letter))
        .filter(|word| !word.is_empty())
        .collect()
}

/// Unit and type behind a name whose characters stay as they are.
fn with_suffixes(mut name: String, unit: &str, kind: Kind) -> String {
    let suffix = suffix(unit, kind);
    trim_word(&mut name, suffix);
    let units = UnitWords::of(unit);
    trim_word(&mut name, &units.per);
    let main = if name.ends_with(&units.main) { "" } else { &units.main };
    for word in [main, &units.per, suffix] {
        if !word.is_empty() {
            name.push('_');
            name.push_str(word);
        }
    }
    name
}

/// Takes the word off the end, with the character in front of it.
fn trim_word(name: &mut String, word: &str) {
    if word.is_empty() {
        return;
    }
    if let Some(rest) = name.strip_suffix(word) {
        let mut letters = rest.chars();
        if letters.next_back().is_some() && !letters.as_str().is_empty() {
            *name = letters.as_str().to_owned();
        }
    }
}

/// `total` for counters. `ratio` only for gauges: counters with the unit `1` count things.
fn suffix(unit: &str, kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "total",
        Kind::Gauge if unit == "1" => "ratio",
        Kind::Gauge | Kind::Other => "",
    }
}

fn not_a_digit_first(name: String) -> String {
    if name.starts_with(|letter: char| letter.is_ascii_digit()) {
        format!("_{name}")
    } else {
        name
    }
}
