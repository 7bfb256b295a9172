//! One pass over a span: what it says about a request or a phase.

use pipeline::payload::{Opening, RawValue, SpanField, SpanId, StatusCode, Text, TraceId, Value};

use crate::aggregation::Measured;
use crate::llm_names::{self, Script, TOKENS_MAX};

use super::dictionary::{Dictionary, Fact, Mark, Meaning, NUMBERS, Number, WORDS, Word};

/// Why values could not be read, counted over one span.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Unusable {
    /// Not of the type that belongs there.
    pub(super) wrong_type: u8,
    /// NaN or infinity.
    pub(super) not_a_number: u8,
    /// Below zero.
    pub(super) negative: u8,
    /// More than there can be.
    pub(super) too_long: u8,
}

/// Why the answer ended, as far as it matters here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reasons {
    /// Somebody gave the request up.
    pub(super) aborted: bool,
    /// The engine failed.
    pub(super) failed: bool,
}

/// What one span says. The first value under a name is the one that counts, as for every reader of OTLP attributes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said<'a> {
    /// Start, in nanoseconds since 1970.
    pub(super) start: u64,
    /// End, in nanoseconds since 1970.
    pub(super) end: u64,
    /// The trace it belongs to.
    pub(super) trace_id: TraceId,
    /// Its own id.
    pub(super) span_id: SpanId,
    /// The span above it.
    pub(super) parent: Option<SpanId>,
    /// Its name.
    pub(super) name: Text<'a>,
    /// Whether its status is an error.
    pub(super) failed: bool,
    /// Whether it says something that only engines say, and only about requests.
    pub(super) has_latency: bool,
    /// Why the answer ended.
    pub(super) reasons: Option<Reasons>,
    /// Whether the answer was streamed.
    pub(super) streamed: Option<bool>,
    /// Values that could not be read.
    pub(super) unusable: Unusable,
    /// Rows of the dictionary, by bit, under whose names different values stand.
    pub(super) conflicts: u32,
    marks: u8,
    numbers: [Option<u64>; NUMBERS],
    /// Empty where nothing was said.
    words: [Text<'a>; WORDS],
    /// By row: the rank of the name whose value is held; 0 while nothing was said.
    held: [u8; ROWS_MAX],
}

/// Rows of the dictionary, facts of one name included: as many as `conflicts` has bits.
const ROWS_MAX: usize = 32;

impl<'a> Said<'a> {
    /// Reads a span, of which nobody has read anything yet; what it says is expected in the order of a script.
    #[inline]
    pub(super) fn read(&mut self, opening: &Opening<'a>, dictionary: &Dictionary, script: &mut Script<Meaning>) {
        self.start = opening.start;
        self.end = opening.end;
        self.trace_id = opening.trace_id;
        self.span_id = opening.span_id;
        self.parent = opening.parent;
        self.name = opening.name;
        let mut fields = opening.rest().fields();
        let mut reader = script.begin();
        loop {
            reader.follow(&mut fields, |meaning, value| self.hear(meaning, value));
            match fields.next() {
                Some(SpanField::Attr(key, value)) => {
                    let meaning = dictionary.find(key.as_bytes());
                    reader.meet(key.as_bytes(), meaning);
                    if let Some(meaning) = meaning {
                        self.hear_unusual(meaning, value);
                    }
                }
                Some(SpanField::Status(status)) => self.failed = status.code() == StatusCode::Error,
                Some(other) => self.unusual(other),
                None => return reader.end(),
            }
        }
    }

    /// What stands in front in every span that is written as usual.
    #[cold]
    fn unusual(&mut self, field: SpanField<'a>) {
        match field {
            SpanField::Start(time) => self.start = time,
            SpanField::End(time) => self.end = time,
            SpanField::TraceId(id) => self.trace_id = id,
            SpanField::SpanId(id) => self.span_id = id,
            SpanField::Parent(id) => self.parent = Some(id),
            SpanField::Name(name) => self.name = name,
            _ => {}
        }
    }

    /// Hears one attribute; most of a span's say nothing here.
    #[inline]
    pub(super) fn attribute(&mut self, key: Text<'a>, value: RawValue<'a>, dictionary: &Dictionary) {
        if let Some(meaning) = dictionary.find(key.as_bytes()) {
            self.hear(meaning, value);
        }
    }

    /// A number, if it was said in a way that can be read.
    #[inline]
    pub(super) fn number(&self, number: Number) -> Option<u64> {
        self.numbers.get(number as usize).copied().flatten()
    }

