//! From JSON to protobuf, one token at a time.

use super::super::base64;
use super::error::{Fault, JsonError, Problem};
use super::hex;
use super::lexer::Lexer;
use super::schema::{Field, Kind, Message, Presence};
use crate::payload::Limits;
use crate::payload::wire::{FIXED32, FIXED64, LEN, put_tag, put_varint, varint_len};
use bytes::Bytes;

/// What an id becomes that is no even number of hexadecimal digits: no id has this length, so the parse of the payload
/// rejects the item that it stands in, and that item alone.
const NO_ID: &[u8] = &[0];

/// Protobuf bytes for each byte of JSON, as a first guess; spans of real engines take between a third and a half.
const JSON_PER_PROTOBUF: usize = 2;

/// Writes the request in `body` as protobuf.
pub(super) fn to_protobuf(body: &[u8], request: &'static Message, limits: &Limits) -> Result<Bytes, JsonError> {
    let decoded_bytes = usize::try_from(limits.decoded_bytes).unwrap_or(usize::MAX);
    let mut reader = Reader {
        lexer: Lexer::new(body),
        out: Vec::with_capacity(body.len() / JSON_PER_PROTOBUF),
        // Protobuf is the shorter one but for lists of short numbers, "0,0,0": those make eight bytes of two.
        out_max: body.len().max(decoded_bytes),
    };
    reader.request(request).map_err(|fault| fault.locate(body))?;
    // What a batch occupies is accounted for by its length.
    reader.out.shrink_to_fit();
    Ok(reader.out.into())
}

struct Reader<'a> {
    lexer: Lexer<'a>,
    out: Vec<u8>,
    out_max: usize,
}

