//! What is wrong with a body of JSON, and where.

use crate::payload::ParseError;

/// A body that is not the JSON that it should be. Answered as INVALID_ARGUMENT or 400: sending it again is no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Something else was to stand here.
    #[error("line {line}, column {column}: expected {expected}, found {found}")]
    Unexpected {
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What JSON or OTLP says.
        expected: String,
        /// The beginning of what stands there, safe to print.
        found: String,
    },
    /// Nested deeper than anything that could be sent on.
    #[error("line {line}, column {column}: expected at most {limit} objects and arrays inside each other, found more")]
    Depth {
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// How deep is allowed.
        limit: u32,
    },
    /// Short numbers that take eight bytes each once they are protobuf.
    #[error("expected a request that takes at most {limit} bytes as protobuf, found more; send smaller batches")]
    Size {
        /// What is allowed.
        limit: usize,
    },
    /// Well written, but beyond what a request may hold.
    #[error("expected at most {limit} messages inside each other, found more")]
    MessageDepth {
        /// How deep is allowed.
        limit: u32,
    },
    /// Well written, and refused for what it says.
    #[error(transparent)]
    Refused(ParseError),
}

impl From<ParseError> for JsonError {
    fn from(error: ParseError) -> Self {
        match error {
            // Its offset is one of the protobuf that we made, which the sender has never seen.
            ParseError::Depth { limit, .. } => Self::MessageDepth { limit },
            other => Self::Refused(other),
        }
    }
}

/// An error on its way out, as long as the position is only an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) problem: Problem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    /// What should stand there, and under which key.
    Expected(&'static str, Option<&'static str>),
    Depth(u32),
    Size(usize),
}

impl Fault {
    pub(super) fn expected(at: usize, what: &'static str) -> Self {
        Self {
            at,
            problem: Problem::Expected(what, None),
        }
    }

    /// Names the key whose value begins at `value_at`, if it is that value that is at fault and not a part of it.
    pub(super) fn under(mut self, key: &'static str, value_at: usize) -> Self {
        if let Problem::Expected(_, name @ None) = &mut self.problem
            && self.at == value_at
        {
            *name = Some(key);
        }
        self
    }

    /// The error to show, now that counting lines is worth it.
    pub(super) fn locate(self, body: &[u8]) -> JsonError {
        let before = body.get(..self.at).unwrap_or(body);
        let line_start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |newline| newline + 1);
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        let column = 1 + before
            .iter()
            .skip(line_start)
            .filter(|&&byte| !is_continuation(byte))
            .count();
        match self.problem {
            Problem::Expected(what, key) => {
                let expected = key.map_or_else(|| what.to_owned(), |key| format!("{what} for \"{key}\""));
                JsonError::Unexpected {
                    line,
                    column,
                    expected,
                    found: found(body, self.at),
                }
            }
            Problem::Depth(limit) => JsonError::Depth { line, column, limit },
            Problem::Size(limit) => JsonError::Size { limit },
        }
    }
}

/// Whether a byte continues a character of UTF-8 that began before.
fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// Longest piece of the body that an error repeats: enough to find it, too little to flood a log.
const FOUND_BYTES_MAX: usize = 32;

/// The beginning of what stands there, without anything that could upset a log or a terminal.
fn found(body: &[u8], at: usize) -> String {
    let rest = body.get(at..).unwrap_or_default();
    if rest.is_empty() {
        return "the end of the body".to_owned();
    }
    let ends = |&(place, byte): &(usize, &u8)| place > 0 && matches!(byte, b',' | b'}' | b']' | b'\n' | b'\r');
    let length = rest
        .iter()
        .take(FOUND_BYTES_MAX)
        .enumerate()
        .find(ends)
        .map_or(FOUND_BYTES_MAX, |(place, _)| place);
    let piece = String::from_utf8_lossy(rest.get(..length).unwrap_or(rest));
    let mut found = String::new();
    for character in piece.trim_end().chars() {
        match character {
            '"' | '\'' => found.push(character),
            _ => found.extend(character.escape_debug()),
        }
    }
    found
}
