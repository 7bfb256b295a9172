//! What actions mean, on decoded structs and one after the other: the oracle of the property tests.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data};
use pipeline::Origin;
use regex::Regex;
use sha1::{Digest, Sha1};
use sha2::Sha256;

use crate::actions::{Action, ConvertedType, Hash, Literal, Verb};

/// Applies the actions to a list of attributes.
pub(crate) fn apply(actions: &[Action], hash: Hash, origin: &Origin, attributes: &mut Vec<KeyValue>) {
    for action in actions {
        match action.action.unwrap() {
            Verb::Insert => write(action, origin, attributes, |there| !there),
            Verb::Update => write(action, origin, attributes, |there| there),
            Verb::Upsert => write(action, origin, attributes, |_| true),
            Verb::Delete => on_each_key(action, attributes, |key, attributes| {
                attributes.retain(|it| it.key != key);
            }),
            Verb::Hash => on_each_key(action, attributes, |key, attributes| {
                if let Some(value) = get(attributes, key) {
                    set(attributes, key, Value::StringValue(hashed(&value, hash)));
                }
            }),
            Verb::Extract => extract(action, attributes),
            Verb::Convert => {
                if let Some(value) = get(attributes, &action.key)
                    && let Some(converted) = converted(&value, action.converted_type.unwrap())
                {
                    set(attributes, &action.key, converted);
                }
            }
        }
    }
}

/// The attributes of every point of a metric.
pub(crate) fn of_points(metric: &mut Metric) -> Vec<&mut Vec<KeyValue>> {
    match &mut metric.data {
        None => Vec::new(),
        Some(Data::Gauge(data)) => data.data_points.iter_mut().map(|it| &mut it.attributes).collect(),
        Some(Data::Sum(data)) => data.data_points.iter_mut().map(|it| &mut it.attributes).collect(),
        Some(Data::Histogram(data)) => data.data_points.iter_mut().map(|it| &mut it.attributes).collect(),
        Some(Data::ExponentialHistogram(data)) => data.data_points.iter_mut().map(|it| &mut it.attributes).collect(),
        Some(Data::Summary(data)) => data.data_points.iter_mut().map(|it| &mut it.attributes).collect(),
    }
}

/// In an order that does not depend on where an attribute was added, and with one form of "no value".
pub(crate) fn sorted(mut attributes: Vec<KeyValue>) -> Vec<KeyValue> {
    for attribute in &mut attributes {
        attribute.value.get_or_insert_default();
    }
    attributes.sort_by(|one, other| one.key.cmp(&other.key));
    attributes
}

fn on_each_key(action: &Action, attributes: &mut Vec<KeyValue>, act: impl Fn(&str, &mut Vec<KeyValue>)) {
    if !action.key.is_empty() {
        act(&action.key, attributes);
    }
    if !action.pattern.is_empty() {
        let pattern = Regex::new(&action.pattern).unwrap();
        let mut keys: Vec<String> = attributes.iter().map(|attribute| attribute.key.clone()).collect();
        keys.sort();
        keys.dedup();
        keys.iter()
            .filter(|key| pattern.is_match(key))
            .for_each(|key| act(key, attributes));
    }
}

fn get(attributes: &[KeyValue], key: &str) -> Option<AnyValue> {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    found.map(|attribute| attribute.value.clone().unwrap_or_default())
}

/// Changing a key takes its repetitions away.
fn set(attributes: &mut Vec<KeyValue>, key: &str, value: impl Into<Option<Value>>) {
    let attribute = KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: value.into() }),
        ..KeyValue::default()
    };
    match attributes.iter().position(|known| known.key == key) {
        None => attributes.push(attribute),
        Some(place) => {
            attributes[place] = attribute;
            let mut index = 0;
            attributes.retain(|known| {
                index += 1;
                index == place + 1 || known.key != key
            });
        }
    }
}

fn write(action: &Action, origin: &Origin, attributes: &mut Vec<KeyValue>, due: impl Fn(bool) -> bool) {
    let source = if let Some(value) = &action.value {
        Some(any_value(value))
    } else if !action.from_attribute.is_empty() {
        get(attributes, &action.from_attribute)
    } else {
        let text = match action.from_context.as_str() {
            "" => None,
            "client.address" => origin.client.map(|client| client.to_string()),
            name => {
                let name = name.strip_prefix("metadata.").unwrap_or(name).to_lowercase();
                let values: Vec<String> = origin
                    .metadata
                    .iter()
                    .filter(|(key, _)| *key == name)
                    .map(|(_, value)| value.clone())
                    .collect();
                (!values.is_empty()).then(|| values.join(";"))
            }
        };
        text.map(|text| AnyValue {
            value: Some(Value::StringValue(text)),
        })
    };
    let Some(value) = source.or_else(|| action.default_value.as_ref().map(any_value)) else {
        return;
    };
    if due(get(attributes, &action.key).is_some()) {
        set(attributes, &action.key, value.value);
    }
}

