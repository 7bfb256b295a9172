//! Which values are nobody's business, judged by their keys.
//!
//! A type knows its own secrets and tells of them when it is read ([`crate::Secret`]). Of a key that is misspelt, of a block
//! that is not read yet and of a file that is no YAML only the words are known. They are taken for what they most likely
//! mean, and rather for a secret than not: nobody needs the value to mend the key.

use std::ops::Range;

use crate::location;
use crate::node::{Entry, Node, Value};
use crate::path::Path;
use crate::source::Origin;
use crate::suggest;

/// What a place says about the values below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Secrecy {
    /// Nothing.
    #[default]
    Open,
    /// A block about credentials: whatever is not known to be harmless is a secret.
    Guarded,
    /// All of it is a secret.
    Secret,
}

/// Keys that name a secret, by their last word.
const SECRETS: [&str; 24] = [
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "pass",
    "pwd",
    "secret",
    "secrets",
    "token",
    "tokens",
    "bearer",
    "credential",
    "credentials",
    "apikey",
    "cookie",
    "cred",
    "creds",
    "dsn",
    "jwt",
    "license",
    "pat",
    "sas",
    "signature",
    "webhook",
];

/// Keys that name a secret, by their last two words.
const PAIRS: [[&str; 2]; 12] = [
    ["api", "key"],
    ["access", "key"],
    ["account", "key"],
    ["auth", "key"],
    ["connection", "string"],
    ["encryption", "key"],
    ["key", "pem"],
    ["license", "key"],
    ["private", "key"],
    ["proxy", "url"],
    ["shared", "key"],
    ["signing", "key"],
];

/// Blocks about credentials, beside those that have `auth` in their name.
const BLOCKS: [&str; 6] = [
    "authorization",
    "basicauth",
    "bearertokenauth",
    "clientauth",
    "headers",
    "htpasswd",
];

/// Last words of keys beside a secret that say where it is and how it is shown.
const HARMLESS: [&str; 22] = [
    "arn",
    "authenticator",
    "authority",
    "endpoint",
    "file",
    "filename",
    "format",
    "header",
    "id",
    "interval",
    "method",
    "name",
    "path",
    "realm",
    "scheme",
    "timeout",
    "ttl",
    "type",
    "uri",
    "url",
    "user",
    "username",
];

/// Words that make tokens countable.
const COUNTED: [&str; 9] = [
    "completion",
    "count",
    "input",
    "max",
    "min",
    "num",
    "output",
    "prompt",
    "total",
];

/// Longest key that is compared letter by letter; a longer one is no key that somebody has misspelt.
const KEY_BYTES_MAX: usize = 64;

impl Secrecy {
    /// Of what stands below `path`.
    pub(crate) fn of(path: &Path) -> Self {
        path.steps().iter().fold(Self::Open, |above, step| above.below(step))
    }

    /// Of what stands behind `key`.
    pub(crate) fn below(self, key: &str) -> Self {
        if self == Self::Secret || key.len() > KEY_BYTES_MAX {
            return self;
        }
        let kind = key.split('/').next().unwrap_or_default(); // `basicauth/edge`
        let words = words(kind);
        let last = words.last().map_or("", String::as_str);
        let counts = last.starts_with("token") && words.iter().any(|word| COUNTED.contains(&word.as_str()));
        let is_secret_pair = is_pair(&words);
        if (HARMLESS.contains(&last) && !is_secret_pair) || counts {
            Self::Open
        } else if is_near(last, &SECRETS) || is_secret_pair {
            Self::Secret
        } else if is_block(&words.concat()) || last == "headers" || key.starts_with("x-") {
            // `extra_headers`, and a header that stands outside of its block.
            Self::Guarded
        } else {
            self
        }
    }

