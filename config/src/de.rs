//! Serde's view of the tree, with the Collector's strict typing.
//!
//! Text does not become a number, a number does not become text, and the integer 7 is not `true`. The one exception
//! is a value that came from `${…}`: a text field takes its original text.

use std::fmt;

use serde::de::{self, Deserializer, IntoDeserializer, Visitor};

use crate::access::{EnumReader, ListReader, MapReader, PartReader};
use crate::diagnostic::Diagnostic;
use crate::fault::{Fault, Place, Reason};
use crate::node::{Node, Text, Value};
use crate::parts::PartKeys;
use crate::resolve;
use crate::run::{Run, Trail};
use crate::secrecy::{self, Secrecy};
use crate::source::Origin;

/// Names of newtypes that mean something to this deserializer; any other deserializer just reads what is inside.
pub(crate) const SECRET: &str = "$inferscope::Secret";
pub(crate) const DURATION: &str = "$inferscope::Duration";
pub(crate) const PRESENT: &str = "$inferscope::Present";
pub(crate) const UNREAD: &str = "$inferscope::Unread";
pub(crate) const PARTS: &str = "$inferscope::Parts";

/// Reads one node.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) node: &'a Node,
    /// The key of the node, to point at when the node itself is a block.
    pub(crate) key_origin: &'a Origin,
    pub(crate) trail: &'a Trail<'a>,
    pub(crate) run: &'a Run,
    /// The node is the value of a struct field, where null means absent.
    pub(crate) field: bool,
    /// Whether its text must not appear in messages.
    pub(crate) secrecy: Secrecy,
    /// The node is shared by several types, each of which takes the keys it knows.
    pub(crate) part: Option<&'a PartKeys>,
}

impl<'a> Reader<'a> {
    pub(crate) fn place(&self) -> Place {
        let origin = if self.node.is_scalar() {
            &self.node.origin
        } else {
            self.key_origin
        };
        Place {
            path: self.trail.path(),
            origin: origin.clone(),
        }
    }

    /// The error for a value of the wrong kind; null in a field and failed expansions are no errors of their own.
    fn unfit(&self, expected: &str) -> Fault {
        match &self.node.value {
            Value::Null if self.field => Fault::new(Reason::Null),
            Value::Failed => Fault::new(Reason::Failed),
            _ => {
                let found = if self.secrecy.hides(&self.node.value) {
                    self.node.described_without_value()
                } else {
                    self.node.described()
                };
                Fault::with_help(format!("expected {expected}, found {found}"), self.remedy(expected))
            }
        }
    }

    fn remedy(&self, expected: &str) -> String {
        let written = self.node.origin.text();
        let number = matches!(&self.node.value, Value::Int(_) | Value::Float(_) | Value::Bool(_));
        match &self.node.value {
            Value::Null => "write a value behind the colon, or delete the key".to_owned(),
            Value::Text(text) if expected == "an integer" && resolve::integer(&text.text).is_some() => {
                "delete the quotes: text is not taken for a number".to_owned()
            }
            Value::Text(text) if expected == "a number" && resolve::float(&text.text).is_some() => {
                "delete the quotes: text is not taken for a number".to_owned()
            }
            Value::Text(text) if expected == "true or false" && matches!(text.text.as_str(), "true" | "false") => {
                "delete the quotes: text is not taken for a boolean".to_owned()
            }
            Value::Float(value) if expected == "an integer" && value.is_finite() => {
                format!("write {} or {}", value.floor(), value.ceil())
            }
            _ if number && expected == "text" && !self.secrecy.hides(&self.node.value) && !written.contains('\n') => {
                format!("put it in quotes: \"{}\"", crate::node::shortened(written))
            }
            _ if number && expected == "text" => "put it in quotes".to_owned(),
            _ if expected == "a map" => "write its keys on the lines below, indented, each with a colon".to_owned(),
            _ if expected == "a list" => "write [one, two], or each item on a line of its own behind a dash".to_owned(),
            _ => format!("write {expected}"),
        }
    }

