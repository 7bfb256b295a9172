//! Slips of units: shares and percentages, hours and seconds, bytes and mebibytes, milliseconds and seconds.

use config::Diagnostic;

use super::value::{self, Measured, Value};
use super::{Case, plain_selector};
use crate::knowledge::{Unit, is_near};
use crate::promql::{Binary, Expr, Node};
use crate::query::Purpose;

/// A latency limit below this is a number of seconds that was meant as such.
const SHORTEST_LIMIT_S: f64 = 0.01;
/// A limit for tokens and queues beyond this is a number of milliseconds.
const LONGEST_LIMIT_S: f64 = 200.0;

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Diagnostic>) {
    case.expr.walk(&mut |expr, _| {
        if let Node::Binary(binary) = &expr.node {
            findings.extend(used_over_free(case, expr, binary));
            match binary.op {
                ">" | "<" | ">=" | "<=" | "==" | "!=" => findings.extend(comparison(case, expr, binary)),
                "+" | "-" => findings.extend(two_sizes(case, expr, binary)),
                _ => {}
            }
        }
    });
    for side in sides(case.expr) {
        findings.extend(mixed(case, side));
    }
    if let Purpose::Panel { unit: Some(unit) } = &case.query.purpose {
        findings.extend(panel(case, unit));
    }
}

/// The expression, or what it compares and combines.
fn sides(expr: &Expr) -> Vec<&Expr> {
    match &expr.bare().node {
        Node::Binary(binary) if !matches!(binary.op, "+" | "-" | "*" | "/" | "%" | "^" | "atan2") => {
            let mut found = sides(&binary.left);
            found.extend(sides(&binary.right));
            found
        }
        _ => vec![expr],
    }
}

fn comparison(case: &Case<'_>, expr: &Expr, binary: &Binary) -> Option<Diagnostic> {
    match (value::of(case, &binary.left)?, value::of(case, &binary.right)?) {
        (Value::Measured(value), Value::Number(limit)) => limited(case, expr, &value, binary.op, limit),
        (Value::Number(limit), Value::Measured(value)) => {
            let op = match binary.op {
                ">" => "<",
                ">=" => "<=",
                "<" => ">",
                "<=" => ">=",
                other => other,
            };
            limited(case, expr, &value, op, limit)
        }
        (Value::Measured(_), Value::Measured(_)) => two_sizes(case, expr, binary),
        (Value::Number(_), Value::Number(_)) => None,
    }
}

fn limited(case: &Case<'_>, expr: &Expr, value: &Measured<'_>, op: &str, limit: f64) -> Option<Diagnostic> {
    if value.is_share && value.unit.is_plain() {
        return share(case, expr, &value.unit, op, limit);
    }
    if value.unit.is_time() {
        return duration(case, expr, value, limit);
    }
    None
}

fn share(case: &Case<'_>, expr: &Expr, unit: &Unit, op: &str, limit: f64) -> Option<Diagnostic> {
    let of_whole = limit * unit.size;
    let outcome = match op {
        ">" | ">=" | "==" => "this is never true",
        _ => "this is always true",
    };
    if of_whole > 1.0 + 1e-9 {
        let what = format!("the values are {unit}, at most {}: {outcome}", 1.0 / unit.size);
        let help = format!("write {} instead of {limit}", limit / 100.0 / unit.size);
        return Some(case.finding("share-threshold", &what, &expr.span).help(help));
    }
    if is_near(unit.size, 0.01) && limit > 0.0 && limit <= 1.0 && limit.fract() != 0.0 {
        let what = format!("the values are {unit} from 0 to 100, and {limit} is next to nothing");
        let help = format!("write {} instead of {limit}", limit * 100.0);
        return Some(case.finding("share-threshold", &what, &expr.span).help(help));
    }
    None
}

fn duration(case: &Case<'_>, expr: &Expr, value: &Measured<'_>, limit: f64) -> Option<Diagnostic> {
    let family = value.family?;
    let of_family = family.unit.as_ref()?;
    let seconds = limit * value.unit.size;
    let is_its_own = is_near(of_family.size, value.unit.size);
    if is_its_own && value.unit.size < 0.5 && limit > 0.0 && seconds < SHORTEST_LIMIT_S {
        let what = format!("the values are {}, so the limit is {limit} {}", value.unit, value.unit);
        let help = format!("if {limit} s was meant, write {}", limit / value.unit.size);
        return Some(case.finding("threshold-unit", &what, &expr.span).help(help));
    }
    let is_short_lived = ["first_token", "token_latency", "per_output_token", "queue"];
    let is_short_lived = is_short_lived.iter().any(|part| family.name.contains(part));
    if is_near(value.unit.size, 1.0) && is_short_lived && limit >= LONGEST_LIMIT_S {
        let what = format!("the values are seconds, so the limit is {limit} s");
        let help = format!("if {limit} ms was meant, write {}", limit / 1_000.0);
        return Some(case.finding("threshold-unit", &what, &expr.span).help(help));
    }
    let first = value.quantile_of?.first_bucket? * of_family.size;
    if limit > 0.0 && seconds < first {
        let what = format!(
            "the first bucket of `{}` ends at {first} s: below it a quantile is a guess",
            family.name
        );
        let help = "ask a histogram that is made from spans (`llm_metrics`), or choose a limit beyond the first bucket";
        return Some(case.finding("below-first-bucket", &what, &expr.span).help(help));
    }
    None
}

