//! Views of data points and log records, as a stage sees them that works on both.

use super::stage::Item;
use super::value::{Attrs, RawValue, Text, Value};
use super::wire::{Fields, Wire};

/// Field numbers of `opentelemetry.proto.logs.v1.LogRecord`.
mod field {
    pub(super) const SEVERITY_NUMBER: u32 = 2;
    pub(super) const SEVERITY_TEXT: u32 = 3;
    pub(super) const BODY: u32 = 5;
}

/// A data point or a log record.
#[derive(Debug, Clone, Copy)]
pub enum ItemView<'a> {
    /// A point of a metric of any kind.
    Point(PointView<'a>),
    /// A log record.
    Record(RecordView<'a>),
}

impl<'a> ItemView<'a> {
    #[inline]
    pub(super) fn of(item: Item<'a>) -> Self {
        let attrs = Attrs::of(item.body, item.attributes);
        if item.in_metric {
            Self::Point(PointView { attrs })
        } else {
            Self::Record(RecordView { body: item.body, attrs })
        }
    }

    /// The attributes, in order.
    #[inline]
    pub fn attrs(self) -> Attrs<'a> {
        match self {
            Self::Point(point) => point.attrs,
            Self::Record(record) => record.attrs,
        }
    }
}

/// What the points of all five kinds of metrics have in common.
#[derive(Debug, Clone, Copy)]
pub struct PointView<'a> {
    attrs: Attrs<'a>,
}

/// A log record.
#[derive(Debug, Clone, Copy)]
pub struct RecordView<'a> {
    body: &'a [u8],
    attrs: Attrs<'a>,
}

impl<'a> RecordView<'a> {
    /// What the record says.
    pub fn body(self) -> Value<'a> {
        RawValue::of(Fields::of(self.body).payload(field::BODY)).read()
    }

    /// How grave it is, from 1 to 24; 0 if the sender does not say.
    pub fn severity_number(self) -> i32 {
        match Fields::of(self.body)
            .field(field::SEVERITY_NUMBER)
            .map(|field| field.value)
        {
            Some(Wire::Varint(number)) => number as i32,
            _ => 0,
        }
    }

    /// The same in the sender's words.
    pub fn severity_text(self) -> Text<'a> {
        Text::of(Fields::of(self.body).payload(field::SEVERITY_TEXT))
    }
}
