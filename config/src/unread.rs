//! Keys of the Collector that are accepted and not used, so that a copied file still loads.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, Visitor};

use crate::de::UNREAD;

/// Takes any value and keeps nothing of it. A field of this type goes with a notice from
/// [`crate::Report::without_effect`]; printing redacts what stands below it, because nobody knows what is secret there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unread;

impl<'de> Deserialize<'de> for Unread {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UnreadVisitor;

        impl<'de> Visitor<'de> for UnreadVisitor {
            type Value = Unread;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Unread, D::Error> {
                IgnoredAny::deserialize(inner).map(|IgnoredAny| Unread)
            }
        }

        deserializer.deserialize_newtype_struct(UNREAD, UnreadVisitor)
    }
}
