//! Names of components and pipelines: `type` or `type/name`.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// Longest type, the Collector's limit.
const KIND_CHARS_MAX: usize = 63;
/// Longest name, the Collector's limit.
const NAME_CHARS_MAX: usize = 1024;

/// The id of a component or pipeline as the user wrote it: `otlp`, `otlp/jaeger`, `traces/gpu`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    kind: String,
    name: String,
}

impl Id {
    /// The id without a name.
    pub fn of(kind: &str) -> Result<Self, NotAnId> {
        kind.parse()
    }

    /// The part before the slash: which component it is.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The part behind the slash; empty when there is none.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAnId(String);

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotAnId {}

impl FromStr for Id {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let problem = |why: &str| {
            Err(NotAnId(format!(
                "{:?} is not a valid id: {why}",
                crate::node::shortened(text)
            )))
        };
        let (kind, name) = match text.split_once('/') {
            Some((kind, name)) => (kind.trim(), Some(name.trim())),
            None => (text.trim(), None),
        };
        if kind.is_empty() {
            return problem("the part before / must not be empty; write type or type/name");
        }
        if name.is_some_and(str::is_empty) {
            return problem("the part after / must not be empty; delete the / or write a name behind it");
        }
        let letters = kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !letters || !kind.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return problem("a type begins with a letter and holds only letters, digits and _");
        }
        if kind.len() > KIND_CHARS_MAX {
            return problem("a type has at most 63 letters");
        }
        let name = name.unwrap_or_default();
        if name.chars().count() > NAME_CHARS_MAX {
            return problem("a name has at most 1024 characters");
        }
        if !is_name(name) {
            return problem("a name must not hold spaces, control characters or symbols such as $ + < = > ^ ` | ~");
        }
        Ok(Self {
            kind: kind.to_owned(),
            name: name.to_owned(),
        })
    }
}

/// The Collector's pattern for names: no separators, control characters and symbols of Unicode.
fn is_name(name: &str) -> bool {
    static PATTERN: OnceLock<Option<regex::Regex>> = OnceLock::new();
    if name.is_ascii() {
        return name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"$+<=>^`|~".contains(&byte));
    }
    // Compiled only when somebody names a component outside ASCII: the tables cost a millisecond at start-up.
    let pattern = PATTERN.get_or_init(|| regex::Regex::new(r"^[^\pZ\pC\pS]+$").ok());
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(name))
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if !self.name.is_empty() {
            write!(f, "/{}", self.name)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor;

        impl Visitor<'_> for IdVisitor {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id such as otlp or otlp/name")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(IdVisitor)
    }
}

/// The kinds of telemetry that a pipeline can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Numbers over time.
    Metrics,
    /// Log records.
    Logs,
}

impl Signal {
    /// All of them, in the order of the Collector's documentation.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    /// The word in `service.pipelines`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }

    /// The signal that a word means.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.as_str() == word)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The kinds of components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Takes telemetry in.
    Receiver,
    /// Changes it on the way.
    Processor,
    /// Sends it on.
    Exporter,
    /// Is the exporter of one pipeline and the receiver of another.
    Connector,
    /// Serves the others: health, storage, authentication.
    Extension,
}

impl Kind {
    /// All of them, in the order of the way of the data.
    pub const ALL: [Self; 5] = [
        Self::Receiver,
        Self::Processor,
        Self::Exporter,
        Self::Connector,
        Self::Extension,
    ];

    /// The word for one of them.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receiver => "receiver",
            Self::Processor => "processor",
            Self::Exporter => "exporter",
            Self::Connector => "connector",
            Self::Extension => "extension",
        }
    }

    /// The top-level key that defines them.
    pub const fn section(self) -> &'static str {
        match self {
            Self::Receiver => "receivers",
            Self::Processor => "processors",
            Self::Exporter => "exporters",
            Self::Connector => "connectors",
            Self::Extension => "extensions",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_by_the_collectors_rules() {
        let good = [
            ("otlp", "otlp", ""),
            ("otlp/2", "otlp", "2"),
            (" otlp / jaeger ", "otlp", "jaeger"),
            ("otlp/a/b", "otlp", "a/b"),
            ("T_1/größe", "T_1", "größe"),
            ("x/中文-1.2:3", "x", "中文-1.2:3"),
        ];

        for (text, kind, name) in good {
            let id: Id = text.parse().unwrap();
            assert_eq!((id.kind(), id.name()), (kind, name));
        }
    }

    #[test]
    fn a_bad_id_is_refused_with_the_reason() {
        let long = format!("a{}", "b".repeat(63));
        let long_name = format!("a/{}", "b".repeat(1025));
        let bad = [
            ("", "before /"),
            ("/x", "before /"),
            ("otlp/", "after /"),
            ("otlp/ ", "after /"),
            ("1otlp", "begins with a letter"),
            ("ot-lp", "only letters, digits"),
            ("otlp/a b", "spaces"),
            ("otlp/a=b", "symbols"),
            ("otlp/a€", "symbols"),
            ("otlp/a\u{a0}b", "spaces"),
            (long.as_str(), "at most 63"),
            (long_name.as_str(), "at most 1024"),
        ];

        for (text, why) in bad {
            let error = text.parse::<Id>().unwrap_err().to_string();
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }
}
