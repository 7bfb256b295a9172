//! Attribute values and times as text.

use std::fmt::Write;
use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use pipeline::payload::base64;

use crate::calendar::Moment;
use crate::printable::printable;

/// A value as plain text: strings as they are, lists and maps as JSON, bytes in base64.
pub(super) fn plain(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        None => String::new(),
        Some(Value::StringValue(text)) => printable(text).into_owned(),
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(Value::IntValue(value)) => value.to_string(),
        Some(Value::DoubleValue(value)) => double(*value),
        Some(Value::BytesValue(bytes)) => base64::encode(bytes),
        // JSON escapes control characters; the marks that turn text around are left to `printable`.
        Some(inner) => printable(&json(inner).to_string()).into_owned(),
    }
}

/// A value with its type: `Str(vllm)`.
pub(super) fn typed(value: Option<&AnyValue>) -> String {
    let kind = match value.and_then(|value| value.value.as_ref()) {
        None => "Empty",
        Some(Value::StringValue(_)) => "Str",
        Some(Value::BoolValue(_)) => "Bool",
        Some(Value::IntValue(_)) => "Int",
        Some(Value::DoubleValue(_)) => "Double",
        Some(Value::BytesValue(_)) => "Bytes",
        Some(Value::ArrayValue(_)) => "Slice",
        Some(Value::KvlistValue(_)) => "Map",
        // Only profiles have string tables.
        Some(_) => "Unknown",
    };
    format!("{kind}({})", plain(value))
}

/// `key=value` for each attribute, with a separator between them.
pub(super) fn pairs(attributes: &[KeyValue], separator: &str) -> String {
    let pair = |one: &KeyValue| format!("{}={}", printable(&one.key), plain(one.value.as_ref()));
    attributes.iter().map(pair).collect::<Vec<_>>().join(separator)
}

/// A double as the shortest text that reads back as the same.
pub(super) fn double(value: f64) -> String {
    let size = value.abs();
    let plain = value == 0.0 || (1e-6..1e21).contains(&size) || !value.is_finite();
    if plain { value.to_string() } else { format!("{value:e}") }
}

/// An id in lower-case hexadecimal; empty where there is none.
pub(super) fn hex(id: &[u8]) -> String {
    let mut text = String::with_capacity(id.len() * 2);
    for byte in id {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Nanoseconds since 1970 as `2023-11-11 04:49:03.509369393 +0000 UTC`.
pub(super) fn time(unix_nanos: u64) -> String {
    let Moment {
        year,
        month,
        day,
        hour,
        minute,
        second,
        nanos,
    } = Moment::after_epoch(Duration::from_nanos(unix_nanos));
    let mut text = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
    if nanos > 0 {
        text.push_str(format!(".{nanos:09}").trim_end_matches('0'));
    }
    text.push_str(" +0000 UTC");
    text
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::StringValue(text) => text.as_str().into(),
        Value::BoolValue(value) => (*value).into(),
        Value::IntValue(value) => (*value).into(),
        // JSON has no infinity and no NaN.
        Value::DoubleValue(value) if !value.is_finite() => value.to_string().into(),
        Value::DoubleValue(value) => (*value).into(),
        Value::BytesValue(bytes) => base64::encode(bytes).into(),
        Value::ArrayValue(array) => array.values.iter().map(inner).collect(),
        Value::KvlistValue(list) => list.values.iter().map(|one| (one.key.clone(), inner_of(one))).collect(),
        _ => serde_json::Value::Null,
    }
}

fn inner_of(pair: &KeyValue) -> serde_json::Value {
    pair.value.as_ref().map_or(serde_json::Value::Null, inner)
}

fn inner(value: &AnyValue) -> serde_json::Value {
    value.value.as_ref().map_or(serde_json::Value::Null, json)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any(value: Value) -> AnyValue {
        AnyValue { value: Some(value) }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(time(0), "1970-01-01 00:00:00 +0000 UTC");
        assert_eq!(
            time(1_699_678_143_509_369_393),
            "2023-11-11 04:49:03.509369393 +0000 UTC"
        );
        assert_eq!(time(951_782_400_000_000_000), "2000-02-29 00:00:00 +0000 UTC");
        assert_eq!(time(4_107_542_399_500_000_000), "2100-02-28 23:59:59.5 +0000 UTC");
    }

    #[test]
    fn values_are_told_with_their_type() {
        assert_eq!(typed(None), "Empty()");
        assert_eq!(typed(Some(&any(Value::StringValue("a\tb".into())))), "Str(a\\tb)");
        assert_eq!(typed(Some(&any(Value::DoubleValue(0.25)))), "Double(0.25)");
        assert_eq!(
            typed(Some(&any(Value::BytesValue(vec![0, 255, 7, 1])))),
            "Bytes(AP8HAQ==)"
        );
    }

    #[test]
    fn doubles_keep_their_value() {
        for (value, text) in [
            (0.0, "0"),
            (1e21, "1e21"),
            (2.5e-7, "2.5e-7"),
            (1e20, "100000000000000000000"),
        ] {
            assert_eq!(double(value), text);
        }
    }
}