    /// A text; empty if nothing was said.
    #[inline]
    pub(super) fn word(&self, word: Word) -> Text<'a> {
        self.words.get(word as usize).copied().unwrap_or_default()
    }

    /// Whether something is there.
    #[inline]
    pub(super) fn has(&self, mark: Mark) -> bool {
        self.marks & mark as u8 != 0
    }

    /// Whether it says nothing that becomes a label.
    pub(super) fn has_no_label(&self) -> bool {
        use Word::{Operation, Provider, RequestModel, ResponseModel, Tenant, TenantClass};
        let labels = [RequestModel, ResponseModel, Provider, Operation, Tenant, TenantClass];
        labels.into_iter().all(|word| self.word(word).is_empty())
    }

    /// A measurement that this span leads to.
    #[inline]
    pub(super) fn measured(&self, value: f64) -> Measured {
        Measured {
            value,
            time: self.end,
            trace_id: self.trace_id,
            span_id: self.span_id,
        }
    }

    #[inline(always)]
    fn hear(&mut self, meaning: &Meaning, value: RawValue<'a>) {
        if !self.hear_plain(meaning, value) {
            self.hear_unusual(meaning, value);
        }
    }

    /// Hears what is said for the first time and in the usual way, which is nearly everything; says whether it was that.
    #[inline(always)]
    fn hear_plain(&mut self, meaning: &Meaning, value: RawValue<'a>) -> bool {
        let Some(held) = self.held.get_mut(usize::from(meaning.row)).filter(|held| **held == 0) else {
            return false;
        };
        let (number, said) = match meaning.fact {
            Fact::Count(number) => (number, value.plain_int().map(|count| count as u64)),
            Fact::Length(number) => {
                let usable = value.plain_double().filter(|it| (0.0..=f64::MAX).contains(it));
                (number, usable.map(|it| whole(it * meaning.unit())))
            }
            Fact::Text(word) => {
                let (Some(slot), Some(text)) = (self.words.get_mut(word as usize), value.plain_text()) else {
                    return false;
                };
                *slot = text;
                *held = meaning.rank;
                return true;
            }
            Fact::Reasons | Fact::Streamed | Fact::Present(_) => return false,
        };
        let (Some(slot), Some(_)) = (self.numbers.get_mut(number as usize), said) else {
            return false;
        };
        *slot = said;
        *held = meaning.rank;
        // Nothing but a duration marks a request.
        self.has_latency |= meaning.marks_request;
        true
    }

    /// Hears anything. Never inlined: the loop around it needs the registers.
    #[inline(never)]
    fn hear_unusual(&mut self, meaning: &Meaning, value: RawValue<'a>) {
        self.has_latency |= meaning.marks_request;
        match meaning.fact {
            Fact::Count(number) => {
                let count = self.unusable.count(value);
                self.hold_number(number, meaning, count);
            }
            Fact::Length(number) => {
                let length = self.unusable.length(value, meaning.unit());
                self.hold_number(number, meaning, length);
            }
            Fact::Text(word) => match value.plain_text().map_or_else(|| value.read(), Value::Str) {
                Value::Str(text) => {
                    let may_hold = self.may_hold(meaning, |said| differs(word, said.word(word), text));
                    if let Some(slot) = self.words.get_mut(word as usize).filter(|_| may_hold) {
                        *slot = text;
                    }
                }
                _ => self.unusable.wrong_type(),
            },
            Fact::Present(mark) => self.marks |= mark as u8,
            Fact::Reasons => self.hear_reasons(meaning, value),
            Fact::Streamed => self.hear_streamed(meaning, value),
        }
    }

    #[inline(never)]
    fn hear_reasons(&mut self, meaning: &Meaning, value: RawValue<'a>) {
        match Reasons::read(value.read()) {
            Some(reasons) if self.may_hold(meaning, |said| said.reasons != Some(reasons)) => {
                self.reasons = Some(reasons);
            }
            Some(_) => {}
            None => self.unusable.wrong_type(),
        }
    }

    #[inline(never)]
    fn hear_streamed(&mut self, meaning: &Meaning, value: RawValue<'a>) {
        match value.read() {
            Value::Bool(streamed) => {
                if self.may_hold(meaning, |said| said.streamed != Some(streamed)) {
                    self.streamed = Some(streamed);
                }
            }
            _ => self.unusable.wrong_type(),
        }
    }

    #[inline(always)]
    fn hold_number(&mut self, number: Number, meaning: &Meaning, value: Option<u64>) {
        if value.is_none() || !self.may_hold(meaning, |said| said.number(number) != value) {
            return;
        }
        if let Some(slot) = self.numbers.get_mut(number as usize) {
            *slot = value;
        }
    }

    /// Whether a value takes the place of what was said before, or is the first.
    #[inline(always)]
    fn may_hold(&mut self, meaning: &Meaning, differs: impl Fn(&Self) -> bool) -> bool {
        match self.held.get_mut(usize::from(meaning.row)) {
            Some(held) if *held == 0 => {
                *held = meaning.rank;
                true
            }
            Some(_) => {
                let differs = differs(self);
                self.may_replace(meaning, differs)
            }
            None => false,
        }
    }

    /// The same where something was said before.
    #[cold]
    fn may_replace(&mut self, meaning: &Meaning, differs: bool) -> bool {
        let Some(held) = self.held.get_mut(usize::from(meaning.row)) else {
            return false;
        };
        let before = *held;
        if before == meaning.rank {
            return false; // The same name once more.
        }
        *held = before.min(meaning.rank);
        if differs {
            self.conflicts |= 1 << meaning.row;
        }
        meaning.rank < before
    }
}

