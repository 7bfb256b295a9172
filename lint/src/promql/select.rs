//! Selectors: `name{label="value"}`.

use std::ops::Range;

use super::parse::{Parser, variable_in};
use super::token::{Kind, Misread, Token};
use super::tree::{Expr, Matcher, Node, Selector};

impl Parser<'_> {
    pub(super) fn selector(&mut self, name: Option<&Token>) -> Result<Expr, Misread> {
        let mut span = name.map_or(self.peek().span.clone(), |token| token.span.clone());
        let mut selector = Selector {
            name: None,
            name_span: span.clone(),
            matchers: Vec::new(),
        };
        if let Some(token) = name {
            let written = self.written(token);
            if variable_in(written) {
                self.variable(token)?;
            } else {
                selector.name = Some(written.to_owned());
            }
        }
        if self.take("{") {
            while !self.is_symbol("}") {
                self.matcher(&mut selector)?;
                if !self.take(",") && !self.is_symbol("}") {
                    return Err(self.unexpected("`,` or `}`"));
                }
            }
            span.end = self.expect("}")?.span.end;
        }
        let node = Node::Selector(selector);
        Ok(Expr { node, span })
    }

    /// `label="value"`; a name in quotes, as in `{"a.b"}`; a variable that stands for several matchers.
    fn matcher(&mut self, selector: &mut Selector) -> Result<(), Misread> {
        let token = self.next();
        let label = match &token.kind {
            Kind::Name => self.written(&token).to_owned(),
            Kind::Text(name) if self.is_symbol(",") || self.is_symbol("}") => {
                selector.name = Some(name.clone());
                selector.name_span = token.span;
                return Ok(());
            }
            Kind::Text(name) => name.clone(),
            Kind::Variable => {
                self.variable(&token)?;
                if self.is_symbol(",") || self.is_symbol("}") {
                    return Ok(());
                }
                self.written(&token).to_owned()
            }
            _ => {
                self.at -= 1;
                return Err(self.unexpected("the name of a label"));
            }
        };
        let Kind::Symbol(op @ ("=" | "!=" | "=~" | "!~")) = self.peek().kind else {
            return Err(self.unexpected("`=`, `!=`, `=~` or `!~`"));
        };
        self.at += 1;
        let value_token = self.next();
        let value = match &value_token.kind {
            Kind::Text(value) => value.clone(),
            Kind::Variable => self.variable(&value_token)?,
            _ => {
                self.at -= 1;
                return Err(self.unexpected("a value in quotes"));
            }
        };
        let span: Range<usize> = token.span.start..value_token.span.end;
        if label == "__name__" && op == "=" && !variable_in(&value) {
            selector.name = Some(value);
            selector.name_span = value_token.span;
            return Ok(());
        }
        selector.matchers.push(Matcher { label, op, value, span });
        Ok(())
    }
}
