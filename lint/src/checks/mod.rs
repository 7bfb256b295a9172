//! The rules at work: each module looks at one thing in every query.

mod alerts;
mod histograms;
mod labels;
mod names;
mod types;
mod units;
mod value;

use std::collections::HashMap;
use std::ops::Range;

use config::{Diagnostic, Severity};

use crate::knowledge::{Family, Knowledge, Part};
use crate::promql::{Expr, Node, Selector};
use crate::query::Query;
use crate::rule;

/// A query with everything that is known beside it.
pub(crate) struct Case<'c> {
    pub(crate) query: &'c Query,
    pub(crate) expr: &'c Expr,
    pub(crate) knowledge: &'c Knowledge,
    /// What recording rules of the same run store, by name.
    pub(crate) recorded: &'c HashMap<&'c str, &'c Expr>,
    /// Labels that the user's scrape configuration adds.
    pub(crate) labels: &'c [String],
}

/// Everything that is wrong with a query.
pub(crate) fn all(case: &Case<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for unknown in case.query.allowed().filter(|id| rule::rule(id).is_none()) {
        let what = format!("there is no rule {unknown:?} that could be allowed");
        findings.push(case.finding("syntax", &what, &case.expr.span));
    }
    names::check(case, &mut findings);
    types::check(case, &mut findings);
    histograms::check(case, &mut findings);
    labels::check(case, &mut findings);
    units::check(case, &mut findings);
    alerts::check(case, &mut findings);
    findings
}

/// A finding at a part of a query.
pub(crate) fn finding(query: &Query, id: &'static str, what: &str, span: &Range<usize>) -> Diagnostic {
    let severity = rule::rule(id).map_or(Severity::Error, |rule| rule.severity);
    let message = format!("{}: {what}", query.title);
    Diagnostic::new(severity, message).at(&query.place(span)).rule(id)
}

impl<'c> Case<'c> {
    fn finding(&self, id: &'static str, what: &str, span: &Range<usize>) -> Diagnostic {
        finding(self.query, id, what, span)
    }

    /// The text of a part.
    fn written(&self, expr: &Expr) -> &'c str {
        self.query.expr.get(expr.span.clone()).unwrap_or_default()
    }

    /// The family that a selector selects from, when it is one that is exported and not stored by a rule.
    fn family(&self, selector: &Selector) -> Option<(&'c Family, Part)> {
        let name = selector.name.as_deref()?;
        if self.recorded.contains_key(name) {
            return None;
        }
        self.knowledge.meant(name)
    }

    /// What a rule stores under the name that a selector selects.
    fn recorded(&self, selector: &Selector) -> Option<&'c Expr> {
        self.recorded.get(selector.name.as_deref()?).copied()
    }
}

/// The selector below aggregations and parentheses, if there is nothing else.
fn plain_selector(expr: &Expr) -> Option<&Selector> {
    match &expr.bare().node {
        Node::Selector(selector) => Some(selector),
        Node::Aggregate(aggregate) => plain_selector(&aggregate.inner),
        _ => None,
    }
}
