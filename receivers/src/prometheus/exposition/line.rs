//! What a line of a page says.

use std::borrow::Cow;

use super::Kind;
use super::labels::{self, LabelPairs};

/// One line that means something.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Line<'a> {
    /// What a family means.
    Help {
        /// The family.
        family: Cow<'a, str>,
        /// Its description.
        text: Cow<'a, str>,
    },
    /// What kind of family it is.
    Type {
        /// The family.
        family: Cow<'a, str>,
        /// Its kind.
        kind: Kind,
    },
    /// The unit of a family.
    Unit {
        /// The family.
        family: Cow<'a, str>,
        /// Its unit, as a word.
        unit: Cow<'a, str>,
    },
    /// A value.
    Sample(Sample<'a>),
}

/// A value of a series.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Sample<'a> {
    /// The series.
    pub(in super::super) series: Series<'a>,
    /// Its value; a NaN is Prometheus' ordinary one.
    pub(in super::super) value: f64,
    /// When it was so, in milliseconds since 1970; None for now.
    pub(in super::super) timestamp: Option<i64>,
    /// A measurement with its trace; only in OpenMetrics.
    pub(in super::super) exemplar: Option<Exemplar<'a>>,
}

impl Sample<'_> {
    /// Whether it has neither a time nor an exemplar.
    pub(in super::super) fn has_only_a_value(&self) -> bool {
        self.timestamp.is_none() && self.exemplar.is_none()
    }
}

/// One measurement.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Exemplar<'a> {
    /// Between its braces.
    inside: &'a [u8],
    /// What was measured.
    pub(in super::super) value: f64,
    /// When, in milliseconds since 1970.
    pub(in super::super) timestamp: Option<i64>,
}

impl<'a> Exemplar<'a> {
    pub(super) fn new(inside: &'a [u8], value: f64, timestamp: Option<i64>) -> Self {
        Self {
            inside,
            value,
            timestamp,
        }
    }

    /// Its labels, or what is wrong with them.
    pub(in super::super) fn labels(&self) -> Result<LabelPairs<'a>, &'static str> {
        let (name, labels) = labels::read(self.inside)?;
        if name.is_some() {
            return Err("an exemplar has no name");
        }
        Ok(labels)
    }
}

/// Name and labels of a series as they stand on the page. The same text is the same series; another text may be, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Series<'a> {
    /// The whole text.
    text: &'a [u8],
    /// Bytes of it before the labels.
    name_len: usize,
}

impl<'a> Series<'a> {
    pub(super) fn new(text: &'a [u8], name_len: usize) -> Self {
        Self { text, name_len }
    }

    /// The text.
    pub(in super::super) fn text(self) -> &'a [u8] {
        self.text
    }

    /// Name and labels, or what is wrong with them.
    pub(in super::super) fn labels(self) -> Result<(Cow<'a, str>, LabelPairs<'a>), &'static str> {
        let (name, braces) = self.text.split_at_checked(self.name_len).unwrap_or((self.text, b""));
        let braces = braces.trim_ascii_start();
        let inside = match braces {
            [b'{', inside @ .., b'}'] => inside,
            [] => b"",
            _ => return Err("the labels are not in braces"),
        };
        let (quoted, labels) = labels::read(inside)?;
        match (name, quoted) {
            (b"", Some(name)) => Ok((name, labels)),
            (b"", None) => Err("the metric has no name"),
            (_, Some(_)) => Err("the metric has two names"),
            (name, None) => Ok((Cow::Borrowed(labels::metric_name(name)?), labels)),
        }
    }
}
