//! Where secrets most likely stand in a text that is no YAML: its lines are shown to whoever has to mend them.

use std::ops::Range;
use std::sync::Arc;

use crate::secrecy::Secrecy;
use crate::source::{Origin, Source};

/// The places of a source that must not be shown. Each reaches to the end of its line: what follows may be anything.
pub(crate) fn secrets(source: &Arc<Source>) -> Vec<Origin> {
    let mut open: Vec<(usize, Secrecy)> = Vec::new();
    let mut found = Vec::new();
    let mut at = 0;
    for line in source.text().split_inclusive('\n') {
        let content = line.trim_start_matches([' ', '\t', '-', '#']);
        let indent = line.len() - content.len();
        if !content.trim().is_empty() {
            open.retain(|(above, _)| *above < indent);
            let above = open.last().map_or(Secrecy::Open, |(_, secrecy)| *secrecy);
            let is_item = line.trim_start().starts_with('-');
            let is_value = above == Secrecy::Secret || (above == Secrecy::Guarded && (is_item || !has_key(content)));
            let (secret, below) = if is_value {
                (Some(0..content.trim_end().len()), above)
            } else {
                look(content, above)
            };
            found.extend(secret.map(|range| at + indent + range.start..at + indent + range.end));
            open.push((indent, below));
        }
        at += line.len();
    }
    found.into_iter().map(|range| Origin::new(source, range)).collect()
}

/// What must not be shown of one line, and what follows for the lines below it.
fn look(line: &str, above: Secrecy) -> (Option<Range<usize>>, Secrecy) {
    let end = line.trim_end().len();
    let mut secrecy = above;
    let mut rest = 0;
    let mut first = None;
    while let Some((key, value)) = next_key(line, rest) {
        let below = steps(key).fold(secrecy, Secrecy::below);
        first.get_or_insert(below);
        let text = line[value..].trim();
        let begin = line.len() - line[value..].trim_start().len();
        let goes_on_below = text.is_empty() || begins_a_block(text);
        // Of a block about credentials some keys are harmless, so what it holds is looked at key by key. Behind any other key in
        // such a block a brace may as well begin a secret.
        let is_block = below == Secrecy::Guarded && steps(key).fold(Secrecy::Open, Secrecy::below) == below;
        let is_looked_into = is_block && text.strip_prefix('{').is_some_and(has_key);
        if below != Secrecy::Open && !goes_on_below && !is_looked_into {
            return (Some(begin..end), first.unwrap_or(above));
        }
        if goes_on_below || text.starts_with(['{', '[', '&', '*']) {
            secrecy = below;
        }
        rest = value;
    }
    (None, first.unwrap_or(above))
}

/// The keys that one is written for: `a::b` and, on the command line, `a.b`.
fn steps(key: &str) -> impl Iterator<Item = &str> {
    key.split("::").flat_map(|steps| steps.split('.'))
}

/// Whether a value is the head of a text on the lines below it: `|`, `>-`, `|2 # why` (YAML 1.2, 8.1.1).
fn begins_a_block(text: &str) -> bool {
    const INDICATORS_MAX: usize = 2; // How deep it is indented, and which line breaks at its end count.
    let Some(rest) = text.strip_prefix(['|', '>']) else {
        return false;
    };
    let behind = rest.trim_start_matches(|letter: char| letter.is_ascii_digit() || "+-".contains(letter));
    let is_comment = behind.starts_with([' ', '\t']) && behind.trim_start().starts_with('#');
    rest.len() - behind.len() <= INDICATORS_MAX && (behind.is_empty() || is_comment)
}

/// What must not be shown of the comment of a line, which is in no tree. A `#` within a text is taken for one as well.
pub(crate) fn comment(line: &str) -> Option<Range<usize>> {
    let begins = |at: usize| at == 0 || line[..at].ends_with([' ', '\t']);
    line.match_indices('#')
        .filter(|(at, _)| begins(*at))
        .find_map(|(at, _)| {
            let (secret, _) = look(&line[at + 1..], Secrecy::Open);
            secret.map(|range| at + 1 + range.start..at + 1 + range.end)
        })
}

