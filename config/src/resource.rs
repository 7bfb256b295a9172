//! `service.telemetry.resource`: a map of attributes, or the declarative list of newer Collectors.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

use crate::unread::Unread;

/// Attributes of everything the program says about itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resource {
    /// Values by key. None removes an attribute that the program would set itself, such as `service.instance.id`.
    pub attributes: BTreeMap<String, Option<String>>,
}

impl<'de> Deserialize<'de> for Resource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ResourceVisitor)
    }
}

struct ResourceVisitor;

impl<'de> Visitor<'de> for ResourceVisitor {
    type Value = Resource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Resource, A::Error> {
        let mut attributes = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "attributes" => {
                    let list: Vec<Attribute> = map.next_value()?;
                    attributes.extend(list.into_iter().map(|attribute| (attribute.name, attribute.value.0)));
                }
                "schema_url" | "detectors" | "detection/development" => {
                    map.next_value::<Unread>()?;
                }
                _ => {
                    let Text(value) = map.next_value()?;
                    attributes.insert(key, value);
                }
            }
        }
        Ok(Resource { attributes })
    }
}

/// One entry of the declarative list.
#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Attribute {
    name: String,
    value: Text,
    #[serde(rename = "type")]
    _type: String,
}

/// A scalar as text; null is none.
#[derive(Default)]
struct Text(Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number or a boolean")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text(Some(text.to_owned())))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Text, E> {
        Ok(Text(Some(value.to_string())))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Text, E> {
        Ok(Text(Some(value.to_string())))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Text, E> {
        Ok(Text(Some(value.to_string())))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Text, E> {
        Ok(Text(Some(value.to_string())))
    }
}
