//! Headers of requests: a map of names to values, or a list of both.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::secret::Secret;

/// Headers that are sent with every request; the values are secret.
///
/// Written as a map, or as a list of `name` and `value` where the order or a repeated name matters; the Collector takes
/// both.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Headers(pub Vec<(String, Secret)>);

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MapOrList)
    }
}

/// One entry of the list.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    value: Secret,
}

struct MapOrList;

impl<'de> Visitor<'de> for MapOrList {
    type Value = Headers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of header names to values, or a list of names and values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Headers, A::Error> {
        let mut headers = Vec::new();
        while let Some(Entry { name, value }) = list.next_element()? {
            headers.push((name, value));
        }
        Ok(Headers(headers))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
        let mut headers = Vec::new();
        while let Some(entry) = map.next_entry()? {
            headers.push(entry);
        }
        Ok(Headers(headers))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Headers, E> {
        Ok(Headers::default())
    }
}
