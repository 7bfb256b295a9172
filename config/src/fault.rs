//! Why a value could not become what a type asked for, and which value it was.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::path::Path;
use crate::source::Origin;
use crate::suggest;

/// The error of our deserializer. Serde creates it without a place; the map, list or key that was being read adds
/// its own on the way out, so the innermost one wins.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) reason: Reason,
    pub(crate) place: Option<Place>,
}

/// What happened, and thereby how decoding goes on.
#[derive(Debug)]
pub(crate) enum Reason {
    /// A problem to show.
    Problem { message: String, help: Option<String> },
    /// A key that the type does not have.
    UnknownKey { key: String, known: Vec<String> },
    /// A key that must be there is not.
    MissingKey(&'static str),
    /// A null where the type wants a value: for the Collector that is the same as an absent key.
    Null,
    /// An expansion failed here and was reported already.
    Failed,
}

/// The value to set aside so that the rest can be read.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) path: Path,
    pub(crate) origin: Origin,
}

impl Fault {
    pub(crate) fn new(reason: Reason) -> Self {
        Self { reason, place: None }
    }

    pub(crate) fn problem(message: impl Into<String>) -> Self {
        Self::new(Reason::Problem {
            message: message.into(),
            help: None,
        })
    }

    pub(crate) fn with_help(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Reason::Problem {
            message: message.into(),
            help: Some(help.into()),
        })
    }

    fn expected(expected: &dyn Expected, found: &str) -> Self {
        Self::with_help(
            format!("expected {expected}, found {found}"),
            format!("write {expected}"),
        )
    }

    /// Adds the place unless an inner one is known.
    pub(crate) fn or_at(mut self, place: impl FnOnce() -> Place) -> Self {
        self.place.get_or_insert_with(place);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Problem { message, .. } => f.write_str(message),
            Reason::UnknownKey { key, .. } => write!(f, "unknown key {key:?}"),
            Reason::MissingKey(key) => write!(f, "the key {key:?} is missing"),
            Reason::Null => f.write_str("expected a value, found null"),
            Reason::Failed => f.write_str("the value could not be read"),
        }
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    /// A second line of the message is taken for the remedy.
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        match message.split_once('\n') {
            Some((problem, remedy)) => Self::with_help(problem, remedy),
            None => Self::problem(message),
        }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(expected, &described(found))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(expected, &described(found))
    }

    fn invalid_length(len: usize, expected: &dyn Expected) -> Self {
        Self::expected(expected, &format!("{len} items"))
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        let message = format!("{found:?} is not one of the accepted values");
        let known: Vec<&str> = known.to_vec();
        Self::with_help(message, suggest::help(found, &known, "values"))
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        let known = known.iter().map(|key| (*key).to_owned()).collect();
        Self::new(Reason::UnknownKey {
            key: key.to_owned(),
            known,
        })
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(Reason::MissingKey(key))
    }

    fn duplicate_field(key: &'static str) -> Self {
        Self::with_help(
            format!("the key {key:?} is given twice under two of its names"),
            "keep the newer name and delete the other",
        )
    }
}

/// Serde's word for a value, in ours.
fn described(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("the boolean {value}"),
        Unexpected::Unsigned(value) => format!("the integer {value}"),
        Unexpected::Signed(value) => format!("the integer {value}"),
        Unexpected::Float(value) => format!("the number {value}"),
        Unexpected::Str(text) => format!("the text {:?}", crate::node::shortened(text)),
        Unexpected::Unit | Unexpected::Option => "null".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a map".to_owned(),
        other => other.to_string(),
    }
}
