//! Values as text, as the Collector's `AsString` writes them.

use std::fmt::Write;

use pipeline::payload::{Value, base64};

use super::held::Seen;

/// A value as text. Lists and maps become JSON, bytes Base64.
pub(super) fn text(value: Seen<'_>) -> String {
    match value {
        Seen::Text(text) => text.to_owned(),
        Seen::Bool(value) => value.to_string(),
        Seen::Int(value) => value.to_string(),
        Seen::Double(value) => number(value),
        Seen::Other(Value::Bytes(bytes)) => base64::encode(bytes),
        Seen::Other(Value::Empty) => String::new(),
        Seen::Other(nested) => {
            let mut out = String::new();
            json(&mut out, nested);
            out
        }
    }
}

/// A number as ECMAScript writes it, which is what JSON encoders agree on: an exponent below 1e-6 and from 1e21 on.
pub(super) fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let written = format!("{value:e}");
        return if written.contains("e-") {
            written
        } else {
            written.replace('e', "e+")
        };
    }
    value.to_string()
}

fn json(out: &mut String, value: Value<'_>) {
    match value {
        Value::Empty => out.push_str("null"),
        // JSON has no words for these.
        Value::Double(value) if !value.is_finite() => json_text(out, &number(value)),
        Value::Bool(_) | Value::Int(_) | Value::Double(_) => out.push_str(&text(value.into())),
        Value::Str(_) | Value::Bytes(_) => json_text(out, &text(value.into())),
        Value::Array(array) => {
            out.push('[');
            for (index, item) in array.values().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                json(out, item);
            }
            out.push(']');
        }
        Value::KvList(list) => {
            let mut entries: Vec<_> = list.entries().collect();
            entries.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                json_text(out, key.as_str());
                out.push(':');
                json(out, item);
            }
            out.push('}');
        }
    }
}

fn json_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing to a String cannot fail.
            control if control < ' ' => drop(write!(out, "\\u{:04x}", control as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_json_encoders_write_them() {
        let written = [1.0, -0.5, 0.1, 1e20, 1e21, 1.5e-7, 1e-6, 123_456_789.25].map(number);

        assert_eq!(
            written,
            [
                "1",
                "-0.5",
                "0.1",
                "100000000000000000000",
                "1e+21",
                "1.5e-7",
                "0.000001",
                "123456789.25"
            ]
        );
    }

    #[test]
    fn bytes_are_written_as_base64() {
        // The test vectors of RFC 4648, section 10.
        let written = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64::encode(text.as_bytes()));

        assert_eq!(
            written,
            ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]
        );
    }
}
