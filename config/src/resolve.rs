//! What a plain scalar means: the rules of the Collector's YAML reader (Go yaml.v3).
//!
//! That reader follows YAML 1.2 for booleans and null, and YAML 1.1 for `0123` (octal) and `1_000`.

use crate::node::{Text, Value};

/// The value of an unquoted scalar.
pub(crate) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let numeric = text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.'));
    if numeric {
        let digits = text.replace('_', "");
        if let Some(value) = integer(&digits) {
            return Value::Int(value);
        }
        if let Some(value) = float(&digits) {
            return Value::Float(value);
        }
    }
    Value::Text(Text {
        text: text.to_owned(),
        plain: true,
    })
}

/// Decimal, `0x`, `0o`, `0b`, and a leading zero for octal; only what fits 64 bits, as Go's `int` and `uint64` do.
pub(crate) fn integer(text: &str) -> Option<i128> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &unsigned[2..]),
        [b'0', b'o' | b'O', ..] => (8, &unsigned[2..]),
        [b'0', b'b' | b'B', ..] => (2, &unsigned[2..]),
        [b'0', _, ..] => (8, &unsigned[1..]),
        _ => (10, unsigned),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| char::from(byte).is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from(u64::from_str_radix(digits, radix).ok()?);
    let value = if negative { -magnitude } else { magnitude };
    (value >= i128::from(i64::MIN)).then_some(value)
}

/// `[-+]? ( . digits | digits [ . digits? ] ) ( [eE] [-+]? digits )?`
pub(crate) fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_holds =
        digits(whole) && fraction.is_none_or(digits) && !(whole.is_empty() && fraction.is_none_or(str::is_empty));
    let exponent_holds = exponent.is_none_or(|exponent| {
        let power = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !power.is_empty() && digits(power)
    });
    if !mantissa_holds || !exponent_holds {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match plain(text) {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => format!("bool {value}"),
            Value::Int(value) => format!("int {value}"),
            Value::Float(value) => format!("float {value}"),
            Value::Text(text) => format!("text {}", text.text),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn plain_scalars_mean_what_the_collectors_reader_says() {
        let table = [
            ("", "null"),
            ("~", "null"),
            ("NULL", "null"),
            ("nUll", "text nUll"),
            ("true", "bool true"),
            ("yes", "text yes"),
            ("off", "text off"),
            ("0", "int 0"),
            ("-0", "int 0"),
            ("0123", "int 83"),
            ("0o17", "int 15"),
            ("0x1F", "int 31"),
            ("0b101", "int 5"),
            ("089", "float 89"),
            ("1_000", "int 1000"),
            ("+12", "int 12"),
            ("18446744073709551615", "int 18446744073709551615"),
            ("18446744073709551616", "float 18446744073709552000"),
            ("-9223372036854775808", "int -9223372036854775808"),
            ("-9223372036854775809", "float -9223372036854776000"),
            ("1.5", "float 1.5"),
            ("1.", "float 1"),
            (".5", "float 0.5"),
            ("1e3", "float 1000"),
            ("1e", "text 1e"),
            (".inf", "float inf"),
            ("-.INF", "float -inf"),
            (".nan", "float NaN"),
            (".", "text ."),
            ("-", "text -"),
            ("+", "text +"),
            ("1:30", "text 1:30"),
            ("10s", "text 10s"),
            ("2026-01-02", "text 2026-01-02"),
            ("0x", "text 0x"),
            ("1.2.3", "text 1.2.3"),
        ];

        for (text, expected) in table {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }
}
