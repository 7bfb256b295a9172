//! Text from outside, made fit for a log line or a terminal.

use std::borrow::Cow;

/// Text with its control characters escaped, so that it cannot forge log lines or move a terminal's cursor.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_dangerous) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_dangerous(letter) {
            safe.extend(letter.escape_default());
        } else {
            safe.push(letter);
        }
    }
    Cow::Owned(safe)
}

/// The same, cut to `bytes_max`; says so where something is missing.
pub(crate) fn excerpt(text: &str, bytes_max: usize) -> String {
    let end = text.floor_char_boundary(bytes_max);
    match text.get(..end) {
        Some(shown) if end < text.len() => format!("{}… ({} bytes)", printable(shown), text.len()),
        _ => printable(text).into_owned(),
    }
}

/// Control characters, and the marks that turn the direction of the text around them.
fn is_dangerous(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_other_text_is_untouched() {
        assert_eq!(printable("größer 日本"), "größer 日本");
        assert_eq!(
            printable("a\nlevel=error\u{1b}[31m\u{202e}b\u{9b}"),
            "a\\nlevel=error\\u{1b}[31m\\u{202e}b\\u{9b}"
        );
    }

    #[test]
    fn an_excerpt_is_cut_between_characters_and_says_so() {
        assert_eq!(excerpt("größer", 3), "gr… (8 bytes)");
        assert_eq!(excerpt("größer", 8), "größer");
    }
}
