//! What is taken for a plain value is what a longer look finds.

use crate::payload::*;
use proptest::prelude::*;

/// A value as an attribute has it.
fn raw(attributes: &EncodedAttributes) -> RawValue<'_> {
    attributes.attrs().raw().get("key").unwrap()
}

proptest! {
    #[test]
    fn plain_values_read_the_same(tag in 0_u8..64, rest in prop::collection::vec(any::<u8>(), 0..12)) {
        let bytes = [vec![tag], rest].concat();
        let value = RawValue::of(&bytes);
        let read = value.read();
        if let Some(double) = value.plain_double() {
            prop_assert_eq!(read.as_f64().map(f64::to_bits), Some(double.to_bits()));
        }
        if let Some(int) = value.plain_int() {
            prop_assert_eq!(read, Value::Int(int));
        }
        if let Some(text) = value.plain_text() {
            prop_assert_eq!(read, Value::Str(text));
        }
    }

    #[test]
    fn usual_values_are_plain(double in any::<f64>(), int in 0_i64..2_097_152, text in "[a-z]{0,127}") {
        let with = |value: AttrValue<'_>| EncodedAttributes::new().with("key", value);

        let plain = raw(&with(double.into())).plain_double().map(f64::to_bits);
        prop_assert_eq!(plain, Some(double.to_bits()));
        prop_assert_eq!(raw(&with(int.into())).plain_int(), Some(int));
        let attributes = with(text.as_str().into());
        prop_assert_eq!(raw(&attributes).plain_text().map(Text::as_str), Some(text.as_str()));
    }
}
