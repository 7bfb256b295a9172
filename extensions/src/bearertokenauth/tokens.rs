//! Tokens, and who has which.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use pipeline::component::BuildError;
use pipeline::context::authenticators::{Authenticator, Credentials, Unauthenticated};
use pipeline::{Method, Subject};

use super::Config;
use super::config::is_visible;
use crate::digest::Digest;

/// Tokens that are compared with each that is shown; a list of more would be a data base.
const TOKENS_MAX: usize = 1_000;

/// All tokens of one extension.
pub(super) struct Tokens {
    header: String,
    scheme: String,
    challenge: String,
    /// Those of the configuration that a file leaves in force.
    configured: Vec<Known>,
    /// Whoever has a token without a name.
    anyone: Arc<Subject>,
    known: RwLock<Arc<Vec<Known>>>,
    /// The first token without a name, of the configuration or of the file, as exporters show it; empty where none is ours.
    shown: RwLock<Bytes>,
}

#[derive(Clone)]
struct Known {
    token: Digest,
    subject: Arc<Subject>,
}

impl Tokens {
    /// Those of a configuration, with the file that it names. Tokens without a name are one sender, by the extension's.
    pub(super) fn new(config: &Config, id: &str, file: Option<&str>) -> Result<Self, BuildError> {
        let subject = |name: &str| {
            Arc::new(Subject {
                method: Method::Token,
                names: vec![name.to_owned()],
            })
        };
        let known = |token: &str, subject| Known {
            token: Digest::of(token.as_bytes()),
            subject,
        };
        let anyone = subject(id);
        let named = config.identities.iter();
        let mut configured: Vec<Known> = named
            .map(|(name, token)| known(token.reveal(), subject(name)))
            .collect();
        if file.is_none() {
            let unnamed = config
                .tokens
                .iter()
                .chain([&config.token])
                .filter(|token| !token.is_empty());
            configured.extend(unnamed.map(|token| known(token.reveal(), Arc::clone(&anyone))));
        }
        let own = Self {
            header: config.header.to_ascii_lowercase(),
            challenge: match config.scheme.as_str() {
                "" => "Bearer".to_owned(),
                scheme => scheme.to_owned(),
            },
            scheme: config.scheme.clone(),
            configured,
            anyone,
            known: RwLock::default(),
            shown: RwLock::default(),
        };
        let first = config
            .tokens
            .iter()
            .chain([&config.token])
            .find(|token| !token.is_empty());
        if let Some(first) = first.filter(|_| file.is_none()) {
            own.show(first.reveal());
        }
        match file {
            Some(file) => own.learn(file)?,
            None => own.know(Vec::new())?,
        }
        Ok(own)
    }

    /// Takes the tokens of a file in the place of those it held before: one a line.
    pub(super) fn learn(&self, file: &str) -> Result<(), BuildError> {
        let lines: Vec<&str> = file.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if lines.iter().any(|line| !is_visible(line)) {
            return Err(BuildError::new(
                "a token of the file holds a character that no header can carry",
            ));
        }
        let Some(first) = lines.first() else {
            return Err(BuildError::new("the file holds no token; write one a line"));
        };
        let of_file = lines.iter().map(|token| Known {
            token: Digest::of(token.as_bytes()),
            subject: Arc::clone(&self.anyone),
        });
        self.know(of_file.collect())?;
        self.show(first);
        Ok(())
    }

    /// Knows these tokens beside those of the configuration.
    fn know(&self, of_file: Vec<Known>) -> Result<(), BuildError> {
        let known: Vec<Known> = self.configured.iter().cloned().chain(of_file).collect();
        if known.len() > TOKENS_MAX {
            return Err(BuildError::new(format!("there are more than {TOKENS_MAX} tokens")));
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
        Ok(())
    }

    /// Takes a token for ours.
    fn show(&self, token: &str) {
        let shown = match self.scheme.as_str() {
            "" => token.to_owned(),
            scheme => format!("{scheme} {token}"),
        };
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Bytes::from(shown);
    }

    fn find(&self, shown: &[u8]) -> Result<Arc<Subject>, Unauthenticated> {
        let token = match self.scheme.as_str() {
            "" => shown,
            scheme => behind(scheme, shown).ok_or(Unauthenticated::Malformed)?,
        };
        let token = Digest::of(token.trim_ascii());
        let known = Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner));
        let mut found = None;
        // All are compared, so that the time says nothing about which one it was. The first counts: those with a name
        // stand in front.
        for known in known.iter() {
            if known.token.is(&token) {
                found.get_or_insert(&known.subject);
            }
        }
        found.cloned().ok_or(Unauthenticated::Wrong)
    }
}

impl Authenticator for Tokens {
    fn header(&self) -> &str {
        &self.header
    }

    fn challenge(&self) -> &str {
        &self.challenge
    }

    fn authenticate<'a>(&'a self, shown: &'a [u8]) -> BoxFuture<'a, Result<Arc<Subject>, Unauthenticated>> {
        ready(self.find(shown)).boxed()
    }
}

impl Credentials for Tokens {
    fn header(&self) -> &str {
        &self.header
    }

    fn shown(&self) -> Bytes {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What stands behind the word of a scheme, which is written in any case (RFC 9110, 11.1).
fn behind<'a>(scheme: &str, shown: &'a [u8]) -> Option<&'a [u8]> {
    let (word, rest) = shown.split_at_checked(scheme.len())?;
    let is_apart = rest.first() == Some(&b' ');
    (word.eq_ignore_ascii_case(scheme.as_bytes()) && is_apart).then_some(rest)
}
