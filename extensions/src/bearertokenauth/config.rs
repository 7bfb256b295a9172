//! What users write.

use std::collections::BTreeMap;

use config::{Report, Secret, Validate};
use serde::Deserialize;

/// Knows senders by tokens.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The word before a token; empty for tokens that stand alone.
    pub scheme: String,
    /// The header that holds it.
    pub header: String,
    /// The token.
    pub token: Secret,
    /// Several of them.
    pub tokens: Vec<Secret>,
    /// A file with a token a line; the two above are not read then.
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

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        let has_unnamed = !self.token.is_empty() || !self.tokens.is_empty();
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
    }
}
