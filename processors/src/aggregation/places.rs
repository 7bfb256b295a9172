//! Where numbers lie in their octave at the scales that histograms have in practice: looked up, not computed.

use super::exponential::{FRACTION_BITS, SCALE_MAX, finest_place};

/// Durations bring histograms to scales from 2 to 6. At this scale the table says the place, and that at every coarser
/// one follows by a shift.
pub(super) const TABLE_SCALE: i8 = 8;

const BUCKETS: usize = 1 << TABLE_SCALE;

/// A cell is narrower than every bucket, so no more than one bucket begins in it.
const CELLS: usize = 2 * BUCKETS;

/// The bits behind those that tell the cell.
const CELL_SHIFT: u32 = FRACTION_BITS - CELLS.trailing_zeros();

/// Both halves of the table: three KiB.
struct Places {
    /// The bucket that each cell begins in.
    first: [u8; CELLS],
    /// The fraction that each bucket begins with; none begins behind the last.
    begins: [u64; BUCKETS + 1],
}

static PLACES: Places = places();

/// The place of a number by the bits behind its exponent, at [`TABLE_SCALE`]. The same as [`finest_place`] gives, but
/// for numbers so near to a bound that the logarithm is not sure of them either.
#[inline(always)]
pub(super) fn place_in_octave(fraction: u64) -> i32 {
    if fraction == 0 {
        return -1; // Upper bounds are inclusive.
    }
    let cell = (fraction >> CELL_SHIFT) as usize % CELLS;
    let first = PLACES.first.get(cell).copied().unwrap_or_default();
    let next = PLACES.begins.get(usize::from(first) + 1).copied().unwrap_or(u64::MAX);
    i32::from(first) + i32::from(fraction >= next)
}

#[allow(clippy::indexing_slicing)] // Runs in the compiler, which would refuse an index that is out of bounds.
const fn places() -> Places {
    let mut places = Places {
        first: [0; CELLS],
        begins: [u64::MAX; BUCKETS + 1],
    };
    let mut bucket = 1;
    while bucket < BUCKETS {
        places.begins[bucket] = begin_of(bucket as i64);
        bucket += 1;
    }
    let mut cell = 1;
    while cell < CELLS {
        places.first[cell] = coarse_place((cell as u64) << CELL_SHIFT) as u8;
        cell += 1;
    }
    places
}

/// The least fraction in a bucket, by halving what is left to look at.
const fn begin_of(bucket: i64) -> u64 {
    let (mut below, mut within) = (0, (1_u64 << FRACTION_BITS) - 1);
    while below + 1 < within {
        let middle = below + (within - below) / 2;
        if coarse_place(middle) < bucket {
            below = middle;
        } else {
            within = middle;
        }
    }
    within
}

const fn coarse_place(fraction: u64) -> i64 {
    finest_place(fraction) >> (SCALE_MAX - TABLE_SCALE)
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, FRACTION_BITS, PLACES, coarse_place, place_in_octave};

    #[test]
    fn the_table_and_the_logarithm_agree() {
        let steps = 1 << 20;
        let shift = FRACTION_BITS - 20;

        for step in 0..steps {
            let fraction = (step << shift) + (step * 7 + 3) % (1 << shift);
            for fraction in [step << shift, fraction] {
                assert_eq!(
                    i64::from(place_in_octave(fraction)),
                    coarse_place(fraction),
                    "{fraction:x}"
                );
            }
        }
        assert_eq!(place_in_octave((1 << FRACTION_BITS) - 1), 255);
    }

    #[test]
    fn every_bucket_begins_behind_the_one_before_it() {
        let begins = PLACES.begins.get(1..BUCKETS).unwrap_or_default();

        assert!(begins.is_sorted_by(|one, next| one < next));
        for (before, begin) in begins.iter().enumerate() {
            assert_eq!(place_in_octave(begin - 1), before as i32);
            assert_eq!(place_in_octave(*begin), before as i32 + 1);
        }
    }
}
