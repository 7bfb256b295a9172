//! Base-2 exponential histograms as OTLP defines them (metrics data model, "ExponentialHistogram").
//!
//! At scale `s` the base is 2^(2^-s), and bucket `i` holds values above base^i up to and including base^(i+1). Going
//! down one scale joins neighbours in pairs: the index is shifted right by one.

use super::places::{TABLE_SCALE, place_in_octave};
use super::width::Counts;

/// Buckets of a histogram unless somebody asks for others: the SDKs' and the Collector's number. Between scale and
/// range it keeps the relative error below five percent over five orders of magnitude.
pub const BUCKETS_MAX: u16 = 160;

/// The finest scale that OTLP's SDKs use; a bucket is then 0.7 millionths wide.
pub const SCALE_MAX: i8 = 20;

/// The coarsest scale: three buckets hold every number there is.
const SCALE_MIN: i8 = -10;

/// Fewer buckets could not hold every number at the coarsest scale.
const BUCKETS_MIN: u16 = 4;

/// Bits of a double's fraction.
pub(super) const FRACTION_BITS: u32 = 52;
/// Those bits.
const FRACTION: u64 = (1 << FRACTION_BITS) - 1;
/// The exponent that a double of 1.0 stores.
const EXPONENT_BIAS: i64 = 1023;
/// The exponent that infinity and all that is no number store.
const EXPONENT_INFINITE: u64 = 2047;
/// Makes every subnormal number normal; a power of two, so nothing is rounded.
const NORMALISING: (f64, i64) = (18_014_398_509_481_984.0, 54);

/// Counts measurements that are zero or above; its error is relative to the value, whatever the value.
///
/// It starts at the finest scale and goes down whenever its buckets would become too many.
#[derive(Debug, Clone, PartialEq)]
pub struct ExponentialHistogram {
    buckets_max: u16,
    scale_max: i8,
    scale: i8,
    /// Index of the first bucket.
    offset: i32,
    counts: Counts,
    zero_count: u64,
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    refused: u64,
}

impl ExponentialHistogram {
    /// Nothing counted yet, at the finest of the scales that it may use.
    pub fn new(buckets_max: u16, scale_max: i8) -> Self {
        let scale_max = scale_max.clamp(SCALE_MIN, SCALE_MAX);
        Self {
            buckets_max: buckets_max.max(BUCKETS_MIN),
            scale_max,
            scale: scale_max,
            offset: 0,
            counts: Counts::default(),
            zero_count: 0,
            count: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            refused: 0,
        }
    }

    /// Counts one measurement; says whether it did.
    #[inline(always)]
    pub fn observe(&mut self, value: f64) -> bool {
        self.observe_n(value, 1)
    }

    /// Counts a measurement that stands for `n`. What is negative, infinite or no number is refused, and only the
    /// refusal is counted: a duration or a number of tokens is never so.
    #[inline(always)]
    pub fn observe_n(&mut self, value: f64, n: u64) -> bool {
        if n == 0 {
            return true;
        }
        let bits = value.to_bits();
        // One comparison for nearly all: the sign is no part of a stored exponent from 1 to 2046.
        if (bits >> FRACTION_BITS).wrapping_sub(1) < EXPONENT_INFINITE - 1 {
            self.add_normal(bits, n);
        } else if !self.add_odd(value, n) {
            return false;
        }
        self.count = self.count.saturating_add(n);
        self.sum += value * n as f64;
        if value < self.min {
            self.min = value;
        }
        if value > self.max {
            self.max = value;
        }
        true
    }

    /// Adds what another one counted. The outcome is that of one histogram which counted both, but for the order in
    /// which sums are rounded.
    pub fn merge(&mut self, other: &Self) {
        if other.count > 0 {
            self.sum += other.sum;
            self.min = self.min.min(other.min);
            self.max = self.max.max(other.max);
        }
        self.count = self.count.saturating_add(other.count);
        self.zero_count = self.zero_count.saturating_add(other.zero_count);
        self.refused = self.refused.saturating_add(other.refused);
        if other.counts.is_empty() {
            return;
        }
        self.go_down_to(other.scale);
        let by = other.scale - self.scale;
        let (first, last) = (other.offset >> by, other.last() >> by);
        let by = by + self.make_room(first, last);
        for (position, count) in other.counts.iter().enumerate().filter(|(_, count)| *count > 0) {
            let index = (other.offset + position as i32) >> by;
            self.counts.add((index - self.offset) as usize, count);
        }
    }

