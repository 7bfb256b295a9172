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
        let below = key
            .split("::")
            .flat_map(|steps| steps.split('.'))
            .fold(secrecy, Secrecy::below);
        first.get_or_insert(below);
        let text = line[value..].trim_start();
        let begin = line.len() - text.len();
        let holds_more = text.trim().is_empty() || text.starts_with(['{', '[', '|', '>', '&', '*']);
        if !holds_more && below != Secrecy::Open {
            return (Some(begin..end), first.unwrap_or(above));
        }
        if text.starts_with('[') && below != Secrecy::Open {
            return (Some(begin..end), first.unwrap_or(above));
        }
        if holds_more {
            secrecy = below;
        }
        rest = value;
    }
    (None, first.unwrap_or(above))
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
        let before = line[..at].trim_end().trim_end_matches(['"', '\'']);
        let start = before
            .bytes()
            .rposition(|byte| !is_of_key(byte) && byte != b':')
            .map_or(0, |at| at + 1)
            .max(from);
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
            ("endpoint: host:4317", "endpoint: host:4317"),
            ("timeout: 5s: x", "timeout: 5s: x"),
        ] {
            assert_eq!(shown(text), expected);
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
