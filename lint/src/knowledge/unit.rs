//! Units: which quantities, and how large one of it is.

use std::fmt;

/// A unit such as `USD/h`: powers of base quantities, and the size of one of it in them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unit {
    /// Powers, by the index in [`BASES`].
    powers: [i8; BASES.len()],
    /// One `ms` is 0.001 of the base `s`.
    pub(crate) size: f64,
}

/// What is measured. Things that are counted have a unit of their own, so that tokens are no requests.
const BASES: [&str; 9] = ["s", "By", "{token}", "USD", "J", "{request}", "Cel", "{item}", "Hz"];
const TIME: usize = 0;

/// Names of units with their size in base units, in the spelling of UCUM where it has one.
const NAMES: &[(&str, &str, f64)] = &[
    ("s", "s", 1.0),
    ("ms", "s", 1e-3),
    ("us", "s", 1e-6),
    ("ns", "s", 1e-9),
    ("h", "s", 3_600.0),
    ("By", "By", 1.0),
    ("KiBy", "By", 1_024.0),
    ("MiBy", "By", 1_048_576.0),
    ("MBy", "By", 1e6),
    ("{token}", "{token}", 1.0),
    ("USD", "USD", 1.0),
    ("J", "J", 1.0),
    ("mJ", "J", 1e-3),
    ("{request}", "{request}", 1.0),
    ("Cel", "Cel", 1.0),
    ("{item}", "{item}", 1.0),
    ("Hz", "Hz", 1.0),
    ("MHz", "Hz", 1e6),
];

impl Unit {
    /// A plain number.
    pub(crate) const ONE: Self = Self {
        powers: [0; BASES.len()],
        size: 1.0,
    };

    /// Reads `s`, `USD/h`, `%`, `1`, `W`. None for a unit that is not known.
    pub(crate) fn read(text: &str) -> Option<Self> {
        match text {
            "1" => return Some(Self::ONE),
            "%" => return Some(Self::ONE.scaled(0.01)),
            "W" => return Self::read("J")?.over(&Self::read("s")?).into(),
            _ => {}
        }
        if let Some((over, under)) = text.split_once('/') {
            return Some(Self::read(over)?.over(&Self::read(under)?));
        }
        let (_, base, size) = NAMES.iter().find(|(name, _, _)| *name == text)?;
        let mut unit = Self::ONE.scaled(*size);
        let at = BASES.iter().position(|name| name == base)?;
        *unit.powers.get_mut(at)? = 1;
        Some(unit)
    }

    /// The same quantity in units that are `by` times as large.
    pub(crate) fn scaled(&self, by: f64) -> Self {
        Self {
            powers: self.powers,
            size: self.size * by,
        }
    }

    pub(crate) fn times(&self, other: &Self) -> Self {
        self.combined(other, 1)
    }

    pub(crate) fn over(&self, other: &Self) -> Self {
        self.combined(other, -1)
    }

    fn combined(&self, other: &Self, sign: i8) -> Self {
        let mut powers = self.powers;
        for (power, more) in powers.iter_mut().zip(other.powers) {
            *power = power.saturating_add(more.saturating_mul(sign));
        }
        let size = if sign > 0 {
            self.size * other.size
        } else {
            self.size / other.size
        };
        Self { powers, size }
    }

    /// Without the "per request": the mean of many is of the same unit as each.
    pub(crate) fn of_each(&self) -> Self {
        let mut powers = self.powers;
        for (power, base) in powers.iter_mut().zip(BASES) {
            if *power < 0 && matches!(base, "{request}" | "{item}") {
                *power = 0;
            }
        }
        Self {
            powers,
            size: self.size,
        }
    }

    /// Whether both measure the same quantity, in units of whatever size.
    pub(crate) fn measures_what(&self, other: &Self) -> bool {
        self.powers == other.powers
    }

    /// Whether no quantity is left, as of a share.
    pub(crate) fn is_plain(&self) -> bool {
        self.powers == Self::ONE.powers
    }

    /// Whether it is a length of time.
    pub(crate) fn is_time(&self) -> bool {
        let mut powers = Self::ONE.powers;
        powers[TIME] = 1;
        self.powers == powers
    }

    /// Whether time takes part in it.
    pub(crate) fn has_time(&self) -> bool {
        self.powers[TIME] != 0
    }
}

impl fmt::Display for Unit {
    /// As one would say it: `ms`, `MiBy`, a factor where there is no word.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_plain() {
            return match self.size {
                size if is_near(size, 1.0) => f.write_str("a share from 0 to 1"),
                size if is_near(size, 0.01) => f.write_str("a percentage"),
                size => write!(f, "shares of {size}"),
            };
        }
        let named = NAMES.iter().find(|(name, _, size)| {
            is_near(*size, self.size) && Self::read(name).is_some_and(|it| it.powers == self.powers)
        });
        match named {
            Some((name, _, _)) => f.write_str(word(name)),
            None => f.write_str("another unit"),
        }
    }
}

fn word(name: &str) -> &str {
    match name {
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "MiBy" => "mebibytes",
        "J" => "joules",
        "mJ" => "millijoules",
        other => other,
    }
}

/// Whether two sizes are equal up to rounding.
pub(crate) fn is_near(left: f64, right: f64) -> bool {
    (left - right).abs() <= right.abs() * 1e-9
}
