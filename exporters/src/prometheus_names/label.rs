//! Names of labels.

use std::borrow::Cow;

use super::{Names, Translated, Underscores, fallback};

/// The label for an attribute key; borrowed where nothing changes.
pub(crate) fn label_name<'a>(names: &Names, key: &'a str) -> (Cow<'a, str>, bool) {
    if names.strategy.keeps_utf8() && !key.is_empty() {
        return (Cow::Borrowed(key), false);
    }
    legacy_label_name(key, names.underscores)
}

/// The same in the characters of classic Prometheus: `[a-zA-Z_][a-zA-Z0-9_]*`. The flag says that nothing of the key
/// was left and it is written in hexadecimal.
pub(crate) fn legacy_label_name(key: &str, underscores: Underscores) -> (Cow<'_, str>, bool) {
    if is_legacy(key, underscores) {
        return (Cow::Borrowed(key), false);
    }
    if !key.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
        let Translated { name, is_fallback } = fallback("key", key);
        return (Cow::Owned(name), is_fallback);
    }
    let mut name = String::with_capacity(key.len() + 4);
    if key.starts_with(|letter: char| letter.is_ascii_digit()) {
        name.push_str("key_");
    }
    for letter in key.chars() {
        if letter.is_ascii_alphanumeric() {
            name.push(letter);
        } else if underscores == Underscores::Kept || !name.ends_with('_') {
            name.push('_');
        }
    }
    (Cow::Owned(name), false)
}

fn is_legacy(key: &str, underscores: Underscores) -> bool {
    let bytes = key.as_bytes();
    let is_legal = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let has_meaning = bytes.iter().any(|byte| *byte != b'_');
    let starts_well = bytes.first().is_some_and(|byte| !byte.is_ascii_digit());
    is_legal && has_meaning && starts_well && (underscores == Underscores::Kept || !key.contains("__"))
}
