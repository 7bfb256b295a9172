//! One pass over a span: what it says of which row, and under which of its names.

use pipeline::payload::{RawValue, SpanField, SpanView, Text, Value};

use super::rows::{self, Meaning, ONLY_MARKS, ROWS, Says};
use crate::llm_names::{self, Dictionary, Script, TOKENS_MAX};

/// A longer text is no name, and a copy of it would make the span longer by as much: whoever sends spans writes it.
const TEXT_BYTES_MAX: usize = 1024;

/// Why a value could not be told under its standard name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Not of the type that belongs there.
    WrongType,
    /// A number that the fact cannot have: not finite, below zero, more tokens than there can be.
    Impossible,
    /// A text of more than 1,024 bytes.
    TooLong,
}

impl Fault {
    /// The words in metrics, in order.
    pub(super) const WORDS: [&str; 3] = ["wrong_type", "impossible", "too_long"];
}

/// What one span says. The first value under a name that can be read is the one that counts.
#[derive(Debug, Default)]
pub(super) struct Heard<'a> {
    /// Whether it says something that only spans of LLMs say.
    pub(super) is_llm: bool,
    /// Whether it is the request of an engine.
    pub(super) is_request: bool,
    /// Rows, by bit, whose standard name is there with something that says nothing.
    taken: u32,
    /// Rows, by bit, of which something stands under another name than the standard's.
    elsewhere: u32,
    /// Rows, by bit, under whose names different values stand.
    pub(super) conflicts: u32,
    /// Values that could not be read, by fault.
    pub(super) faults: [u8; Fault::WORDS.len()],
    rows: [Held<'a>; PLACES],
}

/// What is said of one row.
#[derive(Debug, Default, Clone, Copy)]
struct Held<'a> {
    /// The rank of the value that counts; 0 while nothing was said.
    rank: u8,
    /// By bit: names under which something was said that can be read.
    seen: u8,
    value: RawValue<'a>,
}

/// Places for rows, those of the table and one more for what only marks: a power of two.
const PLACES: usize = 16;

const _: () = assert!(
    ROWS.len() < PLACES && ONLY_MARKS as usize == PLACES - 1,
    "every row has a place"
);

/// A fact that stands under another name and not under the standard's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gap<'a> {
    pub(super) row: usize,
    pub(super) says: Says,
    /// The name it stands under.
    pub(super) name: &'static str,
    pub(super) value: RawValue<'a>,
}

impl<'a> Heard<'a> {
    /// Reads a span; what it says is expected in the order of a script.
    pub(super) fn of(span: SpanView<'a>, dictionary: &Dictionary<Meaning>, script: &mut Script<Meaning>) -> Self {
        let mut heard = Self::default();
        let mut fields = span.opening().rest().fields();
        let mut reader = script.begin();
        loop {
            reader.follow(&mut fields, |meaning, value| heard.hear(meaning, value));
            match fields.next() {
                Some(SpanField::Attr(key, value)) => {
                    let meaning = dictionary.find(key.as_bytes());
                    reader.meet(key.as_bytes(), meaning);
                    if let Some(meaning) = meaning {
                        heard.hear_unexpected(meaning, value);
                    }
                }
                Some(_) => {}
                None => break,
            }
        }
        reader.end();
        heard
    }

