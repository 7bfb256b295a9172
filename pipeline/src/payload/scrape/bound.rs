//! Bounds and quantiles as the text of a label.

/// A bound as Prometheus 3 writes it, whatever the page says: as Go's `%g` does with the shortest digits, and always
/// with a point or an exponent (OpenMetrics 1.0, "Considerations: Canonical Numbers").
pub fn bound_text(bound: f64) -> String {
    if bound == f64::INFINITY {
        return "+Inf".to_owned();
    }
    if bound == f64::NEG_INFINITY {
        return "-Inf".to_owned();
    }
    let size = bound.abs();
    if size != 0.0 && !(1e-4..1e6).contains(&size) {
        return with_exponent(bound);
    }
    let text = bound.to_string();
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// Mantissa, `e`, a sign and at least two digits.
fn with_exponent(bound: f64) -> String {
    let text = format!("{bound:e}");
    let Some((mantissa, power)) = text.split_once('e') else {
        return text;
    };
    let (sign, power) = match power.strip_prefix('-') {
        Some(power) => ('-', power),
        None => ('+', power),
    };
    format!("{mantissa}e{sign}{power:0>2}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn bounds_are_written_as_prometheus_3_writes_them() {
        for (bound, text) in [
            (1.0, "1.0"),
            (0.0, "0.0"),
            (-1.0, "-1.0"),
            (0.1, "0.1"),
            (100_000.0, "100000.0"),
            (999_999.5, "999999.5"),
            (1e6, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (2.5e6, "2.5e+06"),
            (1e21, "1e+21"),
            (1e100, "1e+100"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (0.001_620_000_000_000_000_1, "0.0016200000000000001"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(super::bound_text(bound), text);
        }
    }
}
