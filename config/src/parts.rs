//! One map read by several types: the Collector's files put shared blocks beside a component's own keys.
//!
//! `otlp_http` has `endpoint`, `tls` and `headers` of its HTTP client, `sending_queue` and `retry_on_failure` of
//! its delivery, and `encoding` of itself, all at one level. `#[serde(flatten)]` would buffer the values without
//! their places and accept unknown keys, so each part is an ordinary struct that reads the same map and takes the
//! keys it knows; what no part knows is an error at its key.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Visitor};

use crate::de;

/// Reads one map as several structs, given as a tuple.
///
/// ```
/// use serde::{Deserialize, Deserializer};
///
/// #[derive(Default, Deserialize)]
/// #[serde(default)]
/// struct Client { endpoint: String }
///
/// #[derive(Default, Deserialize)]
/// #[serde(default)]
/// struct Own { encoding: String }
///
/// struct Config { client: Client, own: Own }
///
/// impl<'de> Deserialize<'de> for Config {
///     fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
///         let (client, own) = config::parts(deserializer)?;
///         Ok(Self { client, own })
///     }
/// }
/// # impl config::Validate for Config {}
/// let section = config::Section::from_yaml("example.yaml", "endpoint: a:1\nencoding: json\n").unwrap();
/// let mut diagnostics = config::Diagnostics::new();
/// let config: Config = config::decode(&section, &mut diagnostics).unwrap();
/// assert_eq!((config.client.endpoint.as_str(), config.own.encoding.as_str()), ("a:1", "json"));
/// ```
///
/// A part may have parts itself. A part must be a struct (not an `Option`, a map or an enum).
pub fn parts<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Parts<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Parts<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map")
        }

        fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<T, D::Error> {
            T::deserialize(inner)
        }
    }

    deserializer.deserialize_newtype_struct(de::PARTS, Parts(PhantomData))
}

/// Reads an optional block whose mere presence switches it on: `grpc:` with nothing behind it is
/// `Some(default)`, an absent key is `None`. For `#[serde(default, deserialize_with = "config::present")]`.
pub fn present<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Present<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Present<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map or nothing")
        }

        fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<T, D::Error> {
            T::deserialize(inner)
        }
    }

    deserializer
        .deserialize_newtype_struct(de::PRESENT, Present(PhantomData))
        .map(Some)
}

/// The keys that the parts of one map know, collected while they read it.
#[derive(Debug, Default)]
pub(crate) struct PartKeys {
    keys: RefCell<BTreeSet<&'static str>>,
}

impl PartKeys {
    pub(crate) fn add(&self, fields: &'static [&'static str]) {
        self.keys.borrow_mut().extend(fields);
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.keys.borrow().contains(key)
    }

    pub(crate) fn sorted(&self) -> Vec<&'static str> {
        self.keys.borrow().iter().copied().collect()
    }
}