/// Whether a line begins with a key as YAML has it. One that does not continues the value above it.
fn has_key(line: &str) -> bool {
    next_key(line, 0)
        .is_some_and(|(_, value)| line[value..].starts_with([' ', '\t', '\r', '\n']) || value == line.len())
}

/// The next key from `from` on, and where its value begins.
fn next_key(line: &str, from: usize) -> Option<(&str, usize)> {
    let is_of_key = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
    let bytes = line.as_bytes();
    for at in from..bytes.len() {
        let ends_a_key = match bytes[at] {
            b'=' => true,
            b':' => bytes.get(at + 1) != Some(&b':') && (at == 0 || bytes[at - 1] != b':'),
            _ => false,
        };
        if !ends_a_key {
            continue;
        }
        let before = line[from..at].trim_end().trim_end_matches(['"', '\'']);
        let start = before
            .bytes()
            .rposition(|byte| !is_of_key(byte) && byte != b':')
            .map_or(0, |at| at + 1);
        if let Some(key) = before.get(start..).filter(|key| !key.is_empty()) {
            return Some((key, at + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::Masked;

    fn shown(text: &str) -> String {
        let source = Source::new("c.yaml", text, 0);
        let secrets = secrets(&source).iter().map(Origin::span).collect();
        Masked::new(text, secrets).text
    }

    #[test]
    fn values_of_secret_keys_are_hidden_to_the_end_of_their_line() {
        for (text, expected) in [
            ("password: hunter2: x", "password: ********"),
            ("  - password: \"hunter2", "  - password: ********"),
            ("# token: hunter2", "# token: ********"),
            (
                "a: {endpoint: b, tokn: hunter2, c: d",
                "a: {endpoint: b, tokn: ********",
            ),
            ("a::password: hunter2", "a::password: ********"),
            ("extensions.basicauth.pw=hunter2", "extensions.basicauth.pw=********"),
            ("password: *hunter2", "password: ********"),
            ("password: |hunter2", "password: ********"),
            ("password: |-12hunter2", "password: ********"),
            ("password: {hunter2", "password: ********"),
            ("basicauth: {hunter2", "basicauth: ********"),
            ("basicauth: {pw: hunter2", "basicauth: {pw: ********"),
            ("headers: &h {x: hunter2}", "headers: ********"),
            ("password: >-2 # folded", "password: >-2 # folded"),
            ("endpoint: host:4317", "endpoint: host:4317"),
            ("timeout: 5s: x", "timeout: 5s: x"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn comments_are_looked_at_as_lines_of_their_own() {
        let shown = |line: &str| comment(line).map(|range| line[range].to_owned());
        assert_eq!(shown("a: b # - token: hunter2\n").as_deref(), Some("hunter2"));
        assert_eq!(shown("#password=hunter2").as_deref(), Some("hunter2"));
        assert_eq!(shown("a: 'x # y' # # pass: hunter2").as_deref(), Some("hunter2"));
        for harmless in [
            "token: hunter2",
            "a: b#token: c",
            "# max_tokens: 5",
            "# as in endpoint: a",
            "#",
        ] {
            assert_eq!(shown(harmless), None, "{harmless}");
        }
    }

    #[test]
    fn what_stands_below_a_block_about_credentials_is_hidden_as_well() {
        let text = "basicauth:\n  htpasswd:\n    file: a\n    inline: |\n      acme:hunter2\n\n      hunter3\nbatch:\n  timeout: x: y\n";
        let expected = "basicauth:\n  htpasswd:\n    file: a\n    inline: |\n      ********\n\n      ********\nbatch:\n  timeout: x: y\n";
        assert_eq!(shown(text), expected);

        let text = "tokens:\n- hunter2\n- hunter3\nbatch:\n- a: b: c\n";
        assert_eq!(shown(text), "tokens:\n- ********\n- ********\nbatch:\n- a: b: c\n");
    }
}