    /// Whether such a scalar here must not be shown.
    pub(crate) fn hides(self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Null | Value::List(_) | Value::Map(_)) => false,
            (Self::Secret, _) => true,
            (Self::Guarded, value) => !matches!(value, Value::Bool(_)),
            (Self::Open, Value::Text(text)) => reads_like_a_secret(&text.text),
            (Self::Open, _) => false,
        }
    }
}

/// Calls `found` with every scalar at and below `node` that must not be shown.
pub(crate) fn walk(node: &Node, path: &Path, above: Secrecy, found: &mut dyn FnMut(&Path, &Node)) {
    match &node.value {
        Value::Map(map) => {
            let all = map.entries.iter().chain(&map.repeated);
            for Entry { key, value, .. } in all {
                // A header's name is harmless, and a block of headers is not.
                let holds_headers = key == "header" && matches!(value.value, Value::Map(_) | Value::List(_));
                let below = if holds_headers {
                    Secrecy::Guarded
                } else {
                    above.below(key)
                };
                walk(value, &path.child(key.as_str()), below, found);
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &path.child(index.to_string()), above, found);
            }
        }
        value if above.hides(value) => found(path, node),
        _ => {}
    }
}

/// Calls `found` with every place of a secret that was written as a block: its keys may be parts of it as well.
pub(crate) fn everything(node: &Node, found: &mut dyn FnMut(&Origin)) {
    match &node.value {
        Value::Map(map) => {
            for Entry { key_origin, value, .. } in map.entries.iter().chain(&map.repeated) {
                found(key_origin);
                everything(value, found);
            }
        }
        Value::List(items) => items.iter().for_each(|item| everything(item, found)),
        _ => found(&node.origin),
    }
}

/// The parts of a secret's place that must not be shown: of `${env:NAME:-default}` the default, of `${env:NAME}` and
/// `${file:path}` nothing. Of a text with references in it each is a part as well, because messages speak of one alone.
pub(crate) fn hidden_parts(place: &Origin) -> Vec<Origin> {
    let text = place.text();
    let unquoted = text.trim_matches(['"', '\'']);
    let is_reference = unquoted.starts_with("${") && unquoted.find('}') == Some(unquoted.len() - 1);
    let mut parts: Vec<Range<usize>> = Vec::new();
    if !is_reference {
        parts.push(0..text.len());
    }
    for (at, opening) in text.match_indices("${") {
        let begin = at + opening.len();
        // A reference that holds another one ends behind it; only the inner one is written in full.
        if let Some((inside, _)) = text[begin..]
            .split_once('}')
            .filter(|(inside, _)| !inside.contains(opening))
        {
            let hidden = hidden_of_reference(inside);
            parts.extend(hidden.map(|part| begin + part.start..begin + part.end));
        }
    }
    let start = place.span().start;
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts
        .map(|part| Origin::new(place.source(), start + part.start..start + part.end))
        .collect()
}

/// What must not be shown of the inside of `${…}`.
fn hidden_of_reference(inside: &str) -> impl Iterator<Item = Range<usize>> {
    let all = 0..inside.len();
    let variable = if inside.starts_with("env:") { "env:".len() } else { 0 };
    let name = match inside[variable..].find(":-") {
        Some(at) => variable..variable + at,
        None => variable..all.end,
    };
    let default = (name.end + ":-".len()).min(all.end)..all.end;
    let behind = |scheme: &str| scheme.len() + ":".len()..all.end;
    let parts = match inside.split_once(':') {
        _ if location::is_variable(&inside[name.clone()]) => [None, Some(default)],
        Some(("file", _)) => [None, None],
        Some(("env", _)) => [Some(name), Some(default)],
        Some((scheme @ ("yaml" | "http" | "https"), _)) => [Some(behind(scheme)), None],
        // What stands in front of the colon may as well be a secret: messages show both together and each alone.
        Some((scheme, _)) => [Some(0..scheme.len()), Some(behind(scheme))],
        None => [Some(all), None],
    };
    parts.into_iter().flatten()
}

