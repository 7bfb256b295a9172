//! The tree of values: what YAML, merging and expansion produce and what decoding reads.

use std::sync::Arc;

use crate::source::Origin;

/// One value with the place where it was written.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
    /// The text behind a `${…}` that became this value. A text field takes it instead of the value, so that
    /// `${env:ZIP}` with `0123` stays `0123` there although it is the number 83 elsewhere.
    pub(crate) original: Option<Arc<str>>,
}

/// What a node holds, after YAML's rules for plain scalars were applied.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// Wide enough for every `i64` and `u64`, which is what the Collector's YAML reader knows.
    Int(i128),
    Float(f64),
    Text(Text),
    List(Vec<Arc<Node>>),
    Map(Map),
    /// An expansion that failed and was reported. Whoever reads it says nothing more about it.
    Failed,
}

/// A text scalar.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) text: String,
    /// Written without quotes; only then may `yes` mean a boolean.
    pub(crate) plain: bool,
}

/// A mapping in the order of the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Map {
    pub(crate) entries: Vec<Entry>,
    /// Entries whose key stands further up already, which is an error: what they hold may be a secret all the same.
    pub(crate) repeated: Vec<Entry>,
}

/// One key of a mapping.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_origin: Origin,
    pub(crate) value: Arc<Node>,
}

impl Node {
    pub(crate) fn new(value: Value, origin: Origin) -> Arc<Self> {
        Arc::new(Self {
            value,
            origin,
            original: None,
        })
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    pub(crate) fn is_scalar(&self) -> bool {
        !matches!(self.value, Value::Null | Value::List(_) | Value::Map(_))
    }

    /// What a message calls this value, with a short form of it where that helps.
    pub(crate) fn described(&self) -> String {
        match &self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => format!("the boolean {value}"),
            Value::Int(value) => format!("the integer {value}"),
            Value::Float(value) => format!("the number {value}"),
            Value::Text(text) => format!("the text {:?}", shortened(&text.text)),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
            Value::Failed => "a value that could not be read".to_owned(),
        }
    }

    /// The same as [`Node::described`] without the value, for secrets.
    pub(crate) fn described_without_value(&self) -> String {
        match &self.value {
            Value::Bool(_) => "a boolean".to_owned(),
            Value::Int(_) => "an integer".to_owned(),
            Value::Float(_) => "a number".to_owned(),
            Value::Text(_) => "text".to_owned(),
            _ => self.described(),
        }
    }
}

impl Map {
    pub(crate) fn of(entries: Vec<Entry>) -> Self {
        Self {
            entries,
            repeated: Vec::new(),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

/// Longest piece of a user's value that a message repeats.
const SHOWN_CHARS_MAX: usize = 40;

pub(crate) fn shortened(text: &str) -> String {
    if text.chars().count() <= SHOWN_CHARS_MAX {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    short.push('…');
    short
}
