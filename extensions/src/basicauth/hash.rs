//! What an htpasswd file holds behind a user's name.

use std::str::FromStr;

use bcrypt::HashParts;
use pipeline::payload::base64;
use sha1::{Digest as _, Sha1};

use crate::digest::Digest;

/// A password that costs more to look at would let anybody who guesses keep a core busy: 14 takes about a second.
const COST_MAX: u32 = 14;

/// The algorithm has no lower one, so that nobody could ever be compared with it.
const COST_MIN: u32 = 4;

/// A password as it is kept.
#[derive(Clone)]
pub(super) enum Hash {
    /// `$2y$…`, which takes milliseconds to compare with, on purpose.
    Bcrypt {
        /// As it is written.
        text: String,
        /// Each step doubles the time.
        cost: u32,
    },
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
        if text.starts_with("$2") {
            let parts = HashParts::from_str(text).map_err(|_| "is no bcrypt hash")?;
            return match parts.get_cost() {
                cost if cost > COST_MAX => Err("takes too long to compare with; use a cost of at most 14"),
                cost if cost < COST_MIN => Err("has a cost that bcrypt does not know; use at least 4"),
                cost => Ok(Self::Bcrypt {
                    text: text.to_owned(),
                    cost,
                }),
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
        self.slowness() > 0
    }

    /// How long a comparison takes, to be compared with others: the cost of bcrypt, zero for all that is quick.
    pub(super) fn slowness(&self) -> u32 {
        match self {
            Self::Bcrypt { cost, .. } => *cost,
            Self::Sha1(_) | Self::Plain(_) => 0,
        }
    }

    /// Whether this is the password.
    pub(super) fn is_of(&self, password: &[u8]) -> bool {
        match self {
            Self::Bcrypt { text, .. } => bcrypt::verify(password, text).unwrap_or(false),
            Self::Sha1(sum) => Digest::of(&Sha1::digest(password)).is(&Digest::of(sum)),
            Self::Plain(known) => known.is(&Digest::of(password)),
        }
    }
}
