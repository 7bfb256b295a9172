//! Functions on types that they are not made for.

use config::Diagnostic;

use super::{Case, plain_selector};
use crate::knowledge::{Family, Kind, Part};
use crate::promql::{Aggregate, Binary, Call, Expr, Node, Selector, takes_a_window};

/// Functions that take every fall of their argument for a restart.
const OF_COUNTERS: &[&str] = &["rate", "irate", "increase"];
/// Functions that know no restarts.
const OF_GAUGES: &[&str] = &["delta", "idelta", "deriv", "predict_linear"];

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Diagnostic>) {
    case.expr.walk(&mut |expr, _| match &expr.node {
        Node::Call(call) => {
            findings.extend(window(case, expr, call));
            findings.extend(function(case, expr, call));
        }
        Node::Aggregate(aggregate) => findings.extend(aggregated_window(case, aggregate)),
        Node::Binary(binary) => findings.extend(raw_counters(case, binary)),
        _ => {}
    });
}

/// A function over time without a range, or any other function with one.
fn window(case: &Case<'_>, expr: &Expr, call: &Call) -> Option<Diagnostic> {
    let function = call.function.as_str();
    let is_variable = function.contains(['$', '[']);
    let has_window = call
        .arguments
        .iter()
        .any(|it| matches!(it.bare().node, Node::Window(_)));
    let may_have_window = call.arguments.iter().any(|it| matches!(it.bare().node, Node::Variable));
    if takes_a_window(function) && !has_window && !may_have_window {
        let what =
            format!("`{function}` looks back over time and needs a range, and Prometheus refuses it without one");
        let argument = call.arguments.last().map_or("", |it| case.written(it));
        let help = format!("write {function}({argument}[5m])");
        return Some(case.finding("syntax", &what, &expr.span).help(help));
    }
    if !takes_a_window(function) && has_window && !is_variable {
        let what = format!("`{function}` takes no range, and Prometheus refuses one");
        let help = "put a function over time between them: `rate`, `avg_over_time`, …";
        return Some(case.finding("syntax", &what, &expr.span).help(help));
    }
    None
}

fn aggregated_window(case: &Case<'_>, aggregate: &Aggregate) -> Option<Diagnostic> {
    let inner = aggregate.inner.bare();
    let Node::Window(_) = inner.node else {
        return None;
    };
    let what = format!("`{}` takes no range, and Prometheus refuses one", aggregate.op);
    let help = format!(
        "put a function over time between them: {}(rate({}))",
        aggregate.op,
        case.written(inner)
    );
    Some(case.finding("syntax", &what, &inner.span).help(help))
}

fn function(case: &Case<'_>, expr: &Expr, call: &Call) -> Option<Diagnostic> {
    let function = call.function.as_str();
    let argument = call.arguments.iter().find_map(|it| match &it.bare().node {
        Node::Window(inner) => Some(inner),
        _ => None,
    })?;
    let selector = match &argument.bare().node {
        Node::Selector(selector) => selector,
        _ => return None,
    };
    let (family, part) = case.family(selector)?;
    let name = selector.name.as_deref().unwrap_or_default();
    let grows = grows(family, part);
    if OF_COUNTERS.contains(&function) && !grows && family.kind != Kind::Histogram {
        let what = format!("`{name}` is a gauge, and `{function}` takes every fall for a restart");
        let help = format!(
            "for its mean write avg_over_time({0}), for its change delta({0})",
            case.written(argument.bare()).to_owned() + "[…]"
        );
        return Some(case.finding("rate-of-gauge", &what, &expr.span).help(help));
    }
    if OF_GAUGES.contains(&function) && grows {
        let better = if function == "deriv" { "rate" } else { "increase" };
        let what = format!("`{name}` is a counter, and `{function}` does not know that counters restart at zero");
        return Some(
            case.finding("delta-of-counter", &what, &expr.span)
                .help(format!("use `{better}`")),
        );
    }
    None
}

/// Whether a series only grows until its process restarts.
pub(super) fn grows(family: &Family, part: Part) -> bool {
    match part {
        Part::Whole => matches!(family.kind, Kind::Counter | Kind::Native),
        Part::Bucket | Part::Sum | Part::Count => true,
        Part::Created => false,
    }
}

/// Counters that are compared with a limit or divided by each other without `rate`.
fn raw_counters(case: &Case<'_>, binary: &Binary) -> Option<Diagnostic> {
    let selector = match binary.op {
        ">" | ">=" | "<" | "<=" => {
            // More than nothing since the start is a question that a counter can answer.
            let is_zero = |expr: &Expr| matches!(expr.bare().node, Node::Number(number) if number == 0.0);
            if is_zero(&binary.right) || is_zero(&binary.left) {
                return None;
            }
            raw_counter(case, &binary.left).or_else(|| raw_counter(case, &binary.right))
        }
        "/" => raw_counter(case, &binary.left).filter(|_| raw_counter(case, &binary.right).is_some()),
        _ => None,
    }?;
    let name = selector.name.as_deref().unwrap_or_default();
    let what = format!("`{name}` counts since its process started, however long ago");
    let help = format!("write rate({name}[5m]) or increase({name}[5m]), on both sides of a ratio");
    Some(
        case.finding("counter-without-rate", &what, &selector.name_span)
            .help(help),
    )
}

/// The counter that stands there without a function, aggregations aside.
fn raw_counter<'e>(case: &Case<'_>, expr: &'e Expr) -> Option<&'e Selector> {
    let selector = plain_selector(expr)?;
    let (family, part) = case.family(selector)?;
    (grows(family, part) && part != Part::Bucket && family.kind != Kind::Native).then_some(selector)
}
