//! Secrets within addresses: `https://user:password@host`, `user:password@host:4317`, `…?api_key=secret`.

use std::ops::Range;

/// What ends an address in a text. A comma, a `'` and braces do not: passwords hold them, escaped or not.
const ENDS: [char; 8] = [' ', '\t', '\n', '\r', '"', '`', '<', '>'];

/// What stands around an address in a list or a map without blanks.
const AROUND: [char; 11] = ['\'', '{', '}', '[', ']', '(', ')', ',', ';', '=', '|'];

/// What begins the host of an address behind its scheme.
const AUTHORITY: &str = "://";

/// Parameters of addresses that hold secrets.
const PARAMETERS: [&str; 14] = [
    "access_key",
    "access_token",
    "api-key",
    "api_key",
    "apikey",
    "auth",
    "key",
    "password",
    "passwd",
    "secret",
    "sig",
    "signature",
    "token",
    "x-amz-signature",
];

/// The bytes of `text` that must not be shown, in order.
pub(crate) fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    if !text.contains(['@', '?', '&', '#']) {
        return found;
    }
    let mut at = 0;
    for word in text.split_inclusive(ENDS) {
        for piece in pieces(word.trim_end_matches(ENDS)) {
            let (address, begin) = (&word[piece.clone()], at + piece.start);
            let secrets = user(address).into_iter().chain(parameters(address));
            found.extend(secrets.map(|range| begin + range.start..begin + range.end));
        }
        at += word.len();
    }
    found
}

/// The addresses of a word, and what stands between them.
fn pieces(word: &str) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut from = 0;
    while from < word.len() {
        let start = next_scheme(word, from).unwrap_or(word.len());
        // What has no scheme in front of it may be `user:password@host`, alone in its quotes.
        let is_quoted = word[from..].trim_start_matches(['{', '[', '(']).starts_with('\'');
        let (start, opening) = match word[from..start].find('\'').filter(|_| is_quoted) {
            Some(at) if from + at + 1 < start => (from, from + at + 1),
            _ if start > from => {
                pieces.push(from..start);
                from = start;
                continue;
            }
            _ => (start, start),
        };
        let end = end_of(word, opening);
        pieces.push(start..end);
        from = end;
    }
    pieces
}

/// Where the next `scheme://` begins.
fn next_scheme(word: &str, from: usize) -> Option<usize> {
    let at = from + word[from..].find(AUTHORITY)?;
    let is_of_scheme = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
    Some(from + word[from..at].trim_end_matches(is_of_scheme).len())
}

/// Where an address ends that begins at `start`: with its quotes, or where another one begins behind a comma or its like.
fn end_of(word: &str, start: usize) -> usize {
    let mut at = start;
    if word[..start].ends_with('\'') {
        while let Some(quote) = word[at..].find('\'').map(|quote| at + quote) {
            // Two of them are one, within quotes (YAML 1.2, 7.3.2).
            if !word[quote + 1..].starts_with('\'') {
                return quote;
            }
            at = quote + 2;
        }
        return word.len();
    }
    while let Some(authority) = word[at..].find(AUTHORITY).map(|found| at + found + AUTHORITY.len()) {
        let Some(next) = next_scheme(word, authority) else {
            break;
        };
        if word[..next].ends_with(AROUND) {
            return next;
        }
        at = authority;
    }
    word.len()
}

/// `text` with stars in the place of its secrets.
pub(crate) fn without_secrets(text: &str) -> String {
    crate::mask::Masked::new(text, secrets(text)).text
}

