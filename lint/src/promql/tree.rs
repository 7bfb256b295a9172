//! What an expression says, as a tree whose parts know their places.

use std::ops::Range;

/// A part of a query.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expr {
    pub(crate) node: Node,
    /// Bytes of the query's text.
    pub(crate) span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Number(f64),
    Text,
    /// A variable of Grafana: it may be anything.
    Variable,
    Selector(Selector),
    /// `… [5m]`, `… [1h:5m]`.
    Window(Box<Expr>),
    Negative(Box<Expr>),
    Paren(Box<Expr>),
    Binary(Binary),
    Aggregate(Aggregate),
    Call(Call),
}

/// `name{label="value"}`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Selector {
    /// None where the name is given by a pattern or holds a variable.
    pub(crate) name: Option<String>,
    pub(crate) name_span: Range<usize>,
    pub(crate) matchers: Vec<Matcher>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matcher {
    pub(crate) label: String,
    pub(crate) op: &'static str,
    pub(crate) value: String,
    pub(crate) span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Binary {
    pub(crate) op: &'static str,
    pub(crate) left: Box<Expr>,
    pub(crate) right: Box<Expr>,
    /// Labels that `group_left` and `group_right` bring from the other side.
    pub(crate) included: Vec<Label>,
    /// Labels of `on`.
    pub(crate) on: Vec<Label>,
}

/// The name of a label where an expression lists them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Label {
    pub(crate) name: String,
    pub(crate) span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Aggregate {
    pub(crate) op: String,
    pub(crate) grouping: Grouping,
    pub(crate) inner: Box<Expr>,
}

/// Which labels an aggregation keeps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Grouping {
    /// None: there is neither `by` nor `without`.
    All,
    By(Vec<Label>),
    Without(Vec<Label>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) function: String,
    pub(crate) arguments: Vec<Expr>,
}

impl Expr {
    /// Without the parentheses around it.
    pub(crate) fn bare(&self) -> &Self {
        match &self.node {
            Node::Paren(inner) => inner.bare(),
            _ => self,
        }
    }

    /// The parts one level below.
    pub(crate) fn parts(&self) -> Vec<&Self> {
        match &self.node {
            Node::Number(_) | Node::Text | Node::Variable | Node::Selector(_) => Vec::new(),
            Node::Window(inner) | Node::Negative(inner) | Node::Paren(inner) => vec![inner],
            Node::Binary(binary) => vec![&binary.left, &binary.right],
            Node::Aggregate(aggregate) => vec![&aggregate.inner],
            Node::Call(call) => call.arguments.iter().collect(),
        }
    }

    /// Calls `see` with every part and with what encloses it, outermost first.
    pub(crate) fn walk<'e>(&'e self, see: &mut impl FnMut(&'e Self, &[&'e Self])) {
        fn below<'e>(expr: &'e Expr, around: &mut Vec<&'e Expr>, see: &mut impl FnMut(&'e Expr, &[&'e Expr])) {
            see(expr, around);
            around.push(expr);
            for part in expr.parts() {
                below(part, around, see);
            }
            around.pop();
        }
        below(self, &mut Vec::new(), see);
    }

    /// The selectors in it, in order.
    pub(crate) fn selectors(&self) -> Vec<(&Self, &Selector)> {
        let mut found = Vec::new();
        self.walk(&mut |expr, _| {
            if let Node::Selector(selector) = &expr.node {
                found.push((expr, selector));
            }
        });
        found
    }
}
