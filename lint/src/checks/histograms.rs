//! Quantiles: of buckets, with `le`, of rates, between 0 and 1, and never averaged.

use config::Diagnostic;

use super::Case;
use super::types::grows;
use crate::knowledge::{Kind, Known, Part};
use crate::promql::{Aggregate, Call, Expr, Grouping, Node, Selector, over_time};

/// Functions that only native histograms have values for.
const NATIVE_ONLY: &[&str] = &[
    "histogram_avg",
    "histogram_count",
    "histogram_stddev",
    "histogram_stdvar",
    "histogram_sum",
];

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Diagnostic>) {
    case.expr.walk(&mut |expr, _| match &expr.node {
        Node::Call(call) if call.function == "histogram_quantile" => {
            findings.extend(range(case, call));
            findings.extend(call.arguments.get(1).and_then(|buckets| quantile(case, buckets)));
        }
        Node::Call(call) if NATIVE_ONLY.contains(&call.function.as_str()) => {
            findings.extend(native_only(case, expr, call));
        }
        Node::Call(call) => {
            let is_mean = matches!(over_time(&call.function), Some("avg" | "sum"));
            let argument = call.arguments.first().filter(|_| is_mean);
            findings.extend(argument.and_then(|argument| average(case, expr, argument, &call.function)));
        }
        Node::Aggregate(aggregate) if matches!(aggregate.op.as_str(), "avg" | "sum") => {
            findings.extend(average(case, expr, &aggregate.inner, &aggregate.op));
        }
        _ => {}
    });
}

fn range(case: &Case<'_>, call: &Call) -> Option<Diagnostic> {
    let first = call.arguments.first()?;
    let number = match &first.bare().node {
        Node::Number(number) if *number > 1.0 => *number,
        _ => return None,
    };
    let what = "a quantile lies between 0 and 1; beyond 1 the result is +Inf";
    let finding = case.finding("quantile-out-of-range", what, &first.span);
    Some(finding.help(format!("write {}", number / 100.0)))
}

/// What `histogram_quantile` is asked about.
fn quantile(case: &Case<'_>, buckets: &Expr) -> Option<Diagnostic> {
    let (_, selector) = buckets.selectors().into_iter().next()?;
    let name = selector.name.as_deref()?;
    let is_classic = is_classic(case, selector, name);
    // What a rule stores was looked at where the rule stands.
    if case.recorded.contains_key(name) || (name.contains(':') && !is_classic && case.family(selector).is_none()) {
        return None;
    }
    if !is_classic && !has_buckets(case, selector, name, buckets) {
        let what = format!("`{name}` has no buckets: `histogram_quantile` gives nothing");
        let help = format!("write sum by (le) (rate({name}_bucket[5m])), if there are such series");
        return Some(
            case.finding("quantile-without-buckets", &what, &buckets.span)
                .help(help),
        );
    }
    let without_le = || without_le(case, buckets);
    if let Some(finding) = is_classic.then(without_le).flatten() {
        return Some(finding);
    }
    if is_rated(buckets) {
        return None;
    }
    let what = format!("`{name}` counts since its process started: the quantile hardly moves after a day");
    let help = format!(
        "write rate({}[5m])",
        case.query.expr.get(selector.name_span.clone()).unwrap_or(name)
    );
    Some(
        case.finding("quantile-without-rate", &what, &selector.name_span)
            .help(help),
    )
}

fn is_classic(case: &Case<'_>, selector: &Selector, name: &str) -> bool {
    match case.family(selector) {
        Some((family, Part::Bucket)) => family.kind != Kind::Native,
        Some(_) => false,
        None => name.ends_with("_bucket"),
    }
}

/// Whether a series without `_bucket` may hold a histogram all the same.
fn has_buckets(case: &Case<'_>, selector: &Selector, name: &str, buckets: &Expr) -> bool {
    match case.family(selector) {
        // Its name is wrong, and `histogram-name` says so.
        Some((family, part)) if matches!(family.kind, Kind::Native | Kind::Histogram) => {
            matches!(part, Part::Whole | Part::Bucket)
        }
        Some(_) => false,
        // The rate of an unknown name may be that of a native histogram; the name itself gives no hint of one.
        None => is_rated(buckets) || !matches!(case.knowledge.look(name), Known::Foreign),
    }
}

/// Whether a function over time stands between the buckets and the quantile.
fn is_rated(buckets: &Expr) -> bool {
    let mut is_rated = false;
    buckets.walk(&mut |expr, _| {
        let is_window = matches!(expr.node, Node::Window(_) | Node::Variable);
        is_rated |= is_window;
    });
    is_rated
}

