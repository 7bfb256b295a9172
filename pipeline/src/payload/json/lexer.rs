//! JSON (RFC 8259), read token by token. It knows nothing of OTLP.
//!
//! Strict about the grammar, since a body that is cut off or glued together must not pass for a whole one, and patient
//! with text that is not UTF-8: that is the payload's to mend.

use super::error::{Fault, Problem};
use super::hex;
use std::borrow::Cow;

/// Objects and arrays inside each other. Protobuf runtimes refuse more than 100 messages inside each other, and each
/// is an object that stands in at most one array; so nothing deeper could ever be sent on.
pub(super) const JSON_DEPTH_MAX: u32 = 200;

/// A byte that UTF-8 never contains. It stands for half a surrogate pair, so that the payload, which mends invalid
/// text, puts one U+FFFD there and counts it.
const NO_CHARACTER: u8 = 0xff;

#[derive(Debug)]
pub(super) struct Lexer<'a> {
    body: &'a [u8],
    at: usize,
    depth: u32,
}

/// A string whose grammar has been checked and whose escapes are still in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quoted<'a> {
    inner: &'a [u8],
    escaped: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { body, at: 0, depth: 0 }
    }

    /// The next byte that is not white space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.here() {
            self.at += 1;
        }
        self.here()
    }

    /// Where the next token begins.
    pub(super) fn position(&mut self) -> usize {
        self.peek();
        self.at
    }

    /// Goes into an object or array; `false` if it is empty and over already.
    pub(super) fn enter(&mut self, open: u8, close: u8, expected: &'static str) -> Result<bool, Fault> {
        if self.peek() != Some(open) {
            return Err(self.expected(expected));
        }
        if self.depth == JSON_DEPTH_MAX {
            return Err(Fault {
                at: self.at,
                problem: Problem::Depth(JSON_DEPTH_MAX),
            });
        }
        self.at += 1;
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(false);
        }
        self.depth += 1;
        Ok(true)
    }

    /// Goes to the next member of what was entered; `false` if that was the last, which leaves it.
    pub(super) fn more(&mut self, close: u8) -> Result<bool, Fault> {
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth -= 1;
                Ok(false)
            }
            _ if close == b'}' => Err(self.expected("a comma or the end of the object")),
            _ => Err(self.expected("a comma or the end of the array")),
        }
    }

    /// A key and its colon.
    pub(super) fn key(&mut self) -> Result<Quoted<'a>, Fault> {
        let key = self.string("a key in quotes")?;
        if self.peek() != Some(b':') {
            return Err(self.expected("a colon behind the key"));
        }
        self.at += 1;
        Ok(key)
    }

    /// Moves past a literal if it stands here.
    pub(super) fn literal(&mut self, literal: &str) -> bool {
        self.peek();
        let rest = self.body.get(self.at..).unwrap_or_default();
        let stands_here = rest.starts_with(literal.as_bytes());
        if stands_here {
            self.at += literal.len();
        }
        stands_here
    }

    /// A string in quotes.
    pub(super) fn string(&mut self, expected: &'static str) -> Result<Quoted<'a>, Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.expected(expected));
        }
        self.at += 1;
        let begin = self.at;
        let mut escaped = false;
        loop {
            match self.here() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(0..0x20) => return Err(self.expected("an escape sequence instead of a control character")),
                Some(_) => self.at += 1,
                None => return Err(self.expected("the end of the string")),
            }
        }
        let inner = self.body.get(begin..self.at).unwrap_or_default();
        self.at += 1;
        Ok(Quoted { inner, escaped })
    }

    /// Checks one escape sequence and moves past it.
    fn escape(&mut self) -> Result<(), Fault> {
        let sequence = self.body.get(self.at + 1..).unwrap_or_default();
        let length = match sequence {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [b'u', digits @ ..] if code_unit(digits).is_some() => 6,
            _ => return Err(self.expected("an escape sequence of JSON")),
        };
        self.at += length;
        Ok(())
    }

    /// A number, as it is written.
    pub(super) fn number(&mut self, expected: &'static str) -> Result<&'a str, Fault> {
        self.peek();
        let begin = self.at;
        let bad = Fault::expected(begin, expected);
        if self.here() == Some(b'-') {
            self.at += 1;
        }
        let zero = self.here() == Some(b'0');
        let digits = self.digits();
        if digits == 0 || zero && digits > 1 {
            return Err(bad);
        }
        if self.here() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(bad);
            }
        }
        if let Some(b'e' | b'E') = self.here() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.here() {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(bad);
            }
        }
        let number = self.body.get(begin..self.at).unwrap_or_default();
        std::str::from_utf8(number).map_err(|_| bad)
    }

    fn digits(&mut self) -> usize {
        let begin = self.at;
        while let Some(b'0'..=b'9') = self.here() {
            self.at += 1;
        }
        self.at - begin
    }

    /// Moves past a value of any kind.
    pub(super) fn skip(&mut self) -> Result<(), Fault> {
        const EXPECTED: &str = "a value";
        match self.peek() {
            Some(b'{') => {
                let mut more = self.enter(b'{', b'}', EXPECTED)?;
                while more {
                    self.key()?;
                    self.skip()?;
                    more = self.more(b'}')?;
                }
                Ok(())
            }
            Some(b'[') => {
                let mut more = self.enter(b'[', b']', EXPECTED)?;
                while more {
                    self.skip()?;
                    more = self.more(b']')?;
                }
                Ok(())
            }
            Some(b'"') => self.string(EXPECTED).map(|_| ()),
            Some(b'-' | b'0'..=b'9') => self.number(EXPECTED).map(|_| ()),
            _ if self.literal("null") || self.literal("true") || self.literal("false") => Ok(()),
            _ => Err(self.expected(EXPECTED)),
        }
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.expected("the end of the body")),
        }
    }

    fn here(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    fn expected(&self, what: &'static str) -> Fault {
        Fault::expected(self.at, what)
    }
}