/// Two values of one quantity in different units.
fn two_sizes(case: &Case<'_>, expr: &Expr, binary: &Binary) -> Option<Diagnostic> {
    let (Value::Measured(left), Value::Measured(right)) =
        (value::of(case, &binary.left)?, value::of(case, &binary.right)?)
    else {
        return None;
    };
    if !left.unit.measures_what(&right.unit) || is_near(left.unit.size, right.unit.size) {
        return None;
    }
    // Plain numbers are shares, percentages or counts; only of shares is it known which.
    if left.unit.is_plain() && !(left.is_share && right.is_share) {
        return None;
    }
    let what = format!(
        "one side of `{}` is in {}, the other in {}",
        binary.op, left.unit, right.unit
    );
    let factor = right.unit.size / left.unit.size;
    let help = if factor > 1.0 {
        format!("multiply the right side by {factor}")
    } else {
        format!("multiply the left side by {}", 1.0 / factor)
    };
    Some(case.finding("unit-mismatch", &what, &expr.span).help(help))
}

/// Hours that are left when time has cancelled out, and mebibytes when bytes have.
fn mixed(case: &Case<'_>, expr: &Expr) -> Option<Diagnostic> {
    let Value::Measured(value) = value::of(case, expr)? else {
        return None;
    };
    let is_round = |size: f64| (size.abs().log10() - size.abs().log10().round()).abs() < 1e-6;
    let size = value.unit.size;
    if value.has_hours && !value.unit.has_time() && !is_round(size) {
        if is_round(size * 3_600.0) {
            let what = "a price per hour meets a rate per second: the result is 3,600 times too high";
            return Some(
                case.finding("unit-mismatch", what, &expr.span)
                    .help("divide the price by 3600"),
            );
        }
        if is_round(size / 3_600.0) {
            let what = "a price per hour meets a rate per second: the result is 3,600 times too low";
            return Some(
                case.finding("unit-mismatch", what, &expr.span)
                    .help("take out one division by 3600"),
            );
        }
    }
    let is_binary = [10, 20, 30].iter().any(|power| {
        let factor = 2f64.powi(*power);
        is_round(size * factor) || is_round(size / factor)
    });
    if value.has_binary && value.unit.is_plain() && !is_round(size) && is_binary {
        let what = "bytes meet mebibytes: the result is a million times off";
        let help = "multiply the mebibytes by 1024 * 1024";
        return Some(case.finding("unit-mismatch", what, &expr.span).help(help));
    }
    None
}

/// `FB_USED / FB_FREE`, and the like of any exporter.
fn used_over_free(case: &Case<'_>, expr: &Expr, binary: &Binary) -> Option<Diagnostic> {
    if binary.op != "/" {
        return None;
    }
    let used = plain_selector(&binary.left)?.name.as_deref()?;
    let free = plain_selector(&binary.right)?.name.as_deref()?;
    let is_pair = [("USED", "FREE"), ("used", "free"), ("used", "available")]
        .iter()
        .any(|(over, under)| used.contains(over) && used.replace(over, under) == free);
    if !is_pair {
        return None;
    }
    let what = "what is used over what is free is no share: it is 0.9 when 47 % are used, and without end above that";
    let left = case.written(&binary.left);
    let right = case.written(&binary.right);
    Some(
        case.finding("used-over-free", what, &expr.span)
            .help(format!("write {left} / ({left} + {right})")),
    )
}

/// The unit that a panel shows its values in, where both are known.
fn panel(case: &Case<'_>, shown: &str) -> Option<Diagnostic> {
    let Value::Measured(value) = value::of(case, case.expr)? else {
        return None;
    };
    let (expected, word) = match shown {
        "s" => ("s", "seconds"),
        "ms" => ("ms", "milliseconds"),
        "µs" => ("us", "microseconds"),
        "ns" => ("ns", "nanoseconds"),
        "percentunit" => ("1", "a share from 0 to 1"),
        "percent" => ("%", "a percentage"),
        "bytes" | "decbytes" => ("By", "bytes"),
        "mbytes" => ("MiBy", "mebibytes"),
        "decmbytes" => ("MBy", "megabytes"),
        _ => return None,
    };
    let expected = Unit::read(expected)?;
    let is_known = !value.unit.is_plain() || value.is_share;
    let differs = value.unit.measures_what(&expected) && !is_near(value.unit.size, expected.size);
    if !is_known || !differs {
        return None;
    }
    let what = format!("the panel shows {word} ({shown:?}), and the values are {}", value.unit);
    let factor = value.unit.size / expected.size;
    let help = format!("choose the other unit for the panel, or multiply the expression by {factor}");
    Some(case.finding("panel-unit", &what, &case.expr.span).help(help))
}
