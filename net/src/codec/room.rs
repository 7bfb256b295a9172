//! The output of a decompression, with its limits.

use pipeline::Exhausted;

use super::{DecodeError, RATIO_FREE_BYTES, RATIO_MAX};

/// First step of an output whose size nobody announced.
const STEP_BYTES: usize = 16 * 1024;

/// Holds the output and asks before it grows.
pub(super) struct Room<'a> {
    output: Vec<u8>,
    /// What one message may hold.
    bytes_max: usize,
    /// What a body of this input size may grow to.
    ratio_max: usize,
    admit: &'a mut dyn FnMut(u64) -> Result<(), Exhausted>,
}

impl<'a> Room<'a> {
    pub(super) fn new(input: usize, bytes_max: usize, admit: &'a mut dyn FnMut(u64) -> Result<(), Exhausted>) -> Self {
        let ratio_max = input.saturating_mul(RATIO_MAX).max(RATIO_FREE_BYTES);
        Self {
            output: Vec::new(),
            bytes_max,
            ratio_max,
            admit,
        }
    }

    /// Room for a size that the input announces. It is believed only as far as the limits go.
    pub(super) fn expect(&mut self, bytes: usize) -> Result<(), DecodeError> {
        let wanted = self.output.len().saturating_add(bytes).min(self.ceiling());
        self.grow(wanted)
    }

    /// The output with at least one byte of spare capacity, or why it may not grow.
    pub(super) fn spare(&mut self) -> Result<&mut Vec<u8>, DecodeError> {
        if self.output.len() == self.output.capacity() {
            self.check()?;
            let doubled = self.output.capacity().saturating_mul(2).max(STEP_BYTES);
            self.grow(doubled.min(self.ceiling()))?;
        }
        Ok(&mut self.output)
    }

    pub(super) fn output(&self) -> &[u8] {
        &self.output
    }

    pub(super) fn copy(&mut self, input: &[u8]) -> Result<(), DecodeError> {
        self.expect(input.len())?;
        if input.len() > self.bytes_max {
            return Err(DecodeError::TooLarge { limit: self.bytes_max });
        }
        self.output.extend_from_slice(input);
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Vec<u8>, DecodeError> {
        self.check()?;
        Ok(self.output)
    }

    /// One byte more than allowed, so that a body of exactly the limit is told from a larger one.
    fn ceiling(&self) -> usize {
        self.bytes_max.min(self.ratio_max).saturating_add(1)
    }

    fn check(&self) -> Result<(), DecodeError> {
        if self.output.len() > self.bytes_max {
            return Err(DecodeError::TooLarge { limit: self.bytes_max });
        }
        if self.output.len() > self.ratio_max {
            return Err(DecodeError::Ratio);
        }
        Ok(())
    }

    fn grow(&mut self, capacity: usize) -> Result<(), DecodeError> {
        if capacity > self.output.capacity() {
            (self.admit)(capacity as u64)?;
            self.output.reserve_exact(capacity - self.output.len());
        }
        Ok(())
    }
}
