//! What an htpasswd file holds behind a user's name.

use pipeline::payload::base64;
use sha1::{Digest as _, Sha1};

use crate::digest::Digest;

/// A password that costs more to look at would let anybody who guesses keep a core busy: 14 takes about a second.
const COST_MAX: u32 = 14;

/// A password as it is kept.
#[derive(Clone)]
pub(super) enum Hash {
    /// `$2y$…`, which takes milliseconds to compare with, on purpose.
    Bcrypt(String),
    /// `{SHA}…`.
    Sha1([u8; 20]),
    /// The password itself.
    Plain(Digest),
}

impl Hash {
    /// Reads one; the reason where it is of a kind that is not known.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if let Some(digits) = text.strip_prefix("{SHA}") {
            let mut bytes = Vec::new();
            let sum = base64::decode(digits.as_bytes(), &mut bytes).then_some(bytes);
            let sum = sum.and_then(|bytes| bytes.try_into().ok());
            return sum.map(Self::Sha1).ok_or("is no SHA-1 sum");
        }
        if let Some(rest) = text.strip_prefix("$2") {
            let cost: Option<u32> = rest.split('$').nth(1).and_then(|cost| cost.parse().ok());
            return match cost {
                Some(cost) if cost <= COST_MAX && text.len() == 60 => Ok(Self::Bcrypt(text.to_owned())),
                Some(cost) if cost > COST_MAX => Err("takes too long to compare with; use a cost of at most 14"),
                _ => Err("is no bcrypt hash"),
            };
        }
        if text.starts_with('$') || text.starts_with('{') {
            return Err("is a hash of a kind that is not read; make it with `htpasswd -B`, which is bcrypt");
        }
        if text.is_empty() {
            return Err("is empty");
        }
        Ok(Self::Plain(Digest::of(text.as_bytes())))
    }

    /// Whether a comparison takes milliseconds.
    pub(super) fn is_slow(&self) -> bool {
        matches!(self, Self::Bcrypt(_))
    }

    /// Whether this is the password.
    pub(super) fn is_of(&self, password: &[u8]) -> bool {
        match self {
            Self::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
            Self::Sha1(sum) => Digest::of(&Sha1::digest(password)).is(&Digest::of(sum)),
            Self::Plain(known) => known.is(&Digest::of(password)),
        }
    }
}