/// Who the address says that we are.
fn user(address: &str) -> Option<Range<usize>> {
    if let Some(start) = address.find(AUTHORITY).map(|at| at + AUTHORITY.len()) {
        let rest = &address[start..];
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let end = authority.rfind('@').or_else(|| {
            // A password with a slash that should have been escaped looks like a port, above all one that begins with digits.
            let (_, port) = authority.rsplit_once(':')?;
            let end = rest.rfind('@')?;
            let (before, behind) = (&rest[..end], &rest[end + 1..]);
            let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
            let is_password = before.contains('#') || (!before.contains('?') && begins_with_a_host(behind));
            (!is_port || is_password).then_some(end)
        })?;
        return (end > 0).then(|| start..start + end);
    }
    let mut ends = address.rmatch_indices('@').map(|(at, _)| at);
    let end = ends.find(|at| begins_with_a_host(&address[at + 1..]))?;
    let user = address[..end].trim_start_matches(AROUND);
    (user.contains(':') && !user.starts_with(':')).then(|| end - user.len()..end)
}

/// Whether a host begins here, and ends where one may. A number alone is none: `@1609746000` is a time of PromQL.
fn begins_with_a_host(text: &str) -> bool {
    let is_of_host = |letter: char| letter.is_ascii_alphanumeric() || ".:-_[]".contains(letter);
    let behind = text.trim_start_matches(is_of_host);
    let host = &text[..text.len() - behind.len()];
    let is_named = host.starts_with('[') || host.contains(|letter: char| letter.is_ascii_alphabetic() || letter == '.');
    is_named && (behind.is_empty() || behind.starts_with(['/', '?', '#', ',', ';', '\'', '}', ')']))
}

fn parameters(address: &str) -> impl Iterator<Item = Range<usize>> {
    let query = address.find(['?', '#']).map_or(address.len(), |at| at + 1);
    let mut at = query;
    address[query..]
        .split_inclusive(['&', '#', ';', '?'])
        .filter_map(move |pair| {
            let begin = at;
            at += pair.len();
            let (key, value) = pair.trim_end_matches(['&', '#', ';', '?']).split_once('=')?;
            let is_secret = PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(key));
            let start = begin + key.len() + 1;
            let value = value.trim_end_matches(AROUND);
            (is_secret && !value.is_empty()).then(|| start..start + value.len())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_addresses_are_found_wherever_they_stand() {
        for (text, shown) in [
            ("http://acme:hunter2@host:4318/v1", "http://********@host:4318/v1"),
            ("https://hunter2@host", "https://********@host"),
            (
                "see https://a:hun@ter2@host, or not",
                "see https://********@host, or not",
            ),
            ("https://a:hunt/er2@host/x", "https://********@host/x"),
            (
                "\"acme:hunter2@host:4317\" is no host",
                "\"********@host:4317\" is no host",
            ),
            (
                "http://h/write?x=1&api_key=hunter2&y=2",
                "http://h/write?x=1&api_key=********&y=2",
            ),
            ("http://h?TOKEN=hunter2#part", "http://h?TOKEN=********#part"),
            (
                "http://h/#access_token=hunter2&x=1",
                "http://h/#access_token=********&x=1",
            ),
            ("{a: 'http://h?token=hunt,er2'}", "{a: 'http://h?token=********'}"),
            ("http://acme:hunt,er2@host", "http://********@host"),
            ("http://acme:hunt'e{r}2@host", "http://********@host"),
            ("'http://acme:hunt''er2@host','x@y'", "'http://********@host','x@y'"),
            (
                "[http://a:hunt,er2@h,http://b:hunter2@i,http://j]",
                "[http://********@h,http://********@i,http://j]",
            ),
            ("{a: 'acme:hunt,er2@host:1'}}", "{a: '********@host:1'}}"),
            ("acme:hunt'er2@host", "********@host"),
            ("https://acme:12#hunter2@host", "https://********@host"),
            ("https://acme:12/hunter2@host:1/x", "https://********@host:1/x"),
        ] {
            assert_eq!(without_secrets(text), shown);
        }
    }

    #[test]
    fn what_only_looks_like_it_is_left_alone() {
        for text in [
            "http://host:4318/v1?x=a@b",
            "http://host:4318/a@1609746000",
            "['http://host:4318','a@b']",
            "job:requests:rate5m@1609746000",
            "job:requests:rate5m@end()",
            "mail to someone@example.com",
            "image:tag@",
            "a = b & c",
            "?",
            "@",
        ] {
            assert_eq!(without_secrets(text), text);
        }
    }
}
