//! A value of another type.

use super::config::ConvertedType;
use super::held::Seen;
use super::text::text;

/// What a value was converted to.
#[derive(Debug, PartialEq)]
pub(super) enum Converted {
    Int(i64),
    Double(f64),
    Text(String),
}

/// The value with this type; none where it has it already or nothing of this type means the same.
///
/// Which types go into which is the Collector's choice. Where Go leaves it to the machine what comes out (NaN and numbers
/// that no integer can hold), the value stays as it is.
pub(super) fn convert(value: Seen<'_>, to: ConvertedType) -> Option<Converted> {
    match (to, value) {
        (ConvertedType::String, Seen::Text(_)) => None,
        (ConvertedType::String, other) => Some(Converted::Text(text(other))),
        (ConvertedType::Int, Seen::Double(value)) => whole(value).map(Converted::Int),
        (ConvertedType::Int, Seen::Bool(value)) => Some(Converted::Int(value.into())),
        (ConvertedType::Int, Seen::Text(text)) => text.parse().ok().map(Converted::Int),
        (ConvertedType::Double, Seen::Int(value)) => Some(Converted::Double(value as f64)),
        (ConvertedType::Double, Seen::Bool(value)) => Some(Converted::Double(f64::from(u8::from(value)))),
        (ConvertedType::Double, Seen::Text(text)) => double(text).map(Converted::Double),
        _ => None,
    }
}

/// The number without its fraction.
fn whole(value: f64) -> Option<i64> {
    // 2^63 as a double; the largest below it is exact, and so is -2^63.
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    (-BEYOND..BEYOND).contains(&value).then_some(value as i64)
}

/// A number that is too large to be one is not made infinite.
fn double(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    let says_infinite = text.to_ascii_lowercase().contains("inf");
    (value.is_finite() || value.is_nan() || says_infinite).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_into_an_integer_stays() {
        let stay =
            [f64::NAN, f64::INFINITY, 9.3e18, -9.3e18].map(|value| convert(Seen::Double(value), ConvertedType::Int));

        assert_eq!(stay, [None, None, None, None]);
        assert_eq!(
            convert(Seen::Double(-2.9), ConvertedType::Int),
            Some(Converted::Int(-2))
        );
        assert_eq!(
            convert(Seen::Double(-9_223_372_036_854_775_808.0), ConvertedType::Int),
            Some(Converted::Int(i64::MIN))
        );
    }

    #[test]
    fn text_beyond_every_double_stays() {
        assert_eq!(double("1e400"), None);
        assert_eq!(double("-Inf"), Some(f64::NEG_INFINITY));
        assert_eq!(double("2.5"), Some(2.5));
        assert_eq!(double("x"), None);
    }
}
