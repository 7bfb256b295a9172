//! What only alerts can do wrong.

use config::Diagnostic;

use super::Case;
use crate::knowledge::Unit;
use crate::promql::Node;
use crate::query::Purpose;

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Diagnostic>) {
    let Purpose::Alert { name, waits } = &case.query.purpose else {
        return;
    };
    if !waits {
        let what = "there is no `for`: it fires at the first evaluation, on a single scrape";
        let finding = case.finding("alert-without-for", what, &case.expr.span);
        findings.push(finding.help("add `for: 5m`, or as long as it may stay so without anybody coming"));
    }
    if name.to_lowercase().contains("throttl") {
        findings.extend(temperature(case));
    }
}

fn temperature(case: &Case<'_>) -> Option<Diagnostic> {
    let celsius = Unit::read("Cel")?;
    let mut is_compared = false;
    case.expr.walk(&mut |expr, _| {
        is_compared |= matches!(&expr.node, Node::Binary(binary) if matches!(binary.op, ">" | ">="));
    });
    let selectors = case.expr.selectors();
    let is_temperature = |selector| {
        let family = case.family(selector);
        family.is_some_and(|(family, _)| family.unit.as_ref() == Some(&celsius))
    };
    let all = !selectors.is_empty() && selectors.iter().all(|(_, selector)| is_temperature(selector));
    if !is_compared || !all {
        return None;
    }
    let what = "a temperature does not say whether clocks are lowered";
    let help = "count the time that they are: rate(DCGM_FI_DEV_THERMAL_VIOLATION[5m]) > 0, with the field added to the \
                exporter's list; or name the alert for what it measures";
    Some(
        case.finding("temperature-is-not-throttling", what, &case.expr.span)
            .help(help),
    )
}