impl Unusable {
    /// Counts stop at 255: whoever writes attributes may write any number of them.
    fn add(count: &mut u8) {
        *count = count.saturating_add(1);
    }

    fn wrong_type(&mut self) {
        Self::add(&mut self.wrong_type);
    }

    #[inline]
    fn count(&mut self, value: RawValue<'_>) -> Option<u64> {
        let plain = value.plain_int();
        let Some(count) = plain.or_else(|| value.read().as_i64()) else {
            self.wrong_type();
            return None;
        };
        match u64::try_from(count) {
            Ok(count) if count <= TOKENS_MAX => return Some(count),
            Ok(_) => Self::add(&mut self.too_long),
            Err(_) => Self::add(&mut self.negative),
        }
        None
    }

    /// Nanoseconds, rounded half to even as `llm_phases` does. What is too long for them is longer than every span.
    #[inline]
    fn length(&mut self, value: RawValue<'_>, unit: f64) -> Option<u64> {
        let plain = value.plain_double();
        let Some(number) = plain.or_else(|| value.read().as_f64()) else {
            self.wrong_type();
            return None;
        };
        if !number.is_finite() {
            Self::add(&mut self.not_a_number);
            return None;
        }
        if number < 0.0 {
            Self::add(&mut self.negative);
            return None;
        }
        Some(whole(number * unit))
    }
}

/// Whether two texts say different things. Operations are called otherwise under every name.
#[cold]
fn differs(word: Word, one: Text<'_>, other: Text<'_>) -> bool {
    let operation = |text: Text<'_>| llm_names::operation(text.as_bytes());
    let is_same_operation = word == Word::Operation && operation(one).is_some() && operation(one) == operation(other);
    one != other && !is_same_operation
}

/// From here on, doubles are whole numbers; just above it, they are those that end in their last bit.
const WHOLE: f64 = 4_503_599_627_370_496.0;

/// The nearest whole number to one that is zero or above, half to even: the sum has no bits left for a fraction, so the
/// addition rounds, as additions do. The C library's way is a call and several times as long.
#[inline]
fn whole(number: f64) -> u64 {
    if number < WHOLE {
        (number + WHOLE).to_bits().wrapping_sub(WHOLE.to_bits())
    } else {
        number as u64
    }
}

impl Reasons {
    /// SGLang sends JSON such as `["length"]` in a text, so words are looked for and not texts compared.
    fn read(value: Value<'_>) -> Option<Self> {
        let mut reasons = Self::default();
        match value {
            Value::Str(text) => reasons.hear(text.as_bytes()),
            Value::Array(array) => {
                for value in array.values() {
                    let Value::Str(text) = value else {
                        return None;
                    };
                    reasons.hear(text.as_bytes());
                }
            }
            _ => return None,
        }
        Some(reasons)
    }

    fn hear(&mut self, text: &[u8]) {
        for word in text.split(|byte| !byte.is_ascii_alphabetic()) {
            self.aborted |= matches!(word, b"abort" | b"aborted" | b"cancelled" | b"canceled");
            self.failed |= word == b"error";
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{WHOLE, whole};

    #[test]
    fn numbers_are_rounded_half_to_even() {
        let steps = [
            0.0,
            0.25,
            0.5,
            0.500_001,
            1.5,
            2.5,
            3.5,
            124_999_999.5,
            125_000_000.5,
            1e12 + 0.5,
            1e15 + 0.5,
        ];
        let ends = [WHOLE - 1.0, WHOLE - 0.5, WHOLE, WHOLE + 1.0, 1e18, 1e30, f64::MAX];

        for number in steps.into_iter().chain(ends) {
            assert_eq!(whole(number), number.round_ties_even() as u64, "{number}");
        }
    }
}