    /// Forgets what was counted and keeps the room for it. The scale is the finest again.
    pub fn clear(&mut self) {
        self.scale = self.scale_max;
        self.counts.clear();
        self.zero_count = 0;
        self.count = 0;
        self.sum = 0.0;
        self.min = f64::INFINITY;
        self.max = f64::NEG_INFINITY;
        self.refused = 0;
    }

    /// Measurements that were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The least of them.
    pub fn min(&self) -> Option<f64> {
        (self.count > 0).then_some(self.min)
    }

    /// The greatest of them.
    pub fn max(&self) -> Option<f64> {
        (self.count > 0).then_some(self.max)
    }

    /// Measurements that were exactly zero.
    pub fn zero_count(&self) -> u64 {
        self.zero_count
    }

    /// Measurements that were refused: negative, infinite, not a number.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// The base of the buckets is 2^(2^-scale).
    pub fn scale(&self) -> i32 {
        i32::from(self.scale)
    }

    /// Index of the first bucket; what it is without buckets says nothing.
    pub fn offset(&self) -> i32 {
        self.offset
    }

    /// Counts of the buckets from there, in order.
    pub fn buckets(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.counts.iter()
    }

    /// Bytes that it holds outside itself.
    pub fn heap_bytes(&self) -> usize {
        self.counts.heap_bytes()
    }

    fn last(&self) -> i32 {
        self.offset + self.counts.len() as i32 - 1
    }

    /// Counts a normal number. Values that are some octaves apart bring every histogram to a scale that the table knows.
    #[inline(always)]
    fn add_normal(&mut self, bits: u64, n: u64) {
        let coarser = TABLE_SCALE.wrapping_sub(self.scale);
        if coarser >= 0 {
            let exponent = ((bits >> FRACTION_BITS) as i32).wrapping_sub(EXPONENT_BIAS as i32);
            let at = (exponent << TABLE_SCALE).wrapping_add(place_in_octave(bits & FRACTION));
            self.add_at(at >> coarser, n);
        } else {
            self.add(index(bits, 0), n);
        }
    }

    #[inline]
    fn add(&mut self, finest: i64, n: u64) {
        // Scales lie between -10 and 20, so no bit is shifted out that should not be.
        self.add_at(finest.wrapping_shr(SCALE_MAX.wrapping_sub(self.scale) as u32) as i32, n);
    }

    #[inline]
    fn add_at(&mut self, at: i32, n: u64) {
        // What lies in front of the first bucket becomes a position that is beyond every last one.
        let position = at.wrapping_sub(self.offset) as u32 as usize;
        if position < self.counts.len() {
            return self.counts.add(position, n);
        }
        self.add_outside(at, n);
    }

    /// Counts what is zero or subnormal, and refuses the rest.
    #[cold]
    fn add_odd(&mut self, value: f64, n: u64) -> bool {
        if value == 0.0 {
            self.zero_count = self.zero_count.saturating_add(n);
        } else if value > 0.0 && value < f64::INFINITY {
            self.add(index((value * NORMALISING.0).to_bits(), NORMALISING.1), n);
        } else {
            self.refused = self.refused.saturating_add(n);
            return false;
        }
        true
    }

    /// Counts beside the buckets that there are.
    #[cold]
    fn add_outside(&mut self, at: i32, n: u64) {
        let by = self.make_room(at, at);
        self.counts.add(((at >> by) - self.offset) as usize, n);
    }

    /// Makes buckets from `first` to `last`, both at the present scale. Says by how many scales it had to go down.
    fn make_room(&mut self, mut first: i32, mut last: i32) -> i8 {
        if !self.counts.is_empty() {
            first = first.min(self.offset);
            last = last.max(self.last());
        }
        let mut by = 0;
        // In 64 bits: at the finest scale, indices lie two thousand millions apart.
        while (i64::from(last) >> by) - (i64::from(first) >> by) >= i64::from(self.buckets_max) {
            by += 1;
        }
        self.go_down_to(self.scale - by);
        let (first, last) = (first >> by, last >> by);
        if self.counts.is_empty() {
            self.offset = first;
        }
        let front = (self.offset - first) as usize;
        self.offset = first;
        self.counts
            .grow(front, (last - first) as usize + 1, usize::from(self.buckets_max));
        by
    }

    /// Joins buckets until the scale is no finer than this.
    fn go_down_to(&mut self, scale: i8) {
        if scale >= self.scale {
            return;
        }
        let by = self.scale - scale;
        self.counts.join(self.offset, by);
        self.offset >>= by;
        self.scale = scale;
    }
}

