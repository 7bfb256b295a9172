//! What a target is shown before it answers.

use std::path::Path;
use std::sync::Arc;

use http::HeaderValue;
use pipeline::outside::Storage;
use pipeline::payload::base64;

use super::config::Ways;

/// The `authorization` header of a job or of a server that lists targets. Files are read for every request, because others keep them fresh.
#[derive(Debug, Clone)]
pub(super) enum Credentials {
    /// Nothing.
    None,
    /// User and password.
    Basic {
        /// The user.
        user: Text,
        /// The password.
        password: Text,
    },
    /// A word and a token.
    Token {
        /// The word.
        scheme: String,
        /// The token.
        token: Text,
    },
}

/// A text that is written in the configuration or in a file.
#[derive(Debug, Clone)]
pub(super) enum Text {
    Here(config::Secret),
    File(String),
}

impl Text {
    fn of(here: config::Secret, file: &str) -> Self {
        if file.is_empty() {
            Self::Here(here)
        } else {
            Self::File(file.to_owned())
        }
    }

    fn read(&self, storage: &dyn Storage) -> Result<String, String> {
        match self {
            Self::Here(secret) => Ok(secret.reveal().to_owned()),
            Self::File(path) => {
                let bytes = storage
                    .read(Path::new(path))
                    .map_err(|cause| format!("cannot read {path}: {cause}"))?;
                let text = String::from_utf8(bytes).map_err(|_| format!("{path} is not text"))?;
                Ok(text.trim().to_owned())
            }
        }
    }

    fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }
}

impl Credentials {
    pub(super) fn of(ways: &Ways) -> Self {
        let bearer = || "Bearer".to_owned();
        if let Some(basic) = &ways.basic_auth {
            return Self::Basic {
                user: Text::of(basic.username.clone().into(), &basic.username_file),
                password: Text::of(basic.password.clone(), &basic.password_file),
            };
        }
        if let Some(authorization) = &ways.authorization {
            return Self::Token {
                scheme: authorization.scheme.clone(),
                token: Text::of(authorization.credentials.clone(), &authorization.credentials_file),
            };
        }
        if ways.bearer_token.is_empty() && ways.bearer_token_file.is_empty() {
            return Self::None;
        }
        Self::Token {
            scheme: bearer(),
            token: Text::of(ways.bearer_token.clone(), &ways.bearer_token_file),
        }
    }

    /// The header; None where nothing is shown.
    pub(super) async fn header(&self, storage: &Arc<dyn Storage>) -> Result<Option<HeaderValue>, String> {
        let has_file = match self {
            Self::None => return Ok(None),
            Self::Basic { user, password } => user.is_file() || password.is_file(),
            Self::Token { token, .. } => token.is_file(),
        };
        if !has_file {
            return self.make(storage.as_ref()).map(Some);
        }
        // A file may lie on a network, so it is read beside the runtime.
        let (credentials, storage) = (self.clone(), Arc::clone(storage));
        let read = tokio::task::spawn_blocking(move || credentials.make(storage.as_ref())).await;
        read.map_err(|_| "the credentials were not read, because the program ends".to_owned())?
            .map(Some)
    }

    fn make(&self, storage: &dyn Storage) -> Result<HeaderValue, String> {
        let text = match self {
            Self::None => String::new(),
            Self::Basic { user, password } => {
                let pair = format!("{}:{}", user.read(storage)?, password.read(storage)?);
                format!("Basic {}", base64::encode(pair.as_bytes()))
            }
            Self::Token { scheme, token } => format!("{scheme} {}", token.read(storage)?),
        };
        let header = HeaderValue::from_str(&text);
        let mut header = header.map_err(|_| "the credentials have characters that a header cannot carry".to_owned())?;
        header.set_sensitive(true);
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (text, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64::encode(text.as_bytes()), expected);
        }
    }
}
