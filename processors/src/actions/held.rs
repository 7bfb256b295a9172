//! The value of one attribute while actions work on it.

use std::ops::Range;

use pipeline::payload::{AttrValue, RawValue, Value};
use regex::CaptureLocations;

use super::config::ConvertedType;
use super::convert::{Converted, convert};
use super::hash::Hash;

/// The value of one attribute while actions work on it. Nothing is copied before it is written.
#[derive(Debug, Clone)]
pub(super) enum Held<'a> {
    /// As it lies in the batch or in the configuration.
    Raw(RawValue<'a>),
    /// A part of a text in the batch.
    Part(&'a str),
    /// A text that an action made; lies in the scratch text.
    Made(Range<usize>),
    Int(i64),
    Double(f64),
}

/// A value for reading.
#[derive(Debug, Clone, Copy)]
pub(super) enum Seen<'a> {
    Text(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
    /// Bytes, a list, a map, or nothing.
    Other(Value<'a>),
}

impl<'a> From<Value<'a>> for Seen<'a> {
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::Str(text) => Self::Text(text.as_str()),
            Value::Bool(value) => Self::Bool(value),
            Value::Int(value) => Self::Int(value),
            Value::Double(value) => Self::Double(value),
            other => Self::Other(other),
        }
    }
}

impl<'a> Held<'a> {
    /// The value to be written.
    pub(super) fn written<'t>(&self, scratch: &'t str) -> AttrValue<'t>
    where
        'a: 't,
    {
        match self {
            Self::Raw(raw) => AttrValue::Raw(*raw),
            Self::Part(text) => AttrValue::Str(text),
            Self::Made(range) => AttrValue::Str(made(scratch, range)),
            Self::Int(value) => AttrValue::Int(*value),
            Self::Double(value) => AttrValue::Double(*value),
        }
    }

    fn seen<'t>(&self, scratch: &'t str) -> Seen<'t>
    where
        'a: 't,
    {
        match self {
            Self::Raw(raw) => raw.read().into(),
            Self::Part(text) => Seen::Text(text),
            Self::Made(range) => Seen::Text(made(scratch, range)),
            Self::Int(value) => Seen::Int(*value),
            Self::Double(value) => Seen::Double(*value),
        }
    }

    /// The hash of the value, in lower-case hex.
    pub(super) fn hashed(&self, hash: Hash, scratch: &mut String) -> Self {
        let digest = hash.digest(self.seen(scratch));
        let start = scratch.len();
        digest.write(scratch);
        Self::Made(start..scratch.len())
    }

    /// The value with this type; none where it stays as it is.
    pub(super) fn converted(&self, to: ConvertedType, scratch: &mut String) -> Option<Self> {
        Some(match convert(self.seen(scratch), to)? {
            Converted::Int(value) => Self::Int(value),
            Converted::Double(value) => Self::Double(value),
            Converted::Text(text) => {
                let start = scratch.len();
                scratch.push_str(&text);
                Self::Made(start..scratch.len())
            }
        })
    }

    /// The text to look for a pattern in; none for a value that is no text.
    pub(super) fn text<'t>(&self, scratch: &'t str) -> Option<&'t str>
    where
        'a: 't,
    {
        match self.seen(scratch) {
            Seen::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What a group found in this text; empty for a group that took no part in the match.
    pub(super) fn group(&self, locations: &CaptureLocations, group: usize) -> Self {
        let (start, end) = locations.get(group).unwrap_or_default();
        match self {
            Self::Raw(raw) => match raw.read() {
                Value::Str(text) => Self::Part(text.as_str().get(start..end).unwrap_or_default()),
                _ => Self::Part(""),
            },
            Self::Part(text) => Self::Part(text.get(start..end).unwrap_or_default()),
            Self::Made(range) => Self::Made(range.start + start..range.start + end),
            Self::Int(_) | Self::Double(_) => Self::Part(""),
        }
    }
}

fn made<'t>(scratch: &'t str, range: &Range<usize>) -> &'t str {
    scratch.get(range.clone()).unwrap_or_default()
}
