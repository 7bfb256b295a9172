//! Regular expressions from the configuration.

use regex::Regex;

/// Compiles a pattern as users write it. It matches anywhere in the text, as in the Collector; anchors are the user's.
pub(crate) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    Regex::new(pattern)
}

/// What is wrong with a pattern, on one line.
pub(crate) fn complaint(error: &regex::Error) -> String {
    let text = error.to_string();
    // The parser draws the pattern with a caret over several lines; the last one says what is wrong.
    let last = text.lines().last().unwrap_or_default().trim();
    format!(
        "is not a regular expression: {}",
        last.strip_prefix("error: ").unwrap_or(last)
    )
}

/// Groups without a name, besides the whole match.
pub(super) fn unnamed_groups(regex: &Regex) -> usize {
    regex.capture_names().skip(1).filter(Option::is_none).count()
}