    fn string(&self) -> Result<&'a str, Fault> {
        if self.secrecy == Secrecy::Guarded && matches!(self.trail, Trail::Index(..)) {
            self.run.notes.borrow_mut().plain_origins.push(self.node.origin.clone());
        }
        if let Some(original) = &self.node.original {
            self.run.notes.borrow_mut().texts.push(self.trail.path());
            return Ok(original);
        }
        match &self.node.value {
            Value::Text(text) => Ok(&text.text),
            _ => Err(self.unfit("text")),
        }
    }

    fn boolean(&self) -> Result<bool, Fault> {
        let spelled = match &self.node.value {
            Value::Bool(value) => return Ok(*value),
            Value::Text(Text { text, plain: true }) => match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "y" => Some(true),
                "no" | "off" | "n" => Some(false),
                _ => None,
            },
            _ => None,
        };
        let Some(value) = spelled else {
            return Err(self.unfit("true or false"));
        };
        let message = format!("read as {value}; the Collector takes this word for text and refuses it");
        self.warn(&message, &format!("write {value}"));
        Ok(value)
    }

    pub(crate) fn warn(&self, message: &str, help: &str) {
        let place = self.place();
        let warning = Diagnostic::warning(place.path.before(message))
            .at(&place.origin)
            .help(help);
        self.run.notes.borrow_mut().warnings.push(warning);
    }

    fn integer<N: TryFrom<i128> + fmt::Display + Copy>(&self, min: N, max: N) -> Result<N, Fault> {
        let value = match self.node.value {
            Value::Int(value) => value,
            // `1e6` is a whole number that was written as a float. Go takes 7.5 for 7; we refuse, because the user
            // meant something and it was not 7. Whole floats beyond 2^53 are not exact and refused as well.
            #[allow(clippy::cast_possible_truncation)]
            Value::Float(value) if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 => value as i128,
            _ => return Err(self.unfit("an integer")),
        };
        N::try_from(value).map_err(|_| {
            let message = format!("must lie between {min} and {max}, found {value}");
            Fault::with_help(
                message,
                if value < 0 {
                    "write 0 or more"
                } else {
                    "write a number in that range"
                },
            )
        })
    }

    fn float(&self) -> Result<f64, Fault> {
        match self.node.value {
            Value::Float(value) => Ok(value),
            #[allow(clippy::cast_precision_loss)] // The nearest float is what any reader of numbers would give.
            Value::Int(value) => Ok(value as f64),
            _ => Err(self.unfit("a number")),
        }
    }

    fn list<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::List(items) => visitor.visit_seq(ListReader::new(&self, items)),
            // The Collector splits text at commas where a list is wanted: `a,b` is [a, b], and `a` is [a].
            Value::Text(text) => {
                let items = crate::access::split(&text.text, &self.node.origin);
                visitor.visit_seq(ListReader::new(&self, &items))
            }
            _ => Err(self.unfit("a list")),
        }
    }

    fn fields<V: Visitor<'static>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        let entries = match &self.node.value {
            Value::Map(map) => map.entries.as_slice(),
            // Null in a field means absent and the parent's default, unless the field asks for presence.
            Value::Null if !self.field => &[],
            _ => return Err(self.unfit("a map")),
        };
        if let Some(part) = self.part {
            part.add(fields);
        }
        visitor.visit_map(MapReader::of_struct(&self, entries, fields))
    }
}

