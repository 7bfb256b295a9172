//! Attributes that are known to come next.

use super::span_view::{ATTRIBUTE_TAG, SpanFields};
use super::value::{KEY_TAG, RawValue, VALUE_TAG};
use super::wire::Fields;

impl<'a> SpanFields<'a> {
    /// Takes the next field if it is a short attribute with this key, encoded as usual; gives its value.
    ///
    /// For who has read spans of the same sender: its attributes stand in the same order, and to compare the key that
    /// stood here before costs less than to take the attribute apart.
    #[inline(always)]
    pub fn expect(&mut self, key: &ExpectedKey) -> Option<RawValue<'a>> {
        let &[ATTRIBUTE_TAG, length @ 0..0x80, ref behind @ ..] = self.0.rest() else {
            return None;
        };
        let (pair, behind) = behind.split_at_checked(usize::from(length))?;
        // The length of the value, which is one byte because the pair's is, and the value up to the end of the pair.
        let (value_len, value) = pair.strip_prefix(&*key.0)?.split_first()?;
        if usize::from(*value_len) != value.len() {
            return None;
        }
        self.0 = Fields::of(behind);
        Some(RawValue::of(value))
    }
}

/// A key as it stands in an attribute, from its tag to that of the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedKey(Box<[u8]>);

impl ExpectedKey {
    /// Nothing for a key that is too long for a short attribute.
    pub fn new(key: &[u8]) -> Option<Self> {
        let length = u8::try_from(key.len()).ok().filter(|length| *length < 0x80)?;
        Some(Self([&[KEY_TAG, length], key, &[VALUE_TAG]].concat().into()))
    }

    /// The key.
    pub fn key(&self) -> &[u8] {
        self.0.get(2..self.0.len() - 1).unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::ExpectedKey;
    use crate::payload::{EncodedAttributes, SpanField, SpanView};

    #[test]
    fn an_expected_attribute_is_taken_and_any_other_stays() {
        let long = "x".repeat(200);
        let attributes = EncodedAttributes::new().with("one", 1_i64).with("one.more", "text");
        let attributes = attributes.with("long", long.as_str());
        let [one, more, prefix, long] =
            ["one", "one.more", "on", "long"].map(|key| ExpectedKey::new(key.as_bytes()).unwrap());
        let mut fields = SpanView::of(attributes.framed()).fields();

        assert!(fields.expect(&more).is_none() && fields.expect(&prefix).is_none());
        assert_eq!(fields.expect(&one).unwrap().read().as_i64(), Some(1));
        assert!(fields.expect(&one).is_none());
        assert_eq!(fields.expect(&more).unwrap().read().as_str(), Some("text"));
        assert!(fields.expect(&long).is_none(), "it is not short");
        assert!(matches!(fields.next(), Some(SpanField::Attr(key, _)) if key == "long"));
        assert!(fields.expect(&one).is_none() && fields.next().is_none());
    }

    #[test]
    fn a_key_that_is_too_long_for_a_short_attribute_is_never_expected() {
        assert_eq!(ExpectedKey::new(&[b'k'; 127]).unwrap().key(), [b'k'; 127]);
        assert!(ExpectedKey::new(&[b'k'; 128]).is_none());
    }
}
