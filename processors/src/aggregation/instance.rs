//! Who counts.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

/// Names this process, as long as it lives, in the form of a random UUID.
///
/// Two processes that count the same streams would else write to one series, and each would look like a restart of the
/// other (metrics data model, "Single-Writer").
pub fn instance_id() -> &'static str {
    static ID: OnceLock<String> = OnceLock::new();
    ID.get_or_init(|| {
        // The standard library seeds its hash maps from the operating system.
        let [high, low] = [0_u8, 1].map(|half| RandomState::new().hash_one((half, std::process::id())));
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 48 & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff,
        )
    })
}
