//! Values as the text that labels hold.

use std::fmt::Write;

use pipeline::payload::{Value, base64};

/// Appends a value as the Collector writes it: text as it is, lists and maps as JSON, bytes in base64.
pub(super) fn push_value(out: &mut String, value: &Value<'_>) {
    match value {
        Value::Empty => {}
        Value::Str(text) => out.push_str(text.as_str()),
        Value::Bytes(bytes) => out.push_str(&base64::encode(bytes)),
        other => push_json(out, other),
    }
}

fn push_json(out: &mut String, value: &Value<'_>) {
    // Writing to a String cannot fail.
    let _ = match value {
        Value::Empty => out.write_str("null"),
        Value::Str(text) => {
            push_quoted(out, text.as_str());
            Ok(())
        }
        Value::Bool(value) => write!(out, "{value}"),
        Value::Int(value) => write!(out, "{value}"),
        Value::Double(value) => out.write_str(&double(*value)),
        Value::Bytes(bytes) => {
            out.push('"');
            out.push_str(&base64::encode(bytes));
            out.write_str("\"")
        }
        Value::Array(array) => {
            let mut separator = '[';
            for value in array.values() {
                out.push(separator);
                push_json(out, &value);
                separator = ',';
            }
            out.write_str(if separator == '[' { "[]" } else { "]" })
        }
        Value::KvList(list) => {
            let mut separator = '{';
            for (key, value) in list.entries() {
                out.push(separator);
                push_quoted(out, key.as_str());
                out.push(':');
                push_json(out, &value);
                separator = ',';
            }
            out.write_str(if separator == '{' { "{}" } else { "}" })
        }
    };
}

fn push_quoted(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

/// As JavaScript writes numbers: exponents only for the very large and the very small.
fn double(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return bound(value);
    }
    if value == 0.0 || (1e-6..1e21).contains(&size) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    if size >= 1.0 { text.replace('e', "e+") } else { text }
}

/// A bound of a bucket or a quantile: the shortest digits that read back as the same, never an exponent.
pub(crate) fn bound(value: f64) -> String {
    if value == f64::INFINITY {
        "+Inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        value.to_string()
    }
}

/// An id in lower-case hexadecimal.
pub(super) fn push_hex(out: &mut String, id: &[u8]) {
    for byte in id {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
}
