//! Secrets, compared so that the time it takes says nothing about how much of one is right.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// What is kept of a secret to compare others with.
#[derive(Clone, Copy)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    /// Of a secret.
    pub(crate) fn of(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// Whether both are of one secret.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}