/// The index of a normal number above zero, raised by a power of two, at [`SCALE_MAX`], from which that at every coarser scale follows by a shift: so
/// two histograms agree about a value whatever their scales.
///
/// Exact for powers of two. Elsewhere the logarithm may be off by its last bit, which matters only to values that near
/// to a bound (the data model allows an inexact mapping there).
#[inline]
fn index(bits: u64, raised: i64) -> i64 {
    let exponent = ((bits >> FRACTION_BITS) as i64).wrapping_sub(EXPONENT_BIAS + raised);
    let octave = exponent << SCALE_MAX;
    octave.wrapping_add(finest_place(bits & FRACTION))
}

/// Where a number lies in its octave, by the bits behind its exponent.
#[inline]
pub(super) const fn finest_place(fraction: u64) -> i64 {
    const PER_OCTAVE: i64 = 1 << SCALE_MAX;
    if fraction == 0 {
        return -1; // Upper bounds are inclusive.
    }
    // Between 1 and 2, so that the logarithm keeps all its bits for the place within the octave.
    let mantissa = f64::from_bits(fraction | (EXPONENT_BIAS as u64) << FRACTION_BITS);
    let place = log2(mantissa) * PER_OCTAVE as f64;
    // The sum has no bits left for a fraction, so it is rounded to a whole number; less a half, that is the floor.
    let floor = (place - 0.5 + WHOLE).to_bits().wrapping_sub(WHOLE.to_bits()) as i64;
    if floor < 0 {
        0
    } else if floor < PER_OCTAVE {
        floor
    } else {
        PER_OCTAVE - 1
    }
}

/// 2^52 and 2^51: doubles of this size, and of a little less, are whole numbers.
const WHOLE: f64 = 6_755_399_441_055_744.0;

/// Steps of a mantissa for whose middles the logarithm is known.
const STEPS: usize = 128;

/// The bits behind those that tell the step.
const STEP_SHIFT: u32 = FRACTION_BITS - STEPS.trailing_zeros();

/// For each step the reciprocal of its middle, and the binary logarithm of what that is the reciprocal of.
static LOGARITHMS: [(f64, f64); STEPS] = logarithms();

#[allow(clippy::indexing_slicing)] // Runs in the compiler, which would refuse an index that is out of bounds.
const fn logarithms() -> [(f64, f64); STEPS] {
    let mut all = [(0.0, 0.0); STEPS];
    let mut step = 0;
    while step < STEPS {
        let reciprocal = 1.0 / (1.0 + (step as f64 + 0.5) / STEPS as f64);
        all[step] = (reciprocal, log2_by_series(1.0 / reciprocal));
        step += 1;
    }
    all
}

/// The binary logarithm of a number from 1 to less than 2, off by no more than 1e-15: a third of the instructions of the
/// C library's, which has to take any number, and the same bits on every platform.
#[inline]
#[allow(clippy::indexing_slicing)] // So that the compiler can run it; the step has as many bits as there are steps.
const fn log2(mantissa: f64) -> f64 {
    use std::f64::consts::LOG2_E;
    let step = mantissa.to_bits() >> STEP_SHIFT & (STEPS as u64 - 1);
    let (reciprocal, logarithm) = LOGARITHMS[step as usize];
    // At most 2^-8, so that behind the sixth power of the series of ln(1+r) what is left out is below the last bit.
    let r = mantissa * reciprocal - 1.0;
    let r2 = r * r;
    let low = LOG2_E - r * (LOG2_E / 2.0);
    let middle = LOG2_E / 3.0 - r * (LOG2_E / 4.0);
    let high = LOG2_E / 5.0 - r * (LOG2_E / 6.0);
    logarithm + r * (low + r2 * (middle + r2 * high))
}

/// The same in one step for all numbers from 1 to 2.
const fn log2_by_series(mantissa: f64) -> f64 {
    use std::f64::consts::{LOG2_E, SQRT_2};
    // log2(√2) is a half, and ln(m/√2) = 2 artanh(s) is a series in odd powers of s, which is at most 0.172: behind the
    // 21st power, what is left out is below the last bit.
    let s = (mantissa - SQRT_2) / (mantissa + SQRT_2);
    let z = s * s;
    let mut series = 0.0;
    let mut power = 21;
    while power > 0 {
        series = series * z + 1.0 / power as f64;
        power -= 2;
    }
    0.5 + 2.0 * LOG2_E * s * series
}

#[cfg(test)]
mod tests {
    use super::log2;

    #[test]
    fn the_logarithm_is_as_good_as_the_c_library_s() {
        let steps = 1_000_000;

        for step in 0..steps {
            let mantissa = 1.0 + f64::from(step) / f64::from(steps);
            let (ours, theirs) = (log2(mantissa), mantissa.log2());
            assert!((ours - theirs).abs() < 1e-15, "{mantissa}: {ours} is not {theirs}");
        }
    }
}