fn any_value(literal: &Literal) -> AnyValue {
    let value = match literal {
        Literal::Empty => return AnyValue::default(),
        Literal::Str(text) => Value::StringValue(text.clone()),
        Literal::Bool(value) => Value::BoolValue(*value),
        Literal::Int(value) => Value::IntValue(*value),
        Literal::Double(value) => Value::DoubleValue(*value),
        Literal::List(items) => Value::ArrayValue(ArrayValue {
            values: items.iter().map(any_value).collect(),
        }),
        Literal::Map(entries) => {
            let entry = |(key, value): &(String, Literal)| KeyValue {
                key: key.clone(),
                value: Some(any_value(value)),
                ..KeyValue::default()
            };
            Value::KvlistValue(KeyValueList {
                values: entries.iter().map(entry).collect(),
            })
        }
    };
    AnyValue { value: Some(value) }
}

fn extract(action: &Action, attributes: &mut Vec<KeyValue>) {
    let Some(AnyValue {
        value: Some(Value::StringValue(text)),
    }) = get(attributes, &action.key)
    else {
        return;
    };
    let pattern = Regex::new(&action.pattern).unwrap();
    let Some(found) = pattern.captures(&text) else { return };
    for name in pattern.capture_names().flatten() {
        let group = found.name(name).map_or("", |group| group.as_str());
        set(attributes, name, Value::StringValue(group.to_owned()));
    }
}

fn hashed(value: &AnyValue, hash: Hash) -> String {
    let input = match &value.value {
        Some(Value::StringValue(text)) => text.clone().into_bytes(),
        Some(Value::BoolValue(value)) => vec![u8::from(*value)],
        Some(Value::IntValue(value)) => value.to_le_bytes().to_vec(),
        Some(Value::DoubleValue(value)) => value.to_le_bytes().to_vec(),
        _ => Vec::new(),
    };
    if input.is_empty() {
        return String::new();
    }
    match hash {
        Hash::Sha1 => Sha1::digest(&input).iter().map(|byte| format!("{byte:02x}")).collect(),
        Hash::Sha256 => Sha256::digest(&input)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    }
}

fn converted(value: &AnyValue, to: ConvertedType) -> Option<Value> {
    let number = |value: f64| Some(Value::DoubleValue(value));
    match (to, value.value.as_ref()) {
        (ConvertedType::String, Some(Value::StringValue(_))) => None,
        (ConvertedType::String, None) => Some(Value::StringValue(String::new())),
        (ConvertedType::String, Some(Value::BytesValue(bytes))) => {
            // Base64 is checked against its published vectors; the generator's bytes are these.
            assert_eq!(bytes, b"raw");
            Some(Value::StringValue("cmF3".to_owned()))
        }
        // Made of an integer by an action before; Go writes no fraction where there is none.
        (ConvertedType::String, Some(Value::DoubleValue(value))) if value.fract() == 0.0 => {
            Some(Value::StringValue(value.to_string()))
        }
        (ConvertedType::String, Some(value)) => Some(Value::StringValue(json(value).to_string())),
        (ConvertedType::Int, Some(Value::DoubleValue(value))) => Some(Value::IntValue(value.trunc() as i64)),
        (ConvertedType::Int, Some(Value::BoolValue(value))) => Some(Value::IntValue(i64::from(*value))),
        (ConvertedType::Int, Some(Value::StringValue(text))) => text.parse().ok().map(Value::IntValue),
        (ConvertedType::Double, Some(Value::IntValue(value))) => number(*value as f64),
        (ConvertedType::Double, Some(Value::BoolValue(value))) => number(if *value { 1.0 } else { 0.0 }),
        (ConvertedType::Double, Some(Value::StringValue(text))) => {
            // None of the generator's texts says "inf", so this one is too large to be a number.
            text.parse()
                .ok()
                .filter(|value: &f64| value.is_finite())
                .and_then(number)
        }
        _ => None,
    }
}

/// The generator's doubles have fractions, so `serde_json` writes them without adding one.
fn json(value: &Value) -> serde_json::Value {
    let inner = |value: &AnyValue| value.value.as_ref().map_or(serde_json::Value::Null, json);
    match value {
        Value::StringValue(text) => text.clone().into(),
        Value::BoolValue(value) => (*value).into(),
        Value::IntValue(value) => (*value).into(),
        Value::DoubleValue(value) => (*value).into(),
        Value::ArrayValue(array) => array.values.iter().map(inner).collect(),
        Value::KvlistValue(list) => list
            .values
            .iter()
            .map(|entry| {
                (
                    entry.key.clone(),
                    entry.value.as_ref().map_or(serde_json::Value::Null, inner),
                )
            })
            .collect(),
        other => panic!("the generator makes no {other:?}"),
    }
}
