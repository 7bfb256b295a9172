//! Attributes of which only numbers change from span to span.

use super::encoded::{AttrValue, EncodedAttributes};
use super::wire::varint_len;

/// Bytes of a floating-point number; its attribute ends with them.
const DOUBLE_LEN: usize = size_of::<f64>();

/// Attributes of which only numbers change from span to span: encoded once, so that a span gets them by one copy and
/// one write for each number.
#[derive(Debug, Clone, Default)]
pub struct Form {
    encoded: EncodedAttributes,
    /// Where floating-point numbers begin, in the order of their attributes.
    doubles: Vec<usize>,
    /// Where whole numbers begin, and their length.
    ints: Vec<(usize, usize)>,
}

impl Form {
    /// No attributes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes that a whole number takes; a form has room for numbers of one length.
    #[inline]
    pub fn int_len(value: u64) -> usize {
        varint_len(value)
    }

    /// Adds an attribute that is always the same. Keys are to be distinct; that is the caller's duty.
    pub fn push<'v>(&mut self, key: &str, value: impl Into<AttrValue<'v>>) {
        self.encoded.push(key, value);
    }

    /// Adds a floating-point number that is filled in later.
    pub fn push_double(&mut self, key: &str) {
        self.encoded.push(key, 0.0);
        self.doubles.push(self.encoded.bytes_len() - DOUBLE_LEN);
    }

    /// Adds a whole number of this length, at most nine bytes, that is filled in later.
    pub fn push_int(&mut self, key: &str, len: usize) {
        let len = len.clamp(1, 9);
        self.encoded.push(key, 1i64 << (7 * (len - 1)));
        self.ints.push((self.encoded.bytes_len() - len, len));
    }

    /// Adds the attributes to others, with these numbers in the order in which they were announced. A number that is not
    /// given is the smallest of its length; of a whole number that is too long the lower bits are written.
    pub fn fill(&self, doubles: &[f64], ints: &[u64], out: &mut EncodedAttributes) {
        let copy = out.append(&self.encoded);
        for (begin, number) in self.doubles.iter().zip(doubles) {
            if let Some(blank) = copy.get_mut(*begin..).and_then(<[u8]>::first_chunk_mut) {
                *blank = number.to_le_bytes();
            }
        }
        for ((begin, len), number) in self.ints.iter().zip(ints) {
            if let Some([before @ .., last]) = copy.get_mut(*begin..).and_then(|it| it.get_mut(..*len)) {
                let mut rest = *number;
                for byte in before {
                    *byte = rest as u8 | 0x80;
                    rest >>= 7;
                }
                *last = rest as u8 & 0x7f;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{EncodedAttributes, Form};

    #[test]
    fn a_filled_form_is_what_the_same_attributes_are_one_by_one() {
        for samples in [0, 1, 127, 128, 16_383, 16_384, 70 << 30, (1 << 62) + 5] {
            let mut form = Form::new();
            form.push_double("inferscope.gpu.power.mean");
            form.push_int("inferscope.gpu.samples", Form::int_len(samples));
            form.push(
                "inferscope.gpu.throttle.reasons",
                ["sw_power_cap", "sw_thermal"].as_slice(),
            );
            form.push_double("inferscope.gpu.coverage");

            let mut filled = EncodedAttributes::new().with("hw.id", "GPU-1");
            form.fill(&[412.5, 1.0], &[samples], &mut filled);

            let one_by_one = EncodedAttributes::new()
                .with("hw.id", "GPU-1")
                .with("inferscope.gpu.power.mean", 412.5)
                .with("inferscope.gpu.samples", samples as i64)
                .with(
                    "inferscope.gpu.throttle.reasons",
                    ["sw_power_cap", "sw_thermal"].as_slice(),
                )
                .with("inferscope.gpu.coverage", 1.0);
            assert_eq!(filled, one_by_one);
        }
    }

    #[test]
    fn what_is_not_given_is_small_and_what_is_too_long_is_cut_off() {
        let mut form = Form::new();
        form.push_double("a");
        form.push_int("b", 1);
        form.push_int("c", 2);

        let mut filled = EncodedAttributes::new();
        form.fill(&[], &[0x81], &mut filled);

        assert_eq!(
            filled,
            EncodedAttributes::new()
                .with("a", 0.0)
                .with("b", 1i64)
                .with("c", 128i64)
        );
    }
}