impl Deserializer<'static> for Reader<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Int(value) => match (i64::try_from(*value), u64::try_from(*value)) {
                (Ok(value), _) => visitor.visit_i64(value),
                (_, Ok(value)) => visitor.visit_u64(value),
                _ => Err(self.unfit("an integer of 64 bits")),
            },
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Text(text) => visitor.visit_str(&text.text),
            Value::List(_) => self.list(visitor),
            Value::Map(map) => visitor.visit_map(MapReader::of_map(&self, &map.entries)),
            Value::Failed => Err(Fault::new(Reason::Failed)),
        }
    }

    fn deserialize_bool<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_bool(self.boolean()?)
    }

    fn deserialize_i8<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_i8(self.integer(i8::MIN, i8::MAX)?)
    }

    fn deserialize_i16<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_i16(self.integer(i16::MIN, i16::MAX)?)
    }

    fn deserialize_i32<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_i32(self.integer(i32::MIN, i32::MAX)?)
    }

    fn deserialize_i64<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_i64(self.integer(i64::MIN, i64::MAX)?)
    }

    fn deserialize_i128<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_i128(self.integer(i128::MIN, i128::MAX)?)
    }

    fn deserialize_u8<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u8(self.integer(u8::MIN, u8::MAX)?)
    }

    fn deserialize_u16<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u16(self.integer(u16::MIN, u16::MAX)?)
    }

    fn deserialize_u32<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u32(self.integer(u32::MIN, u32::MAX)?)
    }

    fn deserialize_u64<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u64(self.integer(u64::MIN, u64::MAX)?)
    }

    fn deserialize_f32<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_f64<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_char<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.string()?)
    }

    fn deserialize_str<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.string()?)
    }

    fn deserialize_string<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.string()?)
    }

    fn deserialize_bytes<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_bytes(self.string()?.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.node.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.node.is_null() {
            visitor.visit_unit()
        } else {
            Err(self.unfit("null"))
        }
    }

    fn deserialize_unit_struct<V: Visitor<'static>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'static>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match name {
            SECRET => {
                let mut notes = self.run.notes.borrow_mut();
                notes.secrets.push(self.trail.path());
                secrecy::everything(self.node, &mut |origin| notes.secret_origins.push(origin.clone()));
                self.secrecy = Secrecy::Secret;
            }
            DURATION => {
                if let Value::Int(value) = self.node.value
                    && value != 0
                {
                    let message = format!("{value} without a unit means {value} nanoseconds, as in the Collector");
                    self.warn(
                        &message,
                        &format!("write the unit: {value}s for seconds, {value}ms for milliseconds"),
                    );
                }
            }
            UNREAD => self.run.notes.borrow_mut().unread.push(self.trail.path()),
            PRESENT => self.field = false,
            PARTS => return visitor.visit_newtype_struct(PartReader::new(self)),
            _ => {}
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.list(visitor)
    }

    fn deserialize_tuple<V: Visitor<'static>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.list(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'static>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.list(visitor)
    }

    fn deserialize_map<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Map(map) => visitor.visit_map(MapReader::of_map(&self, &map.entries)),
            Value::Null if !self.field => visitor.visit_map(MapReader::of_map(&self, &[])),
            _ => Err(self.unfit("a map")),
        }
    }

    fn deserialize_struct<V: Visitor<'static>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.fields(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'static>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Map(map) if map.entries.len() == 1 => visitor.visit_enum(EnumReader::new(&self, map)),
            Value::Map(_) => Err(self.unfit(&format!("a map with one of the keys {}", variants.join(", ")))),
            Value::Text(_) => visitor.visit_enum(self.string()?.into_deserializer()),
            _ if self.node.original.is_some() => visitor.visit_enum(self.string()?.into_deserializer()),
            _ => Err(self.unfit(&format!("one of {}", variants.join(", ")))),
        }
    }

    fn deserialize_identifier<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.string()?)
    }

    fn deserialize_ignored_any<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }
}

impl<'a> IntoDeserializer<'static, Fault> for Reader<'a> {
    type Deserializer = Reader<'a>;

    fn into_deserializer(self) -> Self::Deserializer {
        self
    }
}

/// Errors raised by serde itself (`invalid_type` and its like) carry no place; this adds the reader's.
pub(crate) fn read<'a, S: de::DeserializeSeed<'static>>(seed: S, reader: Reader<'a>) -> Result<S::Value, Fault> {
    seed.deserialize(reader).map_err(|mut fault| {
        // A type that reads anything, such as a duration, meets the null of an absent value like any other type.
        if fault.place.is_none() && reader.field && reader.node.is_null() {
            fault.reason = Reason::Null;
        }
        fault.or_at(|| reader.place())
    })
}
