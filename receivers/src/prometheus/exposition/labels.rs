//! Names and labels.

use std::borrow::Cow;

use memchr::memchr2;

/// Labels as they stand on the page, with escapes undone. Names may come twice; that is for the caller to refuse.
pub(in super::super) type LabelPairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// What stands between braces: a quoted metric name, if there is one, and the labels.
pub(super) fn read(inside: &[u8]) -> Result<(Option<Cow<'_, str>>, LabelPairs<'_>), &'static str> {
    let mut rest = inside.trim_ascii_start();
    let mut name = None;
    let mut labels = LabelPairs::new();
    while !rest.is_empty() {
        let quoted = rest.first() == Some(&b'"');
        let (key, behind) = if quoted { text(rest)? } else { bare(rest)? };
        rest = behind.trim_ascii_start();
        match rest.split_first() {
            Some((b'=', behind)) => {
                if key.is_empty() {
                    return Err("a label has no name");
                }
                let (value, behind) = text(behind.trim_ascii_start())?;
                labels.push((key, value));
                rest = behind.trim_ascii_start();
            }
            // A quoted text alone is the name of the metric (names beyond the old alphabet).
            _ if quoted && name.is_none() && !key.is_empty() => name = Some(key),
            _ => return Err("a label has no value"),
        }
        match rest.split_first() {
            Some((b',', behind)) => rest = behind.trim_ascii_start(),
            None => {}
            _ => return Err("there is no comma between two labels"),
        }
    }
    Ok((name, labels))
}

/// Where the braces that begin here end: the length with both braces.
pub(super) fn braces_len(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        let rest = text.get(at..)?;
        let found = memchr2(b'"', b'}', rest)?;
        at += found + 1;
        if rest.get(found) == Some(&b'}') {
            return Some(at);
        }
        at += quoted_len(text.get(at..)?)?;
    }
}

/// The length of a quoted text behind its opening quote, with the closing one.
fn quoted_len(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let found = memchr2(b'"', b'\\', rest)?;
        at += found + 1;
        if rest.get(found) == Some(&b'"') {
            return Some(at);
        }
        at += 1; // Whatever a backslash stands before.
    }
}

/// A quoted text with its escapes undone, and what follows it.
pub(super) fn text(quoted: &[u8]) -> Result<(Cow<'_, str>, &[u8]), &'static str> {
    let Some((b'"', behind)) = quoted.split_first() else {
        return Err("a label value is not quoted");
    };
    let length = quoted_len(behind).ok_or("a quote is not closed")?;
    let (raw, rest) = behind.split_at_checked(length).ok_or("a quote is not closed")?;
    let raw = raw.strip_suffix(b"\"").unwrap_or(raw);
    let raw = std::str::from_utf8(raw).map_err(|_| "a text is not UTF-8")?;
    Ok((unescape(raw, true), rest))
}

/// `\\`, `\n` and, in quotes, `\"`. Any other backslash stands for itself.
pub(super) fn unescape(raw: &str, in_quotes: bool) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut plain = String::with_capacity(raw.len());
    let mut letters = raw.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            plain.push(letter);
            continue;
        }
        match letters.next() {
            Some('\\') => plain.push('\\'),
            Some('n') => plain.push('\n'),
            Some('"') if in_quotes => plain.push('"'),
            other => {
                plain.push('\\');
                plain.extend(other);
            }
        }
    }
    Cow::Owned(plain)
}

/// A label name without quotes.
fn bare(text: &[u8]) -> Result<(Cow<'_, str>, &[u8]), &'static str> {
    let end = text
        .iter()
        .position(|letter| !(letter.is_ascii_alphanumeric() || *letter == b'_'))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end).ok_or("a label has no name")?;
    match name.first() {
        None => Err("a label name has a character that needs quotes"),
        Some(letter) if letter.is_ascii_digit() => Err("a label name begins with a digit"),
        Some(_) => Ok((
            Cow::Borrowed(std::str::from_utf8(name).map_err(|_| "a text is not UTF-8")?),
            rest,
        )),
    }
}

/// A metric name without quotes.
pub(super) fn metric_name(text: &[u8]) -> Result<&str, &'static str> {
    let legal = |letter: &u8| letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b':');
    match text.first() {
        None => Err("the metric has no name"),
        Some(letter) if letter.is_ascii_digit() => Err("a metric name begins with a digit"),
        Some(_) if text.iter().all(legal) => std::str::from_utf8(text).map_err(|_| "a text is not UTF-8"),
        Some(_) => Err("a metric name has a character that needs quotes"),
    }
}