    /// Whether nothing is to be done about it.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        !self.is_llm || (self.elsewhere == 0 && self.faults == [0; Fault::WORDS.len()])
    }

    /// Facts that stand under other names alone.
    pub(super) fn gaps(&self) -> impl Iterator<Item = Gap<'a>> {
        let rows = bits(self.elsewhere & !self.taken).filter(|row| self.is_told(*row));
        rows.filter_map(|row| {
            let held = self.rows.get(row).filter(|held| held.rank > 1)?;
            Some(Gap {
                row,
                says: ROWS.get(row)?.0,
                name: rows::name(row, held.rank),
                value: held.value,
            })
        })
    }

    /// Other names of facts that stand, or will stand, under the standard's.
    pub(super) fn spare_names(&self) -> impl Iterator<Item = &'static str> {
        let rows = bits(self.elsewhere & !self.taken).filter(|row| self.is_told(*row));
        let names = rows.flat_map(|row| {
            let seen = self.rows.get(row).map_or(0, |held| u32::from(held.seen));
            // The lowest bit is the standard's name.
            bits(seen & !1).map(move |at| rows::name(row, at as u8 + 1))
        });
        names.filter(|name| rows::is_replaced(name))
    }

    /// Whether a row says something about a span like this one.
    fn is_told(&self, row: usize) -> bool {
        let says = ROWS.get(row).map(|(says, _)| *says);
        self.is_request || says != Some(Says::Seconds)
    }

    #[inline(always)]
    fn hear(&mut self, meaning: &Meaning, value: RawValue<'a>) {
        self.is_llm |= meaning.marks_llm;
        self.is_request |= meaning.marks_request;
        let is_plain = match meaning.says {
            Says::Count => value.plain_int().is_some(),
            Says::Text => value.plain_text().is_some_and(|text| !text.is_empty()),
            Says::Nothing => return,
            _ => false,
        };
        if is_plain {
            self.hold(meaning, value);
        } else {
            self.hear_unusual(meaning, value);
        }
    }

    #[inline(never)]
    fn hear_unexpected(&mut self, meaning: &Meaning, value: RawValue<'a>) {
        self.hear(meaning, value);
    }

    /// Hears anything that stands in a row. Never inlined: the loop around it needs the registers.
    #[inline(never)]
    fn hear_unusual(&mut self, meaning: &Meaning, value: RawValue<'a>) {
        match usable(meaning.says, meaning.rank, value) {
            Ok(true) => self.hold(meaning, value),
            // The name is there all the same, and a span has a name once.
            Ok(false) => self.taken |= u32::from(meaning.rank == 1) << meaning.row,
            Err(fault) => self.fault(meaning, fault),
        }
    }

    #[inline(always)]
    fn hold(&mut self, meaning: &Meaning, value: RawValue<'a>) {
        let Some(held) = self.rows.get_mut(usize::from(meaning.row) % PLACES) else {
            return;
        };
        if held.seen == 0 {
            *held = Held {
                rank: meaning.rank,
                seen: meaning.bit,
                value,
            };
            self.elsewhere |= u32::from(meaning.rank > 1) << meaning.row;
        } else {
            self.hold_another(meaning, value);
        }
    }

    /// The same where something was said before.
    #[inline(never)]
    fn hold_another(&mut self, meaning: &Meaning, value: RawValue<'a>) {
        let row = usize::from(meaning.row);
        let Some(held) = self.rows.get_mut(row).filter(|held| held.seen & meaning.bit == 0) else {
            return; // The same name once more.
        };
        held.seen |= meaning.bit;
        self.elsewhere |= u32::from(meaning.rank > 1) << row;
        let before = *held;
        if meaning.rank < before.rank {
            (held.rank, held.value) = (meaning.rank, value);
        }
        // The same number is another time in another unit.
        let may_differ = value != before.value || meaning.says == Says::Seconds;
        if may_differ && differ(row, (before.rank, before.value), (meaning.rank, value)) {
            self.conflicts |= 1 << row;
        }
    }

    #[cold]
    fn fault(&mut self, meaning: &Meaning, fault: Fault) {
        self.taken |= u32::from(meaning.rank == 1) << meaning.row;
        if let Some(count) = self.faults.get_mut(fault as usize) {
            // Whoever writes attributes may write any number of them.
            *count = count.saturating_add(1);
        }
    }
}

