//! Labels as one row of bytes, and names in the characters of classic Prometheus.

use std::borrow::Cow;

/// Stands behind every name and value. It is in no UTF-8, so nothing runs together.
const END: u8 = 0xff;

/// What kind of name it is: metrics may have colons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameOf {
    Metric,
    Label,
}

/// Adds labels to a row.
pub(super) fn pack<'a>(row: &mut Vec<u8>, labels: impl IntoIterator<Item = (&'a str, &'a str)>) {
    for (name, value) in labels {
        for part in [name, value] {
            row.extend_from_slice(part.as_bytes());
            row.push(END);
        }
    }
}

/// The labels of a row, in their order.
pub(super) fn unpack(row: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut parts = row.split(|byte| *byte == END);
    std::iter::from_fn(move || Some((parts.next()?, parts.next()?)))
}

/// Whether classic Prometheus knows such names.
pub(super) fn is_legal(name: &[u8], of: NameOf) -> bool {
    let starts_well = name.first().is_some_and(|byte| !byte.is_ascii_digit());
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || (*byte == b':' && of == NameOf::Metric);
    starts_well && name.iter().all(fits)
}

/// Every character that classic Prometheus does not know as one `_` (Prometheus' content negotiation,
/// `escaping=underscores`).
pub(super) fn escaped(name: &str, of: NameOf) -> Cow<'_, str> {
    if is_legal(name.as_bytes(), of) {
        return Cow::Borrowed(name);
    }
    if name.is_empty() {
        return Cow::Borrowed("_");
    }
    let legal = |(at, letter): (usize, char)| match letter {
        '0'..='9' if at == 0 => '_',
        ':' if of == NameOf::Metric => ':',
        letter if letter.is_ascii_alphanumeric() => letter,
        _ => '_',
    };
    Cow::Owned(name.char_indices().map(legal).collect())
}

/// The same for all names of a label set. Values of labels that become one are joined with `;`.
pub(super) fn escaped_labels<'a>(labels: &[(&'a str, &'a str)]) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
    let mut legal: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::with_capacity(labels.len());
    for (name, value) in labels {
        let name = match escaped(name, NameOf::Label) {
            // The metric's own name would be there twice.
            taken if taken == "__name__" => Cow::Borrowed("___name__"),
            free => free,
        };
        match legal.iter_mut().find(|(known, _)| *known == name) {
            Some((_, first)) => *first = Cow::Owned(format!("{first};{value}")),
            None => legal.push((name, Cow::Borrowed(value))),
        }
    }
    legal.sort_by(|(a, _), (b, _)| a.cmp(b));
    legal
}