/// The outermost aggregation that loses `le`.
fn without_le(case: &Case<'_>, buckets: &Expr) -> Option<Diagnostic> {
    let mut found = None;
    buckets.walk(&mut |expr, _| {
        if let Node::Aggregate(aggregate) = &expr.node {
            let mut below = aggregate.inner.selectors().into_iter();
            let has_buckets = below.any(|(_, selector)| {
                selector
                    .name
                    .as_deref()
                    .is_some_and(|name| is_classic(case, selector, name))
            });
            if found.is_none() && has_buckets && !keeps_le(aggregate) {
                found = Some((expr, aggregate));
            }
        }
    });
    let (expr, aggregate) = found?;
    let what = "the aggregation drops `le`, and without it buckets are no histogram: the result is empty";
    let op = &aggregate.op;
    let help = match &aggregate.grouping {
        Grouping::All => format!("write {op} by (le) (…)"),
        Grouping::By(labels) => {
            let names: Vec<&str> = labels.iter().map(|label| label.name.as_str()).collect();
            format!("write {op} by (le, {}) (…)", names.join(", ")).replace(", )", ")")
        }
        Grouping::Without(_) => "leave `le` out of `without`".to_owned(),
    };
    let end = expr.span.start + op.len();
    Some(
        case.finding("quantile-without-le", what, &(expr.span.start..end))
            .help(help),
    )
}

fn keeps_le(aggregate: &Aggregate) -> bool {
    let has_le = |labels: &[crate::promql::Label]| labels.iter().any(|label| label.name == "le");
    let has_variable = |labels: &[crate::promql::Label]| labels.iter().any(|label| label.name.contains(['$', '[']));
    match &aggregate.grouping {
        // Some aggregations keep whole series.
        Grouping::All => matches!(aggregate.op.as_str(), "topk" | "bottomk" | "limitk" | "limit_ratio"),
        Grouping::By(labels) => has_le(labels) || has_variable(labels),
        Grouping::Without(labels) => !has_le(labels),
    }
}

/// `histogram_count` and its like on a classic histogram.
fn native_only(case: &Case<'_>, expr: &Expr, call: &Call) -> Option<Diagnostic> {
    let (_, selector) = expr.selectors().into_iter().next()?;
    let (family, part) = case.family(selector)?;
    // The bare name of a classic histogram is found as a name.
    if family.kind == Kind::Native || (family.kind == Kind::Histogram && part == Part::Whole) {
        return None;
    }
    let name = &family.name;
    let what = format!(
        "`{}` reads native histograms, and this is none: it gives nothing",
        call.function
    );
    let help = match (family.kind, call.function.as_str()) {
        (Kind::Histogram, "histogram_count") => format!("write rate({name}_count[5m])"),
        (Kind::Histogram, "histogram_sum") => format!("write rate({name}_sum[5m])"),
        (Kind::Histogram, "histogram_avg") => format!("write rate({name}_sum[5m]) / rate({name}_count[5m])"),
        _ => "drop the function".to_owned(),
    };
    Some(case.finding("histogram-name", &what, &expr.span).help(help))
}

fn average(case: &Case<'_>, expr: &Expr, inner: &Expr, op: &str) -> Option<Diagnostic> {
    if !is_quantile(case, inner) {
        return None;
    }
    let what = format!("`{op}` of quantiles is the quantile of nothing");
    let help = "add up the buckets first, histogram_quantile(0.99, sum by (le) (rate(…_bucket[…]))), or take the worst with `max`";
    let end = expr.span.start + op.len();
    Some(
        case.finding("average-of-quantiles", &what, &(expr.span.start..end))
            .help(help),
    )
}

/// Whether the values of an expression are quantiles.
fn is_quantile(case: &Case<'_>, expr: &Expr) -> bool {
    match &expr.bare().node {
        Node::Call(call) if call.function == "histogram_quantile" => true,
        Node::Call(call) if over_time(&call.function).is_some() => call
            .arguments
            .first()
            .is_some_and(|argument| is_quantile(case, argument)),
        Node::Window(inner) => is_quantile(case, inner),
        Node::Binary(binary) => {
            let is_number = |side: &Expr| matches!(side.bare().node, Node::Number(_));
            (is_number(&binary.right) && is_quantile(case, &binary.left))
                || (is_number(&binary.left) && is_quantile(case, &binary.right))
        }
        Node::Selector(selector) => is_stored_quantile(case, selector),
        _ => false,
    }
}

fn is_stored_quantile(case: &Case<'_>, selector: &Selector) -> bool {
    if let Some(expr) = case.recorded(selector) {
        return is_quantile(case, expr);
    }
    if let Some((family, part)) = case.family(selector) {
        return family.kind == Kind::Summary && !grows(family, part) && part == Part::Whole;
    }
    let name = selector.name.as_deref().unwrap_or_default();
    let last = name.rsplit([':', '_']).next().unwrap_or_default();
    let is_percentile = last
        .strip_prefix('p')
        .is_some_and(|number| number.len() >= 2 && number.chars().all(|digit| digit.is_ascii_digit()));
    is_percentile || selector.matchers.iter().any(|matcher| matcher.label == "quantile")
}
