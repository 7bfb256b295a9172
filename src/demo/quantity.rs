//! Numbers for people: durations, shares and counts, in widths that line up.

/// Columns of a duration: three digits and a point, a space, a unit of at most two letters.
pub(super) const DURATION_WIDTH: usize = 7;

/// Columns of a share, as wide as `100.0 %`.
pub(super) const SHARE_WIDTH: usize = 7;

/// A duration in three significant digits; units line up when it is right-aligned to [`DURATION_WIDTH`].
pub(super) fn duration(ns: u64, micro: &str) -> String {
    // The steps are where three digits would round up to the next unit: 999.5 µs is 1.00 ms.
    let (value, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..999_500 => (ns as f64 / 1e3, micro),
        999_500..999_500_000 => (ns as f64 / 1e6, "ms"),
        _ => (ns as f64 / 1e9, "s "),
    };
    three_digits(value, unit)
}

/// Watts or joules in three significant digits, from thousandths of them.
pub(super) fn amount(thousandths: u64, unit: &str) -> String {
    match thousandths {
        0..999_500 => three_digits(thousandths as f64 / 1e3, unit),
        _ => three_digits(thousandths as f64 / 1e6, &format!("k{unit}")),
    }
}

fn three_digits(value: f64, unit: &str) -> String {
    let decimals = match value {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

/// A part of a whole in percent; what rounds to nothing says that it is not nothing.
pub(super) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return String::new();
    }
    let percent = part as f64 * 100.0 / whole as f64;
    if part > 0 && percent < 0.05 {
        "<0.1 %".to_owned()
    } else {
        format!("{percent:.1} %")
    }
}

/// A count with commas between thousands.
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun, in the singular for one.
pub(super) fn counted(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(value), if value == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_three_digits_and_the_unit_that_fits() {
        let shown = |ns| duration(ns, "µs");

        assert_eq!(shown(0), "0 ns");
        assert_eq!(shown(999), "999 ns");
        assert_eq!(shown(1_234), "1.23 µs");
        assert_eq!(shown(36_555), "36.6 µs");
        assert_eq!(shown(661_477), "661 µs");
        assert_eq!(shown(147_223_558), "147 ms");
        assert_eq!(shown(4_060_000_000), "4.06 s ");
        assert_eq!(shown(33_361_630_000), "33.4 s ");
        assert_eq!(shown(7_200_000_000_000), "7200 s ");
    }

    #[test]
    fn an_amount_has_three_digits_and_thousands_are_kilo() {
        assert_eq!(amount(0, "J"), "0.00 J");
        assert_eq!(amount(49, "J"), "0.05 J");
        assert_eq!(amount(142_300, "J"), "142 J");
        assert_eq!(amount(999_499, "W"), "999 W");
        assert_eq!(amount(999_500, "W"), "1.00 kW");
        assert_eq!(amount(12_345_678, "J"), "12.3 kJ");
    }

    #[test]
    fn a_duration_that_rounds_up_takes_the_next_unit() {
        let shown = |ns| duration(ns, "µs");

        assert_eq!(shown(999_499), "999 µs");
        assert_eq!(shown(999_500), "1.00 ms");
        assert_eq!(shown(9_995), "10.0 µs");
        assert_eq!(shown(99_950), "100 µs");
        assert_eq!(shown(999_500_000), "1.00 s ");
    }

    #[test]
    fn no_duration_below_two_hours_is_wider_than_its_column() {
        for exponent in 0..12 {
            for digits in [1, 5, 9, 94, 95, 99, 994, 995, 999] {
                let shown = duration(digits * 10_u64.pow(exponent) / 10, "µs");
                assert!(shown.chars().count() <= DURATION_WIDTH, "{shown}");
            }
        }
    }

    #[test]
    fn a_share_too_small_to_show_is_not_called_nothing() {
        assert_eq!(share(0, 1_000), "0.0 %");
        assert_eq!(share(1, 10_000), "<0.1 %");
        assert_eq!(share(705, 1_000), "70.5 %");
        assert_eq!(share(7, 7), "100.0 %");
        assert_eq!(share(7, 0), "");
    }

    #[test]
    fn a_count_has_commas_between_thousands() {
        assert_eq!(count(7), "7");
        assert_eq!(count(1_204), "1,204");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "span", "spans"), "1 span");
        assert_eq!(counted(0, "span", "spans"), "0 spans");
    }
}
