//! The user and the password that exporters show.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use pipeline::component::BuildError;
use pipeline::context::authenticators::Credentials;
use pipeline::payload::base64;

use super::ClientAuth;

/// Longest user and longest password; servers refuse headers that are longer than some KiB.
const BYTES_MAX: usize = 1_024;

/// What is shown, of which a part may be read again.
pub(super) struct Login {
    parts: RwLock<Parts>,
}

/// User, password, and both as a header holds them.
struct Parts {
    user: String,
    password: String,
    shown: Bytes,
}

/// Which part a file holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    User,
    Password,
}

impl Login {
    /// That of a configuration, with what its files hold.
    pub(super) fn new(
        config: &ClientAuth,
        user: Option<&str>,
        password: Option<&str>,
    ) -> Result<Arc<Self>, BuildError> {
        let own = Arc::new(Self {
            parts: RwLock::new(Parts::of(config.username.clone(), config.password.reveal().to_owned())),
        });
        for (part, file) in [(Part::User, user), (Part::Password, password)] {
            file.map_or(Ok(()), |text| own.learn(part, text))?;
        }
        Ok(own)
    }

    /// Takes what a file holds in the place of what was there. Blanks and line breaks around it are not part of it.
    pub(super) fn learn(&self, part: Part, file: &str) -> Result<(), BuildError> {
        let text = file.trim();
        if text.is_empty() {
            return Err(BuildError::new(format!("the file of the {} is empty", part.word())));
        }
        let checked = match part {
            Part::User => check_user(text),
            Part::Password => check(text),
        };
        checked.map_err(|problem| BuildError::new(format!("the {} {problem}", part.word())))?;
        let mut parts = self.parts.write().unwrap_or_else(PoisonError::into_inner);
        let (user, password) = match part {
            Part::User => (text.to_owned(), parts.password.clone()),
            Part::Password => (parts.user.clone(), text.to_owned()),
        };
        *parts = Parts::of(user, password);
        Ok(())
    }
}

impl Parts {
    /// RFC 7617, section 2.
    fn of(user: String, password: String) -> Self {
        let pair = base64::encode(format!("{user}:{password}").as_bytes());
        Self {
            shown: Bytes::from(format!("Basic {pair}")),
            user,
            password,
        }
    }
}

impl Part {
    fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Password => "password",
        }
    }
}

impl Credentials for Login {
    fn header(&self) -> &str {
        "authorization"
    }

    fn shown(&self) -> Bytes {
        self.parts.read().unwrap_or_else(PoisonError::into_inner).shown.clone()
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
