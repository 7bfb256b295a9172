//! `headers` of a client block: sent with every request, values kept secret.

use std::fmt;

use ::http::{HeaderMap, HeaderName, HeaderValue};
use config::{Report, Secret};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Headers that are sent with every request.
///
/// Written as a map, or as a list of `name` and `value` where the order or a repeated name matters; the Collector
/// takes both.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Headers(Vec<(String, Secret)>);

/// Headers that belong to the protocol: setting them would break the request.
const RESERVED: &[&str] = &[
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "te",
    "connection",
];

impl Headers {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reports names and values that HTTP does not allow, below `headers`.
    pub fn validate(&self, report: &mut Report<'_>) {
        for (name, value) in &self.0 {
            let path = format!("headers::{name}");
            let path = if report.has(&path) { path.as_str() } else { "headers" };
            match HeaderName::from_bytes(name.as_bytes()) {
                Err(_) => report.reject(path, format!("{name:?} is not a header name")),
                Ok(name) if RESERVED.contains(&name.as_str()) => {
                    report.help(
                        path,
                        format!("the header {name:?} is set by the protocol"),
                        "delete this header",
                    );
                }
                Ok(_) => {}
            }
            if HeaderValue::from_str(value.reveal()).is_err() {
                report.reject(
                    path,
                    "the value has characters that a header cannot carry, such as a line break",
                );
            }
        }
    }

    /// The headers as requests carry them. What [`validate`](Self::validate) refused is left out.
    pub fn to_map(&self) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(self.0.len());
        for (name, value) in &self.0 {
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = HeaderValue::from_str(value.reveal());
            if let (Ok(name), Ok(mut value)) = (name, value) {
                // Keeps the value out of debug output and out of HPACK's table, where it could be guessed at.
                value.set_sensitive(true);
                map.append(name, value);
            }
        }
        map
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Headers {
    fn from(headers: [(&str, &str); N]) -> Self {
        Self(
            headers
                .into_iter()
                .map(|(name, value)| (name.to_owned(), Secret::from(value)))
                .collect(),
        )
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MapOrList)
    }
}

/// One entry of the list form.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    value: Secret,
}

struct MapOrList;

impl<'de> Visitor<'de> for MapOrList {
    type Value = Headers;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map of header names to values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
        let mut headers = Vec::new();
        while let Some(entry) = map.next_entry::<String, Secret>()? {
            headers.push(entry);
        }
        Ok(Headers(headers))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Headers, A::Error> {
        let mut headers = Vec::new();
        while let Some(Entry { name, value }) = list.next_element()? {
            headers.push((name, value));
        }
        Ok(Headers(headers))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Headers, E> {
        Ok(Headers::default())
    }
}
