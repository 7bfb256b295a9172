//! What users write.

use std::collections::BTreeMap;

use config::{Report, Secret, Validate};
use serde::Deserialize;

/// Knows senders by tokens, and shows one to destinations.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The word before a token; empty for tokens that stand alone.
    pub scheme: String,
    /// The header that holds it.
    pub header: String,
    /// The token.
    pub token: Secret,
    /// Several of them; exporters show the first.
    pub tokens: Vec<Secret>,
    /// A file with a token a line, of which exporters show the first; the two above are not read then.
    pub filename: String,
    /// Tokens by the names that processors know their senders by.
    pub identities: BTreeMap<String, Secret>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            scheme: "Bearer".to_owned(),
            header: "authorization".to_owned(),
            token: Secret::default(),
            tokens: Vec::new(),
            filename: String::new(),
            identities: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Whether one of the tokens is ours. Those with names are others'.
    pub(super) fn has_own(&self) -> bool {
        self.has_unnamed() || !self.filename.is_empty()
    }

    fn has_unnamed(&self) -> bool {
        !self.token.is_empty() || !self.tokens.is_empty()
    }
}

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        let has_unnamed = self.has_unnamed();
        if !has_unnamed && self.filename.is_empty() && self.identities.is_empty() {
            report.help(
                "token",
                "there is no token, so nobody could send",
                "set token, tokens, identities or filename",
            );
        }
        if !self.token.is_empty() && !self.tokens.is_empty() {
            report.reject(
                "tokens",
                "token and tokens cannot both be set; write all of them below tokens",
            );
        }
        if has_unnamed && !self.filename.is_empty() {
            report.warn(
                "filename",
                "token and tokens are not read beside it, as in the Collector",
            );
        }
        for (index, token) in self.tokens.iter().enumerate() {
            check(token, &format!("tokens::{index}"), report);
        }
        let mut names = BTreeMap::new();
        for (name, token) in &self.identities {
            check(token, &format!("identities::{name}"), report);
            if let Some(other) = names.insert(token.reveal(), name) {
                report.reject(
                    &format!("identities::{name}"),
                    format!("is that of {other} too, so that nobody could tell them apart"),
                );
            }
        }
        if !self.token.is_empty() {
            check(&self.token, "token", report);
        }
        if http::HeaderName::try_from(&self.header).is_err() {
            report.reject("header", "is not a header name");
        }
        if self
            .scheme
            .contains(|letter: char| letter.is_whitespace() || letter.is_control())
        {
            report.reject("scheme", "must be one word, or empty");
        }
    }
}

fn check(token: &Secret, path: &str, report: &mut Report<'_>) {
    if token.is_empty() {
        report.reject(path, "is empty, so that everybody had it");
    } else if token.reveal().trim() != token.reveal() {
        report.reject(path, "begins or ends with a blank, which no header can carry");
    } else if !is_visible(token.reveal()) {
        report.reject(path, "holds a line break or another character that no header can carry");
    }
}

/// Whether a header can carry a text (RFC 9110, 5.5).
pub(super) fn is_visible(text: &str) -> bool {
    http::HeaderValue::from_str(text).is_ok()
}
