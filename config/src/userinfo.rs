//! Secrets within addresses: `https://user:password@host`, `user:password@host:4317`, `…?api_key=secret`.

use std::ops::Range;

/// What ends an address in a text.
const ENDS: [char; 12] = [' ', '\t', '\n', '\r', '"', '\'', '`', ',', '<', '>', '{', '}'];

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
    if !text.contains(['@', '?', '&']) {
        return found;
    }
    let mut at = 0;
    for word in text.split_inclusive(ENDS) {
        let address = word.trim_end_matches(ENDS);
        found.extend(user(address).map(|range| at + range.start..at + range.end));
        found.extend(parameters(address).map(|range| at + range.start..at + range.end));
        at += word.len();
    }
    found
}

/// `text` with stars in the place of its secrets.
pub(crate) fn without_secrets(text: &str) -> String {
    crate::mask::Masked::new(text, secrets(text)).text
}

/// Who the address says that we are.
fn user(address: &str) -> Option<Range<usize>> {
    if let Some(start) = address.find("://").map(|at| at + "://".len()) {
        let rest = &address[start..];
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let end = authority.rfind('@').or_else(|| {
            // A password with a slash that should have been escaped looks like a port.
            let (_, port) = authority.rsplit_once(':')?;
            let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
            rest.rfind('@').filter(|_| !is_port)
        })?;
        return (end > 0).then(|| start..start + end);
    }
    let at = address.rfind('@')?;
    let (before, behind) = (&address[..at], &address[at + 1..]);
    let host = behind.split('/').next().unwrap_or_default();
    let is_host = host.bytes().any(|byte| byte.is_ascii_alphabetic() || byte == b'.')
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".:-_[]".contains(&byte));
    (before.contains(':') && !before.starts_with(':') && is_host).then_some(0..at)
}

fn parameters(address: &str) -> impl Iterator<Item = Range<usize>> {
    let query = address.find('?').map_or(address.len(), |at| at + 1);
    let mut at = query;
    address[query..]
        .split_inclusive(['&', '#', ';'])
        .filter_map(move |pair| {
            let begin = at;
            at += pair.len();
            let (key, value) = pair.trim_end_matches(['&', '#', ';']).split_once('=')?;
            let is_secret = PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(key));
            let start = begin + key.len() + 1;
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
        ] {
            assert_eq!(without_secrets(text), shown);
        }
    }

    #[test]
    fn what_only_looks_like_it_is_left_alone() {
        for text in [
            "http://host:4318/v1?x=a@b",
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
