//! Labels and values of labels that a metric does not have.

use std::collections::BTreeSet;

use config::Diagnostic;

use super::Case;
use crate::knowledge::{Family, Kind, Part};
use crate::promql::{Aggregate, Binary, Expr, Grouping, Label, Node, Selector, over_time};
use crate::query::Purpose;

/// Labels that the usual scrape configurations put on everything.
const OF_TARGETS: &[&str] = &[
    "__name__",
    "job",
    "instance",
    "namespace",
    "pod",
    "container",
    "service",
    "endpoint",
    "node",
    "cluster",
    "region",
    "zone",
    "environment",
    "env",
    "prometheus",
    "prometheus_replica",
];

/// The labels of an expression's series.
enum Labels {
    /// Too much is not known.
    Any,
    These(BTreeSet<String>),
}

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Diagnostic>) {
    case.expr.walk(&mut |expr, _| match &expr.node {
        Node::Selector(selector) => matchers(case, selector, findings),
        Node::Aggregate(Aggregate {
            grouping: Grouping::By(labels),
            inner,
            ..
        }) => listed(case, labels, inner, findings),
        Node::Binary(binary) => {
            listed(case, &binary.on, &binary.left, findings);
            listed(case, &binary.on, &binary.right, findings);
        }
        _ => {}
    });
    if let Purpose::Variable { label: Some(label) } = &case.query.purpose {
        findings.extend(missing(case, label, case.expr, &case.expr.span));
    }
}

fn matchers(case: &Case<'_>, selector: &Selector, findings: &mut Vec<Diagnostic>) {
    let Some((family, part)) = case.family(selector) else {
        return;
    };
    for matcher in &selector.matchers {
        let known = family.labels.iter().find(|label| label.name == matcher.label);
        if matcher.label.contains(['$', '[']) {
            continue;
        }
        let Some(known) = known else {
            let selects_missing = matches!(matcher.op, "=" | "=~") && !matcher.value.is_empty();
            if selects_missing && !has(case, family, part, &matcher.label) {
                findings.push(unknown(case, &family.name, &matcher.label, &matcher.span, family));
            }
            continue;
        };
        let is_impossible = matcher.op == "="
            && !known.values.is_empty()
            && !matcher.value.is_empty()
            && !matcher.value.contains(['$', '['])
            && !known.values.contains(&matcher.value);
        if is_impossible {
            let what = format!("`{}` of `{}` is never {:?}", matcher.label, family.name, matcher.value);
            let help = format!("its values are {}", known.values.join(", "));
            findings.push(case.finding("unknown-label-value", &what, &matcher.span).help(help));
        }
    }
}

/// Labels that are named in a list must come from what is below.
fn listed(case: &Case<'_>, labels: &[Label], below: &Expr, findings: &mut Vec<Diagnostic>) {
    for label in labels {
        findings.extend(missing(case, &label.name, below, &label.span));
    }
}

fn missing(case: &Case<'_>, label: &str, below: &Expr, at: &std::ops::Range<usize>) -> Option<Diagnostic> {
    if label.contains(['$', '[']) || is_of_targets(case, label) {
        return None;
    }
    let Labels::These(labels) = labels_of(case, below) else {
        return None;
    };
    if labels.contains(label) {
        return None;
    }
    let (_, selector) = below.selectors().into_iter().next()?;
    let (family, part) = case.family(selector)?;
    if has(case, family, part, label) {
        let what = format!("an aggregation below drops `{label}`");
        let help = format!("add `{label}` to its `by`, or take it out of its `without`");
        return Some(case.finding("unknown-label", &what, at).help(help));
    }
    Some(unknown(case, &family.name, label, at, family))
}

fn unknown(case: &Case<'_>, name: &str, label: &str, at: &std::ops::Range<usize>, family: &Family) -> Diagnostic {
    let what = format!("`{name}` has no label `{label}`");
    let known: Vec<&str> = family.labels.iter().map(|label| label.name.as_str()).collect();
    let list = match known.as_slice() {
        [] => "it has no labels but those of its target".to_owned(),
        known => format!("its labels are {}", known.join(", ")),
    };
    let help = format!("{list}; if your scrape configuration adds it, say --label {label}");
    case.finding("unknown-label", &what, at).help(help)
}

