//! Numbers on a page, as Go's `strconv` reads them without hexadecimal and underscores.

/// Every NaN that a page says becomes this one, which is what Prometheus itself writes. The other bit patterns mean
/// something: `0x7ff0000000000002` is the marker of a stale series, and no page may forge it.
pub(super) const NORMAL_NAN: u64 = 0x7ff8_0000_0000_0001;

/// A value; None for what is not a number or does not fit into a double.
pub(in super::super) fn value(token: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(token).ok()?;
    let value: f64 = text.parse().ok()?;
    if value.is_nan() {
        // Go knows no sign of NaN.
        return (!text.starts_with(['+', '-'])).then_some(f64::from_bits(NORMAL_NAN));
    }
    // Digits that overflow are an error in Go; only the word is infinity.
    let is_word = text.trim_start_matches(['+', '-']).starts_with(['i', 'I']);
    (value.is_finite() || is_word).then_some(value)
}

/// Milliseconds since 1970, as the text format writes them.
pub(super) fn milliseconds(token: &[u8]) -> Option<i64> {
    std::str::from_utf8(token).ok()?.parse().ok()
}

/// Seconds since 1970, as OpenMetrics writes them, in milliseconds.
pub(super) fn seconds(token: &[u8]) -> Option<i64> {
    /// Beyond this a double of milliseconds no longer fits into 64 bits.
    const LIMIT: f64 = 9.2e18;
    let milliseconds = value(token)? * 1000.0;
    #[allow(clippy::cast_possible_truncation)] // Within the limit it fits; Prometheus cuts the fraction as well.
    (milliseconds.abs() < LIMIT).then_some(milliseconds as i64)
}
