//! What users write.

use config::{Report, Secret, Unread, Validate};
use serde::Deserialize;

/// Knows senders by user and password.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Who may send.
    #[serde(deserialize_with = "config::present")]
    pub htpasswd: Option<Htpasswd>,
    client_auth: Option<Unread>,
}

/// Users with their passwords, in the format of Apache's `htpasswd`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Htpasswd {
    /// A file of them.
    pub file: String,
    /// More of them. Of a user that is in both, this one counts.
    pub inline: Secret,
}

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        if self.client_auth.is_some() {
            report.help(
                "client_auth",
                "exporters cannot use this extension yet",
                "write the header `authorization` below headers of the exporter",
            );
        }
        let has_users = |it: &Htpasswd| !it.file.is_empty() || !it.inline.is_empty();
        if !self.htpasswd.as_ref().is_some_and(has_users) && self.client_auth.is_none() {
            report.help(
                "htpasswd",
                "there are no users, so nobody could send",
                "set htpasswd::file or htpasswd::inline",
            );
        }
    }
}
