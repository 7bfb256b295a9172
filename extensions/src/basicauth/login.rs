//! The user and the password that exporters show.

use std::sync::{PoisonError, RwLock};

use bytes::Bytes;
use config::Secret;
use pipeline::component::BuildError;
use pipeline::context::authenticators::Credentials;
use pipeline::payload::base64;

use super::ClientAuth;
use crate::followed::Held;

/// Longest user and longest password; servers refuse headers that are longer than some KiB.
const BYTES_MAX: usize = 1_024;

/// What is shown. User and password change together, so that nobody is ever shown one of each kind.
pub(super) struct Login {
    /// What counts where no file holds it.
    user: String,
    password: Secret,
    /// Both as a header holds them.
    shown: RwLock<Bytes>,
}

impl Login {
    /// That of a configuration, with what the files of the user and of the password hold.
    pub(super) fn new(config: &ClientAuth, files: &Held<2>) -> Result<Self, BuildError> {
        let own = Self {
            user: config.username.clone(),
            password: config.password.clone(),
            shown: RwLock::default(),
        };
        own.learn(files)?;
        Ok(own)
    }

    /// Takes what the files of the user and of the password hold, if it is good; else both stay as they were.
    pub(super) fn learn(&self, [user, password]: &Held<2>) -> Result<(), BuildError> {
        let user = part("user", user.as_deref(), &self.user, check_user)?;
        let password = part("password", password.as_deref(), self.password.reveal(), check)?;
        // RFC 7617, section 2.
        let pair = base64::encode(format!("{user}:{password}").as_bytes());
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Bytes::from(format!("Basic {pair}"));
        Ok(())
    }
}

/// What a file holds, without the blanks and line breaks around it, or what is written in its place.
fn part<'a>(
    word: &str,
    file: Option<&'a str>,
    written: &'a str,
    check: fn(&str) -> Result<(), &'static str>,
) -> Result<&'a str, BuildError> {
    let Some(text) = file.map(str::trim) else {
        return Ok(written);
    };
    if text.is_empty() {
        return Err(BuildError::new(format!("the file of the {word} is empty")));
    }
    check(text).map_err(|problem| BuildError::new(format!("the {word} {problem}")))?;
    Ok(text)
}

impl Credentials for Login {
    fn header(&self) -> &str {
        "authorization"
    }

    fn shown(&self) -> Bytes {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What is wrong with a user (RFC 7617, section 2).
pub(super) fn check_user(user: &str) -> Result<(), &'static str> {
    if user.contains(':') {
        return Err("holds a colon, behind which a server would take the rest for the password");
    }
    check(user)
}

/// What is wrong with a user or a password.
pub(super) fn check(text: &str) -> Result<(), &'static str> {
    if text.contains(char::is_control) {
        return Err("holds a line break or another character that no server takes");
    }
    if text.len() > BYTES_MAX {
        return Err("is longer than 1024 bytes");
    }
    Ok(())
}
