//! Randomness.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

/// Random numbers for jitter. Nothing secret is made of them.
pub trait Random: Send + Sync {
    /// A number in `0.0..1.0`.
    fn unit(&self) -> f64;
}

/// Seeded by the operating system.
#[derive(Debug)]
pub struct SystemRandom(SeededRandom);

/// The same numbers for the same seed, for simulations.
#[derive(Debug)]
pub struct SeededRandom(AtomicU64);

impl Default for SystemRandom {
    fn default() -> Self {
        // The standard library seeds its hash maps from the operating system.
        Self(SeededRandom::new(RandomState::new().hash_one(0_u8)))
    }
}

impl Random for SystemRandom {
    fn unit(&self) -> f64 {
        self.0.unit()
    }
}

impl SeededRandom {
    /// A generator that repeats itself for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Random for SeededRandom {
    fn unit(&self) -> f64 {
        // SplitMix64 (Steele, Lea, Flood 2014): a counter and a mixing function, so an atomic add suffices.
        let state = self
            .0
            .fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed)
            .wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let mixed = mixed ^ (mixed >> 31);
        // 53 bits are what a double holds exactly.
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_between_zero_and_one_and_repeat_for_a_seed() {
        let (one, two) = (SeededRandom::new(7), SeededRandom::new(7));

        for _ in 0..1_000 {
            let number = one.unit();
            assert!((0.0..1.0).contains(&number));
            assert_eq!(number.to_bits(), two.unit().to_bits());
        }
    }
}
