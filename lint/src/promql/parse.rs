//! Tokens to the tree: precedence climbing, as in Prometheus' grammar.

use super::functions;
use super::token::{Kind, Misread, Token, seconds, tokens, variable};
use super::tree::{Aggregate, Binary, Call, Expr, Grouping, Label, Node};

/// Who reads the expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Prometheus itself, from a rule file.
    Prometheus,
    /// Grafana, which fills in its variables before.
    Grafana,
}

/// Parts within parts. Real queries have about 20; reading recurses, so this also bounds the stack.
const DEPTH_MAX: usize = 100;

/// Words and signs of one expression. Real ones have some hundreds; a chain of operators makes a tree as deep as it is
/// long, and who looks through that recurses as well.
const TOKENS_MAX: usize = 2_000;

/// Reads an expression.
pub(crate) fn parse(text: &str, dialect: Dialect) -> Result<Expr, Misread> {
    let tokens = tokens(text)?;
    if let Some(token) = tokens.get(TOKENS_MAX) {
        let words = format!("more than {TOKENS_MAX} words and signs in one expression");
        return Err(Misread::new(words, token.span.clone()));
    }
    let mut parser = Parser {
        text,
        dialect,
        tokens,
        at: 0,
        depth: 0,
    };
    let expr = parser.binary(0)?;
    match parser.peek().kind {
        Kind::End => Ok(expr),
        _ => Err(parser.unexpected("an operator or the end of the expression")),
    }
}

/// Operators by how tightly they bind; `^` binds to the right.
const OPERATORS: &[(&str, u8)] = &[
    ("or", 1),
    ("and", 2),
    ("unless", 2),
    ("==", 3),
    ("!=", 3),
    ("<=", 3),
    (">=", 3),
    ("<", 3),
    (">", 3),
    ("+", 4),
    ("-", 4),
    ("*", 5),
    ("/", 5),
    ("%", 5),
    ("atan2", 5),
    ("^", 6),
];

/// A sign binds tighter than all operators but `^`.
const SIGN: u8 = 6;

pub(super) struct Parser<'t> {
    text: &'t str,
    dialect: Dialect,
    tokens: Vec<Token>,
    pub(super) at: usize,
    depth: usize,
}