impl<'a> Quoted<'a> {
    /// The text; borrowed unless something is escaped in it.
    pub(super) fn text(self) -> Cow<'a, [u8]> {
        if !self.escaped {
            return Cow::Borrowed(self.inner);
        }
        let mut text = Vec::with_capacity(self.inner.len());
        self.write(&mut text);
        Cow::Owned(text)
    }

    /// Appends the text.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        let mut rest = self.inner;
        while let Some(escape_at) = rest.iter().position(|&byte| byte == b'\\') {
            let (plain, escape) = rest.split_at(escape_at);
            out.extend_from_slice(plain);
            rest = unescape(escape.get(1..).unwrap_or_default(), out);
        }
        out.extend_from_slice(rest);
    }
}

/// Appends what an escape sequence stands for and returns what follows it. The backslash is already gone.
fn unescape<'a>(sequence: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let Some((&letter, rest)) = sequence.split_first() else {
        return sequence;
    };
    let byte = match letter {
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => return unescape_unicode(rest, out),
        itself => itself,
    };
    out.push(byte);
    rest
}

/// Appends the character of one code unit, or of the two of a surrogate pair.
fn unescape_unicode<'a>(digits: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let first = code_unit(digits).unwrap_or_default();
    let rest = digits.get(4..).unwrap_or_default();
    let second = rest.strip_prefix(b"\\u").and_then(code_unit);
    let pair = [first, second.unwrap_or_default()];
    let (decoded, rest) = match char::decode_utf16(pair).next() {
        Some(Ok(character)) if character > '\u{ffff}' => (Some(character), rest.get(6..).unwrap_or_default()),
        Some(Ok(character)) => (Some(character), rest),
        _ => (None, rest),
    };
    match decoded {
        Some(character) => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        None => out.push(NO_CHARACTER),
    }
    rest
}

/// The code unit of UTF-16 behind four hexadecimal digits.
fn code_unit(digits: &[u8]) -> Option<u16> {
    let mut unit = 0u16;
    for &digit in digits.first_chunk::<4>()? {
        unit = unit << 4 | u16::from(hex::value(digit)?);
    }
    Some(unit)
}
