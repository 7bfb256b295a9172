//! What the walks between JSON and protobuf know about a message.

use crate::payload::wire::{FIXED32, FIXED64, LEN, VARINT};

/// A message: an object in JSON.
#[derive(Debug)]
pub(super) struct Message {
    /// In the order in which they are written.
    pub(super) fields: &'static [Field],
}

/// Most fields of any message. Both walks mark fields in a word of this many bits.
pub(super) const FIELDS_MAX: usize = 16;

/// A field: a key in JSON.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) number: u32,
    /// In lowerCamelCase, as the protobuf JSON mapping derives it.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) presence: Presence,
}

/// How often a field may come, and whether its default value is told apart from its absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Zero, empty and absent are the same, so neither encoding writes them.
    Implicit,
    /// `optional` and messages: a zero that was sent is a zero.
    Explicit,
    /// Like explicit, and the last of all choices of the message counts (`oneof`; no message of OTLP has two).
    Choice,
    Repeated,
}

/// What a field holds, which decides how both encodings write it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    /// Bytes that OTLP writes in hexadecimal: trace and span ids.
    Id,
    /// Bytes that are written in base64.
    Bytes,
    Bool,
    U32,
    I32,
    /// Written with the sign in the lowest bit (`sint32`).
    S32,
    Fixed32,
    U64,
    I64,
    Fixed64,
    Sfixed64,
    Double,
    Enum(&'static [(&'static str, i32)]),
    Message(&'static Message),
}

impl Kind {
    /// The wire type of one value.
    pub(super) fn wire_type(self) -> u32 {
        match self {
            Self::Text | Self::Id | Self::Bytes | Self::Message(_) => LEN,
            Self::Bool | Self::U32 | Self::I32 | Self::S32 | Self::U64 | Self::I64 | Self::Enum(_) => VARINT,
            Self::Fixed32 => FIXED32,
            Self::Fixed64 | Self::Sfixed64 | Self::Double => FIXED64,
        }
    }
}

impl Message {
    /// The field under a key in lowerCamelCase or snake_case, with its place in the message.
    pub(super) fn field_named(&self, key: &[u8]) -> Option<(usize, &'static Field)> {
        self.fields.iter().enumerate().find(|(_, field)| field.is_named(key))
    }

    /// The field with a number, with its place in the message.
    pub(super) fn field_numbered(&self, number: u32) -> Option<(usize, &'static Field)> {
        self.fields.iter().enumerate().find(|(_, field)| field.number == number)
    }
}

impl Field {
    fn is_named(&self, key: &[u8]) -> bool {
        key == self.name.as_bytes() || is_snake_case_of(key, self.name)
    }
}

/// Whether `key` is `name` with an underscore and a small letter for each capital.
fn is_snake_case_of(key: &[u8], name: &str) -> bool {
    let mut rest = key.iter().copied();
    for byte in name.bytes() {
        if byte.is_ascii_uppercase() && rest.next() != Some(b'_') {
            return false;
        }
        if rest.next() != Some(byte.to_ascii_lowercase()) {
            return false;
        }
    }
    rest.next().is_none()
}

pub(super) const fn one(number: u32, name: &'static str, kind: Kind) -> Field {
    Field {
        number,
        name,
        kind,
        presence: Presence::Implicit,
    }
}

pub(super) const fn maybe(number: u32, name: &'static str, kind: Kind) -> Field {
    Field {
        number,
        name,
        kind,
        presence: Presence::Explicit,
    }
}

pub(super) const fn choice(number: u32, name: &'static str, kind: Kind) -> Field {
    Field {
        number,
        name,
        kind,
        presence: Presence::Choice,
    }
}

pub(super) const fn many(number: u32, name: &'static str, kind: Kind) -> Field {
    Field {
        number,
        name,
        kind,
        presence: Presence::Repeated,
    }
}

#[cfg(test)]
mod tests {
    use super::is_snake_case_of;

    #[test]
    fn a_key_in_snake_case_is_known_by_its_camel_case() {
        assert!(is_snake_case_of(b"start_time_unix_nano", "startTimeUnixNano"));
        assert!(is_snake_case_of(b"name", "name"));
        assert!(!is_snake_case_of(b"start_time_unix_nano_", "startTimeUnixNano"));
        assert!(!is_snake_case_of(b"start_time_unix", "startTimeUnixNano"));
        assert!(!is_snake_case_of(b"starttimeunixnano", "startTimeUnixNano"));
        assert!(!is_snake_case_of(b"", "name"));
    }
}