/// Whether a value says of itself that it is a secret, or holds one: `authorization: Bearer …`.
fn reads_like_a_secret(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let shows = |scheme: &str| {
        let begins = lower.match_indices(scheme).map(|(at, _)| at);
        begins.filter(|at| *at == 0 || lower[..*at].ends_with(": ")).any(|at| {
            let rest = &lower[at + scheme.len()..];
            rest.len() >= 4 && !rest.contains(' ')
        })
    };
    shows("bearer ") || shows("basic ") || text.contains("PRIVATE KEY-----")
}

fn is_pair(words: &[String]) -> bool {
    let known = PAIRS.map(|pair| pair.concat());
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let last = words.len().saturating_sub(2);
    // Written as two words or as one.
    is_near(&words[last..].concat(), &known) || words.last().is_some_and(|word| is_near(word, &known))
}

fn is_block(key: &str) -> bool {
    let is_about_auth = key.match_indices("auth").any(|(at, _)| {
        let rest = &key[at..];
        !rest.starts_with("author") || rest.starts_with("authori")
    });
    (is_about_auth && !key.ends_with("authority")) || is_near(key, &BLOCKS)
}

/// Whether a word is one of these, give or take a letter, or two of a long one. Hardly anybody slips on the first, and
/// `readers` are no `headers`.
fn is_near(word: &str, known: &[&str]) -> bool {
    known.iter().any(|known| {
        let slips_max = match known.len() {
            0..=4 => 0,
            5..=6 => 1,
            _ => 2,
        };
        word.len().abs_diff(known.len()) <= slips_max
            && word.get(..1) == known.get(..1)
            && suggest::distance(word, known) <= slips_max
    })
}

/// `clientSecret`, `client_secret` and `X-Client-Secret` are client and secret.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for letter in key.chars() {
        let begins = letter.is_uppercase() && was_lower;
        if (begins || !letter.is_alphanumeric()) && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        was_lower = letter.is_lowercase();
    }
    if words.len() > 1 && words.last().is_some_and(String::is_empty) {
        words.pop();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use Secrecy::{Guarded, Open, Secret};

    #[test]
    fn keys_that_name_secrets_are_known_with_a_typing_error_and_in_every_spelling() {
        for key in [
            "password",
            "pasword",
            "passwords",
            "passwd",
            "tokn",
            "client_secret",
            "clientSecret",
            "X-Api-Key",
            "api_key",
            "bearer_token",
            "proxy.password",
            "credentials",
            "key_pem",
            "key_pm",
            "keypem",
            "private_kye",
        ] {
            assert_eq!(Open.below(key), Secret, "{key}");
        }
        for key in [
            "auth",
            "basicauth",
            "basicaut",
            "bearertokenauth/edge",
            "client_auth",
            "authorization",
            "authorisation",
            "headers",
            "hedders",
            "htpaswd",
            "oauth2client",
        ] {
            assert_eq!(Open.below(key), Guarded, "{key}");
        }
    }

    #[test]
    fn keys_that_name_none_are_left_alone() {
        for key in [
            "endpoint",
            "endpont",
            "authority",
            "key",
            "keys",
            "key_file",
            "password_file",
            "token_url",
            "max_tokens",
            "gen_ai.usage.input_tokens",
            "authenticator",
            "identities",
            "header",
            "timeout",
            "author",
            "readers",
            "taken_at",
            "",
        ] {
            assert_eq!(Open.below(key), Open, "{key}");
        }
    }

    #[test]
    fn below_a_block_about_credentials_all_is_secret_but_what_is_known_to_be_harmless() {
        assert_eq!(Guarded.below("pw"), Guarded);
        assert_eq!(Guarded.below("username"), Open);
        assert_eq!(Guarded.below("filename"), Open);
        assert!(Guarded.hides(&Value::Int(5)) && !Guarded.hides(&Value::Bool(true)));
        assert!(Secret.hides(&Value::Bool(true)) && !Secret.hides(&Value::Null));
    }
}
