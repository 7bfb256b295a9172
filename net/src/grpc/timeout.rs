//! `grpc-timeout`: at most eight digits and a unit.

use std::time::Duration;

const DIGITS_MAX: usize = 8;

/// Reads a timeout such as `250m`; None if it is not one.
pub fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > DIGITS_MAX || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// Writes a timeout in the finest unit that its digits allow.
pub fn format_timeout(timeout: Duration) -> String {
    const AMOUNT_MAX: u128 = 99_999_999;
    let units = [
        (timeout.as_nanos(), "n"),
        (timeout.as_micros(), "u"),
        (timeout.as_millis(), "m"),
    ];
    for (amount, unit) in units {
        if amount <= AMOUNT_MAX {
            return format!("{amount}{unit}");
        }
    }
    format!("{}S", u128::from(timeout.as_secs()).min(AMOUNT_MAX))
}