impl Reader<'_> {
    fn request(&mut self, request: &'static Message) -> Result<(), Fault> {
        self.message(request)?;
        self.lexer.end()
    }

    /// Writes the fields of an object.
    fn message(&mut self, message: &'static Message) -> Result<(), Fault> {
        let mut seen = 0u32;
        let mut more = self.lexer.enter(b'{', b'}', "an object")?;
        while more {
            let key = self.lexer.key()?;
            match message.field_named(&key.text()) {
                Some(_) if self.lexer.literal("null") => {}
                Some((place, field)) => {
                    let again = seen & 1 << place != 0;
                    seen |= 1 << place;
                    self.field(field, again)?;
                }
                None => self.lexer.skip()?,
            }
            more = self.lexer.more(b'}')?;
        }
        Ok(())
    }

    /// Writes the value of one key. `again` if the object had that key before.
    fn field(&mut self, field: &'static Field, again: bool) -> Result<(), Fault> {
        let at = self.lexer.position();
        if field.presence != Presence::Repeated {
            self.single(field, again).map_err(|fault| fault.under(field.name, at))?;
        } else if field.kind.wire_type() == LEN {
            self.list(field)?;
        } else if again {
            // Adding two lists of buckets up would invent a histogram.
            return Err(Fault::expected(at, "one list only").under(field.name, at));
        } else {
            self.packed(field)?;
        }
        self.check_size(at)
    }

    /// Writes a value that may stand there once.
    fn single(&mut self, field: &'static Field, again: bool) -> Result<(), Fault> {
        // A default value overrides the value in front of it; else there is no need to write it.
        let wanted = again || field.presence != Presence::Implicit;
        match field.kind {
            Kind::Text | Kind::Id | Kind::Bytes | Kind::Message(_) => {
                let begin = self.out.len();
                let length = self.open(field.number);
                self.bytes(field.kind)?;
                if self.out.len() == length.at && !wanted {
                    self.out.truncate(begin);
                    return Ok(());
                }
                self.close(length);
            }
            kind => {
                let bits = self.number(kind)?;
                if bits != 0 || wanted {
                    put_tag(&mut self.out, field.number, kind.wire_type());
                    self.put_number(kind, bits);
                }
            }
        }
        Ok(())
    }

    /// Writes a list of texts or messages.
    fn list(&mut self, field: &'static Field) -> Result<(), Fault> {
        let mut more = self.enter_list(field)?;
        while more {
            let at = self.lexer.position();
            let length = self.open(field.number);
            // A null in a list is an empty member: leaving it out would move the others.
            if !self.lexer.literal("null") {
                self.bytes(field.kind).map_err(|fault| fault.under(field.name, at))?;
            }
            self.close(length);
            self.check_size(at)?;
            more = self.lexer.more(b']')?;
        }
        Ok(())
    }

    /// Writes a list of numbers, all in one field.
    fn packed(&mut self, field: &'static Field) -> Result<(), Fault> {
        if !self.enter_list(field)? {
            return Ok(());
        }
        let length = self.open(field.number);
        loop {
            let at = self.lexer.position();
            let bits = self.number(field.kind).map_err(|fault| fault.under(field.name, at))?;
            self.put_number(field.kind, bits);
            self.check_size(at)?;
            if !self.lexer.more(b']')? {
                break;
            }
        }
        self.close(length);
        Ok(())
    }

    fn enter_list(&mut self, field: &'static Field) -> Result<bool, Fault> {
        let at = self.lexer.position();
        self.lexer
            .enter(b'[', b']', "an array")
            .map_err(|fault| fault.under(field.name, at))
    }

    /// Writes what a length-delimited field holds.
    fn bytes(&mut self, kind: Kind) -> Result<(), Fault> {
        match kind {
            Kind::Message(message) => return self.message(message),
            Kind::Id => {
                let digits = self.lexer.string("a string of hexadecimal digits")?;
                let begin = self.out.len();
                if !hex::decode(&digits.text(), &mut self.out) {
                    self.out.truncate(begin);
                    self.out.extend_from_slice(NO_ID);
                }
            }
            Kind::Bytes => {
                const EXPECTED: &str = "a string in base64";
                let at = self.lexer.position();
                let digits = self.lexer.string(EXPECTED)?;
                if !base64::decode(&digits.text(), &mut self.out) {
                    return Err(Fault::expected(at, EXPECTED));
                }
            }
            _ => self.lexer.string("a string")?.write(&mut self.out),
        }
        Ok(())
    }

    /// Reads a number or what is written like one in protobuf, as the bits that stand there.
    fn number(&mut self, kind: Kind) -> Result<u64, Fault> {
        const UNSIGNED_32: &str = "a whole number from 0 to 4294967295";
        const SIGNED_32: &str = "a whole number from -2147483648 to 2147483647";
        const UNSIGNED_64: &str = "a whole number from 0 to 18446744073709551615";
        const SIGNED_64: &str = "a whole number from -9223372036854775808 to 9223372036854775807";
        let at = self.lexer.position();
        match kind {
            Kind::Bool if self.lexer.literal("true") => Ok(1),
            Kind::Bool if self.lexer.literal("false") => Ok(0),
            Kind::Bool => Err(Fault::expected(at, "true or false")),
            Kind::Double => self.double(),
            Kind::Enum(names) => self.enumerator(names),
            Kind::U32 | Kind::Fixed32 => self.whole::<u32>(UNSIGNED_32).map(u64::from),
            Kind::I32 => self.whole::<i32>(SIGNED_32).map(extended),
            Kind::S32 => self.whole::<i32>(SIGNED_32).map(zigzag),
            Kind::I64 | Kind::Sfixed64 => self.whole::<i64>(SIGNED_64).map(i64::cast_unsigned),
            _ => self.whole::<u64>(UNSIGNED_64),
        }
    }

    /// Reads a whole number, in quotes or not. `1e3` and `1.0` are whole, too: some languages have no other numbers.
    fn whole<N: TryFrom<i128>>(&mut self, expected: &'static str) -> Result<N, Fault> {
        let at = self.lexer.position();
        let number = if self.lexer.peek() == Some(b'"') {
            whole(&self.lexer.string(expected)?.text())
        } else {
            whole(self.lexer.number(expected)?.as_bytes())
        };
        number
            .and_then(|number| N::try_from(number).ok())
            .ok_or(Fault::expected(at, expected))
    }

    fn enumerator(&mut self, names: &[(&str, i32)]) -> Result<u64, Fault> {
        const EXPECTED: &str = "the number or the name of an enum value";
        let at = self.lexer.position();
        if self.lexer.peek() != Some(b'"') {
            return self.whole::<i32>(EXPECTED).map(extended);
        }
        let name = self.lexer.string(EXPECTED)?.text();
        match names.iter().find(|(known, _)| known.as_bytes() == &*name) {
            Some(&(_, number)) => Ok(extended(number)),
            None => Err(Fault::expected(at, EXPECTED)),
        }
    }

    fn double(&mut self) -> Result<u64, Fault> {
        const EXPECTED: &str = "a number, \"NaN\", \"Infinity\" or \"-Infinity\"";
        let at = self.lexer.position();
        let double = if self.lexer.peek() == Some(b'"') {
            let text = self.lexer.string(EXPECTED)?.text();
            std::str::from_utf8(&text).ok().and_then(double)
        } else {
            double(self.lexer.number(EXPECTED)?)
        };
        double.map(f64::to_bits).ok_or(Fault::expected(at, EXPECTED))
    }

    fn put_number(&mut self, kind: Kind, bits: u64) {
        match kind.wire_type() {
            // Numbers of this kind have been read as 32 bits.
            FIXED32 => self.out.extend_from_slice(&(bits as u32).to_le_bytes()),
            FIXED64 => self.out.extend_from_slice(&bits.to_le_bytes()),
            _ => put_varint(&mut self.out, bits),
        }
    }

    /// Begins a length-delimited field. Most are shorter than 128 bytes, so their length gets one byte for now.
    fn open(&mut self, number: u32) -> Length {
        put_tag(&mut self.out, number, LEN);
        self.out.push(0);
        Length { at: self.out.len() }
    }

    /// Writes the length of a field, and makes room for it if one byte is too little.
    fn close(&mut self, Length { at }: Length) {
        let body = self.out.len() - at;
        let more_room = varint_len(body as u64) - 1;
        if more_room > 0 {
            self.out.resize(self.out.len() + more_room, 0);
            self.out.copy_within(at..at + body, at + more_room);
        }
        let mut length = body as u64;
        for slot in self.out.iter_mut().skip(at - 1).take(more_room) {
            *slot = length as u8 | 0x80;
            length >>= 7;
        }
        if let Some(last) = self.out.get_mut(at - 1 + more_room) {
            *last = length as u8;
        }
    }

    fn check_size(&self, at: usize) -> Result<(), Fault> {
        if self.out.len() > self.out_max {
            return Err(Fault {
                at,
                problem: Problem::Size(self.out_max),
            });
        }
        Ok(())
    }
}

/// Where the body of an open field begins.
#[derive(Debug, Clone, Copy)]
#[must_use = "an open field has to be closed, or its length stays zero"]
struct Length {
    at: usize,
}

/// Beyond this, the numbers of a double are whole because it cannot hold the rest.
const WHOLE_MAX: f64 = 18_446_744_073_709_551_616.0;

fn whole(text: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number = double(text)?;
    (number.abs() <= WHOLE_MAX && number.fract() == 0.0).then_some(number as i128)
}

/// A double, or nothing when the text is none or one that no double can hold.
fn double(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    let overflown = number.is_infinite() && text.bytes().any(|byte| byte.is_ascii_digit());
    (!overflown).then_some(number)
}

/// Signed 32-bit numbers are written with 64 bits (protobuf encoding guide, "Signed Integers").
fn extended(number: i32) -> u64 {
    i64::from(number).cast_unsigned()
}

/// The sign in the lowest bit (protobuf encoding guide, "Signed Integers").
fn zigzag(number: i32) -> u64 {
    u64::from((number << 1 ^ number >> 31).cast_unsigned())
}