impl Parser<'_> {
    pub(super) fn peek(&self) -> &Token {
        // The list ends with `End`, and nothing goes beyond it.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    pub(super) fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    pub(super) fn written(&self, token: &Token) -> &str {
        &self.text[token.span.clone()]
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek().kind, Kind::Symbol(found) if found == symbol)
    }

    pub(super) fn take(&mut self, symbol: &str) -> bool {
        let is_there = self.is_symbol(symbol);
        self.at += usize::from(is_there);
        is_there
    }

    fn is_word(&self, word: &str) -> bool {
        self.peek().kind == Kind::Name && self.written(self.peek()).eq_ignore_ascii_case(word)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_there = self.is_word(word);
        self.at += usize::from(is_there);
        is_there
    }

    pub(super) fn expect(&mut self, symbol: &'static str) -> Result<Token, Misread> {
        if self.is_symbol(symbol) {
            return Ok(self.next());
        }
        Err(self.unexpected(&format!("`{symbol}`")))
    }

    pub(super) fn unexpected(&self, wanted: &str) -> Misread {
        let token = self.peek();
        let found = match token.kind {
            Kind::End => "the expression ends".to_owned(),
            _ => format!("{:?} stands", self.written(token)),
        };
        Misread::new(format!("{found} where {wanted} is expected"), token.span.clone())
    }

    fn binary(&mut self, least: u8) -> Result<Expr, Misread> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Misread::new("nested too deeply", self.peek().span.clone()));
        }
        let mut left = self.signed()?;
        while let Some((op, binds)) = self.operator().filter(|(_, binds)| *binds >= least) {
            self.at += 1;
            let (on, included) = self.matching()?;
            let right = self.binary(if op == "^" { binds } else { binds + 1 })?;
            let span = left.span.start..right.span.end;
            let binary = Binary {
                op,
                left: Box::new(left),
                right: Box::new(right),
                included,
                on,
            };
            left = Expr {
                node: Node::Binary(binary),
                span,
            };
        }
        self.depth -= 1;
        Ok(left)
    }

    fn operator(&self) -> Option<(&'static str, u8)> {
        let token = self.peek();
        let written = match token.kind {
            Kind::Symbol(symbol) => symbol.to_owned(),
            Kind::Name => self.written(token).to_ascii_lowercase(),
            _ => return None,
        };
        OPERATORS.iter().find(|(op, _)| *op == written).copied()
    }

    /// `bool`, `on (…)`, `ignoring (…)`, `group_left (…)`, `group_right (…)`.
    fn matching(&mut self) -> Result<(Vec<Label>, Vec<Label>), Misread> {
        self.take_word("bool");
        let mut on = Vec::new();
        let mut included = Vec::new();
        if self.take_word("on") {
            on = self.labels()?;
        } else if self.take_word("ignoring") {
            self.labels()?;
        }
        if (self.take_word("group_left") || self.take_word("group_right")) && self.is_symbol("(") {
            included = self.labels()?;
        }
        Ok((on, included))
    }

    fn labels(&mut self) -> Result<Vec<Label>, Misread> {
        self.expect("(")?;
        let mut labels = Vec::new();
        while !self.take(")") {
            let token = self.next();
            let name = match &token.kind {
                Kind::Name => self.written(&token).to_owned(),
                Kind::Variable => self.variable(&token)?,
                Kind::Text(name) => name.clone(),
                _ => {
                    self.at -= 1;
                    return Err(self.unexpected("the name of a label"));
                }
            };
            labels.push(Label { name, span: token.span });
            // A variable may bring its commas itself: `by (receiver $more)`.
            let beside_variable = token.kind == Kind::Variable || self.peek().kind == Kind::Variable;
            if !self.take(",") && !beside_variable && !self.is_symbol(")") {
                return Err(self.unexpected("`,` or `)`"));
            }
        }
        Ok(labels)
    }

    pub(super) fn variable(&self, token: &Token) -> Result<String, Misread> {
        match self.dialect {
            Dialect::Grafana => Ok(self.written(token).to_owned()),
            Dialect::Prometheus => Err(Misread::new(
                "a variable stands here, and Prometheus has none",
                token.span.clone(),
            )),
        }
    }

    fn signed(&mut self) -> Result<Expr, Misread> {
        let start = self.peek().span.start;
        if self.take("-") {
            let inner = self.binary(SIGN)?;
            let span = start..inner.span.end;
            return Ok(Expr {
                node: Node::Negative(Box::new(inner)),
                span,
            });
        }
        if self.take("+") {
            return self.binary(SIGN);
        }
        let mut expr = self.operand()?;
        loop {
            let span = expr.span.start..self.peek().span.end;
            if self.peek().kind == Kind::Window {
                self.window()?;
                let node = Node::Window(Box::new(expr));
                expr = Expr { node, span };
            } else if self.take_word("offset") {
                self.take("-");
                self.moment("a duration")?;
            } else if self.take("@") {
                self.take("-");
                self.moment("a time")?;
            } else {
                return Ok(expr);
            }
        }
    }

    /// Checks what stands between brackets: `5m`, `1h:5m`, `1h:`, or with variables.
    fn window(&mut self) -> Result<(), Misread> {
        let token = self.next();
        let text = self.written(&token);
        let inner = &text[1..text.len() - 1];
        let bad = |what: &str| Err(Misread::new(what, token.span.clone()));
        if variable_in(inner) {
            return match self.dialect {
                Dialect::Grafana => Ok(()),
                Dialect::Prometheus => bad("a variable stands here, and Prometheus has none"),
            };
        }
        let is_duration = |text: &str| {
            let text = text.trim();
            seconds(text)
                .or_else(|| text.parse().ok())
                .is_some_and(|length| length > 0.0)
        };
        let is_well_formed = match inner.split_once(':') {
            Some((length, step)) => is_duration(length) && (step.trim().is_empty() || is_duration(step)),
            None => is_duration(inner),
        };
        if is_well_formed {
            return Ok(());
        }
        bad("brackets hold a duration, as in [5m], or two, as in [1h:5m]")
    }

    /// What stands behind `offset` and `@`.
    fn moment(&mut self, wanted: &str) -> Result<(), Misread> {
        let token = self.next();
        match token.kind {
            Kind::Number(_) | Kind::Duration(_) => Ok(()),
            Kind::Variable => self.variable(&token).map(drop),
            Kind::Name if matches!(self.written(&token), "start" | "end") => {
                self.expect("(")?;
                self.expect(")").map(drop)
            }
            _ => {
                self.at -= 1;
                Err(self.unexpected(wanted))
            }
        }
    }

    fn operand(&mut self) -> Result<Expr, Misread> {
        let token = self.peek().clone();
        let node = match &token.kind {
            Kind::Number(number) | Kind::Duration(number) => Node::Number(*number),
            Kind::Text(_) => Node::Text,
            Kind::Variable => {
                self.variable(&token)?;
                Node::Variable
            }
            Kind::Symbol("(") => return self.paren(),
            Kind::Symbol("{") => return self.selector(None),
            Kind::Name => return self.named(),
            _ => return Err(self.unexpected("a metric, a function or a number")),
        };
        self.at += 1;
        if node == Node::Variable && self.is_symbol("{") {
            return self.selector(Some(&token));
        }
        if node == Node::Variable && self.is_symbol("(") {
            let function = self.written(&token).to_owned();
            return self.function(&token, function);
        }
        Ok(Expr { node, span: token.span })
    }

    fn paren(&mut self) -> Result<Expr, Misread> {
        let open = self.expect("(")?;
        let inner = self.binary(0)?;
        let close = self.expect(")")?;
        Ok(Expr {
            node: Node::Paren(Box::new(inner)),
            span: open.span.start..close.span.end,
        })
    }

    fn named(&mut self) -> Result<Expr, Misread> {
        let token = self.next();
        let name = self.written(&token).to_owned();
        let lower = name.to_ascii_lowercase();
        let is_number = matches!(lower.as_str(), "inf" | "nan") && !self.is_symbol("{");
        if is_number {
            let number = if lower == "inf" { f64::INFINITY } else { f64::NAN };
            let node = Node::Number(number);
            return Ok(Expr { node, span: token.span });
        }
        let is_grouped = self.is_symbol("(") || self.is_word("by") || self.is_word("without");
        if let Some(takes_parameter) = functions::aggregation(&lower).filter(|_| is_grouped) {
            return self.aggregate(&token, lower, takes_parameter);
        }
        if self.is_symbol("(") {
            return self.function(&token, name);
        }
        self.selector(Some(&token))
    }

    fn aggregate(&mut self, token: &Token, op: String, takes_parameter: bool) -> Result<Expr, Misread> {
        let before = self.grouping()?;
        self.expect("(")?;
        let mut inner = self.binary(0)?;
        if takes_parameter {
            self.expect(",")?;
            inner = self.binary(0)?;
        }
        let close = self.expect(")")?;
        let after = if before == Grouping::All {
            self.grouping()?
        } else {
            before
        };
        let end = self
            .tokens
            .get(self.at - 1)
            .map_or(close.span.end, |last| last.span.end);
        let aggregate = Aggregate {
            op,
            grouping: after,
            inner: Box::new(inner),
        };
        Ok(Expr {
            node: Node::Aggregate(aggregate),
            span: token.span.start..end,
        })
    }

    fn grouping(&mut self) -> Result<Grouping, Misread> {
        if self.take_word("by") {
            return Ok(Grouping::By(self.labels()?));
        }
        if self.take_word("without") {
            return Ok(Grouping::Without(self.labels()?));
        }
        Ok(Grouping::All)
    }

    fn function(&mut self, token: &Token, function: String) -> Result<Expr, Misread> {
        if !functions::exists(&function) && !variable_in(&function) {
            let meant = config::nearest(&function, &functions::all());
            let meant = meant.map_or(String::new(), |name| format!("; did you mean `{name}`?"));
            let what = format!("Prometheus has no function `{function}`{meant}");
            return Err(Misread::new(what, token.span.clone()));
        }
        self.expect("(")?;
        let mut arguments = Vec::new();
        while !self.is_symbol(")") {
            arguments.push(self.binary(0)?);
            if !self.take(",") && !self.is_symbol(")") {
                return Err(self.unexpected("`,` or `)`"));
            }
        }
        let close = self.expect(")")?;
        Ok(Expr {
            node: Node::Call(Call { function, arguments }),
            span: token.span.start..close.span.end,
        })
    }
}

/// Whether a variable of Grafana stands anywhere in it.
pub(super) fn variable_in(text: &str) -> bool {
    text.char_indices()
        .any(|(at, c)| matches!(c, '$' | '[') && variable(&text[at..]).is_some())
}