fn is_of_targets(case: &Case<'_>, label: &str) -> bool {
    OF_TARGETS.contains(&label) || label.starts_with("exported_") || case.labels.iter().any(|own| own == label)
}

fn has(case: &Case<'_>, family: &Family, part: Part, label: &str) -> bool {
    let is_made = (label == "le" && part == Part::Bucket) || (label == "quantile" && family.kind == Kind::Summary);
    is_made || family.has_more_labels || is_of_targets(case, label) || family.labels.iter().any(|it| it.name == label)
}

fn labels_of(case: &Case<'_>, expr: &Expr) -> Labels {
    match &expr.node {
        Node::Number(_) | Node::Text => Labels::These(BTreeSet::new()),
        Node::Variable => Labels::Any,
        Node::Window(inner) | Node::Negative(inner) | Node::Paren(inner) => labels_of(case, inner),
        Node::Selector(selector) => of_selector(case, selector),
        Node::Aggregate(aggregate) => of_aggregate(case, aggregate),
        Node::Binary(binary) => of_binary(case, binary),
        Node::Call(call) => match call.function.as_str() {
            "label_replace" | "label_join" | "info" => Labels::Any,
            "absent" | "absent_over_time" | "vector" | "time" | "histogram_quantiles" => Labels::Any,
            function if over_time(function) == Some("quantile") => of_argument(case, call.arguments.get(1)),
            "histogram_quantile" | "histogram_fraction" => of_argument(case, call.arguments.last()),
            _ => of_argument(case, call.arguments.first()),
        },
    }
}

fn of_argument(case: &Case<'_>, argument: Option<&Expr>) -> Labels {
    argument.map_or(Labels::Any, |argument| labels_of(case, argument))
}

fn of_selector(case: &Case<'_>, selector: &Selector) -> Labels {
    match case.family(selector) {
        Some((family, part)) if !family.has_more_labels => {
            let mut labels: BTreeSet<String> = family.labels.iter().map(|label| label.name.clone()).collect();
            labels.extend(
                ["le", "quantile"]
                    .iter()
                    .filter(|it| has(case, family, part, it))
                    .map(|it| (*it).to_owned()),
            );
            // What is matched was looked at for itself.
            labels.extend(selector.matchers.iter().map(|matcher| matcher.label.clone()));
            Labels::These(labels)
        }
        _ => Labels::Any,
    }
}

fn of_aggregate(case: &Case<'_>, aggregate: &Aggregate) -> Labels {
    let keeps_series = matches!(aggregate.op.as_str(), "topk" | "bottomk" | "limitk" | "limit_ratio");
    match &aggregate.grouping {
        _ if keeps_series => labels_of(case, &aggregate.inner),
        _ if aggregate.op == "count_values" => Labels::Any,
        Grouping::All => Labels::These(BTreeSet::new()),
        Grouping::By(labels) if labels.iter().any(|label| label.name.contains(['$', '['])) => Labels::Any,
        Grouping::By(labels) => Labels::These(labels.iter().map(|label| label.name.clone()).collect()),
        Grouping::Without(dropped) => match labels_of(case, &aggregate.inner) {
            Labels::Any => Labels::Any,
            Labels::These(mut labels) => {
                for label in dropped {
                    labels.remove(&label.name);
                }
                Labels::These(labels)
            }
        },
    }
}

/// Of two vectors the result has labels of one, and those that are included from the other: both together at most.
fn of_binary(case: &Case<'_>, binary: &Binary) -> Labels {
    match (labels_of(case, &binary.left), labels_of(case, &binary.right)) {
        (Labels::These(mut left), Labels::These(right)) => {
            left.extend(right);
            left.extend(binary.included.iter().map(|label| label.name.clone()));
            Labels::These(left)
        }
        _ => Labels::Any,
    }
}