/// Whether a value says what belongs there; false for a word that says nothing here.
fn usable(says: Says, rank: u8, value: RawValue<'_>) -> Result<bool, Fault> {
    let value_len = value.bytes().len();
    match (says, value.read()) {
        (Says::Count, Value::Int(count)) if u64::try_from(count).is_ok_and(|count| count <= TOKENS_MAX) => Ok(true),
        (Says::Count, Value::Int(_)) => Err(Fault::Impossible),
        (Says::Seconds | Says::Price, Value::Double(number)) if number.is_finite() && number >= 0.0 => Ok(true),
        (Says::Seconds | Says::Price, Value::Int(number)) if number >= 0 => Ok(true),
        (Says::Seconds | Says::Price, Value::Double(_) | Value::Int(_)) => Err(Fault::Impossible),
        (Says::Flag, Value::Bool(_)) => Ok(true),
        (Says::Text | Says::Operation | Says::Reasons, Value::Str(text)) if text.is_empty() => Ok(false),
        // What stands under the standard's name is copied nowhere.
        (Says::Text | Says::Operation, Value::Str(_)) | (Says::Reasons, Value::Str(_) | Value::Array(_))
            if rank == 1 =>
        {
            Ok(true)
        }
        (Says::Text | Says::Reasons, Value::Str(_)) | (Says::Reasons, Value::Array(_))
            if value_len > TEXT_BYTES_MAX =>
        {
            Err(Fault::TooLong)
        }
        (Says::Text | Says::Reasons, Value::Str(_)) => Ok(true),
        (Says::Reasons, Value::Array(array)) if array.values().all(|value| matches!(value, Value::Str(_))) => Ok(true),
        (Says::Operation, Value::Str(text)) => Ok(llm_names::operation(text.as_bytes()).is_some()),
        _ => Err(Fault::WrongType),
    }
}

/// Whether two values, each with the rank of its name, say different things of one row.
#[cold]
fn differ(row: usize, (rank, one): (u8, RawValue<'_>), (other_rank, other): (u8, RawValue<'_>)) -> bool {
    let Some((says, _)) = ROWS.get(row) else {
        return false;
    };
    match (says, one.read(), other.read()) {
        (Says::Seconds, one, other) => {
            let nanoseconds = |rank, value: Value<'_>| {
                let unit = rows::unit(rows::name(row, rank));
                value.as_f64().map(|number| (number * unit * 1e9).round_ties_even())
            };
            nanoseconds(rank, one) != nanoseconds(other_rank, other)
        }
        (Says::Price, one, other) => one.as_f64() != other.as_f64(),
        (Says::Operation, Value::Str(one), Value::Str(other)) => operation(one) != operation(other),
        (Says::Reasons, one, other) => !same_words(one, other),
        (_, one, other) => one != other,
    }
}

fn operation(text: Text<'_>) -> &[u8] {
    llm_names::operation(text.as_bytes()).map_or(text.as_bytes(), str::as_bytes)
}

/// Whether the same reasons are given, in a text, in a row of texts, or as JSON in a text.
fn same_words(one: Value<'_>, other: Value<'_>) -> bool {
    let mut rest = words(other);
    words(one).all(|word| rest.next() == Some(word)) && rest.next().is_none()
}

fn words<'a>(value: Value<'a>) -> impl Iterator<Item = &'a [u8]> {
    let (text, array) = match value {
        Value::Str(text) => (Some(Value::Str(text)), None),
        Value::Array(array) => (None, Some(array.values())),
        _ => (None, None),
    };
    let values = text.into_iter().chain(array.into_iter().flatten());
    let texts = values.filter_map(|value| match value {
        Value::Str(text) => Some(text.as_bytes()),
        _ => None,
    });
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let words = texts.flat_map(move |text| text.split(move |byte| !is_letter(byte)));
    words.filter(|word| !word.is_empty())
}

/// The bits that are set, from the lowest.
fn bits(mut of: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = of.trailing_zeros();
        of &= of.checked_sub(1)?;
        Some(at as usize)
    })
}
