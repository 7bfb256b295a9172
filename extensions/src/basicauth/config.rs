//! What users write.

use config::{Report, Secret, Unread, Validate};
use serde::Deserialize;

use super::{login, users};

/// Knows senders by user and password, or shows both to destinations.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Who may send.
    #[serde(deserialize_with = "config::present")]
    pub htpasswd: Option<Htpasswd>,
    /// As whom exporters send.
    #[serde(deserialize_with = "config::present")]
    pub client_auth: Option<ClientAuth>,
}

/// As whom exporters send.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientAuth {
    /// The user.
    pub username: String,
    /// A file that holds the user, in the place of the key above.
    pub username_file: String,
    /// The password.
    pub password: Secret,
    /// A file that holds the password, in the place of the key above.
    pub password_file: String,
    aws_secrets_manager: Option<Unread>,
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
        match (&self.htpasswd, &self.client_auth) {
            (Some(_), Some(_)) => report.help(
                "client_auth",
                "only one of htpasswd and client_auth can be set, as in the Collector",
                "give those who send to us and us, who send, an extension each: basicauth and basicauth/client",
            ),
            (None, None) => report.help(
                "htpasswd",
                "there are no users, so nobody could send",
                "set htpasswd::file or htpasswd::inline; or client_auth, for exporters",
            ),
            (Some(htpasswd), None) => report.within("htpasswd", |report| htpasswd.validate(report)),
            (None, Some(client)) => report.within("client_auth", |report| client.validate(report)),
        }
    }
}

impl Validate for Htpasswd {
    fn validate(&self, report: &mut Report<'_>) {
        if self.file.is_empty() && self.inline.is_empty() {
            report.help(
                "",
                "there are no users, so nobody could send",
                "set htpasswd::file or htpasswd::inline",
            );
        } else if let Err(problem) = users::check(self.inline.reveal(), !self.file.is_empty()) {
            report.reject("inline", problem);
        }
    }
}

impl Validate for ClientAuth {
    fn validate(&self, report: &mut Report<'_>) {
        if self.username.is_empty() && self.username_file.is_empty() {
            report.help("username", "there is no user to show", "set username or username_file");
        }
        if self.password.is_empty() && self.password_file.is_empty() {
            report.help(
                "password",
                "there is no password to show",
                "set password or password_file",
            );
        }
        if let Err(problem) = login::check_user(&self.username) {
            report.reject("username", problem);
        }
        if let Err(problem) = login::check(self.password.reveal()) {
            report.reject("password", problem);
        }
        if !self.username.is_empty() && !self.username_file.is_empty() {
            report.warn("username", "is not read beside username_file, as in the Collector");
        }
        if !self.password.is_empty() && !self.password_file.is_empty() {
            report.warn("password", "is not read beside password_file, as in the Collector");
        }
        if self.aws_secrets_manager.is_some() {
            report.help(
                "aws_secrets_manager",
                "nobody is asked for secrets here",
                "let an agent of it write files, and name them in username_file and password_file",
            );
        }
    }
}
